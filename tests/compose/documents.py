"""compose.yaml as Docker reads it: merged, and with the values of an environment in place of `${NAME}`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "compose.yaml").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<how>[-?])(?P<text>[^}]*))?\}")
SECRET = "x" * 40


def secrets() -> dict[str, str]:
    """Return a value for each secret of the example."""
    return dict.fromkeys(re.findall(r"^([A-Z_]+)=$", EXAMPLE, re.MULTILINE), SECRET)


def defaults() -> dict[str, str]:
    """Return the defaults of the variables that may be left out."""
    return {m["name"]: m["text"] for m in _VARIABLE.finditer(COMPOSE) if m["how"] == "-"}


def required() -> set[str]:
    """Return the names of the variables that must be set."""
    return {m["name"] for m in _VARIABLE.finditer(COMPOSE) if m["how"] != "-"}


def read(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the document; without an environment only secrets are set.

    Raises: KeyError for a variable that has no default and is not set.
    """
    values = secrets() if environment is None else environment

    def value(match: re.Match[str]) -> str:
        name = match["name"]
        return values.get(name) or match["text"] if match["how"] == "-" else values[name]

    document: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(value, COMPOSE))
    return document


def services() -> dict[str, dict[str, Any]]:
    """Return every service."""
    found: dict[str, dict[str, Any]] = read()["services"]
    return found


def own() -> dict[str, dict[str, Any]]:
    """Return the services that run Twooter's image."""
    return {name: service for name, service in services().items() if service["image"] == "twooter:dev"}


def image_environment() -> dict[str, str]:
    """Return the variables the Dockerfile sets."""
    return dict(re.findall(r"^\s+(TWOOTER_\w+)=([^\s\\]+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))


def seconds(text: str) -> int:
    """Return a duration such as 30s."""
    assert re.fullmatch(r"\d+s", text), text
    return int(text[:-1])
