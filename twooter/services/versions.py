"""Versions of anonymous pages: moved by every change before it is answered, so that a cached page is never stale.

A version lives in the cache. A page is kept by a process for at most `PAGE_SECONDS`; when a version cannot be moved,
a writer that takes something away waits that long before it answers, and so nothing it took away outlives its answer.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

from twooter.domain.grammar import Hashtag
from twooter.logs import get_logger
from twooter.metrics import CACHE
from twooter.storage.cache import Cache, Call

log = get_logger("versions")

PAGE_SECONDS = 1.0
PUBLIC = "v:public"


def of_hashtag(key: str) -> str:
    """Return the name of a hashtag's page version."""
    return f"v:tag:{key}"


def of_author(author_id: int) -> str:
    """Return the name of an account's page version."""
    return f"v:author:{author_id}"


class Versions:
    """Reads and moves page versions."""

    def __init__(self, cache: Cache | None, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._cache = cache
        self._sleep = sleep

    def find(self, name: str) -> bytes | None:
        """Return a page's version, or None when nothing may be cached now."""
        if self._cache is None:
            return None
        version = self._cache.get(name)
        if version is None:
            self._cache.add(name, secrets.token_bytes(8))  # whoever comes next may cache
        return version

    def move(
        self, author_id: int, tags: Sequence[Hashtag], *, adds_only: bool = False, then: Call | None = None
    ) -> None:
        """Make every page that shows an author's twoot with these hashtags a new one.

        A change that only adds something does not wait for pages that are a second old. What else there is to tell the
        cache (`then`) goes along.
        """
        names = [PUBLIC, of_author(author_id), *(of_hashtag(tag.key) for tag in tags)]
        self._move(names, adds_only=adds_only, then=then)

    def move_author(self, author_id: int, *, adds_only: bool = False) -> None:
        """Make the page of an account's own timeline a new one, where nothing else has changed."""
        self._move([of_author(author_id)], adds_only=adds_only)

    def _move(self, names: Sequence[str], *, adds_only: bool, then: Call | None = None) -> None:
        if self._cache is None:
            return
        version = secrets.token_bytes(8)
        if not self._cache.set_many(dict.fromkeys(names, version), then=then):
            CACHE.labels("versions", "fallback").inc()
            log.warning("versions_not_moved", pages=len(names))
            if not adds_only:
                self._sleep(PAGE_SECONDS)

    def move_all(self, author_id: int) -> None:
        """Make every page that shows an author a new one; those of hashtags are waited out, for nobody knows which."""
        self.move(author_id, [])
        if self._cache is not None:
            self._sleep(PAGE_SECONDS)
