"""Hashtags: keys to ids, the spelling stored first, and their counters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from twooter.domain.grammar import Hashtag
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, each, in_rows, p
from twooter.storage.tables import HashtagEntries, Hashtags, TopTags

_ids = Statement(
    "hashtag_ids", lambda: Hashtags.select(Hashtags.key, Hashtags.id).where(Hashtags.key.in_(each("keys")))
)
_insert = Insert("hashtag_insert", Hashtags, ("id", "key", "name"), duplicate="ignore")
_by_key = Statement(
    "hashtag_by_key",
    lambda: Hashtags.select(Hashtags.id, Hashtags.name, Hashtags.uses, Hashtags.accounts).where(
        Hashtags.key == p("key")
    ),
)
_names = Statement(
    "hashtag_names", lambda: Hashtags.select(Hashtags.id, Hashtags.name).where(Hashtags.id.in_(each("ids")))
)
_by_ids = Statement(
    "hashtags_by_ids",
    lambda: Hashtags.select(Hashtags.id, Hashtags.name, Hashtags.uses, Hashtags.accounts).where(
        Hashtags.id.in_(each("ids"))
    ),
)
_last_used = Statement(
    "hashtags_last_used",
    # a scalar query for each: MAX with GROUP BY reads all entries on SQLite
    lambda: Hashtags.select(
        Hashtags.id,
        HashtagEntries.select(HashtagEntries.twoot_id)
        .where(HashtagEntries.tag_id == Hashtags.id)
        .order_by(HashtagEntries.twoot_id.desc())
        .limit(1),
    ).where(Hashtags.id.in_(each("ids"))),
)
_leaders_by_prefix = Statement(
    "hashtag_leaders_by_prefix",
    lambda: (
        Hashtags.select(Hashtags.id, Hashtags.name, Hashtags.uses, Hashtags.accounts)
        .join(TopTags, on=(TopTags.tag_id == Hashtags.id))
        .where(in_rows((TopTags.unit, TopTags.start_ms), "windows"))
        .where((Hashtags.key >= p("low")) & (Hashtags.key < p("high")))
    ),
)
_by_prefix = Statement(
    "hashtag_by_prefix",
    lambda: (
        Hashtags.select(Hashtags.id, Hashtags.name, Hashtags.uses, Hashtags.accounts, Hashtags.key)
        .where((Hashtags.key >= p("low")) & (Hashtags.key < p("high")))
        .order_by(Hashtags.key)
        .limit(p("limit"))
    ),
)


@dataclass(frozen=True, slots=True)
class HashtagRow:
    """A hashtag and how much it is used; counters may be negative for a moment."""

    id: int
    name: str
    uses: int
    accounts: int


def fetch_ids(tx: Session, keys: Sequence[str]) -> dict[str, int]:
    """Return the ids of the keys that exist."""
    return dict(tx.all(_ids, keys=keys)) if keys else {}


def ensure(tx: Session, tags: Iterable[tuple[int, Hashtag]]) -> None:
    """Insert the hashtags that do not exist, each under the id beside it; safe to run at once with others."""
    # one order for all, or two publishers deadlock
    rows = sorted((tag.key, tag.name, id_) for id_, tag in tags)
    tx.insert(_insert, [(id_, key, name) for key, name, id_ in rows])


def find(tx: Session, key: str) -> HashtagRow | None:
    """Return the hashtag of a key, or None."""
    row = tx.one(_by_key, key=key)
    return None if row is None else HashtagRow(*row)


def fetch_names(tx: Session, ids: Sequence[int]) -> dict[int, str]:
    """Return the first spelling of each id."""
    return dict(tx.all(_names, ids=ids)) if ids else {}


def fetch_by_prefix(tx: Session, prefix: str, limit: int) -> list[HashtagRow]:
    """Return hashtags whose key begins with `prefix`, in the order of their keys."""
    rows = tx.all(_by_prefix, low=prefix, high=prefix + "\U0010ffff", limit=limit)
    return [HashtagRow(*row[:4]) for row in rows]


def fetch_leaders_by_prefix(tx: Session, prefix: str, windows: Sequence[tuple[int, int]]) -> list[HashtagRow]:
    """Return those of the hashtags that lead the (unit, start) windows whose key begins with `prefix`; may repeat."""
    rows = tx.all(_leaders_by_prefix, low=prefix, high=prefix + "\U0010ffff", windows=windows)
    return [HashtagRow(*row) for row in rows]


def fetch(tx: Session, ids: Sequence[int]) -> dict[int, HashtagRow]:
    """Return hashtags by id."""
    return {row[0]: HashtagRow(*row) for row in tx.all(_by_ids, ids=ids)} if ids else {}


def fetch_last_used(tx: Session, ids: Sequence[int]) -> dict[int, int]:
    """Return by hashtag the id of its newest twoot, where there is one; one entry is read of each."""
    rows = tx.all(_last_used, ids=ids) if ids else []
    return {row[0]: row[1] for row in rows if row[1] is not None}
