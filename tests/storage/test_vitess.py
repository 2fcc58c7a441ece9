"""On a sharded Vitess: every statement is taken, and what goes to all shards says why; packets and migrations."""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import peewee
import pytest

from tests.conftest import VITESS_URL
from tests.databases import VitessDatabase
from twooter import storage as package
from twooter.domain.events import DeletionEvent, Envelope
from twooter.errors import NotFound
from twooter.settings import Settings
from twooter.storage import deletions, outbox, statements
from twooter.storage.database import Session, Storage
from twooter.storage.migrations import migrate, pending
from twooter.storage.statements import Insert, Statement, _Parameter

HERE, THERE = 1, 4
"""Accounts whose hashes are on different shards of two and more."""
_GATHERED_ELSEWHERE = {"fanout_followers_of_many"}
"""What has another way on a sharded database."""


@pytest.fixture(params=[VITESS_URL] if VITESS_URL else [], ids=["vitess"] if VITESS_URL else [])
def vitess(vitess_database: VitessDatabase) -> Iterator[Storage]:
    """Open the Vitess of TWOOTER_TEST_VITESS_URL, emptied; without one there is no parameter, and pytest skips."""
    url = vitess_database.fresh()
    opened = Storage.open(Settings.model_validate({"database_url": url, "database_sharded": True}))
    yield opened
    opened.close()


def _registered() -> list[Statement | Insert]:
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"twooter.storage.{module.name}")
    return list(statements.registry.values())


def _sample(statement: Statement | Insert, database: peewee.Database) -> tuple[str, list[Any]]:
    """Return a statement with values of the kind that it takes; a list has some of two shards."""
    if isinstance(statement, Insert):
        template = statement._numbers if isinstance(statement._numbers, str) else None
        width = template.count("%d") if template else len(statement.columns)
        return statement.text(database, [[value] * width for value in (HERE, THERE)])
    compiled, given = statement._compile(database), dict[str, Any]()
    for before, parameter in zip(compiled.pieces, compiled.parameters, strict=False):
        if isinstance(parameter, _Parameter):
            row = re.search(r"\(([^()]*,[^()]*)\) IN $", before)
            width = row[1].count(",") + 1 if row else 1
            many = [HERE, THERE] if width == 1 else [(value,) * width for value in (HERE, THERE)]
            given[parameter.name] = many if parameter.many else HERE
    return statement.text(database, given)


def _variants(plan: Any) -> Iterator[str]:  # Any: JSON
    if isinstance(plan, dict):
        if "Variant" in plan and "Keyspace" in plan:
            yield plan["Variant"]
        for value in plan.values():
            yield from _variants(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from _variants(value)


def test_vitess_takes_every_statement_and_scatters_none_without_a_reason(vitess: Storage) -> None:
    refused, scattered = {}, []
    for statement in _registered():
        sql, values = _sample(statement, vitess.database)
        try:
            (plan,) = vitess.database.execute_sql(f"VEXPLAIN PLAN {sql}", values).fetchone()
        except peewee.PeeweeException as ex:
            refused[statement.name] = str(ex)
            continue
        if "Scatter" in _variants(json.loads(plan)) and not getattr(statement, "scatter", None):
            scattered.append(statement.name)
    assert refused.keys() == _GATHERED_ELSEWHERE, refused
    assert not scattered


def test_migrations_are_applied_once_and_tables_are_where_the_vschema_says(vitess: Storage) -> None:
    assert pending(vitess) == []
    assert migrate(vitess) == []
    found = {"accounts": set[str](), "global": set[str]()}
    for (keyspace,) in vitess.database.execute_sql("SHOW KEYSPACES").fetchall():
        found[keyspace.rpartition("_")[2]] = set(vitess.database.get_tables(keyspace))
    assert {"twoots", "outbox", "twoot_shards"} <= found["accounts"]
    assert {"windows", "batches", "schema_migrations"} <= found["global"]
    assert not found["accounts"] & found["global"]


@pytest.mark.parametrize("fails", [True, False])
def test_a_transaction_over_shards_and_keyspaces_happens_or_does_not(vitess: Storage, fails: bool) -> None:  # noqa: FBT001 - a parameter of the test
    ledger = statements.registry["ledger_insert"]
    assert isinstance(ledger, Insert)

    def work(tx: Session) -> None:
        for account_id in (HERE, THERE):
            deletions.insert(tx, account_id, 1)
        tx.insert(ledger, [(1, "edges")])
        if fails:
            raise NotFound("account")

    def count(table: str) -> int:
        return int(vitess.database.execute_sql(f"SELECT COUNT(*) FROM {table}").fetchone()[0])  # noqa: S608 - of names written below

    with nullcontext() if not fails else pytest.raises(NotFound):
        vitess.transact(work)
    assert (count("deletions"), count("ledger")) == ((0, 0) if fails else (2, 1))


def test_an_account_that_takes_no_part_ends_the_packet_before_its_commit(vitess: Storage) -> None:
    event = Envelope(DeletionEvent(4_711), 1, None)
    with pytest.raises(NotFound), outbox.refusing_inactive():
        vitess.transact(lambda tx: outbox.append_of_active(tx, 4_711, 1, event), at_once=True)
    assert vitess.read(outbox.count) == 0


def test_what_one_relay_holds_another_one_skips(vitess: Storage) -> None:
    event = Envelope(DeletionEvent(HERE), 1, None)
    vitess.transact(lambda tx: outbox.append_many(tx, HERE, [(1, event)]))
    vitess.transact(lambda tx: outbox.append_many(tx, THERE, [(2, event)]))
    with ThreadPoolExecutor(1) as another:

        def work(tx: Session) -> tuple[int, ...]:
            taken = outbox.take(tx)
            assert another.submit(vitess.transact, lambda other: outbox.take(other).ids).result(30) == ()
            return taken.ids

        assert vitess.transact(work) == (1, 2)
        another.submit(vitess.close).result(30)
    assert vitess.read(outbox.count) == 0
