"""Threads: the conversation above and below a twoot, in order, without what is gone or not for the viewer."""

import time
from itertools import pairwise

import pytest

from tests import houses
from tests.outbox import drain
from tests.queries import recorded
from tests.services.conftest import SignIn
from twooter.domain.accounts import Viewer
from twooter.domain.pages import Page
from twooter.domain.twoots import MAX_ANCESTORS, Draft, Visibility
from twooter.errors import NotFound
from twooter.services.house import Services
from twooter.services.threads import Thread
from twooter.settings import Settings


@pytest.fixture
def people(join: SignIn) -> list[Viewer]:
    """Sign in three people who talk."""
    return [join(name) for name in ("ada", "bob", "cy")]


def say(services: Services, viewer: Viewer, text: str, to: int | None = None, **given: object) -> int:
    return services.twoots.publish(viewer, Draft(text, to, **given)).twoot.id  # type: ignore[arg-type]  # Draft's fields


def below(thread: Thread) -> list[int]:
    return [card.twoot.id for card in thread.below.items]


def test_a_conversation_is_read_from_each_of_its_twoots(services: Services, people: list[Viewer]) -> None:
    ada, bob, cy = people
    top = say(services, ada, "top")
    left, right = say(services, bob, "left", top), say(services, cy, "right", top)
    deep = say(services, ada, "deep", left)
    deeper = say(services, cy, "deeper", deep)
    drain(services)
    seen = services.threads.get(top, Page(), None)
    assert (seen.ancestors, seen.card.twoot.id, below(seen)) == ([], top, [left, right, deep, deeper])
    seen = services.threads.get(deep, Page(), bob)
    assert [(id_, card.twoot.id if card else None) for id_, card in seen.ancestors] == [
        (top, top),
        (left, left),
    ]
    assert below(seen) == [deeper]
    assert below(services.threads.get(right, Page(), None)) == []


def test_an_answer_stands_below_its_question_though_that_came_from_a_process_whose_clock_is_ahead(
    services: Services, settings: Settings, people: list[Viewer]
) -> None:
    ada, bob, cy = people
    top = say(services, ada, "top")
    with houses.opened(settings) as ahead:
        ahead.ids._hold().clock.set(services.ids.now_ms() + 900, time.monotonic())
        middle = say(ahead, bob, "middle", top)
        bottom = say(services, ada, "bottom", middle)
        quoted = say(ahead, ada, "quoted")
        quoting = say(services, cy, "look", quote_of=quoted)
    drain(services)
    assert below(services.threads.get(top, Page(), None)) == [middle, bottom]
    assert quoted < quoting


def test_pages_go_from_the_beginning_to_the_end_and_back(services: Services, people: list[Viewer]) -> None:
    top = say(services, people[0], "top")
    replies = [say(services, people[n % 3], f"{n}", top) for n in range(7)]
    drain(services)
    found, page = list[int](), Page(3)
    while True:
        part = services.threads.get(top, page, None).below
        found += [card.twoot.id for card in part.items]
        if part.next_before is None:
            break
        page = Page(3, before=part.next_before)
    assert found == replies
    back = services.threads.get(top, Page(3, after=part.prev_after), None).below
    assert [card.twoot.id for card in back.items] == replies[3:6]


def test_a_reply_to_a_deleted_twoot_says_so(services: Services, people: list[Viewer]) -> None:
    ada, bob, _ = people
    top = say(services, ada, "top")
    middle = say(services, bob, "middle", top)
    bottom = say(services, ada, "bottom", middle)
    services.twoots.delete(bob, middle)
    drain(services)
    above = services.threads.get(bottom, Page(), None).ancestors
    assert [(id_, card is None) for id_, card in above] == [(top, False), (middle, True)]
    assert below(services.threads.get(top, Page(), None)) == [bottom]
    with pytest.raises(NotFound):
        services.threads.get(middle, Page(), None)


def test_what_a_viewer_may_not_see_is_left_out_or_gone(services: Services, people: list[Viewer]) -> None:
    ada, bob, cy = people
    top = say(services, ada, "top")
    hidden = say(services, bob, "for @ada alone", top, visibility=Visibility.MENTIONED)
    answer = say(services, ada, "for all", hidden)
    drain(services)
    assert below(services.threads.get(top, Page(), cy)) == [answer]
    assert below(services.threads.get(top, Page(), ada)) == [hidden, answer]
    assert [card is None for _, card in services.threads.get(answer, Page(), cy).ancestors] == [False, True]
    assert [card is None for _, card in services.threads.get(answer, Page(), bob).ancestors] == [False] * 2


def test_a_conversation_is_shown_twenty_steps_up_and_down(services: Services, people: list[Viewer]) -> None:
    chain = [say(services, people[0], "0")]
    for number in range(1, MAX_ANCESTORS + 3):
        chain.append(say(services, people[number % 3], str(number), chain[-1]))
    drain(services)
    last = services.threads.get(chain[-1], Page(), None)
    assert [id_ for id_, _ in last.ancestors] == chain[-1 - MAX_ANCESTORS : -1]
    assert below(services.threads.get(chain[0], Page(100), None)) == chain[1 : MAX_ANCESTORS + 1]
    assert all(a < b for a, b in pairwise(chain))


def test_repeated_and_shuffled_events_make_the_same_conversation(
    services: Services, people: list[Viewer]
) -> None:
    top = say(services, people[0], "top")
    replies = [say(services, people[n % 3], f"{n}", top) for n in range(5)]
    services.twoots.delete(people[0], replies[0])
    _, deliveries = services.outboxes.seal()
    for delivery in [*reversed(deliveries), *deliveries] * 2:
        services.batches.run(delivery.consumer, delivery.batch_id)
    assert below(services.threads.get(top, Page(), None)) == replies[1:]


def test_a_thread_takes_the_same_few_statements_whatever_it_holds(
    services: Services, people: list[Viewer]
) -> None:
    top = say(services, people[0], "top")
    one = say(services, people[1], "one", top)
    drain(services)

    def statements(id_: int) -> list[str]:
        with recorded(services.storage) as names:
            services.threads.get(id_, Page(), people[2])
        return names

    few = statements(one)
    for number in range(9):
        say(services, people[number % 3], str(number), one)
    drain(services)
    assert sorted(set(statements(one))) == sorted(set(few) | {"thread_page"})
    assert len(statements(one)) == len(few) <= 9
