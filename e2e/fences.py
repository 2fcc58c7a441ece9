"""NetworkPolicies: what Twooter needs passes, and nothing else does."""

from __future__ import annotations

from e2e.cluster import Failed
from e2e.pods import REACH, Toolbox
from e2e.report import Figures
from e2e.world import RESTRICTED, Step, World

_APP_PORT, _METRICS_PORT = 8000, 9000


def fences(world: World) -> Figures:
    """Try doors that are to be open and doors that are to be shut, from outside and from inside."""
    host, port = world.release.address()
    stream = world.release.address("stream")
    pod = world.release.pods("api")[0]
    pod_ip = str(world.cluster.get("pod", pod, world.release.namespace)["status"]["podIP"])
    stranger_namespace = f"{world.settings.namespace}-strangers"
    world.cluster.make_namespace(stranger_namespace, RESTRICTED)
    stranger = Toolbox.make(world.cluster, stranger_namespace, "stranger")
    kubernetes = str(world.cluster.get("service", "kubernetes", "default")["spec"]["clusterIP"])
    policies = len(world.cluster.fetch("networkpolicies", world.release.namespace))
    doors = {
        "clients to the API": (world.toolbox.reaches(host, port), True),
        "strangers to the API": (stranger.reaches(host, port), False),
        "clients to live updates": (world.toolbox.reaches(*stream), True),
        "strangers to live updates": (stranger.reaches(*stream), False),
        "strangers to the machines' port": (stranger.reaches(pod_ip, _METRICS_PORT), False),
        "clients to the machines' port": (world.toolbox.reaches(pod_ip, _METRICS_PORT), False),
        "the API to Kubernetes": (_reaches(world, pod, kubernetes, 443), False),
        "the API to strangers": (_reaches(world, pod, _ip(world, stranger_namespace), _APP_PORT), False),
    }
    world.cluster.drop_namespace(stranger_namespace)
    wrong = [
        f"{door} is {'open' if is_open else 'shut'}"
        for door, (is_open, wanted) in doors.items()
        if is_open is not wanted
    ]
    if wrong:
        raise Failed("; ".join(wrong))
    return {"policies": policies, "doors tried": len(doors)}


def _ip(world: World, namespace: str) -> str:
    return str(world.cluster.get("pod", "stranger", namespace)["status"]["podIP"])


def _reaches(world: World, pod: str, host: str, port: int) -> bool:
    return world.cluster.python(world.release.namespace, pod, REACH, host, str(port)).startswith("open")


STEPS = (
    Step("network policies", "clients get in, strangers do not, and Pods reach only what they need", fences),
)
