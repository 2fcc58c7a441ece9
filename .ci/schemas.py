"""Check manifests against schemas, Kubernetes' and operators': `python schemas.py FOLDER DEFINITIONS VERSION...`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # as the next one
import kubernetes_validate  # type: ignore[import-not-found]  # installed from requirements-chart.txt, apart from this
import yaml

Json = dict[str, Any]  # Any: schemas and manifests


def documents(path: Path) -> list[Json]:
    """Return a file's YAML documents."""
    return [found for found in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader) if found]


def strict(schema: Any) -> Any:  # Any: a piece of a schema
    """Return the schema with unknown properties refused, as Kubernetes' own are here."""
    if isinstance(schema, list):
        return [strict(piece) for piece in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    open_to_all = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not open_to_all:
        made["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    return made


def operators_schemas(folder: Path) -> dict[str, Json]:
    """Return the schemas of what operators add, by version and kind."""
    found = {}
    for definition in (d["spec"] for path in folder.glob("*.yaml") for d in documents(path)):
        for version in definition["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            found[f"{definition['group']}/{version['name']} {definition['names']['kind']}"] = schema
    return found


class Checker:
    """Knows every schema, and keeps what is wrong."""

    def __init__(self, foreign: dict[str, Json]) -> None:
        self._foreign = {kind: jsonschema.Draft202012Validator(schema) for kind, schema in foreign.items()}
        self.checked = 0
        self.wrong: list[str] = []

    def check(self, version: str, path: Path) -> None:
        """Check the manifests of one file."""
        for manifest in documents(path):
            self.checked += 1
            kind = f"{manifest['apiVersion']} {manifest['kind']}"
            for error in self._errors(version, kind, manifest):
                place = ".".join(map(str, getattr(error, "path", ())))
                self.wrong.append(
                    f"{path.name}: {kind} {manifest['metadata']['name']}: {place}: {error.message}"
                )

    def _errors(self, version: str, kind: str, manifest: Json) -> list[Any]:
        if kind in self._foreign:
            return list(self._foreign[kind].iter_errors(manifest))
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as ex:
            return [ex]
        return []


def main(folder: str, definitions: str, *versions: str) -> None:
    """Check every file whose name ends in a version.

    Raises: SystemExit with what is wrong; a kind without a schema is an error, too.
    """
    foreign = operators_schemas(Path(definitions))
    checker = Checker(foreign)
    for version in versions:
        files = sorted(Path(folder).glob(f"*-{version}.yaml"))
        if not files:
            sys.exit(f"schemas: nothing was rendered for Kubernetes {version}")
        for path in files:
            checker.check(version, path)
    print(
        f"schemas: {checker.checked} manifests for Kubernetes {', '.join(versions)} and for "
        f"{', '.join(sorted(kind.partition(' ')[2] for kind in foreign))}; {len(checker.wrong)} wrong"
    )
    if checker.wrong:
        sys.exit("\n".join(checker.wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
