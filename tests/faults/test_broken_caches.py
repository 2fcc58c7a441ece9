"""Caches gone, frozen, emptied and evicting: pages come from the database, and never show what was deleted."""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import redis

from tests import servers
from tests.databases import MysqlDatabase
from tests.faults.apps import App
from tests.faults.clients import Client, Member
from tests.faults.doors import Door, doors
from tests.processes import Server, wait_until

pytestmark = pytest.mark.timeout(
    300
)  # several processes start and wait for each other, on a busy machine too

SOON_SECONDS = 5
"""Far above what a request costs without a cache, far below what one costs that waits for a cache."""
Repair = Callable[[], object]


@pytest.fixture(scope="module")
def cache() -> Iterator[Server]:
    """Start a Redis to be attacked; each test leaves it working."""
    with servers.started(servers.redis) as server:
        yield server


@pytest.fixture(scope="module")
def app(mariadb_server_url: str, worker_id: str, cache: Server) -> Iterator[App]:
    """Start a web server of two processes with that cache; it asks no broker anything."""
    url = MysqlDatabase(mariadb_server_url, f"caches_{worker_id}").url
    with App.production(url, "redis://127.0.0.1:1", parts=("api",), TWOOTER_CACHE_URL=cache.url) as started:
        yield started


@pytest.fixture
def member(app: App) -> Member:
    """Return an account of this test."""
    return Client(app.port).sign_up(f"u{secrets.token_hex(6)}")


def leave(_: Server) -> Repair:
    return lambda: None


def freeze(cache: Server) -> Repair:
    cache.freeze()
    return cache.thaw


def kill(cache: Server) -> Repair:
    cache.kill()
    return cache.restart


def empty(cache: Server) -> Repair:
    with redis.Redis.from_url(cache.url) as client:
        client.flushall()
    return lambda: None


def starve(cache: Server) -> Repair:
    """Leave the cache less memory than it needs for nothing at all: it evicts everything and refuses what is new."""
    with redis.Redis.from_url(cache.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", "1mb")

    def feed() -> None:
        with redis.Redis.from_url(cache.url) as client:
            client.config_set("maxmemory", "0")

    return feed


ATTACKS = pytest.mark.parametrize("attack", [leave, freeze, kill, empty, starve])


def pages(member: Member) -> list[str]:
    """Return every address that shows a public twoot of this member with the hashtag."""
    return [
        "/v1/timelines/public",
        "/v1/timelines/public?limit=3",
        "/v1/timelines/tags/gone",
        f"/v1/accounts/{member.id}/twoots",
        "/messages",
        "/messages?tag=gone",
    ]


def shown(door: Door, member: Member) -> dict[str, set[str]]:
    """Return by address the ids of the twoots that a worker shows, to anybody and to the member."""
    found = {}
    for token in (None, member.token):
        for page in pages(member):
            status, body = door.get(page, token)
            assert status == 200, body
            rows = body if isinstance(body, list) else body["items"]
            found[f"{page} {token is not None}"] = {row["id"] for row in rows}
    return found


def everywhere(door: Door, member: Member, twoot: str) -> bool:
    """Return whether every page shows a twoot."""
    return all(twoot in ids for ids in shown(door, member).values())


@ATTACKS
def test_a_deleted_twoot_is_shown_nowhere_from_the_answer_on(
    attack: Callable[[Server], Repair], app: App, cache: Server, member: Member
) -> None:
    client = Client(app.port)
    client.publish(member, "#gone stays")
    with doors(app) as workers:
        for _ in range(2):
            twoot = client.publish(member, "#gone goes")
            for worker in workers:
                shown(worker, member)  # nothing has a version yet
                # where the cache did not confirm in its 50 ms, what is new may come a second later
                wait_until(partial(everywhere, worker, member, twoot), seconds=10, what="the twoot")
            repair = attack(cache)
            began = time.monotonic()
            assert client.call("DELETE", f"/v1/twoots/{twoot}", token=member.token).status == 204
            assert time.monotonic() - began < SOON_SECONDS
            for worker in workers:
                assert not any(twoot in ids for ids in shown(worker, member).values())
                assert worker.get(f"/v1/twoots/{twoot}")[0] == 404
            repair()
            for worker in workers:
                assert not any(twoot in ids for ids in shown(worker, member).values())


def test_a_worker_that_lost_the_cache_alone_waits_for_the_pages_of_the_other(
    app: App, cache: Server, member: Member
) -> None:
    client = Client(app.port)
    with doors(app) as (lonely, other):
        for _ in range(5):
            twoot = client.publish(member, "#gone goes")
            shown(other, member)
            cache.freeze()
            lonely.get("/v1/timelines/public")  # does without the cache for a second from now on
            cache.thaw()
            shown(other, member)
            assert lonely.delete(f"/v1/twoots/{twoot}", member.token) == 204
            assert not any(twoot in ids for ids in shown(other, member).values())


@ATTACKS
def test_reads_and_writes_go_on_without_a_cache(
    attack: Callable[[Server], Repair], app: App, cache: Server, member: Member
) -> None:
    client = Client(app.port)
    with doors(app) as workers:
        for worker in workers:
            shown(worker, member)
        repair = attack(cache)
        for act in (lambda: None, repair):
            act()
            slowest = 0.0
            for _ in range(5):
                began = time.monotonic()
                twoot = client.publish(member, "#gone here")
                assert client.sign_in(member.username)
                slowest = max(slowest, time.monotonic() - began)
                for worker in workers:
                    began = time.monotonic()
                    assert worker.get(f"/v1/twoots/{twoot}")[0] == 200
                    worker.get("/v1/timelines/public")
                    slowest = max(slowest, time.monotonic() - began)
            assert slowest < SOON_SECONDS
        for worker in workers:
            wait_until(  # a page may be a second old where its version could not be moved
                lambda worker=worker: all(twoot in ids for ids in shown(worker, member).values()),  # type: ignore[misc]  # a default binds the loop's variable
                seconds=30,
                what="the newest twoot on every page",
            )


def counted(app: App, series: str) -> int:
    """Return a counter of the web server, all processes together."""
    port = int(app.ops_url.rpartition(":")[2])
    text = Client(port).call("GET", "/metrics").body.decode()
    match = re.search(rf"^{re.escape(series)} ([0-9.e+]+)$", text, re.MULTILINE)
    return int(float(match[1])) if match else 0


def renders(app: App) -> int:
    """Return how often a page of the public timeline was read from the database."""
    return counted(app, 'twooter_query_seconds_count{statement="public_page"}')


def misses(app: App) -> int:
    """Return how often the cache did not answer in time; a process then leaves it alone for a second."""
    return counted(app, 'twooter_cache_lookups_total{cache="redis",outcome="error"}')


def keeps_pages(app: App, workers: list[Door]) -> bool:
    """Tell whether each worker reads once at most for three answers: it has found the cache again."""
    before = renders(app)
    for worker in workers:
        for _ in range(3):
            worker.get("/v1/timelines/public")
    return renders(app) - before <= len(workers)


def test_a_cache_that_comes_back_empty_brings_no_stampede(app: App, cache: Server, member: Member) -> None:
    client = Client(app.port)
    client.publish(member, "#gone one")

    def read(count: int) -> None:
        door = Door(app.port)
        for _ in range(count):
            assert door.get("/v1/timelines/public")[0] == 200
        door.close()

    for _ in range(20):
        with doors(app) as workers:
            wait_until(lambda workers=workers: keeps_pages(app, workers), seconds=30, what="kept pages")  # type: ignore[misc]  # a default binds the loop's variable
        empty(cache)
        before, missed, began = renders(app), misses(app), time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            for future in [pool.submit(read, 100) for _ in range(8)]:
                future.result()
        seconds = time.monotonic() - began
        if misses(app) == missed:  # else the cache has not come back: on a busy machine it may be slow
            break
    # those that find no version, at most one of each thread; then one a second and process
    assert misses(app) == missed
    assert renders(app) - before <= 8 + 2 * (seconds + 2)
