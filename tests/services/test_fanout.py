"""Fan-out: every follower that reads has it, once, whatever is repeated, and nothing is lost with Redis away."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from tests import graphs
from tests.processes import Server, wait_until
from tests.services.conftest import SignIn
from tests.services.test_homes import home, publish
from twooter.domain.events import (
    ActionEvent,
    DeletionEvent,
    EditEvent,
    Envelope,
    Event,
    HidingEvent,
    TwootEvent,
)
from twooter.domain.pages import Page
from twooter.errors import Unavailable
from twooter.metrics import HOME_DELIVERIES
from twooter.services import fanout
from twooter.services.house import Services
from twooter.storage import fanouts


@pytest.fixture
def changes(private_redis: Server) -> dict[str, Any]:
    """Ask for a Redis of the test's own, and for an answer on a busy machine."""
    return {"cache_url": SecretStr(private_redis.url), "cache_timeout_seconds": 1.0}


def kept() -> float:
    return float(HOME_DELIVERIES.labels("kept")._value.get())


@pytest.mark.parametrize("page", [1, 4, 100])
def test_every_follower_gets_it_over_many_pages_and_however_often_it_is_pushed(
    services: Services, join: SignIn, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(fanouts, "ACTORS_AT_ONCE", 2)
    monkeypatch.setattr(fanouts, "PAGE", page)
    people = [join(f"reader{n}") for n in range(7)]
    writers = [join(f"writer{n}") for n in range(5)]
    for number, writer in enumerate(writers):
        for reader in people[: number + 3]:
            graphs.follow(services, reader.account_id, writer.account_id)
    for viewer in people:
        home(services.homes, viewer)
    written = [publish(services, writer).id for writer in writers]
    _, deliveries = services.outboxes.seal()
    batch_id = next(found.batch_id for found in deliveries if found.consumer == "fanout")
    before = kept()
    services.batches.run("fanout", batch_id)
    assert kept() == before + len(people)  # what is for the same follower goes to it at once
    services.batches.run("fanout", batch_id)
    for number, viewer in enumerate(people):
        followed = [id_ for at, id_ in enumerate(written) if number < at + 3]
        assert home(services.homes, viewer) == followed[::-1]


def test_with_redis_away_a_batch_waits_and_loses_nothing(
    services: Services, join: SignIn, private_redis: Server, drain: Callable[[], None]
) -> None:
    ada, ben = join("ada"), join("ben")
    graphs.follow(services, ada.account_id, ben.account_id)
    home(services.homes, ada)
    drain()
    private_redis.freeze()
    written = publish(services, ben).id
    _, deliveries = services.outboxes.seal()
    batch_id = next(found.batch_id for found in deliveries if found.consumer == "fanout")
    with pytest.raises(Unavailable):
        services.batches.run("fanout", batch_id)
    assert home(services.homes, ada) == [written]  # from the database
    private_redis.thaw()
    wait_until(lambda: _runs(services, batch_id), seconds=15, what="the batch")
    windows = services.homes._windows
    assert windows is not None
    wait_until(
        lambda: [entry.id for entry in _read(services, ada.account_id)] == [written], seconds=15, what="it"
    )


def _runs(services: Services, batch_id: int) -> bool:
    try:
        services.batches.run("fanout", batch_id)
    except Unavailable:
        return False
    return True


def _read(services: Services, account_id: int) -> Any:
    windows = services.homes._windows
    assert windows is not None
    found = windows.read(account_id, Page())
    return found if isinstance(found, list) else []


def test_without_redis_there_is_nothing_to_do(services: Services) -> None:
    event = TwootEvent(1, 7, 8, 9, (), None, None, 1)
    fanout.Fanout(services.storage, services.homes._popular, None).handle([Envelope(event, 1, None)])


def test_only_what_appears_is_pushed_and_what_goes_is_told() -> None:
    appearing: list[Event] = [
        TwootEvent(1, 7, 8, 9, (), None, None, 1),
        ActionEvent(7, 2, 8, 9, 1, True, 10, "public"),
    ]
    going: list[Event] = [
        TwootEvent(-1, 7, 8, 9, (), None, None, 2),
        ActionEvent(7, 2, 8, 9, 2, False, 10, "public"),
        EditEvent(7, 8, 9, (), (), (), None, "public", 2),
        HidingEvent(7, 8),
        DeletionEvent(7),
    ]
    liking = ActionEvent(7, 1, 8, 9, 1, True, 10, "public")
    assert all(map(fanout.wants, [*appearing, *going]))
    assert not fanout.wants(liking)
    assert [fanout._entry(event) is not None for event in (*appearing, *going)] == [True] * 2 + [False] * 5
