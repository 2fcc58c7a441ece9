"""Twoots: one row per post, its author's shard."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from twooter.domain.accounts import State
from twooter.domain.pages import Page
from twooter.domain.twoots import Ref, Twoot, Visibility
from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Question, Statement, each, p, packed
from twooter.storage.tables import Accounts, Twoots

_COLUMNS = (
    "id",
    "author_id",
    "text",
    "version",
    "edited_ms",
    "visibility",
    "language",
    "given_tag",
    "hashtags",
    "reply_to_id",
    "reply_to_author_id",
    "quote_of_id",
    "quote_of_author_id",
    "root_id",
    "content_warning",
    "mention_ids",
)
_ANCESTORS = "ancestors"
_FIELDS = packed(
    *(
        getattr(Twoots, name)
        for name in (*_COLUMNS, "replies", "likes", "retwoots", "quotes", "hidden_ms", "has_poll")
    )
)

_insert = Insert("twoot_insert", Twoots, (*_COLUMNS, _ANCESTORS, "has_poll"))
_insert_ignore = Insert(
    "twoot_insert_ignore", Twoots, (*_COLUMNS, _ANCESTORS, "has_poll"), duplicate="ignore"
)
_by_id = Statement(
    "twoot_by_id",
    lambda: Twoots.select(_FIELDS).where(Twoots.id == p("id")),
    scatter="the author is not known; on Vitess a unique lookup vindex on id finds the shard",
)
# not (author, id) IN (…): that goes by the author's index and reads two entries and the row for each; and by its key,
# for to look at every pair of both lists takes MariaDB three times as long as to read the rows
_by_keys = Statement(
    "twoots_by_keys",
    lambda: Twoots.select(_FIELDS).where(
        Twoots.id.in_(each("ids")) & Twoots.author_id.in_(each("author_ids"))
    ),
    by="PRIMARY",
)
_versions_by_keys = Statement(
    "twoot_versions_by_keys",
    lambda: Twoots.select(Twoots.id, Twoots.version).where(
        Twoots.id.in_(each("ids")) & Twoots.author_id.in_(each("author_ids"))
    ),
)
# all that moves without a twoot's version, and its author's; one statement takes less than one of each table
_moving = Statement(
    "twoots_moving",
    lambda: (
        Twoots.select(
            packed(
                Twoots.id,
                Twoots.version,
                Accounts.version,
                Twoots.replies,
                Twoots.likes,
                Twoots.retwoots,
                Twoots.quotes,
                Twoots.hidden_ms,
            )
        )
        .join(Accounts, on=(Accounts.id == Twoots.author_id))
        .where(
            Twoots.id.in_(each("ids"))
            & Twoots.author_id.in_(each("author_ids"))
            & (Accounts.state == State.ACTIVE.value)
        )
    ),
    by="PRIMARY",
)
_by_author = Statement(
    "twoots_by_author",
    lambda: (
        Twoots.select(_FIELDS)
        .where((Twoots.author_id == p("author_id")) & (Twoots.id < p("before")))
        .order_by(Twoots.id.desc())
        .limit(p("limit"))
    ),
)
_by_author_after = Statement(
    "twoots_by_author_after",
    lambda: (
        Twoots.select(_FIELDS)
        .where((Twoots.author_id == p("author_id")) & (Twoots.id > p("after")))
        .order_by(Twoots.id)
        .limit(p("limit"))
    ),
)
_ancestors = Statement(
    "twoot_ancestors",
    lambda: Twoots.select(Twoots.ancestors).where(
        (Twoots.author_id == p("author_id")) & (Twoots.id == p("id"))
    ),
)
_all_ancestors = Statement(
    "twoots_ancestors",
    lambda: Twoots.select(Twoots.id, Twoots.ancestors).where(
        (Twoots.author_id == p("author_id")) & Twoots.id.in_(each("ids"))
    ),
)
_edit = Statement(
    "twoot_edit",
    lambda: Twoots.update(
        version=p("version") + 1,
        edited_ms=p("edited_ms"),
        text=p("text"),
        language=p("language"),
        content_warning=p("content_warning"),
        hashtags=p("hashtags"),
        mention_ids=p("mention_ids"),
    ).where((Twoots.author_id == p("author_id")) & (Twoots.id == p("id")) & (Twoots.version == p("version"))),
)
_delete = Statement(
    "twoot_delete",
    lambda: Twoots.delete().where(
        (Twoots.author_id == p("author_id")) & (Twoots.id == p("id")) & (Twoots.version == p("version"))
    ),
)
_hide = Statement(
    "twoot_hide",
    lambda: Twoots.update(hidden_ms=p("at_ms")).where(
        (Twoots.author_id == p("author_id")) & (Twoots.id == p("id")) & Twoots.hidden_ms.is_null()
    ),
)
_show = Statement(
    "twoot_show",
    lambda: Twoots.update(hidden_ms=None).where(
        (Twoots.author_id == p("author_id"))
        & (Twoots.id == p("id"))
        & Twoots.hidden_ms.is_null(is_null=False)
    ),
)
NEWEST = 2**63 - 1
_KEPT = 1_000
"""Rows a process need not unpack again, as long as nothing in them changes: 2 MB of what is read now."""
_MAX_KEPT = 2_000
"""Characters of such a row: messages may be longer."""


class Moving(NamedTuple):
    """What may have changed of a twoot that was read before; the rest is as its version and its author's say."""

    id: int
    version: int
    author_version: int
    replies: int
    likes: int
    retwoots: int
    quotes: int
    hidden_ms: int | None

    def of(self, twoot: Twoot) -> Twoot:
        """Return a twoot of the same version as it is now: the same value where nothing has moved."""
        counts = (twoot.replies, twoot.likes, twoot.retwoots, twoot.quotes)
        hidden = self.hidden_ms is not None
        if counts == self[3:7] and hidden == twoot.hidden:
            return twoot
        replies, likes, retwoots, quotes = self[3:7]
        return replace(twoot, replies=replies, likes=likes, retwoots=retwoots, quotes=quotes, hidden=hidden)


def _twoot(found: Row) -> Twoot:
    text: str = found[0]
    return _kept(text) if len(text) <= _MAX_KEPT else _unpacked(text)


def _unpacked(text: str) -> Twoot:
    """Return the twoot of a packed row: the same text is always the same value."""
    row = orjson.loads(text)
    return Twoot(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        Visibility(row[5]),
        row[6],
        row[7],
        tuple(orjson.loads(row[8])),
        None if row[9] is None else Ref(row[9], row[10]),
        None if row[11] is None else Ref(row[11], row[12]),
        row[13],
        row[14],
        mention_ids=() if row[15] is None else tuple(orjson.loads(row[15])),
        replies=row[16],
        likes=row[17],
        retwoots=row[18],
        quotes=row[19],
        hidden=row[20] is not None,
        has_poll=bool(row[21]),
    )


_kept = functools.lru_cache(_KEPT)(_unpacked)


def _row(twoot: Twoot) -> Row:
    parent, quote = (
        (None, None) if ref is None else (ref.id, ref.author_id) for ref in (twoot.parent, twoot.quote)
    )
    return (
        twoot.id,
        twoot.author_id,
        twoot.text,
        twoot.version,
        twoot.edited_ms,
        twoot.visibility.value,
        twoot.language,
        twoot.given_tag,
        orjson.dumps(twoot.hashtags).decode(),
        *parent,
        *quote,
        twoot.root_id,
        twoot.content_warning,
        _json(twoot.mention_ids),
        _json([(ref.id, ref.author_id) for ref in twoot.ancestors]),
        twoot.has_poll,
    )


def _json(values: Sequence[Any]) -> str | None:  # Any: JSON values
    return orjson.dumps(values).decode() if values else None


def insert(tx: Session, twoot: Twoot) -> None:
    """Write a new twoot."""
    tx.insert_later(_insert, [_row(twoot)])


def insert_new(tx: Session, twoots: Sequence[Twoot]) -> int:
    """Write twoots whose ids are free; return how many were."""
    return tx.insert(_insert_ignore, [_row(twoot) for twoot in twoots])


def find(tx: Session, id_: int) -> Twoot | None:
    """Return a twoot by its id alone, or None."""
    row = tx.one(_by_id, id=id_)
    return None if row is None else _twoot(row)


def fetch(tx: Session, keys: Sequence[tuple[int, int]]) -> dict[int, Twoot]:
    """Return by id the twoots of (author, id) keys that still exist."""
    found: list[dict[int, Twoot]] = tx.ask([by_keys(keys)]) if keys else [{}]
    return found[0]


def by_keys(keys: Sequence[tuple[int, int]]) -> Question[dict[int, Twoot]]:
    """Ask for the twoots of (author, id) keys, of which there is one at least."""
    return Question(_by_keys, _given(keys), lambda rows: {twoot.id: twoot for twoot in map(_twoot, rows)})


def moving(keys: Sequence[tuple[int, int]]) -> Question[list[Moving]]:
    """Ask what may have changed of the twoots of (author, id) keys, of which there is one at least.

    Answered are those that still exist and whose authors are active.
    """
    return Question(_moving, _given(keys), _read_moving)


def _read_moving(rows: list[Row]) -> list[Moving]:
    return [Moving(*row) for row in orjson.loads(f"[{','.join([row[0] for row in rows])}]")]


def fetch_versions(tx: Session, keys: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Return by id the versions of those twoots of (author, id) keys that still exist."""
    return dict(tx.all(_versions_by_keys, **_given(keys))) if keys else {}


def _given(keys: Sequence[tuple[int, int]]) -> dict[str, list[int]]:
    return {"ids": [id_ for _, id_ in keys], "author_ids": sorted({author_id for author_id, _ in keys})}


def fetch_by_author(tx: Session, author_id: int, page: Page) -> list[Twoot]:
    """Return one page of an author's twoots in reading order; reads `page.limit + 1` rows of (author_id, id)."""
    found: list[list[Twoot]] = tx.ask([by_author(author_id, page)])
    return found[0]


def by_author(author_id: int, page: Page) -> Question[list[Twoot]]:
    """Ask for one page of an author's twoots in reading order, and one more."""
    given = {"author_id": author_id, "limit": page.limit + 1}
    if page.after is not None:
        return Question(_by_author_after, {**given, "after": page.after}, _read)
    return Question(_by_author, {**given, "before": page.before or NEWEST}, _read)


def _read(rows: list[Row]) -> list[Twoot]:
    return [_twoot(row) for row in rows]


def fetch_ancestors(tx: Session, author_id: int, id_: int) -> list[Ref]:
    """Return what a twoot answers, and what that answers, nearest first; nothing where the twoot is gone."""
    row = tx.one(_ancestors, author_id=author_id, id=id_)
    return [] if row is None or row[0] is None else [Ref(*pair) for pair in orjson.loads(row[0])]


def fetch_all_ancestors(tx: Session, author_id: int, ids: Sequence[int]) -> dict[int, tuple[Ref, ...]]:
    """Return by id what some of an author's twoots answer, and what that answers, nearest first."""
    rows = tx.all(_all_ancestors, author_id=author_id, ids=ids) if ids else []
    return {row[0]: tuple(Ref(*pair) for pair in orjson.loads(row[1])) for row in rows if row[1] is not None}


def edit(tx: Session, before: Twoot, after: Twoot) -> bool:
    """Give a twoot the texts of its next version; return False when it has changed or gone since it was read."""
    return (
        tx.run(
            _edit,
            author_id=before.author_id,
            id=before.id,
            version=before.version,
            edited_ms=after.edited_ms,
            text=after.text,
            language=after.language,
            content_warning=after.content_warning,
            hashtags=orjson.dumps(after.hashtags).decode(),
            mention_ids=_json(after.mention_ids),
        )
        == 1
    )


def remove(tx: Session, author_id: int, id_: int, version: int) -> bool:
    """Delete a twoot in the version that was read; return False when it has changed or gone."""
    return tx.run(_delete, author_id=author_id, id=id_, version=version) == 1


def hide(tx: Session, author_id: int, id_: int, at_ms: int) -> bool:
    """Hide a twoot; its version stays, for it says what it said. Return False when it is hidden already, or gone."""
    return tx.run(_hide, author_id=author_id, id=id_, at_ms=at_ms) == 1


def show(tx: Session, author_id: int, id_: int) -> bool:
    """Hide a twoot no more; return False when it is not hidden, or gone."""
    return tx.run(_show, author_id=author_id, id=id_) == 1
