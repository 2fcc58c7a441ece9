"""Lists of accounts at their owner's: which there are, who is on them; the newest first."""

from __future__ import annotations

from collections.abc import Sequence

import peewee
from peewee import fn

from twooter.domain.account_lists import MAX_MEMBERS, AccountList
from twooter.domain.graph import State
from twooter.domain.pages import Page
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import AccountLists, Following, ListMembers
from twooter.storage.twoots import NEWEST

_of_list = (ListMembers.account_id == p("account_id")) & (ListMembers.list_id == p("list_id"))
_is_list = (AccountLists.account_id == p("account_id")) & (AccountLists.id == p("list_id"))

_insert = Insert("list_insert", AccountLists, ("account_id", "id", "title"))
_insert_member = Insert(
    "list_member_insert", ListMembers, ("account_id", "list_id", "member_id", "edge_id"), duplicate="ignore"
)
_count = Statement(
    "lists_count",
    lambda: AccountLists.select(fn.COUNT(AccountLists.id)).where(AccountLists.account_id == p("account_id")),
)
_find = Statement("list_find", lambda: AccountLists.select(AccountLists.title).where(_is_list))
_rename = Statement("list_rename", lambda: AccountLists.update(title=p("title")).where(_is_list))
_remove = Statement("list_remove", lambda: AccountLists.delete().where(_is_list))
_remove_members = Statement("list_members_clear", lambda: ListMembers.delete().where(_of_list))
_remove_some = Statement(
    "list_members_remove",
    lambda: ListMembers.delete().where(_of_list & ListMembers.member_id.in_(each("ids"))),
)
_members = Statement(
    "list_members_all", lambda: ListMembers.select(ListMembers.member_id).where(_of_list).limit(MAX_MEMBERS)
)
_actors = Statement(
    "list_actors",
    lambda: (
        ListMembers.select(ListMembers.member_id)
        .join(
            Following,
            on=(
                (Following.account_id == ListMembers.account_id)
                & (Following.target_id == ListMembers.member_id)
            ),
        )
        .where(_of_list & (Following.account_id == p("account_id")) & (Following.state == State.ACTIVE.value))
        .limit(MAX_MEMBERS)
    ),
)


def _lists(*, after: bool) -> peewee.Query:
    bound = AccountLists.id > p("after") if after else AccountLists.id < p("before")
    order = AccountLists.id if after else AccountLists.id.desc()
    fields = (AccountLists.id, AccountLists.title)
    among = AccountLists.select(*fields).where((AccountLists.account_id == p("account_id")) & bound)
    return among.order_by(order).limit(p("limit"))


def _edges(*, after: bool) -> peewee.Query:
    bound = ListMembers.edge_id > p("after") if after else ListMembers.edge_id < p("before")
    order = ListMembers.edge_id if after else ListMembers.edge_id.desc()
    among = ListMembers.select(ListMembers.edge_id, ListMembers.member_id).where(_of_list & bound)
    return among.order_by(order).limit(p("limit"))


_page = Statement("lists_page", lambda: _lists(after=False))
_page_after = Statement("lists_page_after", lambda: _lists(after=True))
_members_page = Statement("list_members_page", lambda: _edges(after=False))
_members_page_after = Statement("list_members_page_after", lambda: _edges(after=True))


def insert(tx: Session, account_id: int, value: AccountList) -> None:
    """Write a new list."""
    tx.insert(_insert, [(account_id, value.id, value.title)])


def count(tx: Session, account_id: int) -> int:
    """Return how many lists an account has."""
    row = tx.one(_count, account_id=account_id)
    return 0 if row is None else int(row[0])


def find(tx: Session, account_id: int, list_id: int) -> AccountList | None:
    """Return an account's list, None where it has none with that id."""
    row = tx.one(_find, account_id=account_id, list_id=list_id)
    return None if row is None else AccountList(list_id, row[0])


def rename(tx: Session, account_id: int, list_id: int, title: str) -> None:
    """Give a list another title."""
    tx.run(_rename, account_id=account_id, list_id=list_id, title=title)


def remove(tx: Session, account_id: int, list_id: int) -> bool:
    """Delete a list with its members; return False where there is none."""
    tx.run(_remove_members, account_id=account_id, list_id=list_id)
    return tx.run(_remove, account_id=account_id, list_id=list_id) == 1


def fetch(tx: Session, account_id: int, page: Page) -> list[AccountList]:
    """Return one page of an account's lists in reading order, and one more."""
    if page.after is not None:
        rows = tx.all(_page_after, account_id=account_id, after=page.after, limit=page.limit + 1)
    else:
        rows = tx.all(_page, account_id=account_id, before=page.before or NEWEST, limit=page.limit + 1)
    return [AccountList(*row) for row in rows]


def insert_member(tx: Session, account_id: int, list_id: int, member_id: int, edge_id: int) -> None:
    """Put an account on a list; one that is there keeps its place."""
    tx.insert(_insert_member, [(account_id, list_id, member_id, edge_id)])


def remove_members(tx: Session, account_id: int, list_id: int, member_ids: Sequence[int]) -> None:
    """Take accounts off a list."""
    if member_ids:
        tx.run(_remove_some, account_id=account_id, list_id=list_id, ids=member_ids)


def fetch_member_ids(tx: Session, account_id: int, list_id: int) -> list[int]:
    """Return who is on a list, followed or not, in no order."""
    return [row[0] for row in tx.all(_members, account_id=account_id, list_id=list_id)]


def fetch_actor_ids(tx: Session, account_id: int, list_id: int) -> list[int]:
    """Return those on a list whom its owner follows, in no order."""
    return [row[0] for row in tx.all(_actors, account_id=account_id, list_id=list_id)]


def fetch_members(tx: Session, account_id: int, list_id: int, page: Page) -> list[tuple[int, int]]:
    """Return one page of (edge id, account) on a list, in reading order, and one more."""
    given = {"account_id": account_id, "list_id": list_id, "limit": page.limit + 1}
    if page.after is not None:
        rows = tx.all(_members_page_after, after=page.after, **given)
    else:
        rows = tx.all(_members_page, before=page.before or NEWEST, **given)
    return [(row[0], row[1]) for row in rows]
