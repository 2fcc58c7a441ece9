"""Statements: built once with Peewee, kept as text per dialect, executed by name with parameters.

Building SQL is most of what a Peewee query costs; a statement pays it once. Its name is what query times and rules
speak of, and since every statement is registered here, the rule tests can read all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import orjson
import peewee

from twooter.metrics import statement_times

T = TypeVar("T")
registry: dict[str, Statement | Insert] = {}


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    many: bool


def p(name: str) -> peewee.Value:
    """Return the place of a single value given at execution."""
    return peewee.Value(_Parameter(name, many=False), converter=False)


def each(name: str) -> peewee.Value:
    """Return the place of a list of values, for `field.in_(each("ids"))`; the list must not be empty."""
    return peewee.Value(_Parameter(name, many=True), converter=False)


def in_rows(fields: Iterable[peewee.Field], name: str) -> peewee.Expression:
    """Return `(a, b) IN (…)` over a list of tuples given at execution."""
    return peewee.Expression(peewee.EnclosedNodeList(list(fields)), "IN", each(name))


def packed(*fields: peewee.Node) -> peewee.Function:
    """Return fields as one JSON array, for the rows of hot pages: a driver takes its time for each column.

    Texts and whole numbers only; `orjson.loads` unpacks them.
    """
    return peewee.fn.JSON_ARRAY(*fields)


def bound(sql: str, values: Sequence[Any], quote: Callable[[str, Sequence[Any]], str]) -> str:
    """Return a statement with its values in it; `quote` is the driver's, which takes its time for whole numbers."""
    if all(type(value) is int for value in values):
        return sql % tuple(values)
    return quote(sql, values)


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """A statement with what it is given, and what its rows mean; several may be asked in one round trip."""

    statement: Statement
    given: Mapping[str, Any]
    meaning: Callable[[list[tuple[Any, ...]]], T]


class _Constant(NamedTuple):
    value: Any  # Any: whatever a query was built with
    many: bool = False


class _Compiled(NamedTuple):
    pieces: tuple[str, ...]
    parameters: tuple[_Parameter | _Constant, ...]
    fixed: str | None  # the whole text, when no list changes it


class Statement:
    """A named SELECT, UPDATE or DELETE.

    `lock` is appended on MySQL only (SQLite has one writer anyway). `scatter` gives the reason why the statement does
    not name its table's shard key; without it a rule test insists that it does. `by` is an index of its first table
    that MySQL's kind has to go by, where its planner thinks longer than it reads.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[], peewee.Query],
        *,
        lock: str = "",
        scatter: str | None = None,
        by: str = "",
    ) -> None:
        if name in registry:
            raise ValueError(f"two statements are named {name}")
        self.name, self.scatter = name, scatter
        self._build, self._lock, self._by = build, lock, by
        self._texts: dict[str, _Compiled] = {}
        self.observe = statement_times(name)
        registry[name] = self

    def text(self, database: peewee.Database, given: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """Return SQL and values for the named parameters."""
        compiled = self._texts.get(database.param)
        if compiled is None:
            compiled = self._texts[database.param] = self._compile(database)
        if compiled.fixed is not None:
            return compiled.fixed, [
                given[x.name] if type(x) is _Parameter else x.value  # type: ignore[union-attr]  # told apart by type()
                for x in compiled.parameters
            ]
        return _spread(compiled, database.param, given)

    def _compile(self, database: peewee.Database) -> _Compiled:
        sql, values = database.get_sql_context().sql(self._build()).query()
        if self._lock and database.for_update:
            sql = f"{sql} {self._lock}"
        if self._by and database.param == "%s":
            behind = " INNER JOIN " if " INNER JOIN " in sql else " WHERE "
            sql = sql.replace(behind, f" FORCE INDEX ({self._by}){behind}", 1)
        parameters = tuple(v if isinstance(v, _Parameter) else _Constant(v) for v in values)
        fixed = None if any(x.many for x in parameters) else sql
        return _Compiled(tuple(sql.split(database.param)), parameters, fixed)


def _spread(compiled: _Compiled, mark: str, given: Mapping[str, Any]) -> tuple[str, list[Any]]:
    sql, values = [compiled.pieces[0]], []
    for piece, parameter in zip(compiled.pieces[1:], compiled.parameters, strict=True):
        if isinstance(parameter, _Constant):
            values.append(parameter.value)
            sql.append(mark)
        elif parameter.many:
            sql.append(_marks(given[parameter.name], mark, values))
        else:
            values.append(given[parameter.name])
            sql.append(mark)
        sql.append(piece)
    return "".join(sql), values


def _marks(items: Sequence[Any], mark: str, values: list[Any]) -> str:
    if not items:
        raise ValueError("a list parameter must not be empty")
    first = items[0]
    if type(first) is int:
        return f"({_numbers(items)})"
    if not isinstance(first, tuple):
        values.extend(items)
        return "(" + ",".join([mark] * len(items)) + ")"
    if all(type(value) is int for value in first):
        rows = _numbers(items)
    else:
        values.extend(chain.from_iterable(items))
        rows = ",".join(["(" + ",".join([mark] * len(first)) + ")"] * len(items))
    return f"(VALUES {rows})" if mark == "?" else f"({rows})"  # SQLite compares rows with a table only


def _numbers(items: Sequence[int] | Sequence[Sequence[int]]) -> str:
    """Return whole numbers, or rows of them in parentheses, as SQL: drivers take thirty times as long.

    Raises: TypeError for anything else.
    """
    text = orjson.dumps(items)
    if text.translate(None, _OF_NUMBERS):
        raise TypeError("only whole numbers may be written into SQL")
    return text[1:-1].translate(_PARENTHESES).decode()


_OF_NUMBERS = b"-0123456789,[]"
_PARENTHESES = bytes.maketrans(b"[]", b"()")


Assignment = Literal["add", "set", "max", "newer"]
"""What becomes of a column of a row that is there; `newer` sets it where the new row's `version` is greater."""


class Insert:
    """A named INSERT of many rows: fails on a duplicate, ignores it, or changes the row that is there.

    SQLite wants a conflict target and MySQL refuses one; MySQL 8's row alias fails on MariaDB, `VALUES()` works on
    both.
    With `numbers` every value is an integer, and rows are written as SQL at a tenth of what a driver takes; a text
    says how a row with constants beside its numbers is written, as `(%d, '', %d)`.
    """

    def __init__(
        self,
        name: str,
        table: type[peewee.Model],
        columns: Sequence[str],
        *,
        duplicate: Literal["fail", "ignore"] | Mapping[str, Assignment] = "fail",
        numbers: bool | str = False,
    ) -> None:
        if name in registry:
            raise ValueError(f"two statements are named {name}")
        self.name, self.columns = name, tuple(columns)
        self.table, self._duplicate = table, duplicate
        self._numbers = numbers
        self._texts: dict[str, tuple[str, str, str]] = {}
        self.observe = statement_times(name)
        registry[name] = self

    def text(self, database: peewee.Database, rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
        """Return SQL and values for rows in the order of `columns`."""
        found = self._texts.get(database.param)
        if found is None:
            found = self._texts[database.param] = self._compile(
                mysql=database.param == "%s", mark=database.param
            )
        head, row, tail = found
        if self._numbers is True:
            return head + _numbers(rows) + tail, []
        if self._numbers:
            # `%d` refuses whatever is no number
            return head + ",".join([self._numbers % tuple(values) for values in rows]) + tail, []
        return head + ",".join([row] * len(rows)) + tail, [value for each_row in rows for value in each_row]

    def _compile(self, *, mysql: bool, mark: str) -> tuple[str, str, str]:
        quote = "`" if mysql else '"'
        names = ", ".join(f"{quote}{c}{quote}" for c in self.columns)
        # the names are the tables' own; values are parameters, or numbers that `%d` has made sure of
        head = f"INSERT INTO {quote}{self.table._meta.table_name}{quote} ({names}) VALUES "  # noqa: S608 - see above
        return head, "(" + ", ".join([mark] * len(self.columns)) + ")", self._on_duplicate(quote, mysql=mysql)

    def _on_duplicate(self, quote: str, *, mysql: bool) -> str:
        if self._duplicate == "fail":
            return ""
        if self._duplicate == "ignore":
            # not INSERT IGNORE, which would also hide values that do not fit
            return (
                f" ON DUPLICATE KEY UPDATE `{self._idle()}` = `{self._idle()}`"
                if mysql
                else " ON CONFLICT DO NOTHING"
            )
        new = (lambda c: f"VALUES(`{c}`)") if mysql else (lambda c: f'excluded."{c}"')
        greatest = "GREATEST" if mysql else "MAX"
        version = f"{quote}{self.table._meta.table_name}{quote}.{quote}version{quote}"
        sets = []
        for column, how in self._duplicate.items():
            old = f"{quote}{self.table._meta.table_name}{quote}.{quote}{column}{quote}"
            value = {
                "set": new(column),
                "add": f"{old} + {new(column)}",
                "max": f"{greatest}({old}, {new(column)})",
                "newer": f"CASE WHEN {new('version')} > {version} THEN {new(column)} ELSE {old} END",
            }[how]
            sets.append(f"{quote}{column}{quote} = {value}")
        if mysql:
            return " ON DUPLICATE KEY UPDATE " + ", ".join(sets)
        target = ", ".join(f'"{k.column_name}"' for k in self.table._meta.get_primary_keys())
        return f" ON CONFLICT ({target}) DO UPDATE SET " + ", ".join(sets)

    def _idle(self) -> str:
        """Return a column that may be set to itself: Vitess refuses those that say on which shard a row is."""
        placing = {getattr(self.table, "shard", None), *getattr(self.table, "looked_up", ())}
        keys: list[str] = [key.column_name for key in self.table._meta.get_primary_keys()]
        return next(column for column in (*keys, *reversed(self.columns)) if column not in placing)
