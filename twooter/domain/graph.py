"""The graph: how an account stands to another, and the one rule of who may see a twoot."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from twooter.domain.accounts import Account, Author
from twooter.domain.twoots import Twoot, Visibility


class State(enum.StrEnum):
    """How far a follow has come."""

    NONE = "none"
    REQUESTED = "requested"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Ties:
    """How a viewer stands to an author.

    `approved` is the author's side of a follow, which decides what may be seen; `follows` the viewer's own, which
    decides what is in its timelines. A moment after either has changed they differ.
    """

    approved: bool = False
    follows: bool = False
    blocking: bool = False
    blocked_by: bool = False
    muting: bool = False


STRANGERS = Ties()


def may_see_account(account: Author | Account, viewer_id: int | None, ties: Ties = STRANGERS) -> bool:
    """Return whether a viewer, or nobody in particular (None), may see what an active account does for everybody.

    Blocks hide both from each other, and a protected account is for those it has approved.
    """
    if viewer_id == account.id:
        return True
    return not (ties.blocking or ties.blocked_by) and (ties.approved or not account.protected)


def may_see(
    twoot: Twoot, author: Author, viewer_id: int | None, ties: Ties = STRANGERS, *, moderates: bool = False
) -> bool:
    """Return whether a viewer, or nobody in particular (None), may see a twoot of an active account.

    Authors see their own; whoever is mentioned may read, unless one of the two blocks the other; followers read what is
    for followers. Mutes hide nothing that somebody asks for by itself. What moderators have hidden is there for its
    author, and for whoever `moderates`.
    """
    if viewer_id == twoot.author_id:
        return True
    if ties.blocking or ties.blocked_by or (twoot.hidden and not moderates):
        return False
    if viewer_id is not None and viewer_id in twoot.mention_ids:
        return True
    if twoot.visibility is Visibility.MENTIONED:
        return False
    return ties.approved or (twoot.visibility.is_open and not author.protected)


def is_listed(author: Author | Account, viewer_id: int | None, ties: Ties = STRANGERS) -> bool:
    """Return whether a viewer finds what an account writes where everybody's is, and is told of what it does.

    Of a silenced one its followers do, and itself; whoever asks for a twoot or an account of it by itself sees it.
    """
    return not author.silenced or viewer_id == author.id or ties.approved
