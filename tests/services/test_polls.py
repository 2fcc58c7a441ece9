"""Polls: each account counts once, results are for whoever has voted or when it ends, nothing of one outlives it."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.crowds import at_once
from tests.queries import recorded
from tests.services.conftest import SignIn
from tests.services.happenings import person, rows
from twooter.domain.accounts import Viewer
from twooter.domain.events import VoteEvent
from twooter.domain.notifications import Kind
from twooter.domain.pages import Page
from twooter.domain.polls import MAX_OPEN_MS, Poll
from twooter.domain.twoots import Draft, Ref, Row, Twoot, Visibility
from twooter.errors import Conflict, Forbidden, Invalid, NotFound
from twooter.services import poll_ends
from twooter.services.cards import Cards
from twooter.services.edits import Change
from twooter.services.house import Services
from twooter.storage import outbox, votes
from twooter.storage.tables import Polls, PollVotes, Votes

Drain = Callable[[], None]
OPTIONS = ("tea", "coffee", "water")
HOUR_MS = 3_600_000
COUNTS = ("voters", "votes_0", "votes_1", "votes_2", "votes_3")


@pytest.fixture
def ada(join: SignIn) -> Viewer:
    """Sign Ada in, who asks."""
    return join("ada")


@pytest.fixture
def bob(join: SignIn) -> Viewer:
    """Sign Bob in, who answers."""
    return join("bob")


def ask(
    services: Services,
    viewer: Viewer,
    *,
    multiple: bool = False,
    visibility: Visibility = Visibility.PUBLIC,
    text: str = "What shall it be?",
) -> Twoot:
    poll = Poll(OPTIONS, multiple, services.ids.now_ms() + HOUR_MS)
    return services.twoots.publish(viewer, Draft(text, visibility=visibility, poll=poll)).twoot


def end(services: Services, twoot: Twoot) -> None:
    """Let a poll's time be over."""
    mark = services.storage.database.param
    sql = f"UPDATE polls SET ends_ms = 1, due_ms = 1 WHERE twoot_id = {mark}"  # noqa: S608 - no value is in the text
    services.storage.database.execute_sql(sql, (twoot.id,))


def seen(services: Services, twoot: Twoot, viewer: Viewer | None) -> tuple[int, tuple[int, ...] | None]:
    """Return how many have voted, as somebody sees it, and for what, where it is shown."""
    poll = services.twoots.get(twoot.id, viewer).poll
    assert poll is not None
    return poll.voters, poll.votes if poll.shows_votes else None


def told(services: Services, viewer: Viewer) -> list[int]:
    """Return of which polls' ends somebody was told."""
    found = services.notifications.page(viewer, [Kind.POLL], Page(100), grouped=False)
    return [item.card.twoot.id for item in found.items if item.card is not None]


def counts(services: Services) -> list[tuple[int, ...]]:
    return rows(services, Polls, *COUNTS)


def test_a_vote_shows_the_results_at_once_to_who_gave_it_and_then_to_the_author(
    services: Services, ada: Viewer, bob: Viewer, join: SignIn, drain: Drain
) -> None:
    cho, twoot = join("cho"), ask(services, ada)
    assert seen(services, twoot, bob) == (0, None)
    card = services.polls.vote(bob, twoot.id, [1])
    assert card.poll is not None
    assert (card.poll.votes, card.poll.choices) == ((0, 1, 0), (1,))
    assert seen(services, twoot, ada) == (0, (0, 0, 0))  # no worker has heard of it
    drain()
    assert seen(services, twoot, bob) == seen(services, twoot, ada) == (1, (0, 1, 0))
    assert seen(services, twoot, cho) == seen(services, twoot, None) == (1, None)
    end(services, twoot)
    assert seen(services, twoot, cho) == seen(services, twoot, None) == (1, (0, 1, 0))


def test_several_options_count_for_each_and_their_voter_once(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    twoot = ask(services, ada, multiple=True)
    services.polls.vote(bob, twoot.id, [2, 0])
    drain()
    assert seen(services, twoot, bob) == (1, (1, 0, 1))


def test_a_vote_stays_as_it_is(services: Services, ada: Viewer, bob: Viewer, drain: Drain) -> None:
    twoot = ask(services, ada, multiple=True)
    for _ in range(2):
        services.polls.vote(bob, twoot.id, [0, 1])
    services.polls.vote(bob, twoot.id, [1, 0])
    with pytest.raises(Conflict, match="stays as it is"):
        services.polls.vote(bob, twoot.id, [0])
    drain()
    end(services, twoot)
    services.polls.vote(bob, twoot.id, [1, 0])  # said again after the end, it is still what was voted
    assert seen(services, twoot, None) == (1, (1, 1, 0))


@pytest.mark.parametrize("choices", [[], [3], [-1], [0, 0], [0, 1]])
def test_what_is_no_vote_is_refused(services: Services, ada: Viewer, bob: Viewer, choices: list[int]) -> None:
    with pytest.raises(Invalid):
        services.polls.vote(bob, ask(services, ada).id, choices)


def test_nobody_votes_after_the_end_nor_in_its_own_poll_nor_where_there_is_none(
    services: Services, ada: Viewer, bob: Viewer
) -> None:
    twoot = ask(services, ada)
    with pytest.raises(Forbidden):
        services.polls.vote(ada, twoot.id, [0])
    end(services, twoot)
    with pytest.raises(Conflict, match="ended"):
        services.polls.vote(bob, twoot.id, [0])
    plain = services.twoots.publish(ada, Draft("No question")).twoot
    with pytest.raises(NotFound, match="poll"):
        services.polls.vote(bob, plain.id, [0])


def test_nobody_votes_in_what_it_may_not_see(
    services: Services, ada: Viewer, bob: Viewer, join: SignIn, drain: Drain
) -> None:
    cho = join("cho")
    closed, public = ask(services, ada, visibility=Visibility.FOLLOWERS), ask(services, ada)
    services.blocks.block(ada, cho.account_id)
    for viewer, twoot in ((bob, closed), (cho, public)):
        with pytest.raises(NotFound):
            services.polls.vote(viewer, twoot.id, [0])
    drain()
    assert rows(services, Votes, "account_id") == []


@pytest.mark.parametrize(
    ("options", "ends_in_ms"),
    [
        (("one",), HOUR_MS),
        (("a", "b", "c", "d", "e"), HOUR_MS),
        (("same", " same "), HOUR_MS),
        (("", "b"), HOUR_MS),
        (("x" * 51, "b"), HOUR_MS),
        (("two\nlines", "b"), HOUR_MS),
        (OPTIONS, -1),
        (OPTIONS, MAX_OPEN_MS + HOUR_MS),
    ],
)
def test_a_poll_that_cannot_be_is_refused(
    services: Services, ada: Viewer, options: tuple[str, ...], ends_in_ms: int
) -> None:
    poll = Poll(options, False, services.ids.now_ms() + ends_in_ms)
    with pytest.raises(Invalid) as caught:
        services.twoots.publish(ada, Draft("Well?", poll=poll))
    assert all(error.field.startswith("poll.") for error in caught.value.errors)
    assert rows(services, Polls, "twoot_id") == []


def test_a_hundred_voters_at_once_all_count_and_one_who_votes_a_hundred_times_counts_once(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    twoot, chance = ask(services, ada), random.Random(7)
    crowd = [(person(services), chance.randrange(3)) for _ in range(100)]
    for at in range(0, 100, 20):
        done = at_once(
            services.storage,
            [
                lambda viewer=viewer, choice=choice: services.polls.vote(viewer, twoot.id, [choice])  # type: ignore[misc]  # defaults bind the loop's variables
                for viewer, choice in crowd[at : at + 20]
            ],
        )
        assert not [answer for answer in done if isinstance(answer, Exception)]
    for _ in range(5):
        done = at_once(
            services.storage,
            [lambda: services.polls.vote(bob, twoot.id, [chance.randrange(3)]) for _ in range(20)],
        )
        assert all(not isinstance(answer, Exception) or isinstance(answer, Conflict) for answer in done)
    drain()
    (given,) = [row[1] for row in rows(services, Votes, "account_id", "choices") if row[0] == bob.account_id]
    expected = [sum(choice == place for _, choice in crowd) + (given == 1 << place) for place in range(3)]
    assert counts(services) == [(101, *expected, 0)]
    assert services.audits.audit().amounts == {}


def test_votes_brought_twice_and_in_any_order_count_once(
    services: Services, ada: Viewer, drain: Drain
) -> None:
    twoot, chance = ask(services, ada), random.Random(3)
    given = []
    for _ in range(12):
        vote = votes.Vote(ada.account_id, twoot.id, person(services).account_id, 1 << chance.randrange(3))
        services.storage.transact(lambda tx, vote=vote: votes.insert(tx, vote))  # type: ignore[misc]  # a default binds the loop's variable
        given += [vote, vote]
    gone = [replace(vote, version=2, active=False) for vote in given[:4]]
    given += gone
    chance.shuffle(given)
    for at in range(0, len(given), 5):
        services.tallies.count(ada.account_id, given[at : at + 5])
    left = {vote.account_id: vote.choices for vote in given} | {vote.account_id: 0 for vote in gone}
    expected = [sum(bits == 1 << place for bits in left.values()) for place in range(3)]
    assert counts(services) == [(10, *expected, 0)]


def test_the_end_is_told_once_to_who_asked_and_who_voted(
    services: Services,
    ada: Viewer,
    bob: Viewer,
    join: SignIn,
    drain: Drain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(poll_ends, "_STEP", 2)  # so that it takes several steps
    cho, twoot = join("cho"), ask(services, ada)
    crowd = [bob, *(join(f"voter{number}") for number in range(4))]
    for viewer in crowd:
        services.polls.vote(viewer, twoot.id, [0])
    drain()
    assert services.poll_ends.sweep() == 0
    end(services, twoot)
    at_once(services.storage, [services.poll_ends.sweep] * 4)
    assert services.poll_ends.sweep() == 0
    drain()
    assert [told(services, viewer) for viewer in (ada, *crowd)] == [[twoot.id]] * 6
    assert told(services, cho) == []
    assert services.notifications.unread(ada).count == 1


def test_a_vote_that_workers_hear_of_after_the_end_is_told_of_it_too(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    twoot = ask(services, ada)
    services.polls.vote(bob, twoot.id, [0])
    end(services, twoot)
    services.poll_ends.sweep()
    drain()
    assert told(services, bob) == [twoot.id]
    assert seen(services, twoot, None) == (1, (1, 0, 0))


def test_with_its_twoot_a_poll_goes_and_every_vote_in_it(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll_ends, "_STEP", 2)
    kept, twoot = ask(services, ada), ask(services, ada)
    for viewer in [bob, *(person(services) for _ in range(5))]:
        for one in (kept, twoot):
            services.polls.vote(viewer, one.id, [0])
    drain()
    late = person(services)
    services.polls.vote(late, twoot.id, [1])  # of which workers hear when it is gone
    services.twoots.delete(ada, twoot.id)
    with pytest.raises(NotFound):
        services.polls.vote(bob, twoot.id, [0])
    services.poll_ends.sweep()
    drain()
    for table in (Polls, Votes, PollVotes):
        assert {row[0] for row in rows(services, table, "twoot_id")} == {kept.id}
    assert counts(services) == [(6, 6, 0, 0, 0)]
    assert services.audits.audit().amounts == {}


def test_a_deleted_account_takes_its_votes_back_and_its_polls_with_it(
    services: Services, ada: Viewer, bob: Viewer, join: SignIn, drain: Drain
) -> None:
    cho, own = join("cho"), ask(services, bob)
    twoot = ask(services, ada)
    for viewer, one in ((bob, twoot), (cho, twoot), (cho, own)):
        services.polls.vote(viewer, one.id, [1])
    drain()
    end(services, twoot)
    services.deletions.request(bob)
    drain()
    services.deletions.sweep()
    drain()
    services.poll_ends.sweep()
    drain()
    assert seen(services, twoot, None) == (1, (0, 1, 0))
    assert rows(services, Votes, "account_id", "twoot_id") == [(cho.account_id, twoot.id)]
    assert rows(services, Polls, "twoot_id") == [(twoot.id,)]
    assert services.audits.audit().amounts == {}


def test_an_edit_leaves_the_poll_and_its_votes(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    twoot = ask(services, ada)
    services.polls.vote(bob, twoot.id, [2])
    drain()
    card = services.edits.edit(ada, twoot.id, Change(text="What shall it really be?"))
    assert card.poll is not None
    assert (card.poll.poll.options, card.poll.votes) == (OPTIONS, (0, 0, 1))


def test_a_poll_is_shown_wherever_its_twoot_is_with_the_viewers_own_vote(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    twoot = ask(services, ada, text="What shall it be? #tea")
    quote = services.twoots.publish(bob, Draft("Look", quote_of=twoot.id)).twoot
    services.follows.follow(bob, ada.account_id)
    services.polls.vote(bob, twoot.id, [0])
    drain()
    public = services.timelines.public(Page())
    by_bob = services.timelines.seen_by(bob, public)
    cards = [
        services.homes.page(bob, Page()).items[1],
        services.timelines.account(ada.account_id, Page(), bob).items[0],
        services.threads.get(twoot.id, Page(), bob).card,
        services.twoots.get(quote.id, bob).quoted,
        by_bob.items[1],
        by_bob.items[0].quoted,
    ]
    for card in cards:
        assert card is not None
        assert (card.poll.votes, card.poll.choices) == ((1, 0, 0), (0,))  # type: ignore[union-attr]  # fails where it is None
    for card in public.items:
        inner = card.quoted or card
        assert inner.poll is not None
        assert not inner.poll.shows_votes


def test_each_listener_is_shown_a_poll_as_it_stands_for_it(
    services: Services, ada: Viewer, bob: Viewer, join: SignIn, drain: Drain
) -> None:
    cho, twoot = join("cho"), ask(services, ada)
    services.polls.vote(bob, twoot.id, [0])
    drain()
    row = Row(twoot.id, ada.account_id, Ref(twoot.id, ada.account_id))
    viewers = [ada, bob, cho]
    with recorded(services.storage) as names:
        items = services.storage.read(
            lambda tx: Cards(services.storage).of_row(tx, row, [viewer.account_id for viewer in viewers])
        )
    assert names.count("votes_of_viewers") == names.count("polls_by_keys") == 1
    shown = [items[viewer.account_id].poll for viewer in viewers]  # type: ignore[union-attr]  # cards, for nobody passed anything on
    assert [poll and poll.shows_votes for poll in shown] == [True, True, False]
    assert [poll and poll.choices for poll in shown] == [None, (0,), None]


def test_a_page_without_polls_asks_for_none_and_one_with_many_asks_once(
    services: Services, ada: Viewer, bob: Viewer
) -> None:
    services.twoots.publish(ada, Draft("No question"))
    services.timelines.account(ada.account_id, Page(), bob)
    found = []
    for number in (0, 1, 5):
        for _ in range(number):
            ask(services, ada)
        with recorded(services.storage) as names:
            services.timelines.account(ada.account_id, Page(), bob)
        found.append(names)
    plain, one, many = found
    assert "polls_seen" not in plain
    assert sorted(one) == sorted(many) == sorted([*plain, "polls_seen"])


def test_a_vote_writes_one_event_and_none_when_it_is_said_again(
    services: Services, ada: Viewer, bob: Viewer, drain: Drain
) -> None:
    twoot = ask(services, ada)
    drain()
    for _ in range(3):
        services.polls.vote(bob, twoot.id, [0])
    taken = services.storage.transact(outbox.take)
    assert len(taken.ids) == 1
    assert VoteEvent.kind.encode() in taken.packed[0]
