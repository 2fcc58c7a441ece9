"""python -m e2e: the chart and the image tried on the cluster that KUBECONFIG names, step by step."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path

import click

from e2e import autoscaling, bad_days, fences, overlay, refusals, rollouts, social, truth
from e2e.cluster import run
from e2e.report import Figures, Report
from e2e.settings import BadEnvironment, Settings
from e2e.world import Step, World, opened
from tests.rules.house_map import renewed

STEPS: tuple[Step, ...] = (
    *refusals.STEPS_AT_INSTALL,
    *rollouts.STEPS,
    *fences.STEPS,
    *bad_days.STEPS,
    *social.STEPS,
    *refusals.STEPS_AT_UPGRADE,
    *autoscaling.STEPS,
    *truth.STEPS,
    *overlay.STEPS,
)


@click.command()
@click.option(
    "--only", multiple=True, help="Try this step alone, and what it cannot do without; may be repeated."
)
@click.option(
    "--record", type=click.Path(exists=True, path_type=Path), help="Document to write the report into."
)
def main(only: tuple[str, ...], record: Path | None) -> None:
    """Install, test, scale, upgrade, roll back and break a release under load.

    Prints a report, and ends with 1 if a step does not hold.
    """
    try:
        settings = Settings.read()
    except BadEnvironment as ex:
        raise click.ClickException(str(ex)) from None
    report = Report()
    if settings.load:
        run([*shlex.split(settings.load), settings.archive], seconds=600)
    try:
        with opened(settings) as world:
            report.versions = _versions(world)
            _take_all(report, world, only)
    finally:
        shutil.rmtree(settings.folder, ignore_errors=True)
    print(f"\n{report.markdown()}")
    if record is not None:
        record.write_text(renewed(record.read_text(), "e2e", report.markdown()))
    sys.exit(report.failed)


def _take_all(report: Report, world: World, only: tuple[str, ...]) -> None:
    for step in STEPS:
        if step.name in world.settings.leave_out or (only and step.name not in (*only, "install")):
            report.leave_out(step.name, step.shows)
            continue
        held = report.take(step.name, step.shows, lambda step=step: step.work(world))  # type: ignore[misc]  # a default binds the loop's variable
        if not held and step.name == "install":
            print(world.release.why())
            return


def _versions(world: World) -> Figures:
    told = json.loads(world.cluster.kubectl("version", "-o", "json"))
    nodes = world.cluster.fetch("nodes", "default")
    helm = run([world.settings.helm, "version", "--short"], seconds=20).strip()
    database = world.backend.execute(world.toolbox, "SELECT VERSION()").strip()
    return {
        "Kubernetes": told["serverVersion"]["gitVersion"],
        "Helm": helm,
        "nodes": len(nodes),
        "container runtime": nodes[0]["status"]["nodeInfo"]["containerRuntimeVersion"],
        "database": database,
        "image": world.settings.image,
    }


if __name__ == "__main__":
    main()
