"""A collector of traces: takes OTLP over HTTP on a port of its own, and keeps what it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What was told so far."""

    url: str = ""
    paths: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)
    spans: list[Span] = field(default_factory=list)

    def of(self, trace_id: str) -> list[Span]:
        """Return the spans of a trace, in no order."""
        return [span for span in list(self.spans) if span.trace_id.hex() == trace_id]

    def named(self, trace_id: str, name: str) -> list[Span]:
        """Return the spans of a trace that have a name."""
        return [span for span in self.of(trace_id) if span.name == name]

    def take(self, path: str, body: bytes) -> None:
        """Keep what a request tells."""
        self.paths.add(path)
        for told in ExportTraceServiceRequest.FromString(body).resource_spans:
            for attribute in told.resource.attributes:
                if attribute.key == "service.name":
                    self.services.add(attribute.value.string_value)
            for scope in told.scope_spans:
                self.spans.extend(scope.spans)


def attributes(span: Span) -> dict[str, str | int]:
    """Return a span's attributes that are texts or whole numbers."""
    return {
        a.key: a.value.int_value if a.value.HasField("int_value") else a.value.string_value
        for a in span.attributes
    }


@contextmanager
def listening() -> Iterator[Collector]:
    """Take traces on a free port until the end of the block."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
