"""Check manifests against the schemas of one version of Kubernetes: `python schemas.py VERSION FILE...`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-not-found]  # installed from requirements-chart.txt, apart from this
import yaml

FOREIGN = ("monitoring.coreos.com/", "keda.sh/", "gateway.networking.k8s.io/")
"""Groups that are not Kubernetes' own: their schemas come with their operators, and are not here."""


def check(version: str, path: Path, foreign: Counter[str]) -> tuple[int, list[str]]:
    """Return how many manifests of a file were checked, and what is wrong with them."""
    wrong, checked = [], 0
    for manifest in filter(None, yaml.safe_load_all(path.read_text())):
        kind = f"{manifest['apiVersion']} {manifest['kind']}"
        if manifest["apiVersion"].startswith(FOREIGN):
            foreign[kind] += 1
            continue
        checked += 1
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as ex:
            place = ".".join(str(part) for part in ex.path)
            wrong.append(f"{path.name}: {kind} {manifest['metadata']['name']}: {place}: {ex.message}")
    return checked, wrong


def main(version: str, *names: str) -> None:
    """Check all files, and tell what was wrong and what was not looked at."""
    foreign: Counter[str] = Counter()
    results: list[Any] = [check(version, Path(name), foreign) for name in names]
    wrong = [line for _, lines in results for line in lines]
    told = ", ".join(f"{kind}: {count}" for kind, count in sorted(foreign.items()))
    print(
        f"Kubernetes {version}: {sum(n for n, _ in results)} manifests of {len(names)} files fit its schemas"
    )
    if told:
        print(f"  not Kubernetes' own, checked by tests only: {told}")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
