"""The changelog as data: its sections, what breaks the form of Keep a Changelog, and the notes of one version."""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

GROUPS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
HEADING = re.compile(r"\[(?P<name>[^]]+)](?: - (?P<day>\S+))?(?P<yanked> \[YANKED])?")
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class Broken(Exception):
    """The files do not make a release; the message says what to mend."""


@dataclass(frozen=True)
class Section:
    """What stands under one `## ` heading; `day` is empty for what is not released yet."""

    title: str
    lines: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return `Unreleased` or a version; empty where the heading has another form."""
        found = HEADING.fullmatch(self.title)
        return found["name"] if found else ""

    @property
    def day(self) -> str:
        """Return the day as written."""
        found = HEADING.fullmatch(self.title)
        return (found["day"] or "") if found else ""

    @property
    def body(self) -> str:
        """Return the text below the heading."""
        return "\n".join(self.lines).strip()

    @property
    def groups(self) -> list[str]:
        """Return the titles of the `### ` headings, in order."""
        return [line[4:].strip() for line, plain in _plain(self.lines) if plain and line.startswith("### ")]

    def empty_groups(self) -> Iterator[str]:
        """Yield the groups under which nothing stands."""
        heads = [i for i, (line, plain) in enumerate(_plain(self.lines)) if plain and line.startswith("### ")]
        for start, end in pairwise([*heads, len(self.lines)]):
            if not any(line.startswith("- ") for line in self.lines[start + 1 : end]):
                yield self.lines[start][4:].strip()


def _plain(lines: tuple[str, ...] | list[str]) -> Iterator[tuple[str, bool]]:
    """Yield lines, and whether each stands outside of fenced code, where `## ` is a heading."""
    fenced = False
    for line in lines:
        mark = line.lstrip().startswith("```")
        yield line, not fenced and not mark
        fenced ^= mark


def sections(text: str) -> list[Section]:
    """Return the sections in the order of the file."""
    found: list[tuple[str, list[str]]] = []
    for line, plain in _plain(text.splitlines()):
        if plain and line.startswith("## "):
            found.append((line[3:].strip(), []))
        elif found:
            found[-1][1].append(line)
    return [Section(title, tuple(lines)) for title, lines in found]


def number(version: str) -> tuple[int, int, int]:
    """Return a version as numbers to compare. Raises: Broken unless it is MAJOR.MINOR.PATCH."""
    found = VERSION.fullmatch(version)
    if found is None:
        raise Broken(f"{version!r} is no version of the form MAJOR.MINOR.PATCH")
    major, minor, patch = (int(part) for part in found.groups())
    return major, minor, patch


def notes(text: str, version: str) -> str:
    """Return what the changelog says of one version. Raises: Broken when it says nothing."""
    number(version)
    for section in sections(text):
        if section.name == version:
            if not section.body:
                raise Broken(f"CHANGELOG.md says nothing under [{version}]")
            return section.body + "\n"
    raise Broken(f"CHANGELOG.md has no section [{version}]: move what is [Unreleased] under it")


def faults(text: str) -> list[str]:
    """Return everything that is not of the form; an empty list for a good changelog."""
    found = sections(text)
    released = [section for section in found if section.title != "[Unreleased]"]
    return [
        *_faults_of_beginning(text, found),
        *(fault for section in found for fault in _faults_within(section)),
        *(fault for section in released for fault in _faults_of_heading(section)),
        *_faults_of_order(released),
    ]


def _faults_of_beginning(text: str, found: list[Section]) -> Iterator[str]:
    if not text.startswith("# Changelog\n"):
        yield "the first line is not `# Changelog`"
    if not found or found[0].title != "[Unreleased]":
        yield "the first section is not `## [Unreleased]`"


def _faults_within(section: Section) -> Iterator[str]:
    for group in section.groups:
        if group not in GROUPS:
            yield f"## {section.title}: `### {group}` is none of {', '.join(GROUPS)}"
    for group in {name for name in section.groups if section.groups.count(name) > 1}:
        yield f"## {section.title}: `### {group}` stands there twice"
    for group in section.empty_groups():
        yield f"## {section.title}: nothing under `### {group}`"


def _faults_of_heading(section: Section) -> Iterator[str]:
    if not VERSION.fullmatch(section.name):
        yield f"`## {section.title}` is not `## [MAJOR.MINOR.PATCH] - YYYY-MM-DD`"
        return
    try:
        datetime.date.fromisoformat(section.day)
    except ValueError:
        yield f"## {section.title}: the day is not YYYY-MM-DD"
    if not section.groups:
        yield f"## {section.title}: nothing was changed?"


def _faults_of_order(released: list[Section]) -> Iterator[str]:
    fit = [section for section in released if VERSION.fullmatch(section.name)]
    for newer, older in pairwise(fit):
        if number(newer.name) <= number(older.name):
            yield f"## {newer.title} stands above ## {older.title}: newest first, each once"
        if newer.day < older.day:
            yield f"## {newer.title} is said to be older than ## {older.title}"
