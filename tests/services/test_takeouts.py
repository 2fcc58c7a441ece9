"""Takeouts: an account's own data as an archive, whatever happens while it is made."""

import contextlib
import io
import zipfile
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.mailbox import mails
from tests.services.conftest import SignIn
from twooter.domain.accounts import Viewer
from twooter.domain.actions import Kind as Action
from twooter.domain.events import Envelope
from twooter.domain.pages import Page
from twooter.domain.polls import Poll
from twooter.domain.transfers import KEPT_MS, MAX_FAILURES, Kind, State, Transfer
from twooter.domain.twoots import Draft, Visibility
from twooter.errors import Conflict, NotFound
from twooter.services import takeouts, transfer_runs
from twooter.services.edits import Change
from twooter.services.house import Services
from twooter.services.transfers import event_of
from twooter.settings import Settings
from twooter.storage import transfers

Drain = Callable[[], None]


class Killed(BaseException):
    """The worker's process ended here."""


def opened(services: Services, viewer: Viewer, id_: int) -> dict[str, Any]:
    """Return by name what the files of an archive hold."""
    found = services.takeouts.get_done(viewer, id_)
    data = b"".join(services.takeouts.read(found, 0, found.size))
    assert len(data) == found.size
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: orjson.loads(archive.read(name)) for name in archive.namelist()}


def made(services: Services, viewer: Viewer, drain: Drain) -> dict[str, Any]:
    """Have an archive made, and return what it holds."""
    id_ = services.takeouts.request(viewer).id
    drain()
    return opened(services, viewer, id_)


def names(files: dict[str, Any], file: str) -> list[str]:
    """Return whom a file names, in its order."""
    return [one["username"] for one in files[f"{file}.json"]]


def test_an_archive_holds_what_an_account_has_and_nothing_else(
    services: Services, join: SignIn, drain: Drain
) -> None:
    ada, ben, cho = join("ada"), join("ben"), join("cho")
    written = services.twoots.publish(ada, Draft("first #tea", content_warning="cup", language="en")).twoot
    services.edits.edit(ada, written.id, Change(text="second #tea"))
    secret = services.twoots.publish(ada, Draft("for @ben", visibility=Visibility.MENTIONED)).twoot
    theirs = services.twoots.publish(ben, Draft("by ben")).twoot
    hidden = services.twoots.publish(cho, Draft("soon for followers alone")).twoot
    services.pins.pin(ada, written.id)
    for kind in (Action.LIKE, Action.RETWOOT, Action.BOOKMARK):
        services.actions.act(ada, kind, theirs.id)
    services.actions.act(ada, Action.LIKE, hidden.id)
    services.follows.follow(ada, ben.account_id)
    services.follows.follow(cho, ada.account_id)
    services.relationships.mute(ada, ben.account_id, seconds=3600)
    services.relationships.note(ada, ben.account_id, "owes me tea")
    services.followed_hashtags.follow(ada, "tea")
    one = services.account_lists.make(ada, "Friends")
    services.account_lists.add(ada, one.id, ben.account_id)
    drain()
    services.accounts.change_profile(cho, display_name=None, bio=None, protected=True)
    services.follow_requests.remove_follower(ada, cho.account_id)
    services.blocks.block(ada, join("dan").account_id)
    drain()
    files = made(services, ada, drain)
    assert files["profile.json"]["username"] == "ada"
    assert files["profile.json"]["email"] == "ada@example.com"
    assert files["profile.json"]["counts"] == {"twoots": 2, "followers": 0, "following": 1}
    assert [one["text"] for one in files["twoots.json"]] == ["for @ben", "second #tea"]
    assert files["twoots.json"][0]["id"] == str(secret.id)
    assert files["twoots.json"][1]["content_warning"] == "cup"
    assert [one["text"] for one in files["twoots.json"][1]["history"]] == ["first #tea"]
    assert files["pins.json"] == [{"id": str(written.id)}]
    for file in ("likes", "retwoots", "bookmarks"):  # what cho wrote is not for ada any more
        assert [one["twoot"]["text"] for one in files[f"{file}.json"]] == ["by ben"], file
    assert names(files, "following") == names(files, "mutes") == names(files, "notes") == ["ben"]
    assert names(files, "followers") == names(files, "requests_sent") == []
    assert names(files, "blocks") == ["dan"]
    assert files["mutes.json"][0]["until"] is not None
    assert files["notes.json"][0]["text"] == "owes me tea"
    assert [one["name"] for one in files["hashtags.json"]] == ["tea"]
    ((friends, accounts),) = [(one["title"], one["accounts"]) for one in files["lists.json"]]
    assert (friends, [one["username"] for one in accounts]) == ("Friends", ["ben"])


def test_polls_votes_and_what_is_yet_to_be_published_are_in_it(
    services: Services, join: SignIn, drain: Drain
) -> None:
    ada, ben = join("ada"), join("ben")
    ends_ms = services.ids.now_ms() + 3_600_000
    poll = Poll(("tea", "coffee"), multiple=False, ends_ms=ends_ms)
    own = services.twoots.publish(ada, Draft("mine?", poll=poll)).twoot
    theirs = services.twoots.publish(ben, Draft("yours?", poll=poll)).twoot
    services.polls.vote(ben, own.id, [1])
    services.polls.vote(ada, theirs.id, [0])
    services.scheduled_twoots.schedule(ada, Draft("later"), ends_ms)
    drain()
    files = made(services, ada, drain)
    (asked,) = files["twoots.json"]
    assert (asked["poll"]["options"], asked["poll"]["votes"]) == (["tea", "coffee"], [0, 1])
    (voted,) = files["votes.json"]
    assert (voted["choices"], voted["twoot"]["text"]) == (["tea"], "yours?")
    assert [one["text"] for one in files["scheduled.json"]] == ["later"]


def write(services: Services, viewer: Viewer, count: int) -> list[str]:
    """Publish some twoots and return their texts, the newest first."""
    texts = [f"{number} {'ä' * 250}" for number in range(count)]
    for text in texts:
        services.twoots.publish(viewer, Draft(text))
    return texts[::-1]


def test_what_is_written_while_an_archive_is_made_is_not_in_it(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twooter.services.takeout_files._PAGE", 3)
    monkeypatch.setattr(takeouts, "STEP_PARTS", 2)
    ada = join("ada")
    texts = write(services, ada, 10)
    asked = services.takeouts.request(ada)
    for number in range(5):
        found = services.takeouts.get(ada, asked.id)
        assert services.takeouts.step(found)
        services.twoots.publish(ada, Draft(f"late {number}"))
    drain()
    files = opened(services, ada, asked.id)
    assert [one["text"] for one in files["twoots.json"]] == texts


@pytest.mark.parametrize("killed_at", range(0, 12, 3))
def test_an_archive_whose_worker_is_killed_anywhere_is_finished_by_another(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    monkeypatch.setattr("twooter.services.takeout_files._PAGE", 3)
    monkeypatch.setattr(takeouts, "STEP_PARTS", 3)
    monkeypatch.setattr(transfer_runs, "IDLE_MS", -1)
    ada = join("ada")
    texts = write(services, ada, 12)
    drain()
    asked = services.takeouts.request(ada)
    begun = services.storage.transact
    left = [killed_at]

    def killed_after(work: Callable[[Any], Any], **how: bool) -> Any:
        left[0] -= 1
        if left[0] == -1:  # before the commit, or after it
            if killed_at % 2:
                begun(work, **how)
            raise Killed
        return begun(work, **how)

    monkeypatch.setattr(services.storage, "transact", killed_after)
    with contextlib.suppress(Killed):
        drain()
    monkeypatch.setattr(services.storage, "transact", begun)
    services.transfer_runs.sweep()
    drain()
    files = opened(services, ada, asked.id)
    assert [one["text"] for one in files["twoots.json"]] == texts


def test_two_workers_at_once_write_each_piece_once(services: Services, join: SignIn, drain: Drain) -> None:
    ada = join("ada")
    write(services, ada, 3)
    asked = services.takeouts.request(ada)
    assert services.takeouts.step(asked)
    assert not services.takeouts.step(asked)  # what the other read before
    drain()
    assert len(opened(services, ada, asked.id)["twoots.json"]) == 3


def test_chunks_are_bounded_and_any_range_is_what_the_whole_has_there(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeouts, "MAX_PART_BYTES", 100)
    ada = join("ada")
    write(services, ada, 5)
    id_ = services.takeouts.request(ada).id
    drain()
    found = services.takeouts.get_done(ada, id_)
    whole = b"".join(services.takeouts.read(found, 0, found.size))
    rows = services.storage.database.execute_sql("SELECT LENGTH(data) FROM transfer_parts").fetchall()
    assert len(rows) > 10
    assert max(length for (length,) in rows) <= 100
    for first, end in ((0, 1), (99, 101), (100, 200), (350, found.size), (found.size - 1, found.size)):
        assert b"".join(services.takeouts.read(found, first, end)) == whole[first:end]


def test_one_archive_at_a_time_is_made_and_a_mail_tells_when_it_is_there(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    ada = join("ada")
    services.confirmations.confirm_for("ada")
    first = services.takeouts.request(ada)
    assert services.takeouts.request(ada).id == first.id
    with pytest.raises(Conflict):
        services.takeouts.get_done(ada, first.id)
    drain()
    assert services.takeouts.get(ada, first.id).state is State.DONE
    mail = mails(settings.var_dir)[-1]
    assert mail["To"] == "ada@example.com"
    assert "/v1/me/exports" in mail.get_content()
    second = services.takeouts.request(ada)
    assert second.id != first.id
    assert [one.id for one in services.takeouts.fetch(ada, Page()).items] == [second.id, first.id]


def test_no_mail_goes_to_an_address_that_nobody_has_confirmed(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    ada = join("ada")
    drain()
    before = len(mails(settings.var_dir))
    made(services, ada, drain)
    assert len(mails(settings.var_dir)) == before


def test_an_archive_is_nobody_elses(services: Services, join: SignIn, drain: Drain) -> None:
    ada, ben = join("ada"), join("ben")
    id_ = services.takeouts.request(ada).id
    drain()
    with pytest.raises(NotFound):
        services.takeouts.get(ben, id_)
    assert not services.takeouts.fetch(ben, Page()).items


def parts(services: Services) -> int:
    """Return how many parts and transfers there are."""
    ask = services.storage.database.execute_sql
    tables = ("transfers", "transfer_parts")
    return sum(ask(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables)  # noqa: S608 - names from above


def test_an_archive_expires_and_is_removed_in_bounded_steps(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeouts, "MAX_PART_BYTES", 100)
    ada = join("ada")
    write(services, ada, 3)
    id_ = services.takeouts.request(ada).id
    drain()
    assert parts(services) > 2 * transfers.PARTS_AT_ONCE
    size = services.takeouts.get(ada, id_).size
    services.transfer_runs.sweep()
    assert services.takeouts.get(ada, id_).size == size
    now_ms = services.ids.now_ms
    monkeypatch.setattr(services.ids, "now_ms", lambda: now_ms() + KEPT_MS)
    with pytest.raises(NotFound):
        services.takeouts.get(ada, id_)
    assert not services.takeouts.fetch(ada, Page()).items
    monkeypatch.setattr(services.ids, "now_ms", lambda: now_ms() + KEPT_MS + transfer_runs.GRACE_MS + 1)
    assert services.transfer_runs.sweep() == 1
    assert parts(services) == 0


def test_an_archive_is_removed_by_whose_it_is_and_a_worker_clears_up_in_bounded_steps(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeouts, "MAX_PART_BYTES", 100)
    ada, ben = join("ada"), join("ben")
    write(services, ada, 3)
    id_ = services.takeouts.request(ada).id
    drain()
    assert parts(services) > 2 * transfers.PARTS_AT_ONCE
    with pytest.raises(NotFound):
        services.takeouts.remove(ben, id_)
    assert services.takeouts.get(ada, id_).state is State.DONE
    for _ in range(2):
        services.takeouts.remove(ada, id_)
        with pytest.raises(NotFound):
            services.takeouts.get(ada, id_)
        assert not services.takeouts.fetch(ada, Page()).items
    monkeypatch.setattr(
        transfer_runs, "RUN_SECONDS", -1.0
    )  # what is left is gone on with by events of their own
    drain()
    assert parts(services) == 1
    services.takeouts.remove(ada, id_)
    now_ms = services.ids.now_ms
    monkeypatch.setattr(services.ids, "now_ms", lambda: now_ms() + transfer_runs.GRACE_MS + 1_000)
    monkeypatch.setattr(transfer_runs, "RUN_SECONDS", 15.0)
    assert services.transfer_runs.sweep(max_seconds=15.0) == 1
    assert parts(services) == 0
    with pytest.raises(NotFound):
        services.takeouts.remove(ada, id_)


def test_an_archive_that_is_removed_while_it_is_made_stops_and_another_may_be_asked_for(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeouts, "STEP_PARTS", 2)
    ada = join("ada")
    texts = write(services, ada, 3)
    drain()
    asked = services.takeouts.request(ada)
    assert services.takeouts.step(asked)
    halfway = services.takeouts.get(ada, asked.id)
    services.takeouts.remove(ada, asked.id)
    assert not services.takeouts.step(halfway)  # by a worker that has read it before
    again = services.takeouts.request(ada)
    assert again.id != asked.id
    drain()
    assert [one["text"] for one in opened(services, ada, again.id)["twoots.json"]] == texts
    ask = services.storage.database.execute_sql
    assert {id_ for (id_,) in ask("SELECT transfer_id FROM transfer_parts").fetchall()} == {again.id}
    assert services.takeouts.get(ada, again.id).failures == 0


def test_an_archive_that_cannot_be_made_is_given_up(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = join("ada")
    asked = services.takeouts.request(ada)

    def fails(_: Transfer) -> bool:
        raise OverflowError("too large")

    monkeypatch.setitem(services.transfer_runs._steps, asked.kind, fails)
    monkeypatch.setattr(transfer_runs, "IDLE_MS", -1)
    for _ in range(MAX_FAILURES):
        assert services.takeouts.get(ada, asked.id).state is State.RUNNING
        services.transfer_runs.sweep()
    assert services.takeouts.get(ada, asked.id).state is State.FAILED
    monkeypatch.undo()
    assert made(services, ada, drain)["profile.json"]


def test_an_archive_that_fails_holds_up_no_other(
    services: Services, join: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ben = join("ada"), join("ben")
    asked = [services.takeouts.request(one) for one in (ada, ben)]

    def step(takeout: Transfer) -> bool:
        if takeout.account_id == ada.account_id:
            raise OverflowError("too large")
        return services.takeouts.step(takeout)

    monkeypatch.setitem(services.transfer_runs._steps, Kind.TAKEOUT, step)
    with pytest.raises(OverflowError):
        services.transfer_runs.handle([Envelope(event_of(one), 1, None) for one in asked])
    assert services.takeouts.get(ada, asked[0].id).failures == 1
    assert services.takeouts.get(ben, asked[1].id).state is State.DONE


def test_a_run_ends_in_time_and_is_gone_on_with(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeouts, "STEP_PARTS", 1)
    ada = join("ada")
    write(services, ada, 3)
    drain()
    monkeypatch.setattr(transfer_runs, "RUN_SECONDS", -1.0)
    asked = services.takeouts.request(ada)
    count, sent = services.outboxes.seal()
    assert count == 1
    for delivery in sent:
        services.batches.run(delivery.consumer, delivery.batch_id)
    assert services.takeouts.get(ada, asked.id).steps == 0
    monkeypatch.setattr(transfer_runs, "RUN_SECONDS", 15.0)
    drain()  # what goes on is an event of its own
    assert len(opened(services, ada, asked.id)["twoots.json"]) == 3


def test_a_suspended_accounts_archive_waits_and_a_deleted_ones_goes(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer_runs, "IDLE_MS", -1)
    ada = join("ada")
    asked = services.takeouts.request(ada)
    services.accounts.suspend("ada")
    drain()
    services.transfer_runs.sweep()
    services.accounts.suspend("ada", lift=True)
    assert services.takeouts.get(ada, asked.id).state is State.RUNNING
    services.transfer_runs.sweep()
    assert services.takeouts.get(ada, asked.id).state is State.DONE
    services.takeouts.request(ada)
    services.deletions.request(ada)
    drain()
    assert parts(services) == 0
