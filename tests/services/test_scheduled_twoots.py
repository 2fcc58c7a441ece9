"""Scheduled twoots: published once, when their time has come, as if they were sent then; theirs alone until then."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.crowds import at_once
from tests.services.conftest import SignIn
from tests.services.happenings import rows
from twooter.domain.accounts import State, Viewer
from twooter.domain.notifications import Key
from twooter.domain.notifications import Kind as Notified
from twooter.domain.pages import Page
from twooter.domain.polls import Poll
from twooter.domain.scheduled_twoots import MAX_AHEAD_MS, MAX_SCHEDULED, MIN_AHEAD_MS, ScheduledTwoot
from twooter.domain.twoots import Draft, Twoot, Visibility
from twooter.errors import Conflict, Invalid, NotFound, Unavailable
from twooter.services.house import Services
from twooter.services.scheduled_twoots import Rescheduling
from twooter.storage import accounts
from twooter.storage.idempotency import Idempotency
from twooter.storage.tables import Notifications, Outbox, ScheduledTwoots, Twoots

Drain = Callable[[], None]
HOUR_MS = 3_600_000


@pytest.fixture
def ada(join: SignIn) -> Viewer:
    """Sign Ada in, who writes."""
    return join("ada")


def later(services: Services) -> int:
    return services.ids.now_ms() + HOUR_MS


def schedule(services: Services, viewer: Viewer, draft: Draft | str) -> ScheduledTwoot:
    given = Draft(draft) if isinstance(draft, str) else draft
    made = services.scheduled_twoots.schedule(viewer, given, later(services))
    assert isinstance(made, ScheduledTwoot)
    return made


def come(services: Services, at_ms: int = 1) -> None:
    """Let the time of everything that is scheduled have come."""
    database = services.storage.database
    database.execute_sql(f"UPDATE scheduled_twoots SET due_ms = {database.param}", (at_ms,))  # noqa: S608 - no value is in the text


def written(services: Services, viewer: Viewer) -> list[Twoot]:
    found = services.timelines.account(viewer.account_id, Page(100), viewer).items
    return [item.twoot for item in found]  # type: ignore[union-attr]  # nobody passes anything on here


def suspend(services: Services, viewer: Viewer, state: State, *, among: State) -> None:
    services.storage.transact(lambda tx: accounts.set_state(tx, viewer.account_id, state, among=(among,)))


def test_it_is_published_when_its_time_has_come_as_everything_is(
    services: Services, ada: Viewer, join: SignIn, drain: Drain
) -> None:
    bob = join("bob")
    parent = services.twoots.publish(bob, Draft("Anybody?")).twoot
    services.follows.follow(bob, ada.account_id)
    drain()
    poll = Poll(("yes", "no"), False, later(services) + HOUR_MS)
    draft = Draft(" Here, @bob! #tea\n", parent.id, "en", visibility=Visibility.PUBLIC, poll=poll)
    made = schedule(services, ada, draft)
    assert services.publications.sweep() == 0
    assert written(services, ada) == []
    come(services)
    before_ms = services.ids.now_ms()
    assert services.publications.sweep() == 1
    drain()
    (twoot,) = written(services, ada)
    assert twoot.created_ms >= before_ms > made.created_ms
    assert (twoot.text, twoot.language, twoot.hashtags) == ("Here, @bob! #tea", "en", ("tea",))
    assert twoot.parent is not None
    assert twoot.parent.id == parent.id
    card = services.twoots.get(twoot.id, bob)
    assert card.poll is not None
    assert card.poll.poll == poll
    assert services.twoots.get(parent.id, None).twoot.replies == 1
    assert services.notifications.unread(bob).count == 1  # an answer
    home = services.homes.page(bob, Page()).items
    assert home[0].twoot.id == twoot.id  # type: ignore[union-attr]  # as above
    with pytest.raises(NotFound):
        services.scheduled_twoots.get(ada, made.id)
    assert services.audits.audit().amounts == {}


def test_many_schedulers_at_once_publish_each_once(services: Services, ada: Viewer) -> None:
    for number in range(12):
        schedule(services, ada, f"Number {number}")
    come(services)
    counts = at_once(services.storage, [services.publications.sweep] * 4)
    assert sum(count for count in counts if isinstance(count, int)) == 12
    assert sorted(twoot.text for twoot in written(services, ada)) == sorted(
        f"Number {number}" for number in range(12)
    )
    assert rows(services, ScheduledTwoots, "id") == []
    assert services.publications.sweep() == 0


def test_what_breaks_in_the_middle_has_done_nothing_and_is_done_by_the_next(
    services: Services, ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule(services, ada, "Once")
    come(services)
    events = rows(services, Outbox, "id")

    def broken(*_: object, **__: object) -> None:
        raise Unavailable("The database went away.")

    with monkeypatch.context() as patched:
        patched.setattr(services.outboxes, "append_of_active", broken)  # the last thing of the transaction
        with pytest.raises(Unavailable):
            services.publications.sweep()
    assert rows(services, Twoots, "id") == []
    assert rows(services, Outbox, "id") == events
    assert services.publications.sweep() == 1
    assert [twoot.text for twoot in written(services, ada)] == ["Once"]


def test_what_cannot_be_published_is_tried_a_few_times_and_holds_nothing_up(
    services: Services, ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, publish = schedule(services, ada, "Bad"), services.twoots.publish

    def trip(viewer: Viewer, draft: Draft, **options: object) -> object:
        if draft.text == "Bad":
            raise ZeroDivisionError
        return publish(viewer, draft, **options)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(services.twoots, "publish", trip)
    for number in range(5):
        schedule(services, ada, f"Good {number}")
        come(services)
        assert services.publications.sweep() == 1
    refused = services.scheduled_twoots.get(ada, bad.id)
    assert refused.refusal is not None
    assert refused.refusal.code == "failed"
    assert len(written(services, ada)) == 5


def test_an_answer_to_what_is_gone_is_refused_and_may_be_given_another_time(
    services: Services, ada: Viewer, join: SignIn
) -> None:
    bob = join("bob")
    parent = services.twoots.publish(bob, Draft("Anybody?")).twoot
    made = schedule(services, ada, Draft("Here!", reply_to=parent.id))
    services.twoots.delete(bob, parent.id)
    come(services)
    assert services.publications.sweep() == 0
    refused = services.scheduled_twoots.get(ada, made.id)
    assert refused.refusal is not None
    assert refused.refusal.code == "no_such_twoot"
    assert written(services, ada) == []
    with pytest.raises(Invalid):  # its time is over, and what it answers is gone
        services.scheduled_twoots.change(ada, made.id, Rescheduling(text="Hello?"))
    come(services)  # thirty days later
    services.publications.sweep()
    with pytest.raises(NotFound):
        services.scheduled_twoots.get(ada, made.id)


def refusals(services: Services, viewer: Viewer) -> list[tuple[int, str]]:
    """Return which scheduled twoots somebody is told were refused, and why."""
    found = services.notifications.page(viewer, [Notified.SCHEDULED_REFUSED], Page(), grouped=False).items
    assert all([author.id for author in one.accounts] == [viewer.account_id] for one in found)
    shown = [
        one.scheduled for one in found if one.scheduled is not None and one.scheduled.refusal is not None
    ]
    assert len(shown) == len(found)
    return [(one.id, one.refusal.code) for one in shown if one.refusal is not None]


def test_its_author_is_told_once_that_it_was_refused_and_once_again_when_that_happens_again(
    services: Services, ada: Viewer, join: SignIn, drain: Drain
) -> None:
    bob = join("bob")
    parent = services.twoots.publish(bob, Draft("Anybody?")).twoot
    made = [schedule(services, ada, Draft(f"Here {number}!", reply_to=parent.id)) for number in range(3)]
    services.twoots.delete(bob, parent.id)
    come(services)
    assert at_once(services.storage, [services.publications.sweep] * 4) == [0] * 4
    count, sent = services.outboxes.seal()
    assert count >= len(made)
    for delivery in [one for one in sent if one.consumer == "notifications"]:
        for _ in range(2):  # a batch that is sent twice
            services.batches.run("notifications", delivery.batch_id)
    drain()
    told = {(one.id, "no_such_twoot") for one in made}
    assert set(refusals(services, ada)) == told
    assert len(refusals(services, ada)) == services.notifications.unread(ada).count == 3
    assert refusals(services, bob) == []
    assert rows(services, Notifications, "account_id") == [(ada.account_id,)] * 3
    told_live = services.notifications.one(Key(ada.account_id, Notified.SCHEDULED_REFUSED, made[0].id, 2))
    assert told_live is not None
    assert told_live.scheduled is not None
    assert told_live.scheduled.id == made[0].id
    newest = services.notifications.page(ada, [], Page(), grouped=True).items[0].id
    services.notifications.mark_read(ada, newest)
    services.scheduled_twoots.cancel(ada, made[0].id)
    alive = services.twoots.publish(bob, Draft("Still here")).twoot
    database = services.storage.database
    draft = database.execute_sql(
        f"SELECT draft FROM scheduled_twoots WHERE id = {made[1].id}"  # noqa: S608 - a number
    ).fetchone()[0]
    database.execute_sql(
        f"UPDATE scheduled_twoots SET draft = {database.param} WHERE id = {made[1].id}",  # noqa: S608 - a number, and a parameter
        (draft.replace(str(parent.id), str(alive.id)),),
    )
    services.scheduled_twoots.change(ada, made[1].id, Rescheduling(at_ms=later(services)))
    assert refusals(services, ada) == [(made[2].id, "no_such_twoot")]  # the others are refused no more
    assert services.notifications.unread(ada).count == 0
    services.twoots.delete(bob, alive.id)
    database.execute_sql(f"UPDATE scheduled_twoots SET due_ms = 1 WHERE id = {made[1].id}")  # noqa: S608 - a number
    services.publications.sweep()
    drain()
    assert {id_ for id_, _ in refusals(services, ada)} == {made[1].id, made[2].id}
    assert services.notifications.unread(ada).count == 1


def test_nothing_of_a_suspended_account_is_published_and_all_of_a_deleted_one_goes(
    services: Services, ada: Viewer, drain: Drain
) -> None:
    made = schedule(services, ada, "Hello")
    suspend(services, ada, State.SUSPENDED, among=State.ACTIVE)
    come(services)
    services.publications.sweep()
    drain()  # nobody reads it now, but it is told once the account takes part again
    suspend(services, ada, State.ACTIVE, among=State.SUSPENDED)
    refused = services.scheduled_twoots.get(ada, made.id)
    assert refused.refusal is not None
    assert refused.refusal.code == "account_not_active"
    drain()
    assert refusals(services, ada) == [(made.id, "account_not_active")]
    again = services.scheduled_twoots.change(ada, made.id, Rescheduling(at_ms=later(services)))
    assert again.refusal is None
    services.deletions.request(ada)
    come(services)
    assert services.publications.sweep() == 0
    drain()
    assert rows(services, ScheduledTwoots, "id") == []
    assert rows(services, Twoots, "id") == []


def test_a_protected_accounts_is_for_its_followers_whatever_it_was_when_it_was_scheduled(
    services: Services, ada: Viewer
) -> None:
    schedule(services, ada, "Hello")
    services.accounts.change_profile(ada, display_name=None, bio=None, protected=True)
    come(services)
    services.publications.sweep()
    assert [twoot.visibility for twoot in written(services, ada)] == [Visibility.FOLLOWERS]


def test_it_is_changed_and_cancelled_until_it_is_published(services: Services, ada: Viewer) -> None:
    first, second, third = (schedule(services, ada, f"Number {number}") for number in range(3))
    at_ms = first.at_ms + HOUR_MS
    change = Rescheduling(at_ms, "Other words", "Careful", visibility=Visibility.UNLISTED)
    changed = services.scheduled_twoots.change(ada, first.id, change)
    assert changed.at_ms == at_ms
    services.scheduled_twoots.cancel(ada, second.id)
    assert [value.id for value in services.scheduled_twoots.fetch(ada)] == [third.id, first.id]
    come(services)
    services.publications.sweep()
    (twoot,) = [twoot for twoot in written(services, ada) if twoot.content_warning]
    assert (twoot.text, twoot.visibility) == ("Other words", Visibility.UNLISTED)
    for do in (
        lambda: services.scheduled_twoots.cancel(ada, second.id),
        lambda: services.scheduled_twoots.cancel(ada, first.id),
        lambda: services.scheduled_twoots.change(ada, first.id, change),
        lambda: services.scheduled_twoots.get(ada, first.id),
    ):
        with pytest.raises(NotFound):
            do()


def test_a_change_and_a_cancellation_that_are_acknowledged_hold_while_it_is_published(
    services: Services, ada: Viewer
) -> None:
    for number in range(8):
        made = schedule(services, ada, "Before")
        come(services)
        change = Rescheduling(text="After", at_ms=later(services))
        if number % 2:
            act: Callable[[], object] = lambda made=made: services.scheduled_twoots.cancel(ada, made.id)  # type: ignore[misc]  # noqa: E731 - a default binds the loop's variable
        else:
            act = lambda made=made, change=change: services.scheduled_twoots.change(ada, made.id, change)  # type: ignore[misc]  # noqa: E731 - idem
        published, acted = at_once(services.storage, [services.publications.sweep, act])
        assert published == int(isinstance(acted, NotFound)), (published, acted)
        for value in services.scheduled_twoots.fetch(ada):
            assert value.draft.text == "After"
            services.scheduled_twoots.cancel(ada, value.id)
    assert {twoot.text for twoot in written(services, ada)} <= {"Before"}


def test_another_account_finds_nothing_there(services: Services, ada: Viewer, join: SignIn) -> None:
    bob, made = join("bob"), schedule(services, ada, "Mine")
    assert services.scheduled_twoots.fetch(bob) == []
    for do in (services.scheduled_twoots.get, services.scheduled_twoots.cancel):
        with pytest.raises(NotFound):
            do(bob, made.id)
    with pytest.raises(NotFound):
        services.scheduled_twoots.change(bob, made.id, Rescheduling(text="Mine now"))
    assert services.scheduled_twoots.get(ada, made.id) == made


@pytest.mark.parametrize("ahead_ms", [-HOUR_MS, 0, MIN_AHEAD_MS - 2_000, MAX_AHEAD_MS + HOUR_MS])
def test_a_time_too_near_or_too_far_is_refused(services: Services, ada: Viewer, ahead_ms: int) -> None:
    at_ms = services.ids.now_ms() + ahead_ms
    with pytest.raises(Invalid) as caught:
        services.scheduled_twoots.schedule(ada, Draft("Hello"), at_ms)
    assert [error.field for error in caught.value.errors] == ["scheduled_at"]


def test_what_could_not_be_published_cannot_be_scheduled(services: Services, ada: Viewer) -> None:
    too_soon = Poll(("yes", "no"), False, later(services) - HOUR_MS // 2)  # it ends before it begins
    for draft in (
        Draft(""),
        Draft("x" * 281),
        Draft("Here!", reply_to=12345),
        Draft("Look", quote_of=12345),
        Draft("Well?", poll=too_soon),
    ):
        with pytest.raises(Invalid):
            schedule(services, ada, draft)
    assert rows(services, ScheduledTwoots, "id") == []


def test_there_are_no_more_than_a_hundred_of_one_account(services: Services, ada: Viewer) -> None:
    for _ in range(MAX_SCHEDULED - 2):
        schedule(services, ada, "Hello")
    done = at_once(services.storage, [lambda: schedule(services, ada, "Hello")] * 6)
    assert sum(isinstance(answer, Conflict) for answer in done) == 4
    assert len(services.scheduled_twoots.fetch(ada)) == MAX_SCHEDULED


def test_a_key_makes_one_and_answers_with_what_has_become_of_it(services: Services, ada: Viewer) -> None:
    key, at_ms = Idempotency("key", "a" * 64), later(services)

    def send() -> object:
        return services.scheduled_twoots.schedule(ada, Draft("Once"), at_ms, idempotency_key=key)

    made = at_once(services.storage, [send] * 5)
    assert len({value.id for value in made if isinstance(value, ScheduledTwoot)}) == 1
    assert len(services.scheduled_twoots.fetch(ada)) == 1
    come(services)
    services.publications.sweep()
    (twoot,) = written(services, ada)
    assert send().twoot.id == twoot.id  # type: ignore[attr-defined]  # a card now
    with pytest.raises(Invalid, match="used for another"):
        services.scheduled_twoots.schedule(
            ada, Draft("Other"), at_ms, idempotency_key=replace(key, request_sha256="b" * 64)
        )


def test_a_draft_of_a_later_version_is_published_as_far_as_this_one_knows(
    services: Services, ada: Viewer
) -> None:
    schedule(services, ada, "Hello")
    database = services.storage.database
    (draft,) = database.execute_sql("SELECT draft FROM scheduled_twoots").fetchone()
    newer = draft.replace("{", '{"mood":"good",', 1)
    database.execute_sql(f"UPDATE scheduled_twoots SET draft = {database.param}", (newer,))  # noqa: S608 - no value is in the text
    come(services, services.ids.now_ms() - 1)  # the clock by which it is due
    assert services.publications.sweep() == 1
