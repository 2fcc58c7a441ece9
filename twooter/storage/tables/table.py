"""What every table has: the column its rows are sharded by, or the word that it is global."""

from __future__ import annotations

from typing import ClassVar

from peewee import Model

GLOBAL = "global"


class Table(Model):
    """A table; `shard` names the column that decides where a row lives, or is `GLOBAL`."""

    shard: ClassVar[str] = GLOBAL
    looked_up: ClassVar[tuple[str, ...]] = ()
    """Columns by which Vitess looks up where a row lives, of those who know no more."""

    class Meta:
        """Table names are the snake_case of the classes."""

        legacy_table_names = False
