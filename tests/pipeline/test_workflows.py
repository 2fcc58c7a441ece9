"""Workflows only run what runs on a laptop too, with pinned actions and no more permissions than they say."""

import re
from collections import defaultdict

import pytest
import yaml

from tests.pipeline.workflows import FILES, commands, jobs, text_lines, workflow
from tests.rules.sources import ROOT

PINNED = re.compile(
    r"uses: (?P<action>[\w.-]+/[\w./-]+)@(?P<commit>[0-9a-f]{40}) # v(?P<version>\d+\.\d+\.\d+)$"
)
TARGET = re.compile(r"\bmake ([a-z][a-z0-9]*)\b")
SCRIPT = re.compile(r"(?<![\w/])((?:\.ci|tests)/[\w./-]+)")
PROGRAMS = re.compile(r"\bpython3? (?:-m )?([\w./-]+)")


def targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall(r"^([a-z][a-z0-9]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_there_are_workflows_for_changes_main_and_releases() -> None:
    assert {"ci.yml", "main.yml", "release.yml", "publish.yml"} <= set(FILES)
    assert "pull_request" in workflow("ci.yml")["on"]
    assert workflow("main.yml")["on"] == {"push": {"branches": ["main"]}}
    assert set(workflow("release.yml")["on"]["push"]) == {"tags"}
    assert "schedule" in workflow("weekly.yml")["on"]


def test_every_make_target_of_a_step_exists() -> None:
    called = {(place, name) for place, line in commands() for name in TARGET.findall(line)}
    assert {"check", "test", "chart", "image", "e2e", "scan", "publish", "deploy"} <= {n for _, n in called}
    assert not [c for c in called if c[1] not in targets()]


def test_every_script_of_a_step_exists() -> None:
    called = {(place, path) for place, line in commands() for path in SCRIPT.findall(line)}
    assert called
    assert not [c for c in called if not (ROOT / c[1]).is_file()]


def test_a_step_starts_python_only_for_a_script_of_the_repository() -> None:
    """Whatever needs an environment or arguments is a make target, so that it can be tried on a laptop."""
    strangers = [
        (place, line)
        for place, line in commands()
        for program in PROGRAMS.findall(line)
        if not program.startswith(".ci/")
    ]
    assert not strangers


def test_every_action_is_pinned_by_its_commit_and_says_its_version() -> None:
    loose = [
        f"{file}:{number}: {line.strip()}"
        for file, number, line in text_lines()
        if re.search(r"\buses:", line) and "uses: ./" not in line and not PINNED.search(line)
    ]
    assert not loose, "\n".join(loose)


def test_an_action_has_one_version_everywhere() -> None:
    pins = defaultdict(set)
    for _, _, line in text_lines():
        if found := PINNED.search(line):
            pins[found["action"]].add((found["commit"], found["version"]))
    assert len(pins) > 5
    assert {action: pin for action, pin in pins.items() if len(pin) > 1} == {}


@pytest.mark.parametrize("file", FILES)
def test_a_workflow_grants_nothing_and_has_a_concurrency_group(file: str) -> None:
    content = workflow(file)
    assert content["permissions"] == {}
    assert content["concurrency"]["group"]


def test_every_job_says_its_permissions_and_how_long_it_may_take() -> None:
    silent = [job.place for job in jobs() if not isinstance(job.content.get("permissions"), dict)]
    endless = [
        job.place for job in jobs() if job.steps and not 0 < job.content.get("timeout-minutes", 0) <= 60
    ]
    assert (silent, endless) == ([], [])


def test_what_strangers_can_start_may_only_read() -> None:
    """A pull request comes from anybody, and runs its own code: it gets no secret and writes nothing."""
    for job in jobs():
        if job.file == "ci.yml":
            assert set(job.content["permissions"].items()) <= {("contents", "read")}, job.place
            assert "secrets." not in str(job.content), job.place


def test_a_checkout_leaves_no_credentials_behind() -> None:
    checkouts = [
        (job.place, step.get("with", {}).get("persist-credentials"))
        for job in jobs()
        for step in job.steps
        if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert checkouts
    assert not [place for place, kept in checkouts if kept is not False]


def test_no_expression_stands_in_a_script() -> None:
    """What GitHub writes into a script is run; what comes by the environment is only a value."""
    assert not [(place, line) for place, line in commands() if "${{" in line]


def test_only_production_sees_the_secrets_of_production() -> None:
    holders = [job for job in jobs() if "secrets.KUBECONFIG" in str(job.content)]
    assert [job.place for job in holders] == ["main.yml:deploy"]
    assert holders[0].content["environment"]["name"] == "production"


def test_nothing_is_published_that_was_not_checked() -> None:
    for file in ("main.yml", "release.yml"):
        assert "ci" in workflow(file)["jobs"]["publish"]["needs"]
    assert workflow("main.yml")["jobs"]["deploy"]["needs"] == ["publish"]


def test_dependabot_watches_packages_actions_and_images() -> None:
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {update["package-ecosystem"] for update in updates} == {
        "uv",
        "github-actions",
        "docker",
        "docker-compose",
    }
