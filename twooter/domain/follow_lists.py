"""Lists of whom to follow, as people have them: a name or an address a line, as CSV with or without a header."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import islice
from urllib.parse import urlsplit

from twooter.domain.accounts import username_key
from twooter.domain.transfers import Line, Outcome

MAX_NAME = 500
"""Characters of a line's first field; what is longer is no name anyway."""
_SHOWN = 100
"""Characters that are kept of what is no username."""
HEADERS = frozenset(
    ("account address", "account", "accounts", "username", "usernames", "user", "name", "handle")
)
"""What the first line begins with where it is a header; who is called so is named with an `@`."""

_FIELD = re.compile(r'\s*(?:"((?:[^"]|"")*+)"|([^,;\t]*))')
"""The first field, whichever character stands between fields; a quote that is never closed is a part of it."""
_NOTHING = ' ,;\t"'
_HOST = re.compile(r"[^\s@/.][^\s@/]*\.[^\s@/]+")


def names_of(csv: str, limit: int) -> list[str]:
    """Return what the lines of a file name, at most `limit` and one more; empty ones and a header do not count.

    Each line is read on its own: whatever is wrong with one is wrong with it alone.
    """
    return list(islice(_named(csv.removeprefix("\ufeff")), limit + 1))


def hosts_of(public_url: str) -> frozenset[str]:
    """Return what stands behind the `@` in addresses of accounts that are here."""
    found = urlsplit(public_url.lower())
    return frozenset(host for host in (found.netloc, found.hostname) if host)


def line_of(number: int, name: str, hosts: Collection[str]) -> Line:
    """Return the line of a name, `@name` or `name@host`; with an outcome already where it names nobody here."""
    bare, _, host = name.strip().removeprefix("@").partition("@")
    key = username_key(bare)
    if key is not None and (not host or host.lower() in hosts):
        return Line(number, key)
    is_elsewhere = bare and _HOST.fullmatch(host) and host.lower() not in hosts
    return Line(number, name[:_SHOWN], Outcome.ELSEWHERE if is_elsewhere else Outcome.BAD_NAME)


def _named(csv: str) -> Iterator[str]:
    lines = (line for line in csv.splitlines() if line.strip(_NOTHING))
    for place, line in enumerate(lines):
        field = _first(line)
        if place or field.lower() not in HEADERS:
            yield field


def _first(line: str) -> str:
    quoted, plain = _FIELD.match(line).groups()  # type: ignore[union-attr]  # its second form matches anything
    return (plain if quoted is None else quoted.replace('""', '"')).strip()[:MAX_NAME]
