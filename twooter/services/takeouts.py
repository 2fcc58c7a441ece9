"""Takeouts: an account's own data as an archive, made by workers in steps of bounded memory, kept in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import orjson

from twooter.domain.accounts import State as AccountState
from twooter.domain.accounts import Viewer
from twooter.domain.events import MailEvent
from twooter.domain.pages import Page, Slice
from twooter.domain.transfers import Kind, State, Transfer
from twooter.domain.zips import Piece, Position
from twooter.errors import Conflict, Unavailable
from twooter.logs import get_logger
from twooter.services.cards import Cards
from twooter.services.outboxes import Outboxes
from twooter.services.takeout_files import FILES, File, Owner, Part
from twooter.services.transfers import Transfers
from twooter.storage import accounts, transfers
from twooter.storage.database import Session, Storage
from twooter.storage.idempotency import Idempotency
from twooter.storage.transfers import MAX_PART_BYTES

log = get_logger("takeouts")

STEP_BYTES = 524_288
"""A step ends when it has read about so much, before it is compressed."""
STEP_PARTS = 40
"""A step ends after so many readings, however little there was."""
_POSITION, _PLACE = "zip", "place"


class Takeouts:
    """Makes archives and gives them out; `Transfers` knows whose they are and for how long."""

    def __init__(
        self, storage: Storage, outboxes: Outboxes, cards: Cards, begun: Transfers, *, public_url: str
    ) -> None:
        self._storage = storage
        self._outboxes = outboxes
        self._cards = cards
        self._begun = begun
        self._public_url = public_url

    def request(
        self, viewer: Viewer, *, idempotency_key: Idempotency | None = None, request_id: str | None = None
    ) -> Transfer:
        """Ask for an archive of what the viewer has now; while one is being made, return that one.

        Raises: Invalid for a key used for another request; NotFound when the key's archive has expired.
        """
        asked = replace(self._begun.new(viewer, Kind.TAKEOUT), position={_POSITION: Position().pack()})
        return self._begun.start(
            asked, lambda _: None, idempotency_key=idempotency_key, request_id=request_id
        )

    def fetch(self, viewer: Viewer, page: Page) -> Slice[Transfer]:
        """Return a page of the viewer's archives, the newest first."""
        return self._begun.fetch(viewer, Kind.TAKEOUT, page)

    def get(self, viewer: Viewer, id_: int) -> Transfer:
        """Return one of the viewer's archives.

        Raises: NotFound when there is none, or it has expired.
        """
        return self._begun.get(viewer, Kind.TAKEOUT, id_)

    def remove(self, viewer: Viewer, id_: int, *, request_id: str | None = None) -> None:
        """Remove one of the viewer's archives; one that is being made is not finished. May be repeated.

        Raises: NotFound when there is none.
        """
        self._begun.remove(viewer, Kind.TAKEOUT, id_, request_id=request_id)

    def get_done(self, viewer: Viewer, id_: int) -> Transfer:
        """Return one of the viewer's archives that can be downloaded.

        Raises: NotFound when there is none, or it has expired; Conflict before it is done, and where that failed.
        """
        found = self.get(viewer, id_)
        if found.state is not State.DONE:
            raise Conflict("This archive is not done; look at the export's state.", code="not_done")
        return found

    def read(self, takeout: Transfer, first: int, end: int) -> Iterator[bytes]:
        """Yield an archive's bytes from one on to before another, a chunk of at most 1 MiB at a time.

        Raises: Unavailable when a chunk is gone: the archive has been removed meanwhile.
        """
        while first < end:
            found = self._storage.read(partial(transfers.find_part, transfer=takeout, place=first))
            piece = b"" if found is None else found[1][first - found[0] : end - found[0]]
            if not piece:
                raise Unavailable("The archive has been removed.")
            yield piece
            first += len(piece)

    def step(self, takeout: Transfer) -> bool:
        """Write the next piece of an archive; return False when somebody else has, or the account takes no part."""
        account = self._storage.read(lambda tx: accounts.find(tx, takeout.account_id))
        if account is None or account.state is not AccountState.ACTIVE:
            return False
        writing = _Writing(takeout, Owner(account, takeout.id, self._cards, self._public_url), self._storage)
        is_last = writing.run()
        position = writing.piece.close()
        after = replace(
            takeout,
            items=takeout.items + writing.items,
            size=position.size,
            position={_POSITION: position.pack(), _PLACE: writing.place},
        )
        after = self._begun.ended(after, State.DONE) if is_last else after
        if not self._begun.advance(takeout, after, lambda tx: self._write(tx, takeout, after, writing)):
            return False
        if is_last:
            log.info(
                "takeout_done",
                account_id=after.account_id,
                transfer_id=after.id,
                items=after.items,
                bytes=after.size,
                steps=takeout.steps + 1,
            )
        return True

    def _write(self, tx: Session, before: Transfer, after: Transfer, writing: _Writing) -> None:
        data = bytes(writing.piece.data)
        for at in range(0, len(data), MAX_PART_BYTES):
            transfers.insert_part(tx, before, before.size + at, data[at : at + MAX_PART_BYTES])
        if after.state is State.DONE:
            event = MailEvent("export", after.account_id, None)
            self._outboxes.append(tx, after.account_id, event, request_id=None)


def files_done(takeout: Transfer) -> int:
    """Return how many files of an archive are written."""
    return len(Position.unpack(takeout.position[_POSITION]).entries)


class _Writing:
    """One step: the piece it writes, how many items are in it, and where the file that goes on is read next."""

    def __init__(self, takeout: Transfer, owner: Owner, storage: Storage) -> None:
        position = Position.unpack(takeout.position[_POSITION])
        done = {entry.name for entry in position.entries}
        self.piece = Piece(position, time_ms=takeout.created_ms)
        self.place: int | None = takeout.position.get(_PLACE)
        self.items = 0
        self._waiting = [file for file in FILES if file.name not in done]
        self._owner = owner
        self._storage = storage

    def run(self) -> bool:
        """Write until the step is long enough; return whether the archive has ended."""
        for _ in range(STEP_PARTS):
            if not self._waiting:
                self.piece.finish()
                return True
            if self.piece.raw >= STEP_BYTES:
                return False
            file = self._waiting[0]
            read, place = file.read, self.place
            self._add(file, self._storage.read(lambda tx: read(tx, self._owner, place)))  # noqa: B023 - run at once
        return False

    def _add(self, file: File, part: Part) -> None:
        if not self.piece.is_within_file:
            self.piece.begin(file.name)
            self.piece.add(file.head)
        for item in part.items:
            between = b",\n" if self.piece.file_size > len(file.head) else b""
            self.piece.add(between + orjson.dumps(item))
        self.items += len(part.items)
        self.place = part.next
        if part.next is None:
            self.piece.add(file.tail)
            self.piece.end()
            self._waiting.pop(0)
