"""Files of messages: what is read, and how a bad line is named."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twooter.domain import ids, imports
from twooter.domain.imports import Row
from twooter.domain.twoots import Twoot
from twooter.errors import Invalid

NOW_MS = 1_780_000_000_000
GOOD = b"first,tag,2001-01-01\n"


def rows_of(content: bytes, after_line: int = 0) -> list[Row]:
    return list(imports.read(io.BytesIO(content), NOW_MS, after_line=after_line))


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (b"only,two", "There are 2 fields; a row is message,tag,timestamp."),
        (b"a,b,c,d", "There are 4 fields; a row is message,tag,timestamp."),
        (b"a,b,yesterday", "The timestamp is no ISO 8601 time such as 2019-05-17T08:30:00Z."),
        (b"a,b,", "The timestamp is no ISO 8601 time"),
        (b"a,b,2001-02-30", "The timestamp is no ISO 8601 time"),
        (b"a,b,1999-12-31T23:59:59.999Z", "The timestamp is before the year 2000."),
        (b"a,b,2000-01-01T00:30:00+01:00", "The timestamp is before the year 2000."),
        (b"a,b,0001-01-01T00:00:00+23:00", "The timestamp is before the year 2000."),
        (b"a,b,9999-12-31T23:59:59-23:00", "The timestamp is in the future."),
        (b",b,2001-01-01", "text: Write 1 to 10000 characters."),
        (b"a" * 10_001 + b",b,2001-01-01", "text: Write 1 to 10000 characters."),
        (b"a," + b"b" * 256 + b",2001-01-01", "tag: Write 1 to 255 characters."),
        (b"a, ,2001-01-01", "tag: Write a tag that is more than white space."),
        (b"a\0,b,2001-01-01", "text: The text contains a NUL character"),
        (b'"a"x,b,2001-01-01', "This is not CSV"),
        (b'"never closed,b,2001-01-01', "This is not CSV"),
        (b"a\rb,c,2001-01-01", "This is not CSV"),
        (b"\xff,b,2001-01-01", "This is not valid UTF-8."),
        (b"\xed\xa0\x80,b,2001-01-01", "This is not valid UTF-8."),  # a lone surrogate
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong(bad: bytes, sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        rows_of(GOOD + b'"two\nlines",tag,2002-01-01\n' + bad + b"\n" + GOOD)
    assert str(caught.value).startswith(f"line 4: {sentence}")


@pytest.mark.parametrize(
    "header", [b"", b"message,tag,timestamp\n", b"\xef\xbb\xbfMessage, Tag ,TIMESTAMP\r\n", b"\n\n"]
)
def test_a_line_that_names_the_columns_is_no_row(header: bytes) -> None:
    assert [row.text for row in rows_of(header + GOOD)] == ["first"]


def test_a_second_header_is_a_bad_line() -> None:
    with pytest.raises(Invalid, match="line 2: The timestamp"):
        rows_of(GOOD + b"message,tag,timestamp\n")


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2019-05-17T08:30:00Z", datetime(2019, 5, 17, 8, 30, tzinfo=UTC)),
        ("2019-05-17T08:30:00", datetime(2019, 5, 17, 8, 30, tzinfo=UTC)),
        ("2019-05-17 08:30", datetime(2019, 5, 17, 8, 30, tzinfo=UTC)),
        ("2019-05-17", datetime(2019, 5, 17, tzinfo=UTC)),
        ("20190517T083000+0200", datetime(2019, 5, 17, 6, 30, tzinfo=UTC)),
        (" 2019-05-17T08:30:00.1234567-05:30 ", datetime(2019, 5, 17, 14, 0, 0, 123_000, tzinfo=UTC)),
    ],
)
def test_times_are_iso_8601_in_utc_unless_they_say_otherwise(text: str, when: datetime) -> None:
    assert imports.parse_time(text) == round(when.timestamp() * 1000)


def test_rows_up_to_a_line_are_passed_over() -> None:
    content = b"message,tag,timestamp\n" + GOOD + b'"a\nb",t,2002-01-01\n' + b"c,t,2003-01-01"
    assert [(row.line, row.text) for row in rows_of(content)] == [(2, "first"), (4, "a\nb"), (5, "c")]
    assert [row.text for row in rows_of(content, after_line=2)] == ["a\nb", "c"]
    assert rows_of(content, after_line=5) == []


def test_blocks_hold_a_thousand_rows_and_the_rest() -> None:
    found = list(imports.blocks(iter(rows_of(GOOD * 2_500))))
    assert [len(block) for block in found] == [1_000, 1_000, 500]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)
TAGS = TEXTS.filter(lambda text: bool(text.strip()))


@given(st.lists(st.tuples(TEXTS, TAGS, st.integers(ids.EPOCH_MS, NOW_MS)), max_size=12))
def test_what_is_written_is_read_again(rows: list[tuple[str, str, int]]) -> None:
    twoots = [
        Twoot(ids.compose(time_ms, ids.IMPORT_NODE, 0), ids.IMPORTED_ID, text, given_tag=tag)
        for text, tag, time_ms in rows
    ]
    content = imports.write([imports.HEADER]) + imports.write(imports.columns(twoot) for twoot in twoots)
    assert [(row.text, row.tag, row.time_ms) for row in rows_of(content.encode())] == rows


@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_a_named_line(content: bytes) -> None:
    try:
        found = rows_of(content)
    except Invalid as ex:
        found = []
        named = ex.errors[0].field
        assert named.startswith("line "), named
    assert all(row.text for row in found)


def test_a_field_longer_than_csv_takes_is_a_bad_line() -> None:
    with pytest.raises(Invalid, match="line 1: This is not CSV"):
        rows_of(b'"' + b"a" * (csv.field_size_limit() + 1) + b'",b,2001-01-01')
