"""What is made from the chart is what the chart makes, and kustomize takes it."""

import subprocess

import pytest

from tests.chart.charts import ROOT, Manifest, of_kind, one, parsed, templates, tool
from tests.chart.manifests import FILES, K8S


def built(folder: str) -> list[Manifest]:
    """Return what kustomize makes of a folder of k8s/."""
    done = subprocess.run(
        [tool("kustomize"), "build", str(K8S / folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert not done.stderr, "kustomize warns of what it will refuse one day"
    return parsed(done.stdout)


@pytest.mark.parametrize("name", FILES)
def test_the_generated_file_is_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text() == FILES[name](), f"{name} is stale: run `make manifests`"


def test_the_base_is_what_helm_makes() -> None:
    ours = parsed((K8S / "base" / "twooter.yaml").read_text())

    def order(manifest: Manifest) -> tuple[str, str]:
        return manifest["kind"], manifest["metadata"]["name"]

    assert sorted(built("base"), key=order) == sorted(ours, key=order)


@pytest.mark.parametrize("overlay", ["dev", "production"])
def test_an_overlay_lies_in_one_namespace_that_it_makes(overlay: str) -> None:
    manifests = built(f"overlays/{overlay}")
    (namespace,) = of_kind(manifests, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = {m["metadata"]["namespace"] for m in manifests if m["kind"] != "Namespace"}
    assert others == {namespace["metadata"]["name"]}


def test_the_dev_overlay_has_all_that_its_pods_ask_for() -> None:
    manifests = built("overlays/dev")
    secret = one(manifests, "Secret", "twooter")["stringData"]
    settings = one(manifests, "ConfigMap", "twooter")["data"]
    assert settings["TWOOTER_DATABASE_TLS"] == "disabled"
    services = {m["metadata"]["name"] for m in of_kind(manifests, "Service")}
    assert services == {"twooter", "twooter-dev-database", "twooter-dev-redis"}
    for owner, pod in templates(manifests):
        for entry in pod["spec"]["containers"][0].get("env", []):
            reference = entry.get("valueFrom", {}).get("secretKeyRef", {})
            if reference and not reference.get("optional"):
                assert reference["key"] in secret, owner
    (job,) = of_kind(manifests, "Job")
    assert [c["name"] for c in job["spec"]["template"]["spec"]["initContainers"]] == ["await-database"]


def test_the_production_overlay_scales_and_watches() -> None:
    manifests = built("overlays/production")
    assert "replicas" not in one(manifests, "Deployment", "twooter-api")["spec"]
    assert one(manifests, "HorizontalPodAutoscaler", "twooter-api")["spec"]["minReplicas"] >= 2
    for kind in ("Ingress", "PrometheusRule", "ServiceMonitor", "PodMonitor"):
        assert of_kind(manifests, kind), kind
    stores = one(manifests, "NetworkPolicy", "twooter-stores")["spec"]["egress"]
    assert all("to" in rule for rule in stores), "production says where its database is"
