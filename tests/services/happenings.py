"""What happens in a history, at random or by plan, and what plain Python says the aggregates must then be."""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import orjson

from twooter.domain import grammar, ids, windows
from twooter.domain.accounts import Account, Role, State, Viewer
from twooter.domain.actions import Kind
from twooter.domain.events import AccountEvent
from twooter.domain.twoots import Draft
from twooter.domain.windows import Unit
from twooter.errors import NotFound, TwooterError
from twooter.services.archives import Archives, Post
from twooter.services.house import Services
from twooter.storage import accounts
from twooter.storage.database import Session
from twooter.storage.tables import (
    Accounts,
    Actions,
    ActiveAccounts,
    ActiveWeeks,
    Following,
    HashtagAccounts,
    Hashtags,
    HashtagWindows,
    Retention,
    Table,
    Twoots,
    Windows,
)

_numbers = count()
_YEARS_MS = 24 * 365 * 86_400_000
_COUNTED: dict[int, str] = {Kind.LIKE: "likes", Kind.RETWOOT: "retwoots"}
_OF_WINDOWS = {
    "twoots": "twoots",
    "window_replies": "replies",
    "accounts": "accounts",
    "active_people": "active_accounts",
    "window_follows": "follows",
    "window_likes": "likes",
    "window_retwoots": "retwoots",
    "participants": "participants",
}
"""Names of sums, and their columns of windows."""
_LONG_AGO_MS = int(time.time() * 1000) - 86_400_000


def person(services: Services, *, at_ms: int | None = None) -> Viewer:
    """Register an account without a password, now or (under an imported id) at a time of the past."""
    number = next(_numbers)
    made = services.ids.make()  # before any transaction: it may have to lease a node number
    id_ = made if at_ms is None else ids.compose(at_ms, ids.IMPORT_NODE, number % ids.SEQUENCES)
    name = f"person_{number}"

    def work(tx: Session) -> None:
        accounts.insert(tx, Account(id_, name, name, "", False, False, Role.USER, State.ACTIVE, 1, 0, 0, 0))
        services.outboxes.append(tx, id_, AccountEvent(1, id_, ids.time_ms(id_)), request_id=None)

    services.storage.transact(work)
    return Viewer(id_, name, Role.USER, 1, email_confirmed=True)


@dataclass
class History:
    """Acts on services and remembers the twoots that are there."""

    services: Services
    people: list[Viewer] = field(default_factory=list)
    twoots: list[tuple[Viewer, int]] = field(default_factory=list)

    def join(self, *, at_ms: int | None = None) -> Viewer:
        """Let a new person in."""
        self.people.append(person(self.services, at_ms=at_ms))
        return self.people[-1]

    def publish(
        self, viewer: Viewer, text: str, *, reply_to: int | None = None, quote_of: int | None = None
    ) -> int:
        """Post a twoot; return its id."""
        id_ = self.services.twoots.publish(viewer, Draft(text, reply_to, quote_of=quote_of)).twoot.id
        self.twoots.append((viewer, id_))
        return id_

    def archive(self, viewer: Viewer, at_ms: int, text: str) -> int:
        """Write a twoot of the past; return its id."""
        services = self.services
        services.ids.make()  # as above
        archives = Archives(services.storage, services.hashtags, services.outboxes, services.versions)
        post = Post(at_ms, text, None, tuple(grammar.parse(text).hashtags))
        id_ = archives.add(viewer.account_id, [post])[0].id
        self.twoots.append((viewer, id_))
        return id_

    def delete(self, viewer: Viewer, id_: int) -> None:
        """Delete a twoot."""
        self.services.twoots.delete(viewer, id_)
        self.twoots.remove((viewer, id_))

    def act(self, rng: random.Random) -> None:
        """Do something at random: join, post hashtags, replies and quotes, now or years ago, like, follow, delete."""
        if len(self.people) < 2 or rng.random() < 0.05:
            self.join(at_ms=rng.choice([None, rng.randrange(ids.EPOCH_MS, ids.EPOCH_MS + _YEARS_MS)]))
        viewer = rng.choice(self.people)
        if self.twoots and rng.random() < 0.25:
            self.delete(*rng.choice(self.twoots))
            return
        if self.twoots and rng.random() < 0.3:
            do = rng.choice(
                [self.services.actions.act, self.services.actions.act, self.services.actions.undo]
            )
            with suppress(NotFound):  # of somebody whose account is gone meanwhile
                do(viewer, rng.choice(list(Kind)), rng.choice(self.twoots)[1])
            return
        if rng.random() < 0.15:
            go = rng.choice([self.services.follows.follow, self.services.follows.unfollow])
            with suppress(TwooterError):  # oneself, or somebody whose account is gone meanwhile
                go(viewer, rng.choice(self.people).account_id)
            return
        tags = "".join(
            f" #{tag}" for tag in rng.sample(["Tea", "tea", "猫", "TEA", "rain", "bread"], rng.randrange(4))
        )
        if rng.random() < 0.3:
            self.archive(viewer, rng.randrange(ids.EPOCH_MS, ids.EPOCH_MS + _YEARS_MS), f"long ago{tags}")
        else:
            parent = rng.choice(self.twoots)[1] if self.twoots and rng.random() < 0.4 else None
            quoted = rng.choice(self.twoots)[1] if self.twoots and rng.random() < 0.2 else None
            try:
                self.publish(viewer, f"now{tags}", reply_to=parent, quote_of=quoted)
            except TwooterError:
                self.publish(viewer, f"now{tags}")


def rows(services: Services, table: type[Table], *columns: str) -> list[tuple[Any, ...]]:  # Any: rows
    """Return these columns of every row of a table, sorted."""
    quote = "`" if services.storage.mysql else '"'
    names = ", ".join(f"{quote}{column}{quote}" for column in columns)
    sql = f"SELECT {names} FROM {quote}{table._meta.table_name}{quote}"  # noqa: S608 - names of our own tables
    return sorted(tuple(row) for row in services.storage.database.execute_sql(sql).fetchall())


Sums = dict[str, Counter[Any]]  # Any: keys of each table's own


def expected(services: Services) -> Sums:
    """Return what every aggregate must be, computed from the source in the plainest way; zero rows are left out."""
    hashtag_ids = dict(rows(services, Hashtags, "key", "id"))
    wanted: defaultdict[str, Counter[Any]] = defaultdict(Counter)
    twoots = rows(services, Twoots, "id", "author_id", "given_tag", "hashtags", "reply_to_id", "quote_of_id")
    there = {row[0] for row in twoots}
    for id_, author_id, given_tag, hashtags, parent_id, quoted_id in twoots:
        names = orjson.loads(hashtags) if given_tag is None else [given_tag]
        tags, at_ms = {hashtag_ids[grammar.tag_key(name)] for name in names}, ids.time_ms(id_)
        day = windows.start(Unit.DAY, at_ms)
        wanted["active"][day, author_id] += 1
        wanted["written"][author_id] += 1
        if parent_id in there:
            wanted["replies"][parent_id] += 1
        if quoted_id in there:
            wanted["quotes"][quoted_id] += 1
        for tag in tags:
            wanted["uses"][tag] += 1
            wanted["tag_accounts"][tag, day, author_id] += 1
            wanted["tag_accounts"][tag, 0, author_id] += 1
        for key in _windows_at(at_ms):
            wanted["twoots"][key] += 1
            wanted["window_replies"][key] += parent_id is not None
            wanted["tag_windows"].update((*key, tag) for tag in tags)
    _expect_acts(services, wanted, there)
    for (id_,) in rows(services, Accounts, "id"):
        if id_ > ids.IMPORTED_ID:
            wanted["accounts"].update(_windows_at(ids.time_ms(id_)))
    wanted["tag_people"].update(tag for tag, day, _ in wanted["tag_accounts"] if day == 0)
    wanted["tag_day_people"].update((3, day, tag) for tag, day, _ in wanted["tag_accounts"] if day)
    wanted["active_people"].update((3, day) for day, _ in wanted["active"])
    present = wanted["active"].keys() | wanted["acts"].keys()
    wanted["participants"].update((3, day) for day, _ in present)
    wanted["weeks"].update((_monday(day), id_) for day, id_ in present if id_ > ids.IMPORTED_ID)
    wanted["retention"].update((week, _monday(ids.time_ms(id_))) for week, id_ in wanted["weeks"])
    return {name: kept for name, counter in wanted.items() if (kept := _kept(counter, name))}


def _expect_acts(services: Services, wanted: Sums, there: set[int]) -> None:
    for account_id, twoot_id, kind, active, edge_id in rows(
        services, Actions, "account_id", "twoot_id", "kind", "active", "edge_id"
    ):
        if active and kind in _COUNTED:
            wanted[_COUNTED[kind]][twoot_id] += twoot_id in there
            wanted[f"window_{_COUNTED[kind]}"].update(_windows_at(ids.time_ms(edge_id)))
            wanted["acts"][windows.start(Unit.DAY, ids.time_ms(edge_id)), account_id] += 1
    for account_id, state, edge_id in rows(services, Following, "account_id", "state", "edge_id"):
        if state == "active":
            wanted["window_follows"].update(_windows_at(ids.time_ms(edge_id)))
            wanted["acts"][windows.start(Unit.DAY, ids.time_ms(edge_id)), account_id] += 1


def actual(services: Services) -> Sums:
    """Return what the aggregates are; zero rows are left out."""
    there: defaultdict[str, Counter[Any]] = defaultdict(Counter)
    for unit, start_ms, *sums in rows(services, Windows, "unit", "start_ms", *_OF_WINDOWS.values()):
        for name, number in zip(_OF_WINDOWS, sums, strict=True):
            there[name][unit, start_ms] = number
    for *key, uses, people in rows(
        services, HashtagWindows, "unit", "start_ms", "tag_id", "uses", "accounts"
    ):
        there["tag_windows"][tuple(key)], there["tag_day_people"][tuple(key)] = uses, people
    for tag, uses, people in rows(services, Hashtags, "id", "uses", "accounts"):
        there["uses"][tag], there["tag_people"][tag] = uses, people
    for *key, uses in rows(services, HashtagAccounts, "tag_id", "day_ms", "account_id", "uses"):
        there["tag_accounts"][tuple(key)] = uses
    for *key, uses, acts in rows(services, ActiveAccounts, "day_ms", "account_id", "uses", "acts"):
        there["active"][tuple(key)], there["acts"][tuple(key)] = uses, acts
    for *key, days in rows(services, ActiveWeeks, "week_ms", "account_id", "days"):
        there["weeks"][tuple(key)] = days
    for *key, people in rows(services, Retention, "week_ms", "joined_ms", "accounts"):
        there["retention"][tuple(key)] = people
    there["written"].update(dict(rows(services, Accounts, "id", "twoots")))
    for counter in ("replies", "quotes", "likes", "retwoots"):
        there[counter].update(dict(rows(services, Twoots, "id", counter)))
    return {name: kept for name, counter in there.items() if (kept := _kept(counter, name))}


def _monday(at_ms: int) -> int:
    """Return the start of a week as calendars have it."""
    day = datetime.fromtimestamp(at_ms / 1000, UTC).date()
    monday = datetime.combine(day - timedelta(days=day.weekday()), datetime.min.time(), UTC)
    return round(monday.timestamp() * 1000)


def _windows_at(at_ms: int) -> list[tuple[int, int]]:
    return [(int(unit), windows.start(unit, at_ms)) for unit in Unit]


def _kept(counter: Counter[Any], name: str) -> Counter[Any]:
    """Return what is not zero; minutes and hours of long ago may be there or not."""
    kept = {key: number for key, number in counter.items() if number}
    if name in (*_OF_WINDOWS, "tag_windows"):
        kept = {key: n for key, n in kept.items() if key[0] > Unit.HOUR or key[1] > _LONG_AGO_MS}
    return Counter(kept)
