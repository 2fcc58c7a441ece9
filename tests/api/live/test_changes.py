"""What one hears of what was there: edits, deletions, what moderators hide; only of what one may have seen."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.live.conftest import Person
from tests.listeners import Listener
from tests.outbox import drain
from tests.queries import recorded
from twooter.domain.accounts import Role
from twooter.domain.actions import Kind
from twooter.domain.polls import Poll
from twooter.domain.streams import CHANGED, News, Pointer, Position
from twooter.domain.twoots import Visibility
from twooter.services.edits import Change
from twooter.services.house import Services

Meet = Callable[[str], Person]


@pytest.fixture
def edit(services: Services) -> Callable[[Person, int, str], None]:
    """Return what lets somebody say something else, and workers do their part."""

    def said(person: Person, twoot_id: int, text: str) -> None:
        services.edits.edit(person.viewer, twoot_id, Change(text=text))
        drain(services)

    return said


@pytest.fixture
def delete(services: Services) -> Callable[[Person, int], None]:
    """Return what lets somebody delete a twoot, and workers do their part."""

    def gone(person: Person, twoot_id: int) -> None:
        services.twoots.delete(person.viewer, twoot_id)
        drain(services)

    return gone


Edit = Callable[[Person, int, str], None]
Delete = Callable[[Person, int], None]


@pytest.fixture
def moderator(person: Meet, services: Services) -> Person:
    """Return who moderates."""
    made = person("mod")
    services.accounts.promote("mod", Role.MODERATOR)
    return made


def heard(listener: Listener, count: int) -> list[tuple[str, Any]]:
    """Return names and ids of the next events."""
    events = [listener.next() for _ in range(count)]
    return [(event.name, int(event.data["id"])) for event in events if event is not None]


def test_edits_and_deletions_are_heard_on_each_topic_that_had_the_twoot(
    ada: Person, ben: Person, edit: Edit, delete: Delete
) -> None:
    ada.follow(ben)
    twoot = ben.write("One. #tea")
    with (
        ada.listen("home") as home,
        ada.listen("public") as public,
        ada.listen("tag:tea") as tea,
        ada.listen("tag:jam") as jam,
        ada.listen("tag:toast") as toast,
    ):
        for text in ("Two. #jam", "Three. #jam"):
            edit(ben, twoot.id, text)
            for listener in (
                home,
                public,
                jam,
            ):  # before the next change: what is said is what holds when it is sent
                told = listener.next()
                assert told is not None
                assert (told.name, told.data["text"]) == ("twoot.updated", text)
                assert told.data["viewer"] == {"liked": False, "retwooted": False, "bookmarked": False}
        told = tea.next()
        assert told is not None
        assert (told.name, told.data["hashtags"]) == ("twoot.updated", ["jam"])
        delete(ben, twoot.id)
        last = ben.write("Last. #tea #toast")
        for listener in (home, public, jam):
            told = listener.next()
            assert told is not None
            assert (told.name, told.data) == ("twoot.deleted", {"id": str(twoot.id)})
        assert heard(tea, 1) == [("tag:tea", last.id)]
        assert heard(toast, 1) == [("tag:toast", last.id)]


def test_who_comes_back_hears_what_changed_meanwhile_and_of_what_went_its_id_alone(
    ada: Person, ben: Person, edit: Edit, delete: Delete
) -> None:
    ada.follow(ben)
    kept, gone = ben.write("Kept."), ben.write("Gone.")
    with ada.listen("home") as listener:
        begins = listener.begins
    edit(ben, kept.id, "Kept, and changed.")
    edit(ben, gone.id, "Not for long.")
    delete(ben, gone.id)
    with ada.listen("home", headers={"Last-Event-ID": str(begins)}) as listener:
        events = [listener.next() for _ in range(3)]
    told = [(event.name, event.data) for event in events if event is not None]
    assert [name for name, _ in told] == ["twoot.updated", "twoot.deleted", "twoot.deleted"]
    assert told[0][1]["text"] == "Kept, and changed."
    assert told[1][1] == told[2][1] == {"id": str(gone.id)}


@pytest.mark.parametrize("visibility", [Visibility.UNLISTED, Visibility.FOLLOWERS, Visibility.MENTIONED])
def test_what_is_not_for_everybody_changes_for_those_alone_who_may_see_it(
    ada: Person, ben: Person, person: Meet, edit: Edit, delete: Delete, visibility: Visibility
) -> None:
    cho = person("cho")
    ada.follow(ben)
    twoot = ben.write("For @cho. #tea", visibility=visibility)
    with (
        ada.listen("home,public,tag:tea") as follower,
        ben.listen("home") as author,
        cho.listen("home,public,tag:tea,notifications") as mentioned,
    ):
        edit(ben, twoot.id, "For @cho, again. #tea")
        delete(ben, twoot.id)
        last = ben.write("Last.")
        changes = [("twoot.deleted", twoot.id)] * 2 + [("twoot.updated", twoot.id)] * 2
        known = [] if visibility is Visibility.MENTIONED else changes
        assert set(heard(follower, 2 if not known else 3)) <= {*known, ("home", last.id), ("public", last.id)}
        assert heard(author, 2)[-1] == ("twoot.deleted", twoot.id)
        assert heard(mentioned, 3)[1:] == [("twoot.deleted", twoot.id), ("public", last.id)]


def test_of_whom_one_mutes_or_a_block_parts_one_from_nothing_changes(
    ada: Person, ben: Person, person: Meet, services: Services, edit: Edit, delete: Delete
) -> None:
    cho, dan = person("cho"), person("dan")
    twoots = [(one, one.write("Once.")) for one in (ben, cho, dan)]
    with ada.listen("public") as listener:
        services.blocks.block(ben.viewer, ada.id)
        services.blocks.block(ada.viewer, cho.id)
        services.relationships.mute(ada.viewer, dan.id, seconds=None)
        for one, twoot in twoots:
            edit(one, twoot.id, "Twice.")
            delete(one, twoot.id)
        last = person("eve").write("Last.")
        assert heard(listener, 1) == [("public", last.id)]


def test_what_moderators_hide_is_deleted_for_all_but_its_author_and_comes_back(
    ada: Person, ben: Person, moderator: Person, services: Services
) -> None:
    twoot = ben.write("Rude.")
    with ada.listen("public") as adas, ben.listen("home") as bens:
        services.moderation.hide(moderator.viewer, twoot.id, "Rude.")
        drain(services)
        hidden, own = adas.next(), bens.next()
        services.moderation.show(moderator.viewer, twoot.id)
        drain(services)
        shown = adas.next()
    assert hidden is not None
    assert own is not None
    assert shown is not None
    assert (hidden.name, hidden.data) == ("twoot.deleted", {"id": str(twoot.id)})
    assert (own.name, own.data["moderation"]) == ("twoot.updated", "hidden")
    assert (shown.name, shown.data["text"]) == ("twoot.updated", "Rude.")


def test_an_account_that_is_suspended_or_deleted_is_told_of_once_whatever_it_wrote(
    ada: Person, ben: Person, person: Meet, services: Services
) -> None:
    cho = person("cho")
    ada.follow(ben)
    for _ in range(3):
        ben.write()
    with ada.listen("tag:nothing,home") as listener:
        services.accounts.suspend("ben")
        drain(services)
        services.deletions.request(cho.viewer)
        drain(services)
        mine = ada.write("Mine.")
        assert heard(listener, 3) == [
            ("account.deleted", ben.id),
            ("account.deleted", cho.id),
            ("home", mine.id),
        ]


def test_a_retwoot_that_is_taken_back_is_gone_by_its_own_id(
    ada: Person, ben: Person, person: Meet, services: Services
) -> None:
    twoot = person("cho").write("Pass me on.")
    ada.follow(ben)
    with ada.listen("home") as listener:
        services.actions.act(ben.viewer, Kind.RETWOOT, twoot.id)
        drain(services)
        (row,) = heard(listener, 1)
        services.actions.undo(ben.viewer, Kind.RETWOOT, twoot.id)
        drain(services)
        assert heard(listener, 1) == [("retwoot.deleted", row[1])]


@pytest.mark.parametrize("changes", [{"popular_followers": 1}], indirect=True)
def test_followers_of_the_popular_hear_of_changes_too(
    ada: Person,
    ben: Person,
    person: Meet,
    services: Services,
    delete: Delete,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("twooter.services.popular.AHEAD_MS", 0)
    for one in (ada, person("cho")):
        one.follow(ben)
    ben.write("Two hear me: too many.")
    twoot = ben.write("Popular.")
    with ada.listen("home") as listener:
        assert services.audiences.popular_of(ada.id) == [f"by:{ben.id}"]
        delete(ben, twoot.id)
        assert heard(listener, 1) == [("twoot.deleted", twoot.id)]


def test_under_a_followed_hashtag_a_change_is_heard_once_also_of_whom_one_follows(
    ada: Person, ben: Person, person: Meet, services: Services, delete: Delete
) -> None:
    cho = person("cho")
    ada.follow(ben)
    twoots = [one.write("A cup of #tea.") for one in (cho, ben)]
    services.followed_hashtags.follow(ada.viewer, "tea")
    with ada.listen("home") as listener:
        for one, twoot in zip((cho, ben), twoots, strict=True):
            delete(one, twoot.id)
        last = ada.write("Last.")
        told = [*(("twoot.deleted", twoot.id) for twoot in twoots), ("home", last.id)]
        assert heard(listener, 3) == told


def test_how_a_poll_stands_is_shown_to_those_alone_who_have_voted(
    ada: Person, ben: Person, person: Meet, services: Services, edit: Edit
) -> None:
    cho = person("cho")
    ends_ms = services.ids.now_ms() + 3_600_000
    twoot = ben.write("Tea?", poll=Poll(("yes", "no"), multiple=False, ends_ms=ends_ms))
    services.polls.vote(cho.viewer, twoot.id, [0])
    drain(services)
    with ada.listen("public") as adas, ben.listen("public") as bens, cho.listen("public") as chos:
        edit(ben, twoot.id, "Tea, or coffee?")
        events = [listener.next() for listener in (adas, bens, chos)]
    polls = [event.data["poll"] for event in events if event is not None]
    assert [poll["options"][0]["votes"] for poll in polls] == [None, 1, 1]
    assert [poll["viewer"]["voted"] for poll in polls] == [False, False, True]


def test_a_change_costs_as_many_statements_for_many_as_for_one(
    ada: Person, ben: Person, services: Services, delete: Delete
) -> None:
    kept, gone = ben.write("Kept."), ben.write("Gone.")
    delete(ben, gone.id)
    for twoot in (kept, gone):
        news = News("public", Position(1, 0), Pointer(CHANGED, (twoot.id, ben.id)))
        counts = []
        services.audiences.shown(news, [ada.id])  # what a process has met it asks for otherwise
        for viewer_ids in ([ada.id], [ada.id, *range(1, 190)]):
            with recorded(services.storage) as names:
                assert ada.id in services.audiences.shown(news, viewer_ids)
            counts.append(names)
        assert counts[0] == counts[1]
        assert len(counts[0]) <= 6, counts


def test_who_has_it_by_a_retwoot_hears_of_its_end_too(
    ada: Person, ben: Person, person: Meet, services: Services, edit: Edit, delete: Delete
) -> None:
    cho, dan = person("cho"), person("dan")
    ada.follow(ben)
    twoot, other = cho.write("Pass me on."), cho.write("Not me.")
    services.actions.act(ben.viewer, Kind.RETWOOT, twoot.id)
    services.actions.act(dan.viewer, Kind.RETWOOT, other.id)
    drain(services)
    with ada.listen("home") as adas, ben.listen("home") as bens:
        edit(cho, other.id, "Nor me.")
        edit(cho, twoot.id, "And me.")
        delete(cho, twoot.id)
        for listener in (adas, bens):
            assert heard(listener, 2)[-1] == ("twoot.deleted", twoot.id)
