"""The chart as its users meet it: rendered by helm, in this process's tests once per set of values."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "twooter"
TOOLS = ROOT / ".tools" / "bin"
NEWEST = "1.34.0"
"""What is rendered for: a helm made by `go install` would take some version of long ago."""
NAMED = {"database.existingSecret": "twooter"}
"""The least that the default values ask for."""
FILES: dict[str, tuple[str, ...]] = {
    "default": (),
    "dev": ("values-dev.yaml",),
    "production": ("values-production.yaml",),
    "planetscale": ("values-production.yaml", "values-planetscale.yaml"),
    "everything": ("values-production.yaml", "ci/everything-values.yaml"),
    "gateway": ("values-production.yaml", "ci/gateway-values.yaml"),
}
"""The values files, as their own first lines say that they are used."""

Manifest = dict[str, Any]  # Any: whatever Kubernetes takes


class Refused(Exception):
    """What helm said when it did not render."""


def tool(name: str) -> str:
    """Return a pinned program.

    Raises: RuntimeError when it is not there.
    """
    if shutil.which(name, path=str(TOOLS)) is None:
        raise RuntimeError(f"{name} is not in .tools/bin: `make chart` brings it, then runs these tests")
    return str(TOOLS / name)


def helm(*arguments: str, program: str = "helm") -> str:
    """Run helm and return what it wrote.

    Raises: Refused.
    """
    done = subprocess.run(
        [tool(program), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def template(
    *files: str,
    sets: dict[str, Any] | None = None,
    options: tuple[str, ...] = (),
    program: str = "helm",
) -> str:
    """Return the manifests as text; `sets` are paths to values, which may be lists and maps.

    Raises: Refused.
    """
    arguments = ["template", "twooter", str(CHART), "--namespace", "twooter", "--skip-tests"]
    for name in files:
        arguments += ["--values", str(CHART / name)]
    for path, value in (sets or {}).items():
        arguments += ["--set-json", f"{path}={json.dumps(value)}"]
    if "--kube-version" not in options:
        arguments += ["--kube-version", NEWEST]
    return helm(*arguments, *options, program=program)


def parsed(text: str) -> list[Manifest]:
    """Return the manifests of a text."""
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


def render(*files: str, sets: dict[str, Any] | None = None, options: tuple[str, ...] = ()) -> list[Manifest]:
    """Return the manifests.

    Raises: Refused.
    """
    return parsed(template(*files, sets=sets, options=options))


def needed(name: str) -> dict[str, Any]:
    """Return what a user adds to one of FILES, because it does not know it."""
    return NAMED if name in ("default", "production") else {}


@cache
def rendered(name: str) -> list[Manifest]:
    """Return the manifests of one of FILES, tests included; not to be changed."""
    return render(*FILES[name], sets=needed(name), options=("--skip-tests=false",))


def of_kind(manifests: list[Manifest], kind: str, name: str = "") -> list[Manifest]:
    """Return the manifests of a kind, of a name too if one is given."""
    return [m for m in manifests if m["kind"] == kind and (not name or m["metadata"]["name"] == name)]


def one(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """Return the one manifest of this kind and name."""
    (found,) = of_kind(manifests, kind, name)
    return found


def templates(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Yield the pod templates, and pods, with the name of what they belong to."""
    for manifest in manifests:
        spec: Manifest = {"template": manifest} if manifest["kind"] == "Pod" else manifest.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "containers" in spec.get("template", {}).get("spec", {}):
            yield f"{manifest['kind']}/{manifest['metadata']['name']}", spec["template"]


def component(pod: Manifest) -> str:
    """Return which part of Twooter a pod template is."""
    return str(pod["metadata"]["labels"]["app.kubernetes.io/component"])


def is_ours(pod: Manifest) -> bool:
    """Return whether a pod template runs Twooter itself, not the small database or Redis."""
    return not component(pod).startswith("dev-")


def environment(container: Manifest) -> dict[str, Manifest]:
    """Return a container's variables by name."""
    return {entry["name"]: entry for entry in container.get("env", [])}


def main(folder: Path, versions: list[str]) -> None:
    """Write every values file's manifests for every version of Kubernetes."""
    for name, files in FILES.items():
        for version in versions:
            options = ("--kube-version", f"{version}.0", "--skip-tests=false")
            text = template(*files, sets=needed(name), options=options)
            (folder / f"{name}-{version}.yaml").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
