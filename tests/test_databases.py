"""The database fixtures: each test finds a migrated, empty database, on every backend."""

import pytest

from twooter.storage.database import Storage


@pytest.mark.parametrize("_attempt", [1, 2, 3])
def test_a_test_never_sees_what_another_one_wrote(storage: Storage, _attempt: int) -> None:
    assert storage.database.execute_sql("SELECT COUNT(*) FROM node_leases").fetchone() == (0,)
    storage.database.execute_sql("INSERT INTO node_leases (node, holder, until_ms) VALUES (1, 'x', 1)")
    assert storage.database.execute_sql("SELECT COUNT(*) FROM node_leases").fetchone() == (1,)
