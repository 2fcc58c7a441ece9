"""Moderation: what people report, what moderators do about it, and upon whom they may."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from twooter.domain import ids, text
from twooter.domain.accounts import Account, Role, Viewer
from twooter.domain.twoots import Card
from twooter.errors import FieldError, Forbidden

MAX_COMMENT = 1_000
MAX_REASON = 500


class Reason(enum.StrEnum):
    """Why somebody reports something."""

    SPAM = "spam"
    HARASSMENT = "harassment"
    HATE = "hate"
    VIOLENCE = "violence"
    SEXUAL = "sexual"
    ILLEGAL = "illegal"
    IMPERSONATION = "impersonation"
    OTHER = "other"


class ReportState(enum.StrEnum):
    """Whether somebody has still to decide about a report."""

    OPEN = "open"
    RESOLVED = "resolved"


class Act(enum.StrEnum):
    """What moderators do; each is a row of the log."""

    HIDE = "hide"
    SHOW = "show"
    SILENCE = "silence"
    UNSILENCE = "unsilence"
    SUSPEND = "suspend"
    READMIT = "readmit"
    ASSIGN = "assign"
    GIVE_UP = "give_up"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody reported: an account, or a twoot of it."""

    id: int
    account_id: int
    twoot_id: int | None
    reporter_id: int
    reason: Reason
    comment: str
    state: ReportState = ReportState.OPEN
    assignee_id: int | None = None
    resolver_id: int | None = None
    resolved_ms: int | None = None
    note: str = ""

    @property
    def created_ms(self) -> int:
        """Return when it was reported, Unix milliseconds."""
        return ids.time_ms(self.id)


@dataclass(frozen=True, slots=True)
class Case:
    """A report as moderators see it; accounts and twoots that are gone are None."""

    report: Report
    account: Account | None
    reporter: Account | None
    assignee: Account | None
    resolver: Account | None
    card: Card | None


@dataclass(frozen=True, slots=True)
class Deed:
    """A row of the log: who did what to whom, and why; without a moderator it was an operator."""

    id: int
    account_id: int
    moderator_id: int | None
    act: Act
    reason: str
    twoot_id: int | None = None
    report_id: int | None = None

    @property
    def done_ms(self) -> int:
        """Return when it was done, Unix milliseconds."""
        return ids.time_ms(self.id)


@dataclass(frozen=True, slots=True)
class Standing:
    """What moderators have made of an account."""

    account_id: int
    silenced: bool
    suspended: bool


def check_moderates(viewer: Viewer) -> None:
    """Do nothing for moderators and administrators.

    Raises: Forbidden for everybody else.
    """
    if not viewer.moderates:
        raise Forbidden("Only moderators may do this.", code="not_a_moderator")


def check_may_act(viewer: Viewer, target_id: int, target: Account | None) -> None:
    """Do nothing for who may decide about what an account did; of one that is gone its id is known.

    Raises: Forbidden upon oneself, and for moderators upon administrators.
    """
    check_moderates(viewer)
    if viewer.account_id == target_id:
        raise Forbidden("Another moderator has to decide about you.", code="not_upon_oneself")
    if target is not None and target.role is Role.ADMIN and viewer.role is not Role.ADMIN:
        raise Forbidden("Only administrators may do this to administrators.", code="not_upon_administrators")


def check_comment(comment: str) -> list[FieldError]:
    """Return what is wrong with a comment, already cleaned."""
    return text.check_text("comment", comment, max_graphemes=MAX_COMMENT, min_graphemes=0)


def check_reason(field: str, reason: str) -> list[FieldError]:
    """Return what is wrong with why a moderator does something, already cleaned."""
    return text.check_text(field, reason, max_graphemes=MAX_REASON)
