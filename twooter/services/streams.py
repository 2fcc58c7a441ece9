"""Live updates: tells what happened to whom it concerns and who listens; what is shown is decided when it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from twooter.domain.events import Envelope, TwootEvent
from twooter.domain.grammar import tag_key
from twooter.domain.notifications import Key
from twooter.domain.streams import NOTIFICATION, RETWOOT, TWOOT, Pointer, log_by, log_of, log_under
from twooter.domain.twoots import Visibility
from twooter.metrics import STREAM_APPENDS
from twooter.storage import hashtags
from twooter.storage.database import Storage
from twooter.storage.homes import Entry
from twooter.storage.streams import Logs

_REMEMBERED = 50_000


class Streams:
    """Writes to the logs that are listened to; without logs it does nothing. Repetition tells again.

    Every method raises Unavailable when the logs do not answer.
    """

    def __init__(self, storage: Storage, logs: Logs | None) -> None:
        self._storage = storage
        self._logs = logs
        self._keys: dict[int, str] = {}

    @property
    def are_there(self) -> bool:
        """Return whether anybody could listen."""
        return self._logs is not None

    def tell_homes(self, entries_of: Mapping[int, Sequence[Entry]]) -> None:
        """Tell accounts of rows of their home timelines."""
        self._append(
            (log_of("home", account_id), _pointer(entry))
            for account_id, entries in entries_of.items()
            for entry in entries
        )

    def tell_of_popular(self, entries: Iterable[Entry]) -> None:
        """Tell those who follow accounts that are pushed to nobody."""
        self._append((log_by(entry.actor_id), _pointer(entry)) for entry in entries)

    def tell_all(self, envelopes: Sequence[Envelope]) -> None:
        """Tell of new public twoots, by their hashtags too."""
        found = [envelope.event for envelope in envelopes if isinstance(envelope.event, TwootEvent)]
        public = [e for e in found if e.sign > 0 and e.visibility == Visibility.PUBLIC.value]
        if self._logs is None or not public:
            return
        keys = self._keys_of({tag_id for event in public for tag_id in event.tag_ids})
        self._append(
            (name, Pointer(TWOOT, (event.twoot_id, event.author_id)))
            for event in public
            for name in ("public", *logs_of_keys(keys[id_] for id_ in event.tag_ids if id_ in keys))
        )

    def tell_of_notifications(self, notified: Iterable[Key]) -> None:
        """Tell accounts of their notifications."""
        self._append(
            (
                log_of("notifications", key.account_id),
                Pointer(NOTIFICATION, (int(key.kind), key.twoot_id, key.actor_id)),
            )
            for key in notified
        )

    def tell(self, entries: Iterable[tuple[str, Pointer]]) -> None:
        """Tell those who listen to logs."""
        self._append(entries)

    def logs_of_tags(self, tag_ids: Iterable[int]) -> list[str]:
        """Return the logs of hashtags, by their ids."""
        wanted = set(tag_ids)
        keys = self._keys_of(wanted)
        return list(logs_of_keys(keys[id_] for id_ in sorted(wanted) if id_ in keys))

    def _append(self, entries: Iterable[tuple[str, Pointer]]) -> None:
        if self._logs is not None and (given := list(entries)):
            STREAM_APPENDS.inc(self._logs.append(given))

    def _keys_of(self, tag_ids: set[int]) -> dict[int, str]:
        """Return the keys of hashtags, which never change."""
        unknown = sorted(tag_ids - self._keys.keys())
        if unknown:
            names = self._storage.read(lambda tx: hashtags.fetch_names(tx, unknown))
            if len(self._keys) + len(names) > _REMEMBERED:
                self._keys = {}
            self._keys |= {id_: tag_key(name) for id_, name in names.items()}
        return self._keys


def logs_of_keys(keys: Iterable[str]) -> Iterator[str]:
    """Yield the logs of hashtags: for those who listen to one, and for those who follow it."""
    for key in keys:
        yield f"tag:{key}"
        yield log_under(key)


def _pointer(entry: Entry) -> Pointer:
    return Pointer(RETWOOT if entry.is_retwoot else TWOOT, (entry.id, entry.actor_id))
