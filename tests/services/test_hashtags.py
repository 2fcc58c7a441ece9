"""Hashtags: one id for each key, whoever makes it and however often."""

from functools import partial

import pytest

from tests.crowds import at_once
from twooter.domain.grammar import Hashtag, tag_key
from twooter.services import hashtags as service
from twooter.services.hashtags import Hashtags
from twooter.services.house import Services
from twooter.storage import hashtags
from twooter.storage.tables import Hashtags as Table


def tags(*names: str) -> list[Hashtag]:
    """Return the hashtags of these spellings."""
    return [Hashtag(tag_key(name), name) for name in names]


def stored(services: Services) -> int:
    """Return how many hashtags are stored."""
    return int(services.storage.database.execute_sql("SELECT COUNT(*) FROM hashtags").fetchone()[0])


def name_of(services: Services, id_: int) -> str:
    """Return the spelling that is kept."""
    return services.storage.read(lambda tx: hashtags.fetch_names(tx, [id_]))[id_]


def fresh(services: Services) -> Hashtags:
    """Return the service of another process, which remembers nothing."""
    return Hashtags(services.storage, services.ids)


def test_ids_come_in_the_order_of_the_tags_known_and_new(services: Services) -> None:
    (tea,) = services.hashtags.ensure_ids(tags("tea"))
    found = fresh(services).ensure_ids(tags("rain", "tea", "sun"))
    assert found[1] == tea
    assert len(set(found)) == 3
    assert services.hashtags.ensure_ids(tags("sun", "rain")) == (found[2], found[0])
    assert services.hashtags.ensure_ids([]) == ()


def test_the_first_spelling_is_kept(services: Services) -> None:
    (first,) = services.hashtags.ensure_ids(tags("CaFÉ"))
    assert fresh(services).ensure_ids(tags("cafe\u0301", "CAFÉ")) == (first, first)
    assert name_of(services, first) == "CaFÉ"


def test_many_who_make_one_key_at_once_get_one_id(services: Services) -> None:
    services.ids.make()
    spellings = ["Tea", "tea", "TEA", "tEa"] * 4
    found = at_once(services.storage, [partial(fresh(services).ensure_ids, tags(name)) for name in spellings])
    assert len(set(map(str, found))) == 1, found
    (ids,) = set(found)
    assert isinstance(ids, tuple)
    assert name_of(services, ids[0]) in spellings
    assert stored(services) == 1


def test_makers_of_the_same_keys_in_different_orders_do_not_hinder_each_other(services: Services) -> None:
    services.ids.make()
    names = [f"tag{number}" for number in range(30)]
    orders = [names, names[::-1], names[10:] + names[:10], names[20:] + names[:20]] * 2
    found = at_once(services.storage, [partial(fresh(services).ensure_ids, tags(*order)) for order in orders])
    assert not [answer for answer in found if isinstance(answer, Exception)]
    by_name = [dict(zip(order, ids, strict=True)) for order, ids in zip(orders, found, strict=True)]  # type: ignore[arg-type]  # tuples, as the line above says
    assert by_name[1:] == by_name[:-1]
    assert stored(services) == len(names)


def test_keys_that_loose_collations_would_mix_up_are_apart(services: Services) -> None:
    alike = [
        "\U0001f600",
        "\U0001f680",
        "strasse",
        "straße x",
        "cafe",
        "café",
        "i",
        "\u0131",
        "コーヒー",
        "コヒー",
    ]
    assert len(set(services.hashtags.ensure_ids(tags(*alike)))) == len(alike)


def test_a_key_nobody_used_has_no_id_until_somebody_does(services: Services) -> None:
    other = fresh(services)
    assert other.find_id("tea") is None
    (id_,) = services.hashtags.ensure_ids(tags("tea"))
    assert other.find_id("tea") == id_
    assert fresh(services).find_id("tea") == id_


def test_known_keys_cost_no_statement(services: Services) -> None:
    found = services.hashtags.ensure_ids(tags("tea", "rain"))
    asked: list[str] = []
    services.storage.observers.append(lambda name, _seconds, _failed: asked.append(name))
    assert services.hashtags.ensure_ids(tags("rain", "tea")) == found[::-1]
    assert services.hashtags.find_id("tea") == found[0]
    assert asked == []


def test_a_process_remembers_a_bounded_number(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_REMEMBERED", 3)
    kept = fresh(services)
    found = {name: kept.ensure_ids(tags(name))[0] for name in "abcdefgh"}
    assert len(kept._known) <= 3
    assert {name: kept.find_id(name) for name in found} == found


def test_the_table_refuses_a_second_row_of_a_key() -> None:
    assert Table.key.unique
