"""Parameters, paths, methods and headers that nobody sane sends: plain data, or refused in the one way there is."""

import itertools
import threading
from urllib.parse import quote, unquote

import pytest

from tests.faults.clients import Client, Member, assert_refused
from tests.faults.conftest import SignUp
from tests.faults.operations import Operation, kinds, operations
from twooter.domain.grammar import tag_key

NO_INTEGER = {
    "a word": "abc",
    "nothing": "",
    "an underscore": "1_0",
    "Arabic digits": "\u0661\u0660",
    "full-width digits": "\uff11\uff10",
    "a superscript": "\u00b2",
    "a space before": " 10",
    "a space after": "10 ",
    "a line feed after": "10\n",
    "a plus": "+10",
    "a fraction": "10.0",
    "an exponent": "1e1",
    "hexadecimal": "0x10",
    "a list": "1,2",
    "a NUL": "1\0",
    "5,000 digits": "9" * 5000,
    "2^64": str(2**64),
}
LISTS = ("/v1/timelines/public", "/v1/timelines/tags/parameters", "/v1/accounts/{id}/twoots", "/v1/tokens")


def integers(client: Client) -> list[tuple[Operation, str]]:
    """Return every query parameter that is a number."""
    return [
        (operation, name)
        for operation in operations(client)
        for name, schema in operation.parameters("query").items()
        if kinds(schema) == {"integer"}
    ]


@pytest.mark.parametrize("text", NO_INTEGER.values(), ids=NO_INTEGER)
def test_what_is_no_decimal_number_is_refused(client: Client, admin: Member, text: str) -> None:
    for operation, name in integers(client):
        address = operation.address(query=operation.plausible_query(**{name: text}))
        answer = client.call("GET", address, token=admin.token if operation.signed_in_only else None)
        assert_refused(answer, 422 if operation.path == "/management/message-stats" else 400)


def test_a_number_out_of_its_range_is_refused(client: Client, admin: Member) -> None:
    tried = 0
    for operation, name in integers(client):
        schema = operation.parameters("query")[name]
        for number in (schema["minimum"] - 1, schema["maximum"] + 1, -(2**40), 2**40):
            address = operation.address(query=operation.plausible_query(**{name: str(number)}))
            answer = client.call("GET", address, token=admin.token if operation.signed_in_only else None)
            assert_refused(answer, 422 if operation.path == "/management/message-stats" else 400)
            tried += 1
    assert tried


def test_a_parameter_given_twice_is_refused(client: Client, admin: Member) -> None:
    tried = 0
    for operation in operations(client):
        for name, schema in operation.parameters("query").items():
            if "array" in kinds(schema) or operation.path in (
                "/v1/analytics/requests",
                "/v1/analytics/queries",
            ):
                continue
            twice = [(n, v) for n, v in operation.plausible_query().items() if n != name] + [(name, "1")] * 2
            address = operation.address(query=twice)
            answer = client.call("GET", address, token=admin.token if operation.signed_in_only else None)
            assert assert_refused(answer, 400).code == "repeated_parameter"
            tried += 1
    assert tried


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_changed_in_any_character_is_refused(client: Client, sign_up: SignUp, path: str) -> None:
    owner = sign_up()
    address = path.replace("{id}", owner.id)
    cursor = _cursor(client, owner, address)
    others = [cursor[:i] + ("A" if c != "A" else "B") + cursor[i + 1 :] for i, c in enumerate(cursor)]
    cut = [
        cursor[:-1],
        cursor[1:],
        cursor[: len(cursor) // 2],
        cursor + "A",
        cursor + "=",
        cursor + "*",
        cursor * 2,
    ]
    made_up = ["a", "b1", "0", "'", "%", "\0", "é", "YjEuYQ", "A" * 512, "A" * 513]
    for changed in ["", *others, *cut, *made_up]:
        answer = client.call("GET", f"{address}?cursor={quote(changed)}", token=owner.token)
        assert_refused(answer, 400)
    assert client.call("GET", f"{address}?cursor={cursor}", token=owner.token).status == 200


def test_a_cursor_of_another_list_or_account_is_refused(client: Client, sign_up: SignUp) -> None:
    owner, other = sign_up(), sign_up()
    addresses = [path.replace("{id}", owner.id) for path in LISTS]
    cursors = {address: _cursor(client, owner, address) for address in addresses}
    for made_for, used_at in itertools.permutations(addresses, 2):
        answer = client.call("GET", f"{used_at}?cursor={cursors[made_for]}", token=owner.token)
        assert_refused(answer, 400)
    for address, cursor in cursors.items():
        assert_refused(client.call("GET", f"{address}?cursor={cursor}", token=other.token), 400)
        assert_refused(client.call("GET", f"{address}?cursor={cursor}"), 400, 401)


def _cursor(client: Client, owner: Member, address: str) -> str:
    """Return a cursor of a list that may be short."""
    client.publish(owner, "#parameters")
    if address == "/v1/tokens":
        client.sign_in(owner.username)
    cursor = client.call("GET", f"{address}?limit=1", token=owner.token).json["prev"]
    assert cursor
    return str(cursor)


@pytest.mark.parametrize(
    "path", ["/v1/timelines/public", "/v1/timelines/tags/{tag}", "/v1/accounts/{id}/twoots"]
)
@pytest.mark.parametrize("limit", [1, 7])
def test_paging_to_the_end_shows_each_once_while_new_ones_arrive(
    client: Client, sign_up: SignUp, path: str, limit: int
) -> None:
    owner = sign_up()
    address = path.replace("{id}", owner.id).replace("{tag}", owner.username)
    old = [client.publish(owner, f"{i} #{owner.username}") for i in range(15)]
    seen: list[str] = []
    done = threading.Event()
    thread = threading.Thread(target=_keep_publishing, args=(client, owner, done))
    thread.start()
    try:
        cursor: str | None = ""
        while cursor is not None and len(seen) < 5_000:
            page = client.call(
                "GET", f"{address}?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
            ).json
            assert len(page["items"]) <= limit
            seen += [item["id"] for item in page["items"]]
            if path.endswith("public") and seen and int(seen[-1]) < int(old[0]):
                break  # what others wrote before is not what this is about
            cursor = page["next"]
    finally:
        done.set()
        thread.join()
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen, key=int, reverse=True)
    assert [id_ for id_ in seen if id_ in set(old)] == old[::-1]


def _keep_publishing(client: Client, owner: Member, done: threading.Event) -> None:
    while not done.is_set():
        client.publish(owner, f"new #{owner.username}")


NO_ID = ["0", "-1", "+1", "007", "1.0", "1e3", "0x1", "\u0661", "\uff11", "1_0", " 1", "1 ", "1\n", "\0", "%", "'",
         '"', "..", "null", "NaN", "*", str(2**63), str(2**64), str(2**70), "9" * 5000]  # fmt: skip


@pytest.mark.parametrize("text", NO_ID, ids=lambda text: text[:8].encode("unicode_escape").decode())
def test_what_is_no_id_is_not_found(client: Client, admin: Member, text: str) -> None:
    for operation in operations(client):
        if "id" not in operation.parameters("path"):
            continue
        body = operation.plausible_body()
        answer = client.call(operation.method, operation.address({"id": text}), body, token=admin.token)
        assert_refused(answer, 404)


@pytest.mark.parametrize(
    "address",
    [
        "/nope",
        "/v1",
        "/v1/",
        "/v1//timelines/public",
        "/v1/timelines/public/",
        "/v1/timelines/public;a=b",
        "/V1/timelines/public",
        "/v1/timelines/tags/a%2Fb",
        "/v1/timelines/tags/a/b",
        "/v1%2Ftimelines%2Fpublic%2F",
        "/v1/accounts/../me",
        "/v1/accounts/%2e%2e/me",
        "/docs/../../../../etc/passwd",
        "/docs/..%2f..%2f..%2fetc%2fpasswd",
        "/docs/%2fetc%2fpasswd",
        "/docs/..",
        "/docs/.",
        "/docs/%00",
        "/docs/start.js%00.css",
        "/docs/__init__.py",
        "/%",
        "/%zz",
        "/\\",
        "/.git/config",
        "/" + "a" * 8_000,
        "/" + "a/" * 4_000,
        "/" + "%20" * 2_500,
    ],
)
def test_there_is_nothing_at_a_made_up_address(client: Client, address: str) -> None:
    assert_refused(client.call("GET", address), 404)


@pytest.mark.parametrize(
    "address",
    ["/v1/timelines/tags/%ff", "/%c0%ae", "/v1/trends?a=%ff", "/v1/trends?%ed%a0%80", "/nope?a=%fe"],
)
def test_an_address_that_is_no_utf8_is_refused(client: Client, address: str) -> None:
    assert assert_refused(client.call("GET", address), 400).code == "bad_utf8"


@pytest.mark.parametrize(
    "query",
    ["", "?", "&", "&&&&", "=", "===", "%", "%00", "%zz", "a" * 7_000, "a=&" * 2_000, "a[b][c]=1", "limit"],
)
def test_a_query_full_of_nonsense_is_passed_over_or_refused(client: Client, query: str) -> None:
    answer = client.call("GET", f"/v1/timelines/public?{query}")
    if answer.status != 200:
        assert_refused(answer, 400)


@pytest.mark.parametrize(
    "tag", ["..", "%2e%2e", "%00", "%", "%25", "_", "%E2%80%AE", "%F0%9F%92%A9", "'", "*", "a" * 7_000]
)
def test_a_strange_tag_is_a_tag_like_any_other(client: Client, tag: str) -> None:
    page = client.call("GET", f"/v1/timelines/tags/{tag}")
    assert page.status == 200
    for item in page.json["items"]:  # other tests write strange tags too
        assert tag_key(unquote(tag)) in map(tag_key, item["hashtags"])
    answer = client.call("GET", f"/v1/hashtags/{tag}")
    if answer.status != 200:
        assert_refused(answer, 404)


@pytest.mark.parametrize(
    "method",
    ["TRACE", "CONNECT", "PROPFIND", "LOCK", "WEBSOCKET", "OTHER", "FOO", "A" * 20, "GET!", "PATCHY"],
)
def test_a_method_that_no_address_takes_is_refused(client: Client, method: str) -> None:
    for address in ("/v1/timelines/public", "/v1/twoots/1", "/messages", "/docs", "/nope"):
        assert_refused(client.call(method, address), 400, 404, 405)


@pytest.mark.parametrize(
    "address",
    ["/", "/v1/timelines/public", "/v1/timelines/tags/tea", "/v1/trends", "/messages", "/docs", "/metrics", "/healthz",
     "/v1/twoots/1", "/v1/timelines/public?limit=0", "/nope"],
)  # fmt: skip
def test_head_answers_as_get_does_but_without_a_body(client: Client, address: str) -> None:
    asked, told = client.call("GET", address), client.call("HEAD", address)
    assert (told.status, told.body) == (asked.status, b"")
    changing = {"date", "x-request-id", "content-length"}
    assert {n: v for n, v in told.headers.items() if n not in changing} == {
        n: v for n, v in asked.headers.items() if n not in changing
    }
    if address != "/metrics":  # which counts the very requests that ask for it
        assert told.headers["content-length"] == asked.headers["content-length"]


def test_head_needs_the_token_that_get_needs(client: Client, member: Member) -> None:
    assert client.call("HEAD", "/v1/me").status == 401
    assert client.call("HEAD", "/v1/me", token=member.token).status == 200
    assert client.call("HEAD", "/v1/tokens/1", token=member.token).status == 405  # which has no GET


def test_made_up_methods_make_no_series(client: Client) -> None:
    for i in range(20):
        client.call(f"MADEUP{'ABCDEFGHIJKLMNOPQRST'[i]}", "/v1/timelines/public")
    assert b"MADEUP" not in client.call("GET", "/metrics").body


def test_options_tells_the_methods(client: Client) -> None:
    answer = client.call("OPTIONS", "/v1/twoots")
    assert answer.status in (200, 204)
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("kind", ["twoots", "accounts", "hashtags"])
def test_operators_of_search_languages_are_text(client: Client, member: Member, kind: str) -> None:
    operators = [*"+-()\"*@~<>\0'\\%^:{", " NEAR(", " AND ", " OR NOT "]
    mixed = [
        f"{one}nobodywrotethis{other}" for one, other in itertools.pairwise([*operators, *operators[::2]])
    ]
    for text in (*operators, "".join(operators), "".join(reversed(operators)), *mixed):
        answer = client.call("GET", f"/v1/search?q={quote(text)}&type={kind}", token=member.token)
        assert answer.status == 200, text
        found = answer.json["items"]
        if kind == "hashtags":  # the beginnings of names, whatever they are made of
            assert all(item["name"].casefold().startswith(text.strip().casefold()) for item in found), text
        else:
            assert found == [] or text.strip("( ").isupper(), text
