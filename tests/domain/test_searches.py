"""Searches: any text whatever is a query, and what it asks for is bounded."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from twooter.domain import ids, searches, words
from twooter.domain.searches import NamePlace, Query
from twooter.domain.twoots import Twoot

PIECES = st.sampled_from(
    ["from:", "since:", "until:", "2026-01-31", "9999-12-31", "0000-00-00", "#", "＃", "tea", '"', "“", "”", "+", "-",
     "(", ")", "*", "@", "~", "<", ">", " ", "\n", "\0", "\ud800", "猫", "東京", "ﷺ", "AND", "OR", "NEAR", ":", "٢٠٢٦"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=25).map("".join))
DAY_MS = 86_400_000


def phrases(*texts: str) -> tuple[tuple[str, ...], ...]:
    return tuple(phrase for text in texts for phrase in words.phrases(text))


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Green TEA", Query(phrases("green", "tea"))),
        ('"green tea" cup', Query(phrases("green tea", "cup"))),
        ("“green tea“ cup", Query(phrases("green tea", "cup"))),
        ('never "closed up', Query(phrases("never", "closed up"))),
        ("don't", Query(phrases("don t"))),
        ("tea tea TEA", Query(phrases("tea"))),
        ("from:Ada FROM:@ben tea", Query(phrases("tea"), ("ada", "ben"))),
        ("from:é", Query(phrases("from é"))),
        ("#Tea, ＃茶", Query(((words.of_tag("tea"),), (words.of_tag("茶"),)))),
        ("#1", Query(phrases("1"))),
        ("since:1970-01-02 until:1970-01-03", Query(since_ms=DAY_MS, until_ms=3 * DAY_MS)),
        ("since:1970-01-02 since:1970-01-05", Query(since_ms=4 * DAY_MS)),
        ("since:2026-02-30", Query(phrases("since 2026 02 30"))),
        ("since:٢٠٢٦-٠١-٠١", Query(phrases("since ٢٠٢٦ ٠١ ٠١"))),
        ('+ - ( ) " * @ ~ < > +-() "" **', Query()),
        ("", Query()),
    ],
)
def test_what_a_text_asks_for(text: str, query: Query) -> None:
    assert searches.parse(text) == query


@given(TEXTS)
@example("ﷺ" * 200)
@example("since:9999-12-31 until:9999-12-31 until:0001-01-01")
def test_any_text_is_a_bounded_query(text: str) -> None:
    query = searches.parse(text[: searches.MAX_QUERY])
    assert sum(map(len, query.phrases)) <= searches.MAX_TOKENS
    assert all(query.phrases)
    for time_ms in (query.since_ms, query.until_ms):
        assert time_ms is None or 0 <= ids.first_at(time_ms) <= ids.MAX_ID


@given(TEXTS.filter(lambda text: not words.phrases(text)))
def test_a_text_without_words_asks_for_none(text: str) -> None:
    assert searches.parse(text).phrases == ()


def test_a_document_holds_warning_text_hashtags_and_author_of_its_window_alone() -> None:
    twoot = Twoot(7 << 50, 12, "Green #tea", content_warning="Hot drink")
    window = words.window_of(twoot.id)
    document = searches.document(twoot, ["tea"])
    assert all(token.endswith(f"_{window}") for token in document.split())
    for held in (*phrases("hot drink", "green tea"), (words.of_tag("tea"),), (words.of_author(12),)):
        assert " ".join(words.within(token, window) for token in held) in document
    between = " ".join(words.within(token, window) for token in phrases("drink green")[0])
    assert between not in document


def test_an_account_is_found_by_each_of_its_names_words() -> None:
    names = searches.names_of("ada_l", "Ada  King, Countess")
    assert names == ["ada king countess", "ada l", "countess", "king countess", "l"]
    for asked in ("@ada_", "ADA", "ada king", "King", "count"):
        assert any(name.startswith(searches.name_prefix(asked)) for name in names), asked
    assert searches.name_prefix(' +-*" ') == ""


@given(st.text(max_size=30), TEXTS)
def test_names_are_few_and_fit_their_column(username: str, display_name: str) -> None:
    names = searches.names_of(username, display_name)
    assert len(names) <= searches.MAX_NAMES
    assert all(0 < len(name) <= searches.MAX_NAME and name == name.strip() for name in names)


@given(st.sampled_from(["a", "ada l", "猫" * 30, "\U0001f4a9" * 30]), st.integers(1, ids.MAX_ID))
def test_a_place_in_the_list_of_names_survives_as_a_number(name: str, account_id: int) -> None:
    place = NamePlace(name, account_id)
    assert NamePlace.of(place.number) == place
    assert len(str(place.number)) < 320  # with its signature it fits into a cursor
