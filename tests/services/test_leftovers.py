"""What is left of an account that was deleted: rows of any table that name it, or anything it wrote."""

from collections.abc import Callable, Collection

import pytest

from tests.services.conftest import HOME, SignIn
from twooter.domain.accounts import Role, Viewer
from twooter.domain.actions import Kind
from twooter.domain.clients import Client
from twooter.domain.moderation import Reason
from twooter.domain.pages import Page
from twooter.domain.polls import Poll
from twooter.domain.twoots import Draft, Twoot
from twooter.services.edits import Change
from twooter.services.house import Services
from twooter.services.reports import Complaint
from twooter.storage import remains
from twooter.storage.idempotency import Idempotency
from twooter.storage.tables import TABLES, ThreadReplies, TwootActions, TwootQuotes, TwootReplies

Drain = Callable[[], None]
BELOW = (TwootReplies, TwootQuotes, TwootActions, ThreadReplies)
"""Keyed by author and twoot."""
STAYS = {
    # its name is never given again
    "username_claims": 1,
    # that it once used a hashtag or took part, with 0 uses: a late event finds what it takes back
    "hashtag_accounts": 2,
    "active_accounts": 1,
    "active_weeks": 1,
    # what others said of it, or keep for themselves; nobody is shown any of it
    "blocks": 1,
    "mutes": 1,
    "account_notes": 1,
    "list_members": 1,
    "muted_threads": 1,
    "actions": 3,
    "twoots": 2,
    # the other side of what it did, as tombstones by whose versions late events are known
    "following": 1,
    "followers": 1,
    "poll_votes": 1,
    "twoot_actions": 2,
    "twoot_replies": 1,
    "twoot_quotes": 1,
    # until they are 90 days old
    "notifications": 7,
    # what it reported, and what moderators did to it
    "reports": 2,
    "moderation_log": 1,
}
"""Rows that still name a deleted account or its twoots, by table, and why."""


def begin(services: Services, one: Viewer) -> Twoot:
    """Publish a twoot with all that it can have, and change it."""
    poll = Poll(("yes", "no"), multiple=False, ends_ms=services.ids.now_ms() + 3_600_000)
    key = Idempotency(f"key-of-{one.username}", "0" * 64)
    written = services.twoots.publish(one, Draft("a #word to @ada, @ben", poll=poll), idempotency_key=key)
    services.edits.edit(one, written.twoot.id, Change(text="another #word to @ada, @ben"))
    services.pins.pin(one, written.twoot.id)
    return written.twoot


def go_on(services: Services, one: Viewer, other: Viewer, theirs: Twoot) -> list[Twoot]:
    """Do with another account, and with a twoot of it, all that can be done; return what was written."""
    services.follows.follow(one, other.account_id)
    services.relationships.mute(one, other.account_id, seconds=None)
    services.relationships.note(one, other.account_id, "somebody")
    services.followed_hashtags.follow(one, "word")
    services.account_lists.add(one, services.account_lists.make(one, "List").id, other.account_id)
    for kind in Kind:
        services.actions.act(one, kind, theirs.id)
    services.notifications.mute_thread(one, theirs.id)
    services.polls.vote(one, theirs.id, [0])
    services.reports.file(one, Complaint(None, theirs.id, Reason.SPAM))
    services.reports.file(one, Complaint(other.account_id, None, Reason.SPAM))
    services.scheduled_twoots.schedule(one, Draft("later"), services.ids.now_ms() + 3_600_000)
    services.takeouts.request(one)
    services.follow_imports.request(one, [other.username])
    services.tokens.issue(one.account_id, Client(HOME))
    drafts = Draft("an answer", reply_to=theirs.id), Draft("a quote", quote_of=theirs.id)
    return [services.twoots.publish(one, draft).twoot for draft in drafts]


def rows_with(services: Services, numbers: Collection[int], *, below: bool = False) -> dict[str, int]:
    """Return by table how many rows hold any of some numbers; with `below`, in a key of what stands below twoots."""
    found = {}
    for table in BELOW if below else TABLES:
        name = table._meta.table_name
        rows = services.storage.database.execute_sql(f"SELECT * FROM {name}").fetchall()  # noqa: S608 - names of tables
        count = sum(
            any(value in numbers for value in (row[:2] if below else row) if type(value) is int)
            for row in rows
        )
        if count:
            found[name] = count
    return found


def test_nothing_is_left_of_a_deleted_account_but_what_is_said_here(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ben, cho, dan, _ = map(join, ("ada", "ben", "cho", "dan", "judge"))
    services.accounts.promote("judge", Role.MODERATOR)
    services.confirmations.confirm_for("ada")
    first, theirs = begin(services, ada), begin(services, ben)
    drain()
    written = [first, *go_on(services, ada, ben, theirs)]
    go_on(services, ben, ada, first)
    drain()
    id_ = services.accounts.lookup("judge").id
    judge = services.authenticate(services.tokens.issue(id_, Client(HOME)).bearer)
    services.moderation.hide(judge, written[1].id, "A reason.")
    services.blocks.block(ada, cho.account_id)
    services.blocks.block(dan, ada.account_id)
    services.suggestions.compute()
    drain()
    numbers = {ada.account_id, *(twoot.id for twoot in written)}
    before = rows_with(services, numbers)
    assert len(before) > 35, before  # whatever there is has been done
    services.deletions.request(ada)
    drain()
    services.poll_ends.sweep()
    drain()
    now_ms = services.ids.now_ms
    monkeypatch.setattr(services.ids, "now_ms", lambda: now_ms() + remains.KEPT_MS + 1)
    assert services.remains.sweep() == len(written)
    assert rows_with(services, numbers) == STAYS
    assert rows_with(services, {ada.account_id}, below=True) == {}
    monkeypatch.undo()
    assert not services.audits.audit().amounts


def test_what_stands_below_a_deleted_twoot_goes_when_nothing_is_on_its_way_any_more(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remains, "STEP", 2)
    ada = join("ada")
    gone, kept = (services.twoots.publish(ada, Draft(text)).twoot for text in ("gone", "kept"))
    for name in ("ben", "cho", "dan"):
        other = join(name)
        for twoot in (gone, kept):
            services.actions.act(other, Kind.LIKE, twoot.id)
            services.twoots.publish(other, Draft("an answer", reply_to=twoot.id))
    drain()
    services.twoots.delete(ada, gone.id)
    drain()
    assert services.remains.sweep() == 0
    assert services.actions.doers(kept.id, Kind.LIKE, Page(), ada).items
    now_ms = services.ids.now_ms
    monkeypatch.setattr(services.ids, "now_ms", lambda: now_ms() + remains.KEPT_MS + 1)
    assert services.remains.sweep() == 1
    assert services.remains.sweep() == 0
    assert rows_with(services, {gone.id}, below=True) == {}
    assert rows_with(services, {kept.id}, below=True) == {
        "thread_replies": 3,
        "twoot_actions": 3,
        "twoot_replies": 3,
    }
    assert services.twoots.get(kept.id, None).twoot.likes == 3
    monkeypatch.undo()
    assert not services.audits.audit().amounts
