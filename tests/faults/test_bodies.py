"""Bodies that are no JSON, no object, too large, compressed or cut off: refused, each in the one way there is."""

import gzip
import json
import socket
from pathlib import Path

import pytest

from tests.faults.apps import App
from tests.faults.clients import HEAD, Client, Member, answers_of, assert_refused
from tests.faults.operations import kinds, operations

MAX_BODY = 65_536

NO_JSON = {
    "arrays 1,100 deep": b"[" * 1100 + b"]" * 1100,
    "objects 1,100 deep": b'{"text":' * 1100 + b"1" + b"}" * 1100,
    "30,000 brackets": b"[" * 30_000,
    "a byte that is no UTF-8": b'{"text": "caf\xe9"}',
    "an overlong slash": b'{"text": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"text": "\xed\xa0\x80"}',
    "a cut character": b'{"text": "\xf0\x9f\x98"}',
    "a byte order mark": b'\xef\xbb\xbf{"text": "a"}',
    "UTF-16": '{"text": "a"}'.encode("utf-16"),
    "NaN": b'{"text": NaN}',
    "Infinity": b'{"text": Infinity}',
    "minus Infinity": b'{"other": -Infinity}',
    "1e400": b'{"other": 1e400}',
    "an integer of 5,000 digits": b'{"other": ' + b"9" * 5000 + b"}",
    "nothing": b"",
    "white space": b" \r\n\t",
    "two values": b"{} {}",
    "no end": b'{"text": "a"',
    "a bare word": b"text=a",
    "a raw line feed": b'{"text": "a\nb"}',
    "a raw NUL": b'{"text": "a\0b"}',
    "a comment": b'{"text": "a"} // b',
    "single quotes": b"{'text': 'a'}",
    "an unknown escape": b'{"text": "\\x41"}',
}
NO_OBJECT = {
    "an array": b'[{"text": "a"}]',
    "a string": b'"text"',
    "a number": b"280",
    "null": b"null",
    "true": b"true",
}
NO_TEXT = {
    "a lone high surrogate": b'{"text": "\\ud83d"}',
    "a lone low surrogate": b'{"text": "\\ude00"}',
    "surrogates the wrong way round": b'{"text": "\\ude00\\ud83d"}',
    "a surrogate in a name": b'{"\\ud83d": "a"}',
}
WRONG = [
    *(pytest.param(body, 400, id=name) for name, body in NO_JSON.items()),
    *(pytest.param(body, 422, id=name) for name, body in NO_OBJECT.items()),
    *(pytest.param(body, 422, id=name) for name, body in NO_TEXT.items()),
]


@pytest.mark.parametrize(("body", "status"), WRONG)
def test_what_is_no_json_object_is_refused_everywhere(
    client: Client, admin: Member, body: bytes, status: int
) -> None:
    for operation in operations(client):
        if operation.fields:
            answer = client.call(operation.method, operation.address(), body, token=admin.token)
            assert_refused(answer, status)


@pytest.mark.parametrize("wrong", [None, 1, 1.5, True, [], {}, ["a"], {"a": "b"}, 2**64, 2**70, -1])
def test_a_field_of_another_type_is_named(client: Client, admin: Member, wrong: object) -> None:
    for operation in operations(client):
        required = operation.described.get("requestBody") and operation.fields
        for name in required or ():
            if wrong is None and operation.method == "PATCH":
                continue  # null leaves what is there
            if wrong is None and "default" in operation.fields[name]:
                continue
            if wrong == ["a"] and "array" in kinds(operation.fields[name]):
                continue
            if wrong is True and "boolean" in kinds(operation.fields[name]):
                continue
            body = operation.plausible_body(**{name: wrong})
            answer = client.call(operation.method, operation.address(), body, token=admin.token)
            problem = assert_refused(answer, 422).json
            named = {error["field"].partition(".")[0] for error in problem["errors"]}  # or something in it
            assert name in named, (str(operation), problem)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "text/json",
        "*/*",
        ";",
        "application/json, text/plain",
    ],
)
def test_another_content_type_is_415(client: Client, admin: Member, kind: str) -> None:
    for operation in operations(client):
        if operation.fields:
            body = json.dumps(operation.plausible_body()).encode()
            headers = {"Content-Type": kind}
            answer = client.call(
                operation.method, operation.address(), body, token=admin.token, headers=headers
            )
            assert_refused(answer, 415)


def test_a_body_without_content_type_is_415(client: Client, member: Member) -> None:
    sent = b"POST /v1/twoots HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 2\r\n\r\n{}"
    assert_refused(client.raw(sent % member.token.encode())[0], 415)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip", "GZIP"])
def test_a_compressed_body_is_415(client: Client, member: Member, coding: str) -> None:
    body = gzip.compress(b'{"text": "' + b"a" * 10_000_000 + b'"}')
    answer = client.call("POST", "/v1/twoots", body, token=member.token, headers={"Content-Encoding": coding})
    assert_refused(answer, 415)


def test_of_a_name_given_twice_the_last_counts_everywhere(client: Client, member: Member) -> None:
    made = client.call("POST", "/v1/twoots", b'{"text": "first", "text": "second"}', token=member.token)
    assert made.json["text"] == "second"
    assert client.call("GET", f"/v1/twoots/{made.json['id']}").json["text"] == "second"


def test_a_body_over_the_limit_is_refused_without_reading_it(client: Client, member: Member) -> None:
    """The answer comes although nothing of the body was sent."""
    with client.connect(seconds=10) as sock:
        sock.sendall(HEAD % member.token.encode() + b"Content-Length: %d\r\n\r\n" % 2**62)
        first = sock.recv(65_536)
        assert b" 413 " in first
        sock.shutdown(socket.SHUT_WR)
    assert_refused(client.call("POST", "/v1/twoots", b"x" * (MAX_BODY + 1), token=member.token), 413)


def test_a_body_of_exactly_the_limit_is_read(client: Client, member: Member) -> None:
    body = b'{"text": "a"' + b" " * (MAX_BODY - 13) + b"}"
    assert len(body) == MAX_BODY
    assert client.call("POST", "/v1/twoots", body, token=member.token).status == 201


def test_a_chunked_body_is_refused_at_the_limit_with_memory_flat(
    app: App, client: Client, member: Member
) -> None:
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    before = _rss_mib(app)
    sent = 0
    with client.connect(seconds=10) as sock:
        sock.sendall(HEAD % member.token.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            while sent < 200 * 1024 * 1024:
                sock.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass  # refused
        answers = answers_of(sock)
    assert sent < 50 * 1024 * 1024
    for answer in answers:  # the reset of a connection that still sends may overtake it
        assert_refused(answer, 413)
    assert _rss_mib(app) - before < 20


def test_a_chunked_body_over_the_limit_is_413(client: Client, member: Member) -> None:
    sent = HEAD % member.token.encode() + b"Transfer-Encoding: chunked\r\n\r\n"
    sent += b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    sent += b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    assert_refused(client.raw(sent)[0], 413)


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}xx0\r\n\r\n",
        b"2\r\n{}\r\n",
        b"5\r\n{}",
        b"2\r\n{}\r\n0\r\nTransfer-Encoding: x\r\n\r\n",
        b"2;" + b"a" * 100_000 + b"\r\n{}\r\n0\r\n\r\n",
        b"ffffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        b"2\n{}\n0\n\n",
    ],
)
def test_broken_chunks_are_400(client: Client, member: Member, chunks: bytes) -> None:
    sent = HEAD % member.token.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    assert_refused(client.raw(sent)[0], 400)


def test_a_body_shorter_than_announced_is_400(client: Client, member: Member) -> None:
    sent = HEAD % member.token.encode() + b'Content-Length: 20\r\n\r\n{"text": "a"}'
    assert assert_refused(client.raw(sent)[0], 400).code == "short_body"


def _rss_mib(app: App) -> float:
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in app.pids("embedded")]
    return sum(pages) * 4096 / 1024 / 1024
