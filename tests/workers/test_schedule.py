"""Every entry of the schedule runs, once in its slot, and says why."""

import pytest

from twooter.broker import ALL_QUEUES
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.storage.tables import ScheduleClaims
from workers.app import create_app
from workers.schedule import ENTRIES, SCHEDULE, Entry


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.task)
def test_an_entry_runs_once_in_its_slot(
    services: Services, settings: Settings, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = services.ids.now_ms()
    monkeypatch.setattr(services.ids, "now_ms", lambda: now_ms)
    app = create_app(settings, services)
    for _ in range(2):
        app.tasks[entry.task].apply(throw=True)
    database = services.storage.database
    slots = database.execute_sql(f"SELECT task, slot_ms FROM {ScheduleClaims._meta.table_name}").fetchall()  # noqa: S608 - our own name
    length_ms = entry.every_seconds * 1000
    assert [tuple(row) for row in slots] == [(entry.task, now_ms // length_ms * length_ms)]
    assert entry.why.endswith(".")


def test_beat_sends_every_entry_to_a_queue_that_is_served(services: Services, settings: Settings) -> None:
    app = create_app(settings, services)
    assert app.conf.beat_schedule == SCHEDULE
    for entry in ENTRIES:
        sent = SCHEDULE[entry.task]
        assert sent["task"] in app.tasks
        assert sent["options"]["queue"] in ALL_QUEUES
        assert sent["schedule"] <= entry.every_seconds
