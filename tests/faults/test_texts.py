"""Text at its limits and beyond: counted as people count, kept as it was sent, or refused; never a database's error."""

import secrets
import time

import pytest

from tests.faults.apps import App
from tests.faults.clients import PASSWORD, Answer, Client, Member, assert_refused

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
"""Four people, one character as people count: seven code points."""
KISS = "\U0001f469\U0001f3fb\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f468\U0001f3ff"
FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
CHARACTERS = {
    "a letter": "a",
    "a letter with an accent of its own": "e\u0301",
    "Arabic": "\u0639",
    "Devanagari": "\u0915\u094d\u0937\u093f",
    "Hangul in pieces": "\u1112\u1161\u11ab",
    "a family": FAMILY,
    "a kiss": KISS,
    "Scotland": FLAG,
    "a letter under thirty accents": "a" + "\u0300" * 30,
}
CONTROLS = ["\0", "\x01", "\x07", "\x08", "\x0b", "\x0c", "\x1b", "\x7f", "\x80", "\x85", "\x9f"]
BREAKS = ["\n", "\t", "\r", "\u2028", "\u2029"]


@pytest.fixture(scope="module")
def members() -> dict[str, Member]:
    """Return what `member_of` remembers."""
    return {}


@pytest.fixture
def author(shape: App, members: dict[str, Member]) -> Member:
    """Return an account in either shape."""
    if shape.url not in members:
        members[shape.url] = Client(shape.port).sign_up(f"author_{secrets.token_hex(4)}")
    return members[shape.url]


def publish(shape: App, author: Member, text: str) -> Answer:
    """Publish a text."""
    return Client(shape.port).call("POST", "/v1/twoots", {"text": text}, token=author.token)


@pytest.mark.parametrize("character", CHARACTERS.values(), ids=CHARACTERS)
def test_a_twoot_has_1_to_280_characters(shape: App, author: Member, character: str) -> None:
    for count in (1, 280):
        made = publish(shape, author, character * count)
        assert made.status == 201, made
        assert (
            Client(shape.port).call("GET", f"/v1/twoots/{made.json['id']}").json["text"] == character * count
        )
    assert (
        assert_refused(publish(shape, author, character * 281), 422).json["errors"][0]["code"] == "too_long"
    )


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\r\n", "\t", "\u3000", "\u2003"])
def test_an_empty_twoot_is_refused(shape: App, author: Member, text: str) -> None:
    assert assert_refused(publish(shape, author, text), 422).json["errors"][0]["field"] == "text"


@pytest.mark.parametrize(
    "text", ["a" + "\u0300" * 9_999, "\u200d" * 10_000, "a" * 10_001, KISS * 900, FLAG * 281]
)
def test_a_twoot_that_would_outgrow_its_column_is_refused(shape: App, author: Member, text: str) -> None:
    assert_refused(publish(shape, author, text), 422)


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_control_characters_are_refused_in_whatever_is_shown(
    shape: App, author: Member, control: str
) -> None:
    client, text = Client(shape.port), f"be{control}fore"
    assert_refused(publish(shape, author, text), 422)
    for field in ("display_name", "bio"):
        assert_refused(client.call("PATCH", "/v1/me", {field: text}, token=author.token), 422)
    name = {"username": text, "email": "a@example.com", "password": PASSWORD}
    assert_refused(client.call("POST", "/v1/accounts", name), 422)
    assert_refused(
        client.call("POST", "/v1/accounts", name | {"username": "fine", "email": f"{text}@example.com"}), 422
    )


@pytest.mark.parametrize("line_end", BREAKS, ids=ascii)
def test_a_name_has_one_line(shape: App, author: Member, line_end: str) -> None:
    client = Client(shape.port)
    assert_refused(client.call("PATCH", "/v1/me", {"display_name": f"a{line_end}b"}, token=author.token), 422)
    assert publish(shape, author, f"a{line_end}b").status == 201


def test_a_nul_is_refused_in_messages_and_passwords(shape: App, author: Member) -> None:
    client = Client(shape.port)
    for body in ({"text": "a\0b", "tag": "c"}, {"text": "a", "tag": "b\0c"}):
        assert_refused(client.call("POST", "/messages", body, token=author.token), 422)
    account = {"username": "fine", "email": "a@example.com", "password": "a\0" * 8}
    assert_refused(client.call("POST", "/v1/accounts", account), 422)


@pytest.mark.parametrize("character", ["a", "\u00df", "\ufdfa", "\U0001f600", "\u0130", "\u0345", "\ufb03"])
def test_a_tag_has_1_to_255_characters_and_is_kept_as_typed(
    shape: App, author: Member, character: str
) -> None:
    """Some grow eighteenfold when they are folded: the key is cut, the tag is not."""
    client = Client(shape.port)
    for count in (1, 254, 255):
        tag = character * count
        assert client.call("POST", "/messages", {"text": "a", "tag": tag}, token=author.token).status == 200
        found = client.call("GET", f"/messages?tag={_quoted(tag)}&limit=1").json
        assert found[0]["tag"] == tag
    longer = {"text": "a", "tag": character * 256}
    assert_refused(client.call("POST", "/messages", longer, token=author.token), 422)


def test_a_message_has_1_to_10_000_characters(shape: App, author: Member) -> None:
    client = Client(shape.port)
    for text in ("a", "a" * 10_000, "\u20ac" * 10_000, "\U0001f600" * 10_000):
        given = {"text": text, "tag": "long"}
        assert client.call("POST", "/messages", given, token=author.token).status == 200
        assert client.call("GET", "/messages?tag=long&limit=1").json[0]["text"] == text
    for text in ("", "a" * 10_001):
        given = {"text": text, "tag": "long"}
        assert_refused(client.call("POST", "/messages", given, token=author.token), 422)


@pytest.mark.parametrize("character", [KISS, FLAG, "a" + "\u0300" * 30], ids=["kiss", "Scotland", "accents"])
def test_names_and_bios_at_their_limits_fit(shape: App, author: Member, character: str) -> None:
    client = Client(shape.port)
    for field, most in (("display_name", 50), ("bio", 160)):
        changed = client.call("PATCH", "/v1/me", {field: character * most}, token=author.token)
        assert changed.status == 200, changed
        assert changed.json[field] == character * most
        assert_refused(
            client.call("PATCH", "/v1/me", {field: character * (most + 1)}, token=author.token), 422
        )


def test_the_longest_username_password_and_address_fit(shape: App) -> None:
    client = Client(shape.port)
    name = secrets.token_hex(15)
    email = f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.example"[:254]
    account = {"username": name, "email": email, "password": "\U0001f511" * 256}
    assert client.call("POST", "/v1/accounts", account).status == 201
    assert (
        client.call("POST", "/v1/tokens", {"username": name, "password": account["password"]}).status == 201
    )
    for longer in (
        {"username": name + "a"},
        {"password": "a" * 257},
        {"email": "a" + email},
        {"password": "short"},
    ):
        assert_refused(client.call("POST", "/v1/accounts", account | longer), 422)


def test_a_user_agent_of_any_length_and_bytes_signs_in(shape: App, author: Member) -> None:
    client = Client(shape.port)
    for agent in ("a" * 8_000, "caf\xe9\xff", "", "\t", "' OR 1=1"):
        given = {"username": author.username, "password": PASSWORD}
        made = client.call("POST", "/v1/tokens", given, headers={"User-Agent": agent})
        assert made.status == 201
        assert made.json["user_agent"] == agent.strip()[:255]


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def test_a_text_that_is_costly_to_count_costs_little(shape: App, author: Member) -> None:
    """Whether two flags are one is known only from the first of them on: counted to the end, each takes a second."""
    began = time.monotonic()
    for _ in range(15):
        assert_refused(publish(shape, author, "\U0001f1e6" * 9_800), 422)
    assert time.monotonic() - began < 5
