"""Tokens: signed in for, proved in one query, listed, revoked."""

import hashlib

import pytest
from argon2 import PasswordHasher

from tests.houses import PASSWORD
from tests.services.conftest import HOME, SignIn
from twooter.domain.accounts import Role, Viewer
from twooter.domain.clients import Client
from twooter.domain.pages import Page
from twooter.errors import NotFound, Unauthorized
from twooter.services.hashes import Hashes
from twooter.services.house import Services
from twooter.services.tokens import TOUCH_MS
from twooter.storage.tables import Credentials, Tokens


def _statements(services: Services) -> list[str]:
    names: list[str] = []
    services.storage.observers.append(lambda name, *_: names.append(name))
    return names


def _end(services: Services, token_id: int) -> None:
    with services.storage.database.bind_ctx([Tokens]):
        Tokens.update(expires_ms=1).where(Tokens.id == token_id).execute()


def test_a_token_proves_who_is_asking_in_one_query(services: Services, join: SignIn) -> None:
    bearer = services.tokens.issue(join("alice").account_id, Client(HOME)).bearer
    names = _statements(services)
    viewer = services.authenticate(bearer)
    assert names == ["token_proof"]
    assert (viewer.username, viewer.email_confirmed) == ("alice", False)


def test_only_the_hash_of_the_secret_is_stored(services: Services, join: SignIn) -> None:
    bearer = services.tokens.issue(join("alice").account_id, Client(HOME)).bearer
    secret = bearer.split("_", 3)[3]
    assert len(secret) == 43  # 256 bits in base64
    rows = services.storage.database.execute_sql("SELECT * FROM tokens").fetchall()
    assert secret not in repr(rows)
    assert hashlib.sha256(secret.encode()).hexdigest() in repr(rows)


def test_whatever_is_wrong_with_a_token_is_refused_in_the_same_words(
    services: Services, join: SignIn
) -> None:
    viewer = join("alice")
    new = lambda: services.tokens.issue(viewer.account_id, Client(HOME))  # noqa: E731 - a name for four tokens
    good, revoked, expired = new(), new(), new()
    services.tokens.revoke(viewer, revoked.token.id)
    _end(services, expired.token.id)
    other = services.tokens.issue(join("bob").account_id, Client(HOME))
    swapped = f"{good.bearer.rpartition('_')[0][:-1]}_{other.bearer[-43:]}"
    garbled = [
        "", "x", "twt_", "twt_1_1_x", "twt_0_0_" + "a" * 43, good.bearer[:-1], good.bearer + "a", good.bearer.upper(),
        good.bearer.replace("twt_", "twt_9"), f"twt_{2**64}_{2**70}_" + "a" * 43, "twt_-1_1_" + "a" * 43,
        f"twt_{good.token.id}_{viewer.account_id}_{good.bearer[-43:]}", swapped, "é" * 60, "'; DROP TABLE tokens; --",
        f"twt_{viewer.account_id}_{good.token.id}_" + "a" * 43, f"twt_{viewer.account_id}_{good.token.id}_" + "٣" * 43,
    ]  # fmt: skip
    texts = set()
    for text in [*garbled, revoked.bearer, expired.bearer]:
        with pytest.raises(Unauthorized) as caught:
            services.authenticate(text)
        texts.add((caught.value.detail, caught.value.code))
    assert len(texts) == 1
    assert services.authenticate(good.bearer).token_id == good.token.id


def test_one_signs_in_with_the_name_in_any_case_or_the_confirmed_address(
    services: Services, join: SignIn
) -> None:
    join("alice")
    client = Client(HOME, user_agent="curl/8")
    assert services.tokens.sign_in("ALICE", PASSWORD, client).token.user_agent == "curl/8"
    with pytest.raises(Unauthorized):
        services.tokens.sign_in("alice@example.com", PASSWORD, client)
    services.confirmations.confirm_for("alice")
    made = services.tokens.sign_in("Alice@Example.COM", PASSWORD, client)
    assert services.authenticate(made.bearer).email_confirmed


def test_an_address_is_the_same_in_both_writings_of_its_domain(services: Services) -> None:
    services.accounts.register("alice", "Alice@b\u00fccher.example", PASSWORD, None)
    services.confirmations.confirm_for("alice")
    for email in ("alice@b\u00fccher.example", "alice@BU\u0308CHER.example", "ALICE@xn--bcher-kva.example"):
        assert services.tokens.sign_in(email, PASSWORD, Client(HOME)).bearer


@pytest.mark.parametrize("changes", [{"limit_sign_ins": "1000/minute"}])
def test_an_unknown_name_costs_the_same_hash_and_queries_as_a_wrong_password(
    services: Services, join: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    join("alice")
    verified: list[str] = []
    verify = PasswordHasher.verify

    def spy(self: PasswordHasher, password_hash: str, password: str) -> bool:
        verified.append(password_hash.rsplit("$", 2)[0])
        return verify(self, password_hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", spy)
    names = _statements(services)
    seen = []
    for name in ("alice", "nobody", "no name at all", "imported"):
        with pytest.raises(Unauthorized) as caught:
            services.tokens.sign_in(name, "wrong password", Client("198.51.100.7"))
        seen.append((str(caught.value), caught.value.code, tuple(names), tuple(verified)))
        names.clear()
        verified.clear()
    assert len(set(seen)) == 1
    assert seen[0][3] == ("$argon2id$v=19$m=19456,t=2,p=1",)


def test_a_password_changed_meanwhile_gives_no_token(
    services: Services, join: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = join("alice")
    verify = Hashes.verify

    def slow(self: Hashes, password_hash: str | None, password: str) -> bool:
        monkeypatch.setattr(Hashes, "verify", verify)
        fine = verify(self, password_hash, password)
        services.passwords.change(viewer, PASSWORD, "another password", Client(HOME))
        return fine

    monkeypatch.setattr(Hashes, "verify", slow)
    with pytest.raises(Unauthorized):
        services.tokens.sign_in("alice", PASSWORD, Client(HOME))


def test_tokens_are_listed_newest_first_without_those_that_ended(services: Services, join: SignIn) -> None:
    viewer = join("alice")
    made = [services.tokens.issue(viewer.account_id, Client(HOME)).token for _ in range(4)]
    _end(services, made[1].id)
    services.tokens.revoke(viewer, made[2].id)
    first = services.tokens.fetch(viewer, Page(2))
    assert list(first.items) == [made[3], made[0]]
    rest = services.tokens.fetch(viewer, Page(2, before=first.next_before))
    assert [token.id for token in rest.items] == [viewer.token_id]


def test_nobody_revokes_the_token_of_another(services: Services, join: SignIn) -> None:
    alice, bob = join("alice"), join("bob")
    with pytest.raises(NotFound):
        services.tokens.revoke(bob, alice.token_id)
    services.tokens.revoke_all(bob)
    assert [token.id for token in services.tokens.fetch(alice, Page(9)).items] == [alice.token_id]
    assert not services.tokens.fetch(bob, Page(9)).items


def test_the_last_use_is_written_outside_the_request_and_rarely(services: Services, join: SignIn) -> None:
    made = services.tokens.issue(join("alice").account_id, Client(HOME))
    services.authenticate(made.bearer)
    names = _statements(services)
    services.tokens.flush()
    assert names == []  # used within the last ten minutes: nothing to write
    long_ago_ms = made.token.created_ms - 2 * TOUCH_MS
    with services.storage.database.bind_ctx([Tokens]):
        Tokens.update(last_used_ms=long_ago_ms).execute()
    viewer = services.authenticate(made.bearer)
    services.authenticate(made.bearer)
    services.tokens.flush()
    services.tokens.flush()
    assert names == ["token_proof", "token_proof", "token_touch"]
    assert services.tokens.fetch(viewer, Page(1)).items[0].last_used_ms >= made.token.created_ms


def test_signing_in_removes_the_tokens_that_ended(services: Services, join: SignIn) -> None:
    viewer = join("alice")
    _end(services, viewer.token_id)
    services.tokens.issue(viewer.account_id, Client(HOME))
    assert services.storage.database.execute_sql("SELECT COUNT(*) FROM tokens").fetchone()[0] == 1


def test_an_old_hash_is_replaced_at_the_next_sign_in(services: Services, join: SignIn) -> None:
    viewer = join("alice")
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with services.storage.database.bind_ctx([Credentials]):
        Credentials.update(password_hash=old).execute()
    bearer = services.tokens.sign_in("alice", PASSWORD, Client(HOME)).bearer
    (stored,) = services.storage.database.execute_sql("SELECT password_hash FROM credentials").fetchone()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    services.tokens.sign_in("alice", PASSWORD, Client(HOME))
    assert services.authenticate(bearer).account_id == viewer.account_id  # the same password: tokens stay


def test_a_token_proved_with_what_is_asked_next_tells_of_its_account_as_it_is(
    services: Services, join: SignIn
) -> None:
    alice = join("alice")
    bearer = services.tokens.issue(alice.account_id, Client(HOME)).bearer

    def read() -> tuple[Viewer, list[str]]:
        proved: list[Viewer] = []
        names = _statements(services)
        services.tokens.authenticate_later(bearer, proved.append)
        services.tokens.settle()
        return proved[0], names.copy()

    services.tokens.authenticate_later(bearer, lambda _: None)  # this process has met it now
    assert read() == (services.authenticate(bearer), ["token_holds"])
    services.accounts.change_profile(alice, display_name="Alice L.", bio=None, protected=True)
    services.accounts.promote("alice", Role.MODERATOR)
    services.followed_hashtags.follow(alice, "tea")
    changed, names = read()
    assert (changed.display_name, changed.protected, changed.role) == ("Alice L.", True, Role.MODERATOR)
    assert changed.follows_hashtags
    assert names == ["token_holds", "token_proof"]
    assert read() == (changed, ["token_holds"])
    services.tokens.revoke(alice, changed.token_id)
    services.tokens.authenticate_later(bearer, lambda _: None)
    with pytest.raises(Unauthorized):
        services.tokens.settle()
