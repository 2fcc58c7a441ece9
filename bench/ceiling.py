"""The ceiling: a WSGI application that does nothing, under gunicorn with the same workers and threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable

_BODY = b"Hello, world!\n"
_HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(_BODY)))]


def app(
    _: dict[str, object], start_response: Callable[[str, list[tuple[str, str]]], object]
) -> Iterable[bytes]:
    """Answer every request alike."""
    start_response("200 OK", _HEADERS)
    return (_BODY,)
