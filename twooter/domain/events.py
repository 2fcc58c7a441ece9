"""Events: what happened, with the whole delta, so that consumers never read the source.

Each event packs into a list of JSON values, its kind first; fields are only ever added at the end, for events of the
version before are still on their way when a new one starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

from twooter.domain import ids
from twooter.domain.twoots import Twoot, Visibility


@dataclass(frozen=True, slots=True)
class TwootEvent:
    """A twoot appeared (sign 1) or went (sign -1); `at_ms` is the time of the twoot, not of the event."""

    kind: ClassVar[str] = "twoot"
    sign: int
    author_id: int
    twoot_id: int
    at_ms: int
    tag_ids: tuple[int, ...]
    parent_id: int | None
    parent_author_id: int | None
    version: int
    visibility: str = Visibility.PUBLIC.value
    quote_id: int | None = None
    quote_author_id: int | None = None
    root_id: int | None = None
    mention_ids: tuple[int, ...] = ()
    ancestors: tuple[int, ...] = ()
    """Ids of twoots and authors in turn, nearest first."""


def appeared(twoot: Twoot, tag_ids: tuple[int, ...]) -> TwootEvent:
    """Return the event of a new twoot."""
    return _twoot_event(twoot, tag_ids, sign=1, version=twoot.version)


def gone(twoot: Twoot, tag_ids: tuple[int, ...]) -> TwootEvent:
    """Return the event of a twoot's end; its version outdoes all that was told of the twoot before."""
    return _twoot_event(twoot, tag_ids, sign=-1, version=twoot.version + 1)


def _twoot_event(twoot: Twoot, tag_ids: tuple[int, ...], *, sign: int, version: int) -> TwootEvent:
    parent, quote = twoot.parent, twoot.quote
    return TwootEvent(
        sign,
        twoot.author_id,
        twoot.id,
        twoot.created_ms,
        tag_ids,
        None if parent is None else parent.id,
        None if parent is None else parent.author_id,
        version,
        twoot.visibility.value,
        None if quote is None else quote.id,
        None if quote is None else quote.author_id,
        twoot.root_id,
        twoot.mention_ids,
        tuple(number for ref in twoot.ancestors for number in (ref.id, ref.author_id)),
    )


def edited(
    before: Twoot, after: Twoot, tag_ids: tuple[int, ...], former_tag_ids: tuple[int, ...]
) -> EditEvent:
    """Return the event of a change from one version of a twoot to the next, by the hashtags each counts for."""
    return EditEvent(
        after.author_id,
        after.id,
        after.created_ms,
        tuple(id_ for id_ in tag_ids if id_ not in former_tag_ids),
        tuple(id_ for id_ in former_tag_ids if id_ not in tag_ids),
        tuple(id_ for id_ in after.mention_ids if id_ not in before.mention_ids),
        after.root_id,
        after.visibility.value,
        after.version,
    )


@dataclass(frozen=True, slots=True)
class EditEvent:
    """A twoot says something else now; `at_ms` is the time of the twoot, the lists are what the change adds and takes.

    `mention_ids` are the newly mentioned alone.
    """

    kind: ClassVar[str] = "edit"
    author_id: int
    twoot_id: int
    at_ms: int
    added_tag_ids: tuple[int, ...]
    removed_tag_ids: tuple[int, ...]
    mention_ids: tuple[int, ...]
    root_id: int | None
    visibility: str
    version: int


@dataclass(frozen=True, slots=True)
class FollowEvent:
    """An account follows another, asks to, or does not any more: what the follower's side says, by `graph.State`."""

    kind: ClassVar[str] = "follow"
    account_id: int
    target_id: int
    version: int
    state: str
    edge_id: int


@dataclass(frozen=True, slots=True)
class FollowAnswerEvent:
    """An account answers who asked to follow it, or follows it (`target_id`): its word on one version of the follow."""

    kind: ClassVar[str] = "follow_answer"
    account_id: int
    target_id: int
    version: int
    state: str
    edge_id: int


@dataclass(frozen=True, slots=True)
class ActionEvent:
    """An account did something with a twoot, by `actions.Kind`, or took it back; `visibility` is the twoot's."""

    kind: ClassVar[str] = "action"
    account_id: int
    action: int
    twoot_id: int
    author_id: int
    version: int
    active: bool
    edge_id: int
    visibility: str

    @property
    def at_ms(self) -> int:
        """Return when it was done, also where it is taken back."""
        return ids.time_ms(self.edge_id)


@dataclass(frozen=True, slots=True)
class FollowCountEvent:
    """A follow began to hold (sign 1) or holds no more (sign -1), at the follower; `edge_id` is when it was begun."""

    kind: ClassVar[str] = "follow_count"
    sign: int
    account_id: int
    edge_id: int

    @property
    def at_ms(self) -> int:
        """Return when it was begun, or asked for."""
        return ids.time_ms(self.edge_id)


@dataclass(frozen=True, slots=True)
class VoteEvent:
    """An account voted in the poll of a twoot, or its vote went with it; of `choices` each bit is an option."""

    kind: ClassVar[str] = "vote"
    account_id: int
    twoot_id: int
    author_id: int
    choices: int
    version: int
    active: bool


@dataclass(frozen=True, slots=True)
class PollEndEvent:
    """A poll has ended, and these accounts are to hear of it."""

    kind: ClassVar[str] = "poll_end"
    author_id: int
    twoot_id: int
    account_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RefusalEvent:
    """A scheduled twoot was not published when its time had come; `version` is the one of it that says why."""

    kind: ClassVar[str] = "refusal"
    account_id: int
    scheduled_id: int
    version: int


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """An account was registered (sign 1) or deleted (sign -1); `at_ms` is the time of its registration."""

    kind: ClassVar[str] = "account"
    sign: int
    account_id: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class MailEvent:
    """A mail is to be written: `confirmation` or `reset`; `address` is given where no account is known."""

    kind: ClassVar[str] = "mail"
    template: str
    account_id: int
    address: str | None


@dataclass(frozen=True, slots=True)
class DeletionEvent:
    """An account asked to be deleted."""

    kind: ClassVar[str] = "deletion"
    account_id: int


@dataclass(frozen=True, slots=True)
class HidingEvent:
    """Moderators hid a twoot, or show it again; with `twoot_id` 0 they suspended its account. What holds is read."""

    kind: ClassVar[str] = "hiding"
    account_id: int
    twoot_id: int


@dataclass(frozen=True, slots=True)
class TransferEvent:
    """The next steps of a transfer are to be taken, of the kind that `what` says, by `transfers.Kind`."""

    kind: ClassVar[str] = "transfer"
    account_id: int
    what: int
    transfer_id: int


Event = (
    TwootEvent
    | EditEvent
    | FollowEvent
    | FollowAnswerEvent
    | ActionEvent
    | FollowCountEvent
    | VoteEvent
    | PollEndEvent
    | RefusalEvent
    | AccountEvent
    | MailEvent
    | DeletionEvent
    | HidingEvent
    | TransferEvent
)
_KINDS: dict[str, Callable[..., Event]] = {c.kind: c for c in get_args(Event)}


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event with the time it was written (Unix ms) and the id of the request that caused it.

    `trace` is W3C's traceparent of that request, where it is traced.
    """

    event: Event
    written_ms: int
    request_id: str | None
    trace: str | None = None


def pack(envelope: Envelope) -> list[Any]:  # Any: JSON values
    """Return the envelope as JSON values."""
    event = envelope.event
    # beside the request id, not after the fields: the version before reads it as one, and shows it
    cause = envelope.request_id if envelope.trace is None else [envelope.request_id, envelope.trace]
    fields = [getattr(event, name) for name in event.__slots__]
    return [envelope.written_ms, cause, event.kind, *fields]


def cause_of(packed: Any) -> tuple[str | None, str | None]:  # Any: a poisoned row may hold anything
    """Return the request id and the traceparent of a packed event, whatever is wrong with the rest of it."""
    cause = packed[1] if isinstance(packed, list) and len(packed) > 1 else None
    request_id, trace = cause if isinstance(cause, list) and len(cause) == 2 else (cause, None)
    return _text(request_id), _text(trace)


def _text(value: Any) -> str | None:  # Any: idem
    return value if isinstance(value, str) else None


def unpack(packed: list[Any]) -> Envelope:  # Any: JSON values
    """Return the envelope that `pack` packed.

    Raises: ValueError for what is none.
    """
    try:
        written_ms, cause, kind, *fields = packed
        request_id, trace = cause if isinstance(cause, list) else (cause, None)
        event = _KINDS[kind](*[tuple(f) if isinstance(f, list) else f for f in fields])
    except (KeyError, TypeError) as ex:
        raise ValueError(f"not an event: {ex}") from ex
    return Envelope(event, written_ms, request_id, trace)
