"""Log lines: one pipeline for ours and the libraries', JSON whatever is in them, no secret, none worth a request."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from twooter import logs
from twooter.logs import bind_contextvars, clear_contextvars, get_logger
from twooter.settings import Settings

TOKEN = "twt_3559619128_3559619129_abcDEF-_0123456789"
SCRIPT = """
import sys
from twooter import logs
from twooter.settings import Settings
logs.configure(Settings(log_format=sys.argv[1]))
for number in range(1000):
    logs.get_logger("test").info("something_happened", number=number)
sys.stderr.write("still here")
sys.stderr.flush()
"""
Lines = Callable[[], list[dict[str, Any]]]


class Stream(io.TextIOWrapper):
    """A text stream over bytes that a test reads."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        """Return what was written."""
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


@pytest.fixture
def as_before() -> Iterator[None]:
    """Give structlog, the standard library and the counters back as they were."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level, counters = root.handlers[:], root.level, logs.counters[:]
    yield
    structlog.configure(**before)
    root.handlers[:], logs.counters[:] = handlers, counters
    root.setLevel(level)
    clear_contextvars()


@pytest.fixture
def stream(as_before: None) -> Stream:
    """Return where lines are written."""
    return Stream()


@pytest.fixture
def lines(stream: Stream) -> Lines:
    """Configure JSON lines; return what reads them."""
    logs.configure(Settings.model_validate({"log_format": "json"}), stream)
    return lambda: [json.loads(line) for line in stream.text().splitlines()]


def test_a_line_has_event_level_part_and_time(lines: Lines) -> None:
    get_logger("part").info("something_happened", number=3, none=None, flag=True, text="ö")
    (line,) = lines()
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() is not None
    assert line == {
        "event": "something_happened", "level": "info", "part": "part",
        "number": 3, "none": None, "flag": True, "text": "ö",
    }  # fmt: skip


def test_what_is_bound_to_a_request_is_on_its_lines_and_no_others(lines: Lines) -> None:
    bind_contextvars(request_id="request-1")
    get_logger("part").info("during")
    logging.getLogger("library").warning("during, too")
    clear_contextvars()
    get_logger("part").info("after")
    assert [line.get("request_id") for line in lines()] == ["request-1", "request-1", None]


def test_the_libraries_lines_go_through_the_same_pipeline(lines: Lines) -> None:
    logging.getLogger("library.part").warning("cannot reach %s", "mysql://root:hunter2@db.example.org/x")
    logging.getLogger("library.part").info("told")
    logging.getLogger("library.part").debug("not told")
    first, second = lines()
    assert first["event"] == "cannot reach mysql://***@db.example.org/x"
    assert (first["level"], first["part"], second["event"]) == ("warning", "library.part", "told")


@pytest.mark.parametrize(
    "name",
    ["password", "new_password", "secret_keys", "authorization", "database_dsn", "token", "reset_token", "cookie",
     "set_cookie", "email", "old_email", "database_url", "public_url"],
)  # fmt: skip
def test_a_field_with_a_secrets_name_is_masked(lines: Lines, name: str) -> None:
    get_logger("part").info("told", **{name: "hunter2"}, nested={name: "hunter2"})
    (line,) = lines()
    assert (line[name], line["nested"][name]) == ("***", "***")


@pytest.mark.parametrize("name", ["token_id", "tokens", "emails_sent", "path", "detail", "password_version"])
def test_other_fields_are_told(lines: Lines, name: str) -> None:
    get_logger("part").info("told", **{name: 7})
    assert lines()[0][name] == 7


@pytest.mark.parametrize(
    "secret",
    [TOKEN, "ada.lovelace+x@mail.example.org", "redis://:hunter2@cache.example.org:6379/0",
     "amqp://guest:p@ss:w@rd@broker//", "mysql+pymysql://user:hunter2@127.0.0.1/db"],
)  # fmt: skip
def test_a_secret_is_masked_wherever_it_stands(lines: Lines, stream: Stream, secret: str) -> None:
    log = get_logger("part")
    log.info(f"event {secret}")  # noqa: G004 - what nobody should write must be safe, too
    log.info("told", detail=f"before {secret} after", many=[secret, (secret,)], deep={"a": [{"b": secret}]})
    log.info("told", error=ValueError(secret), settings={secret})
    logging.getLogger("library").error("failed: %s", secret)
    assert len(lines()) == 4
    for part in ("hunter2", "ss:w@rd", "lovelace", "abcDEF"):
        assert part not in stream.text()
    assert "before " in stream.text()
    assert " after" in stream.text()


def test_a_traceback_is_told_without_secrets_and_local_variables(lines: Lines) -> None:
    local = "".join(["hun", "ter2"])
    try:
        raise ValueError(f"{TOKEN} is wrong, {len(local)} times")
    except ValueError as ex:
        get_logger("part").error("crashed", exc_info=ex)
        logging.getLogger("library").exception("crashed")
    for line in lines():
        assert "Traceback" in line["exception"]
        assert "ValueError: *** is wrong, 7 times" in line["exception"]
        assert "hunter2" not in line["exception"]


@pytest.mark.parametrize(
    "value", [2**70, Path("x"), "\ud800", b"\xff", object, float("nan"), {1: 2}, {"x": {2**65}}]
)
def test_whatever_a_line_is_given_it_is_written_as_json(lines: Lines, value: object) -> None:
    get_logger("part").info("told", value=value)
    assert lines()[0]["event"] == "told"


def test_levels_below_the_settings_are_not_told(as_before: None) -> None:
    for level, told in (("debug", 4), ("info", 3), ("warning", 2), ("error", 1)):
        stream = Stream()
        logs.configure(Settings.model_validate({"log_format": "json", "log_level": level}), stream)
        log = get_logger("part")
        for call in (log.debug, log.info, log.warning, log.error):
            call("told")
        assert len(stream.text().splitlines()) == told, level


def test_every_line_is_counted_by_level_and_part(lines: Lines) -> None:
    counted: list[tuple[str, str]] = []
    logs.counters.append(lambda level, part: counted.append((level, part)))
    get_logger("part").info("told")
    get_logger("part").error("told")
    logging.getLogger("library.part").warning("told")
    assert counted == [("info", "part"), ("error", "part"), ("warning", "library.part")]


def test_in_a_pipe_lines_are_json_and_on_a_terminal_they_are_for_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for is_terminal in (False, True):
        monkeypatch.setattr("sys.stdout.isatty", lambda is_terminal=is_terminal: is_terminal, raising=False)
        assert logs._wants_json(Settings.model_validate({})) is not is_terminal
        assert logs._wants_json(Settings.model_validate({"log_format": "json"}))
        assert not logs._wants_json(Settings.model_validate({"log_format": "console"}))


def test_on_a_terminal_secrets_are_masked_too(stream: Stream) -> None:
    logs.configure(Settings.model_validate({"log_format": "console"}), stream)
    try:
        raise ValueError(TOKEN)
    except ValueError:
        get_logger("part").exception("crashed", password="hunter2", detail=TOKEN)
        logging.getLogger("library").exception("crashed %s", TOKEN)
    text = stream.text()
    assert text.count("Traceback") == 2
    assert "abcDEF" not in text
    assert "hunter2" not in text.replace('password="hunter2"', "")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_full_disk_loses_lines_and_nothing_else(log_format: str) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, log_format],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stderr.startswith("still here"), done.stderr
