"""Pods that end under load: deleted, killed, out of memory, evicted by a drain."""

from __future__ import annotations

import contextlib
import json
import time

from e2e.cluster import Failed, wait_until
from e2e.report import Figures
from e2e.rollouts import ready_seconds
from e2e.world import Step, World

_HOG = """
import os, time
for entry in os.listdir("/proc"):
    if entry.isdigit() and int(entry) != os.getpid():
        try:
            open(f"/proc/{entry}/oom_score_adj", "w").write("1000")
        except OSError:
            pass
while True:
    if os.fork() == 0:
        held = bytearray(os.urandom(1 << 20)) * 6
        time.sleep(600)
    time.sleep(0.01)
"""
"""Many small children, none of which is the largest of its container: the kernel takes Twooter itself."""
_REFUSAL = "disruption budget"
_LOST_AT_MOST = 40
"""What four clients had under way at a Pod that died, and what they asked of it before the Service knew."""


def delete_pod(world: World) -> Figures:
    """Delete one API Pod."""
    figures: Figures = {}
    pods = world.release.pods("api")
    with world.unharmed(figures):
        world.cluster.kubectl("-n", world.release.namespace, "delete", "pod", pods[0], seconds=90)
        _await_replacement(world, "api", pods)
    return {**figures, **ready_seconds(world, but=pods, name="the new one, alone,")}


def kill_worker(world: World) -> Figures:
    """Kill a worker Pod without a farewell; the last step counts whether anything was lost or counted twice."""
    figures: Figures = {}
    with world.unharmed(figures):
        kill_pods(world, "worker")
    return figures


def kill_pods(world: World, component: str) -> int:
    """Kill a component's Pods without a farewell, and wait for as many others; return how many."""
    pods = world.release.pods(component)
    arguments = ["delete", "pod", *pods, "--grace-period=0", "--force"]
    world.cluster.kubectl("-n", world.release.namespace, *arguments, seconds=90)
    _await_replacement(world, component, pods)
    return len(pods)


def run_out_of_memory(world: World) -> Figures:
    """Fill one API Pod's memory until the kernel kills it: what it was answering is lost, and nothing else."""
    pods = world.release.pods("api")
    victim, namespace = pods[0], world.release.namespace
    before = world.load.counted()
    began = time.monotonic()
    with contextlib.suppress(Failed):  # it dies with its container
        world.cluster.python(namespace, victim, _HOG, seconds=60)

    def killed() -> bool:
        status = world.cluster.get("pod", victim, namespace)["status"]["containerStatuses"][0]
        return bool(status["lastState"].get("terminated", {}).get("reason") == "OOMKilled")

    wait_until(killed, seconds=60, what="OOMKilled")
    wait_until(lambda: victim in world.release.pods("api"), seconds=90, what=f"{victim} to be ready again")
    back = time.monotonic() - began
    figures: Figures = {}
    with world.unharmed(figures):
        pass
    lost = world.load.counted()["failed"] - before["failed"]
    if lost > _LOST_AT_MOST:
        raise Failed(f"{lost} requests failed: {world.load.counted()['failures'][-8:]}")
    return {"failed before the Service knew": lost, "seconds until it was back": round(back, 1)}


def drain(world: World) -> Figures:
    """Evict every API Pod as `kubectl drain` does: again and again until the budget allows it."""
    figures: Figures = {}
    namespace, pods = world.release.namespace, world.release.pods("api")
    least, refused, began = len(pods), 0, time.monotonic()
    waiting = list(pods)
    with world.unharmed(figures):
        while waiting:
            if time.monotonic() - began > 240:
                raise Failed(f"{waiting} could not be evicted within 240 s")
            if _evicted(world, namespace, waiting[0]):
                waiting.pop(0)
            else:
                refused += 1
            least = min(least, len(world.release.pods("api")))
        _await_replacement(world, "api", pods)
    if least < len(pods) - 1:
        raise Failed(f"only {least} of {len(pods)} were ready: the budget was not honoured")
    if not refused:
        raise Failed("no eviction was refused: the budget was not asked")
    return {**figures, "evicted": len(pods), "refused meanwhile": refused, "least ready": least}


def _evicted(world: World, namespace: str, pod: str) -> bool:
    """Try to evict a Pod; return False when the budget does not allow it now."""
    wanted = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": namespace},
    }
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    try:
        world.cluster.kubectl("create", "--raw", path, "-f", "-", given=json.dumps(wanted))
    except Failed as ex:
        if _REFUSAL in str(ex):
            return False
        raise
    return True


def _await_replacement(world: World, component: str, gone: list[str]) -> None:
    def replaced() -> bool:
        now = world.release.pods(component)
        return len(now) >= len(gone) and len(set(gone) & set(now)) < len(gone)

    wait_until(replaced, seconds=120, what=f"as many pods of {component} as before")


STEPS = (
    Step("pod deleted", "an API Pod deleted under load, 0 failed requests", delete_pod),
    Step("workers killed", "every worker Pod killed with no grace under load", kill_worker),
    Step(
        "out of memory",
        "an API Pod OOM-killed under load: only requests it held are lost, and it comes back",
        run_out_of_memory,
    ),
    Step("drain", "all API Pods evicted one by one as the budget allows, 0 failed requests", drain),
)
