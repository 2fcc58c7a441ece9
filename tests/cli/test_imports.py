"""`import` and `export`: what goes in comes out, once, whatever happens on the way."""

import csv
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.conftest import Call, environment_of
from tests.databases import SqliteTemplate
from tests.processes import wait_until
from tests.rules.sources import ROOT
from twooter.domain.ids import IMPORTED_ID
from twooter.settings import Settings
from twooter.storage.database import Storage

Row = tuple[str, str, str]
HEADER = b"message,tag,timestamp\r\n"
on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def written(path: Path, rows: list[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def count(storage: Storage) -> int:
    return int(storage.database.execute_sql("SELECT COUNT(*) FROM twoots").fetchone()[0])


def some(number: int, seed: int = 1) -> list[Row]:
    chance = random.Random(seed)
    return [
        (
            f'row {i}, "quoted"\nsecond line é👩‍👩‍👧',
            chance.choice(["coffee", "night-life", "1337code", "日本"]),
            f"{chance.randint(2000, 2023)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}T08:00:00",
        )
        for i in range(number)
    ]


def test_export_import_export_gives_the_same_bytes(
    twooter: Call, settings: Settings, tmp_path: Path, sqlite_template: SqliteTemplate
) -> None:
    odd: list[Row] = [
        ("lone \r return", "a,b", "2001-02-03"),
        (" spaces ", '"', "2001-02-03T04:05:06.789Z"),
        ("same time", "x", "2001-02-03T06:05:06.789+02:00"),
        ("no tag at all", "", "2010-01-01T00:00:00Z"),
        ("two of its own #one #two", "", "2010-01-01T00:00:00Z"),
    ]
    done = twooter("import", str(written(tmp_path / "in.csv", some(1_500) + odd)))
    assert (done.returncode, done.stdout.decode().splitlines()[-1]) == (0, "Imported 1,505 messages.")
    first = twooter("export").stdout
    assert first.startswith(HEADER)
    assert first.count(b"\r\n") >= 1_506
    (tmp_path / "out.csv").write_bytes(first)
    other = tmp_path / "other"
    other.mkdir()
    elsewhere = {"TWOOTER_DATABASE_URL": sqlite_template.fresh(other)}
    assert twooter("import", str(tmp_path / "out.csv"), **elsewhere).returncode == 0
    assert twooter("export", str(tmp_path / "again.csv"), **elsewhere).stdout == b""
    assert (tmp_path / "again.csv").read_bytes() == first


@on_sqlite
def test_a_finished_file_is_not_imported_twice(twooter: Call, storage: Storage, tmp_path: Path) -> None:
    file = written(tmp_path / "in.csv", some(50))
    assert twooter("import", str(file)).returncode == 0
    again = twooter("import", str(file))
    assert (again.returncode, b"is in already; nothing was imported" in again.stdout) == (0, True)
    assert count(storage) == 50


def test_a_killed_import_goes_on_where_it_was(
    twooter: Call, settings: Settings, storage: Storage, tmp_path: Path
) -> None:
    rows = some(15_000)
    file = written(tmp_path / "in.csv", rows)
    command = [sys.executable, "-m", "twooter", "import", str(file)]
    with subprocess.Popen(
        command, env=environment_of(settings), cwd=ROOT, stdout=subprocess.DEVNULL
    ) as process:
        wait_until(lambda: count(storage) > 0, seconds=60, what="the first block")
        process.kill()
    stopped_at = count(storage)
    assert stopped_at % 1_000 == 0
    done = twooter("import", str(file))
    assert done.returncode == 0, done.stderr
    if stopped_at < len(rows):
        assert f"Imported {len(rows) - stopped_at:,} messages, going on after line" in done.stdout.decode()
    texts = storage.database.execute_sql("SELECT text FROM twoots").fetchall()
    assert Counter(text for (text,) in texts) == Counter(row[0] for row in rows)
    counted = storage.database.execute_sql(f"SELECT twoots FROM accounts WHERE id = {IMPORTED_ID}")  # noqa: S608 - a number
    assert counted.fetchone()[0] == len(rows)


@on_sqlite
def test_a_bad_line_is_named_and_nothing_of_its_block_is_written(
    twooter: Call, storage: Storage, tmp_path: Path
) -> None:
    lines = [f"message {i},tag,2001-01-01" for i in range(1_500)]
    lines[1_200] = "a,b,yesterday"
    file = tmp_path / "in.csv"
    file.write_text("\n".join(lines))
    done = twooter("import", str(file))
    assert done.returncode == 1
    assert "Error: line 1201: The timestamp is no ISO 8601 time" in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert count(storage) == 1_000


@on_sqlite
def test_a_mended_file_goes_on_behind_its_last_good_block(
    twooter: Call, storage: Storage, tmp_path: Path
) -> None:
    lines = [f"message {i},tag,2001-01-01" for i in range(2_500)]
    file = tmp_path / "in.csv"
    file.write_text("\n".join([*lines[:1_700], "bad", *lines[1_701:]]))
    assert b"line 1701" in twooter("import", str(file)).stderr
    file.write_text("\n".join(lines))
    done = twooter("import", str(file))
    assert b"Imported 1,500 messages, going on after line 1000." in done.stdout
    assert count(storage) == 2_500


@on_sqlite
def test_a_file_that_is_not_there_is_a_usage_error(twooter: Call) -> None:
    done = twooter("import", "nowhere.csv")
    assert (done.returncode, b"does not exist" in done.stderr) == (2, True)
