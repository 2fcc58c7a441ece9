"""Traces: a request, its events and their tasks told as one story; nothing at all where no endpoint is set."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from twooter import UNASKED
from twooter.settings import Settings

Attribute = str | int | float | bool
MAX_FOLLOWED = 100
"""Traces that one batch goes on with: a batch may hold the events of 1,000 requests."""


class Tracer(Protocol):
    """What traces are told to. A traceparent is W3C's: `00-TRACE-SPAN-FLAGS`."""

    def begin(self, traceparent: str | None) -> Any:  # Any: a span of whoever implements this
        """Begin a request, as part of the trace its caller is in; it is the current span of this thread."""

    def trace_id(self, span: Any) -> str:  # Any: idem
        """Return the id that finds the span's trace."""

    def end(self, span: Any, name: str, *, failed: bool, **attributes: Attribute) -> None:  # Any: idem
        """End what `begin` began."""

    def current(self) -> str | None:
        """Return the traceparent of the current span, or None where it is not sampled."""

    def tell(self, name: str, traceparent: str, *, since_ms: int, **attributes: Attribute) -> None:
        """Tell a trace of something that began at a Unix time and has just ended."""

    def follow(
        self, name: str, traceparents: Iterable[str], **attributes: Attribute
    ) -> AbstractContextManager[None]:
        """Go on with these traces: each gets a span of what happens inside, statements are the first one's."""

    def tell_statement(self, name: str, seconds: float, *, failed: bool) -> None:
        """Tell the current span of a database statement."""

    def stop(self) -> None:
        """Send what is left, in bounded time."""


tracer: Tracer | None = None


def start(settings: Settings) -> None:
    """Begin to trace where an endpoint is set; after a fork, never before."""
    global tracer
    if settings.otel_endpoint is not None and tracer is None:
        for name in UNASKED:
            if sys.modules.get(name, name) is None:
                del sys.modules[name]
        # named, not imported: a process that does not trace never loads OpenTelemetry
        tracer = importlib.import_module("twooter.telemetry").OpenTelemetry(settings)


def stop() -> None:
    """End tracing; what was told is sent, if anybody takes it."""
    global tracer
    if tracer is not None:
        tracer.stop()
        tracer = None


def current() -> str | None:
    """Return what an event carries, so that its consumers go on with the trace."""
    return None if tracer is None else tracer.current()


def follow(name: str, traceparents: Iterable[str], **attributes: Attribute) -> AbstractContextManager[None]:
    """Go on with the traces of a batch's events while they are applied."""
    return nullcontext() if tracer is None else tracer.follow(name, traceparents, **attributes)


def observe_statement(name: str, seconds: float, failed: bool) -> None:  # noqa: FBT001 - as storage's observers are
    """Tell the current span of a database statement."""
    if tracer is not None:
        tracer.tell_statement(name, seconds, failed=failed)
