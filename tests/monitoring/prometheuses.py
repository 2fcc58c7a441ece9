"""A Prometheus of a test's own, with the chart's rules, that scrapes processes of a test's own."""

import json
import math
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import yaml

from tests import servers
from tests.monitoring.rules import ALERTS
from tests.processes import Server, free_port, private_folder


class Prometheus:
    """Scrapes and evaluates every second; `ports` are of targets by component."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        executable = servers.started(lambda: servers.program("prometheus"))
        folder, port = private_folder("prometheus"), free_port()
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(_configuration(ports)))
        self.url = f"http://127.0.0.1:{port}"
        self.server = Server(
            name="prometheus",
            command=[
                executable,
                f"--config.file={folder}/prometheus.yaml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            folder=folder,
            port=port,
            url=self.url,
            answers=self._ready,
        )

    def values(self, query: str) -> list[float]:
        """Return the values that a query has now, those left out that are no numbers.

        Raises: ValueError with Prometheus' words when it is no query.
        """
        samples = self._get("query", query=query)["result"]
        return [value for sample in samples if not math.isnan(value := float(sample["value"][1]))]

    def rules(self) -> list[dict[str, Any]]:  # Any: as Prometheus tells them
        """Return every rule with its state."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def _get(self, what: str, **parameters: str) -> Any:  # Any: idem
        address = f"{self.url}/api/v1/{what}?{urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - our own server
                return json.load(answer)["data"]
        except urllib.error.HTTPError as ex:
            raise ValueError(f"{json.load(ex)['error']}: {parameters}") from ex

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:  # noqa: S310 - our own server
                return bool(answer.status == 200)
        except OSError:
            return False

    def __enter__(self) -> "Prometheus":
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()


def _configuration(ports: Mapping[str, int]) -> dict[str, Any]:  # Any: as Prometheus has it
    targets = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"component": component}}
        for component, port in ports.items()
    ]
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [f"{ALERTS}/*.yaml"],
        "scrape_configs": [{"job_name": "twooter", "static_configs": targets}],
    }
