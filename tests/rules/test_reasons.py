"""Exceptions from the rules carry their reason, and nothing in the tree belongs to one machine."""

import re
from pathlib import Path

import pytest

from tests.rules.sources import CHECKED, read_text, repository_files, sources

EXCEPTION = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:\s*no cover|pylint:|nosec)")
WITH_REASON = re.compile(
    r"#\s*noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)*\s+-+ \w.{7,}"
    r"|#\s*type:\s*ignore\[[\w, -]+\]\s+# \w.{7,}"
    r"|#\s*pragma: no cover\s+-+ \w.{7,}"
)
MACHINE_PATH = re.compile(r"(?<![\w.$}~])/(?:home|root|Users|work|farm|mnt)/\w|(?<![\w.])[A-Z]:\\\w")
SKIPS = re.compile(r"pytest\.(?:skip|importorskip|xfail)\(|mark\.(?:skip|skipif|xfail)")


def test_every_exception_from_a_rule_carries_its_reason() -> None:
    bare = [
        f"{source.path}:{number}: {line.strip()}"
        for source in sources(*CHECKED)
        for number, line in enumerate(source.text.splitlines(), 1)
        if EXCEPTION.search(line)
        and not WITH_REASON.search(line)
        and source.path.parts[:2] != ("tests", "rules")
    ]
    assert not bare, "\n".join(["write `# noqa: X123 - why` or `# type: ignore[code]  # why`:", *bare])


def test_no_path_of_one_machine_is_in_the_tree() -> None:
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in repository_files()
        for number, line in enumerate(read_text(path).splitlines(), 1)
        if MACHINE_PATH.search(line) and path != Path("tests/rules/test_reasons.py")
    ]
    assert not found, "\n".join(found)


def test_tests_are_skipped_in_one_place_only() -> None:
    """`servers.started` skips where a server is missing, and REQUIRE_SERVICES forbids it; nothing else skips."""
    found = [str(s.path) for s in sources("tests") if SKIPS.search(s.text)]
    assert set(found) <= {"tests/servers.py", "tests/rules/test_reasons.py"}, found


@pytest.mark.parametrize(
    ("line", "fine"),
    [
        ("x = 1  # noqa: S608 - names out of the catalogue", True),
        ("x = 1  # noqa: S608", False),
        ("x = 1  # noqa", False),
        ("x = 1  # type: ignore[attr-defined]  # the library has no types", True),
        ("x = 1  # type: ignore[attr-defined]", False),
        ("x = 1  # type: ignore", False),
    ],
)
def test_a_reason_is_recognised(line: str, *, fine: bool) -> None:
    assert bool(WITH_REASON.search(line)) is fine
