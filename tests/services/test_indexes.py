"""Indexes: they end as twoots and accounts are, in whatever order and number workers bring what."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.services.conftest import SignIn
from twooter.domain import searches
from twooter.domain.accounts import Viewer
from twooter.domain.events import Envelope, TwootEvent
from twooter.domain.pages import Page
from twooter.domain.polls import Poll
from twooter.domain.twoots import Draft, Visibility, item_id
from twooter.services import indexes
from twooter.services.edits import Change
from twooter.services.house import Services
from twooter.storage import searches as index
from twooter.storage.database import Session
from twooter.storage.tables import AccountNames, SearchEntries, SearchMarks, SearchTexts

Drain = Callable[[], None]


@pytest.fixture
def ada(join: SignIn) -> Viewer:
    """Sign in somebody who writes."""
    return join("ada")


def found(services: Services, text: str) -> list[int]:
    return [item_id(item) for item in services.searches.twoots(text, Page(100), None).items]


def publish(services: Services, viewer: Viewer, text: str, visibility: Visibility = Visibility.PUBLIC) -> int:
    return services.twoots.publish(viewer, Draft(text, visibility=visibility)).twoot.id


def rows(services: Services) -> tuple[int, int]:
    """Return how many twoots are entered, and how many texts are kept."""
    ask = services.storage.database.execute_sql
    return ask("SELECT COUNT(*) FROM search_entries").fetchone()[0], ask(
        "SELECT COUNT(*) FROM search_texts"
    ).fetchone()[0]


def forget(services: Services) -> None:
    """Empty all that search reads, as where it has never been."""
    with services.storage.database.bind_ctx([SearchEntries, SearchTexts, SearchMarks, AccountNames]):
        for table in (SearchEntries, SearchTexts, SearchMarks, AccountNames):
            table.delete().execute()


def event(author_id: int, twoot_id: int, *, sign: int = 1) -> Envelope:
    return Envelope(TwootEvent(sign, author_id, twoot_id, 0, (), None, None, 1), 0, None)


def test_events_in_any_order_and_number_end_in_what_is_there(
    services: Services, ada: Viewer, drain: Drain
) -> None:
    kept, edited, gone = (publish(services, ada, text) for text in ("kept tea", "old tea", "gone tea"))
    services.edits.edit(ada, edited, Change(text="new tea"))
    services.twoots.delete(ada, gone)
    told = [event(ada.account_id, id_, sign=sign) for id_ in (kept, edited, gone) for sign in (1, -1)]
    rng = random.Random(1)
    for _ in range(5):
        rng.shuffle(told)
        services.indexes.handle(told[: rng.randint(1, len(told))])
    services.indexes.handle(told)
    assert found(services, "tea") == [edited, kept]
    assert found(services, "old") == []
    assert rows(services) == (2, 2)
    drain()
    assert rows(services) == (2, 2)


def test_what_is_changed_while_it_is_indexed_ends_as_it_is(
    services: Services, ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited, gone = publish(services, ada, "first tea"), publish(services, ada, "gone tea")
    write = indexes._write

    def late(*arguments: object, **named: object) -> None:
        monkeypatch.undo()
        meanwhile()
        write(*arguments, **named)  # type: ignore[arg-type]  # handed on as they are

    def meanwhile() -> None:
        with ThreadPoolExecutor(1) as pool:  # another process: the event of the change is handled before
            pool.submit(services.edits.edit, ada, edited, Change(text="second tea")).result()
            pool.submit(services.twoots.delete, ada, gone).result()
            pool.submit(services.storage.close).result()

    if services.storage.mysql:  # SQLite has one writer: there nobody changes anything meanwhile
        monkeypatch.setattr(indexes, "_write", late)
    else:
        meanwhile()
    services.indexes.handle([event(ada.account_id, edited), event(ada.account_id, gone)])
    assert found(services, "second") == [edited]
    assert rows(services) == (1, 1)


def test_two_workers_with_the_same_twoots_end_with_one_of_each(services: Services, ada: Viewer) -> None:
    told = [event(ada.account_id, publish(services, ada, f"tea {number}")) for number in range(30)]

    def work(seed: int) -> None:
        try:
            services.indexes.handle(random.Random(seed).sample(told, len(told)))
        finally:
            services.storage.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert rows(services) == (30, 30)
    assert len(found(services, "tea")) == 30


def test_what_was_there_before_search_becomes_searchable_step_by_step(
    services: Services, join: SignIn, ada: Viewer, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "_STEP", 3)
    join("adam")
    written = [publish(services, ada, f"tea {number}") for number in range(10)]
    publish(services, ada, "tea for few", Visibility.FOLLOWERS)
    drain()
    forget(services)
    assert found(services, "tea") == []
    steps = 0
    while len(found(services, "tea")) < len(written):
        services.indexes.look_over(max_seconds=0)
        steps += 1
        newest_first = found(services, "tea")
        assert newest_first == written[::-1][: len(newest_first)]
    assert steps > 2
    for _ in range(4):
        services.indexes.look_over(max_seconds=0)
    names = [account.username for account in services.searches.accounts("ada", Page(), None).items]
    assert names == ["ada", "adam"]
    assert rows(services) == (10, 10)


def ask(services: Services, viewer: Viewer, text: str, *options: str) -> int:
    poll = Poll(options, multiple=False, ends_ms=services.ids.now_ms() + 3_600_000)
    return services.twoots.publish(viewer, Draft(text, poll=poll)).twoot.id


def test_what_a_poll_may_be_answered_with_is_found_also_after_an_edit(
    services: Services, ada: Viewer, drain: Drain
) -> None:
    asked = ask(services, ada, "Which one?", "Green tea", "Black #coffee", "烏龍茶")
    publish(services, ada, "green")
    drain()
    for query in ("tea", '"green tea"', "which coffee", "烏龍", "black tea", "coffee from:ada"):
        assert found(services, query) == [asked], query
    for query in (
        '"one green"',
        '"tea black"',
        "#coffee",
        "white",
    ):  # an option is no part of the text, or of another
        assert found(services, query) == [], query
    services.edits.edit(ada, asked, Change(text="Which drink?"))
    assert found(services, "tea") == []  # not yet
    drain()
    assert found(services, "drink tea") == [asked]
    assert found(services, "one tea") == []
    services.twoots.delete(ada, asked)
    drain()
    assert found(services, "tea") == []


def test_polls_that_were_indexed_without_their_options_get_them(
    services: Services, ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, other = ask(services, ada, "Which?", "tea", "coffee"), publish(services, ada, "no poll")
    document, write = searches.document, indexes._write
    with monkeypatch.context() as former:
        former.setattr(searches, "document", lambda twoot, keys, _: document(twoot, keys))
        services.indexes.handle([event(ada.account_id, id_) for id_ in (asked, other)])
    assert found(services, "which") == [asked]
    assert found(services, "tea") == []
    written: list[list[int]] = []

    def noted(tx: Session, documents: Sequence[index.Document], gone: Sequence[int]) -> None:
        written.append([one.twoot_id for one in documents])
        write(tx, documents, gone)

    monkeypatch.setattr(indexes, "_write", noted)
    for _ in range(2):
        services.indexes.look_over()
        assert found(services, "which tea") == [asked]
    assert written == [[asked]]


def test_one_run_is_enough_where_time_is(
    services: Services, ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "_STEP", 3)
    written = [publish(services, ada, f"tea {number}") for number in range(10)]
    services.indexes.look_over()
    assert found(services, "tea") == written[::-1]


def test_looking_over_takes_out_what_is_no_more_and_brings_back_what_is_missing(
    services: Services, ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "_STEP", 3)
    written = [publish(services, ada, f"tea {number}") for number in range(8)]
    services.indexes.look_over()
    for id_ in written[::2]:
        services.twoots.delete(ada, id_)  # whose events are lost here
    services.storage.transact(lambda tx: index.remove(tx, [written[1]]))
    for _ in range(6):
        services.indexes.look_over(max_seconds=0)
    assert found(services, "tea") == written[1::2][::-1]
    assert rows(services) == (4, 4)


def test_a_deleted_account_leaves_nothing_to_be_found(services: Services, ada: Viewer, drain: Drain) -> None:
    publish(services, ada, "tea")
    drain()
    services.deletions.request(ada)
    drain()
    assert rows(services) == (0, 0)
    assert services.storage.database.execute_sql(
        f"SELECT COUNT(*) FROM account_names WHERE account_id = {ada.account_id}"  # noqa: S608 - a number
    ).fetchone() == (0,)
