"""A worker in a thread: it does what is sent, and is stopped at any moment without a cry."""

import threading

import pytest
from celery.worker.consumer.tasks import Tasks

from tests.processes import wait_until
from twooter.services.house import Services
from twooter.settings import Settings
from workers.app import create_app
from workers.threaded import ThreadedWorker

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def test_a_worker_that_is_told_to_stop_while_it_begins_begins_first(
    services: Services, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connected, go_on, happened = threading.Event(), threading.Event(), list[str]()
    begin = Tasks.start

    def begin_late(step: Tasks, consumer: object) -> None:
        connected.set()
        go_on.wait(30)
        begin(step, consumer)
        happened.append("begun")

    monkeypatch.setattr(Tasks, "start", begin_late)
    worker = ThreadedWorker(create_app(settings, services), ["begins_late"])
    stop = worker._worker.stop

    def note_and_stop() -> None:
        happened.append("stopped")
        stop()

    monkeypatch.setattr(worker._worker, "stop", note_and_stop)
    worker.start()
    assert connected.wait(30)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    go_on.set()
    stopping.join(30)
    wait_until(lambda: not _runs("worker begins_late"), seconds=30, what="its end")
    assert happened == ["begun", "stopped"]
    assert [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


def _runs(name: str) -> bool:
    return any(thread.name == name for thread in threading.enumerate())
