"""Metrics of several processes: exact however often they are replaced, in files that stay few."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from twooter import metrics

ROOT = Path(__file__).parents[1]
SERVER = """
    import os, sys
    from twooter import metrics

    def child(slot, work):
        pid = os.fork()
        if pid == 0:
            metrics.take_slot(slot)
            work()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0

    def count():
        metrics.SIGN_INS.labels("signed_in").inc()
        metrics.EVENTS_SEALED.inc(10)
        metrics.REQUESTS.labels("GET").observe(0.003)
        metrics.ROUTES.labels("GET", "/v1/me").observe(0.003)
        metrics.ANSWERS.labels("GET", "/v1/me", "200").inc()
        metrics.count_log("error", "tests.part")

    count()
    for generation in range(5):
        for slot in ("api0", "api1"):
            child(slot, count)
        child("worker1", lambda: metrics.OUTBOX_ROWS.set(generation))
        if generation == 0:
            before = sorted(os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    assert sorted(os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"])) == before
    sys.stdout.write(metrics.exposition().decode())
"""

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def exposed(text: str) -> Samples:
    """Return the samples of a text exposition by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """Return what a server tells whose three workers were replaced four times."""
    folder = tmp_path_factory.mktemp("metrics")
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SERVER)],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return exposed(ran.stdout)


def test_counters_of_replaced_processes_go_on(
    samples: Samples,
) -> None:
    assert samples["twooter_events_sealed_total", ()] == 110
    assert samples["twooter_sign_ins_total", (("outcome", "signed_in"),)] == 11
    labels = (("method", "GET"), ("route", "/v1/me"))
    assert samples["twooter_http_requests_total", (*labels, ("status", "200"))] == 11
    for name, of in (("request", labels[:1]), ("route", labels)):
        assert samples[f"twooter_http_{name}_seconds_count", of] == 11
        assert samples[f"twooter_http_{name}_seconds_sum", of] == pytest.approx(0.033)
    assert samples["twooter_log_events_total", (("level", "error"), ("logger", "tests"))] == 11


def test_what_nobody_here_has_measured_is_absent_and_not_zero(samples: Samples) -> None:
    figures = {figure._name for figure in vars(metrics).values() if isinstance(figure, metrics.Figure)}
    assert len(figures) > 20
    assert not figures & {name for name, _ in samples}
    assert not [name for name, labels in samples if "pid" in dict(labels)]


def test_a_figure_is_told_until_it_is_unknown_again() -> None:
    def told() -> Samples:
        found = exposed(metrics.exposition().decode())
        return {key: value for key, value in found.items() if key[0].startswith("twooter_queue_")}

    group = (metrics.QUEUE_WAITING, metrics.QUEUE_DEPTH)
    metrics.tell(group, [(metrics.QUEUE_WAITING, ("notify",), 3), (metrics.QUEUE_DEPTH, ("notify",), 5)])
    metrics.tell(group, [(metrics.QUEUE_WAITING, ("aggregates",), 0)])
    assert told() == {("twooter_queue_waiting", (("queue", "aggregates"),)): 0}
    metrics.tell(group, [])
    assert told() == {}
    assert "twooter_queue_waiting" not in metrics.exposition().decode()


def test_a_figure_without_labels_is_told_until_it_is_unknown_again() -> None:
    metrics.tell([metrics.PROBE_OK], [(metrics.PROBE_OK, (), 0)])
    assert exposed(metrics.exposition().decode())["twooter_probe_ok", ()] == 0
    metrics.tell([metrics.PROBE_OK], [])
    assert "twooter_probe_ok" not in metrics.exposition().decode()


EVERYTHING = """
    import sys
    from pathlib import Path
    from twooter import metrics
    from twooter.api.app import routes
    from twooter.api.operations import operations_of
    from twooter.services.outboxes import CONSUMERS
    from twooter.settings import Settings
    from twooter.storage.statements import registry
    from twooter.wiring import wire
    from workers.schedule import ENTRIES

    def visit(folder):
        for route in routes(wire(Settings(var_dir=Path(folder)))):
            for method, operation in operations_of(route.resource).items():
                metrics.REQUESTS.labels(method).observe(0.1)
                metrics.ROUTES.labels(method, route.path).observe(0.1)
                any_route = {400, 401, 404, 405, 413, 415, 429, 500, 503, *([304] if operation.cached else [])}
                for status in {*operation.answers, *operation.errors, *any_route}:
                    metrics.ANSWERS.labels(method, route.path, "4xx" if 400 <= status < 500 else str(status)).inc()

    def run():
        for consumer in CONSUMERS:
            metrics.FRESHNESS.labels(consumer).observe(0.1)
            for counter in (metrics.EVENTS_APPLIED, metrics.EVENTS_LATE, metrics.EVENTS_PARKED, metrics.BATCHES_SENT):
                counter.labels(consumer).inc()
        for task in ("twooter.batches.apply", *(entry.task for entry in ENTRIES)):
            for outcome in ("success", "failure", "retry"):
                metrics.TASKS.labels(task, outcome).observe(0.1)

    {"api": lambda: visit(sys.argv[2]), "worker": run}[sys.argv[1]]()
    for name in registry:
        metrics.statement_times(name)(0.001)
    sys.stdout.write(metrics.exposition().decode())
"""


@pytest.mark.parametrize("part", ["api", "worker"])
def test_a_process_that_has_done_everything_tells_at_most_2000_series(part: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(EVERYTHING), part, str(tmp_path)],
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert 500 < len(exposed(ran.stdout)) <= 2_000


def test_a_single_process_tells_its_own() -> None:
    assert not metrics.SEVERAL_PROCESSES
    before = exposed(metrics.exposition().decode()).get(("twooter_events_sealed_total", ()), 0)
    metrics.EVENTS_SEALED.inc(3)
    assert exposed(metrics.exposition().decode())["twooter_events_sealed_total", ()] == before + 3


@pytest.mark.parametrize(
    ("level", "logger", "labels"),
    [("error", "a.b.c", ("error", "a")), ("warning", "http", ("warning", "http")), ("info", "http", None),
     ("debug", "http", None), ("critical", "x", ("critical", "x"))],
)  # fmt: skip
def test_only_log_lines_worth_an_alert_are_counted(
    level: str, logger: str, labels: tuple[str, str] | None
) -> None:
    def total() -> float:
        return sum(value for (name, _), value in exposed(metrics.exposition().decode()).items()
                   if name == "twooter_log_events_total")  # fmt: skip

    before = total()
    metrics.count_log(level, logger)
    assert total() - before == (labels is not None)
    if labels is not None:
        key = ("twooter_log_events_total", (("level", labels[0]), ("logger", labels[1])))
        assert exposed(metrics.exposition().decode())[key] >= 1
