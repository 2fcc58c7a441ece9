"""Words: what texts are cut into, the same whoever asks."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from twooter.domain import ids, words

PIECES = st.sampled_from(
    ["cat", "CAT", "ß", "ﷺ", "東京都", "猫", "คน", "서울", "e\u0301", "é", "❤️", "👩‍👩‍👧", "_", "-", "+", '"', "'", " ",
     "1", "\0", "\ud800", "\ufe0f", "zz", "a" * 50]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map("".join))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A cat, sat!", ["a", "cat", "sat"]),
        ("don't snake_case e-mail", ["don", "t", "snake", "case", "e", "mail"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("Cafe\u0301 ｆｕｌｌ", ["café", "full"]),
        ("iPhone猫です", ["iphone", "猫です"]),
        ("I ❤️ U 👍🏽", ["i", "❤", "u", "👍"]),
        ('+ - ( ) " * @ ~ < > \0 \ud800', []),
    ],
)
def test_words_are_letters_marks_and_digits_in_one_form(text: str, found: list[str]) -> None:
    assert list(words.of_text(text)) == found


@given(TEXTS)
@example("ﷺ" * 60)
def test_a_token_is_one_word_of_ascii_to_every_database(text: str) -> None:
    tokens = words.sequence(text)
    for token in (*tokens, *(token for phrase in words.phrases(text) for token in phrase)):
        assert re.fullmatch(r"[a-z][a-z0-9]{1,45}", token)
        # long enough, and short enough, for InnoDB to keep it
        assert 3 < len(words.within(token, words.window_of(ids.MAX_ID))) < 84


@given(TEXTS, TEXTS, TEXTS)
@example("", "猫", "が")
@example("東", "京", "都")
@example("iphone", "猫", "x")
def test_whatever_part_of_a_text_is_asked_for_is_in_its_tokens(before: str, part: str, after: str) -> None:
    indexed = words.sequence(f"{before} {part} {after}")
    for phrase in words.phrases(part):
        assert _holds(indexed, phrase), (indexed, phrase)


@given(st.text(alphabet="東京都猫がの", min_size=1, max_size=8), st.data())
def test_any_piece_of_a_text_without_spaces_is_found_in_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert all(_holds(words.sequence(text), phrase) for phrase in words.phrases(text[start:end]))


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_text_has_the_same_words_beside_what_is_not(text: str) -> None:
    assert list(words.of_text(f"{text} é")) == [*words.of_text(text), "é"]


def test_a_very_long_text_is_indexed_up_to_a_bound() -> None:
    assert len(words.sequence("word " * 5_000)) == words.MAX_INDEXED
    assert len(words.sequence("猫の" * 5_000)) <= words.MAX_INDEXED + 3


def test_words_of_different_kinds_never_meet() -> None:
    assert words.of_tag("cat") != words.phrases("cat")[0][0]
    assert words.of_author(12) not in words.sequence("12 f12 fp12 012")


def test_windows_follow_each_other_without_a_gap() -> None:
    first = words.first_id(words.window_of(2**62))
    assert words.window_of(first) == words.window_of(first - 1) + 1


def _holds(indexed: list[str], phrase: tuple[str, ...]) -> bool:
    size = len(phrase)
    return any(tuple(indexed[at : at + size]) == phrase for at in range(len(indexed) - size + 1))
