"""The HorizontalPodAutoscaler of the API: more load, more Pods."""

from __future__ import annotations

import time

from e2e.cluster import wait_until
from e2e.report import Figures
from e2e.world import Step, World

_LEAST, _MOST = 1, 3
_CLIENTS = 12


def scale_by_load(world: World) -> Figures:
    """Turn the autoscaler on with one Pod, load it, and wait for another; the steady load loses nothing."""
    figures: Figures = {}
    namespace = world.release.namespace
    with world.unharmed(figures):
        world.release.upgrade(
            {"api": {"autoscaling": {"enabled": True, "minReplicas": _LEAST, "maxReplicas": _MOST}}}
        )
        wait_until(lambda: _utilisation(world) is not None, seconds=180, what="the autoscaler to see CPU")
        before = len(world.release.pods("api"))
        began = time.monotonic()
        heavy = world.start_load("heavyload", clients=_CLIENTS, pause_seconds=0.0)
        wait_until(
            lambda: (
                int(world.cluster.get("hpa", _name(world), namespace)["status"]["desiredReplicas"]) >= _MOST
            ),
            seconds=240,
            what=f"{_MOST} pods asked for",
        )
        took = time.monotonic() - began
        wait_until(lambda: len(world.release.pods("api")) >= _MOST, seconds=120, what=f"{_MOST} ready pods")
        counted = heavy.stop()
    figures["pods"] = f"{before} → {_MOST}"
    figures["asked for after"] = f"{took:.0f} s"
    figures["heavy load"] = f"{counted['requests']} requests, {counted['failed']} failed"
    return figures


def _name(world: World) -> str:
    hpas = world.cluster.fetch("hpa", world.release.namespace)
    return next(
        str(hpa["metadata"]["name"]) for hpa in hpas if hpa["spec"]["scaleTargetRef"]["name"].endswith("api")
    )


def _utilisation(world: World) -> int | None:
    status = world.cluster.get("hpa", _name(world), world.release.namespace)["status"]
    for metric in status.get("currentMetrics") or []:
        used = metric.get("resource", {}).get("current", {}).get("averageUtilization")
        if used is not None:
            return int(used)
    return None


STEPS = (
    Step(
        "autoscaling", "the HPA adds API Pods under load, 0 failed requests of the steady load", scale_by_load
    ),
)
