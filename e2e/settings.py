"""What a run is told by its environment: the cluster, the image, the database and the broker."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class BadEnvironment(Exception):
    """Something a run needs is not there; the message says what to set."""


@dataclass(frozen=True)
class Settings:
    """The environment of one run; every field is a variable of the same name in capitals, with E2E_ before it."""

    kubeconfig: str
    image: str = "twooter:dev"
    archive: str = ""
    """The image as a file, as `make image` leaves it."""
    load: str = ""
    """Command that brings the archive into the cluster's nodes, and gets its path as the last argument."""
    database_url: str = ""
    """`mysql://user:password@host:port`, as Pods reach it, of a user who may create databases; empty: one inside."""
    database_ca: str = ""
    """File with the CA of the database's certificate; empty: no TLS."""
    broker_url: str = ""
    """`redis://…` as Pods reach it, without a database number; empty: one inside."""
    namespace: str = "twooter-e2e"
    kubectl: str = "kubectl"
    helm: str = "helm"
    leave_out: frozenset[str] = frozenset()
    """Names of steps, comma separated; the report says that they were left out."""
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="twooter-e2e-")))

    @classmethod
    def read(cls) -> Settings:
        """Return the settings of the environment.

        Raises: BadEnvironment.
        """
        kubeconfig = os.environ.get("KUBECONFIG", "")
        if not kubeconfig:
            raise BadEnvironment("Set KUBECONFIG to the file that names the cluster to test on.")
        given: dict[str, Any] = {  # Any: fields of several kinds
            name: os.environ[f"E2E_{name.upper()}"]
            for name in (
                "image",
                "archive",
                "load",
                "database_url",
                "database_ca",
                "broker_url",
                "namespace",
                "kubectl",
                "helm",
            )
            if os.environ.get(f"E2E_{name.upper()}")
        }
        left_out = frozenset(filter(None, os.environ.get("E2E_LEAVE_OUT", "").split(",")))
        made = cls(kubeconfig, leave_out=left_out, **given)
        for program in (made.kubectl, made.helm):
            if shutil.which(program) is None:
                raise BadEnvironment(
                    f"{program} is not there: install it, or name it by E2E_KUBECTL or E2E_HELM."
                )
        if bool(made.database_url) != bool(made.broker_url):
            raise BadEnvironment("Set E2E_DATABASE_URL and E2E_BROKER_URL, or neither.")
        return made

    @property
    def repository(self) -> str:
        """Return the image's name without its tag."""
        return self.image.rpartition(":")[0]

    @property
    def tag(self) -> str:
        """Return the image's tag."""
        return self.image.rpartition(":")[2]
