"""Home timelines while their Redis is gone, frozen or emptied: the database answers, and nothing is missing later."""

import secrets
import time
from collections.abc import Callable, Iterator

import pytest

from tests import servers
from tests.databases import MysqlDatabase
from tests.faults.apps import App
from tests.faults.clients import Client, Member
from tests.faults.test_broken_caches import SOON_SECONDS, Repair, empty, freeze, kill, leave, starve
from tests.faults.truths import Truth
from tests.processes import Server, wait_until

pytestmark = pytest.mark.timeout(
    300
)  # several processes start and wait for each other, on a busy machine too

HOME = "/v1/timelines/home?limit=100"


@pytest.fixture(scope="module")
def cache() -> Iterator[Server]:
    """Start a Redis to be attacked; each test leaves it working."""
    with servers.started(servers.redis) as server:
        yield server


@pytest.fixture(scope="module")
def url(mariadb_server_url: str, worker_id: str) -> str:
    """Return the database's URL."""
    return MysqlDatabase(mariadb_server_url, f"homes_{worker_id}").url


@pytest.fixture
def truth(app: App, url: str) -> Iterator[Truth]:
    """Return what is looked up behind the application's back."""
    with Truth(url) as looked_up:
        yield looked_up


@pytest.fixture(scope="module")
def app(url: str, cache: Server) -> Iterator[App]:
    """Start the shape of production, its queue in another Redis; what a worker could not do is sent again soon."""
    with (
        servers.started(servers.redis) as broker,
        App.production(url, broker.url, TWOOTER_CACHE_URL=cache.url, TWOOTER_RESEND_SECONDS="1") as started,
    ):
        yield started


def home(client: Client, member: Member) -> list[str]:
    began = time.monotonic()
    answer = client.call("GET", HOME, token=member.token)
    assert answer.status == 200, answer
    assert time.monotonic() - began < SOON_SECONDS
    return [item["id"] for item in answer.json["items"]]


def newest(ids: list[str]) -> list[str]:
    """Return ids, the newest first: two processes' clocks may be some milliseconds apart."""
    return sorted(ids, key=int, reverse=True)


@pytest.mark.parametrize("attack", [leave, freeze, kill, empty, starve])
def test_a_home_timeline_is_whole_during_and_after(
    attack: Callable[[Server], Repair], app: App, truth: Truth, cache: Server
) -> None:
    client = Client(app.port)
    reader, writer = (client.sign_up(f"u{secrets.token_hex(6)}") for _ in range(2))
    assert client.call("PUT", f"/v1/accounts/{writer.id}/follow", token=reader.token).status == 200
    written = [client.publish(writer, "before")]
    wait_until(lambda: home(client, reader) == written, seconds=30, what="the first twoot")
    repair = attack(cache)
    written += [client.publish(who, "meanwhile") for who in (writer, reader, writer)]
    wait_until(lambda: home(client, reader) == newest(written), seconds=30, what="what was written meanwhile")
    repair()
    written.append(client.publish(writer, "after"))
    # what Redis did not take from a request in time, the fan-out has brought when every event is at its consumers
    truth.settle()
    wait_until(lambda: home(client, reader) == newest(written), seconds=60, what="everything")
    assert client.call("DELETE", f"/v1/accounts/{writer.id}/follow", token=reader.token).status in (200, 204)
    assert home(client, reader) == [written[2]]
