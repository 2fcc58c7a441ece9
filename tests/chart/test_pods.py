"""Every pod of every values file: one environment, nothing it may not do, and enough time to stop."""

from typing import Any

import pytest

from tests.chart.charts import (
    FILES,
    NAMED,
    Manifest,
    component,
    environment,
    is_ours,
    of_kind,
    one,
    render,
    rendered,
    templates,
)

LONG_LIVED = {"api", "worker", "beat", "relay", "exporter"}
BESIDES = {"stream"}
"""What lives as long where it is switched on."""

files = pytest.mark.parametrize("name", FILES)


def pods(name: str) -> dict[str, Manifest]:
    """Return every pod template by the name of what it belongs to."""
    return dict(templates(rendered(name)))


def containers(pod: Manifest) -> list[Manifest]:
    """Return all containers of a pod template."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


@files
def test_every_component_is_there(name: str) -> None:
    assert {component(pod) for pod in pods(name).values()} >= LONG_LIVED | {"migrate", "test"}


@files
def test_no_variable_is_named_twice(name: str) -> None:
    for owner, pod in pods(name).items():
        for container in containers(pod):
            names = [entry["name"] for entry in container.get("env", [])]
            assert len(names) == len(set(names)), owner


@files
def test_a_variable_of_a_container_is_in_no_config_map_of_it(name: str) -> None:
    """One place tells each setting: what comes by `envFrom` comes by `env` nowhere."""
    manifests = rendered(name)
    for owner, pod in pods(name).items():
        for container in containers(pod):
            for source in container.get("envFrom", []):
                given = one(manifests, "ConfigMap", source["configMapRef"]["name"])["data"]
                assert not given.keys() & environment(container).keys(), owner


@files
def test_every_pod_fits_the_restricted_profile_and_writes_only_to_memory(name: str) -> None:
    for owner, pod in pods(name).items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, owner
        assert spec["enableServiceLinks"] is False, f"{owner}: a Service named twooter would set TWOOTER_PORT"
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] >= 10_000
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, owner
            assert context["readOnlyRootFilesystem"] is True, owner
            assert context["capabilities"] == {"drop": ["ALL"]}, owner
        if is_ours(pod):
            in_memory = {
                v["name"] for v in spec["volumes"] if v.get("emptyDir", {}).get("medium") == "Memory"
            }
            paths = {m["mountPath"]: m["name"] for m in spec["containers"][0]["volumeMounts"]}
            assert {paths["/tmp"], paths["/dev/shm"]} <= in_memory  # noqa: S108 - in the pod, not here
        assert all("sizeLimit" in v["emptyDir"] for v in spec["volumes"] if v.get("emptyDir")), owner


@files
def test_every_container_says_what_it_needs_and_where_it_ends(name: str) -> None:
    for owner, pod in pods(name).items():
        for container in containers(pod):
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}, owner
            assert "memory" in container["resources"]["limits"], owner


@files
def test_what_lives_long_is_probed_on_the_machines_port(name: str) -> None:
    for owner, pod in pods(name).items():
        if component(pod) in LONG_LIVED | BESIDES:
            (container,) = pod["spec"]["containers"]
            assert {"name": "metrics", "containerPort": 9000, "protocol": "TCP"} in container["ports"]
            for probe in ("startup", "readiness", "liveness"):
                assert container[f"{probe}Probe"]["httpGet"]["port"] == "metrics", owner


@files
def test_kubernetes_waits_longer_than_the_process_takes_to_stop(name: str) -> None:
    for owner, pod in pods(name).items():
        if component(pod) not in ("api", "worker"):
            continue
        container = pod["spec"]["containers"][0]
        sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        graceful = int(environment(container)["TWOOTER_GRACEFUL_SECONDS"]["value"])
        assert pod["spec"]["terminationGracePeriodSeconds"] >= sleep + graceful + 5, owner
        assert (component(pod) == "api") == (sleep > 0), (
            "an API pod is sent requests for a while after it was told to go"
        )


def test_kubernetes_without_the_sleep_action_sleeps_by_a_command() -> None:
    for version, key in {"1.29.5": "exec", "1.30.0": "sleep", "1.34.1": "sleep"}.items():
        manifests = render(sets=NAMED, options=("--kube-version", version))
        pod = one(manifests, "Deployment", "twooter-api")["spec"]["template"]
        assert list(pod["spec"]["containers"][0]["lifecycle"]["preStop"]) == [key], version


@files
def test_selectors_find_their_own_pods_and_no_others(name: str) -> None:
    labels = {owner: pod["metadata"]["labels"] for owner, pod in pods(name).items()}
    for manifest in of_kind(rendered(name), "Deployment"):
        selector = manifest["spec"]["selector"]["matchLabels"].items()
        found = {owner for owner, those in labels.items() if selector <= those.items()}
        assert found == {f"Deployment/{manifest['metadata']['name']}"}


@files
def test_beat_is_alone(name: str) -> None:
    beat = one(rendered(name), "Deployment", "twooter-beat")["spec"]
    assert (beat["replicas"], beat["strategy"]) == (1, {"type": "Recreate"})


@files
def test_a_rollout_takes_no_pod_away_before_a_new_one_is_ready(name: str) -> None:
    for manifest in of_kind(rendered(name), "Deployment"):
        if component(manifest["spec"]["template"]) in ("api", "stream"):
            assert manifest["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@pytest.mark.parametrize(
    "sets",
    [
        {"api.autoscaling.enabled": True, "worker.autoscaling.hpa.enabled": True},
        {
            "api.autoscaling.enabled": True,
            "worker.autoscaling.keda": {"enabled": True, "prometheusAddress": "http://p"},
        },
    ],
)
def test_who_is_scaled_has_no_number_of_pods(sets: dict[str, Any]) -> None:
    """Helm would set it back with each upgrade."""
    manifests = render(sets=NAMED | sets)
    targets = {
        m["spec"]["scaleTargetRef"]["name"]
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for m in of_kind(manifests, kind)
    }
    counted = {m["metadata"]["name"] for m in of_kind(manifests, "Deployment") if "replicas" in m["spec"]}
    everybody = {m["metadata"]["name"] for m in of_kind(manifests, "Deployment")}
    assert targets == {"twooter-api", "twooter-worker-fast", "twooter-worker-slow"}
    assert counted == everybody - targets


def test_a_changed_setting_starts_pods_anew() -> None:
    before, after = (
        render(sets=NAMED | {"config.TWOOTER_TOKEN_DAYS": days, "migrations.mode": "hook"})
        for days in (30, 31)
    )
    for name in ("api", "worker-fast", "beat", "relay"):
        annotations = [
            one(m, "Deployment", f"twooter-{name}")["spec"]["template"]["metadata"]["annotations"]
            for m in (before, after)
        ]
        assert annotations[0]["checksum/config"] != annotations[1]["checksum/config"]
    assert render(sets=NAMED) == render(sets=NAMED), (
        "nothing may be made up: it would change with each rendering"
    )


def test_a_component_adds_to_what_all_pods_have() -> None:
    manifests = rendered("everything")
    api = one(manifests, "Deployment", "twooter-api")["spec"]["template"]
    beat = one(manifests, "Deployment", "twooter-beat")["spec"]["template"]
    assert (api["metadata"]["labels"]["tier"], beat["metadata"]["labels"]["tier"]) == ("frontend", "backend")
    assert (
        api["metadata"]["annotations"].items()
        >= {"example.org/scanned": "yes", "example.org/front": "yes"}.items()
    )
    assert {"name": "extra", "mountPath": "/extra"} in beat["spec"]["containers"][0]["volumeMounts"]
    assert environment(beat["spec"]["containers"][0])["ZONE"]["valueFrom"]
    assert all(
        m["metadata"]["labels"]["team"] == "birds"
        and m["metadata"]["annotations"]["example.org/owner"] == "birds"
        for m in manifests
    )


@files
def test_whoever_has_brothers_is_spread_over_hosts(name: str) -> None:
    for manifest in of_kind(rendered(name), "Deployment"):
        pod = manifest["spec"]["template"]
        if is_ours(pod):
            keys = [c["topologyKey"] for c in pod["spec"]["topologySpreadConstraints"]]
            assert keys == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
