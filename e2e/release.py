"""A release of the chart: install, upgrade, roll back, test, and commands run as one of its Pods."""

from __future__ import annotations

import copy
import json
import secrets
from typing import Any

from e2e.cluster import Cluster, Failed, run, wait_until
from e2e.settings import ROOT

CHART = ROOT / "helm" / "twooter"
Values = dict[str, Any]  # whatever the chart's schema allows


def merged(*layers: Values) -> Values:
    """Return the layers as one, the later ones over the earlier ones, as Helm does it."""
    made: Values = {}
    for layer in layers:
        for key, value in copy.deepcopy(layer).items():
            both = isinstance(value, dict) and isinstance(made.get(key), dict)
            made[key] = merged(made[key], value) if both else value
    return made


class Release:
    """One release in one namespace; `values` are what was last asked for, over the chart's production values."""

    def __init__(self, cluster: Cluster, name: str, namespace: str, values: Values) -> None:
        self.cluster, self.name, self.namespace, self.values = cluster, name, namespace, values

    def install(self, *, seconds: int = 400) -> None:
        """Install it and return when everything is ready.

        Raises: Failed with what Helm said.
        """
        self._helm("install", self.name, str(CHART), *self._given(self.values), seconds=seconds)

    def upgrade(self, change: Values, *, seconds: int = 400) -> None:
        """Change values and return when everything is rolled out; after a failure the values are the old ones.

        Raises: Failed with what Helm said.
        """
        values = merged(self.values, change)
        self._helm("upgrade", self.name, str(CHART), *self._given(values), seconds=seconds)
        self.values = values

    def rollback(self, *, revision: int = 0, seconds: int = 400) -> None:
        """Go back to a revision, 0 for the one before; `values` stay what they were.

        Raises: Failed with what Helm said.
        """
        self._helm("rollback", self.name, *([str(revision)] if revision else []), seconds=seconds)

    def test(self, *, seconds: int = 180) -> str:
        """Run the chart's own tests and return what Helm says of them.

        Raises: Failed.
        """
        return self._run("test", self.name, "--timeout", f"{seconds}s", seconds=seconds + 30)

    def uninstall(self) -> None:
        """Remove it."""
        self._run("uninstall", self.name, "--wait", "--timeout", "120s", seconds=150)

    def revision(self) -> int:
        """Return the revision that is deployed."""
        return int(self._deployed()["revision"])

    def state(self) -> str:
        """Return what Helm says of the newest revision: deployed, failed."""
        history: list[dict[str, Any]] = json.loads(self._run("history", self.name, "-o", "json"))
        return str(history[-1]["status"])

    def _deployed(self) -> dict[str, Any]:
        history: list[dict[str, Any]] = json.loads(self._run("history", self.name, "-o", "json"))
        return next(entry for entry in reversed(history) if entry["status"] == "deployed")

    def selector(self, component: str) -> str:
        """Return the labels of a component's Pods."""
        return f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"

    def pods(self, component: str) -> list[str]:
        """Return a component's ready Pods, oldest first."""
        return self.cluster.ready_pods(self.namespace, self.selector(component))

    def address(self, component: str = "api") -> tuple[str, int]:
        """Return the ClusterIP and the port of a component's Service."""
        for service in self.cluster.fetch("services", self.namespace, self.selector(component)):
            for port in service["spec"]["ports"]:
                if port["name"] == "http":
                    return str(service["spec"]["clusterIP"]), int(port["port"])
        raise Failed(f"{self.name} has no Service of {component} with a port named http")

    def why(self) -> str:
        """Return what an operator would look at after a failure: warnings, states of Pods, logs of what failed."""
        events = self.cluster.fetch("events", self.namespace)
        told = [str(event.get("message")) for event in events if event["type"] == "Warning"]
        for pod in self.cluster.fetch("pods", self.namespace):
            statuses = pod["status"].get("containerStatuses", [])
            for status in statuses:
                waiting = status["state"].get("waiting") or {}
                ended = status["state"].get("terminated") or {}
                told.append(
                    f"{waiting.get('reason', '')} {waiting.get('message', '')} {ended.get('reason', '')}"
                )
            if pod["status"]["phase"] == "Failed" or any(s["restartCount"] for s in statuses):
                told.append(self._log(pod["metadata"]["name"]))
        return "\n".join(told)

    def _log(self, pod: str) -> str:
        try:
            return self.cluster.kubectl("-n", self.namespace, "logs", pod, "--tail=30")
        except Failed as ex:
            return str(ex)

    def command(self, *arguments: str, seconds: float = 120) -> str:
        """Run `python -m twooter …` in a Pod like the API's, and return what it wrote.

        Raises: Failed with what it wrote when it ended with an error.
        """
        name = f"command-{secrets.token_hex(4)}"
        template = self._api()["spec"]["template"]
        spec = template["spec"]
        container = spec["containers"][0]
        for probe in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
            container.pop(probe, None)
        container["args"] = ["twooter", *arguments]
        spec |= {"restartPolicy": "Never", "containers": [container], "topologySpreadConstraints": []}
        labels = {**template["metadata"]["labels"], "app.kubernetes.io/component": "migrate"}
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": self.namespace, "labels": labels},
                "spec": spec,
            }
        )
        return self._finished(name, seconds)

    def _api(self) -> dict[str, Any]:
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component=api"
        return self.cluster.fetch("deployments", self.namespace, selector)[0]

    def _finished(self, pod: str, seconds: float) -> str:
        def phase() -> str:
            return str(self.cluster.get("pod", pod, self.namespace)["status"]["phase"])

        wait_until(lambda: phase() in ("Succeeded", "Failed"), seconds=seconds, what=f"the end of {pod}")
        succeeded = phase() == "Succeeded"
        log = self.cluster.kubectl("-n", self.namespace, "logs", pod)
        self.cluster.kubectl("-n", self.namespace, "delete", "pod", pod, "--wait=false")
        if not succeeded:
            raise Failed(log)
        return log

    def _given(self, values: Values) -> list[str]:
        path = self.cluster.settings.folder / f"{self.name}-{secrets.token_hex(4)}.json"
        path.write_text(json.dumps(values))
        return ["--values", str(CHART / "values-production.yaml"), "--values", str(path)]

    def _helm(self, *arguments: str, seconds: int) -> None:
        self._run(*arguments, "--wait", "--timeout", f"{seconds}s", seconds=seconds + 30)

    def _run(self, *arguments: str, seconds: float = 60) -> str:
        settings = self.cluster.settings
        command = [settings.helm, "--kubeconfig", settings.kubeconfig, "--namespace", self.namespace]
        return run([*command, *arguments], seconds=seconds)
