"""Headers, framing and connections as attackers like them; what every answer says to browsers and caches."""

import pytest

from tests.faults.apps import App
from tests.faults.clients import TELLTALES, Client, Member, assert_refused
from tests.faults.conftest import ORIGIN
from tests.faults.operations import operations

HOST = b"Host: x\r\n"
JSON = HOST + b"Content-Type: application/json\r\n"
SMUGGLED = b"GET /v1/trends HTTP/1.1\r\nHost: smuggled\r\n\r\n"
NO_CHUNK = b"0\r\n\r\n"


def post(headers: bytes, body: bytes = b"{}") -> bytes:
    """Return a request with these headers and body, whatever they say of each other."""
    return b"POST /messages HTTP/1.1\r\n" + JSON + headers + b"\r\n\r\n" + body


def get(*headers: bytes, path: bytes = b"/messages") -> bytes:
    """Return a request with these headers."""
    return b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"".join(h + b"\r\n" for h in headers) + b"\r\n"


BROKEN = {
    "two lengths": post(b"Content-Length: 2\r\nContent-Length: 3"),
    "the same length twice": post(b"Content-Length: 2, 2"),
    "length and chunks": post(b"Content-Length: 5\r\nTransfer-Encoding: chunked", NO_CHUNK),
    "a length with a plus": post(b"Content-Length: +2"),
    "a negative length": post(b"Content-Length: -2"),
    "a length in hexadecimal": post(b"Content-Length: 0x2"),
    "a length with an underscore": post(b"Content-Length: 1_0", b"{}        "),
    "an unknown coding": post(b"Transfer-Encoding: xchunked"),
    "gzip, then chunks": post(b"Transfer-Encoding: gzip, chunked", NO_CHUNK),
    "chunks twice": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", NO_CHUNK),
    "chunked, then something": post(b"Transfer-Encoding: chunked, identity", NO_CHUNK),
    "a space before the colon": post(b"Transfer-Encoding : chunked", NO_CHUNK),
    "a tab before the name": post(b"\tTransfer-Encoding: chunked", NO_CHUNK),
    "a folded header": get(b"A: b", b" c"),
    "a NUL in a name": get(b"A\0: b"),
    "a NUL in a value": get(b"A: \0"),
    "a bare CR in a value": get(b"A: b\rC: d"),
    "bare line feeds": b"GET /messages HTTP/1.1\nHost: x\n\n",
    "a line without a colon": get(b"nonsense"),
    "a nameless header": get(b": b"),
    "two hosts": get(b"Host: y"),
    "no version": b"GET /messages\r\n\r\n",
    "HTTP/2 in words": b"GET /messages HTTP/2.0\r\n\r\n",
    "HTTP/1.9999": b"GET /messages HTTP/1.9999\r\n\r\n",
    "HTTP/0.9": b"GET /messages HTTP/0.9\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method in small letters": b"get" + get()[3:],
    "two spaces": b"GET " + get()[3:],
    "no path": get(path=b"")[:4] + get(path=b"")[5:],
    "a path that is no path": get(path=b"messages"),
    "a star": get(path=b"*"),
    "raw bytes in the path": get(path=b"/v1/timelines/tags/\xff"),
    "raw UTF-8 in the path": get(path="/v1/timelines/tags/\u00e9".encode()),
    "an expectation nobody meets": get(b"Expect: 200-perhaps"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "noise": b"\x00\x01\x02\r\n\r\n",
}
TOO_LARGE = {
    "a header of 9,000 bytes": (get(b"A: " + b"a" * 9_000), 431),
    "a cookie of 9,000 bytes": (get(b"Cookie: " + b"a" * 9_000), 431),
    "a name of 9,000 bytes": (get(b"a" * 9_000 + b": a"), 431),
    "101 headers": (get(*[b"A: b"] * 100), 431),
    "headers without end": (get(b"A: " + b"a" * 2_000_000), 431),
    "a path of 9,000 bytes": (get(path=b"/" + b"a" * 9_000), 414),
    "a query of 9,000 bytes": (get(path=b"/?" + b"a" * 9_000), 414),
    "a line without end": (b"GET /" + b"a" * 200_000, 414),
}
STRANGE = {
    "HTTP/1.0": b"GET /v1/trends HTTP/1.0\r\n\r\n",
    "no host": b"GET /v1/trends HTTP/1.1\r\n\r\n",
    "a whole URL": b"GET http://evil.example/v1/trends HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "an evil host": b"GET /v1/trends HTTP/1.1\r\nHost: evil.example:99999/@%00\r\n\r\n",
    "an empty host": b"GET /v1/trends HTTP/1.1\r\nHost: \r\n\r\n",
    "another host, forwarded": get(b"X-Forwarded-Host: evil", b"X-Forwarded-Proto: evil", path=b"/v1/trends"),
    "HTTP/2, please": get(
        b"Upgrade: h2c",
        b"Connection: Upgrade, HTTP2-Settings",
        b"HTTP2-Settings: AAMAAABk",
        path=b"/v1/trends",
    ),
    "a WebSocket, please": get(b"Upgrade: websocket", b"Connection: Upgrade", path=b"/v1/trends"),
    "a body nobody reads": get(b"Content-Length: 2", path=b"/v1/trends") + b"{}",
    "underscores": get(b"X_Forwarded_For: 1.2.3.4", b"Script_Name: /evil", path=b"/v1/trends"),
}
NAMES = [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Range",
    "If-Match",
    "If-Modified-Since",
    "If-Range",
    "Cookie",
    "User-Agent",
    "Origin",
    "Referer",
    "Forwarded",
    "X-Forwarded-For",
    "X-HTTP-Method-Override",
    "Via",
    "TE",
    "Trailer",
    "Max-Forwards",
    "From",
]
ORIGINS = [
    None,
    "https://evil.example",
    "null",
    ORIGIN + ".evil.example",
    ORIGIN.upper(),
    ORIGIN.replace("https", "http"),
    "*",
    f"{ORIGIN}, https://evil.example",
]


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
def test_what_can_be_read_in_two_ways_is_refused_and_ends_the_connection(client: Client, sent: bytes) -> None:
    """Nothing that follows is read as a request: that is how requests are smuggled past a proxy."""
    answers = client.raw(sent + SMUGGLED)
    assert [assert_refused(answer, 400).headers["connection"] for answer in answers] == ["close"]


@pytest.mark.parametrize(("sent", "status"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_too_large_or_too_many_headers_are_refused(client: Client, sent: bytes, status: int) -> None:
    answers = client.raw(sent)
    for answer in answers:  # a reset may overtake it while we still send
        assert_refused(answer, status)
    assert answers or len(sent) > 100_000


def test_99_headers_are_read(client: Client) -> None:
    sent = get(b"Connection: close", *[b"A: b"] * 97)
    assert [answer.status for answer in client.raw(sent)] == [200]


def test_pipelined_requests_are_answered_in_order(client: Client, member: Member) -> None:
    body = b'{"text": "pipelined", "tag": "pipelined"}'
    posted = post(b"Content-Length: %d" % len(body), body)
    requests = [
        (get(path=b"/v1/trends"), 200),
        (posted, 200),
        (get(path=b"/nope"), 404),
        (posted.replace(b"{", b"["), 400),
        (posted.replace(b"POST", b"DELETE"), 405),
        (get(b"Authorization: Bearer " + member.token.encode(), path=b"/v1/me"), 200),
        (get(path=b"/v1/me"), 401),
    ]
    answers = client.raw(b"".join(sent for sent, _ in requests))
    assert [answer.status for answer in answers] == [status for _, status in requests]


@pytest.mark.parametrize("sent", STRANGE.values(), ids=STRANGE)
def test_strange_but_readable_requests_are_answered_as_any(client: Client, sent: bytes) -> None:
    answers = client.raw(sent)
    assert [answer.status for answer in answers] == [200]
    assert b"evil" not in answers[0].body
    assert "evil" not in str(answers[0].headers)


@pytest.mark.parametrize("name", NAMES)
def test_nonsense_in_a_header_is_passed_over(client: Client, name: str) -> None:
    for value in (
        "garbage",
        "",
        ";;;===,,,",
        "*/*;q=x",
        "bytes=9-1,-",
        "caf\xe9",
        "a" * 8_000,
        "' OR 1=1 --",
        "DELETE",
        "0",
    ):
        for address in ("/", "/v1/trends", "/v1/timelines/public"):
            answer = client.call("GET", address, headers={name: value})
            assert answer.status == 200, (name, value, answer)


@pytest.mark.parametrize(
    "value", ["", '"', "W/", 'W/"', '"x", W/"y', ",,,", "caf\xe9", "a" * 8_000, "\t", "**"]
)
def test_a_garbled_etag_matches_nothing(client: Client, value: str) -> None:
    for address in ("/v1/timelines/public", "/v1/trends", "/management/message-stats", "/openapi.json"):
        assert client.call("GET", address, headers={"If-None-Match": value}).status == 200
        assert client.call("GET", address, headers={"If-None-Match": "*"}).status == 304


@pytest.mark.parametrize("given", ["abcdefgh", "A.b_c-1234567890", "a" * 64])
def test_a_request_id_is_kept(client: Client, given: str) -> None:
    for address in ("/v1/trends", "/nope"):
        answer = client.call("GET", address, headers={"X-Request-ID": given})
        assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize(
    "given",
    ["", "short", "a" * 65, 'a"}b\\nc', "a b c d e f", "caf\xe9caf\xe9", "../../etc/passwd", "<script>alert"],
)
def test_a_request_id_that_is_none_is_replaced(app: App, client: Client, given: str) -> None:
    answer = assert_refused(client.call("GET", "/nope", headers={"X-Request-ID": given}), 404)
    assert answer.headers["x-request-id"] != given
    assert f'"request_id":"{given}"' not in app.logs()


def test_every_answer_has_security_headers(client: Client, member: Member) -> None:
    for operation in operations(client):
        for token in (None, member.token):
            if operation.method != "GET" and token:
                continue  # nothing is changed here
            answer = client.call(
                operation.method, operation.address(), operation.plausible_body(), token=token
            )
            headers = answer.headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["content-security-policy"].startswith("default-src 'none'")
            assert "x-request-id" in headers
            assert "set-cookie" not in headers
            assert "x-powered-by" not in headers
            if token is not None and operation.described["security"] and answer.status < 300:
                assert headers["cache-control"] == "private, no-store", str(operation)
                assert "etag" not in headers
            else:
                assert "private" not in headers["cache-control"]
            if operation.described["security"] and answer.status < 400:
                assert (
                    token is None
                    or "Authorization" in headers.get("vary", "")
                    or "no-store" in headers["cache-control"]
                )


@pytest.mark.parametrize("origin", ORIGINS)
def test_another_origin_is_allowed_nothing(client: Client, member: Member, origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    for method, address in (
        ("GET", "/v1/me"),
        ("GET", "/v1/trends"),
        ("GET", "/nope"),
        ("OPTIONS", "/v1/me"),
    ):
        asked = {"Access-Control-Request-Method": "DELETE"} if method == "OPTIONS" else {}
        answer = client.call(method, address, token=member.token, headers={**headers, **asked})
        assert not [name for name in answer.headers if name.startswith("access-control-")], answer
        assert "Origin" in answer.headers["vary"]


def test_a_configured_origin_is_allowed_by_name_and_without_credentials(
    client: Client, member: Member
) -> None:
    headers = {"Origin": ORIGIN}
    for address in ("/v1/me", "/v1/trends", "/nope"):
        answer = client.call("GET", address, token=member.token, headers=headers)
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in answer.headers
        assert {"Link", "ETag", "Retry-After", "RateLimit", "X-Request-ID"} == set(
            answer.headers["access-control-expose-headers"].split(", ")
        )
        assert "Origin" in answer.headers["vary"]


def test_a_preflight_of_a_configured_origin_is_answered(client: Client) -> None:
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = client.call("OPTIONS", "/v1/twoots", headers=headers)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "Authorization" in answer.headers["access-control-allow-headers"]


def test_nothing_that_runs_is_told(client: Client) -> None:
    """No version of a server, no name of a library."""
    for address in ("/", "/nope", "/v1/me", "/healthz"):
        answer = client.call("GET", address)
        assert not any(character.isdigit() for character in answer.headers["server"])
        assert not TELLTALES.search(answer.body)
