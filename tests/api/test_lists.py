"""Lists: pages kept under a version for a second at most, and never when something is wrong."""

import threading
from collections.abc import Callable
from typing import Any

import falcon
import orjson
import pytest
from falcon import testing

from tests.crowds import at_once
from twooter.api import lists
from twooter.api.cursors import Cursors
from twooter.api.lists import Lists
from twooter.api.params import PageQuery
from twooter.domain.pages import Page, Slice
from twooter.services.versions import Versions

URL = "https://twooter.example"


class Known(Versions):
    """Versions that a test sets."""

    def __init__(self) -> None:
        super().__init__(None)
        self.version: bytes | None = b"1"

    def find(self, _: str) -> bytes | None:
        """Return the version."""
        return self.version


class Clock:
    """Takes the place of the time module."""

    now = 1000.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that lists go by."""
    made = Clock()
    monkeypatch.setattr(lists, "time", made)
    return made


class Shelf:
    """Lists over numbers that a test puts on, with a note of each reading."""

    def __init__(self) -> None:
        self.versions = Known()
        self.lists = Lists(Cursors((b"key",)), self.versions, public_url=URL)
        self.items: list[int] = [3, 2, 1]
        self.reads: list[Page] = []
        self.while_reading: Callable[[], object] = lambda: None

    def read(self, page: Page) -> Slice[int]:
        """Read a page."""
        self.reads.append(page)
        found = self.items.copy()
        self.while_reading()
        return Slice(found, None, found[0] if found else None)

    def get(
        self, *, limit: int = 20, path: str = "/list", version: str | None = "v", **headers: str
    ) -> falcon.Response:
        """Answer an anonymous request."""
        req = testing.create_req(path=path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        resp, req.context.viewer = falcon.Response(), None
        self.lists.answer(req, resp, PageQuery(limit=limit, cursor=None), self.read, str, version=version)
        return resp

    def shown(self, **options: Any) -> list[str]:
        """Return the items of the page."""
        found: list[str] = orjson.loads(self.get(**options).data or b"")["items"]
        return found


@pytest.fixture
def shelf(clock: Clock) -> Shelf:
    """Return the lists to test."""
    return Shelf()


def test_a_page_is_kept_under_its_version(shelf: Shelf) -> None:
    assert shelf.shown() == shelf.shown() == ["3", "2", "1"]
    assert len(shelf.reads) == 1
    shelf.items, shelf.versions.version = [4], b"2"
    assert shelf.shown() == ["4"]
    assert len(shelf.reads) == 2


def test_a_page_is_kept_for_a_second_at_most_from_before_it_was_read(shelf: Shelf, clock: Clock) -> None:
    def slowly() -> None:
        clock.now += 0.75

    shelf.while_reading = slowly
    shelf.get()
    clock.now += 0.125
    shelf.get()
    assert len(shelf.reads) == 1
    clock.now += 0.25
    shelf.get()
    assert len(shelf.reads) == 2


def test_a_change_while_a_page_is_read_is_not_missed(shelf: Shelf) -> None:
    """The version is asked for before the reading: what changes meanwhile has a newer one."""

    def change() -> None:
        shelf.items, shelf.versions.version = [4, 3, 2, 1], b"2"

    shelf.while_reading = change
    assert shelf.shown() == ["3", "2", "1"]  # read before the change, answered with it
    assert shelf.shown() == ["4", "3", "2", "1"]


def test_without_a_version_nothing_is_kept(shelf: Shelf) -> None:
    shelf.versions.version = None
    shelf.get()
    shelf.get()
    shelf.versions.version = b"1"
    shelf.get(version=None)
    shelf.get(version=None)
    assert len(shelf.reads) == 4


def test_pages_are_told_apart_by_address_and_limit(shelf: Shelf) -> None:
    for _ in range(2):
        shelf.get()
        shelf.get(limit=5)
        shelf.get(path="/other")
    assert len(shelf.reads) == 3


def test_a_reading_that_fails_is_not_kept(shelf: Shelf) -> None:
    def fail() -> None:
        raise OSError("away")

    shelf.while_reading = fail
    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            shelf.get()
    shelf.while_reading = lambda: None
    assert shelf.shown() == ["3", "2", "1"]
    assert len(shelf.reads) == 3


def test_those_who_come_while_a_page_is_read_wait_for_it(shelf: Shelf) -> None:
    coming, enough = threading.Semaphore(0), threading.Event()

    def slowly() -> None:
        for _ in range(7):
            coming.acquire(timeout=5)
        enough.wait(0.1)  # long enough for them to get to the page, too

    def ask() -> bytes | None:
        coming.release()
        return shelf.get().data

    shelf.while_reading = slowly
    found = at_once(None, [ask] * 8)
    assert len(set(map(str, found))) == 1, found
    assert len(shelf.reads) == 1


def test_a_bounded_number_of_pages_is_kept(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "_KEPT_PAGES", 10)
    for number in range(50):
        shelf.get(path=f"/list/{number}")
        assert len(shelf.lists._kept) <= 10


def test_a_page_tells_its_link_and_etag(shelf: Shelf) -> None:
    answer = shelf.get(path="/list/ö", limit=3)
    prev = orjson.loads(answer.data or b"")["prev"]
    assert answer.get_header("Link") == f'<{URL}/list/%C3%B6?limit=3&cursor={prev}>; rel="prev"'
    etag = answer.get_header("ETag")
    assert etag == lists.etag_of(answer.data or b"")
    again = shelf.get(path="/list/ö", limit=3, If_None_Match=etag)
    assert (again.status_code, again.data) == (304, None)
    assert again.get_header("Link") == answer.get_header("Link")


@pytest.mark.parametrize(
    ("given", "matches"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ('"b",W/"a"', True), ("*", True), (" * ", True),
     ('"b"', False), ("a", False), ("", False), ('"a', False)],
)  # fmt: skip
def test_what_a_client_has_already(given: str, *, matches: bool) -> None:
    req = testing.create_req(headers={"If-None-Match": given})
    assert lists.unchanged(req, falcon.Response(), '"a"') is matches
