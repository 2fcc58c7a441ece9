"""Frames of Server-Sent Events.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

HEARTBEAT = b": \n\n"


def event(name: str, data: bytes, id_: str | None = None) -> bytes:
    """Return an event; its data is JSON on one line."""
    head = b"" if id_ is None else b"id: %b\n" % id_.encode()
    return b"%bevent: %b\ndata: %b\n\n" % (head, name.encode(), data)


def ready(topics: Sequence[str], id_: str | None) -> bytes:
    """Return what a listener is told first; with an id where it begins anew."""
    return event("ready", orjson.dumps({"topics": topics}), id_)


def reset(topics: Sequence[str], id_: str | None = None) -> bytes:
    """Return that something of these topics may have been missed: their lists are to be read again."""
    return event("reset", orjson.dumps({"topics": topics}), id_)


def end(code: str, retry_ms: int) -> bytes:
    """Return a farewell, with the time after which to come back."""
    return b"retry: %d\n" % retry_ms + event("end", orjson.dumps({"code": code}))
