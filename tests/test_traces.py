"""One trace from the request over the outbox to the task, each in its process; nothing where no endpoint is set."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.collectors import Collector, attributes, listening
from tests.databases import SqliteTemplate
from tests.faults.apps import ROOT, App
from tests.processes import free_port, wait_until

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{CALLER}-01"
PARTS = ("api", "relay", "worker")


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Return a collector that listens."""
    with listening() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(
    collector: Collector, sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[App]:
    """Start API, relay and worker, which all trace; the queue is Redis."""
    with servers.started(servers.redis) as redis:
        settings = {
            "TWOOTER_DATABASE_URL": sqlite_template.fresh(tmp_path_factory.mktemp("traces")),
            "TWOOTER_BROKER_URL": redis.url,
            "TWOOTER_OTEL_ENDPOINT": collector.url,
        }
        with App(PARTS, settings) as app:
            yield app


def post(app: App, tag: str, **headers: str) -> str:
    """Post a message and return its request's id."""
    body = json.dumps({"text": "traced", "tag": tag}).encode()
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{app.url}/messages", body, {"Content-Type": "application/json", **headers}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own server
        return str(answer.headers["X-Request-ID"])


def test_request_outbox_and_task_are_one_trace(traced: App, collector: Collector) -> None:
    request_id = post(traced, "one", traceparent=SAMPLED)
    wait_until(
        lambda: bool(collector.named(TRACE, "apply aggregates")), seconds=30, what="the end of the trace"
    )
    wait_until(lambda: bool(collector.named(TRACE, "outbox")), seconds=30, what="the outbox's part")
    (request,) = collector.named(TRACE, "POST /messages")
    (waited,) = collector.named(TRACE, "outbox")
    (applied,) = collector.named(TRACE, "apply aggregates")
    assert request.parent_span_id.hex() == CALLER
    assert waited.parent_span_id == applied.parent_span_id == request.span_id
    assert waited.start_time_unix_nano < waited.end_time_unix_nano
    about = attributes(request)
    assert about["http.route"] == "/messages"
    assert about["http.response.status_code"] == 200
    assert about["twooter.request_id"] == request_id
    assert attributes(waited)["batch_id"] == attributes(applied)["batch_id"]
    statements = {span.name for span in collector.of(TRACE) if span.parent_span_id == request.span_id}
    assert "twoot_insert" in statements
    assert any(span.parent_span_id == applied.span_id for span in collector.of(TRACE))
    assert collector.paths == {"/v1/traces"}
    assert collector.services == {"twooter"}


def test_the_log_line_names_the_trace(traced: App) -> None:
    request_id = post(traced, "logged", traceparent=SAMPLED)
    line = next(
        line for line in traced.logs().splitlines() if f'"{request_id}"' in line and '"request"' in line
    )
    assert json.loads(line)["trace_id"] == TRACE


def test_what_the_caller_does_not_sample_is_not_told(traced: App, collector: Collector) -> None:
    silent, heard = "1" * 32, "2" * 32
    post(traced, "silent", traceparent=f"00-{silent}-{CALLER}-00")
    post(traced, "heard", traceparent=f"00-{heard}-{CALLER}-01")
    wait_until(lambda: bool(collector.named(heard, "apply aggregates")), seconds=30, what="the later trace")
    assert not collector.of(silent)


@pytest.mark.parametrize(
    "broken", ["", "garbage", "00-" + "0" * 32 + f"-{CALLER}-01", "ff-" + SAMPLED[3:], "x" * 500]
)
def test_what_is_no_traceparent_begins_a_trace_of_its_own(
    traced: App, collector: Collector, broken: str
) -> None:
    request_id = post(traced, "own", traceparent=broken)

    def told() -> bool:
        return any(attributes(span).get("twooter.request_id") == request_id for span in list(collector.spans))

    wait_until(told, seconds=30, what="the request's span")
    (span,) = [s for s in collector.spans if attributes(s).get("twooter.request_id") == request_id]
    assert span.parent_span_id == b""


@pytest.mark.parametrize("is_there", [False, True])
def test_a_collector_that_does_not_answer_costs_nobody_anything(
    sqlite_template: SqliteTemplate, tmp_path: Path, *, is_there: bool
) -> None:
    """Away or silent: spans are counted as failed; no line is an error, and the process ends in time."""
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1] if is_there else free_port()
    endpoint = {"TWOOTER_OTEL_ENDPOINT": f"http://127.0.0.1:{port}"}
    with silent, App.embedded(sqlite_template.fresh(tmp_path), **endpoint) as app:
        post(app, "away")
        wait_until(lambda: _failed(app) > 0, seconds=30, what="a span that was not taken")
        app.terminate("embedded", seconds=20)
        assert '"level":"error"' not in app.logs()


def _failed(app: App) -> float:
    with urllib.request.urlopen(f"{app.url}/metrics", timeout=10) as answer:  # noqa: S310 - our own server
        found = re.search(
            r'^twooter_trace_spans_total\{outcome="failure"\} (\S+)', answer.read().decode(), re.MULTILINE
        )
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize(("endpoint", "loaded"), [("", False), ("http://127.0.0.1:9", True)])
def test_without_an_endpoint_nothing_of_it_is_loaded(tmp_path: Path, endpoint: str, *, loaded: bool) -> None:
    code = (
        "import sys; from twooter import wsgi; import workers.app; wsgi.services.start(); wsgi.services.stop();"
        "print(any(module and name.startswith('opentelemetry') for name, module in sys.modules.items()))"
    )
    environment = {**os.environ, "TWOOTER_VAR_DIR": str(tmp_path), "TWOOTER_OTEL_ENDPOINT": endpoint}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=60, cwd=ROOT, env=environment
    )
    assert done.stdout.splitlines()[-1] == str(loaded), done.stdout
