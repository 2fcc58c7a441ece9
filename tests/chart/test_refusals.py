"""Values that are misspelt or contradict each other are refused, in words that say what to do."""

from typing import Any

import pytest

from tests.chart.charts import NAMED, Refused, render

INLINE = {
    "database.url": "mysql://u:p@db.example.org/twooter",
    "broker.url": "redis://redis.example.org/0",
    "signing.keys": "k" * 32,
    "config.TWOOTER_MAIL": "folder",
}
"""A release that makes its own Secret."""

GROUP = {"name": "all", "queues": ["aggregates", "notify", "maintenance"]}

CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no database": ({}, "database.existingSecret is missing"),
    "no broker": (
        {k: v for k, v in INLINE.items() if k != "broker.url"},
        "broker.existingSecret is missing: name the Secret",
    ),
    "no keys": (
        {k: v for k, v in INLINE.items() if k != "signing.keys"},
        "signing.existingSecret is missing: name the Secret",
    ),
    "no mail": (
        {k: v for k, v in INLINE.items() if k != "config.TWOOTER_MAIL"},
        "mail.existingSecret is missing",
    ),
    "database twice": (INLINE | NAMED, "name the same thing twice: keep the Secret"),
    "keys twice": (
        NAMED | {"signing.keys": "k" * 32, "signing.existingSecret": "k"},
        "signing.keys and signing.existing",
    ),
    "SQLite as URL": (INLINE | {"database.url": "sqlite:////data/twooter.sqlite3"}, "database.url is SQLite"),
    "SQLite in capitals": (INLINE | {"database.url": "SQLite:///x"}, "database.url is SQLite"),
    "SQLite as a setting": (
        NAMED | {"config.TWOOTER_DATABASE_URL": "sqlite:///x"},
        "config.TWOOTER_DATABASE_URL: Name the Secret that holds it in database.existingSecret",
    ),
    "SQLite as a variable": (
        NAMED | {"pod.extraEnv": [{"name": "TWOOTER_DATABASE_URL", "value": "sqlite:///x"}]},
        "pod.extraEnv: TWOOTER_DATABASE_URL is a setting. Name the Secret",
    ),
    "SQLite as a variable of workers": (
        NAMED | {"worker.pod.extraEnv": [{"name": "TWOOTER_DATABASE_URL", "value": "sqlite:///x"}]},
        "worker.pod.extraEnv: TWOOTER_DATABASE_URL is a setting",
    ),
    "SQLite as a variable of a group": (
        NAMED
        | {
            "worker.groups": [
                GROUP | {"pod": {"extraEnv": [{"name": "TWOOTER_DATABASE_URL", "value": "sqlite:///x"}]}}
            ]
        },
        "worker.groups[all].pod.extraEnv: TWOOTER_DATABASE_URL is a setting",
    ),
    "PostgreSQL": (INLINE | {"database.url": "postgresql://u:p@db/x"}, "must begin with mysql://"),
    "queue inside a process": (INLINE | {"broker.url": "memory://"}, "broker.url must begin with redis://"),
    "cache of another kind": (
        INLINE | {"cache.url": "memcached://cache"},
        "cache.url must begin with redis://",
    ),
    "live updates without a log": (INLINE | {"stream.enabled": True}, "stream.enabled needs the Redis"),
    "short key": (INLINE | {"signing.keys": "k" * 32 + ",short"}, "shorter than 32 characters"),
    "verify-ca without a CA": (
        NAMED | {"database.tls.mode": "verify-ca"},
        "name database.tls.ca.secret or .configMap, or take verify-identity",
    ),
    "verify-identity without a CA": (
        NAMED | {"database.tls.ca.system": False},
        "database.tls.mode=verify-identity needs a CA",
    ),
    "a CA nobody looks at": (
        NAMED | {"database.tls.mode": "required", "database.tls.ca.secret": "ca"},
        "looks at no certificate, yet a CA is named",
    ),
    "two CAs": (
        NAMED | {"database.tls.ca.secret": "a", "database.tls.ca.configMap": "b"},
        "names a Secret and a ConfigMap: keep one",
    ),
    "hook with a Secret of the release": (
        INLINE | {"migrations.mode": "hook"},
        "migrations.mode=hook runs before the release's own Secret is there",
    ),
    "hook with the database inside": (
        {
            "devServices": {"enabled": True, "password": "x"},
            "signing.keys": "k" * 32,
            "config.TWOOTER_MAIL": "folder",
        }
        | {"migrations.mode": "hook"},
        "migrations.mode=hook runs before the database of devServices is there: set migrations.mode=job",
    ),
    "two databases": (
        NAMED | {"devServices": {"enabled": True, "password": "x"}},
        "set devServices.enabled=false",
    ),
    "database inside without password": (
        {"devServices": {"enabled": True}, "signing.keys": "k" * 32},
        "devServices.password is missing",
    ),
    "Ingress and HTTPRoute": (
        NAMED | {"ingress.enabled": True, "httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}]}},
        "two ways to the same Service: keep one",
    ),
    "Ingress without a name": (NAMED | {"ingress.enabled": True}, "publicUrl is missing"),
    "HTTPRoute without a Gateway": (
        NAMED | {"publicUrl": "https://t.example.org", "httpRoute.enabled": True},
        "name the Gateway to hang on",
    ),
    "an address that is none": (NAMED | {"publicUrl": "t.example.org"}, "publicUrl must be an address"),
    "a probe of nothing": (NAMED | {"probe.enabled": True}, "probe.url is missing"),
    "a probe by nobody": (
        INLINE | {"probe": {"enabled": True, "url": "https://t.example.org"}},
        "probe.existingSecret is missing",
    ),
    "ScaledObject and HPA": (
        NAMED
        | {
            "worker.autoscaling": {
                "hpa": {"enabled": True},
                "keda": {"enabled": True, "prometheusAddress": "http://p"},
            }
        },
        "would fight over the same Deployments",
    ),
    "KEDA without Prometheus": (
        NAMED | {"worker.autoscaling.keda.enabled": True},
        "worker.autoscaling.keda.prometheusAddress is missing",
    ),
    "more at least than at most": (
        NAMED | {"api.autoscaling": {"minReplicas": 5, "maxReplicas": 2}},
        "api.autoscaling: minReplicas is above maxReplicas",
    ),
    "the same in a group": (
        NAMED | {"worker.groups": [GROUP | {"minReplicas": 9}]},
        "worker.groups[all]: minReplicas is above maxReplicas",
    ),
    "a rollout that cannot begin": (
        NAMED | {"api.strategy.maxSurge": 0},
        "a rollout can never begin: set maxSurge=1",
    ),
    "a queue nobody serves": (
        NAMED | {"worker.groups": [{"name": "fast", "queues": ["aggregates", "maintenance"]}]},
        "nobody serves the queue notify",
    ),
    "two groups of one name": (NAMED | {"worker.groups": [GROUP, GROUP]}, "has two groups named all"),
    "a setting with a place of its own": (
        NAMED | {"config.TWOOTER_WORKERS": 4},
        "config.TWOOTER_WORKERS: Set api.processes",
    ),
    "a setting among the variables": (
        NAMED | {"api.pod.extraEnv": [{"name": "TWOOTER_TOKEN_DAYS", "value": "3"}]},
        "api.pod.extraEnv: TWOOTER_TOKEN_DAYS is a setting. It belongs into config.TWOOTER_TOKEN_DAYS",
    ),
    "a variable twice": (
        NAMED | {"pod.extraEnv": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
        "pod.extraEnv names A twice: keep one",
    ),
}

MISSPELT: dict[str, tuple[dict[str, Any], str]] = {
    "replicas of the API": ({"api.replcas": 3}, "additional properties 'replcas' not allowed"),
    "a whole part": ({"workers": {}}, "additional properties 'workers' not allowed"),
    "two beats": ({"beat.replicas": 2}, "additional properties 'replicas' not allowed"),
    "a setting": ({"config.TWOOTER_TOKEN_DAY": 3}, "'TWOOTER_TOKEN_DAY' not allowed"),
    "a queue": (
        {"worker.groups": [GROUP, {"name": "x", "queues": ["agregates"]}]},
        "/worker/groups/1/queues/0': value must be one of 'fanout', 'aggregates', 'notify', 'maintenance'",
    ),
    "a group's long name": (
        {"worker.groups": [GROUP | {"name": "everything-that-waits"}]},
        "/worker/groups/0/name': 'everything-that-waits' does not match pattern",
    ),
    "a mode of migrations": ({"migrations.mode": "hooks"}, "value must be one of 'hook', 'job', 'manual'"),
    "a mode of TLS": ({"database.tls.mode": "verify_identity"}, "/database/tls/mode': value must be one of"),
    "a number as text": ({"api.replicas": "three"}, "/api/replicas': got string, want integer"),
    "a digest": ({"image.digest": "sha256:abc"}, "/image/digest': 'sha256:abc' does not match pattern"),
    "a resource": ({"api.resources.limit.memory": "1Gi"}, "additional properties 'limit' not allowed"),
    "memory": ({"api.resources.limits.memory": "1GB"}, "/api/resources/limits/memory"),
    "a pod's key": ({"relay.pod.nodeselector": {}}, "additional properties 'nodeselector' not allowed"),
    "a probe's key": ({"pod.probes.ready.periodSeconds": 1}, "additional properties 'ready' not allowed"),
    "a service type": ({"api.service.type": "NodePorts"}, "value must be one of 'ClusterIP', 'NodePort'"),
    "an egress": (
        {"networkPolicy.egress.databases.ports": [1]},
        "additional properties 'databases' not allowed",
    ),
    "a monitor": ({"monitoring.serviceMonitors.enabled": True}, "'serviceMonitors' not allowed"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_values_that_contradict_each_other_are_refused_with_what_to_do(case: str) -> None:
    sets, sentence = CONTRADICTIONS[case]
    with pytest.raises(Refused) as caught:
        render(sets=sets)
    assert "These values cannot work:" in str(caught.value)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("case", MISSPELT)
def test_a_misspelt_value_is_refused_by_its_name(case: str) -> None:
    sets, words = MISSPELT[case]
    with pytest.raises(Refused) as caught:
        render(sets=NAMED | sets)
    assert words in str(caught.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(Refused) as caught:
        render(sets=NAMED | {"api.strategy.maxSurge": 0, "ingress.enabled": True})
    assert "publicUrl is missing" in str(caught.value)
    assert "set maxSurge=1" in str(caught.value)


def test_a_release_may_make_its_own_secret() -> None:
    assert render(sets=INLINE)


def test_the_chart_may_be_part_of_another_one() -> None:
    """Helm hands a parent's global values to it."""
    assert render(sets=NAMED | {"global": {"imageRegistry": "registry.example.org"}})
