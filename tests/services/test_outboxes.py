"""The outbox hands every event to every consumer that wants it, however many relays there are."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from tests.houses import opened
from tests.services.happenings import History, rows
from twooter.domain.accounts import Viewer
from twooter.domain.clients import Client
from twooter.domain.events import DeletionEvent, MailEvent, TransferEvent
from twooter.domain.twoots import Draft
from twooter.metrics import OUTBOX_AGE
from twooter.services import outboxes
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.storage import outbox
from twooter.storage.database import Session
from twooter.storage.outbox import Delivery
from twooter.storage.tables import Batches, Deliveries, Outbox

Drain = Callable[[], None]


def fill(services: Services, count: int) -> None:
    """Write so many events, each for one consumer."""
    services.ids.make()  # before the transaction: it may have to lease a node number

    def work(tx: Session) -> None:
        services.outboxes.append_many(tx, 5, [TransferEvent(number, 1, 1) for number in range(count)])

    services.storage.transact(work)


def sealed_events(services: Services) -> Counter[int]:
    """Return how often each event of `fill` is in a batch."""
    payloads = [orjson.loads(bytes(row[0])) for row in rows(services, Batches, "payload")]
    return Counter(event[3] for payload in payloads for event in payload)


def test_an_empty_outbox_makes_no_batch(services: Services) -> None:
    assert services.outboxes.seal() == (0, [])
    assert rows(services, Batches, "id") == []


def test_a_batch_holds_at_most_1000_events_and_nothing_is_left_out(services: Services) -> None:
    fill(services, 2_203)
    assert [services.outboxes.seal()[0] for _ in range(4)] == [1_000, 1_000, 203, 0]
    assert sealed_events(services) == Counter(range(2_203))
    assert rows(services, Outbox, "id") == []


def test_a_batch_goes_to_those_who_want_it(services: Services) -> None:
    history = History(services)
    first = history.publish(history.join(), "first")
    for_every_twoot = {"aggregates", "fanout", "search"}
    assert {d.consumer for d in services.outboxes.seal()[1]} == for_every_twoot
    history.publish(history.join(), "answer", reply_to=first)
    answered = for_every_twoot | {"edges", "threads", "notifications"}
    assert {d.consumer for d in services.outboxes.seal()[1]} == answered

    def others(tx: Session) -> None:
        services.outboxes.append_many(tx, 5, [MailEvent("reset", 5, None), DeletionEvent(5)])

    services.storage.transact(others)
    assert {d.consumer for d in services.outboxes.seal()[1]} == {"mails", "deletions", "fanout"}


def test_an_event_goes_with_the_transaction_that_wrote_it(services: Services) -> None:
    services.ids.make()

    def work(tx: Session) -> None:
        services.outboxes.append_many(tx, 5, [DeletionEvent(1)])
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        services.storage.transact(work)
    assert services.outboxes.seal() == (0, [])


def test_many_relays_at_once_seal_every_event_once(services: Services, settings: Settings) -> None:
    fill(services, 2_000)
    barrier, failures = threading.Barrier(4), list[BaseException]()

    def relay() -> None:
        try:
            with opened(settings) as mine:
                mine.ids.make()
                barrier.wait()
                while mine.outboxes.seal()[0] or rows(mine, Outbox, "id"):
                    pass
        except BaseException as ex:  # noqa: BLE001 - told in the main thread
            failures.append(ex)

    threads = [threading.Thread(target=relay) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sealed_events(services) == Counter(range(2_000))
    assert sum(count for (count,) in rows(services, Batches, "events")) == 2_000


def test_what_the_broker_refuses_was_not_sent_and_is_overdue_at_once(services: Services) -> None:
    fill(services, 1)
    _, deliveries = services.outboxes.seal()

    def refuse(consumer: str, batch_id: int) -> None:
        raise ConnectionError(consumer, batch_id)

    assert not services.outboxes.send(deliveries, refuse)
    assert services.outboxes.overdue() == [Delivery(deliveries[0].batch_id, "transfers", 0)]
    assert services.outboxes.overdue() == []
    assert rows(services, Deliveries, "attempts") == [(1,)]


def test_what_was_sent_long_ago_and_is_not_done_is_sent_again(services: Services) -> None:
    fill(services, 1)
    _, deliveries = services.outboxes.seal()
    sent = list[tuple[str, int]]()
    assert services.outboxes.send(deliveries, lambda *delivery: sent.append(delivery))
    assert sent == [("transfers", deliveries[0].batch_id)]
    assert services.outboxes.overdue() == []
    services.storage.database.execute_sql("UPDATE deliveries SET sent_ms = sent_ms - 3600000")
    assert services.outboxes.overdue() == [Delivery(deliveries[0].batch_id, "transfers", 1)]
    assert services.outboxes.overdue() == []
    assert rows(services, Deliveries, "attempts") == [(2,)]


def test_each_repetition_waits_longer_than_the_one_before(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(services, 1)
    services.outboxes.seal()
    resend_ms, sent_at = services.settings.resend_seconds * 1000, services.ids.now_ms()
    for factor in (1, 2, 4, 8, 8):
        for waited_ms, is_due in ((factor * resend_ms - 5_000, False), (factor * resend_ms + 5_000, True)):
            monkeypatch.setattr(services.ids, "now_ms", lambda at=sent_at + waited_ms: at)
            assert bool(services.outboxes.overdue()) == is_due, factor
        sent_at += waited_ms


def test_what_has_failed_is_tried_again_in_the_usual_time(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(services, 1)
    _, [delivery] = services.outboxes.seal()
    resend_ms, now = services.settings.resend_seconds * 1000, services.ids.now_ms() + 5_000
    for attempts in range(1, services.settings.max_attempts - 1):
        now += resend_ms
        monkeypatch.setattr(services.ids, "now_ms", lambda now=now: now)
        assert services.outboxes.overdue() == [replace(delivery, attempts=attempts)]
        with monkeypatch.context() as broken:
            broken.setitem(services.batches._handlers, delivery.consumer, fail)
            with pytest.raises(ZeroDivisionError):
                services.batches.run(delivery.consumer, delivery.batch_id)
        now += 1_000


def fail(_: object) -> None:
    raise ZeroDivisionError


def test_what_is_done_is_not_sent_again(services: Services) -> None:
    fill(services, 1)
    _, [delivery] = services.outboxes.seal()
    services.batches.run(delivery.consumer, delivery.batch_id)
    services.storage.database.execute_sql("UPDATE deliveries SET sent_ms = 0")
    assert services.outboxes.overdue() == []


def test_the_age_of_the_oldest_event_is_measured(services: Services) -> None:
    services.outboxes.measure()
    assert OUTBOX_AGE._value.get() == 0
    fill(services, 1)
    services.storage.database.execute_sql(f"UPDATE outbox SET id = id - {90_000 << 22}")  # noqa: S608 - a number
    services.outboxes.measure()
    assert OUTBOX_AGE._value.get() == pytest.approx(90, abs=30)


def test_a_relay_seals_sends_and_outlives_a_bad_minute(services: Services) -> None:
    fill(services, outbox.MAX_BATCH + 1)
    sent, waits = list[tuple[str, int]](), list[float]()

    def send(consumer: str, batch_id: int) -> None:
        sent.append((consumer, batch_id))

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 4:
            services.storage.database.execute_sql("ALTER TABLE batches RENAME TO hidden")
            fill(services, 1)
        if len(waits) == 5:
            services.storage.database.execute_sql("ALTER TABLE hidden RENAME TO batches")
        return len(waits) > 5

    outboxes.relay(services.outboxes, send, wait, poll_seconds=0.05)
    assert waits == [0.0, 0.0, 0.05, 0.05, 1.0, 0.05]
    assert [consumer for consumer, _ in sent] == ["transfers"] * 3
    assert len(rows(services, Batches, "id")) == 3


def test_events_gather_for_longer_while_there_are_many(services: Services) -> None:
    waits, arriving = list[float](), iter([1, 10, 29, 30, 1_000, 31, 2])

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        count = next(arriving, None)
        if count is not None:
            fill(services, count)
        return count is None

    outboxes.relay(services.outboxes, lambda *_: None, wait, poll_seconds=0.1)
    assert waits == [0.0, 0.1, 0.3, 0.1, 0.3, 0.0, 0.3, 0.1]
    assert sum(sealed_events(services).values()) == 1 + 10 + 29 + 30 + 1_000 + 31 + 2


def test_while_the_broker_is_away_one_batch_asks_for_it_and_then_all_are_sent(services: Services) -> None:
    tried, sent = list[int](), list[int]()
    rounds, batches = 0, 4

    def send(consumer: str, batch_id: int) -> None:
        tried.append(batch_id)
        if rounds <= 2 * batches:
            raise ConnectionError(consumer)
        sent.append(batch_id)

    def wait(_: float) -> bool:
        nonlocal rounds
        rounds += 1
        if rounds <= batches:
            fill(services, 1)
        return rounds > 2 * batches + 3

    outboxes.relay(services.outboxes, send, wait, poll_seconds=1)
    assert len(tried) - len(sent) <= 3 * batches
    assert Counter(sent) == Counter(row[0] for row in rows(services, Batches, "id"))
    assert rows(services, Deliveries, "attempts") == [(1,)] * batches


FIRST_WRITES: dict[str, Callable[[Services, Viewer, int], object]] = {
    "a deleted twoot": lambda s, viewer, twoot_id: s.twoots.delete(viewer, twoot_id),
    "a deleted account": lambda s, viewer, _: s.deletions.request(viewer),
    "a password's reset": lambda s, *_: s.passwords.request_reset("ann@example.com", Client("192.0.2.1")),
    "another confirmation": lambda s, viewer, _: s.confirmations.send_again(viewer, Client("192.0.2.1")),
}


@pytest.mark.parametrize("first", FIRST_WRITES)
def test_whatever_a_process_writes_first_needs_no_lease_before(
    services: Services, join: Callable[[str], Viewer], first: str
) -> None:
    viewer = join("ann")
    twoot_id = services.twoots.publish(viewer, Draft("Here")).twoot.id
    services.ids.release()
    before = len(rows(services, Outbox, "id"))
    FIRST_WRITES[first](services, viewer, twoot_id)
    assert len(rows(services, Outbox, "id")) == before + 1
