"""A batch is applied once whatever happens to its deliveries, and one poison event holds nobody up."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import peewee
import pytest

from tests.services.happenings import History, actual, expected, rows
from twooter.domain.events import Envelope, TwootEvent, pack
from twooter.errors import Unavailable
from twooter.metrics import EVENTS_APPLIED, EVENTS_PARKED, FRESHNESS
from twooter.services import aggregates
from twooter.services.batches import Batches
from twooter.services.house import Services
from twooter.services.outboxes import CONSUMERS
from twooter.storage import outbox
from twooter.storage.database import Session
from twooter.storage.tables import Deliveries, Ledger, ParkedEvents, Windows

Drain = Callable[[], None]


def applied(consumer: str) -> float:
    return float(EVENTS_APPLIED.labels(consumer)._value.get())


def delays(consumer: str) -> float:
    return float(sum(bucket.get() for bucket in FRESHNESS.labels(consumer)._buckets))


def seal(services: Services) -> int:
    """Seal what waits; return the batch."""
    _, deliveries = services.outboxes.seal()
    return deliveries[0].batch_id


def states(services: Services) -> dict[str, str]:
    """Return the states of all deliveries, by consumer."""
    return dict(rows(services, Deliveries, "consumer", "state"))


def poison(services: Services, *events: bytes) -> None:
    """Put rows into the outbox as they are."""
    for event in events:
        id_ = services.ids.make()
        mark = services.storage.database.param
        services.storage.database.execute_sql(
            f"INSERT INTO outbox (id, account_id, event) VALUES ({mark}, 1, {mark})",  # noqa: S608 - marks only
            (id_, event),
        )


def twoot_event(services: Services, **changes: Any) -> bytes:  # Any: fields of the event
    """Return a packed event."""
    fields: dict[str, Any] = {  # Any: as above
        "sign": 1, "author_id": 5, "twoot_id": 6, "at_ms": services.ids.now_ms(), "tag_ids": (),
        "parent_id": None, "parent_author_id": None, "version": 1,
    } | changes  # fmt: skip
    return orjson.dumps(pack(Envelope(TwootEvent(**fields), services.ids.now_ms(), "request")))


@pytest.fixture
def sealed(services: Services, drain: Drain) -> int:
    """Return a batch of three twoots that waits for its consumers."""
    history = History(services)
    someone = history.join()
    drain()
    for _ in range(3):
        history.publish(someone, "#tea")
    return seal(services)


def test_a_batch_delivered_thrice_is_applied_and_counted_once(services: Services, sealed: int) -> None:
    before, delays_before = applied("aggregates"), delays("aggregates")
    for _ in range(3):
        services.batches.run("aggregates", sealed)
    assert applied("aggregates") == before + 3
    assert delays("aggregates") == delays_before + 1
    assert actual(services) == expected(services)
    assert (sealed,) in rows(services, Ledger, "batch_id")


def test_a_worker_that_dies_before_the_commit_leaves_nothing_behind(services: Services, sealed: int) -> None:
    class Killed(BaseException):
        pass

    def die(tx: Session, envelopes: Sequence[Envelope]) -> None:
        aggregates.apply(tx, envelopes)
        raise Killed

    dying = Batches(services.storage, services.ids, appliers={"aggregates": die}, handlers={}, max_attempts=5)
    with pytest.raises(Killed):
        dying.run("aggregates", sealed)
    assert (sealed,) not in rows(services, Ledger, "batch_id")
    services.batches.run("aggregates", sealed)
    assert actual(services) == expected(services)


def test_a_worker_that_dies_after_the_commit_has_left_nothing_to_do(
    services: Services, sealed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Batches, "_tell", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            services.batches.run("aggregates", sealed)
    assert states(services)["aggregates"] == outbox.DONE
    services.batches.run("aggregates", sealed)
    assert actual(services) == expected(services)


def test_a_batch_that_was_pruned_is_passed_over(services: Services) -> None:
    services.batches.run("aggregates", 12345)
    assert (12345,) not in rows(services, Ledger, "batch_id")


def resent(services: Services, batch_id: int, consumer: str, times: int) -> None:
    """Note that a batch was sent so often."""
    services.storage.database.execute_sql(
        f"UPDATE deliveries SET attempts = {times} WHERE batch_id = {batch_id} AND consumer = '{consumer}'"  # noqa: S608 - a test's own
    )


POISONS = [b"not json", b"null", b"[]", b'"text"', b"{}", b'[1, null, "nothing"]', b'[1, null, "twoot", "x"]']


def test_poison_is_retried_then_parked_alone_and_once(services: Services, drain: Drain) -> None:
    history = History(services)
    someone = history.join()
    drain()
    history.publish(someone, "before #tea")
    poison(services, *POISONS, twoot_event(services, sign="x"), twoot_event(services, at_ms=2**63 - 1))
    history.publish(someone, "after #tea")
    batch_id, bad = seal(services), len(POISONS) + 2
    parked_before = EVENTS_PARKED.labels("aggregates")._value.get()
    with pytest.raises(ValueError, match="not an event"):
        services.batches.run("aggregates", batch_id)
    assert rows(services, ParkedEvents, "position") == []
    resent(services, batch_id, "aggregates", services.settings.max_attempts)
    for _ in range(2):
        services.batches.run("aggregates", batch_id)
    assert rows(services, ParkedEvents, "consumer", "batch_id", "position") == [
        ("aggregates", batch_id, position) for position in range(1, bad + 1)
    ]
    assert EVENTS_PARKED.labels("aggregates")._value.get() == parked_before + bad
    assert actual(services) == expected(services)
    assert services.audits.audit().amounts == {}


def test_poison_parks_at_every_consumer_and_the_others_flow(services: Services, drain: Drain) -> None:
    history = History(services)
    first = history.publish(history.join(), "first")
    drain()
    poison(services, b"not json")
    history.publish(history.people[0], "second", reply_to=first)
    batch_id = seal(services)
    for consumer in states(services):
        resent(services, batch_id, consumer, services.settings.max_attempts)
        services.batches.run(consumer, batch_id)
    parked = {row[0] for row in rows(services, ParkedEvents, "consumer")}
    assert parked == CONSUMERS.keys()
    assert actual(services) == expected(services)


def test_a_database_that_is_away_parks_nothing(services: Services, sealed: int) -> None:
    def away(_: Sequence[Envelope]) -> None:
        raise Unavailable("Away.")

    batches = Batches(
        services.storage, services.ids, appliers={}, handlers={"aggregates": away}, max_attempts=1
    )
    for _ in range(3):
        with pytest.raises(Unavailable):
            batches.run("aggregates", sealed)
    assert rows(services, ParkedEvents, "position") == []
    assert states(services)["aggregates"] == outbox.PENDING


@pytest.mark.parametrize("error", [1213, 1205])
def test_a_deadlock_restarts_the_whole_transaction(services: Services, sealed: int, error: int) -> None:
    failures = [1, 2]

    def stumble(tx: Session, envelopes: Sequence[Envelope]) -> None:
        aggregates.apply(tx, envelopes)
        if failures:
            failures.pop()
            raise peewee.OperationalError(error, "try again")

    batches = Batches(
        services.storage, services.ids, appliers={"aggregates": stumble}, handlers={}, max_attempts=1
    )
    batches.run("aggregates", sealed)
    assert actual(services) == expected(services)
    assert rows(services, ParkedEvents, "position") == []


def test_a_deadlock_while_poison_is_isolated_restarts_the_whole_transaction(
    services: Services, drain: Drain
) -> None:
    history, failures = History(services), [1]
    someone = history.join()
    drain()
    history.publish(someone, "one #tea")
    poison(services, twoot_event(services, sign="x"))
    history.publish(someone, "two #tea")
    batch_id = seal(services)

    def stumble(tx: Session, envelopes: Sequence[Envelope]) -> None:
        aggregates.apply(tx, envelopes)
        if len(envelopes) == 1 and failures:
            failures.pop()
            raise peewee.OperationalError(1213, "try again")

    batches = Batches(
        services.storage, services.ids, appliers={"aggregates": stumble}, handlers={}, max_attempts=1
    )
    batches.run("aggregates", batch_id)
    assert rows(services, ParkedEvents, "position") == [(1,)]
    assert actual(services) == expected(services)


def test_replayed_events_are_applied_once(services: Services, drain: Drain) -> None:
    history = History(services)
    someone = history.join()
    drain()
    history.publish(someone, "first #tea")
    second = history.publish(someone, "second #tea")
    history.publish(someone, "answer", reply_to=second)
    batch_id = seal(services)

    def refuse(tx: Session, envelopes: Sequence[Envelope]) -> None:
        if any(isinstance(e.event, TwootEvent) and e.event.twoot_id == second for e in envelopes):
            raise RuntimeError("a bug of this version")
        aggregates.apply(tx, envelopes)

    batches = Batches(
        services.storage, services.ids, appliers={"aggregates": refuse}, handlers={}, max_attempts=1
    )
    batches.run("aggregates", batch_id)
    services.batches.run("edges", batch_id)
    [parked] = services.parked.fetch("aggregates")
    assert parked.place == (batch_id, 1)
    assert "a bug of this version" in parked.error
    assert actual(services) != expected(services)
    assert services.audits.audit().amounts == {}
    assert services.parked.replay() == 1
    assert services.parked.replay() == 0
    [delivery] = services.outboxes.overdue()
    assert delivery.consumer == "aggregates"
    for _ in range(2):
        services.batches.run(delivery.consumer, delivery.batch_id)
    assert actual(services) == expected(services)
    assert rows(services, ParkedEvents, "position") == []


def test_many_parked_events_are_replayed_in_batches(services: Services) -> None:
    count = outbox.MAX_BATCH + 3
    packed = [orjson.loads(twoot_event(services)) for _ in range(count)]

    def park(tx: Session) -> None:
        for position, event in enumerate(packed):
            outbox.park(tx, 1, "aggregates", position, event, "broken", 0)

    services.storage.transact(park)
    assert len(services.parked.fetch("aggregates")) == outbox.MAX_BATCH
    assert services.parked.replay(["aggregates"]) == count
    for delivery in services.outboxes.overdue():
        services.batches.run(delivery.consumer, delivery.batch_id)
    assert [row[2] for row in rows(services, Windows, "unit", "start_ms", "twoots") if row[0] == 5] == [count]
