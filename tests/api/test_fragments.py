"""Fragments: a twoot rendered once per version, with counts that are always the present ones."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from twooter.api import fragments
from twooter.api.fragments import Fragments
from twooter.api.native import twoots
from twooter.domain.accounts import Author
from twooter.domain.twoots import Card, Flags, Ref, Twoot

CARD = Card(Twoot(4711, 7, 'a "quoted" <text> of #tea\n'), Author(7, "ada", "Ada", 1))
URL = "https://twooter.example"


@pytest.fixture
def shaped() -> list[int]:
    """Return the ids of the twoots that were shaped."""
    return []


@pytest.fixture
def kept(shaped: list[int], monkeypatch: pytest.MonkeyPatch) -> Fragments:
    """Return fragments that note what they shape."""
    content = twoots.content

    def noting(card: Card, *, public_url: str) -> dict[str, Any]:
        shaped.append(card.twoot.id)
        return content(card, public_url=public_url)

    monkeypatch.setattr(twoots, "content", noting)
    return Fragments(public_url=URL)


def rendered(kept: Fragments, card: Card) -> Any:
    return orjson.loads(orjson.dumps([kept.render(card)]))[0]


def test_a_fragment_is_the_twoots_shape(kept: Fragments) -> None:
    assert rendered(kept, CARD) == twoots.twoot(CARD, public_url=URL)


def test_a_twoot_is_shaped_once_per_version(kept: Fragments, shaped: list[int]) -> None:
    assert rendered(kept, CARD) == rendered(kept, CARD)
    assert shaped == [4711]
    edited = Card(replace(CARD.twoot, version=2, text="edited"), CARD.author)
    assert [rendered(kept, edited)["text"] for _ in range(2)] == ["edited"] * 2
    assert len(shaped) == 2


def test_a_new_name_of_the_author_shows(kept: Fragments, shaped: list[int]) -> None:
    rendered(kept, CARD)
    renamed = Card(CARD.twoot, Author(7, "ada", "Countess", 2))
    assert rendered(kept, renamed)["author"]["display_name"] == "Countess"
    assert len(shaped) == 2


def test_counts_are_never_kept(kept: Fragments, shaped: list[int]) -> None:
    for number in (0, 3, 1, -5):
        counted = rendered(kept, Card(replace(CARD.twoot, replies=number, likes=number), CARD.author))
        assert counted["counts"] == {
            "replies": max(0, number),
            "likes": max(0, number),
            "retwoots": 0,
            "quotes": 0,
        }
    assert shaped == [4711]


def test_what_the_viewer_did_is_never_kept(kept: Fragments, shaped: list[int]) -> None:
    for flags in (None, Flags(liked=True), Flags(retwooted=True, bookmarked=True)):
        card = replace(CARD, flags=flags)
        assert rendered(kept, card)["viewer"] == twoots.flags(flags)
    assert shaped == [4711]


def test_a_quoted_twoot_is_a_fragment_of_its_own_and_may_be_withdrawn(
    kept: Fragments, shaped: list[int]
) -> None:
    quoting = replace(CARD, twoot=replace(CARD.twoot, id=4712, quote=Ref(4711, 7)))
    assert rendered(kept, replace(quoting, quoted=CARD))["quoted"] == {
        "state": "shown",
        "twoot": twoots.twoot(CARD, public_url=URL),
    }
    assert rendered(kept, quoting)["quoted"] == {"state": "withdrawn", "twoot": None}
    assert rendered(kept, CARD)["quoted"] is None
    assert sorted(shaped) == [4711, 4711, 4712]


def test_a_bounded_number_is_kept(kept: Fragments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "_KEPT", 10)
    for id_ in range(100):
        assert rendered(kept, Card(replace(CARD.twoot, id=id_), CARD.author))["id"] == str(id_)
        assert len(kept._kept) <= 10
