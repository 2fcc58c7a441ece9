"""Imports: files of messages, read in blocks that are in as a whole or not at all, resumed where they stood."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from twooter.domain import grammar
from twooter.domain import ids as id_rules
from twooter.domain import imports as rules
from twooter.domain.grammar import Hashtag
from twooter.domain.imports import Row
from twooter.errors import Conflict
from twooter.services.archives import Archives, Post
from twooter.services.ids import Ids
from twooter.storage import imports
from twooter.storage.database import Session, Storage
from twooter.storage.imports import Position

Progress = Callable[[int], None]
"""Called with the number of bytes read since the last call."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: rows written, the line it went on after (0: from the start), whether all was in before."""

    rows: int
    after_line: int
    is_repeated: bool


class _Lines:
    """Lines of a file, counted and hashed as they are read."""

    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self._file = file
        self._progress = progress
        self.sha256 = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for line in self._file:
            self.sha256.update(line)
            self._progress(len(line))
            yield line


class Imports:
    """Imports files into the built-in account `imported`."""

    def __init__(self, storage: Storage, ids: Ids, archives: Archives) -> None:
        self._storage = storage
        self._ids = ids
        self._archives = archives

    def load(self, file: BinaryIO, progress: Progress) -> Imported:
        """Import a file that can be read twice; may be stopped at any time and called again.

        A file that stopped at a bad line goes on behind its last good block once the line is mended, for its
        beginning is still the same.

        Raises: Invalid naming the first bad line, whose block is not written; Conflict when somebody else imports the
        same file.
        """
        position = self._find(file)
        if position.done:
            return Imported(0, position.line, is_repeated=True)
        after_line, count = position.line, 0
        file.seek(0)
        lines = _Lines(file, progress)
        for block in rules.blocks(rules.read(lines, self._ids.now_ms(), after_line=after_line)):
            position = self._write(position, block, lines.sha256.hexdigest())
            count += len(block)
        done = replace(position, done=True)
        self._storage.transact(lambda tx: _move(tx, position, done))
        return Imported(count, after_line, is_repeated=False)

    def _find(self, file: BinaryIO) -> Position:
        """Return where the file stands: its own position, or that of an unfinished one that begins the same."""
        known = self._storage.read(lambda tx: imports.fetch(tx, id_rules.IMPORTED_ID))
        unfinished = {(p.line, p.lines_sha256) for p in known if not p.done}
        wanted = {line for line, _ in unfinished}
        file.seek(0)
        digest, same = hashlib.sha256(), (0, "")
        for number, line in enumerate(file, 1):
            digest.update(line)
            if number in wanted and (number, digest.hexdigest()) in unfinished:
                same = (number, digest.hexdigest())
        sha256 = digest.hexdigest()
        own = next((p for p in known if p.file_sha256 == sha256), None)
        return own if own is not None else Position(sha256, *same)

    def _write(self, position: Position, block: Sequence[Row], lines_sha256: str) -> Position:
        now = replace(position, line=block[-1].line, lines_sha256=lines_sha256)
        posts = [_post(row) for row in block]
        self._archives.add(id_rules.IMPORTED_ID, posts, also=lambda tx: _move(tx, position, now))
        return now


def _move(tx: Session, former: Position, now: Position) -> None:
    if not imports.move(tx, id_rules.IMPORTED_ID, former, now):
        raise Conflict("Somebody else is importing this file; wait until it is done.", code="import_running")


def _post(row: Row) -> Post:
    if row.tag:
        return Post(row.time_ms, row.text, row.tag, (Hashtag(grammar.tag_key(row.tag), row.tag),))
    return Post(row.time_ms, row.text, None, grammar.parse(row.text).hashtags)
