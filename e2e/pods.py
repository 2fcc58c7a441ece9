"""Pods that a run makes for itself: toolboxes to ask from, load, listeners; all from the image under test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from e2e.cluster import Cluster, Failed, Manifest, wait_until

_WAITS = "import signal; signal.sigwait({signal.SIGTERM})"
_LOAD = Path(__file__).with_name("load.py")
_ASK = """
import sys, json, http.client
given = json.loads(sys.argv[1])
connection = http.client.HTTPConnection(given["host"], given["port"], timeout=given["seconds"])
headers = {"Content-Type": "application/json"} if given["body"] is not None else {}
if given["token"]:
    headers["Authorization"] = "Bearer " + given["token"]
connection.request(given["method"], given["path"], given["body"] and json.dumps(given["body"]), headers)
response = connection.getresponse()
print(json.dumps([response.status, response.read().decode()]))
"""
REACH = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
    print("open")
except OSError as ex:
    print("closed:", ex)
"""


def manifest(name: str, namespace: str, image: str, labels: Mapping[str, str], **container: Any) -> Manifest:
    """Return a Pod that the strictest PodSecurity lets in."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 30,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    **container,
                }
            ],
        },
    }


class Toolbox:
    """A Pod that waits to be asked: it speaks HTTP, TCP and SQL from inside the cluster."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        self._cluster, self._namespace, self.name = cluster, namespace, name

    @classmethod
    def make(cls, cluster: Cluster, namespace: str, name: str) -> Toolbox:
        """Start it and return when it runs."""
        pod = manifest(
            name, namespace, cluster.settings.image, {"app": name}, command=["python", "-c", _WAITS]
        )
        cluster.apply(pod)
        cluster.kubectl(
            "-n", namespace, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=90s", seconds=100
        )
        return cls(cluster, namespace, name)

    def ask(
        self, host: str, port: int, method: str, path: str, body: object = None, *, token: str = ""
    ) -> tuple[int, Any]:
        """Make one request; return status and JSON.

        Raises: Failed when there is no answer.
        """
        given = {
            "host": host,
            "port": port,
            "method": method,
            "path": path,
            "body": body,
            "token": token,
            "seconds": 10,
        }
        status, text = json.loads(self.python(_ASK, json.dumps(given)))
        return int(status), json.loads(text) if text.startswith(("{", "[")) else text

    def reaches(self, host: str, port: int) -> bool:
        """Tell whether somebody there accepts a connection within three seconds."""
        return self.python(REACH, host, str(port)).startswith("open")

    def python(self, code: str, *arguments: str, seconds: float = 60) -> str:
        """Run Python in the Pod and return what it wrote.

        Raises: Failed.
        """
        return self._cluster.python(self._namespace, self.name, code, *arguments, seconds=seconds)


def _start(
    cluster: Cluster,
    namespace: str,
    name: str,
    script: Path,
    *,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    resources: Mapping[str, Any] | None = None,
) -> None:
    """Start a Pod that runs a script of this folder."""
    source = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {script.name: script.read_text()},
    }
    pod = manifest(
        name,
        namespace,
        cluster.settings.image,
        {"app": name},
        command=["python", f"/script/{script.name}", *arguments],
        resources=dict(resources or {}),
        env=[{"name": key, "value": value} for key, value in (environment or {}).items()],
        volumeMounts=[{"name": "script", "mountPath": "/script", "readOnly": True}],
    )
    pod["spec"]["volumes"] = [{"name": "script", "configMap": {"name": name}}]
    cluster.apply(source, pod)


class ScriptPod:
    """A script that runs in a Pod of its own, and what it wrote so far."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        self._cluster, self._namespace, self.name = cluster, namespace, name

    @classmethod
    def start(
        cls, cluster: Cluster, namespace: str, name: str, script: Path, *, arguments: Sequence[str]
    ) -> ScriptPod:
        """Start it; its lines may be asked for at once."""
        _start(cluster, namespace, name, script, arguments=arguments)
        return cls(cluster, namespace, name)

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of JSON that it wrote.

        Raises: Failed while it has not begun.
        """
        said = self._cluster.kubectl("-n", self._namespace, "logs", self.name)
        return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


class LoadPod:
    """The load of `e2e/load.py` as a Pod, and what it has counted so far."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        self._cluster, self._namespace, self.name = cluster, namespace, name

    @classmethod
    def start(
        cls, cluster: Cluster, namespace: str, name: str, *, url: str, clients: int, pause_seconds: float
    ) -> LoadPod:
        """Start it; it registers the account `name` and waits until somebody confirms its address."""
        environment = {
            "LOAD_URL": url,
            "LOAD_USERNAME": name,
            "LOAD_TAG": name,
            "LOAD_CLIENTS": str(clients),
            "LOAD_PAUSE_SECONDS": str(pause_seconds),
        }
        # a client that gets no CPU for seconds leaves its connections silent, and would show nothing of the server
        needs = {"requests": {"cpu": "300m", "memory": "64Mi"}}
        _start(cluster, namespace, name, _LOAD, environment=environment, resources=needs)
        made = cls(cluster, namespace, name)
        wait_until(made.says_registered, seconds=90, what=f"the account of {name}")
        return made

    def says_registered(self) -> bool:
        """Tell whether its account is there."""
        return '"registered"' in self._lines(10)

    def begin(self) -> None:
        """Return when it is under way."""
        wait_until(
            lambda: self.counted()["acknowledged"] > 0, seconds=60, what="the first acknowledged twoot"
        )

    def counted(self) -> dict[str, Any]:
        """Return its counts so far.

        Raises: Failed when it has not begun.
        """
        for line in reversed(self._lines(3).splitlines()):
            if line.startswith("{") and '"requests"' in line:
                found: dict[str, Any] = json.loads(line)
                return found
        raise Failed(f"{self.name} counts nothing: {self._lines(5)}")

    def wait_for(self, count: int, *, seconds: float = 120) -> None:
        """Wait until that many more requests were made."""
        goal = self.counted()["requests"] + count
        wait_until(lambda: self.counted()["requests"] >= goal, seconds=seconds, what=f"{count} requests")

    def stop(self) -> dict[str, Any]:
        """End it and return what it counted, with the times of answers."""
        self._cluster.python(self._namespace, self.name, "import os, signal; os.kill(1, signal.SIGTERM)")
        wait_until(lambda: self.counted()["kind"] == "done", seconds=60, what=f"the end of {self.name}")
        return self.counted()

    def _lines(self, count: int) -> str:
        return self._cluster.kubectl("-n", self._namespace, "logs", self.name, f"--tail={count}")
