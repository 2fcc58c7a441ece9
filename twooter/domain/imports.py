"""Files of messages, `message,tag,timestamp`: how rows are read, what is wrong with one, how they are written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from twooter.domain import ids, twoots
from twooter.domain.twoots import Twoot
from twooter.errors import Invalid

HEADER = ("message", "tag", "timestamp")
BLOCK_ROWS = 1000
"""Rows that are written together, or not at all."""
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Row:
    """A message of a file; an empty tag means that the text's own hashtags count. `line` is its last line."""

    line: int
    text: str
    tag: str
    time_ms: int


def read(lines: Iterable[bytes], now_ms: int, *, after_line: int = 0) -> Iterator[Row]:
    """Yield the rows of a file that end after `after_line`, checked; a first line that names the columns is no row.

    Raises: Invalid naming the first line of the first bad row and what is wrong with it.
    """
    reader = csv.reader(_decoded(lines), strict=True)
    first_line = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as ex:
            raise _bad(first_line, f"This is not CSV: {ex}.") from None
        if fields is None:
            return
        is_header = first_line == 1 and tuple(field.strip().lower() for field in fields) == HEADER
        if fields and not is_header and reader.line_num > after_line:
            yield _row(first_line, reader.line_num, fields, now_ms)
        first_line = reader.line_num + 1


def blocks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Yield the rows in lists of `BLOCK_ROWS`; a list is complete, and its rows are good, when it is yielded."""
    block: list[Row] = []
    for row in rows:
        block.append(row)
        if len(block) == BLOCK_ROWS:
            yield block
            block = []
    if block:
        yield block


def write(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV (RFC 4180: line ends are CR LF, fields are quoted where they must be)."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def columns(twoot: Twoot) -> tuple[str, str, str]:
    """Return a twoot as a row; of several hashtags the first one stays."""
    when = datetime.fromtimestamp(twoot.created_ms // 1000, UTC)
    return twoot.text, twoot.tag or "", f"{when:%Y-%m-%dT%H:%M:%S}.{twoot.created_ms % 1000:03d}Z"


def parse_time(value: str) -> int | None:
    """Return the Unix milliseconds of an ISO 8601 time, UTC where it names no zone; None for what is none."""
    try:
        when = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    try:
        since = when - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError:
        return None
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        raw = line.removeprefix(_BOM) if number == 1 else line
        try:
            yield raw.decode()
        except UnicodeDecodeError:
            raise _bad(number, "This is not valid UTF-8.") from None


def _row(first_line: int, line: int, fields: Sequence[str], now_ms: int) -> Row:
    if len(fields) != len(HEADER):
        raise _bad(first_line, f"There are {len(fields)} fields; a row is message,tag,timestamp.")
    message, tag, timestamp = fields
    if errors := twoots.check_message(message, tag or "-"):
        raise _bad(first_line, " ".join(f"{e.field}: {e.detail}" for e in errors))
    time_ms = parse_time(timestamp)
    if time_ms is None:
        raise _bad(first_line, "The timestamp is no ISO 8601 time such as 2019-05-17T08:30:00Z.")
    if time_ms < ids.EPOCH_MS:
        raise _bad(first_line, "The timestamp is before the year 2000.")
    if time_ms > now_ms:
        raise _bad(first_line, "The timestamp is in the future.")
    return Row(line, message, tag, time_ms)


def _bad(line: int, detail: str) -> Invalid:
    return Invalid.field(f"line {line}", "bad_line", detail)
