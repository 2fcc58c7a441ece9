"""What is written is read: each event has a consumer, each consumer a queue and hands, each task a caller."""

from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import orjson
import pytest
from celery import Celery

from twooter.broker import ALL_QUEUES, APPLY, QUEUES, create_celery
from twooter.domain.events import (
    AccountEvent,
    ActionEvent,
    DeletionEvent,
    EditEvent,
    Envelope,
    Event,
    FollowAnswerEvent,
    FollowCountEvent,
    FollowEvent,
    HidingEvent,
    MailEvent,
    PollEndEvent,
    RefusalEvent,
    TransferEvent,
    TwootEvent,
    VoteEvent,
    pack,
    unpack,
)
from twooter.services.house import Services
from twooter.services.outboxes import CONSUMERS
from twooter.settings import Settings
from twooter.wiring import wire
from workers import tasks
from workers.schedule import ENTRIES, SCHEDULE

EXAMPLES: tuple[Event, ...] = (
    TwootEvent(1, 7, 8, 9, (1, 2), 3, 4, 1),
    TwootEvent(-1, 7, 8, 9, (), None, None, 2),
    TwootEvent(1, 7, 8, 9, (), None, None, 1, "followers", 3, 4, 5, (6, 7), (3, 4)),
    EditEvent(7, 8, 9, (1,), (2,), (3,), None, "public", 2),
    FollowEvent(7, 8, 1, "active", 9),
    FollowAnswerEvent(8, 7, 1, "none", 9),
    ActionEvent(7, 1, 8, 9, 1, True, 10, "public"),
    FollowCountEvent(1, 7, 9),
    VoteEvent(7, 8, 9, 3, 1, True),
    PollEndEvent(7, 8, (7, 9)),
    RefusalEvent(7, 8, 2),
    AccountEvent(1, 7, 8),
    MailEvent("confirmation", 7, None),
    MailEvent("reset", 7, "ada@example.org"),
    DeletionEvent(7),
    HidingEvent(7, 8),
    HidingEvent(7, 0),
    TransferEvent(7, 1, 8),
)
"""One event of each kind at least; `test_every_kind_has_an_example` asks for those of new kinds."""


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    """Return the services, which connect to nothing here."""
    folder: Path = tmp_path_factory.mktemp("rules")
    return wire(Settings.model_validate({"var_dir": folder}))


@pytest.fixture(scope="module")
def celery(services: Services) -> Celery:
    """Return the application of the workers."""
    app = create_celery(services.settings)
    tasks.register(app, services)
    return app


def registered(celery: Celery) -> set[str]:
    """Return the names of our tasks."""
    return {name for name in celery.tasks if not name.startswith("celery.")}


def test_every_kind_has_an_example() -> None:
    assert {type(event) for event in EXAMPLES} == set(get_args(Event))


def test_every_event_has_a_consumer() -> None:
    for event in EXAMPLES:
        assert [name for name, wants in CONSUMERS.items() if wants(event)], event


def test_every_consumer_wants_something() -> None:
    for name, wants in CONSUMERS.items():
        assert any(wants(event) for event in EXAMPLES), name


def test_every_consumer_has_a_queue_that_is_served() -> None:
    assert QUEUES.keys() == CONSUMERS.keys()
    assert set(QUEUES.values()) <= set(ALL_QUEUES)


def test_every_consumer_has_one_pair_of_hands(services: Services) -> None:
    appliers, handlers = services.batches._appliers.keys(), services.batches._handlers.keys()
    assert not appliers & handlers
    assert appliers | handlers == CONSUMERS.keys()


def test_every_event_survives_its_packing() -> None:
    for event in EXAMPLES:
        envelope = Envelope(event, 10, "request-1")
        assert unpack(orjson.loads(orjson.dumps(pack(envelope)))) == envelope


def test_kinds_are_told_apart() -> None:
    kinds = [kind.kind for kind in get_args(Event)]
    assert len(set(kinds)) == len(kinds)


def test_events_hold_what_json_holds() -> None:
    """A tuple comes back as one; anything else would not be what was written."""
    for kind in get_args(Event):
        hints: dict[str, Any] = get_type_hints(kind)
        for field in fields(kind):
            hint = hints[field.name]
            plain = {int, str, bool, type(None)} >= {hint, *get_args(hint)} - {
                hint if get_args(hint) else None
            }
            assert plain or (get_origin(hint) is tuple and get_args(hint) == (int, ...)), (kind, field.name)


def test_every_task_is_sent_by_relay_or_beat(celery: Celery) -> None:
    assert registered(celery) == {APPLY, *(entry.task for entry in ENTRIES)}


def test_every_entry_of_the_schedule_has_a_task_a_queue_and_a_reason(celery: Celery) -> None:
    assert celery.conf.beat_schedule == SCHEDULE
    assert len(SCHEDULE) == len(ENTRIES)
    for name, entry in SCHEDULE.items():
        assert entry["task"] in registered(celery), name
        assert entry["options"]["queue"] in ALL_QUEUES, name
    for found in ENTRIES:
        assert found.why.endswith("."), found.task
        assert found.every_seconds > 0
