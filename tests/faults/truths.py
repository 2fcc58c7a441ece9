"""The truth: what a database holds, asked without the application, and whether the aggregates agree with it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.loads import TAG
from tests.processes import wait_until
from twooter.domain import grammar
from twooter.settings import Settings
from twooter.storage import hashtags
from twooter.storage.database import Storage
from twooter.wiring import wire


class Truth:
    """Asks one database; of the thread that made it."""

    def __init__(self, database_url: str) -> None:
        self.services = wire(Settings.model_validate({"database_url": database_url}))

    def count(self, sql: str, *values: object) -> int:
        """Return the number that a statement asks for."""
        with self.services.storage.calm():
            return int(self.services.storage.database.execute_sql(sql, values).fetchone()[0] or 0)

    def twoots(self) -> set[str]:
        """Return the id of every twoot."""
        rows = self.services.storage.database.execute_sql("SELECT id FROM twoots").fetchall()
        return {str(row[0]) for row in rows}

    def unsealed(self) -> int:
        """Return how many events are in no batch yet."""
        return self.count("SELECT COUNT(*) FROM outbox")

    def unfinished(self) -> int:
        """Return how many batches a consumer has not had yet."""
        return self.count("SELECT COUNT(*) FROM deliveries WHERE state = 'pending'")

    def applied(self) -> int:
        """Return how many events the aggregates hold."""
        return self.count(
            "SELECT SUM(b.events) FROM ledger l JOIN batches b ON b.id = l.batch_id WHERE l.consumer = 'aggregates'"
        )

    def waiting(self) -> set[int]:
        """Return the connections to this database that wait for a lock."""
        rows = self.services.storage.database.execute_sql(
            "SELECT p.id FROM information_schema.innodb_trx t"
            " JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id"
            " WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()"
        ).fetchall()
        return {row[0] for row in rows}

    @contextmanager
    def held(self, sql: str) -> Iterator[None]:
        """Hold the locks that a statement takes, from another connection."""
        storage = Storage.open(self.services.settings)
        storage.database.begin()
        storage.database.execute_sql(sql)
        try:
            yield
        finally:
            storage.close()

    def settle(self, *, seconds: float = 60) -> None:
        """Wait until every event has reached every consumer.

        Raises: TimeoutError.
        """
        wait_until(
            lambda: self.unsealed() == 0 and self.unfinished() == 0, seconds=seconds, what="an empty queue"
        )

    def uses(self, tag: str = TAG) -> int:
        """Return how often a hashtag was used, as its counter says."""
        found = self.services.storage.read(lambda tx: hashtags.find(tx, grammar.tag_key(tag)))
        return 0 if found is None else found.uses

    def assert_exact(self, acknowledged: list[str], *, seconds: float = 60) -> None:
        """Assert that every acknowledged twoot is there, once settled, and that all aggregates equal the twoots."""
        self.settle(seconds=seconds)
        there = self.twoots()
        assert set(acknowledged) <= there
        assert len(acknowledged) == len(set(acknowledged))
        report = self.services.audits.audit()
        assert report.complete
        assert not any(report.amounts.values()), report
        tag_id = self.count("SELECT id FROM hashtags WHERE name = 'load'")
        assert self.uses() == self.count(f"SELECT COUNT(*) FROM hashtag_entries WHERE tag_id = {tag_id}")  # noqa: S608 - a number
        assert self.uses() >= len(acknowledged)

    def __enter__(self) -> "Truth":
        return self

    def __exit__(self, *_: object) -> None:
        self.services.ids.release()
        self.services.storage.close()
