"""Releases: whether everything is of one version, the notes of it, and the version of a build between two.

    python .ci/release.py check [--tag v1.2.3]      pyproject.toml, Chart.yaml and the changelog agree, also with a tag
    python .ci/release.py notes 1.2.3               what CHANGELOG.md says of 1.2.3
    python .ci/release.py version [--build 42]      1.2.3, or 1.2.4-main.42 when 1.2.3 is out already

Needs Python 3.11 and nothing else: a release must not depend on an environment that could be made.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path

import changelog
from changelog import Broken

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Do what the command line says; a fault is a sentence on stderr and status 1."""
    parser = argparse.ArgumentParser(description="Check the versions of a release, tell its notes.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check").add_argument("--tag", default="")
    commands.add_parser("notes").add_argument("version")
    commands.add_parser("version").add_argument("--build", type=int)
    args = parser.parse_args()
    try:
        print(answer(args), end="")
    except Broken as ex:
        print(f"release: {ex}", file=sys.stderr)
        return 1
    return 0


def answer(args: argparse.Namespace) -> str:
    """Return what is to be printed."""
    history = (args.root / "CHANGELOG.md").read_text()
    if args.command == "notes":
        return changelog.notes(history, args.version)
    version = agreed(args.root)
    if args.command == "version":
        return f"{version if args.build is None else between(history, version, args.build)}\n"
    if faults := changelog.faults(history):
        raise Broken("CHANGELOG.md: " + "; ".join(faults))
    if args.tag:
        if args.tag != f"v{version}":
            raise Broken(f"the tag is {args.tag}, everything else says {version}")
        changelog.notes(history, version)
    return f"release: everything says {version}\n"


def agreed(root: Path) -> str:
    """Return the one version of the package and the chart. Raises: Broken when there are two."""
    package = str(tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"])
    changelog.number(package)
    for field, value in chart_versions(root / "helm" / "twooter" / "Chart.yaml").items():
        if value != package:
            raise Broken(
                f"Chart.yaml's {field} is {value or 'missing'}, pyproject.toml's version is {package}"
            )
    return package


def chart_versions(path: Path) -> dict[str, str]:
    """Return the chart's `version` and `appVersion`; the two lines need no YAML library."""
    text = path.read_text()
    found = {}
    for field in ("version", "appVersion"):
        line = re.search(rf"""^{field}:\s*["']?([^"'\s#]+)""", text, re.MULTILINE)
        found[field] = line[1] if line else ""
    return found


def between(history: str, version: str, build: int) -> str:
    """Return a version that sorts after the last release and before the next."""
    if any(section.name == version for section in changelog.sections(history)):
        major, minor, patch = changelog.number(version)
        version = f"{major}.{minor}.{patch + 1}"
    return f"{version}-main.{build}"


if __name__ == "__main__":
    sys.exit(main())
