"""Cursors: they lead back to where they were made for, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twooter.api.cursors import Cursors
from twooter.domain.pages import Page
from twooter.errors import BadRequest

IDS = st.integers(0, 2**63 - 1)
SCOPES = st.text(st.characters(codec="utf-8"), max_size=60)
cursors = Cursors((b"new key", b"old key"))


def is_refused(given_: Cursors, scope: str, cursor: str) -> bool:
    try:
        given_.page(scope, 20, cursor)
    except BadRequest as ex:
        return ex.code == "bad_cursor"
    return False


@given(SCOPES, IDS, st.integers(1, 100))
def test_a_cursor_leads_on_in_either_direction(scope: str, id_: int, limit: int) -> None:
    assert cursors.page(scope, limit, cursors.make(scope, before=id_)) == Page(limit, before=id_)
    assert cursors.page(scope, limit, cursors.make(scope, after=id_)) == Page(limit, after=id_)


def test_without_a_cursor_it_is_the_first_page() -> None:
    assert cursors.page("scope", 7, None) == Page(7)


@given(SCOPES, SCOPES, IDS)
def test_a_cursor_of_another_list_or_viewer_is_refused(scope: str, other: str, id_: int) -> None:
    assert is_refused(cursors, other, cursors.make(scope, before=id_)) == (scope != other)


@given(IDS, st.data())
def test_a_changed_cursor_is_refused(id_: int, data: st.DataObject) -> None:
    cursor = cursors.make("scope", before=id_)
    at = data.draw(st.integers(0, len(cursor) - 1))
    character = data.draw(st.characters())
    changed = cursor[:at] + character + cursor[at + 1 :]
    assert is_refused(cursors, "scope", changed) == (changed != cursor)


@given(IDS, st.data())
def test_a_cursor_with_something_more_or_less_is_refused(id_: int, data: st.DataObject) -> None:
    cursor = cursors.make("scope", after=id_)
    at = data.draw(st.integers(0, len(cursor)))
    assert is_refused(
        cursors, "scope", cursor[:at] + data.draw(st.text(min_size=1, max_size=5)) + cursor[at:]
    )
    if at < len(cursor):
        assert is_refused(cursors, "scope", cursor[:at])


@given(st.text(max_size=200))
def test_made_up_cursors_are_refused(text: str) -> None:
    assert is_refused(cursors, "scope", text)


@pytest.mark.parametrize(
    "cursor", ["", "=", "====", "b1", "YjE", "YjE.", ".", "\0", "é", "\ud800", "A" * 10_000]
)
def test_odd_cursors_are_refused(cursor: str) -> None:
    assert is_refused(cursors, "scope", cursor)


def test_a_former_key_still_verifies_and_an_unknown_one_does_not() -> None:
    former = Cursors((b"old key",)).make("scope", before=5)
    assert cursors.page("scope", 20, former) == Page(20, before=5)
    assert is_refused(cursors, "scope", Cursors((b"stolen",)).make("scope", before=5))
    assert is_refused(Cursors((b"old key",)), "scope", cursors.make("scope", before=5))
