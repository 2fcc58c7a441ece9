"""Accounts: registered by claim, found by name, changed, suspended."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.houses import PASSWORD
from tests.services.conftest import HOME, SignIn
from twooter.domain.accounts import Role
from twooter.domain.clients import Client
from twooter.domain.twoots import Draft
from twooter.errors import Conflict, Invalid, NotFound, Unauthorized
from twooter.services.accounts import PENDING_MS
from twooter.services.house import Services
from twooter.storage import claims


def test_a_registered_account_is_found_by_id_and_by_name_in_any_case(services: Services) -> None:
    made = services.accounts.register("Alice_1", "alice@example.com", PASSWORD, None)
    assert made.username == "alice_1"
    assert services.accounts.get(made.id) == made == services.accounts.lookup("ALICE_1")


@pytest.mark.parametrize(
    "username",
    [
        "",
        "a b",
        "a-b",
        "\uff41\uff4c\uff49\uff43\uff45",
        "\u0430lice",
        "alice\n",
        "a" * 31,
        "admin",
        "Imported",
        "\u017f",
        "é",
        "٣",
    ],
)
def test_a_name_that_is_none_or_reserved_is_refused(services: Services, username: str) -> None:
    with pytest.raises(Invalid):
        services.accounts.register(username, "alice@example.com", PASSWORD, None)


@pytest.mark.parametrize(
    "email", ["", "alice", "@example.com", "a@b@c.example", "a" * 250 + "@example.com", "a\n@x.org"]
)
def test_what_is_no_mail_address_is_refused(services: Services, email: str) -> None:
    with pytest.raises(Invalid) as caught:
        services.accounts.register("alice", email, PASSWORD, None)
    assert caught.value.errors[0].field == "email"


@pytest.mark.parametrize("password", ["", "1234567", "x" * 257, "null\0byte"])
def test_a_bad_password_is_refused(services: Services, password: str) -> None:
    with pytest.raises(Invalid) as caught:
        services.accounts.register("alice", "alice@example.com", password, None)
    assert caught.value.errors[0].field == "password"


def test_a_taken_name_is_a_conflict(services: Services) -> None:
    services.accounts.register("alice", "alice@example.com", PASSWORD, None)
    with pytest.raises(Conflict) as caught:
        services.accounts.register("ALICE", "other@example.com", PASSWORD, None)
    assert caught.value.code == "username_taken"


def test_a_claim_without_an_account_is_swept_after_ten_minutes(services: Services) -> None:
    now_ms = services.ids.now_ms()
    for username, age_ms in (("old", PENDING_MS + 1000), ("new", PENDING_MS - 60_000)):
        services.storage.transact(
            partial(
                claims.claim_username,
                username=username,
                account_id=services.ids.make(),
                now_ms=now_ms - age_ms,
            )
        )
    assert services.accounts.sweep_claims() == 1
    assert services.accounts.register("old", "old@example.com", PASSWORD, None).username == "old"
    with pytest.raises(Conflict):
        services.accounts.register("new", "new@example.com", PASSWORD, None)


def test_a_claim_whose_account_was_written_is_settled_by_the_sweep(services: Services) -> None:
    made = services.accounts.register("alice", "alice@example.com", PASSWORD, None)
    services.storage.database.execute_sql(
        "UPDATE username_claims SET pending_since_ms = 1 WHERE username = 'alice'"
    )
    assert services.accounts.sweep_claims() == 1
    assert services.accounts.sweep_claims() == 0
    assert services.accounts.lookup("alice") == made


def test_a_profile_changes_in_part(services: Services, join: SignIn) -> None:
    viewer = join("alice")
    services.accounts.change_profile(viewer, display_name="Alice 👩‍🚀", bio=None)
    account, credential = services.accounts.change_profile(viewer, display_name=None, bio=" two\r\nlines ")
    assert (account.display_name, account.bio) == ("Alice 👩‍🚀", "two\nlines")
    assert (credential.email, credential.email_confirmed_ms) == ("alice@example.com", None)


def test_a_bio_has_160_graphemes(services: Services, join: SignIn) -> None:
    viewer = join("alice")
    services.accounts.change_profile(viewer, display_name=None, bio="👨‍👩‍👧‍👦" * 160)
    with pytest.raises(Invalid):
        services.accounts.change_profile(viewer, display_name=None, bio="x" * 161)
    with pytest.raises(Invalid):
        services.accounts.change_profile(viewer, display_name="two\nlines", bio=None)


def test_a_suspended_account_is_hidden_and_signed_out_until_that_is_lifted(
    services: Services, join: SignIn
) -> None:
    viewer = join("alice")
    bearer = services.tokens.issue(viewer.account_id, Client(HOME)).bearer
    card = services.twoots.publish(viewer, Draft("hello"))
    services.accounts.suspend("alice")
    with pytest.raises(Unauthorized):
        services.authenticate(bearer)
    with pytest.raises(Unauthorized):
        services.tokens.sign_in("alice", PASSWORD, Client(HOME))
    with pytest.raises(NotFound):
        services.accounts.lookup("alice")
    with pytest.raises(NotFound):
        services.twoots.get(card.twoot.id, None)
    with pytest.raises(NotFound):  # a request that was authenticated a moment before
        services.twoots.publish(viewer, Draft("too late"))
    services.accounts.suspend("alice", lift=True)
    assert services.authenticate(bearer).username == "alice"
    assert services.twoots.get(card.twoot.id, None).twoot == card.twoot


def test_a_claim_that_was_lost_a_moment_ago_is_a_conflict(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "find_by_username", lambda *_: None)  # both have looked before either claimed
    services.accounts.register("alice", "alice@example.com", PASSWORD, None)
    with pytest.raises(Conflict):
        services.accounts.register("alice", "other@example.com", PASSWORD, None)


def test_a_role_holds_from_the_next_request(services: Services, join: SignIn) -> None:
    bearer = services.tokens.issue(join("alice").account_id, Client(HOME)).bearer
    services.accounts.promote("Alice", Role.ADMIN)
    assert services.authenticate(bearer).role is Role.ADMIN
    with pytest.raises(NotFound):
        services.accounts.promote("nobody", Role.ADMIN)


def test_new_accounts_are_counted_by_windows(services: Services, drain: Callable[[], None]) -> None:
    services.accounts.register("alice", "alice@example.com", PASSWORD, None)
    drain()
    rows = services.storage.database.execute_sql("SELECT DISTINCT accounts FROM windows").fetchall()
    assert [row[0] for row in rows] == [1]
