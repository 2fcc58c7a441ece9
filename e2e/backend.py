"""Database and broker of a run: those that the environment names, or small ones inside the cluster."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from e2e.cluster import Cluster, Failed, Manifest, wait_until
from e2e.pods import Toolbox

_NAMESPACE = "twooter-e2e-data"
_MYSQL, _REDIS = "docker.io/library/mysql:8.0", "docker.io/library/redis:7.4-alpine"
_SQL = """
import sys, urllib.parse, pymysql
url = urllib.parse.urlsplit(sys.argv[1])
connection = pymysql.connect(host=url.hostname, port=url.port or 3306, user=url.username,
                             password=urllib.parse.unquote(url.password or ""), autocommit=True, connect_timeout=5)
cursor = connection.cursor()
for statement in sys.argv[2:]:
    cursor.execute(statement)
    for row in cursor.fetchall():
        print(*row)
"""


@dataclass(frozen=True)
class Backend:
    """Where Pods find the database server and Redis; URLs without a database's name or number."""

    database_url: str
    broker_url: str
    ca: str
    """The authority of the database's certificate, PEM; empty: no TLS."""
    keys: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """What signs cursors and links, and owns the addresses in the database."""

    def secret(self, name: str, namespace: str, database: str, *, host: str = "", slot: int = 0) -> Manifest:
        """Return a release's Secret for a database; `host` replaces the right one, `slot` picks its part of Redis."""
        url = f"{self.database_url}/{database}"
        if host:
            right = url.rpartition("@")[2].partition("/")[0]
            url = url.replace(right, host)
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": {
                "TWOOTER_DATABASE_URL": url,
                "TWOOTER_BROKER_URL": f"{self.broker_url}/{2 * slot}",
                "TWOOTER_CACHE_URL": f"{self.broker_url}/{2 * slot + 1}",
                "TWOOTER_SECRET_KEYS": self.keys,
            },
        }

    def tls_values(self, ca_name: str) -> dict[str, Any]:
        """Return what the chart is told of TLS to the database; the ConfigMap of that name holds the authority."""
        if not self.ca:
            return {"mode": "disabled"}
        return {"mode": "verify-identity", "ca": {"configMap": ca_name}}

    def policy_values(self) -> dict[str, Any]:
        """Return the chart's rules for what Pods may reach: this database, this Redis."""
        database, broker = _rule(self.database_url, 3306), _rule(self.broker_url, 6379)
        return {"database": database, "broker": broker, "cache": broker}

    def execute(self, toolbox: Toolbox, *statements: str) -> str:
        """Run SQL from inside the cluster and return its rows.

        Raises: Failed.
        """
        return toolbox.python(_SQL, self.database_url, *statements)

    def make_database(self, toolbox: Toolbox, name: str, *more: str) -> None:
        """Make an empty database, and then run `more`."""
        self.execute(
            toolbox,
            f"DROP DATABASE IF EXISTS `{name}`",
            f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4",
            f"USE `{name}`",
            *more,
        )


def _rule(url: str, port: int) -> dict[str, Any]:
    """Return the ports and the NetworkPolicy's `to` of a URL."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        to: dict[str, Any] = {"ipBlock": {"cidr": str(ip_network(host))}}
    except ValueError:  # a name: of a Service inside
        to = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": _NAMESPACE}}}
    return {"ports": [parts.port or port], "to": [to]}


def find(cluster: Cluster, toolbox: Toolbox) -> Backend:
    """Return the backend of the settings, and start one inside the cluster where they name none."""
    settings = cluster.settings
    if settings.database_url:
        ca = Path(settings.database_ca).read_text() if settings.database_ca else ""
        return Backend(settings.database_url.rstrip("/"), settings.broker_url.rstrip("/"), ca)
    password = secrets.token_urlsafe(12)
    cluster.make_namespace(_NAMESPACE, {})
    cluster.apply(
        *_server("mysql", _MYSQL, 3306, {"MYSQL_ROOT_PASSWORD": password}),
        *_server("redis", _REDIS, 6379, {}),
    )
    made = Backend(
        f"mysql://root:{password}@mysql.{_NAMESPACE}.svc.cluster.local:3306",
        f"redis://redis.{_NAMESPACE}.svc.cluster.local:6379",
        "",
    )
    wait_until(lambda: "1" in made.execute(toolbox, "SELECT 1"), seconds=300, what="the database inside")
    wait_until(
        lambda: toolbox.reaches(f"redis.{_NAMESPACE}.svc.cluster.local", 6379),
        seconds=120,
        what="Redis inside",
    )
    return made


def remove(cluster: Cluster) -> None:
    """Remove what was started inside the cluster."""
    if not cluster.settings.database_url:
        try:
            cluster.drop_namespace(_NAMESPACE)
        except Failed as ex:
            print(f"{_NAMESPACE} stays: {ex}")


def _server(name: str, image: str, port: int, environment: dict[str, str]) -> list[Manifest]:
    labels = {"app": name}
    meta = {"name": name, "namespace": _NAMESPACE}
    container = {
        "name": name,
        "image": image,
        "ports": [{"containerPort": port}],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"selector": labels, "ports": [{"port": port}]},
    }
    return [deployment, service]
