"""Pins: five of one's own twoots at most, shown to whom they may be shown, and in no twoot's way once it is gone."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.crowds import at_once
from tests.services.conftest import SignIn
from twooter.domain.accounts import Viewer
from twooter.domain.actions import MAX_PINS
from twooter.domain.twoots import Card, Draft, Visibility
from twooter.errors import Conflict, Forbidden, NotFound
from twooter.services.house import Services

Write = Callable[..., int]


@pytest.fixture
def ada(join: SignIn) -> Viewer:
    """Sign Ada in, who pins."""
    return join("ada")


@pytest.fixture
def write(services: Services, ada: Viewer) -> Write:
    """Return what publishes a twoot of Ada's and returns its id."""
    return lambda visibility=Visibility.PUBLIC: (
        services.twoots.publish(ada, Draft("hello", visibility=visibility)).twoot.id
    )


def pinned(services: Services, ada: Viewer, viewer: Viewer | None = None) -> list[int]:
    return [card.twoot.id for card in services.pins.of(ada.account_id, viewer)]


def rows(services: Services) -> int:
    return int(services.storage.database.execute_sql("SELECT COUNT(*) FROM pins").fetchone()[0])


def test_what_is_pinned_is_shown_the_last_one_first_until_it_is_taken_off(
    services: Services, ada: Viewer, write: Write
) -> None:
    first, second = write(), write()
    for id_ in (second, first, second):
        assert services.pins.pin(ada, id_).twoot.id == id_
    assert set(pinned(services, ada)) == {first, second}
    for _ in range(2):
        assert services.pins.unpin(ada, second).twoot.id == second
        assert pinned(services, ada) == [first]


def test_only_five_are_pinned_however_many_try_at_once(services: Services, ada: Viewer, write: Write) -> None:
    ids = [write() for _ in range(8)]
    found = at_once(services.storage, [partial(services.pins.pin, ada, id_) for id_ in ids])
    refused = [each for each in found if isinstance(each, Conflict)]
    assert len(refused) == 8 - MAX_PINS, found
    assert {refusal.code for refusal in refused} == {"too_many_pins"}
    there = {each.twoot.id for each in found if isinstance(each, Card)}
    assert set(pinned(services, ada)) == there
    assert services.pins.pin(ada, min(there)).twoot.id == min(there)
    assert rows(services) == MAX_PINS


def test_what_is_gone_takes_no_place(services: Services, ada: Viewer, write: Write) -> None:
    ids = [write() for _ in range(MAX_PINS + 2)]
    for id_ in ids[:MAX_PINS]:
        services.pins.pin(ada, id_)
    for id_ in ids[:2]:
        services.twoots.delete(ada, id_)
    assert set(pinned(services, ada)) == set(ids[2:MAX_PINS])
    for id_ in ids[MAX_PINS:]:
        services.pins.pin(ada, id_)
    assert set(pinned(services, ada)) == set(ids[2:])
    assert rows(services) == MAX_PINS


def test_only_ones_own_can_be_pinned(services: Services, ada: Viewer, write: Write, join: SignIn) -> None:
    bob, id_ = join("bob"), write()
    hidden = write(Visibility.FOLLOWERS)
    for do in (services.pins.pin, services.pins.unpin):
        with pytest.raises(Forbidden):
            do(bob, id_)
        for nothing in (hidden, 7):
            with pytest.raises(NotFound):
                do(bob, nothing)


def test_pins_are_shown_to_whom_the_twoot_is_shown(
    services: Services, ada: Viewer, write: Write, join: SignIn
) -> None:
    bob, shown, hidden = join("bob"), write(), write(Visibility.FOLLOWERS)
    for id_ in (shown, hidden):
        services.pins.pin(ada, id_)
    assert set(pinned(services, ada, ada)) == {shown, hidden}
    assert pinned(services, ada, bob) == pinned(services, ada) == [shown]
    values = f"({ada.account_id}, {bob.account_id}, 1)"
    services.storage.database.execute_sql(f"INSERT INTO blocks VALUES {values}")  # noqa: S608 - ids of the two accounts
    for viewer_id, viewer in ((ada.account_id, bob), (7, None)):
        with pytest.raises(NotFound):
            services.pins.of(viewer_id, viewer)
