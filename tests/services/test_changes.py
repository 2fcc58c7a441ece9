"""Changes: told to the logs that are there, at a cost that does not grow with what they are of."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from tests import graphs
from tests.queries import recorded
from tests.services.conftest import SignIn
from tests.services.test_homes import publish
from twooter.domain.events import EditEvent, Envelope, Event, TwootEvent
from twooter.domain.streams import ACCOUNTS, CHANGED, GONE, Pointer
from twooter.metrics import STREAM_APPENDS
from twooter.services.edits import Change
from twooter.services.fanout import Fanout
from twooter.services.house import Services
from twooter.storage import fanouts


@pytest.fixture
def changes(redis_url: str) -> dict[str, Any]:
    """Ask for Redis, and for an answer on a busy machine."""
    return {"cache_url": SecretStr(redis_url), "cache_timeout_seconds": 1.0}


def entries(services: Services, log: str) -> list[Pointer]:
    """Return what a log has been told."""
    return [news.pointer for news in services.audiences.logs.read(log, 0)[1]][1:]


def fan_out(services: Services) -> list[str]:
    """Run the fan-out of what happened since, and return the statements of it."""
    _, deliveries = services.outboxes.seal()
    batch_id = next(found.batch_id for found in deliveries if found.consumer == "fanout")
    with recorded(services.storage) as names:
        services.batches.run("fanout", batch_id)
    return [name for name in names if name != "popular_accounts"]  # asked every few seconds


@pytest.mark.parametrize("page", [1, 3, 100])
def test_followers_that_listen_are_told_over_many_pages_and_nobody_else(
    services: Services, join: SignIn, drain: Callable[[], None], monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(fanouts, "PAGE", page)
    ada, *readers = [join(f"person{n}") for n in range(6)]
    for reader in readers:
        graphs.follow(services, reader.account_id, ada.account_id)
    twoot = publish(services, ada, "One. #tea")
    drain()
    listening = [f"home:{one.account_id}" for one in (ada, readers[0], readers[-1])]
    tags = ["public", "tag:tea", "tag:jam", "under:jam"]
    services.audiences.open([*listening, *tags])
    before = STREAM_APPENDS._value.get()
    services.edits.edit(ada, twoot.id, Change(text="Two. #jam"))
    services.edits.edit(ada, twoot.id, Change(text="Three. #jam"))
    fan_out(services)
    assert STREAM_APPENDS._value.get() - before == len(listening + tags)  # once for both
    for log in (*listening, *tags):
        assert entries(services, log) == [Pointer(CHANGED, (twoot.id, ada.account_id))]
    assert services.audiences.logs.read(f"home:{readers[1].account_id}", 0) == (None, [])


def test_changes_cost_the_same_statements_whatever_they_are_of(
    services: Services, join: SignIn, drain: Callable[[], None]
) -> None:
    ada = join("ada")
    services.audiences.open(["public", f"home:{ada.account_id}"])
    costs: list[list[str]] = []
    for count in (1, 7):
        for number in range(count):
            graphs.follow(services, join(f"reader{len(costs)}x{number}").account_id, ada.account_id)
        twoots = [publish(services, ada, "Once. #tea") for _ in range(2 * count)]
        drain()
        for twoot in twoots[:count]:
            services.edits.edit(ada, twoot.id, Change(text="Twice. #jam"))
        for twoot in twoots[count:]:
            services.twoots.delete(ada, twoot.id)
        costs.append(fan_out(services))
    assert costs[0] == costs[1]


def test_without_logs_changes_ask_nothing(services: Services) -> None:
    told: list[Event] = [
        EditEvent(7, 8, 9, (), (), (), None, "public", 2),
        TwootEvent(-1, 7, 8, 9, (), None, None, 2),
    ]
    with recorded(services.storage) as names:
        Fanout(services.storage, services.homes._popular, None).handle([Envelope(it, 1, None) for it in told])
    assert names == []


def test_of_a_deleted_account_one_entry_is_written_and_none_for_its_twoots(
    services: Services, join: SignIn, drain: Callable[[], None]
) -> None:
    ada, ben = join("ada"), join("ben")
    graphs.follow(services, ben.account_id, ada.account_id)
    for _ in range(3):
        publish(services, ada)
    drain()
    services.audiences.open([ACCOUNTS, "public", f"home:{ben.account_id}"])
    services.deletions.request(ada)
    drain()
    assert entries(services, ACCOUNTS) == [Pointer(GONE, (ada.account_id,))]
    assert entries(services, "public") == entries(services, f"home:{ben.account_id}") == []


def test_of_those_who_passed_it_on_no_more_are_told_than_is_bounded(
    services: Services, join: SignIn, drain: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanouts, "PAGE", 2)
    monkeypatch.setattr("twooter.services.changes.MAX_READERS", 3)
    monkeypatch.setattr("twooter.services.changes.MAX_RETWOOTERS", 2)
    ada, *others = [join(f"person{n}") for n in range(9)]
    retwooters, readers = others[:3], others[3:]
    twoot = publish(services, ada)
    for one in retwooters:
        graphs.retwoot(services, one.account_id, twoot)
    for reader in readers:
        graphs.follow(services, reader.account_id, retwooters[0].account_id)
    drain()
    logs = {id_: [f"home:{one.account_id}" for one in some] for id_, some in enumerate((retwooters, readers))}
    services.audiences.open([*logs[0], *logs[1]])
    services.twoots.delete(ada, twoot.id)
    fan_out(services)
    told = [sum(len(entries(services, log)) for log in some) for some in logs.values()]
    assert told == [2, 4], "two who passed it on, and pages of followers up to the bound"
