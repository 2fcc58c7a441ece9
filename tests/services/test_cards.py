"""Cards: twoots with their authors, in a fixed number of statements, without what may not be seen."""

from dataclasses import replace

import pytest

from tests.queries import recorded
from tests.services.conftest import SignIn
from twooter.domain.twoots import Card, Draft
from twooter.errors import NotFound
from twooter.services.cards import Cards
from twooter.services.house import Services
from twooter.storage.entries import Entry


@pytest.fixture
def cards(services: Services) -> Cards:
    """Return the service."""
    return Cards(services.storage)


@pytest.fixture
def written(services: Services, join: SignIn) -> list[Card]:
    """Publish three twoots of Ada's and three of Bob's, in turn."""
    people = [join("ada"), join("bob")]
    made = [services.twoots.publish(people[n % 2], Draft(f"number {n}")) for n in range(6)]
    return [replace(card, flags=None) for card in made]


def entries_of(written: list[Card]) -> list[Entry]:
    return [(card.twoot.id, card.author.id) for card in written]


def test_cards_are_assembled_in_two_statements_however_many(
    services: Services, cards: Cards, written: list[Card]
) -> None:
    with recorded(services.storage) as names:
        found = services.storage.read(lambda tx: cards.of_entries(tx, entries_of(written), None))
    assert found == {card.twoot.id: card for card in written}
    assert names == ["twoots_by_keys", "authors_by_ids"]


def test_no_entries_cost_no_statement(services: Services, cards: Cards) -> None:
    with recorded(services.storage) as names:
        assert services.storage.read(lambda tx: cards.of_entries(tx, [], None)) == {}
    assert names == []


def test_cards_keep_the_order_of_the_twoots(services: Services, cards: Cards, written: list[Card]) -> None:
    mixed = [written[n] for n in (3, 0, 5, 1)]
    assert services.storage.read(lambda tx: cards.of(tx, [card.twoot for card in mixed], None)) == mixed


def test_what_is_gone_or_hidden_is_left_out(services: Services, cards: Cards, written: list[Card]) -> None:
    services.accounts.suspend("bob")
    services.twoots.remove(written[0].twoot)
    found = services.storage.read(lambda tx: cards.of_entries(tx, entries_of(written), None))
    assert list(found.values()) == [written[2], written[4]]
    with pytest.raises(NotFound):
        cards.one(written[1].twoot, None)


def test_an_entry_under_another_author_leads_nowhere(
    services: Services, cards: Cards, written: list[Card]
) -> None:
    """An entry carries the author, which names the shard: a wrong one must not find another shard's twoot."""
    astray = [(written[0].twoot.id, written[1].author.id)]
    assert services.storage.read(lambda tx: cards.of_entries(tx, astray, None)) == {}
