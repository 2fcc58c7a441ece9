"""What an audit reads of follows: both sides beside each other, and counts beside the rows they count."""

from __future__ import annotations

from collections.abc import Sequence

from peewee import JOIN, fn

from twooter.domain.follows import Follow
from twooter.domain.graph import State
from twooter.storage.database import Row, Session
from twooter.storage.follows import FOLLOWERS, FOLLOWING, Side
from twooter.storage.sources import PAGE, parts
from twooter.storage.statements import Statement, each, p
from twooter.storage.tables import Accounts, Followers, Following

FollowKey = tuple[int, int]
"""(account, the other one): rows of one side are read in this order."""
Pair = tuple[Follow | None, Follow | None]
"""What the follower's side says of one follow, and the other one."""
_SHARD = "an audit goes over the shard it is connected to"
_same = (Followers.account_id == Following.target_id) & (Followers.follower_id == Following.account_id)

_following = Statement(
    "audit_following",
    lambda: (
        Following.select(
            Following.account_id,
            Following.target_id,
            Following.version,
            Following.state,
            Following.edge_id,
            Followers.version,
            Followers.state,
            Followers.edge_id,
        )
        .join(Followers, JOIN.LEFT_OUTER, on=_same)
        .where(
            (
                (Following.account_id > p("after"))
                | ((Following.account_id == p("after")) & (Following.target_id > p("after_other")))
            )
            & (Following.account_id < p("high"))
        )
        .order_by(Following.account_id, Following.target_id)
        .limit(p("limit"))
    ),
    scatter=_SHARD,
)
_followers = Statement(
    "audit_followers",
    lambda: (
        Followers.select(
            Followers.account_id,
            Followers.follower_id,
            Followers.version,
            Followers.state,
            Followers.edge_id,
            Following.version,
        )
        .join(Following, JOIN.LEFT_OUTER, on=_same)
        .where(
            (
                (Followers.account_id > p("after"))
                | ((Followers.account_id == p("after")) & (Followers.follower_id > p("after_other")))
            )
            & (Followers.account_id < p("high"))
        )
        .order_by(Followers.account_id, Followers.follower_id)
        .limit(p("limit"))
    ),
    scatter=_SHARD,
)
_counters = Statement(
    "audit_follow_counters",
    lambda: (
        Accounts.select(Accounts.id, Accounts.following, Accounts.followers)
        .where((Accounts.id > p("after")) & (Accounts.id < p("high")))
        .order_by(Accounts.id)
        .limit(p("limit"))
    ),
    scatter=_SHARD,
)


def _counted(side: Side) -> Statement:
    table = Followers if side.is_targets else Following
    return Statement(
        f"audit_{'followers' if side.is_targets else 'following'}_counted",
        lambda: (
            table.select(table.account_id, fn.COUNT(1))
            .where(table.account_id.in_(each("ids")) & (table.state == State.ACTIVE.value))
            .group_by(table.account_id)
        ),
    )


_COUNTED = {side.is_targets: _counted(side) for side in (FOLLOWING, FOLLOWERS)}


def fetch_following(tx: Session, after: FollowKey, high: int) -> tuple[list[Pair], FollowKey | None]:
    """Return both sides of one page of what followers below `high` say, and after what to go on."""
    rows = tx.all(_following, after=after[0], after_other=after[1], high=high, limit=PAGE)
    pairs: list[Pair] = [(FOLLOWING.follow(row[:5]), _other(row)) for row in rows]
    return pairs, _last(rows)


def fetch_orphans(tx: Session, after: FollowKey, high: int) -> tuple[list[Follow], FollowKey | None]:
    """Return those of one page of what the followed say of which the followers say nothing, and after what to go on."""
    rows = tx.all(_followers, after=after[0], after_other=after[1], high=high, limit=PAGE)
    return [FOLLOWERS.follow(row[:5]) for row in rows if row[5] is None], _last(rows)


def fetch_counters(tx: Session, low: int, high: int) -> list[tuple[int, int, int]]:
    """Return (id, following, followers) of one page of the accounts with ids in [low, high)."""
    return [(row[0], row[1], row[2]) for row in tx.all(_counters, after=low - 1, high=high, limit=PAGE)]


def count(tx: Session, side: Side, account_ids: Sequence[int]) -> dict[int, int]:
    """Return by account how many active follows its side has, where it has any."""
    statement = _COUNTED[side.is_targets]
    return {row[0]: row[1] for part in parts(account_ids) for row in tx.all(statement, ids=part)}


def _other(row: Row) -> Follow | None:
    return None if row[5] is None else Follow(row[0], row[1], row[5], State(row[6]), row[7])


def _last(rows: Sequence[Row]) -> FollowKey | None:
    return (rows[-1][0], rows[-1][1]) if len(rows) == PAGE else None
