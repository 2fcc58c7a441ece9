"""Figures: what the exporter tells of database and broker, and that it tells nothing it does not know."""

import threading
from collections.abc import Callable, Iterator

import pytest

from tests.services.happenings import History, person
from tests.test_metrics import Samples, exposed
from twooter import metrics
from twooter.domain.actions import Kind as Action
from twooter.domain.drifts import Kind
from twooter.domain.moderation import Reason
from twooter.domain.queues import QueueFigures
from twooter.domain.twoots import Draft
from twooter.services import figures
from twooter.services.figures import keep_measuring, measure_broker, measure_database
from twooter.services.house import Services
from twooter.services.outboxes import CONSUMERS
from twooter.services.reports import Complaint
from twooter.storage import reports
from twooter.storage.outcomes import PROBE
from twooter.storage.schedules import raise_fence

pytestmark = pytest.mark.usefixtures("one_hour")  # what happens is counted by window

Drain = Callable[[], None]
_ALL = (*figures._OF_DATABASE, *figures._OF_BROKER)
MINUTE = 60_000


@pytest.fixture(autouse=True)
def unknown() -> Iterator[None]:
    """Let no figure be known before and after a test."""
    metrics.tell(_ALL, [])
    yield
    metrics.tell(_ALL, [])


def told() -> Samples:
    names = {figure._name for figure in _ALL}
    return {key: value for key, value in exposed(metrics.exposition().decode()).items() if key[0] in names}


def measured(services: Services) -> dict[str, float]:
    """Measure, and return the samples by name, with the value of their label after a colon."""
    measure_database(services.storage)
    return {
        ":".join([name.removeprefix("twooter_"), *(value for _, value in labels)]): value
        for (name, labels), value in told().items()
    }


def age(services: Services, table: str, column: str, age_ms: int, *, shift: int = 0) -> None:
    """Let rows be older than they are."""
    services.storage.database.execute_sql(f"UPDATE {table} SET {column} = {column} - {age_ms << shift}")  # noqa: S608 - our own names


def test_an_empty_instance_has_zeros_and_no_word_of_what_never_happened(services: Services) -> None:
    found = measured(services)
    assert found.pop("database_reachable") == 1
    assert 0 < found.pop("database_ping_seconds") < 5
    assert found.pop("schema_version") >= 3
    assert set(found.values()) == {0}
    assert {name for name in found if ":" not in name} == {
        *("schema_pending_migrations", "outbox_oldest_seconds", "outbox_rows"),
        *("twoots_per_minute", "twoots_today", "new_accounts_today", "active_accounts_today"),
        "participants_today",
        *("reports_open", "report_oldest_seconds", "scheduled_overdue_seconds"),
    }
    assert {f"unfinished_batches:{consumer}" for consumer in CONSUMERS} <= found.keys()


def test_what_waits_is_counted_and_aged_until_it_is_done(services: Services, drain: Drain) -> None:
    history = History(services)
    for _ in range(3):
        history.publish(history.join(), "#tea")
    rows = services.storage.database.execute_sql("SELECT COUNT(*) FROM outbox").fetchone()[0]
    age(services, "outbox", "id", 90_000, shift=22)
    found = measured(services)
    assert found["outbox_rows"] == rows >= 3
    assert found["outbox_oldest_seconds"] == pytest.approx(90, abs=30)

    services.outboxes.seal()
    for table, column in (("batches", "id"), ("deliveries", "batch_id")):
        age(services, table, column, 45_000, shift=22)
    found = measured(services)
    assert (found["outbox_rows"], found["outbox_oldest_seconds"]) == (0, 0)
    assert found["unfinished_batches:aggregates"] == 1
    assert found["unfinished_oldest_seconds:aggregates"] == pytest.approx(45, abs=30)
    assert (found["unfinished_batches:deletions"], found["unfinished_oldest_seconds:deletions"]) == (0, 0)

    for delivery in services.outboxes.overdue():
        services.batches.run(delivery.consumer, delivery.batch_id)
    services.storage.database.execute_sql("UPDATE deliveries SET state = 'done'")
    assert measured(services)["unfinished_batches:aggregates"] == 0


def test_what_is_parked_is_counted_by_consumer(services: Services) -> None:
    columns = "consumer, batch_id, position, event, error, parked_ms"
    insert = f"INSERT INTO parked_events ({columns}) VALUES ('{{}}', 1, {{}}, 'x', 'x', 1)"  # noqa: S608 - our own names
    for consumer, position in (("edges", 1), ("edges", 2), ("mails", 1)):
        services.storage.database.execute_sql(insert.format(consumer, position))
    found = measured(services)
    assert [found[f"parked_events:{name}"] for name in ("aggregates", "edges", "mails")] == [0, 2, 1]


def test_reports_that_wait_are_counted_and_the_oldest_aged_until_they_are_resolved(
    services: Services,
) -> None:
    reported, others = person(services), [person(services) for _ in range(3)]
    made = [
        services.reports.file(who, Complaint(reported.account_id, None, Reason.SPAM, "")) for who in others
    ]
    age(services, "reports", "open_id", 3_600_000, shift=22)
    found = measured(services)
    assert found["reports_open"] == 3
    assert found["report_oldest_seconds"] == pytest.approx(3600, abs=30)
    for one in made:
        services.storage.transact(
            lambda tx, one=one: reports.resolve(  # type: ignore[misc]  # a default binds the loop's variable
                tx, reported.account_id, one.id, resolver_id=others[0].account_id, resolved_ms=1, note=""
            )
        )
    found = measured(services)
    assert (found["reports_open"], found["report_oldest_seconds"]) == (0, 0)


def test_a_scheduled_twoot_is_overdue_when_nobody_publishes_it(services: Services) -> None:
    author = person(services)
    at_ms = services.ids.now_ms() + 3_600_000
    services.scheduled_twoots.schedule(author, Draft("later"), at_ms)
    assert measured(services)["scheduled_overdue_seconds"] == 0
    age(services, "scheduled_twoots", "due_ms", 3_600_000 + 90_000)
    assert measured(services)["scheduled_overdue_seconds"] == pytest.approx(90, abs=30)
    assert services.publications.sweep() == 1
    assert measured(services)["scheduled_overdue_seconds"] == 0


def test_the_age_of_a_task_is_that_of_its_newest_slot(services: Services) -> None:
    services.schedules.claim("twooter.tests.often", 1)
    services.storage.transact(lambda tx: raise_fence(tx, "repair", services.ids.make()))
    age(services, "schedule_claims", "slot_ms", 10 * MINUTE)
    services.storage.transact(lambda tx: raise_fence(tx, "repair", services.ids.make()))
    services.schedules.claim("twooter.tests.seldom", 1)
    found = measured(services)
    assert found["schedule_claim_age_seconds:twooter.tests.often"] == pytest.approx(600, abs=30)
    assert found["schedule_claim_age_seconds:twooter.tests.seldom"] < 60
    assert len([name for name in found if name.startswith("schedule_claim")]) == 2
    services.schedules.claim("twooter.tests.often", 1)
    assert measured(services)["schedule_claim_age_seconds:twooter.tests.often"] < 60


def test_what_the_last_audit_found_is_told_until_the_next(services: Services, drain: Drain) -> None:
    history = History(services)
    history.publish(history.join(), "#tea")
    drain()
    services.storage.database.execute_sql("UPDATE hashtags SET uses = uses + 3")
    services.audits.audit_regularly(max_seconds=60)
    age(services, "outcomes", "succeeded_ms", 5 * MINUTE)
    found = measured(services)
    assert found["audit_age_seconds"] == pytest.approx(300, abs=30)
    assert found["audit_complete"] == 1
    drifts = {
        name.partition(":")[2]: value for name, value in found.items() if name.startswith("aggregate_drift:")
    }
    assert {name for name, value in drifts.items() if value} == {Kind.TAG_USES.value}
    assert drifts.keys() == {kind.value for kind in Kind}

    services.storage.database.execute_sql("UPDATE hashtags SET uses = uses - 3")
    services.audits.audit_regularly(max_seconds=60)
    found = measured(services)
    assert found["audit_age_seconds"] < 60
    assert not any(value for name, value in found.items() if name.startswith("aggregate_drift:"))


def test_a_probe_is_told_with_its_age_and_its_failures(services: Services) -> None:
    assert not [name for name in measured(services) if name.startswith("probe")]
    services.outcomes.record(PROBE, succeeded=False, seconds=2, detail={})
    found = measured(services)
    assert (found["probe_ok"], found["probe_failures"], found["probe_seconds"]) == (0, 1, 2)
    assert "probe_success_age_seconds" not in found

    services.outcomes.record(PROBE, succeeded=True, seconds=1.5, detail={})
    found = measured(services)
    assert (found["probe_ok"], found["probe_failures"], found["probe_seconds"]) == (1, 1, 1.5)
    assert found["probe_success_age_seconds"] < 60

    age(services, "outcomes", "succeeded_ms", 10 * MINUTE)
    services.outcomes.record(PROBE, succeeded=False, seconds=2, detail={})
    found = measured(services)
    assert (found["probe_ok"], found["probe_failures"]) == (0, 2)
    assert found["probe_success_age_seconds"] == pytest.approx(600, abs=30)


def test_the_day_is_told_as_the_aggregates_have_it(services: Services, drain: Drain) -> None:
    history = History(services)
    people = [history.join() for _ in range(3)]
    for number in range(12):
        for _ in range(12 - number):
            history.publish(people[number % 2], f"#tag{number}")
    history.publish(people[0], "#" + "l" * 90)
    for kind in Action:
        services.actions.act(people[2], kind, history.twoots[0][1])
    services.follows.follow(people[1], people[2].account_id)
    services.follows.follow(people[2], people[1].account_id)
    drain()
    services.trends.compute_tops()
    # what has just happened happened a minute ago
    services.storage.database.execute_sql(f"UPDATE windows SET start_ms = start_ms - {MINUTE} WHERE unit = 1")  # noqa: S608 - a number
    found = measured(services)
    published = len(history.twoots)
    assert found["twoots_today"] == published == 79
    assert 0 <= found["twoots_per_minute"] <= published
    assert (found["new_accounts_today"], found["active_accounts_today"]) == (3, 2)
    assert found["participants_today"] == 3
    assert {act: found[f"acts_today:{act}"] for act in ("follow", "like", "retwoot")} == {
        "follow": 2,
        "like": 1,
        "retwoot": 1,
    }
    top = {name.partition(":")[2]: value for name, value in found.items() if name.startswith("top_tag")}
    assert top == {f"tag{number}": 12 - number for number in range(10)}


def test_a_schema_too_old_is_told_and_nothing_else_is_asked(services: Services) -> None:
    execute = services.storage.database.execute_sql
    execute("DELETE FROM schema_migrations WHERE name = '0003_outcomes'")
    execute("ALTER TABLE outcomes RENAME TO outcomes_away")
    try:
        found = measured(services)
    finally:
        execute("ALTER TABLE outcomes_away RENAME TO outcomes")
        execute("INSERT INTO schema_migrations (name, applied) VALUES ('0003_outcomes', '2026-01-01')")
    assert (found["database_reachable"], found["schema_pending_migrations"]) == (1, 1)
    assert "outbox_rows" not in found


def test_a_database_that_is_away_leaves_one_figure(services: Services, backend: str) -> None:
    measure_database(services.storage)
    assert len(told()) > 10
    storage = services.storage
    if backend == "sqlite":
        storage.database.execute_sql("PRAGMA journal_mode = DELETE")
    storage.close()
    name = storage.database.database
    storage.database.init("/nowhere/at-all.sqlite3" if backend == "sqlite" else "no_such_database")
    measure_database(storage)
    assert told() == {("twooter_database_reachable", ()): 0}
    storage.database.init(name, **({} if backend == "sqlite" else storage.database.connect_params))
    measure_database(storage)
    assert told()["twooter_database_reachable", ()] == 1


def test_queues_are_told_and_forgotten_with_their_broker() -> None:
    measure_broker(lambda: [QueueFigures("a", 3, in_flight=2), QueueFigures("b", 4, consumers=1)])
    found = {f"{name}{dict(labels).get('queue', '')}": value for (name, labels), value in told().items()}
    assert found.pop("twooter_broker_ping_seconds") >= 0
    assert found == {
        "twooter_broker_reachable": 1,
        "twooter_queue_waitinga": 3,
        "twooter_queue_in_flighta": 2,
        "twooter_queue_deptha": 5,
        "twooter_queue_waitingb": 4,
        "twooter_queue_depthb": 4,
        "twooter_queue_consumersb": 1,
    }

    def away() -> list[QueueFigures]:
        raise ConnectionError

    measure_broker(away)
    assert told() == {("twooter_broker_reachable", ()): 0}


def test_measuring_goes_on_until_told_to_stop() -> None:
    stopping, waits, count = threading.Event(), list[float](), list[int]()

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > 3 or stopping.is_set()

    keep_measuring(lambda: count.append(1), wait, every_seconds=7)
    assert (len(count), waits) == (3, [0.0, 7, 7, 7])


def test_every_figure_is_measured_with_its_part() -> None:
    figures = {figure for figure in vars(metrics).values() if isinstance(figure, metrics.Figure)}
    own = {metrics.STREAM_CONNECTIONS, metrics.STREAM_CAPACITY, metrics.STREAM_LOG_REACHABLE}
    assert figures - own == set(_ALL)  # these are of the process that holds the connections
