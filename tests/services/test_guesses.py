"""Guesses: what a process remembers of a page saves round trips to the next one, and never shows what is no more."""

from dataclasses import replace

import pytest

from tests import graphs
from tests.queries import recorded
from tests.services.conftest import SignIn
from twooter.domain.accounts import Viewer
from twooter.domain.actions import Kind
from twooter.domain.pages import Page
from twooter.domain.twoots import Draft, Item, Retwoot, Visibility, item_id
from twooter.services.house import Services

LOOKED = ["authors_by_ids", "twoots_moving"]


@pytest.fixture
def people(services: Services, join: SignIn) -> tuple[Viewer, Viewer, Viewer]:
    """Return a reader who follows the second of two others; the first has quoted itself, the second passed it on."""
    reader, ada, bob = join("reader"), join("ada"), join("bob")
    graphs.follow(services, reader.account_id, bob.account_id)
    word = services.twoots.publish(ada, Draft("a word")).twoot
    said = services.twoots.publish(ada, Draft("said", quote_of=word.id)).twoot
    services.actions.act(bob, Kind.RETWOOT, said.id)
    return reader, ada, bob


def home(services: Services, viewer: Viewer) -> list[Item]:
    return list(services.homes.page(viewer, Page()).items)


def test_a_page_that_was_met_is_asked_for_at_once(
    services: Services, people: tuple[Viewer, Viewer, Viewer]
) -> None:
    reader, *_ = people
    first = home(services, reader)
    with recorded(services.storage) as names:
        assert home(services, reader) == first
    assert names[-4:] == [*LOOKED, "ties_at_open_home", "home_retwooted"]
    assert "twoots_by_keys" not in names


def test_what_is_taken_back_or_gone_is_not_shown(
    services: Services, people: tuple[Viewer, Viewer, Viewer]
) -> None:
    reader, ada, bob = people
    (shown,) = home(services, reader)
    assert isinstance(shown, Retwoot)
    assert shown.card.quoted is not None
    services.twoots.delete(ada, shown.card.quoted.twoot.id)
    assert home(services, reader) == [replace(shown, card=replace(shown.card, quoted=None))]
    services.actions.undo(bob, Kind.RETWOOT, shown.card.twoot.id)
    assert home(services, reader) == []


def test_what_was_for_everybody_is_not_when_its_author_protects_itself(
    services: Services, people: tuple[Viewer, Viewer, Viewer]
) -> None:
    reader, ada, bob = people
    own = services.twoots.publish(bob, Draft("own")).twoot
    assert own.id in map(item_id, home(services, reader))
    for writer, left in ((ada, [own.id]), (bob, [own.id])):
        services.accounts.change_profile(writer, display_name=None, bio=None, protected=True)
        for _ in range(2):  # one that guesses wrong, one that knows
            assert list(map(item_id, home(services, reader))) == left  # bob has approved its followers
    graphs.unfollow(services, reader.account_id, bob.account_id)
    assert home(services, reader) == []


def test_followers_read_what_is_for_them_whatever_was_guessed(
    services: Services, people: tuple[Viewer, Viewer, Viewer]
) -> None:
    reader, _, bob = people
    home(services, reader)
    own = services.twoots.publish(bob, Draft("for you", visibility=Visibility.FOLLOWERS)).twoot
    for _ in range(2):
        assert own.id in map(item_id, home(services, reader))
