"""The audience over HTTP: follows, likes and retwoots by window, who takes part, and how many of them stay."""

from typing import Any

import pytest
from falcon.testing import TestClient

from tests.outbox import drain
from tests.services.happenings import History
from twooter.domain import windows
from twooter.domain.actions import Kind
from twooter.domain.windows import DAY_MS, WEEK_MS, Unit
from twooter.services.house import Services

pytestmark = pytest.mark.usefixtures("one_hour")  # what happens is counted by window

ACTS = ("follows", "likes", "retwoots")


def get(client: TestClient, path: str, query: str = "") -> Any:
    answer = client.simulate_get(f"/v1/analytics/{path}", query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.json


def counted(client: TestClient, query: str = "") -> dict[str, int]:
    """Return how many acts there are in all windows of a range."""
    return {act: sum(w["count"] for w in get(client, act, query)["windows"]) for act in ACTS}


@pytest.fixture
def history(services: Services) -> History:
    """Return three people, of whom the first has posted."""
    found = History(services)
    ada, *_ = (found.join() for _ in range(3))
    found.publish(ada, "hello")
    return found


def test_acts_count_in_the_window_they_were_done_in_until_they_are_taken_back(
    client: TestClient, services: Services, history: History
) -> None:
    (ada, bob, cho), twoot = history.people, history.twoots[0][1]
    for person in (bob, cho):
        services.follows.follow(person, ada.account_id)
        services.actions.act(person, Kind.LIKE, twoot)
    services.actions.act(bob, Kind.RETWOOT, twoot)
    services.actions.act(bob, Kind.BOOKMARK, twoot)
    services.actions.act(bob, Kind.LIKE, twoot)
    drain(services)
    for interval in ("minute", "hour", "day", "month", "year"):
        assert counted(client, f"interval={interval}") == {"follows": 2, "likes": 2, "retwoots": 1}
    assert len(get(client, "likes")["windows"]) == 30
    services.follows.unfollow(cho, ada.account_id)
    for kind in (Kind.LIKE, Kind.RETWOOT):
        services.actions.undo(bob, kind, twoot)
    drain(services)
    assert counted(client) == {"follows": 1, "likes": 1, "retwoots": 0}
    summary = get(client, "summary")
    for sums in (summary["totals"], summary["last_7_days"], summary["today"]):
        assert {act: sums[act] for act in ACTS} == {"follows": 1, "likes": 1, "retwoots": 0}


def test_a_request_to_follow_counts_when_it_is_approved_and_no_more_when_the_follower_is_removed(
    client: TestClient, services: Services, history: History
) -> None:
    ada, bob, _ = history.people
    services.storage.database.execute_sql(f"UPDATE accounts SET protected = 1 WHERE id = {ada.account_id}")  # noqa: S608 - a number
    services.follows.follow(bob, ada.account_id)
    drain(services)
    assert counted(client)["follows"] == 0
    services.follow_requests.approve(ada, bob.account_id)
    drain(services)
    assert counted(client)["follows"] == 1
    services.follow_requests.remove_follower(ada, bob.account_id)
    drain(services)
    assert counted(client)["follows"] == 0
    services.follows.follow(bob, ada.account_id)
    services.follow_requests.approve(ada, bob.account_id)
    services.blocks.block(ada, bob.account_id)
    drain(services)
    assert counted(client)["follows"] == 0


def test_who_likes_takes_part_and_who_posts_is_active_besides(
    client: TestClient, services: Services, history: History
) -> None:
    (_, bob, cho), twoot = history.people, history.twoots[0][1]
    services.actions.act(bob, Kind.LIKE, twoot)
    services.actions.act(cho, Kind.LIKE, twoot)
    services.actions.undo(cho, Kind.LIKE, twoot)
    drain(services)
    today = get(client, "accounts")["windows"][-1]
    assert {name: today[name] for name in ("accounts", "active_accounts", "participants")} == {
        "accounts": 3,
        "active_accounts": 1,
        "participants": 2,
    }
    assert get(client, "summary")["today"]["participants"] == 2
    (year,) = [w for w in get(client, "accounts", "interval=year")["windows"] if w["accounts"]]
    assert (year["active_accounts"], year["participants"]) == (None, None)
    services.deletions.request(history.people[0])
    drain(services)
    today = get(client, "accounts")["windows"][-1]
    assert (today["accounts"], today["active_accounts"], today["participants"]) == (2, 0, 1)


@pytest.fixture
def weeks_ago(services: Services) -> int:
    """Return the Monday of three weeks ago."""
    return windows.week_start(services.ids.now_ms()) - 3 * WEEK_MS


def test_retention_tells_of_each_week_of_joining_who_took_part_in_the_weeks_after(
    client: TestClient, services: Services, weeks_ago: int
) -> None:
    history = History(services)
    early = [history.join(at_ms=weeks_ago + day * DAY_MS) for day in (0, 3, 6)]
    late = history.join(at_ms=weeks_ago + WEEK_MS)
    for person, weeks in ((early[0], (0, 1, 2)), (early[1], (1,)), (late, (1, 2))):
        for week in weeks:
            for day in (1, 4):  # twice a week counts once
                history.archive(person, weeks_ago + week * WEEK_MS + day * DAY_MS, "again")
    drain(services)
    (first, second, third, present) = get(client, "retention")["cohorts"][-4:]
    assert [first["accounts"], second["accounts"], third["accounts"]] == [3, 1, 0]
    assert [week["participants"] for week in first["weeks"]] == [1, 2, 1, 0]
    assert [week["week"] for week in first["weeks"]] == [0, 1, 2, 3]
    assert first["weeks"][1]["start"] == second["start"]
    assert [week["participants"] for week in second["weeks"]] == [1, 1, 0]
    assert len(present["weeks"]) == 1
    services.actions.act(early[2], Kind.LIKE, history.twoots[0][1])  # and so is there in the present week
    history.delete(*history.twoots[-1])
    drain(services)
    (first, second, *_) = get(client, "retention")["cohorts"][-4:]
    assert [week["participants"] for week in first["weeks"]] == [1, 2, 1, 1]
    assert [week["participants"] for week in second["weeks"]] == [1, 1, 0]  # once is still there
    for person in (early[0], late):
        services.deletions.request(person)
    drain(services)
    (first, second, *_) = get(client, "retention")["cohorts"][-4:]
    assert (first["accounts"], [week["participants"] for week in first["weeks"]]) == (2, [0, 1, 0, 1])
    assert (second["accounts"], {week["participants"] for week in second["weeks"]}) == (0, {0})
    assert services.audits.audit().amounts == {}


def test_a_range_of_retention_has_the_weeks_that_touch_it(client: TestClient) -> None:
    found = get(client, "retention", "from=2024-02-29T12:00:00Z&to=2024-03-11T00:00:00Z&weeks=2")
    assert (found["start"], found["end"]) == ("2024-02-26T00:00:00.000Z", "2024-03-11T00:00:00.000Z")
    assert [c["start"][:10] for c in found["cohorts"]] == ["2024-02-26", "2024-03-04"]
    assert [week["start"][:10] for week in found["cohorts"][0]["weeks"]] == [
        "2024-02-26",
        "2024-03-04",
        "2024-03-11",
    ]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("retention?from=2001-01-01T00:00:00Z&to=2005-01-01T00:00:00Z", 422),
        ("retention?from=1999-01-01T00:00:00Z", 422),
        ("retention?from=2031-01-02T00:00:00Z&to=2031-01-01T00:00:00Z", 422),
        ("retention?weeks=53", 400),
        ("likes?interval=week", 400),
        ("follows?interval=minute&from=2001-01-01T00:00:00Z", 422),
    ],
)
def test_odd_questions_are_refused(client: TestClient, query: str, status: int) -> None:
    path, _, query = query.partition("?")
    assert client.simulate_get(f"/v1/analytics/{path}", query_string=query).status_code == status


def test_weeks_begin_on_mondays() -> None:
    for day in range(7):
        assert windows.week_start(windows.year_start(2001) + day * DAY_MS) == windows.year_start(2001)
    assert windows.start(Unit.DAY, windows.year_start(2001)) == windows.week_start(windows.year_start(2001))
