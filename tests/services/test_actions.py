"""Actions: done once however often it is asked for, shown to whom it may be shown, gone when it is taken back."""

import random
from collections.abc import Callable

import orjson
import pytest

from tests.queries import recorded
from tests.services.conftest import SignIn
from twooter.domain.accounts import Viewer
from twooter.domain.actions import Kind
from twooter.domain.events import ActionEvent, Envelope, unpack
from twooter.domain.pages import Page
from twooter.domain.twoots import Draft, Flags, Retwoot, Twoot, Visibility
from twooter.errors import Forbidden, NotFound, TwooterError
from twooter.services.edges import Edges
from twooter.services.house import Services

Drain = Callable[[], None]
DONE = {
    Kind.LIKE: Flags(liked=True),
    Kind.RETWOOT: Flags(retwooted=True),
    Kind.BOOKMARK: Flags(bookmarked=True),
}


@pytest.fixture
def ada(join: SignIn) -> Viewer:
    """Sign Ada in, who writes."""
    return join("ada")


@pytest.fixture
def bob(join: SignIn) -> Viewer:
    """Sign Bob in, who reads."""
    return join("bob")


def write(services: Services, viewer: Viewer, visibility: Visibility = Visibility.PUBLIC) -> Twoot:
    return services.twoots.publish(viewer, Draft("hello", visibility=visibility)).twoot


def run(services: Services, sql: str, *values: object) -> None:
    services.storage.database.execute_sql(sql.replace("?", services.storage.database.param), values)


def protect(services: Services, viewer: Viewer) -> None:
    run(services, "UPDATE accounts SET protected = 1 WHERE id = ?", viewer.account_id)


def block(services: Services, viewer: Viewer, other: Viewer) -> None:
    run(services, "INSERT INTO blocks VALUES (?, ?, 1)", viewer.account_id, other.account_id)


def events(services: Services) -> int:
    return int(services.storage.database.execute_sql("SELECT COUNT(*) FROM outbox").fetchone()[0])


def counts(services: Services, twoot: Twoot) -> tuple[int, int]:
    found = services.twoots.get(twoot.id, None).twoot
    return found.likes, found.retwoots


def likers(services: Services, twoot: Twoot, viewer: Viewer | None = None) -> list[int]:
    found = services.actions.doers(twoot.id, Kind.LIKE, Page(), viewer)
    return [account.id for account in found.items]


def done(services: Services, viewer: Viewer, kind: Kind, page: Page | None = None) -> list[int]:
    found = services.actions.done(viewer, kind, Page() if page is None else page)
    return [card.twoot.id for card in found.items]


@pytest.mark.parametrize("kind", Kind)
def test_what_is_done_is_shown_at_once_and_taken_back_at_once(
    services: Services, ada: Viewer, bob: Viewer, kind: Kind
) -> None:
    twoot = write(services, ada)
    assert services.actions.act(bob, kind, twoot.id).flags == DONE[kind]
    assert services.twoots.get(twoot.id, bob).flags == DONE[kind]
    assert services.twoots.get(twoot.id, ada).flags == Flags()
    assert services.actions.undo(bob, kind, twoot.id).flags == Flags()
    assert services.twoots.get(twoot.id, bob).flags == Flags()


@pytest.mark.parametrize("kind", Kind)
def test_doing_it_again_changes_nothing_and_tells_nobody(
    services: Services, ada: Viewer, bob: Viewer, kind: Kind, drain: Drain
) -> None:
    twoot = write(services, ada)
    drain()
    services.actions.undo(bob, kind, twoot.id)
    assert events(services) == 0
    for expected in (1, 2):
        for _ in range(3):
            if expected == 1:
                services.actions.act(bob, kind, twoot.id)
            else:
                services.actions.undo(bob, kind, twoot.id)
        assert events(services) == (0 if kind is Kind.BOOKMARK else expected)
    versions = services.storage.database.execute_sql("SELECT version, active FROM actions").fetchall()
    assert [(version, bool(active)) for version, active in versions] == [(2, False)]


def test_counts_follow(services: Services, ada: Viewer, bob: Viewer, drain: Drain) -> None:
    twoot = write(services, ada)
    for viewer in (ada, bob):
        services.actions.act(viewer, Kind.LIKE, twoot.id)
    services.actions.act(bob, Kind.RETWOOT, twoot.id)
    services.actions.act(bob, Kind.BOOKMARK, twoot.id)
    drain()
    assert counts(services, twoot) == (2, 1)
    services.actions.undo(bob, Kind.LIKE, twoot.id)
    services.actions.undo(bob, Kind.RETWOOT, twoot.id)
    drain()
    assert counts(services, twoot) == (1, 0)


def test_what_may_not_be_seen_or_is_gone_is_not_there(services: Services, ada: Viewer, bob: Viewer) -> None:
    gone, hidden = write(services, ada), write(services, ada, Visibility.FOLLOWERS)
    services.twoots.delete(ada, gone.id)
    for id_ in (gone.id, hidden.id, 7):
        for kind in Kind:
            for do in (services.actions.act, services.actions.undo):
                with pytest.raises(NotFound):
                    do(bob, kind, id_)
        with pytest.raises(NotFound):
            services.actions.doers(id_, Kind.LIKE, Page(), bob)
    assert not services.storage.database.execute_sql("SELECT * FROM actions").fetchall()


def test_what_may_no_longer_be_seen_is_taken_back_all_the_same(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    twoot = write(services, ada)
    for kind in Kind:
        services.actions.act(bob, kind, twoot.id)
    drain()
    block(services, ada, bob)
    for kind in Kind:
        with pytest.raises(NotFound):
            services.actions.undo(bob, kind, twoot.id)
    drain()
    assert counts(services, twoot) == (0, 0)
    assert services.audits.audit().amounts == {}


def test_only_what_is_open_is_retwooted(services: Services, ada: Viewer, bob: Viewer) -> None:
    services.actions.act(bob, Kind.RETWOOT, write(services, ada, Visibility.UNLISTED).id)
    own = [write(services, ada, v) for v in Visibility if not v.is_open]
    protected = write(services, bob)
    protect(services, bob)
    for viewer, twoot in [*((ada, twoot) for twoot in own), (bob, protected)]:
        with pytest.raises(Forbidden) as refused:
            services.actions.act(viewer, Kind.RETWOOT, twoot.id)
        assert refused.value.code == "not_open"
        assert services.actions.act(viewer, Kind.LIKE, twoot.id).flags == Flags(liked=True)


@pytest.mark.parametrize("changes", [{"require_confirmed_email": True}])
def test_a_retwoot_asks_for_what_a_twoot_asks_for(services: Services, ada: Viewer, bob: Viewer) -> None:
    services.confirmations.confirm_for("ada")
    ada = Viewer(ada.account_id, "ada", ada.role, ada.token_id, email_confirmed=True)
    twoot = write(services, ada)
    with pytest.raises(Forbidden) as refused:
        services.actions.act(bob, Kind.RETWOOT, twoot.id)
    assert refused.value.code == "email_not_confirmed"
    assert services.actions.act(ada, Kind.RETWOOT, twoot.id).flags == Flags(retwooted=True)


def test_a_retwoot_is_a_row_of_ones_timeline_until_it_or_the_twoot_goes(
    services: Services, ada: Viewer, bob: Viewer
) -> None:
    first, second = write(services, ada), write(services, ada)
    for twoot in (second, first):
        services.actions.act(bob, Kind.RETWOOT, twoot.id)

    def rows() -> list[int]:
        items = services.timelines.account(bob.account_id, Page(), None).items
        assert all(isinstance(item, Retwoot) and item.by.id == bob.account_id for item in items)
        return [item.card.twoot.id for item in items if isinstance(item, Retwoot)]

    assert rows() == [first.id, second.id]
    services.actions.undo(bob, Kind.RETWOOT, first.id)
    assert rows() == [second.id]
    services.twoots.delete(ada, second.id)
    assert rows() == []


def test_ones_likes_and_bookmarks_are_in_the_order_of_doing_and_without_what_is_gone(
    services: Services, ada: Viewer, bob: Viewer
) -> None:
    written = [write(services, ada).id for _ in range(5)]
    for kind in (Kind.LIKE, Kind.BOOKMARK):
        for id_ in (written[2], written[0], written[4], written[1]):
            services.actions.act(bob, kind, id_)
        services.actions.undo(bob, kind, written[0])
        services.actions.act(bob, kind, written[2])
        assert done(services, bob, kind) == [written[1], written[4], written[2]]
        services.actions.act(bob, kind, written[0])
        assert done(services, bob, kind) == [written[0], written[1], written[4], written[2]]
    services.twoots.delete(ada, written[1])
    first = services.actions.done(bob, Kind.LIKE, Page(limit=2))
    assert [card.twoot.id for card in first.items] == [written[0]]
    assert all(card.flags == Flags(liked=True, bookmarked=True) for card in first.items)
    rest = done(services, bob, Kind.LIKE, Page(limit=2, before=first.next_before))
    assert rest == [written[4], written[2]]
    assert done(services, bob, Kind.LIKE, Page(limit=2, after=1)) == [written[4], written[2]]
    block(services, ada, bob)
    assert done(services, bob, Kind.BOOKMARK) == []
    assert done(services, ada, Kind.LIKE) == []


def test_who_likes_a_twoot_is_told_without_whom_the_viewer_may_not_know_of(
    services: Services, ada: Viewer, join: SignIn, drain: Drain
) -> None:
    twoot = write(services, ada)
    bob, cho, dee, eve = people = [join(name) for name in ("bob", "cho", "dee", "eve")]
    for viewer in people:
        services.actions.act(viewer, Kind.LIKE, twoot.id)
    assert likers(services, twoot) == []
    drain()
    everybody = [viewer.account_id for viewer in reversed(people)]
    assert likers(services, twoot) == likers(services, twoot, ada) == everybody
    first = services.actions.doers(twoot.id, Kind.LIKE, Page(limit=3), None)
    second = services.actions.doers(twoot.id, Kind.LIKE, Page(limit=3, before=first.next_before), None)
    assert [a.id for a in (*first.items, *second.items)] == everybody
    back = services.actions.doers(twoot.id, Kind.LIKE, Page(limit=3, after=second.prev_after), None)
    assert [a.id for a in back.items] == everybody[:3]
    block(services, bob, cho)
    assert likers(services, twoot, bob) == [eve.account_id, dee.account_id, bob.account_id]
    assert likers(services, twoot, cho) == [eve.account_id, dee.account_id, cho.account_id]
    protect(services, dee)
    services.accounts.suspend("eve")
    assert likers(services, twoot) == [cho.account_id, bob.account_id]
    assert likers(services, twoot, dee) == [dee.account_id, cho.account_id, bob.account_id]
    services.actions.undo(bob, Kind.LIKE, twoot.id)
    services.actions.act(bob, Kind.LIKE, twoot.id)
    drain()
    assert likers(services, twoot) == [bob.account_id, cho.account_id]


@pytest.mark.parametrize("seed", range(2))
def test_events_delivered_three_times_and_shuffled_end_in_the_acknowledged_state(
    services: Services, join: SignIn, seed: int
) -> None:
    rng = random.Random(seed)
    people = [join(name) for name in ("ada", "bob", "cho")]
    written = [write(services, viewer) for viewer in people]
    for _ in range(80):
        do = rng.choice([services.actions.act, services.actions.undo])
        do(rng.choice(people), rng.choice([Kind.LIKE, Kind.RETWOOT]), rng.choice(written).id)
    told = [e for e in envelopes(services) if isinstance(e.event, ActionEvent)]
    assert len(told) > 20
    delivered = told * 3
    rng.shuffle(delivered)
    edges = Edges(services.storage)
    for at in range(0, len(delivered), 17):
        edges.handle(delivered[at : at + 17])
        assert all(min(counts(services, twoot)) >= 0 for twoot in written)
    for twoot in written:
        flags = [services.twoots.get(twoot.id, viewer).flags or Flags() for viewer in people]
        assert counts(services, twoot) == (sum(f.liked for f in flags), sum(f.retwooted for f in flags))
        liked = {viewer.account_id for viewer, f in zip(people, flags, strict=True) if f.liked}
        assert set(likers(services, twoot)) == liked


def envelopes(services: Services) -> list[Envelope]:
    """Return everything that waits in the outbox."""
    rows = services.storage.database.execute_sql("SELECT event FROM outbox ORDER BY id").fetchall()
    return [unpack(orjson.loads(bytes(row[0]))) for row in rows]


def test_quotes_are_counted_until_they_go(services: Services, ada: Viewer, bob: Viewer, drain: Drain) -> None:
    twoot = write(services, ada)
    quotes = [services.twoots.publish(bob, Draft("see", quote_of=twoot.id)).twoot for _ in range(2)]
    both = services.twoots.publish(bob, Draft("and", twoot.id, quote_of=twoot.id)).twoot
    drain()
    found = services.twoots.get(twoot.id, None).twoot
    assert (found.quotes, found.replies) == (3, 1)
    for gone in (quotes[0], both):
        services.twoots.delete(bob, gone.id)
    drain()
    found = services.twoots.get(twoot.id, None).twoot
    assert (found.quotes, found.replies) == (1, 0)


def test_what_was_done_with_a_twoot_that_goes_counts_nowhere_and_is_no_drift(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    early, late = write(services, ada), write(services, ada)
    for kind in Kind:
        services.actions.act(bob, kind, early.id)
    drain()
    for kind in Kind:
        services.actions.act(bob, kind, late.id)
    for twoot in (early, late):
        services.twoots.delete(ada, twoot.id)
    assert services.audits.audit().amounts == {}
    drain()
    assert services.audits.audit().amounts == {}
    for kind in (Kind.LIKE, Kind.BOOKMARK):
        assert done(services, bob, kind) == []


def test_a_deleted_account_takes_back_what_it_did(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twooter.services.deletions.STEP_TWOOTS", 2)
    written = [write(services, ada) for _ in range(3)]
    services.pins.pin(bob, write(services, bob).id)
    for twoot in written:
        for kind in Kind:
            services.actions.act(bob, kind, twoot.id)
    services.actions.undo(bob, Kind.LIKE, written[0].id)
    drain()
    assert [counts(services, twoot) for twoot in written] == [(0, 1), (1, 1), (1, 1)]
    services.deletions.request(bob)
    assert [likers(services, twoot) for twoot in written] == [[], [], []]
    with pytest.raises(TwooterError):
        services.actions.act(bob, Kind.LIKE, written[0].id)
    drain()
    assert [counts(services, twoot) for twoot in written] == [(0, 0)] * 3
    for table in ("actions", "pins"):
        assert not services.storage.database.execute_sql(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - names of tables
    assert services.audits.audit().amounts == {}


def test_an_action_takes_a_fixed_number_of_statements(services: Services, ada: Viewer, bob: Viewer) -> None:
    twoot = write(services, ada)
    services.actions.act(ada, Kind.LIKE, twoot.id)
    with recorded(services.storage) as names:
        services.actions.act(bob, Kind.LIKE, twoot.id)
    seen = ["twoot_by_id", "authors_by_ids", "ties_to_twoots"]
    assert names == [*seen, "action_held", "action_put", "outbox_append"]
    with recorded(services.storage) as names:
        services.actions.act(bob, Kind.LIKE, twoot.id)
    assert names == [*seen, "action_held"]
