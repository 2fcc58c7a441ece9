"""Timelines: paged to their very end in both directions, every item once, without what may not be seen."""

from collections.abc import Callable

import pytest

from tests.services.conftest import SignIn
from twooter.domain.accounts import Viewer
from twooter.domain.pages import Page, Slice
from twooter.domain.twoots import Draft, Item, item_id
from twooter.errors import NotFound
from twooter.services.house import Services

Read = Callable[[Page], Slice[Item]]
LIMIT = 4


@pytest.fixture
def ada(join: SignIn) -> Viewer:
    """Sign in somebody who writes."""
    return join("ada")


@pytest.fixture(params=["public", "hashtag", "account"])
def read(request: pytest.FixtureRequest, services: Services, ada: Viewer) -> Read:
    """Return each of the timelines in turn; everything `publish` writes is on all of them."""
    timelines = services.timelines
    return {
        "public": timelines.public,
        "hashtag": lambda page: timelines.hashtag("tea", page),
        "account": lambda page: timelines.account(ada.account_id, page, None),
    }[str(request.param)]


def publish(services: Services, viewer: Viewer, count: int = 1) -> list[int]:
    """Publish twoots; return their ids, oldest first."""
    return [services.twoots.publish(viewer, Draft(f"cup {n} of #tea")).twoot.id for n in range(count)]


def ids(found: Slice[Item]) -> list[int]:
    return [item_id(item) for item in found.items]


@pytest.mark.parametrize("count", [0, 1, LIMIT, LIMIT + 1, 3 * LIMIT, 3 * LIMIT + 2])
def test_paging_to_the_end_shows_every_item_once_newest_first(
    services: Services, ada: Viewer, read: Read, count: int
) -> None:
    written = publish(services, ada, count)
    page, seen = read(Page(LIMIT)), list[int]()
    for _ in range(count + 1):
        seen += ids(page)
        assert len(page.items) <= LIMIT
        if page.next_before is None:
            break
        page = read(Page(LIMIT, before=page.next_before))
    assert seen == written[::-1]


def test_what_arrives_meanwhile_neither_repeats_nor_hides_older_items(
    services: Services, ada: Viewer, read: Read
) -> None:
    written = publish(services, ada, 3 * LIMIT)
    page, seen = read(Page(LIMIT)), list[int]()
    while True:
        seen += ids(page)
        publish(services, ada, 2)
        if page.next_before is None:
            break
        page = read(Page(LIMIT, before=page.next_before))
    assert seen == written[::-1]


def test_reading_towards_the_present_shows_every_item_once_while_twoots_arrive(
    services: Services, ada: Viewer, read: Read
) -> None:
    first = publish(services, ada, LIMIT)
    written = publish(services, ada, 2 * LIMIT + 1)
    seen: list[int] = []
    after: int | None = first[-1]
    for number in range(20):
        page = read(Page(LIMIT, after=after))
        assert ids(page) == sorted(ids(page), reverse=True)
        seen += ids(page)[::-1]
        after = page.prev_after
        if number < 5:
            written += publish(services, ada, 1)
        elif not page.items:
            break
    assert seen == written
    written += publish(services, ada, 1)
    assert ids(read(Page(LIMIT, after=after))) == written[-1:]


def test_one_goes_forward_and_comes_back_to_the_same_items(
    services: Services, ada: Viewer, read: Read
) -> None:
    publish(services, ada, 3 * LIMIT)
    newest = read(Page(LIMIT))
    second = read(Page(LIMIT, before=newest.next_before))
    third = read(Page(LIMIT, before=second.next_before))
    assert ids(read(Page(LIMIT, after=third.prev_after))) == ids(second)
    assert ids(read(Page(LIMIT, after=second.prev_after))) == ids(newest)


def test_deleted_twoots_are_dropped_and_paging_goes_on_past_them(
    services: Services, ada: Viewer, read: Read
) -> None:
    written = publish(services, ada, 3 * LIMIT)
    first = read(Page(LIMIT))
    for id_ in written[LIMIT : 2 * LIMIT]:
        services.twoots.delete(ada, id_)
    seen, page = ids(first), first
    while page.next_before is not None:
        page = read(Page(LIMIT, before=page.next_before))
        seen += ids(page)
    assert seen == [*written[2 * LIMIT :][::-1], *written[:LIMIT][::-1]]


@pytest.mark.parametrize("read", ["public", "hashtag"], indirect=True)
def test_entries_whose_twoot_is_gone_are_passed_over(services: Services, ada: Viewer, read: Read) -> None:
    """As after a crash between the two on a sharded database, where a page may then be shorter but never ends early."""
    written = publish(services, ada, 3 * LIMIT)
    for id_ in written[LIMIT : 2 * LIMIT]:
        services.storage.database.execute_sql(f"DELETE FROM twoots WHERE id = {id_}")  # noqa: S608 - an id of our own
    page = read(Page(LIMIT))
    assert ids(page) == written[2 * LIMIT :][::-1]
    page = read(Page(LIMIT, before=page.next_before))
    assert ids(page) == []
    assert page.next_before is not None
    assert ids(read(Page(LIMIT, before=page.next_before))) == written[:LIMIT][::-1]


@pytest.mark.parametrize("read", ["public", "hashtag"], indirect=True)
def test_a_suspended_author_is_shown_nowhere_until_readmitted(
    services: Services, ada: Viewer, join: SignIn, read: Read
) -> None:
    hidden = publish(services, ada, 2)
    others = publish(services, join("bob"), 2)
    services.accounts.suspend("ada")
    assert ids(read(Page(LIMIT))) == others[::-1]
    services.accounts.suspend("ada", lift=True)
    assert ids(read(Page(LIMIT))) == [*others[::-1], *hidden[::-1]]


def test_a_suspended_account_has_no_timeline(services: Services, ada: Viewer) -> None:
    publish(services, ada)
    services.accounts.suspend("ada")
    with pytest.raises(NotFound):
        services.timelines.account(ada.account_id, Page(), None)


def test_an_account_that_is_not_there_has_no_timeline(services: Services) -> None:
    with pytest.raises(NotFound):
        services.timelines.account(1234, Page(), None)


def test_the_timeline_of_a_hashtag_nobody_used_is_empty(services: Services) -> None:
    page = services.timelines.hashtag("nobody", Page())
    assert (page.items, page.next_before, page.prev_after) == ([], None, None)


def test_a_hashtags_timeline_takes_any_spelling_and_holds_only_its_own(
    services: Services, ada: Viewer
) -> None:
    tea = services.twoots.publish(ada, Draft("#TEA")).twoot.id
    services.twoots.publish(ada, Draft("#teas"))
    assert ids(services.timelines.hashtag("tea", Page())) == [tea]
