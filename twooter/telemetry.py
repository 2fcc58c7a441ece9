"""OpenTelemetry: sends traces over OTLP/HTTP; loaded only where an endpoint is set."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from twooter import metrics
from twooter.settings import Settings
from twooter.traces import MAX_FOLLOWED, Attribute

_EXPORT_SECONDS = 2
_STOP_SECONDS = 3.0
_QUEUED_SPANS = 2048
"""What waits while the collector is slow; more is dropped, for no request waits for its trace."""
_BATCH_MS = 1000

_Begun = tuple[trace.Span, object]


class OpenTelemetry:
    """The tracer; every call costs memory alone, a thread of its own sends."""

    def __init__(self, settings: Settings) -> None:
        # a collector that is away is no error of Twooter's: it is counted, not logged with a traceback each second
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        resource = Resource({"service.name": "twooter"}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(
            resource=resource,
            sampler=ParentBased(TraceIdRatioBased(settings.otel_sample_ratio)),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(f"{settings.otel_endpoint}/v1/traces", timeout=_EXPORT_SECONDS)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                _Counted(exporter), max_queue_size=_QUEUED_SPANS, schedule_delay_millis=_BATCH_MS
            )
        )
        self._tracer = self._provider.get_tracer("twooter")
        self._w3c = TraceContextTextMapPropagator()

    def begin(self, traceparent: str | None) -> _Begun:
        """Begin a request."""
        span = self._tracer.start_span("request", self._context(traceparent), kind=SpanKind.SERVER)
        return span, contexts.attach(trace.set_span_in_context(span))

    def trace_id(self, span: _Begun) -> str:
        """Return the trace's id."""
        return trace.format_trace_id(span[0].get_span_context().trace_id)

    def end(self, span: _Begun, name: str, *, failed: bool, **attributes: Attribute) -> None:
        """End a request; its name is known only now."""
        begun, token = span
        contexts.detach(token)  # type: ignore[arg-type]  # the token that `attach` gave
        begun.update_name(name)
        begun.set_attributes(attributes)
        _finish(begun, failed=failed)

    def current(self) -> str | None:
        """Return the current span's traceparent."""
        found = trace.get_current_span().get_span_context()
        if not found.trace_flags.sampled:
            return None
        return f"00-{trace.format_trace_id(found.trace_id)}-{trace.format_span_id(found.span_id)}-01"

    def tell(self, name: str, traceparent: str, *, since_ms: int, **attributes: Attribute) -> None:
        """Tell of something that has just ended."""
        self._tracer.start_span(
            name, self._context(traceparent), attributes=attributes, start_time=since_ms * 1_000_000
        ).end()

    @contextmanager
    def follow(self, name: str, traceparents: Iterable[str], **attributes: Attribute) -> Iterator[None]:
        """Go on with traces."""
        unique = dict.fromkeys(traceparents)
        spans = [
            self._tracer.start_span(
                name, self._context(parent), kind=SpanKind.CONSUMER, attributes=attributes
            )
            for parent in islice(unique, MAX_FOLLOWED)
        ]
        if not spans:
            yield
            return
        failed = True
        token = contexts.attach(trace.set_span_in_context(spans[0]))
        try:
            yield
            failed = False
        finally:
            contexts.detach(token)
            for span in spans:
                _finish(span, failed=failed)

    def tell_statement(self, name: str, seconds: float, *, failed: bool) -> None:
        """Tell of a statement that has just ended."""
        if trace.get_current_span().is_recording():
            began = time.time_ns() - int(seconds * 1e9)
            span = self._tracer.start_span(name, kind=SpanKind.CLIENT, start_time=began)
            span.set_attribute("db.query.summary", name)
            _finish(span, failed=failed)

    def stop(self) -> None:
        """Send what is left; a collector that does not answer is not waited for longer than a moment."""
        last = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        last.start()
        last.join(_STOP_SECONDS)

    def _context(self, traceparent: str | None) -> contexts.Context:
        """Return the context a caller is in; what is no traceparent begins a trace of its own."""
        carrier = {} if traceparent is None else {"traceparent": traceparent}
        return self._w3c.extract(carrier, contexts.Context())


class _Counted(SpanExporter):
    """An exporter whose outcomes are a metric."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            metrics.SPANS.labels(result.name.lower()).inc(len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _finish(span: trace.Span, *, failed: bool) -> None:
    if failed:
        span.set_status(Status(StatusCode.ERROR))
    span.end()
