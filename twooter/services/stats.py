"""Message statistics: uses by year and hashtag, rendered once per year and version, at most one second old."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from twooter.domain import windows
from twooter.errors import BadRequest
from twooter.metrics import CACHE
from twooter.storage import hashtags, stats
from twooter.storage.database import Session, Storage

MIN_YEAR, MAX_YEAR = 0, 3000
MAX_AGE_SECONDS = 1.0
_NAMES_STEP = 500
_REMEMBERED_NAMES = 20_000
_hit, _miss = CACHE.labels("statistics", "hit").inc, CACHE.labels("statistics", "miss").inc

Version = tuple[int, int]
"""(start of the year, its version)."""


@dataclass(frozen=True, slots=True)
class Edition:
    """The years somebody asked for, in the versions they have now."""

    versions: tuple[Version, ...]
    etag: str


class MessageStats:
    """Counts messages by year and tag; keeps each year as the bytes it is sent as.

    A year's version moves in the transaction that moves its counts. It is read before the counts are, so that bytes
    kept under a version are never older than it: at worst a year is rendered once too often.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._clear()
        os.register_at_fork(after_in_child=self._clear)

    def _clear(self) -> None:
        self._reading, self._rendering = threading.Lock(), threading.Lock()
        self._versions: tuple[Version, ...] = ()
        self._read_at = float("-inf")
        self._years: dict[int, tuple[int, bytes]] = {}
        self._names: dict[int, str] = {}
        self._newest = ("", b"")  # putting megabytes together costs as much as sending them

    def edition(self, first: int, last: int) -> Edition:
        """Return which versions the years from `first` to `last`, both included, have now.

        Raises: BadRequest when `last` is before `first`.
        """
        if last < first:
            raise BadRequest("end: must not be before start.", code="bad_range", field="end")
        chosen = tuple(v for v in self._now() if first <= windows.year_of(v[0]) <= last)
        digest = hashlib.blake2b(repr((first, last, chosen)).encode(), digest_size=12)
        return Edition(chosen, f'"{digest.hexdigest()}"')

    def render(self, edition: Edition) -> bytes:
        """Return `{"2019": {"coffee": 3}}` as JSON: years in their order, names in alphabetical order.

        A name is the spelling stored first. Only what is used is shown, and so is a year only when anything is.
        """
        etag, body = self._newest
        if etag != edition.etag:
            parts = (self._year(start_ms, version) for start_ms, version in edition.versions)
            body = b"{" + b",".join([part for part in parts if part]) + b"}"
            self._newest = edition.etag, body
        return body

    def _now(self) -> tuple[Version, ...]:
        if time.monotonic() - self._read_at < MAX_AGE_SECONDS:
            return self._versions
        with self._reading:
            read_at = time.monotonic()
            if read_at - self._read_at >= MAX_AGE_SECONDS:
                self._versions = tuple(self._storage.read(stats.fetch_versions))
                self._read_at = read_at
            return self._versions

    def _year(self, start_ms: int, version: int) -> bytes:
        kept = self._years.get(start_ms)
        if kept is not None and kept[0] >= version:
            _hit()
        else:
            with self._rendering:  # one renders, the others wait for it
                kept = self._years.get(start_ms)
                if kept is None or kept[0] < version:
                    _miss()
                    kept = version, self._storage.read(lambda tx: self._read(tx, start_ms))
                    self._years[start_ms] = kept
        return kept[1]

    def _read(self, tx: Session, start_ms: int) -> bytes:
        used = [(tag_id, uses) for tag_id, uses in stats.fetch_uses(tx, start_ms) if uses > 0]
        if not used:
            return b""
        names = self._names_of(tx, [tag_id for tag_id, _ in used])
        counts: dict[str, int] = {}
        for tag_id, uses in used:
            # two keys share a name only if the rules of keys changed in between: then they are one in this list
            name = names[tag_id]
            counts[name] = counts.get(name, 0) + uses
        year = str(windows.year_of(start_ms)).encode()
        return b'"' + year + b'":' + orjson.dumps(counts, option=orjson.OPT_SORT_KEYS)

    def _names_of(self, tx: Session, tag_ids: Sequence[int]) -> dict[int, str]:
        """Return the names of hashtags, which never change."""
        missing = [tag_id for tag_id in tag_ids if tag_id not in self._names]
        found: dict[int, str] = {}
        for i in range(0, len(missing), _NAMES_STEP):
            found |= hashtags.fetch_names(tx, missing[i : i + _NAMES_STEP])
        if len(self._names) + len(found) > _REMEMBERED_NAMES:
            self._names = {i: name for i in tag_ids if (name := self._names.get(i)) is not None}
        self._names |= found
        return self._names
