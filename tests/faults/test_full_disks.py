"""A disk that is full under SQLite: writes are 503 until there is room, reads go on, nothing is corrupt."""

import resource
from pathlib import Path

import pytest

from tests.databases import SqliteTemplate
from tests.faults.apps import App
from tests.faults.clients import Client, assert_refused
from tests.faults.truths import Truth

pytestmark = pytest.mark.timeout(300)  # a process starts, on a busy machine too


def limit(app: App, size: int) -> None:
    """Let no file of the application grow above a size, as on a full disk; -1 lifts that."""
    for pid in app.pids("embedded"):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_full_disk_is_503_for_writes_until_there_is_room(
    sqlite_template: SqliteTemplate, tmp_path: Path
) -> None:
    url = sqlite_template.fresh(tmp_path)
    with App.embedded(url, TWOOTER_RESEND_SECONDS="1") as app, Truth(url) as truth:
        client = Client(app.port)
        member = client.sign_up("alice")
        acknowledged = [client.publish(member, f"#load {number}") for number in range(5)]
        for _ in range(2):
            limit(app, max(file.stat().st_size for file in tmp_path.iterdir()) + 100_000)
            refusals = 0
            while refusals < 3:  # the log begins anew at each checkpoint: there may be room for some more
                answer = client.call("POST", "/v1/twoots", {"text": "#load"}, token=member.token)
                if answer.status == 201:
                    acknowledged.append(answer.json["id"])
                else:
                    assert_refused(answer, 503)
                    refusals += 1
            assert client.call("GET", "/v1/timelines/public").status == 200
            assert client.call("GET", f"/v1/twoots/{acknowledged[-1]}").status == 200
            limit(app, resource.RLIM_INFINITY)
            acknowledged += [client.publish(member, f"#load again {number}") for number in range(5)]
        truth.assert_exact(acknowledged)
        check = truth.services.storage.database.execute_sql("PRAGMA integrity_check").fetchone()
        assert check == ("ok",)
