"""Who may do what: every route with no token, a bad one, somebody else's, and the owner's own."""

import json
import sqlite3
import time
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pytest

from tests.faults.apps import App
from tests.faults.clients import PASSWORD, Answer, Client, Member, assert_refused
from tests.faults.conftest import SignUp
from tests.faults.operations import Operation, operations
from tests.processes import wait_until
from twooter.api.times import rfc3339

SEPARATE = 3
"""Tokens are `twt_<account>_<id>_<secret>`."""
ONES_OWN_SIDE = ("/follow", "/block", "/mute", "/note", "/like", "/retwoot", "/bookmark")
"""What one does with an account or a twoot of another's: it is kept at oneself, and taking it back is nobody else's."""
TRANSFERS = ("/v1/me/exports/{id}", "/v1/me/imports/")
"""What is done for an account in the background; only that account knows of it."""
ONES_OWN = ("/v1/me/", "/v1/follow-requests/")
"""What is of the one who asks, whatever ids are in it."""
COUNTED = ("followers", "likes", "retwoots", "quotes")
"""What others' doing moves."""


@pytest.fixture
def garbled(client: Client, sign_up: SignUp) -> list[str]:
    """Return what stands in the Authorization header of those who may not."""
    one, other = sign_up(), sign_up()
    prefix, account, id_, secret = one.token.split("_", SEPARATE)
    other_account = other.token.split("_", SEPARATE)[1]
    tokens = [
        "",
        "x",
        "null",
        "undefined",
        one.token[:-1],
        one.token + "A",
        one.token.upper(),
        f"{prefix}_{account}_{id_}_{secret[::-1]}",
        f"{prefix}_{other_account}_{id_}_{secret}",
        f"{prefix}_{account}_1_{secret}",
        f"{prefix}_{account}_{2**63}_{secret}",
        f"{prefix}_0_0_{'A' * 43}",
        f"{prefix}_{account}_{id_}_",
        f"{prefix}_{account}_{id_}_' OR '1'='1",
        f"{one.token},{one.token}",
        "twt_" + "9" * 5000,
    ]
    schemes = [f"Basic {one.token}", one.token, "Bearer", f"Bearer\t{one.token}", f"Token {one.token}", ""]
    return [*(f"Bearer {token}" for token in tokens), *schemes]


def protected(client: Client) -> list[Operation]:
    """Return what only somebody signed in may call."""
    return [operation for operation in operations(client) if operation.signed_in_only]


def test_without_a_token_nobody_passes(client: Client) -> None:
    found = protected(client)
    assert len(found) > 10
    for operation in found:
        assert_refused(client.call(operation.method, operation.address(), operation.plausible_body()), 401)


def test_a_token_in_the_query_is_none(client: Client, member: Member) -> None:
    for operation in protected(client):
        for name in ("token", "access_token", "bearer", "authorization"):
            address = operation.address(query={name: member.token})
            assert_refused(client.call(operation.method, address, operation.plausible_body()), 401)


def test_a_garbled_token_is_refused_wherever_one_is_read(client: Client, garbled: list[str]) -> None:
    for operation in operations(client):
        if operation.described["security"]:
            for header in garbled:
                headers = {"Authorization": header}
                answer = client.call(
                    operation.method, operation.address(), operation.plausible_body(), headers=headers
                )
                assert_refused(answer, 401)


def test_a_revoked_token_is_refused_from_the_next_request_on(client: Client, sign_up: SignUp) -> None:
    member = sign_up()
    kept = client.sign_in(member.username)
    id_ = member.token.split("_", SEPARATE)[2]
    assert client.call("DELETE", f"/v1/tokens/{id_}", token=kept).status == 204
    for operation in protected(client):
        answer = client.call(
            operation.method, operation.address(), operation.plausible_body(), token=member.token
        )
        assert_refused(answer, 401)
    assert client.call("DELETE", "/v1/tokens", token=kept).status == 204
    assert_refused(client.call("GET", "/v1/me", token=kept), 401)


def test_an_expired_token_is_refused(app: App, client: Client, sign_up: SignUp) -> None:
    member = sign_up()
    account, id_ = member.token.split("_", SEPARATE)[1:3]
    with sqlite3.connect(app.database_path, timeout=10) as database:
        database.execute("UPDATE tokens SET expires_ms = 1 WHERE account_id = ? AND id = ?", (account, id_))
    database.close()
    for operation in protected(client):
        answer = client.call(
            operation.method, operation.address(), operation.plausible_body(), token=member.token
        )
        assert_refused(answer, 401)


def test_a_token_dies_with_the_password_it_was_made_under(client: Client, sign_up: SignUp) -> None:
    member = sign_up()
    other = client.sign_in(member.username)
    change = {"old_password": PASSWORD, "password": PASSWORD + "!"}
    assert client.call("POST", "/v1/me/password", change, token=other).status == 204
    assert_refused(client.call("GET", "/v1/me", token=member.token), 401)
    assert client.call("GET", "/v1/me", token=other).status == 200


def test_no_token_outlives_its_account(client: Client, sign_up: SignUp) -> None:
    member = sign_up()
    twoot = client.publish(member, "Soon gone #deleted")
    assert client.call("DELETE", "/v1/me", token=member.token).status == 202
    for operation in protected(client):
        answer = client.call(
            operation.method, operation.address(), operation.plausible_body(), token=member.token
        )
        assert_refused(answer, 401)
    assert_refused(client.call("GET", f"/v1/twoots/{twoot}"), 404)
    assert_refused(client.call("GET", f"/v1/accounts/{member.id}"), 404)
    assert_refused(client.call("GET", f"/v1/accounts/lookup?username={member.username}"), 404)


class Belongings:
    """What an owner has, to be put into the paths of all routes, and to be found untouched afterwards."""

    def __init__(self, client: Client, owner: Member) -> None:
        self._client, self.owner = client, owner
        self.twoot = client.publish(owner, "Mine #mine")
        self._transfers: dict[str, str] = {}
        self._ids = {
            "accounts": owner.id,
            "twoots": self.twoot,
            "tokens": owner.token.split("_", SEPARATE)[2],
            "me": owner.id,
            "follow-requests": owner.id,
        }

    def places(self, operation: Operation) -> dict[str, str]:
        """Return the owner's ids for the parameters of a path; a new noun is to be added to `_ids` above."""
        noun = operation.path.split("/")[2] if operation.path.startswith("/v1/") else ""
        if noun == "moderation":
            noun = operation.path.split("/")[3]
        if noun == "reports" and operation.parameters("path"):
            return {"id": self.report_id}
        if operation.path.startswith(TRANSFERS):
            return {name: self.transfer_id(operation.path) for name in operation.parameters("path")}
        if noun == "scheduled":
            return dict.fromkeys(operation.parameters("path"), self.scheduled_id)
        if noun in ("lists", "timelines"):
            return {
                name: {"id": self.list_id}.get(name, self.owner.id) for name in operation.parameters("path")
            }
        return {name: self._ids[noun] if name == "id" else "mine" for name in operation.parameters("path")}

    @cached_property
    def list_id(self) -> str:
        """Return a list of the owner's, made when it is first asked for."""
        made = self._client.call("POST", "/v1/lists", {"title": "Mine"}, token=self.owner.token)
        return str(made.json["id"])

    @cached_property
    def scheduled_id(self) -> str:
        """Return a twoot that the owner has scheduled, made when it is first asked for."""
        given = {"text": "Mine later", "scheduled_at": later(hours=1)}
        return str(self._client.call("POST", "/v1/twoots", given, token=self.owner.token).json["id"])

    @cached_property
    def report_id(self) -> str:
        """Return a report of the owner's, made when it is first asked for."""
        given = {"account_id": "1", "reason": "spam"}
        return str(self._client.call("POST", "/v1/reports", given, token=self.owner.token).json["id"])

    def transfer_id(self, path: str) -> str:
        """Return an export, or an import, of the owner's, made when it is first asked for, and done."""
        place = "/v1/me/exports" if "/exports/" in path else "/v1/me/imports/following"
        if place not in self._transfers:
            given = None if place.endswith("exports") else {"usernames": ["nobody_at_all"]}
            made = self._client.call("POST", place, given, token=self.owner.token).json["id"]
            wait_until(
                lambda: self._client.call("GET", f"{place}/{made}", token=self.owner.token).json["ended_at"],
                seconds=60,
                what="the end of what was asked for",
            )
            self._transfers[place] = str(made)
        return self._transfers[place]

    def state(self) -> list[object]:
        """Return all that the owner sees of what is the owner's."""
        addresses = [
            "/v1/me",
            f"/v1/twoots/{self.twoot}",
            f"/v1/accounts/{self.owner.id}/twoots",
            "/v1/tokens",
            f"/v1/lists/{self.list_id}",
            f"/v1/lists/{self.list_id}/accounts",
            "/v1/me/hashtags",
            f"/v1/scheduled/{self.scheduled_id}",
            "/v1/scheduled",
        ]
        answers = [self._client.call("GET", address, token=self.owner.token) for address in addresses]
        return [_uncounted(answer.json) for answer in answers] + [self._sign_in().status]

    def secrets(self) -> list[bytes]:
        """Return what nobody else may read."""
        return [self.owner.email.encode(), self.owner.token.encode(), f'"{self._ids["tokens"]}"'.encode()]

    def _sign_in(self) -> Answer:
        wrong = {"username": self.owner.username, "password": PASSWORD + "?"}
        return self._client.call("POST", "/v1/tokens", wrong)


@pytest.fixture
def belongings(client: Client, sign_up: SignUp) -> Iterator[Belongings]:
    """Return what an account has, and see afterwards that nobody has touched it."""
    found = Belongings(client, sign_up())
    before = found.state()
    yield found
    assert found.state() == before


def test_nobody_without_a_token_changes_or_reads_what_is_an_owners(
    client: Client, belongings: Belongings
) -> None:
    for operation in operations(client):
        answer = client.call(
            operation.method, operation.address(belongings.places(operation)), operation.plausible_body()
        )
        assert (answer.status == 401) == operation.signed_in_only or operation.path == "/v1/tokens", str(
            operation
        )
        _assert_says_nothing(operation, answer, belongings)


def test_another_account_changes_or_reads_nothing_of_an_owners(
    client: Client, sign_up: SignUp, belongings: Belongings
) -> None:
    stranger = sign_up()
    for operation in operations(client):
        stranger = _still(client, stranger, sign_up)
        answer = client.call(
            operation.method,
            operation.address(belongings.places(operation)),
            operation.plausible_body(),
            token=stranger.token,
        )
        ones_own = operation.path.endswith(ONES_OWN_SIDE) or operation.path.startswith(ONES_OWN)
        if operation.method == "DELETE" and operation.parameters("path") and not ones_own:
            assert_refused(answer, 403, 404)
        _assert_says_nothing(operation, answer, belongings)


def test_another_account_cannot_smuggle_an_owners_id_into_a_body(
    client: Client, sign_up: SignUp, belongings: Belongings
) -> None:
    """Fields that no model names change nothing, whatever they are called."""
    stranger = sign_up()
    owner = belongings.owner.id
    smuggled: dict[str, object] = {
        "id": owner,
        "account_id": owner,
        "author_id": owner,
        "role": "admin",
        "state": "suspended",
    }
    smuggled |= {"email_confirmed": True, "viewer": owner, "user_id": owner, "twoots": 10**6}
    for operation in operations(client):
        body = operation.plausible_body()
        if body is not None and operation.signed_in_only:
            client.call(operation.method, operation.address(), {**body, **smuggled}, token=stranger.token)
    me = client.call("GET", "/v1/me", token=stranger.token).json
    assert (me["id"], me["role"], me["email_confirmed"]) == (stranger.id, "user", False)


def test_only_moderators_and_administrators_read_what_is_for_them(client: Client, member: Member) -> None:
    forbidden = [
        str(operation)
        for operation in protected(client)
        if operation.method == "GET"
        and client.call("GET", operation.address(), token=member.token).status == 403
    ]
    assert forbidden == [
        "GET /v1/moderation/reports",
        "GET /v1/moderation/log",
        "GET /v1/analytics/requests",
        "GET /v1/analytics/queries",
    ]


def test_a_moderator_may_do_what_is_for_moderators_with_what_is_anybodys(
    app: App, client: Client, sign_up: SignUp
) -> None:
    moderator = sign_up()
    app.promote(moderator.id, "moderator")
    found = [x for x in operations(client) if x.path.startswith("/v1/moderation/")]
    assert len(found) > 8
    for operation in found:
        belongings = Belongings(client, sign_up())
        address = operation.address(belongings.places(operation))
        answer = client.call(operation.method, address, operation.plausible_body(), token=moderator.token)
        assert answer.status in (200, 204), (str(operation), answer)
        own = Belongings(client, moderator)
        if operation.parameters("path") and "reports" not in operation.path:
            address = operation.address(own.places(operation))
            assert_refused(
                client.call(operation.method, address, operation.plausible_body(), token=moderator.token), 403
            )


def test_an_owner_may_do_all_this(client: Client, sign_up: SignUp) -> None:
    """The last control: what others were refused was not refused for another reason."""
    owner = sign_up()
    for operation in operations(client):
        owner = _still(client, owner, sign_up)
        body = operation.plausible_body()
        if body and "old_password" in body:
            body["old_password"] = PASSWORD
        if operation.path.endswith("/accounts/{member}"):
            doer, places = _with_a_list(client, sign_up)
        elif operation.path.endswith("/vote"):
            doer, places = owner, _with_a_poll(client, sign_up)
        elif _is_about_another(operation):
            doer, places = _asked(client, sign_up)
        else:
            doer, places = owner, Belongings(client, owner).places(operation)
        answer = client.call(operation.method, operation.address(places), body, token=doer.token)
        if operation.signed_in_only and not operation.path.startswith(("/v1/analytics/", "/v1/moderation/")):
            assert answer.status in (200, 201, 202, 204), (str(operation), answer)


def _is_about_another(operation: Operation) -> bool:
    """Return whether nobody can do this with oneself."""
    if operation.path.startswith(TRANSFERS):
        return False
    noun, *rest = operation.path.removeprefix("/v1/").split("/")
    return noun == "follow-requests" or (noun in ("accounts", "me") and len(rest) > 1 and "{id}" in rest)


def _asked(client: Client, sign_up: SignUp) -> tuple[Member, dict[str, str]]:
    """Return a protected account, and the id of another one that has asked to follow it."""
    owner, other = sign_up(), sign_up()
    assert client.call("PATCH", "/v1/me", {"protected": True}, token=owner.token).status == 200
    assert client.call("PUT", f"/v1/accounts/{owner.id}/follow", token=other.token).status == 200
    wait_until(
        lambda: client.call("GET", "/v1/follow-requests", token=owner.token).json["items"],
        seconds=30,
        what="the request",
    )
    return owner, {"id": other.id}


def _with_a_list(client: Client, sign_up: SignUp) -> tuple[Member, dict[str, str]]:
    """Return an account, a list of its own and the id of somebody whom it follows."""
    owner, other = sign_up(), sign_up()
    assert client.call("PUT", f"/v1/accounts/{other.id}/follow", token=owner.token).status == 200
    return owner, {"id": Belongings(client, owner).list_id, "member": other.id}


def _with_a_poll(client: Client, sign_up: SignUp) -> dict[str, str]:
    """Return a twoot of somebody's that asks something."""
    poll = {"options": ["yes", "no"], "expires_at": later(hours=1)}
    asked = {"text": "Well?", "poll": poll}
    return {"id": client.call("POST", "/v1/twoots", asked, token=sign_up().token).json["id"]}


def later(*, hours: int) -> str:
    """Return a time some hours from now, as JSON has it."""
    return rfc3339(int((time.time() + 3_600 * hours) * 1000))


def _uncounted(value: Any) -> Any:
    """Return JSON without what others' doing moves."""
    if isinstance(value, dict):
        return {name: _uncounted(part) for name, part in value.items() if name not in COUNTED}
    return [_uncounted(part) for part in value] if isinstance(value, list) else value


def _still(client: Client, member: Member, sign_up: SignUp) -> Member:
    """Return the account, or another one after it did away with itself or its token."""
    return member if client.call("GET", "/v1/me", token=member.token).status == 200 else sign_up()


def _assert_says_nothing(operation: Operation, answer: Answer, belongings: Belongings) -> None:
    for secret in belongings.secrets():
        assert secret not in answer.body, (str(operation), json.loads(answer.body))
