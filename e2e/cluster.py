"""A cluster by kubectl: every call has a timeout, every wait a condition."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from e2e.settings import Settings

Manifest = dict[str, Any]  # Kubernetes' own JSON


class Failed(Exception):
    """A command ended with an error; the message is what it said."""


def run(command: Sequence[str], *, seconds: float, given: str | None = None) -> str:
    """Return what a command wrote to its output.

    Raises: Failed with what it wrote to both, also when it did not end in time.
    """
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as ex:
        raise Failed(f"{' '.join(command[:6])}…: not within {seconds:g} s") from ex
    if done.returncode:
        raise Failed(f"{' '.join(command[:6])}…: {done.stderr.strip()} {done.stdout.strip()}")
    return done.stdout


class Cluster:
    """The cluster that KUBECONFIG names."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def kubectl(self, *arguments: str, given: str | None = None, seconds: float = 60) -> str:
        """Run kubectl.

        Raises: Failed.
        """
        command = [self.settings.kubectl, "--kubeconfig", self.settings.kubeconfig, *arguments]
        return run(command, seconds=seconds, given=given)

    def apply(self, *manifests: Manifest) -> None:
        """Apply manifests."""
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        self.kubectl("apply", "-f", "-", given=given)

    def get(self, kind: str, name: str, namespace: str) -> Manifest:
        """Return one object.

        Raises: Failed when it is not there.
        """
        made: Manifest = json.loads(self.kubectl("-n", namespace, "get", kind, name, "-o", "json"))
        return made

    def fetch(self, kind: str, namespace: str, selector: str = "") -> list[Manifest]:
        """Return every object of a kind with these labels."""
        arguments = ["-n", namespace, "get", kind, "-o", "json"]
        items: list[Manifest] = json.loads(self.kubectl(*arguments, *(["-l", selector] if selector else [])))[
            "items"
        ]
        return items

    def make_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """Make an empty namespace; one that is there goes first."""
        self.drop_namespace(name)
        self.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}
        )

    def drop_namespace(self, name: str) -> None:
        """Remove a namespace with everything in it."""
        self.kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=180s", seconds=200)

    def python(self, namespace: str, pod: str, code: str, *arguments: str, seconds: float = 60) -> str:
        """Run Python inside a Pod and return what it wrote.

        Raises: Failed.
        """
        return self.kubectl(
            "-n", namespace, "exec", pod, "--", "python", "-c", code, *arguments, seconds=seconds
        )

    def ready_pods(self, namespace: str, selector: str) -> list[str]:
        """Return the names of Pods that are ready and stay, oldest first."""
        pods = [pod for pod in self.fetch("pods", namespace, selector) if is_ready(pod)]
        pods.sort(key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
        return [str(pod["metadata"]["name"]) for pod in pods]


def is_ready(pod: Manifest) -> bool:
    """Tell whether a Pod is ready and not on its way out."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = pod["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> float:
    """Wait until the condition holds and return how many seconds that took; an error of kubectl counts as not yet.

    Raises: Failed when it does not within that time.
    """
    began, last = time.monotonic(), ""
    while True:
        try:
            if condition():
                return time.monotonic() - began
        except Failed as ex:
            last = str(ex)
        if time.monotonic() - began > seconds:
            raise Failed(f"{what}: not within {seconds:g} s. {last}")
        time.sleep(0.5)
