"""What the house rules read: our Python files, their modules' first lines and their functions."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("twooter", "workers")
CHECKED = (*PACKAGES, "tests", "bench", "e2e", "monitoring", ".ci")


@dataclass(frozen=True)
class Source:
    """One Python file; `path` is relative to the repository."""

    path: Path
    text: str

    @property
    def lines(self) -> int:
        """Count the lines."""
        return len(self.text.splitlines())

    @property
    def tree(self) -> ast.Module:
        """Parse the file."""
        return ast.parse(self.text)

    @property
    def first_line(self) -> str:
        """Return the first line of the module's docstring, or an empty string."""
        return (ast.get_docstring(self.tree) or "").partition("\n")[0].strip()

    def functions(self) -> Iterator[tuple[str, int]]:
        """Yield each function's place and length in lines, nested ones apart too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (
                    f"{self.path}:{node.lineno} {node.name}",
                    (node.end_lineno or node.lineno) - node.lineno + 1,
                )


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Return the Python files below these folders, sorted by path."""
    paths = sorted(
        p for folder in folders for p in (ROOT / folder).rglob("*.py") if "__pycache__" not in p.parts
    )
    return tuple(Source(p.relative_to(ROOT), p.read_text()) for p in paths)


@cache
def repository_files() -> tuple[Path, ...]:
    """Return every file of the repository as git sees it: tracked, or new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(sorted(Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()))


def read_text(path: Path) -> str:
    """Return a repository file's text; an empty string for a binary one."""
    data = (ROOT / path).read_bytes()
    return "" if b"\0" in data else data.decode(errors="replace")
