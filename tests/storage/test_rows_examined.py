"""Pages touch only the rows they show: counted by the database itself, not read from its plans."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bench import loader
from bench.loader import Loaded
from tests.databases import MysqlDatabase
from tests.houses import opened
from twooter.domain.accounts import Role, Viewer
from twooter.domain.actions import Kind
from twooter.domain.follows import Follow
from twooter.domain.graph import State
from twooter.domain.moderation import Act, Deed, Reason, Report, ReportState
from twooter.domain.pages import Page
from twooter.domain.polls import Poll
from twooter.domain.twoots import Ref
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.storage import actions, followed_hashtags, follows, moderation_log, polls, reports, votes
from twooter.storage import edges as rows_of_edges
from twooter.storage.actions import Action
from twooter.storage.database import Session, Storage
from twooter.storage.edges import Edge, EdgeKind
from twooter.storage.follows import FOLLOWERS, FOLLOWING
from twooter.storage.statements import Question, Statement, registry
from twooter.storage.votes import Vote

T = TypeVar("T")
ROWS = 3_000
LIMIT = 20
LISTS = ("public", "hashtag", "account")
PAGES = {
    "first": lambda _: Page(LIMIT),
    "before": lambda half_way: Page(LIMIT, before=half_way),
    "after": lambda half_way: Page(LIMIT, after=half_way),
    "empty": lambda _: Page(LIMIT, before=1),
}


@pytest.fixture(scope="module")
def crowded(mariadb_server_url: str, worker_id: str) -> Iterator[tuple[str, Loaded]]:
    """Load a few thousand twoots into a database of this module's own: every index is much longer than a page."""
    database = MysqlDatabase(mariadb_server_url, f"twooter_rows_{worker_id}")
    yield database.url, loader.load(database.url, ROWS)
    database.drop()


@pytest.fixture
def loaded(crowded: tuple[str, Loaded]) -> Loaded:
    """Return what is busy in the database."""
    return crowded[1]


@pytest.fixture(autouse=True)
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask questions of one packet one after the other, so that each can be told its rows."""

    def ask(session: Session, questions: Sequence[Question[Any]]) -> list[Any]:
        return [asked.meaning(session.all(asked.statement, **asked.given)) for asked in questions]

    monkeypatch.setattr(Session, "ask", ask)


@pytest.fixture
def services(crowded: tuple[str, Loaded], tmp_path: Path) -> Iterator[Services]:
    """Return the services of the loaded database."""
    with opened(Settings.model_validate({"database_url": crowded[0], "var_dir": tmp_path})) as services:
        yield services


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", LISTS)
def test_a_timeline_examines_the_rows_it_shows(
    name: str, page: str, services: Services, loaded: Loaded
) -> None:
    timelines, wanted = services.timelines, PAGES[page](min(loaded.sample_ids))
    reads = {
        "public": lambda: timelines.public(wanted),
        "hashtag": lambda: timelines.hashtag(loaded.hashtag, wanted),
        "account": lambda: timelines.account(loaded.account_ids[0], wanted, None),
    }
    shown = check(services.storage, reads[name])
    assert len(shown.items) == (0 if page == "empty" else LIMIT)


@pytest.fixture(scope="module")
def followed(crowded: tuple[str, Loaded], tmp_path_factory: pytest.TempPathFactory) -> tuple[int, int]:
    """Let everybody follow one account and be followed by it; return it, and the time in the middle of that."""
    url, found = crowded
    id_, *others = found.account_ids
    there = [Follow(other, id_, 1, State.ACTIVE, at) for at, other in enumerate(others, start=1)]
    back = [Follow(id_, other, 1, State.ACTIVE, at) for at, other in enumerate(others, start=1)]
    settings = Settings.model_validate({"database_url": url, "var_dir": tmp_path_factory.mktemp("var")})
    with opened(settings) as services:
        services.storage.transact(lambda tx: follows.put(tx, FOLLOWERS, there))
        services.storage.transact(lambda tx: follows.put(tx, FOLLOWING, back))
        # a list must not go through what has ended to find what has not
        for more in range(1, 11):
            ended = [replace(one, follower_id=one.follower_id + more, state=State.NONE) for one in there]
            services.storage.transact(lambda tx: follows.put(tx, FOLLOWERS, ended))  # noqa: B023 - run at once
            ended = [replace(one, target_id=one.target_id + more, state=State.NONE) for one in back]
            services.storage.transact(lambda tx: follows.put(tx, FOLLOWING, ended))  # noqa: B023 - as above
        services.storage.database.execute_sql("ANALYZE TABLE following, followers").fetchall()
    return id_, len(others) // 2


@pytest.mark.parametrize("page", PAGES)
def test_a_list_of_accounts_examines_the_rows_it_shows(
    page: str, services: Services, followed: tuple[int, int]
) -> None:
    id_, half_way = followed
    wanted = PAGES[page](half_way)
    for read in (services.people.followers, services.people.following):
        shown = check(services.storage, lambda read=read: read(id_, wanted, None))  # type: ignore[misc]  # as it is now
        assert len(shown.items) == (0 if page == "empty" else LIMIT)


@pytest.fixture(scope="module")
def liked(crowded: tuple[str, Loaded], tmp_path_factory: pytest.TempPathFactory) -> tuple[Ref, int, int]:
    """Let all like one twoot, and one like many; return twoot and account, and the time in the middle of that."""
    url, found = crowded
    settings = Settings.model_validate({"database_url": url, "var_dir": tmp_path_factory.mktemp("var")})
    with opened(settings) as services:
        newest = services.timelines.public(Page(100)).items
        twoot, me = newest[0].twoot, found.account_ids[0]
        for at, account_id in enumerate(found.account_ids, start=1):
            # a list must not go through what has ended to find what has not
            edges = [
                Edge(EdgeKind.LIKE, twoot.author_id, twoot.id, account_id + more, at, 1, not more)
                for more in range(10)
            ]
            services.storage.transact(lambda tx: rows_of_edges.apply(tx, edges))  # noqa: B023 - run at once
        for at, card in enumerate(newest, start=1):
            for more in range(10):
                ref = Ref(card.twoot.id + more, card.twoot.author_id)
                done = Action(me, ref, int(Kind.LIKE), 1, not more, at)
                services.storage.transact(lambda tx: actions.put(tx, done))  # noqa: B023 - run at once
        services.storage.database.execute_sql("ANALYZE TABLE actions, twoot_actions").fetchall()
    return Ref(twoot.id, twoot.author_id), me, min(len(newest), len(found.account_ids)) // 2


@pytest.mark.parametrize("page", PAGES)
def test_lists_of_likes_examine_the_rows_they_show(
    page: str, services: Services, liked: tuple[Ref, int, int]
) -> None:
    twoot, me, half_way = liked
    wanted, storage = PAGES[page](half_way), services.storage
    likers = check(storage, lambda: services.actions.doers(twoot.id, Kind.LIKE, wanted, None))
    done = check(storage, lambda: storage.read(lambda tx: actions.fetch(tx, me, Kind.LIKE, wanted)))
    assert (len(likers.items), len(done)) == ((0, 0) if page == "empty" else (LIMIT, LIMIT + 1))


@pytest.mark.parametrize("page", PAGES)
def test_followed_hashtags_examine_a_page_of_each(page: str, services: Services, loaded: Loaded) -> None:
    """What they found goes through the tables of their union, which the database counts as well: five times."""
    busy = services.hashtags.find_id(loaded.hashtag)
    assert busy is not None
    wanted, storage = PAGES[page](min(loaded.sample_ids)), services.storage
    for tag_ids in ([busy], [busy, *range(1, 10)]):
        read = partial(followed_hashtags.fetch_entries, tag_ids=tag_ids, page=wanted)
        shown = storage.read(read)
        rows = examined(storage, lambda read=read: storage.read(read))  # type: ignore[misc]  # as above
        assert len(shown) == (0 if page == "empty" else LIMIT + 1)
        assert rows.total() <= 5 * (LIMIT + 1), rows


@pytest.fixture(scope="module")
def reported(crowded: tuple[str, Loaded], tmp_path_factory: pytest.TempPathFactory) -> int:
    """Let everybody report one account; all but every fourth report is resolved. Return the id in the middle."""
    url, found = crowded
    about, *others = found.account_ids
    settings = Settings.model_validate({"database_url": url, "var_dir": tmp_path_factory.mktemp("var")})
    with opened(settings) as services:
        ids = [services.ids.make() for _ in range(1_000)]

        def work(tx: Session) -> None:
            for at, id_ in enumerate(ids):
                reports.insert(tx, Report(id_, about, at + 1, others[0], Reason.SPAM, ""))
                moderation_log.append(tx, Deed(id_, about, others[1], Act.RESOLVE, "Done."))
                if at % 4:
                    reports.resolve(tx, about, id_, resolver_id=others[1], resolved_ms=1, note="Done.")

        services.storage.transact(work)
        services.storage.database.execute_sql("ANALYZE TABLE reports, moderation_log").fetchall()
    return ids[len(ids) // 2]


@pytest.mark.parametrize("page", PAGES)
def test_moderators_lists_examine_the_rows_they_show(page: str, services: Services, reported: int) -> None:
    wanted, storage = PAGES[page](reported), services.storage
    judge = Viewer(1, "judge", Role.MODERATOR, 0, email_confirmed=True)
    for state in ReportState:
        cases = check(storage, lambda state=state: services.reports.fetch(judge, state, wanted))  # type: ignore[misc]  # as above
        assert len(cases.items) == (0 if page == "empty" else LIMIT)
    deeds = check(storage, lambda: services.moderation.deeds(judge, wanted))
    assert len(deeds.items) == (0 if page == "empty" else LIMIT)


@pytest.fixture(scope="module")
def asked(crowded: tuple[str, Loaded], tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, int]]:
    """Ask a lot of everybody, which a thousand have answered; return the (author, twoot) of some polls."""
    url, found = crowded
    author, *others = found.account_ids
    settings = Settings.model_validate({"database_url": url, "var_dir": tmp_path_factory.mktemp("var")})
    with opened(settings) as services:
        keys = [(author, services.ids.make()) for _ in range(500)]
        poll = Poll(("yes", "no"), False, services.ids.now_ms() + 60_000)

        def work(tx: Session) -> None:
            for _, id_ in keys:
                polls.insert(tx, author, id_, poll)
            for at in range(1_000):
                vote = Vote(author, keys[at % 2][1], others[0] + at // 2, 1)
                votes.insert(tx, vote)
                votes.apply(tx, author, [vote])

        services.storage.transact(work)
        services.storage.database.execute_sql("ANALYZE TABLE polls, votes, poll_votes").fetchall()
    return keys


def test_polls_of_a_page_and_steps_of_one_examine_the_rows_they_show(
    services: Services, loaded: Loaded, asked: list[tuple[int, int]]
) -> None:
    storage, (author, twoot), voter = services.storage, asked[0], loaded.account_ids[1]
    for viewer_id in (None, voter):
        question = polls.seen(asked[:LIMIT], viewer_id, 1)
        found = check(storage, lambda question=question: storage.read(lambda tx: tx.ask([question])))  # type: ignore[misc]  # as above
        assert len(found[0]) == LIMIT
    half_way = voter + 250
    for read in (
        partial(votes.fetch_voters, author_id=author, twoot_id=twoot, after=half_way, limit=LIMIT),
        partial(votes.fetch_of_gone, author_id=author, twoot_id=twoot, limit=LIMIT),
        partial(votes.fetch_some, account_id=voter, limit=LIMIT),
        partial(polls.fetch_due, now_ms=2**62, limit=LIMIT),
    ):
        assert 0 < len(check(storage, lambda read=read: storage.read(read))) <= LIMIT  # type: ignore[misc]  # as above


def test_messages_examine_the_rows_they_show(services: Services, loaded: Loaded) -> None:
    assert len(check(services.storage, lambda: services.messages.fetch(None, LIMIT))) == LIMIT
    assert len(check(services.storage, lambda: services.messages.fetch(loaded.hashtag, LIMIT))) == LIMIT


def test_a_search_for_accounts_examines_the_rows_it_shows(services: Services) -> None:
    services.indexes.look_over()
    first = check(services.storage, lambda: services.searches.accounts("bench", Page(LIMIT), None))
    assert len(first.items) == LIMIT
    on_page_two = Page(LIMIT, before=first.next_before)
    rows = examined(services.storage, lambda: services.searches.accounts("bench", on_page_two, None))
    assert 0 < rows.total() <= 3 * LIMIT, rows


def check(storage: Storage, read: Callable[[], T]) -> T:
    """Return what is read, after looking at what that costs: a page and one row of each table, four pages in all."""
    found = read()  # connects, and learns what the process remembers
    rows = examined(storage, read)
    for name, count in rows.items():
        assert count <= (LIMIT + 1) * tables_of(storage, name), rows
    assert 0 < rows.total() <= 4 * LIMIT, rows
    return found


def examined(storage: Storage, work: Callable[[], object]) -> Counter[str]:
    """Return how many rows the database's engine read for each statement of the work."""
    rows: Counter[str] = Counter()
    seen = handler_reads(storage)

    def observe(name: str, _seconds: float, _failed: bool) -> None:  # noqa: FBT001 - the signature of observers
        nonlocal seen
        now = handler_reads(storage)
        rows[name] += now - seen
        seen = now

    storage.observers.append(observe)
    work()
    storage.observers.remove(observe)
    return rows


def handler_reads(storage: Storage) -> int:
    """Return how many rows this connection has read so far, by key, in order and by scanning."""
    status = storage.database.execute_sql("SHOW SESSION STATUS LIKE 'Handler\\_read\\_%%'", ()).fetchall()
    return sum(int(value) for _, value in status)


def tables_of(storage: Storage, name: str) -> int:
    """Return how many tables a statement reads."""
    statement = registry[name]
    assert isinstance(statement, Statement)
    sql, _ = storage.database.get_sql_context().sql(statement._build()).query()
    return len(re.findall(r"(?:FROM|JOIN) `", sql))
