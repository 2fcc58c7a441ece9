"""Looks: of what a process has met it asks the versions alone, and shows it as it is all the same."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tests import graphs
from tests.outbox import drain
from tests.queries import recorded
from tests.services.conftest import SignIn
from twooter.domain.accounts import Role, Viewer
from twooter.domain.actions import Kind
from twooter.domain.pages import Page
from twooter.domain.twoots import Draft, Item, Retwoot
from twooter.services.cards import Cards
from twooter.services.edits import Change
from twooter.services.homes import Homes
from twooter.services.house import Services
from twooter.services.popular import Popular


@dataclass(frozen=True)
class Scene:
    """A reader who follows Ada, who wrote two twoots, and Bob, who wrote one and passed on Ada's first."""

    services: Services
    reader: Viewer
    ada: Viewer
    bob: Viewer
    first: int
    second: int
    own: int

    def home(self) -> list[Item]:
        return list(self.services.homes.page(self.reader, Page()).items)

    def cards(self) -> dict[int, Item]:
        """Return the twoots at home by their ids, whoever they are there for."""
        found = [item.card if isinstance(item, Retwoot) else item for item in self.home()]
        return {card.twoot.id: card for card in found}


@pytest.fixture
def scene(services: Services, join: SignIn) -> Scene:
    reader, ada, bob = join("reader"), join("ada"), join("bob")
    for other in (ada, bob):
        graphs.follow(services, reader.account_id, other.account_id)
    first, second = (services.twoots.publish(ada, Draft(text)).twoot.id for text in ("first", "second"))
    own = services.twoots.publish(bob, Draft("own")).twoot.id
    services.actions.act(bob, Kind.RETWOOT, first)
    drain(services)
    scene = Scene(services, reader, ada, bob, first, second, own)
    assert set(scene.cards()) == {first, second, own}
    with recorded(services.storage) as names:
        scene.home()
    assert "twoots_moving" in names
    assert "twoots_by_keys" not in names
    return scene


def edited(scene: Scene) -> None:
    scene.services.edits.edit(scene.ada, scene.second, Change("changed", None, None))


def liked(scene: Scene) -> None:
    scene.services.actions.act(scene.bob, Kind.LIKE, scene.second)
    drain(scene.services)


def answered(scene: Scene) -> None:
    scene.services.twoots.publish(scene.bob, Draft("an answer", scene.second))
    drain(scene.services)


def named_anew(scene: Scene) -> None:
    scene.services.accounts.change_profile(scene.ada, display_name="Ada L.", bio=None, protected=None)


def protected(scene: Scene) -> None:
    scene.services.accounts.change_profile(scene.ada, display_name=None, bio=None, protected=True)


def hidden(scene: Scene) -> None:
    scene.services.moderation.hide(judge(scene), scene.second, "Spam.")


def silenced(scene: Scene) -> None:
    scene.services.moderation.silence(judge(scene), scene.ada.account_id, "Spam.")


def suspended(scene: Scene) -> None:
    scene.services.accounts.suspend("ada")


def deleted(scene: Scene) -> None:
    scene.services.twoots.delete(scene.ada, scene.second)


def own_deleted(scene: Scene) -> None:
    """Bob's own twoot is gone, what it passed on is there."""
    scene.services.twoots.delete(scene.bob, scene.own)


def taken_back(scene: Scene) -> None:
    scene.services.actions.undo(scene.bob, Kind.RETWOOT, scene.first)


def blocked(scene: Scene) -> None:
    scene.services.blocks.block(scene.ada, scene.reader.account_id)


def judge(scene: Scene) -> Viewer:
    return replace(scene.bob, role=Role.MODERATOR)


CHANGES: tuple[Callable[[Scene], None], ...] = (
    *(edited, liked, answered, named_anew, protected, hidden, silenced, suspended, deleted, own_deleted),
    *(taken_back, blocked),
)


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_is_shown_by_a_process_that_has_met_it_as_by_one_that_has_not(
    scene: Scene, change: Callable[[Scene], None]
) -> None:
    before = scene.home()
    change(scene)
    services = scene.services
    popular = Popular(services.storage, services.ids, least_followers=10_000)
    elsewhere = Homes(services.storage, Cards(services.storage), popular, None)
    anew = list(elsewhere.page(scene.reader, Page()).items)
    assert scene.home() == anew != before
    assert scene.home() == anew
