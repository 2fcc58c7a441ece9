"""Indexes: what search reads, brought to what twoots and accounts say now; looked over without an end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from twooter.domain import searches
from twooter.domain.events import EditEvent, Envelope, TwootEvent
from twooter.domain.twoots import Twoot, Visibility
from twooter.errors import Unavailable
from twooter.logs import get_logger
from twooter.services.twoots import Twoots
from twooter.storage import marks, names, polls, twoots
from twooter.storage import searches as index
from twooter.storage.database import Session, Storage
from twooter.storage.entries import Entry
from twooter.storage.marks import Mark
from twooter.storage.searches import Document
from twooter.storage.twoots import NEWEST

log = get_logger("indexes")

_TRIES = 5
_STEP = 200
_LATER_STEPS = 10
_TWOOTS, _ACCOUNTS = "twoots_2", "accounts"
"""Names of marks; another one where the index is to hold more of what was there before: its first round is quick."""
_Look = Callable[[int], tuple[int, int | None]]
"""Compares from a place on; answers how many rows, and where to go on, None at the end."""


class Indexes:
    """Keeps the index of twoots' words and of accounts' names; everything here may be repeated in any order."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def handle(self, envelopes: Sequence[Envelope]) -> None:
        """Index anew what events speak of, as it is now: not what they say, for the index is of the present."""
        spoken_of = [envelope.event for envelope in envelopes]
        self._index({(e.twoot_id, e.author_id) for e in spoken_of if isinstance(e, TwootEvent | EditEvent)})

    def look_over(self, *, max_seconds: float = 20.0) -> int:
        """Compare the next pieces of the index with what it is of, and mend them; return how many rows were compared.

        The first round takes all of its time: it is what makes what was there before searchable. Later ones take a few
        steps at a time. A round goes from the newest to the oldest, and is followed by another.
        """
        until = time.monotonic() + max_seconds
        compared = self._round(_TWOOTS, self._look_at_twoots, until)
        return compared + self._round(_ACCOUNTS, self._look_at_accounts, until)

    def _round(self, name: str, look: _Look, until: float) -> int:
        compared = steps = 0
        mark = self._storage.read(lambda tx: marks.find(tx, name)) or Mark(NEWEST, 0)
        while True:
            count, place = look(mark.place)
            compared, steps = compared + count, steps + 1
            mark = Mark(NEWEST, mark.rounds + 1) if place is None else Mark(place, mark.rounds)
            self._storage.transact(partial(marks.put, name=name, mark=mark))
            if place is None:
                log.info("index_looked_over", index=name, rounds=mark.rounds)
                return compared
            if time.monotonic() > until or (mark.rounds and steps == _LATER_STEPS):
                return compared

    def _look_at_twoots(self, before: int) -> tuple[int, int | None]:
        found, place = self._storage.read(lambda tx: index.fetch_page(tx, before, _STEP))
        self._index(found)
        return len(found), place

    def _look_at_accounts(self, before: int) -> tuple[int, int | None]:
        page = self._storage.read(lambda tx: names.fetch_accounts(tx, before, _STEP))
        known = self._storage.read(lambda tx: names.fetch_of(tx, [id_ for id_, _, _ in page]))
        for id_, username, display_name in page:
            if known.get(id_, set()) != set(searches.names_of(username, display_name)):
                self._storage.transact(partial(_name_anew, account_id=id_))
        return len(page), page[-1][0] if len(page) == _STEP else None

    def _index(self, entries: Collection[Entry]) -> None:
        """Index twoots as they are now.

        Between reading a twoot and writing what is found of it somebody may have changed it, and its event been here
        already: so each is read again once it is written.

        Raises: Unavailable when some change all the time.
        """
        waiting = sorted(entries)
        for _ in range(_TRIES):
            steps = [waiting[at : at + _STEP] for at in range(0, len(waiting), _STEP)]
            waiting = [entry for step in steps for entry in self._bring(step)]
            if not waiting:
                return
        raise Unavailable("Twoots change faster than they can be indexed.")

    def _bring(self, entries: Sequence[Entry]) -> list[Entry]:
        """Write what differs; return what has changed since it was read, to be written again."""

        def read(tx: Session) -> tuple[dict[int, Twoot], dict[int, int]]:
            keys, ids = [(author_id, id_) for id_, author_id in entries], [id_ for id_, _ in entries]
            found, known = tx.ask([twoots.by_keys(keys), index.versions(ids)])
            return found, known

        found, known = self._storage.read(read)
        public = {id_: twoot for id_, twoot in found.items() if twoot.visibility is Visibility.PUBLIC}
        documents = self._differing(list(public.values()), known)
        gone = [id_ for id_ in known if id_ not in public]
        if documents or gone:
            self._storage.transact(partial(_write, documents=documents, gone=gone))
        return self._changed(documents)

    def _differing(self, public: Sequence[Twoot], known: Mapping[int, int]) -> list[Document]:
        """Return what is to be indexed of twoots, of which these versions are.

        Where there is a poll, what is indexed is read: earlier versions of Twooter wrote nothing of its options.
        """
        options, texts = self._of_polls([twoot for twoot in public if twoot.has_poll])
        found = []
        for twoot in public:
            is_other = known.get(twoot.id) != twoot.version
            if is_other or twoot.has_poll:
                document = _document(twoot, options.get(twoot.id, ()))
                if is_other or texts.get(twoot.id) != document.text:
                    found.append(document)
        return found

    def _of_polls(self, asking: Sequence[Twoot]) -> tuple[dict[int, tuple[str, ...]], dict[int, str]]:
        """Return by twoot what a poll may be answered with, and what is indexed."""
        if not asking:
            return {}, {}
        keys, ids = [(twoot.author_id, twoot.id) for twoot in asking], [twoot.id for twoot in asking]
        options, texts = self._storage.read(lambda tx: tx.ask([polls.options(keys), index.texts(ids)]))
        return options, texts

    def _changed(self, written: Sequence[Document]) -> list[Entry]:
        """Return which of the twoots written to the index are not what was written."""
        keys = [(document.author_id, document.twoot_id) for document in written]
        now = self._storage.read(lambda tx: twoots.fetch_versions(tx, keys))
        return [(doc.twoot_id, doc.author_id) for doc in written if now.get(doc.twoot_id) != doc.version]


def _write(tx: Session, documents: Sequence[Document], gone: Sequence[int]) -> None:
    if documents:
        index.put(tx, documents)
    if gone:
        index.remove(tx, gone)


def _document(twoot: Twoot, options: Sequence[str]) -> Document:
    keys = [tag.key for tag in Twoots.tags_of(twoot)]
    return Document(twoot.id, twoot.author_id, twoot.version, searches.document(twoot, keys, options))


def _name_anew(tx: Session, account_id: int) -> None:
    account = names.lock_account(tx, account_id)
    if account is not None:
        names.put(tx, account_id, searches.names_of(*account))
