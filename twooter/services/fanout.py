"""Fan-out: what somebody writes or passes on goes into the home timelines of its followers that are in Redis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from twooter.domain.actions import Kind
from twooter.domain.events import ActionEvent, Envelope, Event, TwootEvent
from twooter.domain.twoots import Visibility
from twooter.metrics import HOME_DELIVERIES
from twooter.services import changes
from twooter.services.changes import Changes
from twooter.services.popular import Popular
from twooter.services.streams import Streams
from twooter.storage import fanouts
from twooter.storage.database import Storage
from twooter.storage.homes import Entry, HomeWindows

_AT_ONCE = 10_000
"""Followers gathered before they are pushed to: some megabytes."""
_kept, _absent = map(HOME_DELIVERIES.labels, ("kept", "absent"))


class Fanout:
    """Pushes, then tells who listens: what they read when they have begun to is there, or they are told of it.

    Without Redis and listeners there is nothing to do.
    """

    def __init__(
        self,
        storage: Storage,
        popular: Popular,
        windows: HomeWindows | None,
        streams: Streams | None = None,
    ) -> None:
        self._streams = Streams(storage, None) if streams is None else streams
        self._changes = Changes(storage, popular, self._streams)
        self._storage = storage
        self._popular = popular
        self._windows = windows

    def handle(self, envelopes: Sequence[Envelope]) -> None:
        """Push what the events tell of; may be repeated in any order.

        Raises: Unavailable when Redis does not answer.
        """
        if self._windows is None and not self._streams.are_there:
            return
        own: defaultdict[int, list[Entry]] = defaultdict(list)
        pushed: defaultdict[int, list[Entry]] = defaultdict(list)
        of_popular: list[Entry] = []
        for envelope in envelopes:
            entry = _entry(envelope.event)
            if entry is not None:
                own[entry.actor_id].append(entry)
                if not _is_for_followers(envelope.event):
                    continue
                if self._popular.is_pushed(entry.actor_id, entry.id):
                    pushed[entry.actor_id].append(entry)
                else:
                    of_popular.append(entry)
        self._push(own)  # again: the request's own attempt may have failed
        self._push_to_followers(pushed)
        self._streams.tell_of_popular(of_popular)
        self._streams.tell_all(envelopes)
        self._changes.tell([envelope.event for envelope in envelopes])

    def _push_to_followers(self, entries_of: dict[int, list[Entry]]) -> None:
        """Push to followers, each once for everything that a few pages of them have in common."""
        gathered: defaultdict[int, list[Entry]] = defaultdict(list)
        counts: defaultdict[int, int] = defaultdict(int)
        for page in fanouts.followers(self._storage, list(entries_of)):
            for actor_id, follower_ids in page:
                entries = entries_of[actor_id]
                for follower_id in follower_ids:
                    gathered[follower_id] += entries
                counts[actor_id] += len(follower_ids)
            if len(gathered) >= _AT_ONCE:
                self._push(gathered)
                gathered = defaultdict(list)
        self._push(gathered)
        for actor_id, count in counts.items():
            if count > self._popular.least_followers:
                self._popular.promote(actor_id)

    def _push(self, entries_of: dict[int, list[Entry]]) -> None:
        if self._windows is None:
            self._streams.tell_homes(entries_of)
            return
        kept, listened = self._windows.push(entries_of)
        _kept.inc(kept)
        _absent.inc(len(entries_of) - kept)
        self._streams.tell_homes({account_id: entries_of[account_id] for account_id in listened})


def wants(event: Event) -> bool:
    """Return whether an event is one of a row in home timelines, or changes what live updates told of."""
    return _entry(event) is not None or changes.wants(event)


def _entry(event: Event) -> Entry | None:
    if isinstance(event, TwootEvent) and event.sign > 0:
        return Entry(event.twoot_id, event.author_id, is_retwoot=False)
    if isinstance(event, ActionEvent) and event.active and event.action == Kind.RETWOOT:
        return Entry(event.edge_id, event.account_id, is_retwoot=True)
    return None


def _is_for_followers(event: Event) -> bool:
    return not isinstance(event, TwootEvent) or event.visibility != Visibility.MENTIONED.value
