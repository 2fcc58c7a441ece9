"""Trends and top hashtags are what the windows say, however they are read."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.services.happenings import History, rows
from twooter.domain import windows
from twooter.domain.accounts import Role
from twooter.domain.windows import Unit
from twooter.services import trends as service
from twooter.services.house import Services
from twooter.storage import trends
from twooter.storage.tables import Hashtags, TopTags, Trends, Windows

pytestmark = pytest.mark.usefixtures("one_hour")  # what happens is counted by window

Drain = Callable[[], None]


def names(services: Services, tags: list[int]) -> list[str]:
    by_id = dict(rows(services, Hashtags, "id", "name"))
    return [by_id[tag] for tag in tags]


def trending(services: Services) -> list[str]:
    found = sorted(rows(services, Trends, "rank", "tag_id"))
    return names(services, [tag for _, tag in found])


@pytest.fixture
def talked(services: Services, drain: Drain) -> History:
    """Let four people talk: all of tea, three of rain, one of bread again and again."""
    history = History(services)
    for number in range(4):
        someone = history.join()
        history.publish(someone, "#tea #rain" if number < 3 else "#tea")
    for _ in range(5):
        history.publish(history.people[0], "#bread")
    drain()
    return history


def test_distinct_accounts_make_a_trend_and_uses_do_not(services: Services, talked: History) -> None:
    assert services.trends.compute() == 2
    assert trending(services) == ["tea", "rain"]
    assert talked.people


def test_a_trend_that_nothing_feeds_fades_away(services: Services, talked: History) -> None:
    services.trends.compute()
    database = services.storage.database
    database.execute_sql("DELETE FROM hashtag_windows")
    services.trends.compute()
    assert trending(services) == ["tea", "rain"]
    before = dict(rows(services, Trends, "tag_id", "score_milli"))
    database.execute_sql("UPDATE trends SET computed_ms = computed_ms - 10800000")
    services.trends.compute()
    after = dict(rows(services, Trends, "tag_id", "score_milli"))
    assert all(after[tag] == pytest.approx(before[tag] / 2, rel=0.01) for tag in before)
    database.execute_sql("UPDATE trends SET computed_ms = computed_ms - 86400000")
    services.trends.compute()
    assert trending(services) == []
    assert talked.people


@pytest.mark.parametrize("page", [1, 2, 5_000])
def test_top_hashtags_are_those_used_most(
    services: Services, talked: History, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(trends, "PAGE", page)
    monkeypatch.setattr(service, "_WINDOWS_AT_ONCE", 2)
    assert services.trends.compute_tops() > 3
    today_ms = windows.start(Unit.DAY, services.ids.now_ms())
    for unit in (Unit.HOUR, Unit.DAY, Unit.MONTH, Unit.YEAR):
        start_ms = windows.start(unit, today_ms if unit > Unit.HOUR else services.ids.now_ms())
        top = services.storage.read(lambda tx, u=unit, s=start_ms: trends.fetch_top(tx, u, s, 2))  # type: ignore[misc]  # binds these
        assert [(names(services, [tag])[0], uses) for tag, uses in top] == [("bread", 5), ("tea", 4)]
    assert services.trends.compute_tops() == 0
    assert talked.people


def test_only_changed_windows_are_computed_again(services: Services, talked: History, drain: Drain) -> None:
    services.trends.compute_tops()
    old = rows(services, TopTags, "unit", "start_ms", "rank", "tag_id", "uses")
    talked.archive(talked.people[0], 1_262_304_000_000, "#tea")
    drain()
    assert services.trends.compute_tops() == 3  # that day, month and year
    new = rows(services, TopTags, "unit", "start_ms", "rank", "tag_id", "uses")
    assert set(old) < set(new)
    assert all(version == top for version, top in rows(services, Windows, "version", "top_version") if top)


def test_a_hashtag_nobody_uses_any_more_is_no_top(services: Services, talked: History, drain: Drain) -> None:
    services.trends.compute_tops()
    for viewer, id_ in list(talked.twoots):
        talked.delete(viewer, id_)
    drain()
    services.trends.compute_tops()
    assert rows(services, TopTags, "tag_id") == []


def test_silenced_accounts_make_no_trend_and_what_they_made_is_gone(
    services: Services, talked: History
) -> None:
    services.trends.compute()
    moderator = replace(talked.join(), role=Role.MODERATOR)
    for person in talked.people[1:3]:  # of rain one is left, of tea two
        services.moderation.silence(moderator, person.account_id, "Too loud.")
    assert services.trends.compute() == 1
    assert trending(services) == ["tea"]
    before = dict(rows(services, Hashtags, "name", "uses"))
    assert before["rain"] == 3
    for person in talked.people[1:3]:
        services.moderation.unsilence(moderator, person.account_id)
    services.trends.compute()
    assert trending(services) == ["tea", "rain"]
