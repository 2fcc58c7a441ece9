"""Edits: what a twoot says changes, what it said is kept, and everything counted from it follows."""

from dataclasses import replace
from functools import partial

import pytest

from tests.crowds import at_once
from tests.outbox import drain
from tests.services.conftest import SignIn
from twooter.domain.accounts import Viewer
from twooter.domain.events import EditEvent, unpack
from twooter.domain.grammar import Hashtag
from twooter.domain.pages import Page
from twooter.domain.twoots import MAX_EDITS, Card, Draft, Message, Visibility
from twooter.domain.windows import Unit
from twooter.errors import Conflict, Forbidden, Invalid, NotFound
from twooter.services.edits import Change
from twooter.services.house import Services
from twooter.storage import pending


@pytest.fixture
def ada(join: SignIn) -> Viewer:
    """Sign in somebody who writes and changes her mind."""
    return join("ada")


def uses(services: Services, name: str) -> tuple[int, int]:
    """Return how often a hashtag was used, and by how many accounts."""
    found = services.histories.get(name, Unit.DAY, None, None)
    return found.uses, found.accounts


def tagged(services: Services, name: str) -> list[int]:
    """Return what is on a hashtag's timeline."""
    return [card.twoot.id for card in services.timelines.hashtag(name, Page()).items]


def test_an_edit_changes_the_text_and_keeps_the_former(services: Services, ada: Viewer) -> None:
    id_ = services.twoots.publish(ada, Draft("frist", language="en")).twoot.id
    card = services.edits.edit(ada, id_, Change(text="first"))
    assert (card.twoot.text, card.twoot.version, card.twoot.language) == ("first", 2, "en")
    assert card.twoot.edited_ms is not None
    assert services.twoots.get(id_, ada) == card
    services.edits.edit(ada, id_, Change(content_warning="a mistake"))
    said = [(edit.version, edit.text, edit.content_warning) for edit in services.edits.history(id_, None)]
    assert said == [(3, "first", "a mistake"), (2, "first", None), (1, "frist", None)]
    written = [edit.written_ms for edit in services.edits.history(id_, None)]
    assert written == sorted(written, reverse=True)


def test_hashtags_counts_and_timelines_follow_an_edit(services: Services, ada: Viewer) -> None:
    id_ = services.twoots.publish(ada, Draft("#tea and #toast")).twoot.id
    drain(services)
    services.edits.edit(ada, id_, Change(text="#toast and #jam"))
    assert (tagged(services, "tea"), tagged(services, "toast"), tagged(services, "jam")) == ([], [id_], [id_])
    drain(services)
    assert (uses(services, "tea"), uses(services, "toast"), uses(services, "jam")) == ((0, 0), (1, 1), (1, 1))
    assert services.audits.audit().amounts == {}
    services.twoots.delete(ada, id_)
    drain(services)
    assert [uses(services, name) for name in ("tea", "toast", "jam")] == [(0, 0)] * 3
    assert services.audits.audit().amounts == {}


def test_an_audit_in_the_middle_of_edits_finds_no_drift(services: Services, ada: Viewer) -> None:
    id_ = services.twoots.publish(ada, Draft("#tea")).twoot.id
    assert services.audits.audit().amounts == {}
    services.edits.edit(ada, id_, Change(text="#jam"))
    assert services.audits.audit().amounts == {}
    drain(services)
    services.edits.edit(ada, id_, Change(text="#tea"))
    assert services.audits.audit().amounts == {}


def test_only_the_newly_mentioned_are_told(services: Services, ada: Viewer, join: SignIn) -> None:
    bob, cy = join("bob"), join("cy")
    id_ = services.twoots.publish(ada, Draft("hello @bob")).twoot.id
    services.edits.edit(ada, id_, Change(text="hello @bob and @cy"))
    waiting = services.storage.read(lambda tx: list(pending.fetch(tx, "aggregates")))
    events = [unpack(packed).event for packed in waiting]
    assert [event.mention_ids for event in events if isinstance(event, EditEvent)] == [(cy.account_id,)]
    assert services.twoots.get(id_, None).twoot.mention_ids == (bob.account_id, cy.account_id)


def test_who_may_see_a_twoot_stays_as_it_was(services: Services, ada: Viewer, join: SignIn) -> None:
    id_ = services.twoots.publish(ada, Draft("psst", visibility=Visibility.FOLLOWERS)).twoot.id
    services.edits.edit(ada, id_, Change(text="psst #secret"))
    assert tagged(services, "secret") == []
    drain(services)
    with pytest.raises(NotFound):
        services.edits.history(id_, join("bob"))
    assert services.audits.audit().amounts == {}


def test_changing_nothing_makes_no_version(services: Services, ada: Viewer) -> None:
    id_ = services.twoots.publish(ada, Draft("same")).twoot.id
    for change in (Change(), Change(text="same"), Change(content_warning="")):
        assert services.edits.edit(ada, id_, change).twoot.version == 1
    assert len(services.edits.history(id_, None)) == 1


def test_what_cannot_be_said_is_refused_and_changes_nothing(
    services: Services, ada: Viewer, join: SignIn
) -> None:
    id_ = services.twoots.publish(ada, Draft("mine")).twoot.id
    for change in (Change(text="x" * 281), Change(text=" "), Change(content_warning="w" * 101)):
        with pytest.raises(Invalid):
            services.edits.edit(ada, id_, change)
    with pytest.raises(Forbidden):
        services.edits.edit(join("bob"), id_, Change(text="yours"))
    with pytest.raises(NotFound):
        services.edits.edit(ada, id_ + 1, Change(text="nothing"))
    assert services.twoots.get(id_, None).twoot.version == 1


def test_edits_at_once_are_all_kept_one_after_the_other(services: Services, ada: Viewer) -> None:
    id_ = services.twoots.publish(ada, Draft("#tag0")).twoot.id

    changes = [Change(text=f"#tag{number}") for number in range(1, 7)]
    ended = at_once(services.storage, [partial(services.edits.edit, ada, id_, change) for change in changes])
    kept = [end for end in ended if not isinstance(end, Exception)]
    assert {type(end) for end in ended} <= {Card, Conflict}
    versions = [edit.version for edit in services.edits.history(id_, None)]
    assert versions == list(range(len(versions), 0, -1))
    assert len(versions) == len(kept) + 1
    drain(services)
    assert services.audits.audit().amounts == {}


def test_a_twoot_is_changed_fifty_times_at_most(services: Services, ada: Viewer) -> None:
    id_ = services.twoots.publish(ada, Draft("0")).twoot.id
    for number in range(1, MAX_EDITS + 1):
        services.edits.edit(ada, id_, Change(text=str(number)))
    with pytest.raises(Conflict):
        services.edits.edit(ada, id_, Change(text="once more"))
    assert len(services.edits.history(id_, None)) == MAX_EDITS + 1


def test_the_history_goes_with_the_twoot(services: Services, ada: Viewer) -> None:
    card = services.twoots.publish(ada, Draft("a"))
    services.edits.edit(ada, card.twoot.id, Change(text="b"))
    services.twoots.delete(ada, card.twoot.id)
    with pytest.raises(NotFound):
        services.edits.history(card.twoot.id, ada)
    with pytest.raises(NotFound):
        services.edits.edit(ada, card.twoot.id, Change(text="c"))
    left = services.storage.database.execute_sql("SELECT COUNT(*) FROM twoot_edits").fetchone()
    assert left == (0,)


def test_a_message_keeps_its_tag(services: Services, ada: Viewer) -> None:
    message = services.twoots.post_message(ada.account_id, Message("old", Hashtag("tea", "Tea")))
    card = services.edits.edit(ada, message.id, Change(text="new #jam"))
    assert card.twoot == replace(message, text="new #jam", version=2, edited_ms=card.twoot.edited_ms)
    drain(services)
    assert uses(services, "tea") == (1, 1)
    assert services.audits.audit().amounts == {}
