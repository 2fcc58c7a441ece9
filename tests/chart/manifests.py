"""The files made from the chart: k8s/ and the chart's README. `make manifests` writes them, tests compare them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.chart.charts import CHART, NAMED, ROOT, of_kind, render, template, tool

K8S = ROOT / "k8s"
_ADDRESS = {"publicUrl": "https://twooter.example.org", "ingress.enabled": True}
_WATCHED = {
    f"monitoring.{part}.enabled": True for part in ("serviceMonitor", "podMonitor", "rules", "dashboards")
}


def _only(*names: str) -> tuple[str, ...]:
    return tuple(option for name in names for option in ("--show-only", f"templates/{name}.yaml"))


def base() -> str:
    """Return all manifests of the default values."""
    return template(sets=NAMED)


def dev_services() -> str:
    """Return the small database, Redis and their Secret."""
    return template("values-dev.yaml", options=_only("secret", "dev/services"))


def dev_settings() -> str:
    """Return the settings of the dev overlay, a patch of the base's ConfigMap."""
    return template("values-dev.yaml", options=_only("configmap"))


def dev_await() -> str:
    """Return a patch of the base's Job: it waits for the database."""
    (job,) = of_kind(render("values-dev.yaml"), "Job")
    pod = {"initContainers": job["spec"]["template"]["spec"]["initContainers"]}
    patch: dict[str, Any] = {  # Any: a piece of a manifest
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "any"},
        "spec": {"template": {"spec": pod}},
    }
    return yaml.safe_dump(patch, sort_keys=False)


def autoscaler() -> str:
    """Return the API's autoscaler in production."""
    return template("values-production.yaml", sets=NAMED, options=_only("api/autoscaler"))


def monitoring() -> str:
    """Return scrapes, rules and dashboards."""
    parts = ("monitoring/scrapes", "monitoring/rules", "monitoring/dashboards")
    return template(sets=NAMED | _WATCHED, options=_only(*parts))


def ingress() -> str:
    """Return the Ingress."""
    return template(sets=NAMED | _ADDRESS, options=_only("api/ingress"))


def stream() -> str:
    """Return live updates: Deployment, Service and budget, their way in and who may take it."""
    values = ("--values", str(K8S / "components" / "network-policies" / "values.yaml"))
    sets = NAMED | _ADDRESS | {"stream.enabled": True}
    parts = template(sets=sets, options=(*values, *_only("stream", "stream-ingress")))
    (policy,) = of_kind(render(sets=sets, options=values), "NetworkPolicy", "twooter-stream")
    return f"{parts.rstrip()}\n---\n{yaml.safe_dump(policy, sort_keys=False)}"


def policies() -> str:
    """Return the NetworkPolicies with the networks of the component's own values."""
    values = str(K8S / "components" / "network-policies" / "values.yaml")
    return template(sets=NAMED, options=("--values", values, *_only("networkpolicies")))


def readme() -> str:
    """Return the chart's README, made from the comments of values.yaml."""
    command = [
        tool("helm-docs"),
        "--chart-search-root",
        str(CHART),
        "--dry-run",
        "--sort-values-order",
        "file",
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


FILES: dict[str, Callable[[], str]] = {
    "k8s/base/twooter.yaml": base,
    "k8s/overlays/dev/services.yaml": dev_services,
    "k8s/overlays/dev/settings.yaml": dev_settings,
    "k8s/overlays/dev/await.yaml": dev_await,
    "k8s/overlays/production/autoscaler.yaml": autoscaler,
    "k8s/components/monitoring/monitoring.yaml": monitoring,
    "k8s/components/ingress/ingress.yaml": ingress,
    "k8s/components/network-policies/policies.yaml": policies,
    "k8s/components/stream/stream.yaml": stream,
    "helm/twooter/README.md": readme,
}


def main() -> None:
    """Write each file."""
    for name, make in FILES.items():
        path = Path(ROOT / name)
        new = make()
        if not path.exists() or path.read_text() != new:
            path.write_text(new)
            print(f"{name} written anew")


if __name__ == "__main__":
    main()
