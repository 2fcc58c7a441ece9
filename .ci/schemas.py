"""Check manifests against the schemas of versions of Kubernetes: `python schemas.py FOLDER VERSION...`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import kubernetes_validate  # type: ignore[import-not-found]  # installed from requirements-chart.txt, apart from this
import yaml

FOREIGN = ("monitoring.coreos.com/", "keda.sh/", "gateway.networking.k8s.io/")
"""Groups that are not Kubernetes' own: their schemas come with their operators, and are not here."""


class Tally:
    """What was looked at, what was not, and what is wrong."""

    def __init__(self) -> None:
        self.checked = 0
        self.foreign: Counter[str] = Counter()
        self.wrong: list[str] = []

    def check(self, version: str, path: Path) -> None:
        """Add the manifests of one file."""
        for manifest in filter(None, yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader)):
            kind = f"{manifest['apiVersion']} {manifest['kind']}"
            if manifest["apiVersion"].startswith(FOREIGN):
                self.foreign[kind] += 1
                continue
            self.checked += 1
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except kubernetes_validate.ValidationError as ex:
                place = ".".join(str(part) for part in ex.path)
                self.wrong.append(
                    f"{path.name}: {kind} {manifest['metadata']['name']}: {place}: {ex.message}"
                )


def main(folder: str, *versions: str) -> None:
    """Check every file that ends in a version, and tell what was wrong and what was not looked at.

    Raises: SystemExit.
    """
    tally = Tally()
    for version in versions:
        files = sorted(Path(folder).glob(f"*-{version}.yaml"))
        if not files:
            sys.exit(f"schemas: nothing was rendered for Kubernetes {version}")
        for path in files:
            tally.check(version, path)
    print(
        f"schemas: {tally.checked} manifests for Kubernetes {', '.join(versions)}, {len(tally.wrong)} wrong"
    )
    told = ", ".join(f"{kind} ({count})" for kind, count in sorted(tally.foreign.items()))
    print(f"schemas: not Kubernetes' own, so checked by tests only: {told or 'none'}")
    if tally.wrong:
        sys.exit("\n".join(tally.wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
