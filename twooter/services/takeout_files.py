"""Files of takeouts: what each of them holds, read page by page, up to when it was asked for, the newest first."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from twooter.domain import ids, pages, takeouts
from twooter.domain.accounts import Account
from twooter.domain.actions import Kind
from twooter.domain.follows import Follow
from twooter.domain.graph import State
from twooter.domain.pages import Page
from twooter.domain.polls import Standing, unpacked
from twooter.domain.scheduled_twoots import MAX_SCHEDULED
from twooter.domain.takeouts import Json, Wording
from twooter.domain.twoots import Twoot
from twooter.errors import NotFound
from twooter.services.cards import Cards
from twooter.services.people import fetch_active
from twooter.storage import (
    account_lists,
    actions,
    blocks,
    credentials,
    edits,
    followed_hashtags,
    follows,
    hashtags,
    mutes,
    pins,
    polls,
    relationships,
    scheduled_twoots,
    twoots,
    votes,
)
from twooter.storage.database import Session
from twooter.storage.follows import FOLLOWERS, FOLLOWING, Side

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose data it is, up to an id that was made when they were asked for, and where Twooter is found."""

    account: Account
    until_id: int
    cards: Cards
    url: str


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a file's items, and where the next ones are; None at the end."""

    items: Sequence[Json]
    next: int | None = None


Read = Callable[[Session, Owner, int | None], Part]
"""Reads the part at a place, None for the first; a fixed number of queries."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the archive: what it begins and ends with, and how what stands between is read."""

    name: str
    read: Read
    head: bytes = b"[\n"
    tail: bytes = b"\n]\n"


def _profile(tx: Session, owner: Owner, _: int | None) -> Part:
    found = credentials.find(tx, owner.account.id)
    if found is None:
        raise NotFound("account")
    told = takeouts.profile(
        owner.account,
        email=found.email,
        email_confirmed_ms=found.email_confirmed_ms,
        asked_ms=ids.time_ms(owner.until_id),
        url=owner.url,
    )
    return Part([told])


def _twoots(tx: Session, owner: Owner, place: int | None) -> Part:
    page = _page(owner, place)
    cut = pages.cut(twoots.fetch_by_author(tx, owner.account.id, page), page, lambda one: one.id)
    edited = [one.id for one in cut.items if one.edited_ms is not None]
    former = edits.fetch_some(tx, owner.account.id, edited)
    asked = _polls(tx, cut.items)
    items = [
        takeouts.twoot(one, _wordings(former.get(one.id, [])), asked.get(one.id), url=owner.url)
        for one in cut.items
    ]
    return Part(items, cut.next_before)


def _wordings(former: Sequence[edits.Edit]) -> list[Wording]:
    return [
        Wording(one.version, one.text, one.content_warning, one.language, one.written_ms) for one in former
    ]


def _polls(tx: Session, own: Sequence[Twoot]) -> dict[int, Standing]:
    """Return by twoot how an account's own polls stand."""
    keys = [(one.author_id, one.id) for one in own if one.has_poll]
    found: dict[int, Standing] = tx.ask([polls.seen(keys, own[0].author_id, _now_ms())])[0] if keys else {}
    return found


def _scheduled(tx: Session, owner: Owner, _: int | None) -> Part:
    found = scheduled_twoots.fetch(tx, owner.account.id, MAX_SCHEDULED)
    return Part([takeouts.scheduled(one) for one in found])


def _votes(tx: Session, owner: Owner, place: int | None) -> Part:
    found = votes.fetch(tx, owner.account.id, place or owner.until_id, _PAGE)
    keys = [(one.twoot_id, one.author_id) for one in found]
    cards = owner.cards.of_entries(tx, keys, owner.account.id) if keys else {}
    items = [
        takeouts.vote(cards[one.twoot_id], unpacked(one.choices), url=owner.url)
        for one in found
        if one.twoot_id in cards
    ]
    return Part(items, found[-1].twoot_id if len(found) == _PAGE else None)


def _pins(tx: Session, owner: Owner, _: int | None) -> Part:
    return Part([{"id": str(id_)} for id_ in pins.fetch(tx, owner.account.id)])


def _deeds(kind: Kind, tx: Session, owner: Owner, place: int | None) -> Part:
    """Read what the owner did of a kind; as in its lists, twoots that it may not see (any more) are left out."""
    page = _page(owner, place)
    cut = pages.cut(actions.fetch(tx, owner.account.id, kind, page), page, lambda row: row.id)
    keys = [(row.twoot.id, row.twoot.author_id) for row in cut.items]
    cards = owner.cards.of_entries(tx, keys, owner.account.id) if keys else {}
    items = [
        takeouts.deed(cards[row.twoot.id], row.id, url=owner.url)
        for row in cut.items
        if row.twoot.id in cards
    ]
    return Part(items, cut.next_before)


def _lists(tx: Session, owner: Owner, place: int | None) -> Part:
    page = Page(1, before=place or owner.until_id)
    cut = pages.cut(account_lists.fetch(tx, owner.account.id, page), page, lambda one: one.id)
    items = []
    for one in cut.items:
        known = fetch_active(tx, account_lists.fetch_member_ids(tx, owner.account.id, one.id))
        items.append(takeouts.account_list(one, [known[id_] for id_ in sorted(known)]))
    return Part(items, cut.next_before)


def _hashtags(tx: Session, owner: Owner, place: int | None) -> Part:
    page = _page(owner, place)
    cut = pages.cut(followed_hashtags.fetch(tx, owner.account.id, page), page, lambda row: row[0])
    names = hashtags.fetch_names(tx, [tag_id for _, tag_id in cut.items])
    items = [takeouts.hashtag(names[tag_id], edge_id) for edge_id, tag_id in cut.items if tag_id in names]
    return Part(items, cut.next_before)


def _follows(side: Side, state: State, tx: Session, owner: Owner, place: int | None) -> Part:
    page = _page(owner, place)
    found = follows.fetch(tx, side, owner.account.id, state, page)
    cut = pages.cut(found, page, lambda follow: follow.edge_id)
    others = [(_other(side, follow), follow.edge_id) for follow in cut.items]
    known = fetch_active(tx, [id_ for id_, _ in others])
    items = [takeouts.since(known[id_], edge_id) for id_, edge_id in others if id_ in known]
    return Part(items, cut.next_before)


def _other(side: Side, follow: Follow) -> int:
    return follow.follower_id if side.is_targets else follow.target_id


def _blocks(tx: Session, owner: Owner, place: int | None) -> Part:
    page = _page(owner, place)
    cut = pages.cut(blocks.fetch(tx, owner.account.id, page), page, lambda row: row[0])
    known = fetch_active(tx, [id_ for _, id_ in cut.items])
    items = [takeouts.since(known[id_], edge_id) for edge_id, id_ in cut.items if id_ in known]
    return Part(items, cut.next_before)


def _mutes(tx: Session, owner: Owner, place: int | None) -> Part:
    page, now_ms = _page(owner, place), _now_ms()
    cut = pages.cut(mutes.fetch(tx, owner.account.id, page), page, lambda row: row[0])
    held = [row for row in cut.items if row[2] is None or row[2] > now_ms]
    known = fetch_active(tx, [row[1] for row in held])
    items = [takeouts.muted(known[id_], edge_id, until_ms) for edge_id, id_, until_ms in held if id_ in known]
    return Part(items, cut.next_before)


def _notes(tx: Session, owner: Owner, place: int | None) -> Part:
    found = relationships.fetch_notes(tx, owner.account.id, place or 0, _PAGE)
    known = fetch_active(tx, [id_ for id_, _ in found])
    items = [takeouts.person(known[id_]) | {"text": note} for id_, note in found if id_ in known]
    return Part(items, found[-1][0] if len(found) == _PAGE else None)


def _now_ms() -> int:
    # only mutes and polls have an end: it need not be a clock that all processes share
    return time.time_ns() // 1_000_000


def _page(owner: Owner, place: int | None) -> Page:
    return Page(_PAGE, before=place or owner.until_id)


FILES = (
    File("profile.json", _profile, head=b"", tail=b"\n"),
    File("twoots.json", _twoots),
    File("pins.json", _pins),
    File("retwoots.json", partial(_deeds, Kind.RETWOOT)),
    File("likes.json", partial(_deeds, Kind.LIKE)),
    File("bookmarks.json", partial(_deeds, Kind.BOOKMARK)),
    File("votes.json", _votes),
    File("scheduled.json", _scheduled),
    File("lists.json", _lists),
    File("hashtags.json", _hashtags),
    File("following.json", partial(_follows, FOLLOWING, State.ACTIVE)),
    File("requests_sent.json", partial(_follows, FOLLOWING, State.REQUESTED)),
    File("followers.json", partial(_follows, FOLLOWERS, State.ACTIVE)),
    File("requests_received.json", partial(_follows, FOLLOWERS, State.REQUESTED)),
    File("blocks.json", _blocks),
    File("mutes.json", _mutes),
    File("notes.json", _notes),
)
"""In the order of the archive. One that is being made goes on with those it does not have yet."""
