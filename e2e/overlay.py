"""`kubectl apply -k k8s/overlays/dev`: everything to try Twooter with, database and Redis included."""

from __future__ import annotations

import os
import time
from pathlib import Path

from e2e.cluster import Failed, wait_until
from e2e.report import Figures
from e2e.settings import ROOT
from e2e.world import Step, World

_OVERLAY = ROOT / "k8s" / "overlays" / "dev"
_SECONDS = 300
_TAG = "firstlight"


def try_overlay(world: World) -> Figures:
    """Apply the overlay with the image under test, sign up, post, and see it counted."""
    folder = _wrapper(world)
    began = time.monotonic()
    world.cluster.kubectl("apply", "-k", str(folder), seconds=120)
    namespace = _namespace(world, folder)
    try:
        for deployment in world.cluster.fetch("deployments", namespace):
            name = str(deployment["metadata"]["name"])
            world.cluster.kubectl(
                "-n", namespace, "rollout", "status", f"deployment/{name}", f"--timeout={_SECONDS}s",
                seconds=_SECONDS + 20,
            )  # fmt: skip
        took = time.monotonic() - began
        _post(world, namespace)
    finally:
        world.cluster.kubectl(
            "delete", "-k", str(folder), "--ignore-not-found", "--timeout=120s", seconds=150
        )
    return {"seconds to ready": round(took, 1)}


def _wrapper(world: World) -> Path:
    """Write a kustomization that is the overlay with another image: nothing else differs from what the README says."""
    folder = world.settings.folder / "dev"
    folder.mkdir()
    relative = os.path.relpath(_OVERLAY, folder.resolve())
    (folder / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        f"resources: [{relative}]\n"
        f"images:\n- name: ghcr.io/twooter/twooter\n  newName: {world.settings.repository}\n"
        f"  newTag: {world.settings.tag}\n"
    )
    return folder


def _namespace(world: World, folder: Path) -> str:
    """Return the namespace the overlay puts its objects into."""
    for line in world.cluster.kubectl("kustomize", str(folder)).splitlines():
        if line.startswith("  namespace: "):
            return line.partition(": ")[2].strip().strip('"')
    return "default"


def _post(world: World, namespace: str) -> None:
    host, port = _address(world, namespace)
    given = {"username": "dev", "email": "dev@example.org", "password": "correct horse battery"}
    _asked(world, host, port, "/v1/accounts", given)
    token = _asked(world, host, port, "/v1/tokens", {"username": "dev", "password": given["password"]})[
        "token"
    ]
    _asked(world, host, port, "/v1/twoots", {"text": f"#{_TAG}"}, token=str(token))

    def counted() -> bool:
        status, told = world.toolbox.ask(host, port, "GET", f"/v1/hashtags/{_TAG}")
        return status == 200 and told["uses"] == 1

    wait_until(counted, seconds=60, what="the worker's count")


def _address(world: World, namespace: str) -> tuple[str, int]:
    for service in world.cluster.fetch("services", namespace, "app.kubernetes.io/component=api"):
        for port in service["spec"]["ports"]:
            if port["name"] == "http":
                return str(service["spec"]["clusterIP"]), int(port["port"])
    raise Failed(f"no Service with a port named http in {namespace}")


def _asked(
    world: World, host: str, port: int, path: str, body: dict[str, str], *, token: str = ""
) -> dict[str, object]:
    status, told = world.toolbox.ask(host, port, "POST", path, body, token=token)
    if status != 201 or not isinstance(told, dict):
        raise Failed(f"POST {path}: {status} {told}")
    return told


STEPS = (
    Step(
        "dev overlay",
        "`kubectl apply -k k8s/overlays/dev` stands, and its worker counts a twoot",
        try_overlay,
    ),
)
