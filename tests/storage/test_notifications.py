"""Notifications in long tables: pages, counts and batches read what they are about, by ranges of an index."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import MysqlDatabase
from tests.houses import opened
from tests.storage.test_rows_examined import examined
from twooter.domain.accounts import Account, Role, State
from twooter.domain.events import ActionEvent, Envelope, Event, FollowEvent, TwootEvent
from twooter.domain.notifications import Kind
from twooter.domain.pages import Page
from twooter.domain.twoots import Twoot
from twooter.services.house import Services
from twooter.services.notices import Notices
from twooter.settings import Settings
from twooter.storage import accounts, notifications, twoots
from twooter.storage.tables import Blocks, Followers, Following, MutedThreads, Mutes, Notifications, Table

ROWS = 4_000
LIMIT = 20
ADA = 7
"""Who has many of everything."""


@pytest.fixture(scope="module")
def services(
    mariadb_server_url: str, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Services]:
    """Fill a database of this module's own: every table that decides is much longer than what is asked for."""
    database = MysqlDatabase(mariadb_server_url, f"twooter_notified_{worker_id}")
    folder: Path = tmp_path_factory.mktemp("notified")
    settings = Settings.model_validate({"database_url": database.fresh(), "var_dir": folder})
    with opened(settings) as services:
        fill(services)
        yield services
    database.drop()


def fill(services: Services) -> None:
    others = range(1_000, 1_000 + ROWS)
    edge = {"version": 1, "state": "active", "edge_id": 1}
    put(services, Followers, [{"account_id": ADA, "follower_id": id_, **edge} for id_ in others])
    put(services, Following, [{"account_id": ADA, "target_id": id_, **edge} for id_ in others])
    put(services, Blocks, [{"account_id": ADA, "target_id": id_ + ROWS, "edge_id": 1} for id_ in others])
    put(services, Mutes, [{"account_id": ADA, "target_id": id_ + 2 * ROWS, "edge_id": 1} for id_ in others])
    put(services, MutedThreads, [{"account_id": ADA, "root_id": id_} for id_ in others])
    row = {"account_id": ADA, "kind": int(Kind.LIKE), "twoot_id": 1, "version": 1, "active": True}
    put(services, Notifications, [{**row, "actor_id": id_, "id": id_} for id_ in others])
    rare: dict[str, object] = {**row, "kind": int(Kind.QUOTE), "actor_id": 1, "id": 1}
    put(services, Notifications, [rare])
    for id_, name in ((ADA, "ada"), *((id_, f"fan{id_}") for id_ in others[:LIMIT])):
        account = Account(id_, name, name, "", False, False, Role.USER, State.ACTIVE, 1, 0, 0, 0)
        services.storage.transact(lambda tx, account=account: accounts.insert(tx, account))  # type: ignore[misc]  # mypy infers no lambda with a default
    services.storage.transact(lambda tx: twoots.insert(tx, Twoot(1, ADA, "?")))
    services.storage.database.execute_sql("ANALYZE TABLE notifications, followers, following, blocks, mutes")


def put(services: Services, table: type[Table], rows: list[dict[str, object]]) -> None:
    with services.storage.database.bind_ctx([table]):
        for at in range(0, len(rows), 1_000):
            table.insert_many(rows[at : at + 1_000]).execute()


@pytest.mark.parametrize(
    "kinds", [(), (Kind.LIKE,), (Kind.QUOTE, Kind.FOLLOW, Kind.LIKE), tuple(Kind)[:-1], tuple(Kind)], ids=str
)
@pytest.mark.parametrize("page", [Page(LIMIT), Page(LIMIT, before=3_000), Page(LIMIT, after=3_000)], ids=str)
def test_a_page_examines_what_it_shows(services: Services, kinds: tuple[Kind, ...], page: Page) -> None:
    def read() -> None:
        found = services.storage.read(lambda tx: notifications.fetch(tx, ADA, kinds, page))
        assert len(found) == LIMIT + 1

    read()
    rows = examined(services.storage, read)
    # with kinds, each is written to a table of arms, read from there, and sorted
    assert 0 < rows.total() <= (LIMIT + 2) * (1 if not kinds else 8), rows


def test_a_rare_kind_does_not_go_through_the_others(services: Services) -> None:
    def read() -> None:
        found = services.storage.read(lambda tx: notifications.fetch(tx, ADA, [Kind.QUOTE], Page(LIMIT)))
        assert [noted.id for noted in found] == [1]

    read()
    assert examined(services.storage, read).total() < LIMIT


def test_counting_stops_at_its_bound(services: Services) -> None:
    def read() -> None:
        assert len(services.storage.read(lambda tx: notifications.fetch_unread(tx, ADA, 101))) == 101

    read()
    assert examined(services.storage, read).total() <= 101 + 5


def test_a_batch_examines_what_it_is_about(services: Services) -> None:
    """Whatever else the receiver has: followers, blocks, mutes, muted conversations, notifications."""
    told: list[Event] = [FollowEvent(1_000 + n, ADA, 1, "active", 1) for n in range(LIMIT)]
    told += [ActionEvent(1_000 + n, 1, 1, ADA, 2, True, 1, "public") for n in range(LIMIT)]
    notices = Notices(services.storage, services.ids)
    batch = [Envelope(event, 0, None) for event in told]
    notices.handle(batch)
    rows = examined(services.storage, lambda: notices.handle(batch))
    # a notice each for like and follow, and one for the request that it might have been
    assert len(rows) == 7
    for name, count in rows.items():
        assert count <= 3 * LIMIT * 6, (name, rows)


def test_what_others_did_with_a_twoot_goes_alone(services: Services) -> None:
    row = {"account_id": ADA, "kind": int(Kind.RETWOOT), "twoot_id": 2, "version": 1, "active": True}
    put(services, Notifications, [{**row, "actor_id": n, "id": n} for n in range(1, LIMIT)])
    gone = TwootEvent(-1, ADA, 2, 0, (), None, None, 2)
    rows = examined(
        services.storage,
        lambda: Notices(services.storage, services.ids).handle([Envelope(gone, 0, None)]),
    )
    assert rows.total() <= 5 * LIMIT, rows
