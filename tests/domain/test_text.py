"""Text: counted as people count, refused where no database could keep it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twooter.domain import text
from twooter.domain.twoots import Draft, check_draft, check_message

FAMILY = "👩‍👩‍👧‍👦"
FLAG = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


def codes(value: str) -> list[str]:
    return [error.code for error in check_draft(Draft(value))]


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("", 0), ("a", 1), ("ab", 2), ("é", 1), ("e\u0301", 1), (FAMILY, 1), ("👍🏽", 1), ("🇫🇷🇩🇪", 2), (FLAG, 1),
        ("❤️", 1), ("1️⃣", 1), ("한국", 2), ("\u1112\u1161\u11ab", 1), ("a\r\nb", 3), ("é\r\n", 2),
        ("a\nb", 3), ("\u200b", 1),
    ],
)  # fmt: skip
def test_graphemes_are_what_people_count(value: str, count: int) -> None:
    assert text.graphemes(value) == count


@pytest.mark.parametrize("unit", ["a", "é", "e\u0301", FAMILY, FLAG, "👍🏽", "한", "क्षि", "\n", "<", "ﷺ"])
def test_exactly_280_may_be_written(unit: str) -> None:
    around = "x" if unit == "\n" else unit  # white space at the ends does not count
    assert codes(around + unit * 278 + around) == []
    assert codes(around + unit * 279 + around) == ["too_long"]


def test_nothing_is_too_short() -> None:
    assert codes("") == ["too_short"]


@pytest.mark.parametrize("value", ["a", " "])
def test_one_character_is_enough(value: str) -> None:
    assert codes(value) == []


def test_zalgo_is_bounded_by_code_points() -> None:
    tower = "a" + "\u0301" * 34
    assert codes(tower * 280) == []
    assert codes("a" + "\u0301" * 20_000) == ["too_long"]


@pytest.mark.parametrize("value", ["\ud800", "a\udfff", "x\udc00y"])
def test_lone_surrogates_are_refused(value: str) -> None:
    assert codes(value) == ["bad_unicode"]
    assert [e.code for e in check_message(value, "tag")] == ["bad_unicode"]
    assert [e.field for e in check_message("text", value)] == ["tag"]


@pytest.mark.parametrize("character", ["\0", "\x01", "\x07", "\x1b", "\x7f", "\x85", "\x9f"])
def test_control_characters_are_refused_in_twoots(character: str) -> None:
    assert codes(f"a{character}b") == ["bad_character"]


@pytest.mark.parametrize("character", ["\n", "\t", "\u00a0", "\u2028", "\u200d", "\u202e"])
def test_line_ends_tabs_and_invisible_characters_may_be_written(character: str) -> None:
    assert codes(f"a{character}b") == []


@pytest.mark.parametrize("character", ["\n", "\t", "\u2028", "\u2029", "\x85", "\x00"])
def test_a_name_is_one_line(character: str) -> None:
    assert [e.code for e in text.check_line("name", f"a{character}b", max_graphemes=50)] == ["bad_character"]


def test_a_message_is_only_refused_what_cannot_be_kept() -> None:
    assert check_message("\x07 \t", "night-life") == []
    assert [e.field for e in check_message("a\0", "b\0")] == ["text", "tag"]
    assert [e.code for e in check_message("", "")] == ["bad_length", "bad_length"]
    assert check_message("a" * 10_000, "t" * 255) == []
    assert [e.field for e in check_message("a" * 10_001, "t" * 256)] == ["text", "tag"]
    assert [e.code for e in check_message("a", " \t")] == ["empty"]


@pytest.mark.parametrize(
    ("value", "cleaned"), [("  a ", "a"), ("a\r\nb\rc", "a\nb\nc"), ("\r\n", ""), ("\u3000a", "a")]
)
def test_cleaning_unifies_line_ends_and_trims(value: str, cleaned: str) -> None:
    assert text.clean(value) == cleaned


@given(st.text())
def test_cleaning_twice_changes_nothing(value: str) -> None:
    assert text.clean(text.clean(value)) == text.clean(value)


@given(st.text(alphabet=st.characters(blacklist_categories=()), max_size=400))
def test_any_text_is_judged_without_a_crash(value: str) -> None:
    errors = check_draft(Draft(value))
    if not errors:
        value.encode()
        assert 1 <= text.graphemes(value) <= 280


@given(st.text(max_size=50), st.text(max_size=50))
def test_graphemes_never_outnumber_code_points(one: str, other: str) -> None:
    assert text.graphemes(one + other) <= text.graphemes(one) + text.graphemes(other)
    assert text.graphemes(one) <= len(one)
