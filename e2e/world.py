"""What the steps of a run share: the cluster, the release under test, its load, and how both are watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from e2e import backend
from e2e.backend import Backend
from e2e.cluster import Cluster, Failed, Manifest
from e2e.pods import LoadPod, Toolbox
from e2e.release import Release, Values
from e2e.report import Figures
from e2e.settings import Settings

RELEASE, SECRET, CA = "twooter", "twooter-e2e", "twooter-e2e-ca"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
CLIENTS_LABEL = {"twooter-e2e": "clients"}
_LEAST = 100
"""Requests that a step must have seen before it says that none failed."""
_UNLIMITED = "1000000/minute"


@dataclass(frozen=True)
class Step:
    """One thing to show; its work returns figures, or raises."""

    name: str
    shows: str
    work: Callable[[World], Figures]


@dataclass
class World:
    """One run."""

    cluster: Cluster
    toolbox: Toolbox
    backend: Backend
    release: Release
    loads: list[LoadPod] = field(default_factory=list)
    crowd: Any = None  # Any: that of e2e/social.py, which knows what a world is

    @property
    def settings(self) -> Settings:
        """Return the environment of the run."""
        return self.cluster.settings

    @property
    def load(self) -> LoadPod:
        """Return the load of the whole run.

        Raises: Failed before it was started.
        """
        if not self.loads:
            raise Failed("there is no load: the release was not installed")
        return self.loads[0]

    def url(self) -> str:
        """Return the API's ClusterIP as a URL."""
        host, port = self.release.address()
        return f"http://{host}:{port}"

    def start_load(self, name: str, *, clients: int, pause_seconds: float) -> LoadPod:
        """Start a load with an account of its own, and return when it is under way."""
        made = LoadPod.start(
            self.cluster,
            clients_namespace(self.settings),
            name,
            url=self.url(),
            clients=clients,
            pause_seconds=pause_seconds,
        )
        self.release.command("account", "confirm", name)
        made.begin()
        self.loads.append(made)
        return made

    @contextmanager
    def unharmed(self, figures: Figures) -> Iterator[None]:
        """Assert that of the requests made meanwhile, and of a hundred more, none failed; note how many there were.

        Raises: Failed.
        """
        before = self.load.counted()
        yield
        self.load.wait_for(_LEAST)
        after = self.load.counted()
        failed = after["failed"] - before["failed"]
        figures["requests"], figures["failed"] = after["requests"] - before["requests"], failed
        if failed:
            raise Failed(f"{failed} of {figures['requests']} requests failed: {after['failures'][-5:]}")


def clients_namespace(settings: Settings) -> str:
    """Return the namespace of toolbox and load, which the release's policies let in."""
    return f"{settings.namespace}-clients"


def values(settings: Settings, made: Backend) -> Values:
    """Return what a run sets over the chart's production values."""
    return {
        "fullnameOverride": RELEASE,
        "image": {"repository": settings.repository, "tag": settings.tag, "pullPolicy": "IfNotPresent"},
        "publicUrl": "https://twooter.example.org",
        # on a node that others keep busy Python starts slowly: a restart would only begin it anew
        "pod": {"probes": {"startup": {"failureThreshold": 180}}},
        # and where it has two cores, a rollout needs room
        "api": {"resources": {"requests": {"cpu": "150m"}}},
        "worker": {"resources": {"requests": {"cpu": "60m"}}},
        "stream": {"resources": {"requests": {"cpu": "20m"}}},
        "database": {"existingSecret": SECRET, "tls": made.tls_values(CA)},
        "networkPolicy": {
            "ingress": {"api": [{"namespaceSelector": {"matchLabels": CLIENTS_LABEL}}]},
            "egress": made.policy_values(),
        },
        "config": {
            "TWOOTER_MAIL": "folder",
            # one network makes all requests, and one account all twoots
            **{
                f"TWOOTER_LIMIT_{name}": _UNLIMITED
                for name in ("REGISTRATIONS", "SIGN_INS", "SIGN_INS_NETWORK", "TWOOTS")
            },
        },
    }


def ca_manifest(namespace: str, made: Backend) -> Manifest:
    """Return the ConfigMap with the authority of the database's certificate."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CA, "namespace": namespace},
        "data": {"ca.crt": made.ca},
    }


@contextmanager
def opened(settings: Settings) -> Iterator[World]:
    """Make namespaces, toolbox, databases and Secret, and remove them afterwards."""
    cluster = Cluster(settings)
    clients = clients_namespace(settings)
    cluster.make_namespace(clients, {**RESTRICTED, **CLIENTS_LABEL})
    cluster.make_namespace(settings.namespace, RESTRICTED)
    toolbox = Toolbox.make(cluster, clients, "toolbox")
    made = backend.find(cluster, toolbox)
    made.make_database(toolbox, "twooter_e2e")
    cluster.apply(
        made.secret(SECRET, settings.namespace, "twooter_e2e"), ca_manifest(settings.namespace, made)
    )
    try:
        yield World(
            cluster, toolbox, made, Release(cluster, RELEASE, settings.namespace, values(settings, made))
        )
    finally:
        for namespace in (clients, settings.namespace):
            cluster.drop_namespace(namespace)
        backend.remove(cluster)
