"""The one structlog pipeline: JSON or console lines, request ids, masked secrets."""

from __future__ import annotations

import functools
import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO, TextIO, cast

import orjson
import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, merge_contextvars
from structlog.typing import EventDict, WrappedLogger

from twooter.settings import Settings

__all__ = ["bind_contextvars", "clear_contextvars", "configure", "counters", "get_logger"]

counters: list[Callable[[str, str], None]] = []
"""Called with (level, part) of each line; metrics count errors here."""

_SECRET_NAMES = re.compile(r"password|secret|authorization|dsn|(^|_)token$|cookie|(^|_)email$|_url$")
_SECRETS = re.compile(
    r"twt_\d+_\d+_[\w-]+"  # bearer tokens
    r"|(?<=://)[^/\s:]*:[^/\s]+(?=@)"  # user:password of a URL
    r"|[\w.+-]+@[\w-]+\.[\w.-]+"  # mail addresses
)


_HARMLESS = (int, float, logging.LogRecord)


def get_logger(name: str) -> Any:  # Any: structlog's lazy proxy has no useful static type
    """Return the logger of a part of Twooter; event names are static snake_case words."""
    return structlog.get_logger(name, part=name)


@functools.cache
def _is_secret(name: str) -> bool:
    """Return whether a field of this name is masked; names are few and static, so each is looked at once."""
    return _SECRET_NAMES.search(name) is not None


def _mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if value is not None and not isinstance(value, _HARMLESS):
            event[key] = "***" if _is_secret(key) else _masked(value)
    return event


def _masked(value: Any) -> Any:  # Any: whatever a log call was given
    if isinstance(value, str):
        return _SECRETS.sub("***", value) if "@" in value or "twt_" in value else value
    if isinstance(value, Mapping):
        return {str(key): "***" if _is_secret(str(key)) else _masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(inner) for inner in value]
    return value if value is None or isinstance(value, int | float) else _masked(str(value))


def _count(_: WrappedLogger, level: str, event: EventDict) -> EventDict:
    for counter in counters:
        counter(level, str(event.get("part", "root")))
    return event


def _name(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event["part"] = event["_record"].name
    return event


def _to_bytes(value: Any, **_: Any) -> bytes:  # Any: whatever a log call was given
    try:
        return orjson.dumps(value)
    except TypeError:  # numbers of more than 64 bits, lone surrogates: no line is lost for what somebody sent
        return json.dumps(value, default=repr).encode()


def _to_text(value: Any, **_: Any) -> str:  # Any: idem
    return _to_bytes(value).decode()


_SHARED: list[Any] = [  # Any: structlog's processors have several signatures
    merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _count,
    structlog.processors.format_exc_info,
    _mask,
]


class _Sink:
    """A stream whose troubles are nobody else's: on a full disk a line is lost, not the request it tells of."""

    def __init__(self, stream: TextIO | BinaryIO) -> None:
        self._stream: Any = stream  # Any: texts or bytes, as the logger has them

    def write(self, line: str | bytes) -> None:
        with suppress(OSError):
            self._stream.write(line)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's lines through one pipeline to standard output, or to a stream."""
    stream = sys.stdout if stream is None else stream
    as_json = _wants_json(settings)
    level = getattr(logging, settings.log_level.upper())
    tail: Any = structlog.processors.JSONRenderer(_to_bytes) if as_json else _console()
    structlog.configure(
        processors=[*_SHARED, tail],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(cast("BinaryIO", _Sink(stream.buffer)))
        if as_json
        else structlog.PrintLoggerFactory(cast("TextIO", _Sink(stream))),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[handler(settings, stream)], level=max(level, logging.INFO), force=True)
    logging.captureWarnings(True)  # written as sentences to standard error they would be no JSON


def handler(settings: Settings, stream: TextIO | None = None) -> logging.Handler:
    """Return a handler that sends the standard library's records through the same pipeline."""
    as_json = _wants_json(settings)
    made = logging.StreamHandler(sys.stdout if stream is None else stream)
    made.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_name, *_SHARED],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(_to_text) if as_json else _console(),
            ],
        )
    )
    return made


def _console() -> structlog.dev.ConsoleRenderer:
    """Return the renderer for terminals; its tracebacks show no local variables, for these hold secrets."""
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def _wants_json(settings: Settings) -> bool:
    return settings.log_format == "json" or (settings.log_format == "auto" and not sys.stdout.isatty())
