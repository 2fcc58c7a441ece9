"""compose.yaml says nothing that Twooter does not know, and holds every container as the chart does."""

import re
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import yaml

from tests.compose.documents import (
    EXAMPLE,
    ROOT,
    defaults,
    image_environment,
    own,
    read,
    required,
    seconds,
    secrets,
    services,
)
from twooter.cli import COMMANDS
from twooter.settings import Settings
from workers.__main__ import main as workers

PARTS = {"api", "worker", "beat", "relay", "exporter", "stream", "migrate"}
WITHOUT_HEALTHCHECK = {"migrate": "it ends", "collector": "its image has no program that could ask"}
ROOTS = {"collector": "Docker's log files are root's"}


def test_every_part_is_there_and_runs_the_one_image() -> None:
    assert own().keys() == PARTS
    known = {"twooter": COMMANDS.keys(), "workers": workers.commands.keys()}
    for name, service in own().items():
        program, command = service["command"]
        assert command in known[program], name


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_part_starts_with_its_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {**image_environment(), **own()[name]["environment"]}
    fields = {f"TWOOTER_{field.upper()}" for field in Settings.model_fields}
    assert environment.keys() <= fields, environment.keys() - fields
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    settings = Settings()
    assert settings.env == "production"
    assert (settings.port, settings.metrics_port) == (8000, 9000)
    assert settings.broker_url != settings.cache_url


@pytest.mark.parametrize("name", sorted(services()))
def test_a_container_is_held(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    uid = int(service["user"].split(":")[0])
    assert (uid == 0) == (name in ROOTS)
    for limit in ("mem_limit", "cpus", "pids_limit", "tmpfs", "logging", "restart"):
        assert service.get(limit), limit
    assert not [v for v in service.get("volumes", []) if "docker.sock" in v]


@pytest.mark.parametrize("name", sorted(services()))
def test_a_container_is_asked_for_its_health(name: str) -> None:
    check = services()[name]["healthcheck"]
    if name in WITHOUT_HEALTHCHECK:
        assert check == {"disable": True}
        return
    assert check["test"][0] == "CMD"
    if name in PARTS:
        assert "http://127.0.0.1:9000/readyz" in check["test"][-1]


def test_images_are_pinned_by_version() -> None:
    for name, service in services().items():
        if name not in PARTS:
            assert re.search(r":v?\d+\.\d+\.\d+(-alpine)?$", service["image"]), service["image"]


def test_nothing_is_published_but_to_this_machine() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert published.keys() == {"nginx", "prometheus", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_the_api_believes_the_proxy_alone() -> None:
    """A forged address would be believed of every container in a network that is trusted as a whole."""
    document = read()
    (range_,) = document["networks"]["front"]["ipam"]["config"]
    proxy = ip_address(services()["nginx"]["networks"]["front"]["ipv4_address"])
    assert own()["api"]["environment"]["TWOOTER_TRUSTED_PROXIES"] == f"{proxy}/32"
    assert proxy in ip_network(range_["subnet"])
    assert proxy not in ip_network(range_["ip_range"]), "somebody else may be given its address"
    assert document["networks"]["back"] == {"internal": True}


def test_the_queue_is_never_evicted_and_the_cache_is_bounded() -> None:
    options = {name: " ".join(services()[name]["command"]) for name in ("broker", "cache")}
    assert "--maxmemory-policy noeviction" in options["broker"]
    assert "--appendonly yes" in options["broker"]
    assert "--maxmemory-policy allkeys-lru" in options["cache"]
    assert all("--maxmemory 256mb" in text and "--requirepass" in text for text in options.values())


def test_stopping_leaves_time() -> None:
    """Docker waits 10 s unless told otherwise, then kills."""
    graceful: int = Settings.model_fields["graceful_seconds"].default
    for name in ("api", "worker"):
        assert seconds(own()[name]["stop_grace_period"]) >= graceful + 5


def test_every_mounted_file_is_in_the_repository() -> None:
    mounts = [v.split(":") for s in services().values() for v in s.get("volumes", []) if v.startswith("./")]
    assert mounts
    for source, _, mode in mounts:
        assert (ROOT / source).exists(), source
        assert mode == "ro", source


def test_watching_uses_the_charts_own_rules_and_dashboards() -> None:
    watching = {name: s["volumes"] for name, s in services().items() if s.get("profiles") == ["obs"]}
    assert watching.keys() == {"prometheus", "grafana", "loki", "collector"}
    assert "./helm/twooter/files/alerts:/etc/prometheus/alerts:ro" in watching["prometheus"]
    assert "./helm/twooter/files/dashboards:/var/lib/grafana/dashboards:ro" in watching["grafana"]


def test_prometheus_asks_every_part_that_stays() -> None:
    configuration: dict[str, Any] = yaml.safe_load((ROOT / "monitoring/prometheus.yaml").read_text())
    names = [
        name
        for job in configuration["scrape_configs"]
        for sd in job["dns_sd_configs"]
        for name in sd["names"]
    ]
    assert set(names) == PARTS - {"migrate"}


def test_the_example_names_every_variable_with_its_default() -> None:
    assert required() == secrets().keys()
    shown = dict(re.findall(r"^#([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert shown == defaults()


def test_a_missing_secret_is_refused() -> None:
    with pytest.raises(KeyError, match="MYSQL_PASSWORD"):
        read({})
    assert (ROOT / "compose.yaml").read_text().count(":?run compose/secrets.sh first}") >= len(required())
