"""What attackers type into every field, parameter and header of every route: plain data, and nothing else."""

import secrets
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import quote

import pytest

from tests.faults.apps import App
from tests.faults.clients import TELLTALES, Answer, Client, Member, assert_refused
from tests.faults.conftest import SignUp
from tests.faults.operations import Operation, kinds, operations
from tests.processes import wait_until

PAYLOADS = [
    "' OR '1'='1",
    "' OR 1=1 -- ",
    '" OR ""="',
    "'; DROP TABLE accounts; --",
    "1; DELETE FROM twoots",
    "') UNION SELECT email FROM credentials --",
    "1 AND SLEEP(5)",
    "\\",
    "\\'",
    "%",
    "_%",
    "`",
    "/**/",
    "?",
    ":p0",
    "%s",
    "%(id)s",
    "{0.__class__}",
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "$(id)",
    "| cat /etc/passwd",
    "../../../../etc/passwd",
    "http://127.0.0.1:1/",
    "a\r\nSet-Cookie: b=c",
    "\u202e\u2066",
    "=1+1",
    "\U0001f4a9",
]
HEADERS = (
    "User-Agent",
    "X-Forwarded-For",
    "X-Request-ID",
    "Origin",
    "If-None-Match",
    "Accept",
    "Idempotency-Key",
    "Cookie",
    "Referer",
    "Accept-Language",
    "Host",
    "Content-Encoding",
    "Authorization",
)


@pytest.fixture(scope="module")
def bystander(app: App) -> Member:
    """Return an account whose things stay as they are, whatever is sent by others."""
    client = Client(app.port)
    found = client.sign_up(f"bystander_{secrets.token_hex(4)}")
    client.publish(found, f"Untouched #{found.username}")
    return found


def everything_of(client: Client, bystander: Member) -> object:
    """Return what the bystander sees of what is the bystander's."""
    addresses = ("/v1/me", f"/v1/accounts/{bystander.id}/twoots", "/v1/tokens")
    return [client.call("GET", address, token=bystander.token).json for address in addresses]


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_in_every_parameter_and_field_it_is_plain_data(
    app: App, client: Client, sign_up: SignUp, bystander: Member, payload: str
) -> None:
    before, member = everything_of(client, bystander), sign_up()
    tries = [(o, place, name) for o in operations(client) for place, name in _places(o)]
    assert len(tries) > 40

    def send(tried: tuple[Operation, str, str]) -> tuple[Operation, Answer]:
        return tried[0], _send(client, *tried, payload, member)

    with ThreadPoolExecutor(4) as pool:
        for operation, answer in pool.map(send, tries):
            _assert_plain(operation, answer, bystander)
    assert everything_of(client, bystander) == before


@pytest.mark.parametrize("header", HEADERS)
def test_in_every_header_it_is_plain_data(app: App, client: Client, bystander: Member, header: str) -> None:
    before = everything_of(client, bystander)
    for payload in PAYLOADS:
        value = payload.encode().decode("latin-1").replace("\r\n", " ")
        for method, address, body in (
            ("GET", "/v1/timelines/tags/none", None),
            ("GET", "/v1/me", None),
            ("POST", "/messages", {"text": "From a header", "tag": "headers"}),
        ):
            answer = client.call(method, address, body, headers={header: value})
            assert answer.status < 500
            assert bystander.email.encode() not in answer.body
            assert not TELLTALES.search(answer.body)
    assert everything_of(client, bystander) == before


def test_the_database_is_whole_afterwards(app: App) -> None:
    with closing(sqlite3.connect(app.database_path, timeout=10)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        promoted = {row[0] for row in database.execute("SELECT id FROM accounts WHERE role <> 'user'")}
    assert promoted == app.promoted


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_what_is_stored_is_what_was_sent_and_shown_without_markup(
    app: App, client: Client, member: Member, payload: str
) -> None:
    sent = payload.replace("\r\n", "\n").strip()
    made = client.call("POST", "/v1/twoots", {"text": payload}, token=member.token)
    shown = client.call("GET", f"/v1/twoots/{made.json['id']}").json
    assert shown["text"] == sent
    assert "<script" not in shown["html"]
    assert 'href="javascript' not in shown["html"]
    assert client.call("POST", "/messages", {"text": payload, "tag": payload}).status == 200
    newest = client.call("GET", f"/messages?tag={quote(payload, safe='')}&limit=1").json[0]
    assert (newest["text"], newest["tag"]) == (payload, payload)
    if "\n" not in sent:
        changed = client.call(
            "PATCH", "/v1/me", {"display_name": payload, "bio": payload}, token=member.token
        )
        assert (changed.json["display_name"], changed.json["bio"]) == (sent, sent)


def test_tags_of_any_text_are_counted_under_their_own_name(client: Client) -> None:
    tags = [f"{payload} {secrets.token_hex(4)}" for payload in PAYLOADS]
    for tag in tags:
        assert client.call("POST", "/messages", {"text": "Counted", "tag": tag}).status == 200

    def counted() -> bool:
        years = client.call("GET", "/management/message-stats").json.values()
        return all(any(year.get(tag) == 1 for year in years) for tag in tags)

    wait_until(counted, seconds=20, what="statistics of strange tags")


def test_wildcards_of_a_prefix_stand_for_themselves(client: Client, member: Member) -> None:
    word = secrets.token_hex(4)
    for tag in (f"w{word}_x", f"w{word}yx", f"_{word}"):
        client.publish(member, f"#{tag}")

    def found(prefix: str) -> set[str]:
        items = client.call("GET", f"/v1/hashtags?prefix={quote(prefix, safe='')}").json["items"]
        return {item["name"] for item in items}

    assert found(f"w{word}_") == {f"w{word}_x"}
    assert found(f"w{word}") == {f"w{word}_x", f"w{word}yx"}
    assert found(f"_{word}") == {f"_{word}"}
    for nothing in (f"w{word}%", "%", f"{word}", f"w{word}[_y]", f"w{word}\\_"):
        assert not [name for name in found(nothing) if word in name]


def _places(operation: Operation) -> list[tuple[str, str]]:
    """Return where an operation takes text."""
    found = [
        (place, name)
        for place in ("path", "query", "header")
        for name, schema in operation.parameters(place).items()
        if kinds(schema) & {"string", "array"}
    ]
    return found + [("body", name) for name, schema in operation.fields.items() if "string" in kinds(schema)]


def _send(
    client: Client, operation: Operation, place: str, name: str, payload: str, member: Member
) -> Answer:
    places = {name: payload} if place == "path" else None
    query = operation.plausible_query(**({name: payload} if place == "query" else {}))
    body = operation.plausible_body(**({name: payload} if place == "body" else {}))
    printable = payload.encode().decode("latin-1").replace("\r\n", " ")
    headers = {name: printable} if place == "header" else {}
    token = member.token if operation.described["security"] else None
    return client.call(operation.method, operation.address(places, query), body, token=token, headers=headers)


def _assert_plain(operation: Operation, answer: Answer, bystander: Member) -> None:
    assert answer.status in operation.statuses | {400, 404}, (str(operation), answer)
    assert answer.status < 500 or answer.status == 503, (
        str(operation),
        answer,
    )  # 503: too many hashes at once
    if answer.status >= 400:
        assert_refused(answer, answer.status)
    assert bystander.email.encode() not in answer.body, (str(operation), answer)
    if "tag" in str(operation) and "public" not in str(operation):
        assert b"Untouched" not in answer.body, (str(operation), answer)
    assert "set-cookie" not in answer.headers
