"""Aggregates end at what the twoots say, however batches are repeated, shuffled, delivered and sealed at once."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from tests.events import count
from tests.houses import opened
from tests.services.happenings import History, actual, expected, rows
from twooter.domain.events import TwootEvent
from twooter.errors import TwooterError, Unavailable
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.storage import crossings
from twooter.storage.database import Session
from twooter.storage.outbox import Delivery
from twooter.storage.tables import HashtagAccounts, Hashtags, HashtagWindows, Outbox, Windows

Drain = Callable[[], None]
Work = Callable[[Services], None]


def together(settings: Settings, works: list[Work]) -> None:
    """Do several things at once, each in a thread with services of its own."""
    failures = list[BaseException]()

    def run(work: Work) -> None:
        try:
            with opened(settings) as mine:
                mine.ids.make()
                work(mine)
        except BaseException as ex:  # noqa: BLE001 - told in the main thread
            failures.append(ex)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def seal_all(services: Services) -> list[Delivery]:
    """Seal what waits; return what is to be delivered."""
    found = list[Delivery]()
    while (sealed := services.outboxes.seal())[0]:
        found += sealed[1]
    return found


def deliver(services: Services, deliveries: list[Delivery]) -> None:
    """Run deliveries; what a busy database refuses comes again at once."""
    for delivery in deliveries:
        for _ in range(20):
            with suppress(Unavailable):
                services.batches.run(delivery.consumer, delivery.batch_id)
                break


@pytest.mark.parametrize("seed", range(4))
def test_random_histories_end_right_when_batches_come_thrice_and_shuffled(
    services: Services, seed: int
) -> None:
    history, rng, deliveries = History(services), random.Random(seed), list[Delivery]()
    for _ in range(4):
        for _ in range(30):
            history.act(rng)
        deliveries += seal_all(services)
    thrice = deliveries * 3
    rng.shuffle(thrice)
    deliver(services, thrice)
    assert actual(services) == expected(services)


@pytest.mark.parametrize("seed", range(2))
def test_writers_relays_and_workers_at_once_end_right(
    services: Services, settings: Settings, seed: int
) -> None:
    history, rng = History(services), random.Random(seed)
    for _ in range(10):
        history.act(rng)
    writing = threading.Event()
    left = [2]

    def write(number: int) -> Work:
        def work(mine: Services) -> None:
            lively, its_rng = History(mine), random.Random(100 * seed + number)
            try:
                for _ in range(60):
                    with suppress(TwooterError):  # a busy SQLite may refuse one
                        lively.act(its_rng)
            finally:
                left[0] -= 1
                if not left[0]:
                    writing.set()

        return work

    def relay(number: int) -> Work:
        def work(mine: Services) -> None:
            its_rng = random.Random(number)
            while not writing.is_set() or rows(mine, Outbox, "id"):
                with suppress(Unavailable):
                    deliveries = mine.outboxes.seal()[1] * 3
                    its_rng.shuffle(deliveries)
                    deliver(mine, deliveries)

        return work

    together(settings, [write(1), write(2), relay(1), relay(2)])
    deliver(services, seal_all(services))
    assert actual(services) == expected(services)
    assert services.audits.audit().amounts == {}


def test_overlapping_batches_applied_at_once_end_exact(services: Services, settings: Settings) -> None:
    """Every batch moves the same hashtags, accounts and windows, in whatever order its events came."""
    rng, now_ms = random.Random(5), services.ids.now_ms()
    tags = [f"tag{number}" for number in range(30)]
    deliveries = list[Delivery]()
    for _ in range(12):
        for _ in range(10):
            count(services, now_ms, *rng.sample(tags, 6), author_id=rng.randrange(3, 9), times=3)
        deliveries += seal_all(services)
    twice = [*deliveries, *reversed(deliveries)]
    together(settings, [partial(deliver, deliveries=part) for part in (twice, twice[::-1], deliveries)])
    assert sum(uses for (uses,) in rows(services, Hashtags, "uses")) == 12 * 10 * 3 * 6
    uses = rows(services, HashtagAccounts, "tag_id", "day_ms", "account_id", "uses")
    everybody = Counter(tag for tag, day, _, by in uses if day == 0 and by > 0)
    assert dict(rows(services, Hashtags, "id", "accounts")) == everybody
    years = [row for row in rows(services, Windows, "unit", "twoots", "version") if row[0] == 5]
    assert years == [(5, 12 * 10 * 3, len({d.batch_id for d in deliveries}))]


def test_a_distinct_account_counts_from_its_first_use_to_its_last(services: Services, drain: Drain) -> None:
    def state() -> tuple[int, int, int]:
        [(uses, accounts)] = rows(services, Hashtags, "uses", "accounts")
        [day] = [row[1] for row in rows(services, HashtagWindows, "unit", "accounts") if row[0] == 3]
        return uses, accounts, day

    now_ms = services.ids.now_ms()
    steps = [
        (5, 1, (1, 1, 1)), (5, 1, (2, 1, 1)), (6, 1, (3, 2, 2)), (5, -1, (2, 2, 2)), (5, -1, (1, 1, 1)),
        (5, 1, (2, 2, 2)), (6, -1, (1, 1, 1)), (5, -1, (0, 0, 0)),
    ]  # fmt: skip
    for author_id, sign, wanted in steps:
        count(services, now_ms, "tea", author_id=author_id, sign=sign)
        drain()
        assert state() == wanted


def test_what_is_taken_back_before_it_came_leaves_nothing(services: Services, drain: Drain) -> None:
    now_ms = services.ids.now_ms()
    for sign in (-1, 1):
        count(services, now_ms, "tea", "rain", author_id=5, sign=sign)
        drain()
    sums = actual(services)
    assert {name: sums[name] for name in sums if name != "written"} == {}


def test_a_batch_of_many_different_amounts_counts_every_account_once(
    services: Services, drain: Drain
) -> None:
    now_ms, rng = services.ids.now_ms(), random.Random(3)
    for _ in range(3):
        for author_id in range(10, 40):
            count(services, now_ms, "tea", author_id=author_id, times=rng.randrange(1, 6))
        drain()
    assert rows(services, Hashtags, "accounts") == [(30,)]
    assert [row[1] for row in rows(services, Windows, "unit", "active_accounts") if row[0] == 3] == [30]


def test_a_batch_of_more_rows_than_a_statement_or_a_packet_holds_counts_every_account_once(
    services: Services, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit, number in {"_STEP": 7, "_ASKED": 3, "_AT_ONCE": 2}.items():
        monkeypatch.setattr(crossings, limit, number)
    now_ms, rng = services.ids.now_ms(), random.Random(5)
    kept = Counter[int]()
    for signs in ((1,), (1, 1, -1), (-1,), (1, -1)):
        for author_id in range(10, 40):
            sign, times = rng.choice(signs), rng.randrange(1, 4)
            count(services, now_ms, "tea", author_id=author_id, times=times, sign=sign)
            kept[author_id] += sign * times
        drain()
        left = sum(uses > 0 for uses in kept.values())
        assert rows(services, Hashtags, "accounts") == [(left,)]
        days = [
            row[1:]
            for row in rows(services, Windows, "unit", "active_accounts", "participants")
            if row[0] == 3
        ]
        assert days == [(left, left)]


def test_batches_of_long_ago_make_no_minutes(services: Services, drain: Drain) -> None:
    count(services, services.ids.now_ms() - 400 * 86_400_000, "tea")
    drain()
    assert {row[0] for row in rows(services, Windows, "unit")} == {3, 4, 5}
    assert {row[0] for row in rows(services, HashtagWindows, "unit")} == {3, 4, 5}


def test_an_event_of_an_unknown_hashtag_takes_no_name_from_anybody(services: Services, drain: Drain) -> None:
    count(services, services.ids.now_ms(), "tea")
    services.ids.make()

    def stray(tx: Session) -> None:
        event = TwootEvent(1, 5, 6, services.ids.now_ms(), (123,), None, None, 1)
        services.outboxes.append(tx, 5, event, request_id=None)

    services.storage.transact(stray)
    drain()
    assert sorted(rows(services, Hashtags, "name", "uses")) == [("", 1), ("tea", 1)]
    assert len(rows(services, Windows, "unit")) == 5
