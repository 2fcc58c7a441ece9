"""Takeouts: the form in which an account's own data leaves; docs/exports.md describes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from twooter.domain import ids
from twooter.domain.account_lists import AccountList
from twooter.domain.accounts import Account
from twooter.domain.polls import Poll, Standing
from twooter.domain.scheduled_twoots import ScheduledTwoot
from twooter.domain.twoots import Card, Ref, Twoot

FORMAT = 1
"""Moves when something that is there means something else; what is added moves nothing."""

Json = dict[str, Any]  # Any: JSON values


@dataclass(frozen=True, slots=True)
class Wording:
    """What a twoot said in an earlier version, and since when (Unix ms)."""

    version: int
    text: str
    content_warning: str | None
    language: str | None
    written_ms: int


def moment(time_ms: int) -> str:
    """Return a time as RFC 3339 has it, UTC."""
    when = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def profile(account: Account, *, email: str, email_confirmed_ms: int | None, asked_ms: int, url: str) -> Json:
    """Return what an account says of itself, and what the archive is."""
    return {
        "format": FORMAT,
        "asked_at": moment(asked_ms),
        "from": url,
        "id": str(account.id),
        "username": account.username,
        "display_name": account.display_name,
        "bio": account.bio,
        "created_at": moment(ids.time_ms(account.id)),
        "bot": account.bot,
        "protected": account.protected,
        "role": account.role.value,
        "email": email,
        "email_confirmed_at": _moment(email_confirmed_ms),
        "counts": {
            "twoots": account.twoots,
            "followers": account.followers,
            "following": account.following,
        },
    }


def twoot(value: Twoot, former: Sequence[Wording], asked: Standing | None, *, url: str) -> Json:
    """Return a twoot of the account's own, with what it said before."""
    return {
        "id": str(value.id),
        "created_at": moment(value.created_ms),
        "edited_at": _moment(value.edited_ms),
        "text": value.text,
        "content_warning": value.content_warning,
        "language": value.language,
        "visibility": value.visibility.value,
        "hashtags": list(value.hashtags) if value.given_tag is None else [value.given_tag],
        "reply_to": _ref(value.parent),
        "quote_of": _ref(value.quote),
        "hidden": value.hidden,
        "poll": None if asked is None else _standing(asked),
        "counts": {
            "replies": max(0, value.replies),
            "likes": max(0, value.likes),
            "retwoots": max(0, value.retwoots),
            "quotes": max(0, value.quotes),
        },
        "history": [_wording(one) for one in former],
        "url": _url(value, url),
    }


def deed(card: Card, edge_id: int, *, url: str) -> Json:
    """Return what an account did with a twoot, and when."""
    return {"at": moment(ids.time_ms(edge_id)), "twoot": _others(card, url)}


def vote(card: Card, choices: Sequence[int], *, url: str) -> Json:
    """Return what an account voted for, in whose poll."""
    options = () if card.poll is None else card.poll.poll.options
    chosen = [options[place] for place in choices if place < len(options)]
    return {"choices": chosen, "twoot": _others(card, url)}


def scheduled(value: ScheduledTwoot) -> Json:
    """Return a twoot that is yet to be published."""
    draft = value.draft
    return {
        "id": str(value.id),
        "created_at": moment(value.created_ms),
        "scheduled_at": moment(value.at_ms),
        "text": draft.text,
        "content_warning": draft.content_warning,
        "language": draft.language,
        "visibility": draft.visibility.value,
        "reply_to": None if draft.reply_to is None else {"id": str(draft.reply_to)},
        "quote_of": None if draft.quote_of is None else {"id": str(draft.quote_of)},
        "poll": None if draft.poll is None else _poll(draft.poll),
    }


def person(account: Account) -> Json:
    """Return who somebody is."""
    return {"id": str(account.id), "username": account.username, "display_name": account.display_name}


def since(account: Account, edge_id: int) -> Json:
    """Return who somebody is, and when it began."""
    return person(account) | {"since": moment(ids.time_ms(edge_id))}


def muted(account: Account, edge_id: int, until_ms: int | None) -> Json:
    """Return who is muted, when that began, and until when."""
    return since(account, edge_id) | {"until": _moment(until_ms)}


def account_list(value: AccountList, members: Sequence[Account]) -> Json:
    """Return a list with whom it holds."""
    return {
        "id": str(value.id),
        "title": value.title,
        "created_at": moment(ids.time_ms(value.id)),
        "accounts": [person(account) for account in members],
    }


def hashtag(name: str, edge_id: int) -> Json:
    """Return a followed hashtag, and since when."""
    return {"name": name, "since": moment(ids.time_ms(edge_id))}


def _others(card: Card, url: str) -> Json:
    value = card.twoot
    return {
        "id": str(value.id),
        "author": {"id": str(card.author.id), "username": card.author.username},
        "created_at": moment(value.created_ms),
        "text": value.text,
        "content_warning": value.content_warning,
        "url": _url(value, url),
    }


def _poll(value: Poll) -> Json:
    return {"options": list(value.options), "multiple": value.multiple, "ends_at": moment(value.ends_ms)}


def _standing(value: Standing) -> Json:
    return _poll(value.poll) | {"voters": max(0, value.voters), "votes": [max(0, one) for one in value.votes]}


def _wording(value: Wording) -> Json:
    return {
        "version": value.version,
        "text": value.text,
        "content_warning": value.content_warning,
        "language": value.language,
        "written_at": moment(value.written_ms),
    }


def _ref(value: Ref | None) -> Json | None:
    return None if value is None else {"id": str(value.id), "account_id": str(value.author_id)}


def _moment(time_ms: int | None) -> str | None:
    return None if time_ms is None else moment(time_ms)


def _url(value: Twoot, url: str) -> str:
    return f"{url}/v1/twoots/{value.id}"
