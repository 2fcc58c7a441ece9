"""An audit finds every poll that counts something else than was voted, and no other; a repair mends it."""

from collections.abc import Callable

import pytest

from tests.services.happenings import person
from twooter.domain.drifts import Kind
from twooter.domain.polls import Poll
from twooter.domain.twoots import Draft, Twoot
from twooter.services.house import Services

Drain = Callable[[], None]
DAMAGES = {
    "UPDATE polls SET voters = voters + 2": {Kind.POLL_COUNTS},
    "UPDATE polls SET votes_1 = votes_1 - 1": {Kind.POLL_COUNTS},
    "UPDATE polls SET votes_3 = 7": {Kind.POLL_COUNTS},
    "UPDATE poll_votes SET active = 0": {Kind.POLL_COUNTS, Kind.POLL_VOTES},
    "UPDATE poll_votes SET choices = 2": {Kind.POLL_COUNTS, Kind.POLL_VOTES},
    "DELETE FROM poll_votes": {Kind.POLL_COUNTS, Kind.POLL_VOTES},
    "DELETE FROM votes": {Kind.POLL_VOTES},
}


def poll(services: Services) -> Twoot:
    """Return a twoot whose poll three have voted in."""
    asked = Poll(("yes", "no", "perhaps"), True, services.ids.now_ms() + 3_600_000)
    twoot = services.twoots.publish(person(services), Draft("Well?", poll=asked)).twoot
    for choices in ([0], [0, 1], [2]):
        services.polls.vote(person(services), twoot.id, choices)
    return twoot


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_drifts_is_found_and_mended(services: Services, drain: Drain, damage: str) -> None:
    poll(services)
    twoot = poll(services)
    drain()
    services.storage.database.execute_sql(damage)
    assert set(services.audits.audit().amounts) == DAMAGES[damage]
    services.repairs.repair()
    assert services.audits.audit().amounts == {}
    found = services.twoots.get(twoot.id, None).poll
    assert found is not None
    assert (found.voters, found.votes) == ((0, (0, 0, 0)) if "FROM votes" in damage else (3, (2, 1, 1)))


def test_votes_on_their_way_are_no_drift_and_count_once_after_a_repair(
    services: Services, drain: Drain
) -> None:
    twoot = poll(services)
    assert services.audits.audit().amounts == {}
    services.repairs.repair()
    _, deliveries = services.outboxes.seal()
    assert services.audits.audit().amounts == {}
    for delivery in deliveries:
        services.batches.run(delivery.consumer, delivery.batch_id)
    drain()
    found = services.twoots.get(twoot.id, None).poll
    assert found is not None
    assert found.voters == 3


def test_votes_in_a_poll_that_is_gone_are_no_drift(services: Services, drain: Drain) -> None:
    poll(services)
    drain()
    services.storage.database.execute_sql("UPDATE polls SET gone = 1, voters = 9")
    services.storage.database.execute_sql("DELETE FROM votes")
    assert services.audits.audit().amounts == {}
