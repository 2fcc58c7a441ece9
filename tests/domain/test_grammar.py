"""The grammar of hashtags, mentions and links, as its docstring states it."""

import html
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from twooter.domain import grammar
from twooter.domain.grammar import MAX_KEY, MAX_TAG

URL = "https://twooter.example"
PIECES = st.sampled_from(
    ["#", "＃", "@", "a", "Zoë", "1", "_", " ", "\n", "<", ">", "&", '"', "'", "/", ".", "(", ")", "❤️", "👩‍👩‍👧",
     "\u200c", "ſ", "http://", "https://x.y", "HTTPS://", "日本", "e\u0301", "\ufe0f", "#️⃣", "\r", "\t", "\u202e",
     "\ud800", "ﷺ"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=25).map("".join))


def tags(text: str) -> list[str]:
    return [tag.name for tag in grammar.parse(text).hashtags]


def mentions(text: str) -> list[str]:
    return list(grammar.parse(text).mentions)


def links(text: str) -> list[str]:
    return [span.value for span in grammar.spans(text) if span.kind == "link"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#coffee", ["coffee"]),
        ("a #b c", ["b"]),
        ("#night_life, #1337code!", ["night_life", "1337code"]),
        ("＃コーヒー", ["コーヒー"]),
        ("#日本の切手 #Straße #Ελλάδα #россия", ["日本の切手", "Straße", "Ελλάδα", "россия"]),
        ("#עברית #हिन्दी #ไทย", ["עברית", "हिन्दी", "ไทย"]),
        ("#می\u200cخواهم", ["می\u200cخواهم"]),  # a joiner within a word
        ("#cafe\u0301", ["cafe\u0301"]),
        ("#a\u200d 👩", ["a"]),
        ("(#a) «#b» …#c.", ["a", "b", "c"]),
        ("❤️#love", ["love"]),  # after an emoji with its variation selector
        ("👩‍👩‍👧#family👍🏽", ["family"]),
        ("#love❤️", ["love"]),
        ("1️⃣#first", ["first"]),
        ("#A #a #Ａ", ["A"]),
        ("#x\n#y", ["x", "y"]),
        ("#" + "a" * MAX_TAG, ["a" * MAX_TAG]),
        ("-#a", ["a"]),
    ],
)  # fmt: skip
def test_hashtags_are_found(text: str, found: list[str]) -> None:
    assert tags(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "#", "# a", "#1", "#123_", "#_", "##a", "a#b", "#a#b", "1#b", "_#b", "é#b", "e\u0301#b", "&#x27;", "&#a", "/#a",
        "#️⃣", "#\u0301", "#" + "a" * (MAX_TAG + 1), "#-a", "http://x.y/#a", "https://x.y/z#a", "https://x.y/?q=#a",
        "#\u200ca", "#❤️",
    ],
)  # fmt: skip
def test_what_is_no_hashtag(text: str) -> None:
    assert tags(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@tea", ["tea"]),
        ("Hi @Tea_1, (@b)! @tea_1", ["tea_1", "b"]),
        ("@a's, -@b", ["a", "b"]),
        ("@tea. And", ["tea"]),
        ("@tea.", ["tea"]),
        ("❤️@tea👍", ["tea"]),
        ("@" + "a" * 30, ["a" * 30]),
    ],
)
def test_mentions_are_found(text: str, found: list[str]) -> None:
    assert mentions(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "me@example.com", "first.last@example", "@example.com", "a.@b", "@@a", "@a@b.example", "/@a", "@é", "@teé",
        "@ſam", "@" + "a" * 31, "@ a", "@", "https://x.y/@tea", "cafe\u0301@b",
    ],
)  # fmt: skip
def test_what_is_no_mention(text: str) -> None:
    assert mentions(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://x.y/z?a=1&b=#c.", ["https://x.y/z?a=1&b=#c"]),
        ("(http://x.y)", ["http://x.y"]),
        ("HTTPS://X.Y!", ["HTTPS://X.Y"]),
        ("https://x.y/A_(b)", ["https://x.y/A_(b)"]),
        ("(https://x.y/A_(b))", ["https://x.y/A_(b)"]),
        ("http://[::1]/", ["http://[::1]/"]),
        ("<https://x.y>", ["https://x.y"]),
        ("https://", []),
        ("https://...", []),
        ("httpſ://x.y", []),
        ("javascript://x.y", []),
    ],
)
def test_links_are_found(text: str, found: list[str]) -> None:
    assert links(text) == found


@given(TEXTS)
def test_spans_join_to_the_text(text: str) -> None:
    spans = grammar.spans(text)
    assert "".join(span.text for span in spans) == text
    assert all(span.text for span in spans)


@given(TEXTS)
def test_what_is_found_obeys_the_grammar(text: str) -> None:
    found = grammar.parse(text)
    for tag in found.hashtags:
        letters = re.sub("[\u200c\u200d]", "", tag.name)
        assert 1 <= len(letters) <= MAX_TAG
        assert any(c.isalpha() for c in letters)
        assert tag.key == grammar.tag_key(tag.name)
    assert len({tag.key for tag in found.hashtags}) == len(found.hashtags)
    for name in found.mentions:
        assert re.fullmatch(r"[a-z0-9_]{1,30}", name, re.ASCII)


@given(TEXTS)
def test_parse_finds_the_same_tag_again(text: str) -> None:
    for tag in grammar.parse(text).hashtags:
        assert tags(f"#{tag.name}") == [tag.name]


@given(TEXTS.filter(lambda text: "\ud800" not in text))
@example("<script>alert(1)</script>")
@example('https://x.y/"onmouseover="alert(1)')
@example("https://x.y/'><img>")
@example("#a<b>@c")
def test_rendering_escapes_everything_but_its_own_links(text: str) -> None:
    shown = grammar.render(text, public_url=URL)
    own = r'<a href="[^"<>]*"(?: rel="(?:nofollow noopener noreferrer ugc|tag)")?>|</a>|<br>'
    bare = re.sub(own, lambda m: "\n" if m.group() == "<br>" else "", shown)
    assert not set(bare) & set("<>\"'")
    assert html.unescape(bare) == text
    for address in re.findall(r'href="([^"]*)"', shown):
        assert re.match(r"https?://", address, re.IGNORECASE)


@given(st.text(max_size=300))
def test_a_key_fits_its_column_and_is_its_own_key(name: str) -> None:
    key = grammar.tag_key(name)
    assert len(key) <= MAX_KEY
    assert grammar.tag_key(key) == key
    assert key == key.strip()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Coffee", "ＣＯＦＦＥＥ"),
        ("Straße", "STRASSE"),
        ("café", "cafe\u0301"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        (" a ", "a"),
    ],
)
def test_spellings_share_a_key(one: str, other: str) -> None:
    assert grammar.tag_key(one) == grammar.tag_key(other)


@pytest.mark.parametrize(("one", "other"), [("cafe", "café"), ("😀", "😁"), ("s", "ss"), ("a b", "ab")])
def test_different_tags_have_different_keys(one: str, other: str) -> None:
    assert grammar.tag_key(one) != grammar.tag_key(other)


def test_keys_too_long_for_the_column_stay_different() -> None:
    long = "ﷺ" * 200
    assert grammar.tag_key(long) != grammar.tag_key(long + "a")
    assert len(grammar.tag_key(long)) == MAX_KEY


@pytest.mark.parametrize(
    "text",
    [
        "#" + "1" * 10_000, "#" * 10_000, "#1" * 5_000, "#a" * 5_000, "#_1" * 3_000, "@" * 10_000, "@a" * 5_000,
        "a@" * 5_000, "http://" * 1_500, "http://x" + ")" * 10_000, "http://x" + "()" * 5_000, "#" + "a\u200d" * 5_000,
        "#" + "\u0301" * 10_000, "# " * 5_000, "&#" * 5_000, "#" + "1_" * 5_000, "#" + "ﷺ" * 99,
        "https://x" + "." * 10_000,
    ],
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    start = time.process_time()
    grammar.render(text, public_url=URL)
    grammar.parse(text)
    assert time.process_time() - start < 0.5
