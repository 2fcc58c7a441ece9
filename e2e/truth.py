"""What is left at the end: every acknowledged twoot counted once, and no aggregate that differs from the twoots."""

from __future__ import annotations

import json
import time

from e2e.cluster import Failed, wait_until
from e2e.report import Figures
from e2e.world import Step, World

_SETTLE_SECONDS = 240


def exact(world: World) -> Figures:
    """Stop the load, wait until everything is counted, and audit."""
    stopped = [world.loads[0].stop(), *(load.counted() for load in world.loads[1:])]
    host, port = world.release.address()
    began = time.monotonic()
    counts: dict[str, int] = {}

    def settled() -> bool:
        for load in world.loads:
            status, told = world.toolbox.ask(host, port, "GET", f"/v1/hashtags/{load.name}")
            counts[load.name] = int(told["uses"]) if status == 200 else 0
        return all(
            counts[load.name] >= end["acknowledged"] for load, end in zip(world.loads, stopped, strict=True)
        )

    wait_until(settled, seconds=_SETTLE_SECONDS, what="every acknowledged twoot to be counted")
    took = time.monotonic() - began
    report = json.loads(world.release.command("audit", "--json"))
    if report["drifts"] or not report["complete"]:
        raise Failed(json.dumps(report)[:1500])
    figures: Figures = {"drift": 0, "counted after": f"{took:.1f} s"}
    for load, end in zip(world.loads, stopped, strict=True):
        if counts[load.name] > end["acknowledged"] + end["failed"]:
            raise Failed(f"{load.name}: {counts[load.name]} uses of {end['acknowledged']} twoots")
        figures[load.name] = (
            f"{end['requests']} requests on {end['connections']} connections, {end['failed']} failed, "
            f"{end['acknowledged']} twoots acknowledged, {counts[load.name]} counted, "
            f"p50 {end['p50_ms']} p95 {end['p95_ms']} p99 {end['p99_ms']} slowest {end['slowest_ms']} ms"
        )
    return figures


def uninstall(world: World) -> Figures:
    """Uninstall, and look for what is left."""
    world.release.uninstall()
    selector = f"app.kubernetes.io/instance={world.release.name},app.kubernetes.io/managed-by=Helm"
    kinds = "deployments,services,configmaps,secrets,networkpolicies,poddisruptionbudgets,hpa,serviceaccounts"
    left = [
        f"{item['kind']} {item['metadata']['name']}"
        for item in world.cluster.fetch(kinds, world.release.namespace, selector)
    ]
    if left:
        raise Failed(f"left behind: {left}")
    return {}


STEPS = (
    Step("exactness", "every acknowledged twoot is counted once; `audit` finds zero drift", exact),
    Step("uninstall", "`helm uninstall` leaves nothing but the Jobs of its hooks", uninstall),
)
