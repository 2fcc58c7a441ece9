"""Rollouts under load: new pods come, old ones go, no request fails, and nothing is lost or counted twice."""

import time

import pytest

from tests.databases import MysqlDatabase
from tests.faults.apps import App
from tests.faults.balancers import Balancer
from tests.faults.clients import Client
from tests.faults.loads import Load
from tests.faults.traffic import THINKER, Traffic
from tests.faults.truths import Truth

pytestmark = pytest.mark.timeout(600)  # many processes start one after the other, on a busy machine too

LAG_SECONDS, PRE_STOP_SECONDS = 0.7, 1.5
"""The chart's are longer; what matters is that the second outlasts the first."""
REPLICAS, ROLLOUTS = 2, 3
SETTINGS = {"TWOOTER_GRACEFUL_SECONDS": "10", "TWOOTER_RESEND_SECONDS": "5"}
GRACE_SECONDS = 20


def replace(app: App, balancer: Balancer, old: str, new: str, *, pre_stop_seconds: float) -> None:
    """Replace a pod: surge 1, unavailable 0. Its endpoint begins to go when its end begins, and is gone later."""
    balancer.add(app.add(new).port)
    balancer.remove(app.parts[old].port)
    time.sleep(pre_stop_seconds)  # this is the hook itself
    app.terminate(old, seconds=GRACE_SECONDS)


def names() -> list[tuple[str, str]]:
    """Return the pods of every rollout in their order, each with the one that takes its place."""
    return [(f"api{number}", f"api{number + REPLICAS}") for number in range(1, 1 + REPLICAS * ROLLOUTS)]


def test_three_rollouts_of_the_api_fail_no_request(mariadb_database: MysqlDatabase, redis_url: str) -> None:
    url = mariadb_database.fresh()
    parts = ("api1", "api2", "relay", "worker")
    with (
        App.production(url, redis_url, parts=parts, **SETTINGS) as app,
        Truth(url) as truth,
        Balancer(lag_seconds=LAG_SECONDS) as balancer,
    ):
        for number in range(REPLICAS):
            balancer.add(app.parts[f"api{number + 1}"].port)
        member = Client(app.port).sign_up("alice")
        with Traffic(balancer.port, member) as traffic:
            traffic.wait_for(100)
            for old, new in names():
                replace(app, balancer, old, new, pre_stop_seconds=PRE_STOP_SECONDS)
            traffic.wait_for(100)
        assert traffic.broken == []
        assert set(traffic.statuses) == {200, 201}
        assert not balancer.refused
        assert len(balancer.connections) == REPLICAS * (ROLLOUTS + 1)
        assert traffic.told_to_go[THINKER] > 0
        truth.assert_exact(traffic.acknowledged)


def test_without_the_hook_connections_are_refused_and_what_was_acknowledged_is_there(
    mariadb_database: MysqlDatabase, redis_url: str
) -> None:
    """This is what the other test would see if it saw nothing: refusals, at once, and never half a request."""
    url = mariadb_database.fresh()
    with (
        App.production(url, redis_url, parts=("api1", "api2"), **SETTINGS) as app,
        Truth(url) as truth,
        Balancer(lag_seconds=LAG_SECONDS) as balancer,
    ):
        for number in range(REPLICAS):
            balancer.add(app.parts[f"api{number + 1}"].port)
        member = Client(app.port).sign_up("alice")
        with Traffic(balancer.port, member) as traffic:
            traffic.wait_for(50)
            for old, new in names()[:REPLICAS]:
                replace(app, balancer, old, new, pre_stop_seconds=0)
            traffic.wait_for(50)
        assert traffic.broken
        assert len(traffic.broken) == balancer.refused.total()
        assert set(traffic.statuses) == {200, 201}
        assert set(traffic.acknowledged) == truth.twoots()


def test_rollouts_of_workers_and_relays_lose_nothing_and_count_nothing_twice(
    mariadb_database: MysqlDatabase, redis_url: str
) -> None:
    url = mariadb_database.fresh()
    parts = ("api", "relay1", "worker1")
    with App.production(url, redis_url, parts=parts, **SETTINGS) as app, Truth(url) as truth:
        member = Client(app.port).sign_up("alice")
        with Load(app.port, member, clients=4) as load:
            load.wait_for(20)
            for number in range(1, 1 + ROLLOUTS):
                for part in ("worker", "relay"):
                    app.add(f"{part}{number + 1}")
                    app.terminate(f"{part}{number}", seconds=GRACE_SECONDS)
                load.wait_for(20)
        assert load.broken == []
        assert set(load.statuses) == {201}
        truth.assert_exact(load.acknowledged)
        delivered = truth.count("SELECT COUNT(*) FROM deliveries WHERE consumer = 'aggregates'")
        assert (
            truth.count("SELECT COUNT(*) FROM ledger WHERE consumer = 'aggregates'") == delivered > ROLLOUTS
        )
