"""Deletions: hidden at once, gone in steps, and nothing left in any aggregate."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.houses import PASSWORD
from tests.mailbox import mails, token_in
from tests.services.conftest import HOME, SignIn
from twooter.domain.accounts import Viewer
from twooter.domain.clients import Client
from twooter.domain.pages import Page
from twooter.domain.twoots import Draft
from twooter.errors import Conflict, Invalid, NotFound, Unauthorized
from twooter.services import deletions
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.storage import outbox

Drain = Callable[[], None]

COUNTERS = {
    "windows": ("twoots", "replies", "accounts", "active_accounts"),
    "hashtag_windows": ("uses", "accounts"),
    "hashtags": ("uses", "accounts"),
    "hashtag_accounts": ("uses",),
    "active_accounts": ("uses",),
}


class Killed(BaseException):
    """The worker's process ended here."""


def _sums(services: Services) -> dict[str, list[int]]:
    """Return the sums of absolute values of every aggregate's counters."""
    sums = {}
    for table, columns in COUNTERS.items():
        rows = services.storage.database.execute_sql(f"SELECT {', '.join(columns)} FROM {table}").fetchall()  # noqa: S608 - names from above
        sums[table] = [sum(abs(row[i]) for row in rows) for i in range(len(columns))]
    return sums


def _rows(services: Services, table: str) -> list[Any]:
    return list(services.storage.database.execute_sql(f"SELECT * FROM {table}").fetchall())  # noqa: S608 - names of tables


def _write(services: Services, viewer: Viewer, count: int) -> None:
    parent = services.twoots.publish(viewer, Draft("first #one")).twoot.id
    for number in range(count - 1):
        services.twoots.publish(viewer, Draft(f"#two {number}", reply_to=parent))


def _is_gone(services: Services, viewer: Viewer) -> bool:
    id_ = viewer.account_id
    of = lambda table: [row for row in _rows(services, table) if id_ in row]  # noqa: E731 - one line, used once
    tables = ("accounts", "credentials", "tokens", "known_networks", "twoots", "deletions", "public_entries")
    return not any(of(table) for table in (*tables, "hashtag_entries", "email_claims", "idempotency_keys"))


def test_a_deleted_account_is_hidden_and_signed_out_when_it_is_answered(
    services: Services, join: SignIn
) -> None:
    viewer = join("alice")
    bearer = services.tokens.issue(viewer.account_id, Client(HOME)).bearer
    twoot = services.twoots.publish(viewer, Draft("hello #world")).twoot
    services.deletions.request(viewer)
    with pytest.raises(Unauthorized):
        services.authenticate(bearer)
    with pytest.raises(Unauthorized):
        services.tokens.sign_in("alice", PASSWORD, Client(HOME))
    for hidden in (
        lambda: services.accounts.get(viewer.account_id),
        lambda: services.accounts.lookup("alice"),
        lambda: services.twoots.get(twoot.id, None),
        lambda: services.timelines.account(viewer.account_id, Page(), None),
        lambda: services.twoots.publish(viewer, Draft("too late")),
        lambda: services.deletions.request(viewer),
    ):
        with pytest.raises(NotFound):
            hidden()
    assert not services.timelines.public(Page()).items
    assert not services.timelines.hashtag("world", Page()).items


def test_a_deletion_leaves_nothing_in_any_aggregate(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletions, "STEP_TWOOTS", 4)
    viewer = join("alice")
    _write(services, viewer, 10)
    drain()
    assert _sums(services)["windows"][0] == 10 * 5
    services.deletions.request(viewer)
    drain()
    assert _is_gone(services, viewer)
    assert not any(any(sums) for sums in _sums(services).values()), _sums(services)


def test_the_aggregates_of_others_stay(services: Services, join: SignIn, drain: Drain) -> None:
    alice, bob = join("alice"), join("bob")
    _write(services, bob, 3)
    drain()
    before = _sums(services)
    kept = services.timelines.public(Page()).items[-1].twoot
    _write(services, alice, 3)
    services.twoots.publish(alice, Draft("to bob #one", reply_to=kept.id))
    drain()
    assert services.twoots.get(kept.id, None).twoot.replies == 3
    services.deletions.request(alice)
    drain()
    after = _sums(services)
    assert after["windows"][2] == before["windows"][2] - 5  # alice's own registration, in five windows
    del before["windows"][2], after["windows"][2]
    assert after == before
    assert services.twoots.get(kept.id, None).twoot.replies == 2
    assert len(services.timelines.public(Page()).items) == 3


@pytest.mark.parametrize("steps", range(6))
def test_a_deletion_killed_between_its_steps_goes_on_and_counts_once(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(deletions, "STEP_TWOOTS", 2)
    viewer = join("alice")
    services.confirmations.confirm_for("alice")
    _write(services, viewer, 5)
    services.deletions.request(viewer)
    committed = services.storage.transact
    left = [steps]

    def killed_after(work: Callable[[Any], Any]) -> Any:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return committed(work)

    count, sent = services.outboxes.seal()
    assert count
    monkeypatch.setattr(services.storage, "transact", killed_after)
    (delivery,) = [d for d in sent if d.consumer == "deletions"]
    with pytest.raises(Killed):
        services.batches.run("deletions", delivery.batch_id)
    monkeypatch.setattr(services.storage, "transact", committed)
    assert services.deletions.sweep() == 1
    assert services.deletions.sweep() == 0
    for again in sent:  # the broker delivers what was not acknowledged
        services.batches.run(again.consumer, again.batch_id)
    drain()
    assert _is_gone(services, viewer)
    assert not any(any(sums) for sums in _sums(services).values()), _sums(services)


def test_a_name_is_never_given_again_but_the_address_is_free(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    viewer = join("alice")
    services.confirmations.confirm_for("alice")
    services.deletions.request(viewer)
    drain()
    with pytest.raises(Conflict):
        services.accounts.register("alice", "alice@example.com", PASSWORD, None)
    services.accounts.register("alice2", "alice@example.com", PASSWORD, None)
    drain()
    services.confirmations.confirm(token_in(mails(settings.var_dir)[-1]))
    assert services.tokens.sign_in("alice@example.com", PASSWORD, Client(HOME)).bearer


def test_a_link_mailed_before_the_deletion_confirms_nothing(
    services: Services, settings: Settings, join: SignIn, drain: Drain
) -> None:
    viewer = join("alice")
    drain()
    token = token_in(mails(settings.var_dir)[0])
    services.deletions.request(viewer)
    with pytest.raises(Invalid):
        services.confirmations.confirm(token)
    drain()
    with pytest.raises(Invalid):
        services.confirmations.confirm(token)
    assert not _rows(services, "email_claims")


def test_a_run_that_takes_too_long_leaves_the_rest_to_the_sweep(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = join("alice")
    _write(services, viewer, 3)
    services.deletions.request(viewer)
    monkeypatch.setattr(deletions, "RUN_SECONDS", 0.0)
    drain()
    assert len(_rows(services, "twoots")) == 3
    assert services.deletions.sweep() == 0
    monkeypatch.setattr(deletions, "RUN_SECONDS", 20.0)
    assert services.deletions.sweep() == 1
    assert _is_gone(services, viewer)


def test_every_step_is_bounded(services: Services, join: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletions, "STEP_TWOOTS", 2)
    viewer = join("alice")
    _write(services, viewer, 5)
    services.deletions.request(viewer)
    left = []
    while not services.deletions.step(viewer.account_id):
        left.append(len(_rows(services, "twoots")))
    assert left == [3, 1, 0]
    assert services.storage.read(outbox.find_oldest_id) is not None
