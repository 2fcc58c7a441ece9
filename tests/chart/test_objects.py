"""What is beside the pods: policies, ways in, scaling, watching, migrations, names."""

import re
from typing import Any

import pytest
import yaml

from tests.chart.charts import (
    CHART,
    FILES,
    NAMED,
    Manifest,
    component,
    environment,
    of_kind,
    one,
    render,
    rendered,
    template,
    templates,
)

files = pytest.mark.parametrize("name", FILES)
ADDRESS = {"publicUrl": "https://twooter.example.org:8443"}

QUEUES = ["fanout", "aggregates", "notify", "maintenance"]


def chosen(policy: Manifest, labels: dict[str, str]) -> bool:
    """Return whether a NetworkPolicy is about pods with these labels."""
    selector = policy["spec"]["podSelector"]
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(e["key"]) in e["values"] for e in selector.get("matchExpressions", [])
    )


def allowed(policies: list[Manifest], labels: dict[str, str], direction: str) -> set[Any]:
    """Return the ports that policies open to pods with these labels."""
    return {
        port["port"]
        for policy in policies
        if chosen(policy, labels)
        for rule in policy["spec"].get(direction, [])
        for port in rule["ports"]
    }


@files
def test_everything_is_denied_and_then_a_little_allowed(name: str) -> None:
    policies = of_kind(rendered(name), "NetworkPolicy")
    for owner, pod in templates(rendered(name)):
        labels = pod["metadata"]["labels"]
        mine = [p for p in policies if chosen(p, labels)]
        assert any(p["spec"]["policyTypes"] == ["Ingress", "Egress"] and len(p["spec"]) == 2 for p in mine), (
            owner
        )
        out, into = allowed(policies, labels, "egress"), allowed(policies, labels, "ingress")
        assert out == {
            "api": {53, 3306, 6379, 5671, 5672},
            "worker": {53, 3306, 6379, 5671, 5672, 465, 587},
            "test": {53, 3306, 6379, 5671, 5672, 8000},
            "probe": {53, 3306, 6379, 5671, 5672, 8000, 80, 443},
            "dev-database": {53},
            "dev-redis": {53},
        }.get(component(pod), {53, 3306, 6379, 5671, 5672}), owner
        assert into == {
            "api": {"http", 9000},
            "stream": {"http", 9000},
            "dev-database": {"database", 9000},
            "dev-redis": {"redis", 9000},
        }.get(component(pod), {9000}), owner


def test_the_machines_port_is_for_monitoring_alone() -> None:
    (policy,) = [
        p for p in of_kind(rendered("default"), "NetworkPolicy") if p["metadata"]["name"] == "twooter-metrics"
    ]
    (rule,) = policy["spec"]["ingress"]
    assert rule["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    ]
    service = one(rendered("default"), "Service", "twooter")
    assert [port["name"] for port in service["spec"]["ports"]] == ["http"]


def test_an_ingress_answers_to_the_public_address_unless_told_otherwise() -> None:
    ingress = one(render(sets=NAMED | ADDRESS | {"ingress.enabled": True}), "Ingress", "twooter")
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == ["twooter.example.org"]
    hosts = {"ingress": {"enabled": True, "hosts": ["a.example.org", "b.example.org"], "tlsSecret": "tls"}}
    ingress = one(render(sets=NAMED | ADDRESS | hosts), "Ingress", "twooter")
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == ["a.example.org", "b.example.org"]
    assert ingress["spec"]["tls"] == [{"secretName": "tls", "hosts": ["a.example.org", "b.example.org"]}]


def test_live_updates_have_a_way_in_of_their_own_that_buffers_nothing() -> None:
    ways = {"ingress": {"enabled": True, "path": "/", "annotations": {"a": "1", "b": "1"}}}
    more = {"ingress.streamAnnotations.b": "2", "stream.enabled": True}
    manifests = render(sets=NAMED | ADDRESS | ways | more)
    (path,) = one(manifests, "Ingress", "twooter")["spec"]["rules"][0]["http"]["paths"]
    assert (path["path"], path["backend"]["service"]["name"]) == ("/", "twooter")
    ingress = one(manifests, "Ingress", "twooter-stream")
    (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
    assert (path["path"], path["pathType"]) == ("/v1/stream", "Exact")
    assert path["backend"]["service"] == {"name": "twooter-stream", "port": {"name": "http"}}
    annotations = ingress["metadata"]["annotations"]
    assert annotations.items() >= {"a": "1", "b": "2"}.items()
    assert annotations["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    assert not of_kind(render(sets=NAMED | ADDRESS | ways), "Ingress", "twooter-stream")


def test_a_gateway_lets_live_updates_last() -> None:
    stream, everything = one(rendered("gateway"), "HTTPRoute", "twooter")["spec"]["rules"]
    assert stream["matches"] == [{"path": {"type": "Exact", "value": "/v1/stream"}}]
    assert stream["backendRefs"] == [{"name": "twooter-stream", "port": 80}]
    assert stream["timeouts"] == {"request": "0s"}
    assert "timeouts" not in everything


def test_live_updates_are_not_started_without_the_address_of_their_log() -> None:
    """Elsewhere the cache is optional: there a Secret without the key is as good as none."""
    pods = {component(pod): pod for _, pod in templates(rendered("production"))}
    wanted = {"name": "twooter", "key": "TWOOTER_CACHE_URL"}
    for name, optional in (("stream", {}), ("api", {"optional": True})):
        entry = environment(pods[name]["spec"]["containers"][0])["TWOOTER_CACHE_URL"]
        assert entry["valueFrom"]["secretKeyRef"] == {**wanted, **optional}, name


def test_a_route_hangs_on_its_gateway() -> None:
    gateway = {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public", "namespace": "gateways"}]}}
    route = one(render(sets=NAMED | ADDRESS | gateway), "HTTPRoute", "twooter")["spec"]
    assert route["parentRefs"] == [{"name": "public", "namespace": "gateways"}]
    assert route["hostnames"] == ["twooter.example.org"]
    assert route["rules"][0]["backendRefs"] == [{"name": "twooter", "port": 80}]


def test_workers_are_scaled_on_what_waits_and_what_is_in_flight() -> None:
    keda = {"worker.autoscaling.keda": {"enabled": True, "prometheusAddress": "http://prometheus:9090"}}
    scaled = one(render(sets=NAMED | keda), "ScaledObject", "twooter-worker-fast")["spec"]
    (trigger,) = scaled["triggers"]
    assert trigger["metadata"]["query"] == (
        'sum(max by (queue) (twooter_queue_depth{namespace="twooter",queue=~"fanout|aggregates|notify"}))'
    )
    assert scaled["fallback"]["replicas"] >= 1
    groups = {"worker.groups": [{"name": "all", "queues": QUEUES, "maxReplicas": 3}]}
    hpa = {"worker.autoscaling.hpa.enabled": True}
    spec = one(render(sets=NAMED | groups | hpa), "HorizontalPodAutoscaler", "twooter-worker-all")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 3)
    metric = spec["metrics"][0]["external"]["metric"]
    assert metric["name"] == "twooter_queue_depth"
    assert metric["selector"]["matchExpressions"][0]["values"] == QUEUES


def test_every_queue_group_is_a_deployment_that_can_differ() -> None:
    groups: list[dict[str, Any]] = [
        {"name": "fast", "queues": ["fanout", "aggregates", "notify"], "replicas": 3, "concurrency": 4},
        {"name": "slow", "queues": ["maintenance"], "pod": {"nodeSelector": {"pool": "cheap"}}},
    ]
    groups[0]["resources"] = {"limits": {"memory": "1Gi"}}
    manifests = render(sets=NAMED | {"worker.groups": groups})
    fast, slow = (one(manifests, "Deployment", f"twooter-worker-{name}")["spec"] for name in ("fast", "slow"))
    assert (fast["replicas"], slow["replicas"]) == (3, 1)
    container = fast["template"]["spec"]["containers"][0]
    assert container["args"] == [
        "workers",
        "worker",
        "--queues",
        "fanout,aggregates,notify",
        "--concurrency",
        "4",
    ]
    assert container["resources"]["limits"]["memory"] == "1Gi"
    assert slow["template"]["spec"]["nodeSelector"] == {"pool": "cheap"}
    assert slow["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] == "512Mi"


def test_a_hook_needs_nothing_that_its_release_has_yet_to_bring() -> None:
    (job,) = of_kind(render(sets=NAMED | {"migrations.mode": "hook"}), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    pod = job["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "default"
    (container,) = pod["containers"]
    assert "envFrom" not in container
    settings = one(render(sets=NAMED), "ConfigMap", "twooter")["data"]
    values = {name: entry.get("value") for name, entry in environment(container).items()}
    assert settings.items() <= values.items()
    assert {e["valueFrom"]["secretKeyRef"]["name"] for e in container["env"] if "valueFrom" in e} == {
        "twooter"
    }


def test_another_migration_is_another_job_and_the_same_is_not_run_again() -> None:
    """A Job cannot be changed in place."""
    names = [
        of_kind(render(sets=NAMED | {"image.tag": tag}), "Job")[0]["metadata"]["name"]
        for tag in ("1", "1", "2")
    ]
    assert names[0] == names[1] != names[2]


def test_a_manual_migration_waits_to_be_started() -> None:
    manifests = render(sets=NAMED | {"migrations.mode": "manual"})
    assert not of_kind(manifests, "Job")
    assert one(manifests, "CronJob", "twooter-migrate")["spec"]["suspend"] is True


def test_the_probe_goes_the_way_of_clients_as_an_account_of_its_own() -> None:
    cron = one(rendered("everything"), "CronJob", "twooter-probe")["spec"]
    (container,) = cron["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == [
        "twooter",
        "probe",
        "--url",
        "https://twooter.example.org",
        "--seconds",
        "30",
        "--record",
    ]
    entries = environment(container)
    for name in ("TOKEN", "USERNAME", "PASSWORD"):
        reference = entries[f"TWOOTER_PROBE_{name}"]["valueFrom"]["secretKeyRef"]
        assert reference == {"name": "probe", "key": f"TWOOTER_PROBE_{name}", "optional": True}
    for person in ("register", "anonymous"):
        manifests = render(sets=NAMED | ADDRESS | {"probe": {"enabled": True, "person": person}})
        (container,) = one(manifests, "CronJob", "twooter-probe")["spec"]["jobTemplate"]["spec"]["template"][
            "spec"
        ]["containers"]
        assert f"--{person}" in container["args"]
        assert "TWOOTER_PROBE_TOKEN" not in environment(container)


def test_a_database_s_authority_is_mounted_where_the_setting_says() -> None:
    manifests = rendered("everything")
    path = one(manifests, "ConfigMap", "twooter")["data"]["TWOOTER_DATABASE_TLS_CA"]
    for owner, pod in templates(manifests):
        mounts = {m["name"]: m["mountPath"] for m in pod["spec"]["containers"][0]["volumeMounts"]}
        assert path == f"{mounts['database-ca']}/ca.crt", owner


def test_secrets_come_from_where_values_say() -> None:
    container = one(rendered("everything"), "Deployment", "twooter-api")["spec"]["template"]["spec"][
        "containers"
    ][0]
    entries = environment(container)
    for name, secret in {
        "TWOOTER_DATABASE_URL": "database",
        "TWOOTER_BROKER_URL": "broker",
        "TWOOTER_CACHE_URL": "cache",
        "TWOOTER_SECRET_KEYS": "signing",
        "TWOOTER_ADDRESS_KEY": "signing",
        "TWOOTER_SMTP_URL": "mail",
    }.items():
        assert entries[name]["valueFrom"]["secretKeyRef"]["name"] == secret
    assert not of_kind(rendered("everything"), "Secret"), "what others keep is not written again"


def test_numbers_reach_the_pods_as_they_were_written() -> None:
    """YAML's numbers are floats to Helm: a million must not become 1e+06."""
    settings = {"config.TWOOTER_MAX_BODY_BYTES": 10_000_000, "config.TWOOTER_RELAY_POLL_SECONDS": 0.5}
    data = one(render(sets=NAMED | settings), "ConfigMap", "twooter")["data"]
    assert (data["TWOOTER_MAX_BODY_BYTES"], data["TWOOTER_RELAY_POLL_SECONDS"]) == ("10000000", "0.5")


def test_rules_and_dashboards_are_those_of_the_files() -> None:
    manifests = rendered("everything")
    (rule,) = of_kind(manifests, "PrometheusRule")
    written = [
        g
        for path in sorted(CHART.glob("files/alerts/*.yaml"))
        for g in yaml.safe_load(path.read_text())["groups"]
    ]
    assert rule["spec"]["groups"] == written
    shown = {
        name: text
        for m in of_kind(manifests, "ConfigMap")
        if m["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, text in m["data"].items()
    }
    assert shown == {path.name: path.read_text().rstrip() for path in CHART.glob("files/dashboards/*.json")}


def test_what_watches_finds_every_pod_once() -> None:
    manifests = rendered("everything")
    pods = {owner: pod["metadata"]["labels"] for owner, pod in templates(manifests)}
    services = {s["metadata"]["name"]: s for s in of_kind(manifests, "Service")}

    def found(monitor: Manifest, labels: dict[str, str]) -> bool:
        return chosen({"spec": {"podSelector": monitor["spec"]["selector"]}}, labels)

    (by_service,), (by_pod,) = of_kind(manifests, "ServiceMonitor"), of_kind(manifests, "PodMonitor")
    scraped = [owner for owner, labels in pods.items() if found(by_pod, labels)]
    for service in services.values():
        if found(by_service, service["metadata"]["labels"]):
            scraped += [
                o for o, labels in pods.items() if service["spec"]["selector"].items() <= labels.items()
            ]
    assert sorted(scraped) == sorted(o for o, labels in pods.items() if o.startswith("Deployment/"))


@files
def test_every_object_is_named_and_labelled_alike(name: str) -> None:
    for manifest in rendered(name):
        metadata = manifest["metadata"]
        assert re.fullmatch(r"twooter(-[a-z0-9-]+)?", metadata["name"])
        assert metadata["labels"]["app.kubernetes.io/instance"] == "twooter"
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "Helm"
        assert manifest["kind"] == "PriorityClass" or metadata["namespace"] == "twooter"


def test_long_names_stay_names() -> None:
    manifests = render(sets=NAMED | {"fullnameOverride": "t" * 60, "monitoring.dashboards.enabled": True})
    assert all(len(m["metadata"]["name"]) <= 63 for m in manifests)


def test_nothing_is_looked_up_or_made_up() -> None:
    """What is random or read from a cluster is another with each rendering: GitOps would never come to rest."""
    text = "\n".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    assert not re.search(r"\b(lookup|rand\w+|genCA\w*|genSelfSigned\w*|genPrivateKey|uuidv4|now)\b", text)
    assert template(sets=NAMED) == template(sets=NAMED)
