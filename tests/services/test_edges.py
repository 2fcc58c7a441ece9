"""Edges: events of replies change their parents' accounts, however they are delivered."""

import random
from collections.abc import Callable

import pytest

from tests.queries import recorded
from tests.services.conftest import SignIn
from twooter.domain.accounts import Viewer
from twooter.domain.events import AccountEvent, Envelope, TwootEvent
from twooter.domain.twoots import Draft
from twooter.services.edges import Edges
from twooter.services.house import Services


@pytest.fixture
def edges(services: Services) -> Edges:
    """Return the consumer."""
    return Edges(services.storage)


@pytest.fixture
def people(join: SignIn) -> list[Viewer]:
    """Sign in three people who write."""
    return [join(name) for name in ("ada", "bob", "cho")]


def reply(
    parent: tuple[int, int], twoot_id: int, *, sign: int = 1, version: int = 1, author_id: int = 9
) -> Envelope:
    """Return the event of a reply to (twoot, author)."""
    return Envelope(TwootEvent(sign, author_id, twoot_id, 0, (), *parent, version), 0, None)


def count_of(services: Services, id_: int) -> int:
    return services.twoots.get(id_, None).twoot.replies


def test_replies_to_several_accounts_are_counted_at_each(
    services: Services, edges: Edges, people: list[Viewer]
) -> None:
    parents = [(services.twoots.publish(p, Draft("?")).twoot.id, p.account_id) for p in people]
    edges.handle([reply(parent, 100 + n + 10 * m) for n, parent in enumerate(parents) for m in range(n + 1)])
    assert [count_of(services, id_) for id_, _ in parents] == [1, 2, 3]


def test_each_account_is_changed_in_a_transaction_of_its_own(
    services: Services, edges: Edges, people: list[Viewer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a sharded database a transaction is of one account; and one account's trouble is not the others'."""
    parents = [(services.twoots.publish(p, Draft("?")).twoot.id, p.account_id) for p in people]
    began: list[int] = []
    real = services.storage._once

    def once(work: Callable[..., object], *, at_once: bool) -> object:
        began.append(1)
        return real(work, at_once=at_once)

    monkeypatch.setattr(services.storage, "_once", once)
    edges.handle([reply(parent, 100 + n) for n, parent in enumerate(parents * 2)])
    assert len(began) == len(parents)


def test_other_events_are_passed_over(services: Services, edges: Edges) -> None:
    with recorded(services.storage) as names:
        edges.handle(
            [
                Envelope(AccountEvent(1, 7, 0), 0, None),
                Envelope(TwootEvent(1, 7, 8, 0, (), None, None, 1), 0, None),
            ]
        )
        edges.handle([])
    assert names == []


def test_delivered_three_times_and_shuffled_it_is_the_same(
    services: Services, edges: Edges, people: list[Viewer]
) -> None:
    rng = random.Random(3)
    parents = [(services.twoots.publish(p, Draft("?")).twoot.id, p.account_id) for p in people]
    written = [reply(rng.choice(parents), 100 + n) for n in range(30)]
    deleted = [
        reply((e.event.parent_id or 0, e.event.parent_author_id or 0), e.event.twoot_id, sign=-1, version=2)
        for e in rng.sample(written, 12)
        if isinstance(e.event, TwootEvent)
    ]
    delivered = (written + deleted) * 3
    rng.shuffle(delivered)
    for at in range(0, len(delivered), 17):
        edges.handle(delivered[at : at + 17])
    gone = {e.event.twoot_id for e in deleted if isinstance(e.event, TwootEvent)}
    for id_, _ in parents:
        left = [
            e for e in written
            if isinstance(e.event, TwootEvent) and e.event.parent_id == id_ and e.event.twoot_id not in gone
        ]  # fmt: skip
        assert count_of(services, id_) == len(left)


def test_more_replies_than_one_step_takes_are_all_counted(
    services: Services, edges: Edges, people: list[Viewer]
) -> None:
    parent = services.twoots.publish(people[0], Draft("?")).twoot
    edges.handle([reply((parent.id, parent.author_id), 100 + n) for n in range(600)])
    assert count_of(services, parent.id) == 600
