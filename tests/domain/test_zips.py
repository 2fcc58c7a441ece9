"""ZIP archives in pieces: whatever the pieces, the archive is one that everybody reads."""

import io
import zipfile

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twooter.domain import zips
from twooter.domain.zips import Piece, Position

MADE_MS = 1_795_000_000_000
Step = tuple[str, bytes]


def write(files: dict[str, list[bytes]], cuts: set[int]) -> bytes:
    """Return an archive of files in parts, written in pieces: a new one begins after each step in `cuts`."""
    steps: list[Step] = []
    for name, parts in files.items():
        steps += [("begin", name.encode()), *(("add", part) for part in parts), ("end", b"")]
    steps.append(("finish", b""))
    whole, position = b"", Position()
    piece = Piece(position, time_ms=MADE_MS)
    for number, (what, value) in enumerate(steps):
        if what == "begin":
            piece.begin(value.decode())
        elif what == "add":
            piece.add(value)
        else:
            getattr(piece, what)()
        if number in cuts:
            position = piece.close()
            whole += bytes(piece.data)
            kept = orjson.loads(orjson.dumps(position.pack()))  # as it is kept in a row
            piece = Piece(Position.unpack(kept), time_ms=MADE_MS)
    position = piece.close()
    whole += bytes(piece.data)
    assert position.size == len(whole)
    return whole


@given(
    files=st.dictionaries(
        st.sampled_from(["a.json", "b.json", "müll.json", "d.json"]),
        st.lists(st.binary(max_size=300) | st.text(max_size=50).map(lambda t: t.encode() * 40), max_size=5),
        min_size=1,
    ),
    cuts=st.sets(st.integers(0, 30)),
)
def test_an_archive_in_any_pieces_holds_its_files(files: dict[str, list[bytes]], cuts: set[int]) -> None:
    with zipfile.ZipFile(io.BytesIO(write(files, cuts))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == list(files)
        for name, parts in files.items():
            assert archive.read(name) == b"".join(parts)
            assert archive.getinfo(name).date_time == (2026, 11, 18, 11, 6, 40)


def test_what_does_not_fit_the_form_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "MAX_BYTES", 2000)
    piece = Piece(Position(), time_ms=MADE_MS)
    piece.begin("a.json")
    with pytest.raises(OverflowError):
        piece.add(b"a" * 2001)
