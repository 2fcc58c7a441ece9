"""ZIP archives written piece by piece: what was written stays as it is, and a few numbers tell how to go on.

Source: PKWARE's APPNOTE 6.3.10; RFC 1951 (deflate).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

MAX_BYTES = 2**32 - 1
"""Beyond this the form is another one, which nobody's own data has needed."""
_RAW_DEFLATE = -15
_VERSION, _DEFLATED = 20, 8
_SIZES_FOLLOW_AND_UTF8 = 0x0808
_LOCAL, _FOLLOWS, _CENTRAL, _END = 0x04034B50, 0x08074B50, 0x02014B50, 0x06054B50
_REGULAR_FILE = 0o100600 << 16
_MADE_ON_UNIX = 3 << 8


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive: its checksum, its sizes, and where in the archive it begins."""

    name: str
    at: int
    crc: int = 0
    compressed: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """How far an archive is written: its bytes, its finished files, and the one that goes on."""

    size: int = 0
    entries: tuple[Entry, ...] = ()
    current: Entry | None = None

    def pack(self) -> list[Any]:  # Any: JSON values
        """Return the position as JSON values."""
        current = None if self.current is None else _packed(self.current)
        return [self.size, [_packed(entry) for entry in self.entries], current]

    @classmethod
    def unpack(cls, packed: list[Any]) -> Position:  # Any: idem
        """Return the position that `pack` packed."""
        size, entries, current = packed
        return cls(
            size, tuple(Entry(*entry) for entry in entries), None if current is None else Entry(*current)
        )


class Piece:
    """The next piece of an archive, from a position on: `data` is what to append, `close` tells where it ends.

    A file may go on in the next piece: compressed data that ends on a whole byte, with nothing kept in mind, is
    followed by more of it as if it had been written at once. Whatever would make an archive of more than 4 GiB raises
    OverflowError.
    """

    def __init__(self, position: Position, *, time_ms: int) -> None:
        self.data = bytearray()
        self.raw = 0
        """Bytes that were added, before they were compressed."""
        self._begun = position.size
        self._position = position
        self._time = _dos_time(time_ms)
        self._deflate = zlib.compressobj(wbits=_RAW_DEFLATE)

    @property
    def is_within_file(self) -> bool:
        """Return whether a file has begun and not ended."""
        return self._position.current is not None

    @property
    def file_size(self) -> int:
        """Return how much the file that has begun holds, before it is compressed."""
        return self._current().size

    def begin(self, name: str) -> None:
        """Begin a file."""
        entry = Entry(name, self._end())
        self._position = replace(self._position, current=entry)
        self._deflate = zlib.compressobj(wbits=_RAW_DEFLATE)
        encoded = name.encode()
        head = (_LOCAL, _VERSION, _SIZES_FOLLOW_AND_UTF8, _DEFLATED, *self._time, 0, 0, 0, len(encoded), 0)
        self.data += struct.pack("<I5H3I2H", *head) + encoded

    def add(self, content: bytes) -> None:
        """Add to the file that has begun."""
        self.raw += len(content)
        entry = self._current()
        compressed = self._deflate.compress(content)
        self._grow(entry, compressed, crc=zlib.crc32(content, entry.crc), size=entry.size + len(content))

    def end(self) -> None:
        """End the file."""
        self._grow(self._current(), self._deflate.flush(zlib.Z_FINISH))
        entry = self._current()
        self.data += struct.pack("<4I", _FOLLOWS, entry.crc, entry.compressed, entry.size)
        self._position = replace(self._position, entries=(*self._position.entries, entry), current=None)

    def finish(self) -> None:
        """End the archive: the list of its files."""
        at = self._end()
        for entry in self._position.entries:
            self.data += self._listed(entry)
        count = len(self._position.entries)
        self.data += struct.pack("<I4H2IH", _END, 0, 0, count, count, self._end() - at, at, 0)

    def close(self) -> Position:
        """Return where the piece ends; nothing can be added to it then."""
        if self._position.current is not None:
            self._grow(self._position.current, self._deflate.flush(zlib.Z_FULL_FLUSH))
        return replace(self._position, size=self._end())

    def _current(self) -> Entry:
        if self._position.current is None:
            raise ValueError("no file has begun")
        return self._position.current

    def _grow(
        self, entry: Entry, compressed: bytes, *, crc: int | None = None, size: int | None = None
    ) -> None:
        self.data += compressed
        grown = replace(
            entry,
            crc=entry.crc if crc is None else crc,
            compressed=entry.compressed + len(compressed),
            size=entry.size if size is None else size,
        )
        if max(grown.size, self._end()) > MAX_BYTES:
            raise OverflowError("an archive of more than 4 GiB")
        self._position = replace(self._position, current=grown)

    def _end(self) -> int:
        return self._begun + len(self.data)

    def _listed(self, entry: Entry) -> bytes:
        name = entry.name.encode()
        made_by = _MADE_ON_UNIX | _VERSION
        head = (_CENTRAL, made_by, _VERSION, _SIZES_FOLLOW_AND_UTF8, _DEFLATED, *self._time)
        sizes = (entry.crc, entry.compressed, entry.size, len(name))
        return struct.pack("<I6H3I5H2I", *head, *sizes, 0, 0, 0, 0, _REGULAR_FILE, entry.at) + name


def _packed(entry: Entry) -> list[Any]:  # Any: JSON values
    return [entry.name, entry.at, entry.crc, entry.compressed, entry.size]


def _dos_time(time_ms: int) -> tuple[int, int]:
    """Return (time, date) of a UTC time as MS-DOS had them: from 1980 on, two seconds apart."""
    when = datetime.fromtimestamp(time_ms // 1000, UTC)
    clock = when.hour << 11 | when.minute << 5 | when.second // 2
    return clock, (when.year - 1980) << 9 | when.month << 5 | when.day
