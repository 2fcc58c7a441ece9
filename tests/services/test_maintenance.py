"""What is too old goes, in small steps, and nothing else does."""

from collections.abc import Callable

import pytest

from tests.services.happenings import History, actual, expected, rows
from twooter.domain import ids
from twooter.domain.windows import DAY_MS, HOUR_MS
from twooter.services.house import Services
from twooter.storage import maintenance, outbox, timings
from twooter.storage.tables import (
    Batches,
    Deliveries,
    HashtagWindows,
    IdempotencyKeys,
    KnownNetworks,
    Ledger,
    Mutes,
    ScheduleClaims,
    Timings,
    Tokens,
    TopTags,
    Windows,
)


def put(services: Services, table: str, columns: str, *values: tuple[object, ...]) -> None:
    """Insert rows as they are."""
    quote, mark = ("`", "%s") if services.storage.mysql else ('"', "?")
    names = ", ".join(f"{quote}{name}{quote}" for name in columns.split())
    marks = ", ".join([mark] * len(columns.split()))
    for row in values:
        services.storage.database.execute_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)  # noqa: S608 - names are the test's


@pytest.mark.parametrize("step", [1, 2, 500])
def test_old_rows_go_and_new_ones_stay(
    services: Services, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(maintenance, "STEP", step)
    now = services.ids.now_ms()
    old_minute, old_hour, new = now - 49 * HOUR_MS, now - 91 * DAY_MS, now - HOUR_MS
    minutes = [(1, old_minute), (1, old_minute - 1), (1, new), (2, old_minute), (2, old_hour), (3, 5), (5, 5)]
    put(services, "windows", "unit start_ms", *minutes)
    put(
        services,
        "hashtag_windows",
        "unit start_ms tag_id",
        *((*row, tag) for row in minutes for tag in (1, 2)),
    )
    tops = [(2, old_hour, 0, 1, 1), (2, new, 0, 1, 1), (3, 5, 0, 1, 1)]
    put(services, "top_tags", "unit start_ms rank tag_id uses", *tops)
    for kind in (timings.REQUESTS, timings.QUERIES):
        put(services, "timings", "kind unit start_ms name", *((kind, *row, "x") for row in minutes))
    keys = [(1, "a", "", 1, now - 25 * HOUR_MS), (1, "b", "", 1, new)]
    put(services, "idempotency_keys", "account_id key request_sha256 resource_id created_ms", *keys)
    bearers = [(1, 1, "", 0, now - 1, 0, ""), (1, 2, "", 0, now + HOUR_MS, 0, "")]
    columns = "account_id id secret_sha256 created_ms expires_ms last_used_ms user_agent"
    put(services, "tokens", columns, *bearers)
    places = [(1, "a", now - 181 * DAY_MS), (1, "b", now - 179 * DAY_MS), (2, "a", now - 181 * DAY_MS)]
    put(services, "known_networks", "account_id network last_used_ms", *places)
    mutes = [(1, 2, 3, now - 1), (1, 3, 4, now + HOUR_MS), (1, 4, 5, None)]
    put(services, "mutes", "account_id target_id edge_id until_ms", *mutes)
    claims = [("a", now - 25 * HOUR_MS), ("a", new), ("repair", ids.first_at(now))]
    put(services, "schedule_claims", "task slot_ms", *claims)
    removed = services.maintenance.prune()
    kept = [(1, new), (2, old_minute), (3, 5), (5, 5)]
    assert rows(services, Windows, "unit", "start_ms") == kept
    assert rows(services, HashtagWindows, "unit", "start_ms", "tag_id") == [
        (*k, tag) for k in kept for tag in (1, 2)
    ]
    assert rows(services, TopTags, "unit", "start_ms") == [(2, new), (3, 5)]
    assert rows(services, Mutes, "target_id") == [(3,), (4,)]
    assert rows(services, Timings, "unit", "start_ms") == sorted(kept * 2)
    assert rows(services, IdempotencyKeys, "key") == [("b",)]
    assert rows(services, Tokens, "id") == [(2,)]
    assert rows(services, KnownNetworks, "account_id", "network") == [(1, "b")]
    assert rows(services, ScheduleClaims, "task", "slot_ms") == [("a", new), ("repair", ids.first_at(now))]
    assert removed == {
        "windows": 3, "hashtag_windows": 6, "top_tags": 1, "timings": 6,
        "idempotency_keys": 1, "tokens": 1, "known_networks": 2, "mutes": 1, "schedule_claims": 1,
    }  # fmt: skip
    assert not services.maintenance.prune()


def test_batches_go_when_every_consumer_is_done_and_their_ledger_a_day_later(services: Services) -> None:
    now = services.ids.now_ms()
    done, waiting, recent, ancient = (ids.first_at(now - hours * HOUR_MS) for hours in (73, 74, 71, 97))
    batches = (done, waiting, recent, ancient)
    put(services, "batches", "id events payload", *((batch, 0, b"[]") for batch in batches))
    for consumer in ("aggregates", "edges"):
        state = outbox.PENDING if consumer == "edges" else outbox.DONE
        put(
            services,
            "deliveries",
            "batch_id consumer state attempts sent_ms",
            *((batch, consumer, state if batch == waiting else outbox.PARKED, 1, 0) for batch in batches),
        )
    put(services, "ledger", "consumer batch_id", *(("aggregates", batch) for batch in batches))
    services.maintenance.prune()
    assert rows(services, Batches, "id") == [(waiting,), (recent,)]
    assert {row[0] for row in rows(services, Deliveries, "batch_id")} == {waiting, recent}
    assert {row[0] for row in rows(services, Ledger, "batch_id")} == {done, waiting, recent}


def test_pruning_makes_no_drift(services: Services, drain: Callable[[], None]) -> None:
    history = History(services)
    now, someone = services.ids.now_ms(), history.join()
    for hours in (1, 40, 49, 30 * 24, 91 * 24, 400 * 24):
        history.archive(someone, now - hours * HOUR_MS, "then #tea")
    drain()
    services.maintenance.prune()
    assert services.audits.audit().amounts == {}
    assert actual(services) == expected(services)
