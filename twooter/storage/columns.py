"""Column types that mean the same on SQLite and on MySQL's kind."""

from __future__ import annotations

from typing import Any

from peewee import SQL, BigIntegerField, BlobField, CharField, Context, TextField


class BinaryChar(CharField):
    """Text compared byte by byte: general collations call all emoji equal, and `ß` equal to `s`."""

    def ddl_datatype(self, ctx: Context) -> SQL:
        """Return the column's type; MySQL needs its character set and collation beside it."""
        node = super().ddl_datatype(ctx)
        suffix = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" if ctx.state.quote == "``" else ""
        return SQL(node.sql + suffix)


class LongText(TextField):
    """Text of up to 16 MiB, compared byte by byte."""

    def ddl_datatype(self, ctx: Context) -> SQL:
        """Return the column's type; MySQL needs its character set and collation beside it."""
        return SQL(
            "MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" if ctx.state.quote == "``" else "TEXT"
        )


class LongBlob(BlobField):
    """Bytes, up to 16 MiB on MySQL."""

    def ddl_datatype(self, ctx: Context) -> SQL:
        """Return the column's type."""
        return SQL("MEDIUMBLOB" if ctx.state.quote == "``" else "BLOB")


def counter(**options: Any) -> BigIntegerField:  # Any: Peewee's field options
    """Return a signed counter that starts at 0."""
    return BigIntegerField(default=0, constraints=[SQL("DEFAULT 0")], **options)
