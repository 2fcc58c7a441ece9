"""What must not be released is not: the release fails, says why, and the version before goes on serving."""

from __future__ import annotations

import time
from collections.abc import Callable

from e2e.cluster import Failed
from e2e.release import Release, Values, merged
from e2e.report import Figures
from e2e.world import RESTRICTED, Step, World, ca_manifest

_SECONDS = 75
_NOWHERE = "10.255.255.1:3306"
_BROKEN = "twooter_e2e_broken"
_IN_THE_WAY = "CREATE TABLE accounts (in_the_way INT)"
_QUICK: Values = {"migrations": {"backoffLimit": 0, "activeDeadlineSeconds": 40}}
CASES = {
    "missing": ("a Secret that is not there", ("not found",)),
    "unreachable": ("a database that nobody can reach", ("does not answer",)),
    "broken": ("a migration that fails", ("Unknown column 'id'",)),
}


def _secret(world: World, case: str, namespace: str) -> str:
    """Make the Secret of a case, and what it names; return its name."""
    name = f"twooter-e2e-{case}"
    if case == "unreachable":
        world.cluster.apply(world.backend.secret(name, namespace, "twooter_e2e", host=_NOWHERE, slot=1))
    elif case == "broken":
        world.backend.make_database(world.toolbox, _BROKEN, _IN_THE_WAY)
        world.cluster.apply(world.backend.secret(name, namespace, _BROKEN, slot=1))
    return name


def _refused(release: Release, act: Callable[[], None], case: str) -> Figures:
    """Assert that the act fails, leaves the release failed, and that the reason can be read."""
    began = time.monotonic()
    try:
        act()
    except Failed as ex:
        said = str(ex)
    else:
        raise Failed(f"{CASES[case][0]}: it was released all the same")
    took = time.monotonic() - began
    told = f"{said}\n{release.why()}"
    missing = [word for word in CASES[case][1] if word not in told]
    if missing or release.state() != "failed":
        raise Failed(f"state {release.state()}, and nobody said {missing}: {told[-1500:]}")
    return {f"{case}, failed after": f"{took:.0f} s"}


def at_install(world: World) -> Figures:
    """Try to install on each of the cases."""
    figures: Figures = {}
    for case in CASES:
        namespace = f"{world.settings.namespace}-{case}"
        world.cluster.make_namespace(namespace, RESTRICTED)
        world.cluster.apply(ca_manifest(namespace, world.backend))
        values = merged(
            world.release.values, _QUICK, {"database": {"existingSecret": _secret(world, case, namespace)}}
        )
        release = Release(world.cluster, world.release.name, namespace, values)
        figures |= _refused(release, lambda r=release: r.install(seconds=_SECONDS), case)  # type: ignore[misc]  # a default binds the loop's variable
        world.cluster.drop_namespace(namespace)
    return figures


def at_upgrade(world: World) -> Figures:
    """Try to upgrade to each of the cases, under load; what runs goes on, and the next good upgrade works."""
    figures: Figures = {}
    pods, revision = set(world.release.pods("api")), world.release.revision()
    with world.unharmed(figures):
        for case in CASES:
            change = merged(
                _QUICK, {"database": {"existingSecret": _secret(world, case, world.release.namespace)}}
            )
            figures |= _refused(
                world.release,
                lambda change=change: world.release.upgrade(change, seconds=_SECONDS),  # type: ignore[misc]  # as above
                case,
            )
            world.release.rollback(revision=revision)
    if pods != set(world.release.pods("api")):
        raise Failed("the Pods that served are not the ones from before")
    with world.unharmed(figures):
        world.release.upgrade({})
    return figures


STEPS_AT_INSTALL = (
    Step(
        "refused installs",
        "a missing Secret, an unreachable database, a failed migration: `helm install` fails and says why",
        at_install,
    ),
)
STEPS_AT_UPGRADE = (
    Step(
        "refused upgrades",
        "the same at `helm upgrade` under load: fails, says why, the same Pods go on, 0 failed requests",
        at_upgrade,
    ),
)
