"""The database: one connection per thread, named statements, whole transactions tried again."""

from __future__ import annotations

import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import peewee

from twooter.errors import Unavailable
from twooter.logs import get_logger
from twooter.metrics import QUERY_ERRORS, TRANSACTION_RETRIES
from twooter.settings import Settings
from twooter.storage.connecting import connect
from twooter.storage.debts import Debts
from twooter.storage.failures import Failure, classify
from twooter.storage.statements import Insert, Question, Statement, bound

T = TypeVar("T")
Row = tuple[Any, ...]
Observer = Callable[[str, float, bool], None]
log = get_logger("storage")

MAX_ATTEMPTS = 4
MAX_WAITING = 100
"""Statements of one packet."""
RETRY_SECONDS = 3.0
"""Nothing is begun again later than this: whoever asks shall hear that the database is away before giving up."""
_UNCERTAIN = "The database went away while saving; look, or repeat with the same Idempotency-Key."
_open_storages: weakref.WeakSet[Storage] = weakref.WeakSet()


class _Text(NamedTuple):
    """SQL, its values, and the statement it is of: BEGIN and COMMIT are of none."""

    sql: str
    values: Sequence[Any]
    statement: Statement | Insert | None = None


_BEGIN, _COMMIT = _Text("BEGIN", ()), _Text("COMMIT", ())


class Session:
    """Runs statements on the calling thread's connection; made by `Storage`, not kept.

    Round trips are most of what a small transaction costs. On MySQL, BEGIN and what is left for later go in one packet
    with the next statement, and what is left at the end with COMMIT. The server stops at the first statement of a
    packet that fails, so COMMIT is reached by all of them or does not happen.
    """

    __slots__ = ("_database", "_debts", "_observers", "_waiting", "_waits")

    def __init__(
        self,
        database: peewee.Database,
        observers: Sequence[Observer],
        *,
        begins: bool = False,
        debts: Debts | None = None,
    ) -> None:
        self._database = database
        self._observers = observers
        self._debts = debts
        self._waits = begins
        self._waiting = [_BEGIN] if begins else []

    def all(self, statement: Statement, **given: Any) -> list[Row]:
        """Return every row."""
        return list(self._execute(statement, *statement.text(self._database, given)).fetchall())

    def ask(self, questions: Sequence[Question[Any]]) -> list[Any]:
        """Return what each question's rows mean; on MySQL's kind all are asked in one packet."""
        if self._debts is not None and self._debts.find() is not None:
            return self._debts.pay(self.ask, questions)
        if self._database.param != "%s" or len(questions) < 2:
            return [asked.meaning(self.all(asked.statement, **asked.given)) for asked in questions]
        self.flush()
        texts = [_Text(*q.statement.text(self._database, q.given), q.statement) for q in questions]
        found: list[list[Row]] = []
        self._send(texts, found)
        return [asked.meaning(rows) for asked, rows in zip(questions, found, strict=True)]

    def one(self, statement: Statement, **given: Any) -> Row | None:
        """Return the first row, or None."""
        row: Row | None = self._execute(statement, *statement.text(self._database, given)).fetchone()
        return row

    def run(self, statement: Statement, **given: Any) -> int:
        """Execute an UPDATE or DELETE; return how many rows it changed."""
        count: int = self._execute(statement, *statement.text(self._database, given)).rowcount
        return count

    def insert(self, insert: Insert, rows: Sequence[Sequence[Any]], *, step: int = 500) -> int:
        """Insert rows in steps; return the driver's count of rows (with `ignore`: how many were new)."""
        return sum(
            self._execute(insert, *insert.text(self._database, rows[i : i + step])).rowcount
            for i in range(0, len(rows), step)
        )

    def run_later(self, statement: Statement, **given: Any) -> None:
        """Execute an UPDATE or DELETE with the next statement, at the latest with COMMIT, which then raises for it."""
        self._later(statement, *statement.text(self._database, given))

    def insert_later(self, insert: Insert, rows: Sequence[Sequence[Any]], *, step: int = 500) -> None:
        """Insert rows with the next statement, at the latest with COMMIT, which then raises for them."""
        for i in range(0, len(rows), step):
            self._later(insert, *insert.text(self._database, rows[i : i + step]))

    def now_ms(self) -> int:
        """Return the database's clock, the one clock all processes share."""
        self.flush()
        mysql = self._database.param == "%s"
        sql = (
            "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)"
            if mysql
            else ("SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)")
        )
        return int(self._database.execute_sql(sql).fetchone()[0])

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Take back only what happened inside when it raises, unless the error has ended the whole transaction."""
        self.flush()
        point = self._database.savepoint()
        point.__enter__()
        try:
            yield
            self.flush()
        except BaseException as ex:
            self._waiting.clear()
            if not self.must_restart(ex):  # else the savepoint went with the transaction
                point.rollback(begin=False)
            raise
        point.commit(begin=False)

    @staticmethod
    def must_restart(ex: BaseException) -> bool:
        """Return whether an error has ended the whole transaction, so that only running it again helps."""
        return isinstance(ex, peewee.PeeweeException) and classify(ex) is not Failure.OTHER

    def flush(self) -> None:
        """Run what was left for later."""
        if self._waiting:
            self._send(self._waiting)

    def prove_connection(self) -> None:
        """Run what was left for later where nothing was run yet: a connection lost while idle is noticed before COMMIT,
        for one that is lost with COMMIT leaves us uncertain.
        """
        if len(self._waiting) > 1 and self._waiting[0] is _BEGIN:
            self.flush()

    def commit(self) -> None:
        """Commit, with what was left for later."""
        if not self._waiting:
            self._database.commit()
        elif self._waiting != [_BEGIN]:  # else nothing was asked for
            self._send([*self._waiting, _COMMIT])

    def _later(self, statement: Statement | Insert, sql: str, values: list[Any]) -> None:
        if not self._waits:
            self._execute(statement, sql, values)
            return
        if len(self._waiting) >= MAX_WAITING:
            self.flush()
        self._waiting.append(_Text(sql, values, statement))

    def _execute(
        self, statement: Statement | Insert, sql: str, values: list[Any]
    ) -> Any:  # Any: a DB-API cursor
        if self._debts is not None and self._debts.find() is not None:
            self.ask(())
        if self._waiting:
            return self._send([*self._waiting, _Text(sql, values, statement)])
        start = time.perf_counter()
        failed = True
        try:
            cursor = self._database.execute_sql(sql, values)
            failed = False
            return cursor
        finally:
            self._observe(statement, start, failed=failed)

    def _send(self, texts: Sequence[_Text], found: list[list[Row]] | None = None) -> Any:  # Any: idem
        """Run statements in one packet; return the cursor with the last one's answer, or have all rows in `found`."""
        self._waiting = []
        start, position, failed = time.perf_counter(), 0, True
        try:
            with peewee.__exception_wrapper__:  # type: ignore[attr-defined]  # not in Peewee's types; as its execute_sql does
                cursor = self._database.cursor()
                cursor.execute(";".join([bound(text.sql, text.values, cursor.mogrify) for text in texts]))
                if found is not None:
                    found.append(list(cursor.fetchall()))
                for position in range(1, len(texts)):
                    start = self._observe(texts[position - 1].statement, start, failed=False)
                    cursor.nextset()
                    if found is not None:
                        found.append(list(cursor.fetchall()))
            failed = False
            return cursor
        finally:
            self._observe(texts[position].statement, start, failed=failed)

    def _observe(self, statement: Statement | Insert | None, start: float, *, failed: bool) -> float:
        """Count the time of a statement that began at `start`; return when it ended."""
        end = time.perf_counter()
        if statement is not None:
            statement.observe(end - start)
            if failed:
                QUERY_ERRORS.labels(statement.name).inc()
            for observer in self._observers:
                observer(statement.name, end - start, failed)
        return end


class Storage:
    """A database, SQLite or of MySQL's kind.

    Sessions are of the calling thread. Every failure a caller need not tell apart leaves as `Unavailable`.
    """

    def __init__(self, database: peewee.Database, *, is_sharded: bool = False) -> None:
        self.database = database
        self.is_sharded = is_sharded
        self.observers: list[Observer] = []
        self.mysql: bool = database.param == "%s"
        self.debts = Debts()
        self._thread = threading.local()
        _open_storages.add(self)

    @classmethod
    def open(cls, settings: Settings) -> Storage:
        """Return the storage the settings name; connects at first use."""
        return cls(connect(settings), is_sharded=settings.database_sharded)

    def settle(self) -> None:
        """Ask what the calling thread owes, if it does."""
        if self.debts.find() is not None:
            self.read(lambda tx: tx.ask(()))

    def close(self) -> None:
        """Close the calling thread's connection."""
        self.database.close()

    @contextmanager
    def calm(self) -> Iterator[None]:
        """Turn failures of the database inside, of whatever is no matter of the statement, into `Unavailable`."""
        try:
            yield
        except peewee.PeeweeException as ex:
            if classify(ex) is Failure.OTHER:
                raise
            raise _unavailable(ex, "The database does not answer; try again.") from ex

    def read(self, work: Callable[[Session], T]) -> T:
        """Return what `work` returns, run without a transaction; tried once more on a lost connection.

        `work` must only read, for it may run twice.
        """
        with self.calm():
            return self._twice(lambda: work(Session(self.database, self.observers, debts=self.debts)))

    def transact(self, work: Callable[[Session], T], *, at_once: bool = False) -> T:
        """Return what `work` returns, committed as one transaction of one account or of global tables.

        `at_once` is for who has heard from the database on this thread a moment ago: what `work` leaves for later then
        goes in one packet with BEGIN and COMMIT, and a connection lost since is as uncertain as a lost COMMIT.

        On a deadlock, a lock timeout, a busy SQLite or a connection lost before COMMIT the whole `work` runs again, so
        it must touch nothing but its session. When COMMIT itself is lost nobody knows: that is `Unavailable`, and
        the caller's idempotency key or ledger finds out.
        """
        self.settle()
        with self.calm():
            last = time.monotonic() + RETRY_SECONDS
            for attempt in range(1, MAX_ATTEMPTS + 1):
                try:
                    return self._once(work, at_once=at_once and attempt == 1)
                except peewee.PeeweeException as ex:
                    kind = classify(ex)
                    if (
                        kind not in (Failure.AGAIN, Failure.LOST)
                        or attempt == MAX_ATTEMPTS
                        or time.monotonic() > last
                    ):
                        raise
                    TRANSACTION_RETRIES.labels(kind.value).inc()
                    if kind is Failure.AGAIN:
                        time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter, not a secret
            raise AssertionError("unreachable")

    def snapshot(self, work: Callable[[Session], T]) -> T:
        """Return what `work` reads from one consistent snapshot of the whole database; tried again as in `read`."""
        self.settle()
        with self.calm():
            return self._twice(lambda: self._in_snapshot(work))

    def _twice(self, reading: Callable[[], T]) -> T:
        last = time.monotonic() + RETRY_SECONDS
        try:
            return reading()
        except peewee.PeeweeException as ex:
            if classify(ex) is not Failure.LOST:
                raise
            self._drop()
            if time.monotonic() > last:
                raise
        return reading()

    def _in_snapshot(self, work: Callable[[Session], T]) -> T:
        if self.mysql:
            self.database.execute_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self.database.execute_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        else:
            self.database.execute_sql("BEGIN")
        try:
            return work(Session(self.database, self.observers))
        finally:
            self._rollback()

    def _once(self, work: Callable[[Session], T], *, at_once: bool) -> T:
        if getattr(self._thread, "busy", False):
            # a second BEGIN would commit half of the first; a node lease that ended in the middle may come here
            raise Unavailable(
                "A transaction would have begun within another; nothing was written, try again."
            )
        self._thread.busy = True
        try:
            return self._begin_and_commit(work, at_once=at_once)
        finally:
            self._thread.busy = False

    def _begin_and_commit(self, work: Callable[[Session], T], *, at_once: bool) -> T:
        if not self.mysql:
            self._begin()
        session = Session(self.database, self.observers, begins=self.mysql)
        try:
            result = work(session)
            if not at_once:
                session.prove_connection()
        except BaseException:
            self._rollback()
            raise
        try:
            session.commit()
        except peewee.PeeweeException as ex:
            self._rollback()
            if classify(ex) is Failure.LOST:
                raise _unavailable(ex, _UNCERTAIN) from ex
            raise
        except BaseException:
            self._drop()  # interrupted by a signal: whatever is left of the transaction must not meet the next one
            raise
        return result

    def _begin(self) -> None:
        try:
            self.database.begin()
        except peewee.PeeweeException as ex:
            if classify(ex) is not Failure.AGAIN:  # a busy SQLite has done nothing to the connection
                self._drop()
            raise

    def _rollback(self) -> None:
        try:
            self.database.rollback()
        except peewee.PeeweeException:
            self._drop()  # a broken connection has rolled back by itself
        except BaseException:
            self._drop()  # as above
            raise

    def _drop(self) -> None:
        try:
            self.database.close()
        except peewee.PeeweeException as ex:
            log.debug("close_failed", error=type(ex).__name__)


def _unavailable(ex: peewee.PeeweeException, detail: str) -> Unavailable:
    number = ex.args[0] if ex.args and isinstance(ex.args[0], int) else None
    log.warning("database_unavailable", failure=classify(ex).value, error=type(ex).__name__, number=number)
    return Unavailable(detail)


def _forget_connections() -> None:
    """Drop inherited connections in a forked child without talking on them: they belong to the parent."""
    for storage in list(_open_storages):
        storage.database.dispose()


os.register_at_fork(after_in_child=_forget_connections)
