"""Ranges of bytes: which part of an answer a client asks for, so that a download that broke off goes on.

Source: RFC 9110, 14 (range requests).
"""

from __future__ import annotations

import re

import falcon

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII | re.IGNORECASE)


def asked(req: falcon.Request, size: int, etag: str) -> tuple[int, int] | None:
    """Return (first byte, the one after the last) of what was asked for, None for everything.

    Whatever is no single range of bytes means everything, as does one of another version of it.

    Raises: falcon.HTTPRangeNotSatisfiable where nothing is.
    """
    given = _RANGE.fullmatch((req.get_header("Range") or "").strip())
    if given is None or req.get_header("If-Range", default=etag).strip() != etag:
        return None
    first, last = given.groups()
    if not first and not last:
        return None
    if not first:
        span = (max(0, size - int(last)), size)
    else:
        span = (int(first), min(size, int(last) + 1) if last else size)
        if last and int(last) < int(first):
            return None
    if span[0] >= span[1]:
        raise falcon.HTTPRangeNotSatisfiable(size)
    return span
