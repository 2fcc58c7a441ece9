"""Made-up graphs are the same for the same seed, of the promised shape, and loaded as if people had followed."""

import math
import time
from pathlib import Path

import pytest

from bench import bulk, dataset, graph, graph_loader, members
from tests.houses import opened
from twooter.domain.accounts import Viewer
from twooter.domain.ids import time_ms
from twooter.domain.pages import Page
from twooter.domain.windows import DAY_MS
from twooter.settings import Settings

ACCOUNTS = 20_000
SMALL, ROWS = 400, 1_500


def test_the_same_seed_makes_the_same_graph() -> None:
    for make in (graph.famous, lambda accounts, seed: graph.mutual(accounts, 3_000, seed=seed)):
        assert make(1_000, seed=1) == make(1_000, seed=1)
        assert make(1_000, seed=1) != make(1_000, seed=2)


def test_followers_fall_with_a_power_near_two_and_half_of_all_follow_the_first() -> None:
    made = graph.famous(ACCOUNTS)
    counts = made.counts()
    assert max(counts) == ACCOUNTS // 2
    above = [count for count in counts if count > 2 * graph.LEAST]
    # the likeliest exponent, of whole numbers taken as the middles of their ranges
    exponent = 1 + len(above) / sum(math.log(count / (2 * graph.LEAST + 0.5)) for count in above)
    assert 1.8 < exponent < 2.2
    assert max(made.following_counts()) > 20 * sum(counts) / ACCOUNTS


def test_nobody_follows_itself_or_anybody_twice() -> None:
    for made in (graph.famous(1_000), graph.mutual()):
        for account in range(len(made.starts) - 1):
            followers = list(made.followers_of(account))
            assert account not in followers
            assert len(followers) == len(set(followers))


def test_the_small_graph_is_mutual() -> None:
    made = graph.mutual()
    assert len(made.starts) - 1 == 962
    edges = {(follower, k) for k in range(962) for follower in made.followers_of(k)}
    assert len(edges) == 2 * 18_800
    assert edges == {(followed, follower) for follower, followed in edges}


def test_twoots_of_lately_are_of_a_hundred_days_and_all_before_now() -> None:
    days = graph_loader.lately()
    made = dataset.make(ROWS, accounts=SMALL, start_ms=days.start_ms, end_ms=days.end_ms)
    assert days.start_ms <= time_ms(made.account_ids[0]) < time_ms(made.twoot_ids[0])
    assert time_ms(made.twoot_ids[-1]) <= days.end_ms < time.time() * 1000 - DAY_MS
    assert time_ms(made.twoot_ids[ROWS // 2]) > days.start_ms + 50 * DAY_MS  # more and more are written


@pytest.mark.parametrize("backend", ["mariadb"], indirect=True)
def test_a_loaded_graph_has_no_drift_and_timelines(database_url: str, tmp_path: Path) -> None:
    made = graph.famous(SMALL)
    loaded = graph_loader.load(database_url, ROWS, made, popular_followers=SMALL // 10)
    reader = loaded.following(20, at_most=1)[0]
    with opened(Settings.model_validate({"database_url": database_url, "var_dir": tmp_path})) as services:
        report = services.audits.audit()
        assert report.complete
        assert not any(report.amounts.values()), report.amounts
        with bulk.connected(database_url) as connection:
            active = bulk.value(connection, "SELECT COUNT(*) FROM following WHERE state = 'active'")
            assert active == len(made.followers)
            assert bulk.value(connection, "SELECT COUNT(*) FROM popular_accounts") == sum(
                count > SMALL // 10 for count in made.counts()
            )
        (member,) = members.sign_in(database_url, [reader])
        viewer = services.tokens.authenticate(member.token)
        assert isinstance(viewer, Viewer)
        assert len(services.homes.page(viewer, Page(20)).items) == 20
