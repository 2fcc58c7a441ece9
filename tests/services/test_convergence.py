"""Convergence: thousands of acts, events repeated and shuffled, Redis emptied; what was acknowledged is what is."""

from collections import Counter
from random import Random
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from tests.houses import PASSWORD
from tests.services.societies import OPTIONS, TAGS, Society
from twooter.domain import ids as id_rules
from twooter.domain import notifications, windows
from twooter.domain.actions import Kind
from twooter.domain.clients import Client
from twooter.domain.pages import Page
from twooter.domain.twoots import Retwoot
from twooter.domain.windows import Unit
from twooter.errors import Unavailable
from twooter.services.cards import Cards
from twooter.services.homes import Homes
from twooter.services.house import Services
from twooter.storage.outbox import Delivery

PEOPLE, ACTS, ROUNDS = 24, 1_500, 25
EVERYTHING = Page(100)


@pytest.fixture
def changes(redis_url: str) -> dict[str, Any]:
    """Ask for Redis, and for an answer on a busy machine."""
    return {"cache_url": SecretStr(redis_url), "cache_timeout_seconds": 1.0}


@pytest.fixture(params=[1, 2])
def society(request: pytest.FixtureRequest, services: Services, redis_url: str) -> Society:
    """Let people live together while their events come twice, in any order, and Redis forgets."""
    chance = Random(request.param)
    found = Society(services, [], chance)
    for number in range(PEOPLE):
        account = services.accounts.register(f"person{number}", f"p{number}@example.com", PASSWORD, None)
        token = services.tokens.issue(account.id, Client("192.0.2.1")).bearer
        found.people.append(services.authenticate(token))
        found.tokens[account.id] = token
    waiting: list[Delivery] = []
    with redis.Redis.from_url(redis_url, socket_timeout=5) as behind:
        for number in range(ROUNDS):
            found.live(ACTS // ROUNDS)
            disturb(services, chance, waiting)
            for viewer in chance.sample(found.people, 3):
                services.homes.page(viewer, EVERYTHING)  # and so kept in Redis from now on
            if number % 8 == 7:
                behind.flushdb()
    while seal(services, waiting) or waiting:
        waiting = bring(services, waiting)
    return found


def disturb(services: Services, chance: Random, waiting: list[Delivery]) -> None:
    """Bring half of what waits to its consumers, in any order, some of it twice; the rest comes later."""
    seal(services, waiting)
    chance.shuffle(waiting)
    half = [waiting.pop() for _ in range(len(waiting) // 2)]
    waiting += bring(services, [*half, *half[:3]])


def seal(services: Services, waiting: list[Delivery]) -> bool:
    """Add to what waits all that people have done; return whether they had."""
    before = len(waiting)
    while (sealed := services.outboxes.seal())[0]:
        waiting += sealed[1]
    return len(waiting) > before


def bring(services: Services, deliveries: list[Delivery]) -> list[Delivery]:
    """Bring batches to their consumers; return those that are to be brought again, since a part did not answer."""
    left = []
    for delivery in deliveries:
        try:
            services.batches.run(delivery.consumer, delivery.batch_id)
        except Unavailable:
            left.append(delivery)
    return left


def shown(homes: Homes, society: Society, viewer_id: int) -> list[int]:
    (viewer,) = [person for person in society.people if person.account_id == viewer_id]
    items = homes.page(viewer, EVERYTHING).items
    return [item.card.twoot.id if isinstance(item, Retwoot) else item.twoot.id for item in items]


def test_everything_ends_as_what_was_acknowledged(society: Society, services: Services) -> None:
    assert len(society.twoots) > 10
    assert len(society.follows) > 10
    assert len(society.likes) > 10
    assert len(society.votes) > 10
    check_graph(society, services)
    check_counts(society, services)
    check_polls(society, services)
    check_audience(society, services)
    check_homes(society, services)
    check_notifications(society, services)
    assert services.audits.audit().amounts == {}


def check_graph(society: Society, services: Services) -> None:
    for person in society.people:
        account = services.accounts.get(person.account_id)
        followers = {a for a, b in society.follows if b == account.id}
        following = {b for a, b in society.follows if a == account.id}
        assert (account.followers, account.following) == (len(followers), len(following))
        for read, expected in (
            (services.people.followers, followers),
            (services.people.following, following),
        ):
            found = read(account.id, EVERYTHING, person).items
            assert {one.id for one in found} == {
                id_ for id_ in expected if (id_, account.id) not in society.blocks
            }
        asking = {one.id for one in services.people.requests(person, EVERYTHING).items}
        assert asking == {a for a, b in society.requests if b == account.id}


def check_counts(society: Society, services: Services) -> None:
    likes, retwoots = Counter(id_ for _, id_ in society.likes), Counter(id_ for _, id_ in society.retwoots)
    twoots = society.twoots.values()
    replies = Counter(twoot.parent.id for twoot in twoots if twoot.parent)
    quotes = Counter(twoot.quote.id for twoot in twoots if twoot.quote)
    for twoot in twoots:
        (person,) = [person for person in society.people if person.account_id == twoot.author_id]
        found = services.twoots.get(twoot.id, person).twoot
        expected = (replies[twoot.id], likes[twoot.id], retwoots[twoot.id], quotes[twoot.id])
        assert (found.replies, found.likes, found.retwoots, found.quotes) == expected, twoot.id
        assert found.text == twoot.text
    written = Counter(twoot.author_id for twoot in twoots)
    for person in society.people:
        assert services.accounts.get(person.account_id).twoots == written[person.account_id]
    for tag in TAGS:
        assert services.histories.get(tag, Unit.DAY, None, None).uses == society.uses()[tag]


def check_audience(society: Society, services: Services) -> None:
    summary = services.analytics.summary()
    given = Counter(kind for kind, _, _ in society.given)
    assert (summary.totals.likes, summary.totals.retwoots) == (given[Kind.LIKE], given[Kind.RETWOOT])
    assert summary.totals.follows == len(society.follows)
    (present,) = services.analytics.retention(services.analytics.reach(None, None, 1))[-1:]
    there = len(society.participants())
    by_day = [day.participants for day in summary.days]
    assert max(by_day) <= there <= sum(by_day)  # one day, unless midnight lies in between
    assert summary.totals.accounts == len(society.people)
    if windows.week_start(id_rules.time_ms(society.people[0].account_id)) == present.start_ms:
        assert (present.accounts, present.participants) == (len(society.people), (there,))


def check_polls(society: Society, services: Services) -> None:
    for twoot in society.twoots.values():
        given = [choices for (_, id_), choices in society.votes.items() if id_ == twoot.id]
        (person,) = [person for person in society.people if person.account_id == twoot.author_id]
        found = services.twoots.get(twoot.id, person).poll
        assert (found is not None) == twoot.has_poll
        if found is not None:
            counted = Counter(place for choices in given for place in choices)
            assert (found.voters, found.votes) == (len(given), tuple(counted[n] for n in range(len(OPTIONS))))


def check_homes(society: Society, services: Services) -> None:
    by_database = Homes(services.storage, Cards(services.storage), services.homes._popular, None)
    for person in society.people:
        id_ = person.account_id
        first, again = shown(services.homes, society, id_), shown(services.homes, society, id_)
        assert set(first) == society.home(id_)
        assert first == again == shown(by_database, society, id_)
        assert len(set(first)) == len(first)


def check_notifications(society: Society, services: Services) -> None:
    kind = notifications.Kind
    for person in society.people:
        id_ = person.account_id
        items = services.notifications.page(person, [], EVERYTHING, grouped=False).items
        told = Counter(
            (item.kind, item.accounts[0].id, item.card.twoot.id if item.card else 0) for item in items
        )
        assert all(count == 1 for count in told.values())
        true = {
            (kind.LIKE, by, twoot_id)
            for by, twoot_id in society.likes
            if society.twoots[twoot_id].author_id == id_ != by
        }
        true |= {
            (kind.RETWOOT, by, twoot_id)
            for by, twoot_id in society.retwoots
            if society.twoots[twoot_id].author_id == id_ != by
        }
        true |= {(kind.FOLLOW, by, 0) for by, target in society.follows if target == id_}
        about = {what for what in told if what[0] in (kind.LIKE, kind.RETWOOT, kind.FOLLOW)}
        assert about <= true
        if len(items) < EVERYTHING.limit:
            assert {
                what for what in true - about if frozenset((id_, what[1])) not in society.troubled
            } == set()
