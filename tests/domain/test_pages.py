"""Pages: from page to page one meets every item once, in both directions, while new ones arrive."""

from hypothesis import given
from hypothesis import strategies as st

from twooter.domain import pages
from twooter.domain.pages import Page, Slice

IDS = st.sets(st.integers(1, 2**63 - 1), max_size=60)
LIMITS = st.integers(1, 20)


def read(ids: set[int], page: Page) -> Slice[int]:
    """Read as storage does: `limit + 1` rows in reading order."""
    if page.after is not None:
        rows = sorted(id_ for id_ in ids if id_ > page.after)
    else:
        rows = sorted((id_ for id_ in ids if page.before is None or id_ < page.before), reverse=True)
    return pages.cut(rows[: page.limit + 1], page, lambda id_: id_)


@given(IDS, LIMITS)
def test_forward_to_the_end_is_the_whole_list(ids: set[int], limit: int) -> None:
    met: list[int] = []
    page: Page | None = Page(limit)
    while page is not None:
        found = read(ids, page)
        assert len(found.items) <= limit
        met += found.items
        page = None if found.next_before is None else Page(limit, before=found.next_before)
    assert met == sorted(ids, reverse=True)


@given(IDS.filter(bool), LIMITS)
def test_back_to_the_head_is_the_whole_list(ids: set[int], limit: int) -> None:
    oldest = min(ids)
    met = [oldest]
    after: int | None = oldest
    while after is not None:
        found = read(ids, Page(limit, after=after))
        assert list(found.items) == sorted(found.items, reverse=True)
        met = [*found.items, *met]
        if not found.items:
            assert found.prev_after == after  # the head keeps its place, for what is new later
            break
        after = found.prev_after
    assert met == sorted(ids, reverse=True)


@given(IDS, LIMITS)
def test_an_empty_page_keeps_its_place(ids: set[int], limit: int) -> None:
    last = min(ids, default=1)
    found = read(ids, Page(limit, before=last))
    assert (list(found.items), found.next_before) == ([], None)
    assert found.prev_after is not None
    assert list(read(ids, Page(60, after=found.prev_after)).items) == sorted(ids, reverse=True)


@given(IDS, LIMITS, st.data())
def test_there_and_back_is_the_same_page(ids: set[int], limit: int, data: st.DataObject) -> None:
    first = read(ids, Page(limit))
    if first.next_before is None:
        return
    second = read(ids, Page(limit, before=first.next_before))
    assert second.prev_after is not None
    back = read(ids, Page(limit, after=second.prev_after))
    assert list(back.items) == list(first.items)
    assert back.next_before == first.next_before


@given(IDS, st.sets(st.integers(2**63, 2**64), max_size=20), LIMITS)
def test_new_items_appear_only_on_the_way_to_the_head(ids: set[int], new: set[int], limit: int) -> None:
    first = read(ids, Page(limit))
    grown = ids | new
    if first.next_before is not None:
        following = read(grown, Page(limit, before=first.next_before))
        assert list(following.items) == list(read(ids, Page(limit, before=first.next_before)).items)
    if first.prev_after is not None and new:
        assert set(read(grown, Page(100, after=first.prev_after)).items) == new


@given(IDS, st.data(), LIMITS)
def test_what_is_deleted_meanwhile_is_met_by_nobody(ids: set[int], data: st.DataObject, limit: int) -> None:
    first = read(ids, Page(limit))
    gone = data.draw(st.sets(st.sampled_from(sorted(ids)))) if ids else set()
    rest = ids - gone
    met: list[int] = []
    before = first.next_before
    while before is not None:
        found = read(rest, Page(limit, before=before))
        met += found.items
        before = found.next_before
    expected = [] if first.next_before is None else [id_ for id_ in rest if id_ < first.next_before]
    assert met == sorted(expected, reverse=True)


def test_an_empty_list_leads_nowhere() -> None:
    assert read(set(), Page(20)) == Slice([], None, None)
