"""Heads of requests and answers: as much of HTTP/1.1 as one address with one kind of answer needs.

Source: RFC 9112.
"""

from __future__ import annotations

import http
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import parse_qsl

from twooter.errors import BadRequest, Unauthorized

MAX_BYTES = 16_384
END = b"\r\n\r\n"
_LINE = re.compile(r"([A-Z]{1,20}) (/[\x21-\x7e]*) HTTP/1\.[01]", re.ASCII)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_ONCE = frozenset(("authorization", "last-event-id", "origin", "host"))
_MAX_FIELDS = 10


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body, which nothing here reads."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    def bearer(self) -> str | None:
        """Return the token of the Authorization header, or None without one.

        Raises: Unauthorized for another scheme.
        """
        given = self.headers.get("authorization")
        if given is None:
            return None
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized("Send the token as `Authorization: Bearer TOKEN`.")
        return token.strip()


def parse(raw: bytes) -> Head:
    """Return a request's head, given up to its empty line.

    Raises: BadRequest.
    """
    first, *lines = raw.decode("latin-1").split("\r\n")
    match = _LINE.fullmatch(first)
    if match is None:
        raise BadRequest("This is no request of HTTP/1.1.")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        key = name.lower()
        if not colon or _NAME.fullmatch(name) is None or (key in _ONCE and key in headers):
            raise BadRequest("A header is broken, or given twice.")
        headers[key] = value.strip(" \t")
    path, _, query = match[2].partition("?")
    return Head(match[1], path, _query(query), headers)


def _query(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError:
        raise BadRequest("The address is not valid UTF-8, or has too many parameters.") from None
    if len(dict(pairs)) < len(pairs):
        raise BadRequest("Give each parameter once.", code="repeated_parameter")
    return dict(pairs)


def answer(status: int, headers: Mapping[str, str], body: bytes | None = b"") -> bytes:
    """Return an answer after which the connection ends; without a body (None) it goes on until then."""
    fields = {"Date": formatdate(usegmt=True), **headers, "Connection": "close"}
    if body is not None:
        fields["Content-Length"] = str(len(body))
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode("latin-1") + END + (body or b"")
