"""Leftovers: rows of a deleted account on its own shard that say something of others, read and removed in steps."""

from __future__ import annotations

import peewee

from twooter.domain.follows import Follow
from twooter.storage.database import Session
from twooter.storage.follows import FOLLOWERS, FOLLOWING, Side
from twooter.storage.statements import Statement, each, p
from twooter.storage.tables import (
    AccountLists,
    AccountNotes,
    Blocks,
    FollowedHashtags,
    Followers,
    Following,
    ListMembers,
    Mutes,
    ScheduledTwoots,
    Suggestions,
    Table,
)

_follows = {
    FOLLOWING.is_targets: Statement(
        "leftover_following",
        lambda: (
            Following.select(
                Following.account_id,
                Following.target_id,
                Following.version,
                Following.state,
                Following.edge_id,
            )
            .where(Following.account_id == p("account_id"))
            .order_by(Following.target_id)
            .limit(p("limit"))
        ),
    ),
    FOLLOWERS.is_targets: Statement(
        "leftover_followers",
        lambda: (
            Followers.select(
                Followers.account_id,
                Followers.follower_id,
                Followers.version,
                Followers.state,
                Followers.edge_id,
            )
            .where(Followers.account_id == p("account_id"))
            .order_by(Followers.follower_id)
            .limit(p("limit"))
        ),
    ),
}


def _removable(name: str, table: type[Table], other: peewee.Field) -> tuple[Statement, Statement]:
    account: peewee.Field = table.account_id  # type: ignore[attr-defined]  # each of these tables has it
    return (
        Statement(
            f"leftover_{name}_keys",
            lambda: table.select(other).where(account == p("account_id")).order_by(other).limit(p("limit")),
        ),
        Statement(
            f"leftover_{name}",
            lambda: table.delete().where((account == p("account_id")) & other.in_(each("keys"))),
        ),
    )


_REMOVABLE = (
    _removable("blocks", Blocks, Blocks.target_id),
    _removable("mutes", Mutes, Mutes.target_id),
    _removable("notes", AccountNotes, AccountNotes.target_id),
    _removable("suggestions", Suggestions, Suggestions.rank),
    _removable("list_members", ListMembers, ListMembers.list_id),
    _removable("lists", AccountLists, AccountLists.id),
    _removable("followed_hashtags", FollowedHashtags, FollowedHashtags.tag_id),
    _removable("scheduled", ScheduledTwoots, ScheduledTwoots.id),
)


def fetch_follows(tx: Session, side: Side, account_id: int, limit: int) -> list[Follow]:
    """Return some of what one side of an account knows of follows, in whatever state."""
    return [side.follow(row) for row in tx.all(_follows[side.is_targets], account_id=account_id, limit=limit)]


def remove_some(tx: Session, account_id: int, limit: int) -> int:
    """Remove some of an account's blocks, mutes, notes, lists and the like; return how many, 0 when none are left."""
    for keys, remove in _REMOVABLE:
        found = [row[0] for row in tx.all(keys, account_id=account_id, limit=limit)]
        if found:
            return tx.run(remove, account_id=account_id, keys=found)
    return 0
