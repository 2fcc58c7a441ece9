"""Notifications: rows at the receiving account, changed only by a greater version, and up to where they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import peewee
from peewee import SQL, fn

from twooter.domain.notifications import OF_OWN_TWOOT, Key, Kind, Noted, Notice
from twooter.domain.pages import Page
from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Statement, each, in_rows, p
from twooter.storage.tables import NotificationMarks, Notifications
from twooter.storage.twoots import NEWEST

STEP = 500
"""Rows removed by one transaction."""
_KEY = (Notifications.account_id, Notifications.kind, Notifications.twoot_id, Notifications.actor_id)
_ARMS = len(Kind) - 1
"""Kinds of a page of some: all of them are a page of any."""

_put = Insert(
    "notification_put",
    Notifications,
    ("account_id", "kind", "twoot_id", "actor_id", "id", "version", "active"),
    # `active` first: MySQL compares with what the assignments before have left
    duplicate={"active": "newer", "version": "max"},
    numbers=True,
)
_ensure_marks = Insert(
    "notification_marks_ensure",
    NotificationMarks,
    ("account_id", "read_id"),
    duplicate="ignore",
    numbers=True,
)
_marks = Statement(
    "notification_marks",
    lambda: NotificationMarks.select(NotificationMarks.account_id, NotificationMarks.read_id).where(
        NotificationMarks.account_id.in_(each("account_ids"))
    ),
)
_mark = Statement(
    "notification_mark",
    lambda: NotificationMarks.update(read_id=p("read_id")).where(
        (NotificationMarks.account_id == p("account_id")) & (NotificationMarks.read_id < p("read_id"))
    ),
)


def _mine() -> Any:  # Any: Peewee's expressions have none
    return (Notifications.account_id == p("account_id")) & (Notifications.active == 1)


def _after() -> Any:  # Any: idem
    return Notifications.id > p("after")


def _before() -> Any:  # Any: idem
    return Notifications.id < p("before")


def _read_id() -> peewee.Select:
    return NotificationMarks.select(NotificationMarks.read_id).where(
        NotificationMarks.account_id == p("account_id")
    )


def _page(
    name: str, place: Callable[[], Any], order: Callable[[Any], Any]
) -> tuple[Statement, Statement, Statement]:
    """Return the statements of a page of all kinds, of one, and of some.

    Some kinds are an arm for each: one range of an index, of a page's length at most, instead of all rows between.
    """

    def ordered(query: Any) -> Any:  # Any: idem
        return query.order_by(order(Notifications.id)).limit(p("limit"))

    def of_kind(number: int) -> Any:  # Any: idem
        kind = Notifications.kind == p(f"kind_{number}")
        return ordered(Notifications.select(Notifications.id, *_KEY).where(_mine() & kind & place()))

    def arm(number: int) -> peewee.Select:
        rows = of_kind(number)
        return peewee.Select([rows.alias(f"arm_{number}")], [SQL("*")])

    def some() -> peewee.Query:
        whole: Any = arm(0)
        for number in range(1, _ARMS):
            whole = whole.union_all(arm(number))
        found = whole.alias("found")
        return peewee.Select([found], [SQL("*")]).order_by(order(found.c.id)).limit(p("limit"))

    return (
        Statement(
            f"notifications_page{name}",
            lambda: ordered(Notifications.select(Notifications.id, *_KEY).where(_mine() & place())),
        ),
        Statement(f"notifications_page{name}_of_kind", lambda: of_kind(0)),
        Statement(f"notifications_page{name}_of_kinds", some),
    )


_pages_before = _page("", _before, lambda field: field.desc())
_pages_after = _page("_after", _after, lambda field: field.asc())
_newest = Statement(
    "notifications_newest", lambda: Notifications.select(fn.MAX(Notifications.id)).where(_mine())
)
_unread = Statement(
    "notifications_unread",
    lambda: (
        Notifications.select(Notifications.id, *_KEY)
        .where(_mine() & (Notifications.id > fn.COALESCE(_read_id(), 0)))
        .order_by(Notifications.id.desc())
        .limit(p("limit"))
    ),
)
_of_twoots = Statement(
    "notifications_of_twoots",
    lambda: (
        Notifications.select(Notifications.account_id, Notifications.id)
        .where(in_rows((Notifications.account_id, Notifications.kind, Notifications.twoot_id), "places"))
        .limit(p("limit"))
    ),
)
_of_account = Statement(
    "notifications_of_account",
    lambda: (
        Notifications.select(Notifications.account_id, Notifications.id)
        .where(Notifications.account_id == p("account_id"))
        .limit(p("limit"))
    ),
)
_by_keys = Statement(
    "notifications_by_keys",
    lambda: Notifications.select(Notifications.id, *_KEY).where(
        in_rows(_KEY, "keys") & (Notifications.active == 1)
    ),
)
# not by the primary key: planning goes with the square of its rows where other indexes begin as it does
_remove = Statement(
    "notifications_remove",
    lambda: Notifications.delete().where(
        Notifications.account_id.in_(each("account_ids")) & Notifications.id.in_(each("ids"))
    ),
)
_remove_mark = Statement(
    "notification_mark_remove",
    lambda: NotificationMarks.delete().where(NotificationMarks.account_id == p("account_id")),
)


def apply(tx: Session, notices: Sequence[Notice], make_id: Callable[[], int]) -> None:
    """Bring notifications to the given states; repetition and any order end the same.

    Ids are made in the order of the notices, while the accounts' marks are locked, and above these: nothing new is ever
    taken for read.
    """
    account_ids = sorted({notice.key.account_id for notice in notices})
    tx.insert(_ensure_marks, [(account_id, 0) for account_id in account_ids])
    last: dict[int, int] = dict(tx.all(_marks, account_ids=account_ids))
    made = dict[Row, int]()
    for notice in notices:
        if notice.key.place not in made:
            account_id = notice.key.account_id
            made[notice.key.place] = last[account_id] = max(make_id(), last[account_id] + 1)
    rows = [(*notice.key, made[notice.key.place], notice.version, int(notice.active)) for notice in notices]
    tx.insert(_put, sorted(rows))


def fetch(tx: Session, account_id: int, kinds: Sequence[Kind], page: Page) -> list[Noted]:
    """Return one page of an account's notifications in reading order, and one more; no kinds are all of them."""
    given: dict[str, Any] = {"account_id": account_id, "limit": page.limit + 1}  # Any: parameters
    if page.after is not None:
        every, one, some = _pages_after
        given["after"] = page.after
    else:
        every, one, some = _pages_before
        given["before"] = page.before or NEWEST
    if not kinds or len(set(kinds)) == len(Kind):
        return [_noted(row) for row in tx.all(every, **given)]
    wanted = sorted(set(kinds))
    if len(wanted) == 1:
        return [_noted(row) for row in tx.all(one, **given, kind_0=int(wanted[0]))]
    # a place that is not needed is of no kind, and reads nothing
    places = [*wanted, *[0] * _ARMS][:_ARMS]
    given |= {f"kind_{number}": int(kind) for number, kind in enumerate(places)}
    return [_noted(row) for row in tx.all(some, **given)]


def _noted(row: Row) -> Noted:
    id_, account_id, kind, twoot_id, actor_id = row
    return Noted(id_, Key(account_id, Kind(kind), twoot_id, actor_id))


def fetch_by_keys(tx: Session, keys: Sequence[Key]) -> list[Noted]:
    """Return the notifications of keys that hold, in no order."""
    return [_noted(row) for row in tx.all(_by_keys, keys=[tuple(key) for key in keys])] if keys else []


def fetch_unread(tx: Session, account_id: int, limit: int) -> list[Noted]:
    """Return the newest of an account's notifications that are above its mark."""
    return [_noted(row) for row in tx.all(_unread, account_id=account_id, limit=limit)]


def find_mark(tx: Session, account_id: int) -> int:
    """Return up to which id an account has read; 0 where it has not."""
    row = tx.one(_marks, account_ids=[account_id])
    return 0 if row is None else int(row[1])


def move_mark(tx: Session, account_id: int, read_id: int) -> None:
    """Note that an account has read up to an id: never back, and never beyond what there is."""
    tx.insert(_ensure_marks, [(account_id, 0)])
    row = tx.one(_newest, account_id=account_id)
    newest = 0 if row is None or row[0] is None else int(row[0])
    tx.run(_mark, account_id=account_id, read_id=min(read_id, newest))


def remove_of_twoots(tx: Session, twoots: Iterable[tuple[int, int]]) -> bool:
    """Remove up to `STEP` notifications of what others did with (author, twoot)s; return whether there may be more."""
    places = [(author_id, int(kind), id_) for author_id, id_ in sorted(twoots) for kind in OF_OWN_TWOOT]
    return _remove_rows(tx, tx.all(_of_twoots, places=places, limit=STEP))


def remove_some(tx: Session, account_id: int) -> bool:
    """Remove up to `STEP` of an account's notifications; return whether there may be more."""
    return _remove_rows(tx, tx.all(_of_account, account_id=account_id, limit=STEP))


def _remove_rows(tx: Session, rows: Sequence[Row]) -> bool:
    """Remove (account, id)s; both notices of a follow go together, for they share theirs."""
    if rows:
        account_ids, ids = (sorted(set(column)) for column in zip(*rows, strict=True))
        tx.run(_remove, account_ids=account_ids, ids=ids)
    return len(rows) == STEP


def remove_mark(tx: Session, account_id: int) -> None:
    """Forget up to where an account has read."""
    tx.run(_remove_mark, account_id=account_id)
