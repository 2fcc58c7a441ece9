"""Hashtags: ids by key, remembered by the process since a key keeps its id for ever."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain.grammar import Hashtag
from twooter.services.ids import Ids
from twooter.storage import hashtags
from twooter.storage.database import Storage

_REMEMBERED = 50_000


class Hashtags:
    """Finds and makes hashtags."""

    def __init__(self, storage: Storage, ids: Ids) -> None:
        self._storage = storage
        self._ids = ids
        self._known: dict[str, int] = {}

    def ensure_ids(self, tags: Sequence[Hashtag]) -> tuple[int, ...]:
        """Return the ids of hashtags in their order, making those that are new; not to be called in a transaction."""
        known = self._known  # the process may forget while this runs
        ids = {tag.key: known[tag.key] for tag in tags if tag.key in known}
        unknown = [tag for tag in tags if tag.key not in ids]
        if unknown:
            keys = [tag.key for tag in unknown]
            found = self._storage.read(lambda tx: hashtags.fetch_ids(tx, keys))
            missing = [tag for tag in unknown if tag.key not in found]
            if missing:
                # made out here: taking a node number is a transaction of its own
                made = [(self._ids.make(), tag) for tag in missing]
                self._storage.transact(lambda tx: hashtags.ensure(tx, made))
                found = self._storage.read(lambda tx: hashtags.fetch_ids(tx, keys))
            self._remember(found)
            ids |= found
        return tuple(ids[tag.key] for tag in tags)

    def find_id(self, key: str) -> int | None:
        """Return the id of a key, or None when nobody has used it."""
        known = self._known.get(key)
        if known is not None:
            return known
        found = self._storage.read(lambda tx: hashtags.fetch_ids(tx, [key]))
        self._remember(found)
        return found.get(key)

    def _remember(self, found: dict[str, int]) -> None:
        if len(self._known) + len(found) > _REMEMBERED:
            self._known = {}
        self._known.update(found)
