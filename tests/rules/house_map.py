"""The generated parts of the documents, and the dashboards. `make map` writes them."""

from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from monitoring import dashboards
from tests.rules.metrics_page import render_events, render_metrics
from tests.rules.sources import PACKAGES, ROOT, sources
from twooter.settings import Settings


def render_map() -> str:
    """Return a code block with a line per module: its path and the first line of its docstring."""
    modules = [s for s in sources(*PACKAGES) if s.text.strip()]
    width = max(len(str(s.path)) for s in modules)
    lines = [f"{s.path!s:<{width}}  {s.first_line}" for s in modules]
    return "\n".join(["```text", *lines, "```"])


def render_settings() -> str:
    """Return a table with a line per setting: variable, default, description."""
    prefix = Settings.model_config.get("env_prefix", "")
    rows = [
        f"| `{prefix}{name.upper()}` | {_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | what it does |", "|---|---|---|", *rows])


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value in ((), ""):
        return "–"
    shown = value.get_secret_value() if isinstance(value, SecretStr) else value
    return f"`{shown}`"


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "ARCHITECTURE.md": ("map", render_map),
    "README.md": ("settings", render_settings),
    "docs/metrics.md": ("metrics", render_metrics),
    "docs/logs.md": ("events", render_events),
}


def between_marks(text: str, mark: str) -> str:
    """Return what stands between `<!-- mark -->` and `<!-- /mark -->`, without blank lines around it.

    Raises:
        ValueError: the marks are not there, each once.
    """
    return _split(text, mark)[1].strip()


def renewed(text: str, mark: str, content: str) -> str:
    """Return the text with that part replaced.

    Raises:
        ValueError: as above.
    """
    head, _, tail = _split(text, mark)
    return f"{head}\n{content}\n{tail}"


def _split(text: str, mark: str) -> tuple[str, str, str]:
    opening, closing = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    if text.count(opening) != 1 or text.count(closing) != 1:
        raise ValueError(f"{opening} and {closing} must stand there once each")
    head, rest = text.split(opening)
    middle, tail = rest.split(closing)
    return head + opening, middle, closing + tail


def main() -> None:
    """Write each generated part into its document, and every dashboard into its file."""
    dashboards.write()
    for name, (mark, render) in PARTS.items():
        path = Path(ROOT / name)
        old = path.read_text()
        new = renewed(old, mark, render())
        if new != old:
            path.write_text(new)
            print(f"{name}: {mark} written anew")


if __name__ == "__main__":
    main()
