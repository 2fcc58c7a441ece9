"""An audit finds every drift and nothing else, while events wait and people write; a repair mends what it finds."""

import random
import threading
from collections.abc import Callable

import pytest

from tests.houses import opened
from tests.services.happenings import History, actual, expected, person, rows
from twooter.domain import windows
from twooter.domain.actions import Kind as Action
from twooter.domain.drifts import Kind, Report
from twooter.domain.windows import Unit
from twooter.errors import Conflict, Unavailable
from twooter.metrics import DRIFT
from twooter.services import audits, backlogs
from twooter.services.audits import Scope
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.storage import schedules
from twooter.storage.tables import (
    Accounts,
    HashtagEntries,
    Hashtags,
    ParkedEvents,
    TwootActions,
    TwootQuotes,
    TwootReplies,
    Twoots,
)

Drain = Callable[[], None]


def lived(services: Services, *, steps: int = 60, seed: int = 1) -> History:
    """Return a history of some random steps, with a reply, a deletion and old twoots in it."""
    history, rng = History(services), random.Random(seed)
    someone = history.join()
    first = history.publish(someone, "first #tea #rain")
    history.publish(history.join(), "answer #tea", reply_to=first)
    history.archive(someone, 1_262_304_000_000, "an old one #tea")
    for _ in range(steps):
        history.act(rng)
    last = history.publish(someone, "last")
    history.publish(history.join(), "see", quote_of=last)
    history.publish(history.people[-1], "indeed", reply_to=last)
    for kind in Action:
        services.actions.act(history.people[-1], kind, last)
    services.follows.follow(history.people[-1], someone.account_id)
    return history


def none(report: Report) -> bool:
    return report.complete and not report.rows


def test_nothing_drifts_at_first(services: Services) -> None:
    assert none(services.audits.audit())


@pytest.mark.parametrize("seed", range(3))
def test_nothing_drifts_after_a_history(services: Services, drain: Drain, seed: int) -> None:
    lived(services, seed=seed)
    drain()
    assert services.audits.audit().amounts == {}
    assert actual(services) == expected(services)


def test_events_on_their_way_are_no_drift(services: Services, drain: Drain) -> None:
    history = lived(services)
    drain()
    rng = random.Random(7)
    for _ in range(40):
        history.act(rng)
    assert none(services.audits.audit())  # in the outbox
    _, deliveries = services.outboxes.seal()
    assert none(services.audits.audit())  # in a batch
    assert {d.consumer for d in deliveries} >= {"aggregates", "edges"}
    services.batches.run("aggregates", deliveries[0].batch_id)
    assert none(services.audits.audit())  # at one of two consumers
    services.batches.run("edges", deliveries[0].batch_id)
    assert none(services.audits.audit())


def test_parked_events_are_no_drift(services: Services, drain: Drain) -> None:
    history = lived(services)
    drain()
    history.publish(history.people[0], "parked #tea")
    database = services.storage.database
    row = database.execute_sql("SELECT event FROM outbox").fetchone()
    mark = database.param
    database.execute_sql(
        f"INSERT INTO parked_events (consumer, batch_id, position, event, error, parked_ms) "  # noqa: S608 - no value is in the text
        f"VALUES ('aggregates', 1, 0, {mark}, 'broken', 0)",
        (row[0],),
    )
    database.execute_sql("DELETE FROM outbox")
    assert none(services.audits.audit())
    assert len(rows(services, ParkedEvents, "batch_id")) == 1


ACTIONS = {Kind.TWOOT_LIKES, Kind.TWOOT_RETWOOTS, Kind.LIKE_EDGES, Kind.RETWOOT_EDGES}
OF_ACTIONS = {Kind.WINDOW_LIKES, Kind.WINDOW_RETWOOTS, Kind.ACTIVE_ACTS}
WINDOW_ACTS = {Kind.WINDOW_FOLLOWS, Kind.WINDOW_LIKES, Kind.WINDOW_RETWOOTS}
TODAY = "SELECT MAX(day_ms) FROM active_accounts"
DAMAGES = {
    "UPDATE windows SET twoots = twoots + 3 WHERE unit = 3": {Kind.WINDOW_TWOOTS},
    "UPDATE windows SET twoots = twoots - 2 WHERE unit = 4": {Kind.WINDOW_TWOOTS},
    "UPDATE windows SET twoots = 0 WHERE unit = 5": {Kind.WINDOW_TWOOTS},
    "UPDATE windows SET replies = replies + 1 WHERE unit = 5": {Kind.WINDOW_REPLIES},
    "UPDATE windows SET accounts = accounts + 1 WHERE unit = 3": {Kind.WINDOW_ACCOUNTS},
    "UPDATE windows SET twoots = twoots + 1 WHERE unit = 1": {Kind.WINDOW_TWOOTS},
    "UPDATE windows SET replies = replies + 1 WHERE unit = 2": {Kind.WINDOW_REPLIES},
    "UPDATE windows SET active_accounts = active_accounts + 1 WHERE unit = 3": {Kind.WINDOW_ACTIVE},
    "UPDATE windows SET active_accounts = 1 WHERE unit = 4": {Kind.WINDOW_ACTIVE},
    "DELETE FROM windows": {
        Kind.WINDOW_TWOOTS,
        Kind.WINDOW_REPLIES,
        Kind.WINDOW_ACCOUNTS,
        Kind.WINDOW_ACTIVE,
        *WINDOW_ACTS,
        Kind.WINDOW_PARTICIPANTS,
    },
    "UPDATE windows SET likes = likes + 1 WHERE unit = 1": {Kind.WINDOW_LIKES},
    "UPDATE windows SET follows = follows + 1, retwoots = 0 WHERE unit = 3": {
        Kind.WINDOW_FOLLOWS,
        Kind.WINDOW_RETWOOTS,
    },
    "UPDATE windows SET likes = likes - 1 WHERE unit = 5": {Kind.WINDOW_LIKES},
    "UPDATE windows SET participants = participants + 1 WHERE unit = 3": {Kind.WINDOW_PARTICIPANTS},
    "UPDATE windows SET participants = 1 WHERE unit = 4": {Kind.WINDOW_PARTICIPANTS},
    "INSERT INTO windows (unit, start_ms, twoots) VALUES (3, 978307200000, 4)": {Kind.WINDOW_TWOOTS},
    "INSERT INTO windows (unit, start_ms, twoots) VALUES (4, 978307200000, 4)": {Kind.WINDOW_TWOOTS},
    "UPDATE hashtag_windows SET uses = uses + 1 WHERE unit = 1": {Kind.TAG_WINDOW_USES},
    "UPDATE hashtag_windows SET uses = uses + 1 WHERE unit = 3": {Kind.TAG_WINDOW_USES},
    "UPDATE hashtag_windows SET uses = uses + 1 WHERE unit = 4": {Kind.TAG_WINDOW_USES},
    "DELETE FROM hashtag_windows WHERE unit = 5": {Kind.TAG_WINDOW_USES},
    "DELETE FROM hashtag_windows WHERE unit = 3": {Kind.TAG_WINDOW_USES, Kind.TAG_WINDOW_ACCOUNTS},
    "UPDATE hashtag_windows SET accounts = accounts + 1 WHERE unit = 3": {Kind.TAG_WINDOW_ACCOUNTS},
    "UPDATE hashtag_windows SET accounts = 1 WHERE unit = 5": {Kind.TAG_WINDOW_ACCOUNTS},
    "INSERT INTO hashtag_windows (unit, start_ms, tag_id, uses) VALUES (3, 978307200000, 5, 4)": {
        Kind.TAG_WINDOW_USES
    },
    "INSERT INTO hashtag_windows (unit, start_ms, tag_id, uses) VALUES (5, 978307200000, 5, 4)": {
        Kind.TAG_WINDOW_USES
    },
    "UPDATE hashtags SET uses = uses + 1": {Kind.TAG_USES},
    "UPDATE hashtags SET uses = 0, accounts = 0": {Kind.TAG_USES, Kind.TAG_ACCOUNTS},
    "UPDATE hashtag_accounts SET uses = uses + 1 WHERE day_ms = 0": {Kind.TAG_ACCOUNT_USES},
    "UPDATE hashtag_accounts SET uses = uses + 1 WHERE day_ms > 0": {Kind.TAG_ACCOUNT_USES},
    "UPDATE hashtag_accounts SET uses = uses - 1": {
        Kind.TAG_ACCOUNT_USES,
        Kind.TAG_ACCOUNTS,
        Kind.TAG_WINDOW_ACCOUNTS,
    },
    "DELETE FROM hashtag_accounts": {Kind.TAG_ACCOUNT_USES, Kind.TAG_ACCOUNTS, Kind.TAG_WINDOW_ACCOUNTS},
    "INSERT INTO hashtag_accounts (tag_id, day_ms, account_id, uses) SELECT MIN(id), 978307200000, 7, 2 FROM hashtags"
    "": {Kind.TAG_ACCOUNT_USES, Kind.TAG_WINDOW_ACCOUNTS},
    "UPDATE active_accounts SET uses = uses + 1": {Kind.ACTIVE_USES},
    "UPDATE active_accounts SET acts = acts + 1": {Kind.ACTIVE_ACTS},
    "DELETE FROM active_accounts": {
        Kind.ACTIVE_USES,
        Kind.ACTIVE_ACTS,
        Kind.WINDOW_ACTIVE,
        Kind.WINDOW_PARTICIPANTS,
        Kind.ACTIVE_WEEK_DAYS,
    },
    "UPDATE active_weeks SET days = days + 1": {Kind.ACTIVE_WEEK_DAYS},
    "DELETE FROM active_weeks": {Kind.ACTIVE_WEEK_DAYS, Kind.RETENTION},
    "INSERT INTO active_weeks (week_ms, account_id, days) VALUES (978307200000, 4194304, 1)": {
        Kind.ACTIVE_WEEK_DAYS,
        Kind.RETENTION,
    },
    "UPDATE retention SET accounts = accounts + 1": {Kind.RETENTION},
    "DELETE FROM retention": {Kind.RETENTION},
    "INSERT INTO retention (week_ms, joined_ms, accounts) VALUES (978307200000, 978307200000, 1)": {
        Kind.RETENTION
    },
    "INSERT INTO active_accounts (day_ms, account_id, uses) VALUES (978307200000, 5, 1)": {
        Kind.ACTIVE_USES,
        Kind.WINDOW_ACTIVE,
        Kind.WINDOW_PARTICIPANTS,
        Kind.ACTIVE_WEEK_DAYS,
    },
    "UPDATE accounts SET twoots = twoots + 1": {Kind.ACCOUNT_TWOOTS},
    "UPDATE twoots SET replies = replies + 1": {Kind.TWOOT_REPLIES},
    "UPDATE twoot_replies SET active = 1 - active": {Kind.TWOOT_REPLIES, Kind.REPLY_EDGES},
    "DELETE FROM twoot_replies": {Kind.TWOOT_REPLIES, Kind.REPLY_EDGES},
    "UPDATE twoots SET quotes = quotes - 1": {Kind.TWOOT_QUOTES},
    "UPDATE twoot_quotes SET active = 1 - active": {Kind.TWOOT_QUOTES, Kind.QUOTE_EDGES},
    "DELETE FROM twoot_quotes": {Kind.TWOOT_QUOTES, Kind.QUOTE_EDGES},
    "UPDATE twoots SET likes = likes + 1, retwoots = 7": {Kind.TWOOT_LIKES, Kind.TWOOT_RETWOOTS},
    "UPDATE twoot_actions SET active = 1 - active WHERE kind = 1": {Kind.TWOOT_LIKES, Kind.LIKE_EDGES},
    "UPDATE twoot_actions SET active = 1 - active WHERE kind = 2": {Kind.TWOOT_RETWOOTS, Kind.RETWOOT_EDGES},
    "DELETE FROM twoot_actions": ACTIONS,
    "DELETE FROM actions": {Kind.LIKE_EDGES, Kind.RETWOOT_EDGES, *OF_ACTIONS},
    "UPDATE actions SET active = 1 - active, version = version + 1": {
        Kind.LIKE_EDGES,
        Kind.RETWOOT_EDGES,
        *OF_ACTIONS,
    },
    "DELETE FROM public_entries": {Kind.PUBLIC_ENTRIES},
    "UPDATE public_entries SET author_id = author_id + 1": {Kind.PUBLIC_ENTRIES},
    "INSERT INTO public_entries (twoot_id, author_id) VALUES (77, 5)": {Kind.PUBLIC_ENTRIES},
    "DELETE FROM hashtag_entries": {Kind.TAG_ENTRIES},
    "UPDATE hashtag_entries SET author_id = author_id + 1": {Kind.TAG_ENTRIES},
    "INSERT INTO hashtag_entries (tag_id, twoot_id, author_id) SELECT MIN(id), 77, 5 FROM hashtags": {
        Kind.TAG_ENTRIES
    },
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_found_and_mended(services: Services, drain: Drain, damage: str) -> None:
    history = lived(services, steps=25)
    drain()
    history.publish(history.people[0], "on its way #tea", reply_to=history.twoots[0][1])
    services.storage.database.execute_sql(damage)
    report = services.audits.audit()
    assert set(report.amounts) == DAMAGES[damage]
    assert DRIFT.labels(next(iter(DAMAGES[damage])).value)._value.get() > 0
    assert services.repairs.repair().amounts
    assert services.audits.audit().amounts == {}
    drain()
    assert none(services.audits.audit())
    assert actual(services) == expected(services)


def test_a_damaged_day_is_not_reported_again_in_its_month_and_year(services: Services, drain: Drain) -> None:
    lived(services)
    drain()
    services.storage.database.execute_sql("UPDATE hashtag_windows SET uses = uses + 2 WHERE unit = 3")
    report = services.audits.audit()
    assert {key[0] for key in report.examples[Kind.TAG_WINDOW_USES]} == {int(Unit.DAY)}


def test_a_lost_event_is_mended(services: Services, drain: Drain) -> None:
    history = lived(services)
    drain()
    history.publish(history.people[0], "lost #tea #lost", reply_to=history.twoots[0][1])
    history.delete(*history.twoots[3])
    for kind in Action:
        services.actions.act(history.join(), kind, history.twoots[0][1])
    services.storage.database.execute_sql("DELETE FROM outbox")
    lost = services.audits.audit().amounts.keys()
    assert lost >= {Kind.REPLY_EDGES, Kind.LIKE_EDGES, Kind.RETWOOT_EDGES}
    services.repairs.repair()
    assert none(services.audits.audit())
    assert actual(services) == expected(services)


def test_an_audit_in_many_steps_says_the_same(
    services: Services, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "SNAPSHOT_SECONDS", 0.0)
    monkeypatch.setattr(audits, "_PART_TWOOTS", 3)
    monkeypatch.setattr(audits, "_STEP_TWOOTS", 4)
    monkeypatch.setattr(audits, "_STEP_TAGS", 1)
    lived(services)
    drain()
    report = services.audits.audit()
    assert none(report)
    assert report.steps > 20
    services.storage.database.execute_sql("UPDATE hashtag_accounts SET uses = uses + 1")
    assert set(services.audits.audit().amounts) == {Kind.TAG_ACCOUNT_USES}


@pytest.mark.parametrize("page", [1, 3])
def test_pages_are_read_to_their_end(
    services: Services, drain: Drain, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr("twooter.storage.sources.PAGE", page)
    monkeypatch.setattr("twooter.storage.audits.PAGE", page)
    lived(services, steps=20)
    services.follows.follow(person(services), person(services).account_id)
    drain()
    assert none(services.audits.audit())


def test_the_hours_of_a_day_bring_every_day(services: Services, drain: Drain) -> None:
    lived(services)
    drain()
    services.storage.database.execute_sql("UPDATE windows SET twoots = twoots + 1 WHERE unit = 3")
    whole = services.audits.audit().rows[Kind.WINDOW_TWOOTS]
    today_ms = windows.start(Unit.DAY, services.ids.now_ms())
    keys = set[tuple[int, ...]]()
    for part in range(24):
        report = services.audits.audit(Scope(today_ms, part, 24))
        keys |= {key for key in report.examples[Kind.WINDOW_TWOOTS] if key[0] == Unit.DAY}
    assert len(keys) == whole


def test_a_regular_audit_stops_in_time(services: Services, drain: Drain) -> None:
    lived(services)
    drain()
    assert services.audits.audit_regularly(max_seconds=60).complete
    assert not services.audits.audit_regularly(max_seconds=0).complete


def test_too_many_waiting_events_are_no_drift_but_a_refusal(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlogs, "MAX_PENDING", 2)
    lived(services, steps=0)
    with pytest.raises(Unavailable):
        services.audits.audit()


def test_people_write_while_an_audit_and_a_repair_run(
    services: Services, settings: Settings, drain: Drain
) -> None:
    lived(services)
    drain()
    services.storage.database.execute_sql("UPDATE hashtags SET uses = uses + 5")
    services.storage.database.execute_sql(
        "UPDATE hashtag_windows SET uses = uses - 1, accounts = accounts + 1"
    )
    services.storage.database.execute_sql("DELETE FROM hashtag_accounts WHERE ((account_id >> 22) & 1) = 0")
    services.storage.database.execute_sql("UPDATE windows SET active_accounts = active_accounts + 1")
    stopping, failures = threading.Event(), list[BaseException]()

    def write(seed: int) -> None:
        try:
            with opened(settings) as mine:
                history, rng = History(mine), random.Random(seed)
                while not stopping.is_set():
                    history.act(rng)
                    _, deliveries = mine.outboxes.seal()
                    for delivery in deliveries:
                        mine.batches.run(delivery.consumer, delivery.batch_id)
        except BaseException as ex:  # noqa: BLE001 - told in the main thread
            failures.append(ex)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in (11, 12)]
    for thread in threads:
        thread.start()
    try:
        services.repairs.repair()
        reports = [services.audits.audit() for _ in range(3)]
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    assert not failures
    assert [report.amounts for report in reports] == [{}, {}, {}]
    drain()
    assert none(services.audits.audit())
    assert actual(services) == expected(services)


def test_a_later_repair_ends_an_earlier_one(services: Services, drain: Drain) -> None:
    lived(services, steps=5)
    drain()
    services.storage.database.execute_sql("UPDATE hashtags SET uses = uses + 1")

    def interrupt(stage: str, _: int) -> None:
        if stage == "days":
            number = services.ids.make()
            services.storage.transact(lambda tx: schedules.raise_fence(tx, "repair", number))

    with pytest.raises(Conflict):
        services.repairs.repair(progress=interrupt)
    assert set(services.repairs.repair().amounts) == {Kind.TAG_USES}
    assert none(services.audits.audit())


def test_a_deleted_account_leaves_nothing_to_drift(services: Services, drain: Drain) -> None:
    history = lived(services)
    drain()
    services.deletions.request(history.people[0])
    assert none(services.audits.audit())
    drain()
    assert none(services.audits.audit())
    assert history.people[0].account_id not in {row[0] for row in rows(services, Accounts, "id")}
    assert actual(services) == expected(services)


def test_a_history_has_what_an_audit_looks_at(services: Services, drain: Drain) -> None:
    lived(services)
    drain()
    for table in (HashtagEntries, Hashtags, TwootReplies, TwootQuotes, TwootActions, Twoots):
        assert rows(services, table, next(iter(table._meta.fields)))
