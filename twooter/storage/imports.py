"""Imports: how far each file has been read, kept beside the rows it became."""

from __future__ import annotations

from dataclasses import dataclass

from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, p
from twooter.storage.tables import Imports

_ensure = Insert(
    "import_ensure",
    Imports,
    ("account_id", "file_sha256", "line", "lines_sha256", "done"),
    duplicate="ignore",
)
_all = Statement(
    "imports_of_account",
    lambda: Imports.select(Imports.file_sha256, Imports.line, Imports.lines_sha256, Imports.done).where(
        Imports.account_id == p("account_id")
    ),
)
_move = Statement(
    "import_move",
    lambda: Imports.update(line=p("line"), lines_sha256=p("lines_sha256"), done=p("done")).where(
        (Imports.account_id == p("account_id"))
        & (Imports.file_sha256 == p("file_sha256"))
        & (Imports.line == p("former_line"))
        & (Imports.done == False)  # noqa: E712 - Peewee builds SQL from it
    ),
)


@dataclass(frozen=True, slots=True)
class Position:
    """A file by the SHA-256 of its bytes, the last line that is in, and the SHA-256 of the bytes up to there."""

    file_sha256: str
    line: int
    lines_sha256: str
    done: bool = False


def fetch(tx: Session, account_id: int) -> list[Position]:
    """Return every file an account has imported or begun to; there are as many as an operator typed commands."""
    return [Position(row[0], row[1], row[2], bool(row[3])) for row in tx.all(_all, account_id=account_id)]


def move(tx: Session, account_id: int, former: Position, now: Position) -> bool:
    """Go from one position of a file to another; return False when somebody else has moved it."""
    row = (account_id, former.file_sha256, former.line, former.lines_sha256, False)
    tx.insert(_ensure, [row])
    changed = tx.run(
        _move,
        account_id=account_id,
        file_sha256=former.file_sha256,
        former_line=former.line,
        line=now.line,
        lines_sha256=now.lines_sha256,
        done=now.done,
    )
    return changed == 1
