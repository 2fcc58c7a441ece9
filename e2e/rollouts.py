"""Installing, testing, scaling, upgrading and rolling back, under load from the first ready Pod on."""

from __future__ import annotations

import time
from collections.abc import Collection

from e2e.cluster import Failed, wait_until
from e2e.report import Figures
from e2e.world import Step, World

_CLIENTS, _PAUSE_SECONDS = 4, 0.06
_PODS = 3


def install(world: World) -> Figures:
    """Install with the production values and put load on it."""
    began = time.monotonic()
    world.release.install()
    took = time.monotonic() - began
    _await_pods(world, "api", _PODS)  # the autoscaler's least
    world.start_load("steadyload", clients=_CLIENTS, pause_seconds=_PAUSE_SECONDS)
    return {"seconds to ready": round(took, 1), **ready_seconds(world)}


def ready_seconds(world: World, *, but: Collection[str] = (), name: str = "slowest pod") -> Figures:
    """Return how long the slowest API Pod took from its start to being ready, in whole seconds, leaving out `but`."""
    slowest = 0.0
    for pod in world.cluster.fetch("pods", world.release.namespace, world.release.selector("api")):
        if pod["metadata"]["name"] in but:
            continue
        ready = next((c for c in pod["status"]["conditions"] if c["type"] == "Ready"), None)
        started = pod["status"]["containerStatuses"][0]["state"].get("running", {}).get("startedAt")
        if ready is not None and started is not None:
            slowest = max(slowest, _time(ready["lastTransitionTime"]) - _time(started))
    return {f"{name} ready after": f"{slowest:.0f} s"}


def _time(text: str) -> float:
    return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def chart_test(world: World) -> Figures:
    """Run `helm test`."""
    said = world.release.test()
    if "Succeeded" not in said:
        raise Failed(said)
    return {}


def scale_out(world: World) -> Figures:
    """Scale the API from one Pod to three, and the workers of a group from one to two, by two numbers."""
    figures: Figures = {}
    with world.unharmed(figures):
        # Helm removes the autoscaler last: until then it would take back any number below its own least
        world.release.upgrade({"api": {"replicas": _PODS, "autoscaling": {"enabled": False}}})
        world.release.upgrade({"api": {"replicas": 1}, "worker": {"groups": _groups(1)}})
        _await_pods(world, "api", 1)
    began = time.monotonic()
    with world.unharmed(figures):
        world.release.upgrade({"api": {"replicas": 3}, "worker": {"groups": _groups(2)}})
        _await_pods(world, "api", 3)
        _await_pods(world, "worker", 3)  # two of one group, one of the other
        figures["seconds"] = round(time.monotonic() - began, 1)
    return figures


def _groups(replicas: int) -> list[dict[str, object]]:
    return [
        {
            "name": "fast",
            "queues": ["fanout", "aggregates", "notify"],
            "replicas": replicas,
            "concurrency": 2,
        },
        {"name": "slow", "queues": ["maintenance"], "replicas": 1, "concurrency": 1},
    ]


def _await_pods(world: World, component: str, count: int) -> None:
    wait_until(
        lambda: len(world.release.pods(component)) == count, seconds=120, what=f"{count} pods of {component}"
    )


def upgrade(world: World) -> Figures:
    """Change a setting of every component: all Pods are replaced under load."""
    figures: Figures = {}
    before = set(world.release.pods("api"))
    began = time.monotonic()
    with world.unharmed(figures):
        world.release.upgrade({"config": {"TWOOTER_RESEND_SECONDS": "45"}})
        took = time.monotonic() - began
    after = set(world.release.pods("api"))
    if before & after:
        raise Failed(f"{before & after} are still there: nothing was rolled out")
    return {
        **figures,
        "seconds": round(took, 1),
        "seconds per API pod": round(took / len(after), 1),
        **ready_seconds(world),
    }


def roll_back(world: World) -> Figures:
    """Go back to the revision before, under load."""
    figures: Figures = {}
    before, began = set(world.release.pods("api")), time.monotonic()
    with world.unharmed(figures):
        world.release.rollback()
        took = time.monotonic() - began
    if before & set(world.release.pods("api")):
        raise Failed("nothing was rolled back")
    return {**figures, "seconds": round(took, 1)}


STEPS = (
    Step("install", "`helm install` with `values-production.yaml` and PodSecurity `restricted`", install),
    Step(
        "helm test", "the chart's own test registers, posts, reads and sees a worker's aggregate", chart_test
    ),
    Step("scale", "API 1 → 3 and workers 1 → 2 by two numbers, 0 failed requests", scale_out),
    Step("upgrade", "`helm upgrade` replaces every Pod under keep-alive load, 0 failed requests", upgrade),
    Step("rollback", "`helm rollback` likewise", roll_back),
)
