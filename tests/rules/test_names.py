"""Modules say what lives in them, by their name and by their first line; tests stand where the code stands."""

import re

from tests.rules.sources import CHECKED, PACKAGES, ROOT, Source, sources

SAYS_NOTHING = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "base",
    "manager",
    "managers",
    "misc",
    "shared",
    "core",
}
# Folders of tests that mirror no package, each for a reason.
APART = {
    "tests/rules": "rules are about the whole house",
    "tests/chart": "the chart is rendered by helm, as its users do it",
    "tests/faults": "bad input and bad days meet the whole house, running",
    "tests/stories": "people meet the whole house, running",
    "tests/pipeline": "what is tested stands in .ci and .github, which are no packages",
}


def test_every_module_begins_with_a_docstring() -> None:
    silent = [str(s.path) for s in sources(*CHECKED) if s.text.strip() and not s.first_line]
    assert not silent, silent


def test_a_first_line_fits_the_map() -> None:
    """A line of the map is read at a glance; an unfinished sentence is not a first line."""
    broken = [str(s.path) for s in sources(*PACKAGES) if s.text.strip() and not _is_line(s)]
    assert not broken, broken


def _is_line(source: Source) -> bool:
    return len(source.first_line) <= 130 and source.first_line.endswith((".", "!", "?"))


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = [
        str(s.path) for s in sources(*CHECKED) if SAYS_NOTHING & {s.path.stem.strip("_"), *s.path.parts[:-1]}
    ]
    assert not empty, empty


def test_tests_mirror_the_code() -> None:
    strangers = sorted(
        {
            str(s.path.parent)
            for s in sources("tests")
            if len(s.path.parts) > 2 and str(s.path.parent) not in APART and not _mirrored(s)
        }
    )
    assert not strangers, f"no such package in the code: {strangers}"


def _mirrored(source: Source) -> bool:
    """tests/api/native mirrors twooter/api/native, tests/workers mirrors workers."""
    inner = source.path.parent.relative_to("tests")
    return any((ROOT / top / inner).is_dir() for top in ("twooter", "."))


def test_test_files_have_names_that_pytest_finds() -> None:
    """A test in a file that is never collected proves nothing."""
    lost = [
        str(s.path)
        for s in sources("tests")
        if re.search(r"^(async )?def test_", s.text, re.MULTILINE) and not s.path.name.startswith("test_")
    ]
    assert not lost, lost
