"""Changes: tells who listens of what was edited, hidden, deleted and taken back, and of accounts that went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from twooter.domain.actions import Kind
from twooter.domain.events import ActionEvent, DeletionEvent, EditEvent, Event, HidingEvent, TwootEvent
from twooter.domain.grammar import tag_key
from twooter.domain.streams import ACCOUNTS, CHANGED, GONE, TAKEN_BACK, Pointer, log_by, log_of
from twooter.domain.twoots import Ref, Twoot, Visibility
from twooter.services.popular import Popular
from twooter.services.streams import Streams, logs_of_keys
from twooter.storage import accounts, actions, fanouts, twoots
from twooter.storage.database import Session, Storage

MAX_RETWOOTERS = 200
MAX_READERS = 10_000
"""Of those who passed on what changed at about the same time, and of their followers, so many are told."""


@dataclass(frozen=True, slots=True)
class Change:
    """What changed, and the logs that may have told of it, besides those of its author's followers."""

    by_id: int
    pointer: Pointer
    is_for_followers: bool
    logs: tuple[str, ...]
    passed_on: tuple[int, int] | None = None
    """The (author, id) of what others may have passed on."""


class Changes:
    """Writes to the logs of those who may have been shown something; who is shown what is decided when it is sent.

    What an account wrote that is going, or suspended, is not told one by one: it is told of itself.
    """

    def __init__(self, storage: Storage, popular: Popular, streams: Streams) -> None:
        self._storage = storage
        self._popular = popular
        self._streams = streams

    def tell(self, events: Sequence[Event]) -> None:
        """Tell of what events say; repetition tells again. Four queries, one more for
        every 50 twoots, and pages of followers.

        Raises: Unavailable when the logs do not answer.
        """
        spoken_of = [event for event in events if wants(event)]
        if not spoken_of or not self._streams.are_there:
            return
        self._streams.tell((ACCOUNTS, Pointer(GONE, (id_,))) for id_ in _gone(spoken_of))
        changes = list(self._changes(spoken_of))
        # each once, however often it changed: what is sent is how it is then
        self._streams.tell(
            dict.fromkeys((name, change.pointer) for change in changes for name in change.logs)
        )
        self._tell_followers(dict.fromkeys((it.by_id, it.pointer) for it in changes if it.is_for_followers))
        self._tell_of_retwoots(dict.fromkeys(it.passed_on for it in changes if it.passed_on is not None))

    def _tell_of_retwoots(self, keys: Iterable[tuple[int, int]]) -> None:
        """Tell those who have a twoot at home by a retwoot, as far as they are not too many."""
        wanted = list(keys)
        work = self._storage.read
        found = work(lambda tx: actions.fetch_retwooters(tx, wanted, MAX_RETWOOTERS)) if wanted else []
        changes = [(id_, _pointer(twoot_id, author_id)) for id_, (author_id, twoot_id) in found]
        self._streams.tell((log_of("home", id_), pointer) for id_, pointer in changes)
        self._tell_followers(changes, most=MAX_READERS)

    def _tell_followers(self, changes: Iterable[tuple[int, Pointer]], *, most: int | None = None) -> None:
        """Tell followers page by page; those of accounts that are pushed to nobody read these themselves."""
        popular, told = self._popular.all(), 0
        pointers: defaultdict[int, list[Pointer]] = defaultdict(list)
        for by_id, pointer in changes:
            pointers[by_id].append(pointer)
        self._streams.tell((log_by(id_), it) for id_ in pointers for it in pointers[id_] if id_ in popular)
        for page in fanouts.followers(self._storage, [id_ for id_ in pointers if id_ not in popular]):
            self._streams.tell(
                (log_of("home", follower_id), pointer)
                for by_id, follower_ids in page
                for follower_id in follower_ids
                for pointer in pointers[by_id]
            )
            told += sum(len(follower_ids) for _, follower_ids in page)
            if most is not None and told >= most:
                break

    def _changes(self, events: Sequence[Event]) -> Iterator[Change]:
        found, active = self._storage.read(lambda tx: _read(tx, events))
        self._streams.logs_of_tags(_tag_ids(events))  # asked for at once, and remembered
        for event in events:
            if isinstance(event, ActionEvent) and event.account_id in active:
                yield _change(event.account_id, Pointer(TAKEN_BACK, (event.edge_id, event.account_id)))
            elif isinstance(event, TwootEvent) and event.author_id in active:
                yield self._deleted(event)
            elif isinstance(event, EditEvent):
                yield from self._edited(event.author_id, event.twoot_id, found, event.removed_tag_ids)
            elif isinstance(event, HidingEvent) and event.twoot_id:
                yield from self._edited(event.account_id, event.twoot_id, found, ())

    def _deleted(self, event: TwootEvent) -> Change:
        spoken_to = (event.parent_author_id, event.quote_author_id)
        visibility = Visibility(event.visibility)
        logs = _told(event.author_id, event.mention_ids, spoken_to, visibility)
        if visibility is Visibility.PUBLIC:
            logs |= {"public", *self._streams.logs_of_tags(event.tag_ids)}
        pointer = _pointer(event.twoot_id, event.author_id)
        return _change(event.author_id, pointer, visibility, logs, (event.author_id, event.twoot_id))

    def _edited(
        self, author_id: int, twoot_id: int, found: Mapping[int, Twoot], removed: Iterable[int]
    ) -> Iterator[Change]:
        """Yield what is told of a twoot as it is now; of one that has gone since, that its old hashtags lost it."""
        twoot = found.get(twoot_id)
        pointer, former = _pointer(twoot_id, author_id), self._streams.logs_of_tags(removed)
        if twoot is None:
            yield Change(author_id, pointer, is_for_followers=False, logs=tuple(former))
            return
        spoken_to = (_author(twoot.parent), _author(twoot.quote))
        logs = _told(author_id, twoot.mention_ids, spoken_to, twoot.visibility)
        if twoot.visibility is Visibility.PUBLIC:
            logs |= {"public", *logs_of_keys(map(tag_key, _hashtags(twoot))), *former}
        yield _change(author_id, pointer, twoot.visibility, logs, (author_id, twoot_id))


def wants(event: Event) -> bool:
    """Return whether an event tells of something that was shown, and is not any more, or is shown otherwise."""
    if isinstance(event, TwootEvent):
        return event.sign < 0
    if isinstance(event, ActionEvent):
        return event.action == Kind.RETWOOT and not event.active
    return isinstance(event, EditEvent | HidingEvent | DeletionEvent)


def _gone(events: Iterable[Event]) -> list[int]:
    """Return the accounts that went."""
    deleted = (event.account_id for event in events if isinstance(event, DeletionEvent))
    suspended = (e.account_id for e in events if isinstance(e, HidingEvent) and not e.twoot_id)
    return sorted({*deleted, *suspended})


def _read(tx: Session, events: Sequence[Event]) -> tuple[dict[int, Twoot], set[int]]:
    """Return the twoots that changed, and the active ones of those who took something away."""
    keys = {(e.author_id, e.twoot_id) for e in events if isinstance(e, EditEvent)}
    keys |= {(e.account_id, e.twoot_id) for e in events if isinstance(e, HidingEvent) and e.twoot_id}
    by_ids = {e.author_id for e in events if isinstance(e, TwootEvent)}
    by_ids |= {e.account_id for e in events if isinstance(e, ActionEvent)}
    return twoots.fetch(tx, sorted(keys)), set(accounts.fetch_authors(tx, sorted(by_ids)))


def _tag_ids(events: Iterable[Event]) -> Iterator[int]:
    """Yield the hashtags that events name."""
    for event in events:
        if isinstance(event, TwootEvent):
            yield from event.tag_ids
        elif isinstance(event, EditEvent):
            yield from event.removed_tag_ids


def _told(
    author_id: int,
    mention_ids: Iterable[int],
    spoken_to: Iterable[int | None],
    visibility: Visibility,
) -> set[str]:
    """Return the logs of notifications that may have told of a twoot."""
    told = set(mention_ids)
    if visibility.is_open:
        told |= {id_ for id_ in spoken_to if id_ is not None}
    return {log_of("notifications", id_) for id_ in told - {author_id}}


def _change(
    by_id: int,
    pointer: Pointer,
    visibility: Visibility = Visibility.PUBLIC,
    logs: Iterable[str] = (),
    key: tuple[int, int] | None = None,
) -> Change:
    """Return a change that is seen at its author's home, by followers as well unless it is for single readers."""
    is_for_followers = visibility is not Visibility.MENTIONED
    passed_on = key if visibility.is_open else None
    return Change(by_id, pointer, is_for_followers, (log_of("home", by_id), *sorted(logs)), passed_on)


def _pointer(twoot_id: int, author_id: int) -> Pointer:
    return Pointer(CHANGED, (twoot_id, author_id))


def _hashtags(twoot: Twoot) -> Sequence[str]:
    return twoot.hashtags if twoot.given_tag is None else (twoot.given_tag,)


def _author(ref: Ref | None) -> int | None:
    return None if ref is None else ref.author_id
