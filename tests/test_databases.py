"""The database fixtures: each test finds what the migrations left, and nothing else, on every backend."""

import pytest

from twooter.storage.database import Storage


@pytest.mark.parametrize("_attempt", [1, 2, 3])
def test_a_test_never_sees_what_another_one_did(storage: Storage, _attempt: int) -> None:
    def count(table: str) -> int:
        return int(storage.database.execute_sql(f"SELECT COUNT(*) FROM {table}").fetchone()[0])  # noqa: S608 - of names written below

    assert count("node_leases") == 0
    assert count("accounts") == 2  # the built-in ones come with the first migration
    storage.database.execute_sql("INSERT INTO node_leases (node, holder, until_ms) VALUES (1, 'x', 1)")
    storage.database.execute_sql("DELETE FROM accounts")
    assert (count("node_leases"), count("accounts")) == (1, 0)


def test_the_fixture_opens_the_backend_it_names(storage: Storage, backend: str) -> None:
    assert storage.mysql is (backend != "sqlite")
