"""The social network on the cluster: who follows reads, is told and hears, whatever is killed or emptied meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.bad_days import kill_pods
from e2e.cluster import Failed, wait_until
from e2e.pods import ScriptPod
from e2e.report import Figures
from e2e.world import Step, World, clients_namespace

_SCRIPT = Path(__file__).with_name("crowd.py")
_AUTHOR, _READERS = "author", 20
_SOON_SECONDS, _RESENT_SECONDS = 30, 240
"""A task that died with its worker, or with the broker's memory, is sent again after a minute or so."""
_FLUSH = "import sys, redis; redis.Redis.from_url(sys.argv[1], socket_timeout=5).flushall()"


@dataclass
class Crowd:
    """An author and those who follow; `ids` is what the author wrote, newest first."""

    world: World
    author: dict[str, Any]
    readers: list[dict[str, Any]]
    ids: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, world: World) -> Crowd:
        """Return the crowd of a run; let it join and follow when it is asked for first."""
        if world.crowd is None:
            names = [_AUTHOR, *(f"reader{number}" for number in range(_READERS))]
            author, *readers = _do(world, "join", names=names)
            world.release.command("account", "confirm", _AUTHOR)
            world.crowd = made = cls(world, author, readers)
            _do(world, "follow", account_id=author["id"], tokens=made.tokens)
        found: Crowd = world.crowd
        return found

    @property
    def tokens(self) -> list[str]:
        """Return the tokens of those who follow."""
        return [reader["token"] for reader in self.readers]

    def publish(self, count: int, *, pause_seconds: float = 0.0) -> None:
        """Let the author write that often; every single one must be acknowledged."""
        texts = [f"Twoot {len(self.ids) + number} for @reader0" for number in range(count)]
        told = _do(
            self.world, "publish", texts=texts, token=self.author["token"], pause_seconds=pause_seconds
        )
        self.ids = [*reversed([one["id"] for one in told]), *self.ids]

    def read(self, *, seconds: float) -> float:
        """Wait until every home timeline shows exactly what the author wrote; return how long that took.

        Raises: Failed.
        """
        (told,) = _do(self.world, "read_homes", tokens=self.tokens, ids=self.ids[:100], seconds=seconds)
        return float(told["seconds"])

    def told(self, token: str, kind: str) -> int:
        """Return how many notifications of a kind somebody has."""
        host, port = self.world.release.address()
        path = f"/v1/notifications?limit=100&types={kind}"
        status, page = self.world.toolbox.ask(host, port, "GET", path, token=token)
        return len(page["items"]) if status == 200 else -1


def _do(world: World, deed: str, **given: object) -> list[dict[str, Any]]:
    """Do something in the toolbox's Pod, and return the lines it told."""
    host, port = world.release.address()
    asked = json.dumps({"deed": deed, "host": host, "port": port, **given})
    said = world.toolbox.python(_SCRIPT.read_text(), asked, seconds=300)
    return [json.loads(line) for line in said.splitlines()]


def follow_and_read(world: World) -> Figures:
    """Let people follow and somebody write: homes show it in order, and whom it concerns is told."""
    figures: Figures = {}
    with world.unharmed(figures):
        crowd = Crowd.of(world)
        crowd.publish(5)
        took = crowd.read(seconds=_SOON_SECONDS)
        for who, kind, count in (
            (crowd.author, "follow", _READERS),
            (crowd.readers[0], "mention", len(crowd.ids)),
        ):
            wait_until(
                lambda who=who, kind=kind, count=count: crowd.told(who["token"], kind) == count,  # type: ignore[misc]  # a default binds the loop's variable
                seconds=_SOON_SECONDS,
                what=f"{count} notifications of {kind}",
            )
    return {**figures, "followers": _READERS, "in every home after": f"{took:.1f} s"}


def listen_through_deletions(world: World) -> Figures:
    """Delete every Pod of live updates while somebody listens: all that is written is heard, once and in order."""
    figures: Figures = {}
    crowd = Crowd.of(world)
    listener = _listener(world, crowd.readers[0]["token"])
    before, pods = len(crowd.ids), world.release.pods("stream")
    with world.unharmed(figures), ThreadPoolExecutor(1) as pool:
        writing = pool.submit(crowd.publish, 24, pause_seconds=0.5)
        world.cluster.kubectl("-n", world.release.namespace, "delete", "pod", *pods, seconds=90)
        wait_until(
            lambda: len(world.release.pods("stream")) >= len(pods), seconds=120, what="new pods of stream"
        )
        writing.result()
    wanted = crowd.ids[: len(crowd.ids) - before][::-1]
    wait_until(lambda: set(wanted) <= set(_heard(listener)), seconds=60, what="all that was written")
    if _heard(listener) != wanted:
        raise Failed(f"heard {_heard(listener)} instead of {wanted}")
    kinds = [line["kind"] for line in listener.lines()]
    if not {"end", "lost"} & set(kinds) or "reset" in kinds:
        raise Failed(f"nothing was to be come back from, or something was missed: {kinds}")
    return {**figures, "pods deleted": len(pods), "heard": len(wanted), "connections": kinds.count("ready")}


def _listener(world: World, token: str) -> ScriptPod:
    host, port = world.release.address("stream")
    given = {"deed": "listen", "host": host, "port": port, "token": token, "topics": "home"}
    made = ScriptPod.start(
        world.cluster, clients_namespace(world.settings), "listener", _SCRIPT, arguments=[json.dumps(given)]
    )
    wait_until(lambda: "ready" in [line["kind"] for line in made.lines()], seconds=60, what="a listener")
    return made


def _heard(listener: ScriptPod) -> Sequence[str]:
    return [line["id"] for line in listener.lines() if line["kind"] == "home"]


def kill_workers_in_a_fan_out(world: World) -> Figures:
    """Kill every worker, again and again, while the author writes: every home shows everything once, in order."""
    figures: Figures = {}
    crowd, kills = Crowd.of(world), 0
    with world.unharmed(figures), ThreadPoolExecutor(1) as pool:
        writing = pool.submit(crowd.publish, 40, pause_seconds=0.25)
        while not writing.done():
            kills += kill_pods(world, "worker")
        writing.result()
        began = time.monotonic()
        crowd.read(seconds=_RESENT_SECONDS)
    return {**figures, "pods killed": kills, "in every home after": f"{time.monotonic() - began:.0f} s"}


def empty_redis(world: World) -> Figures:
    """Empty Redis, broker and cache alike: homes are right at once, and new twoots arrive in them."""
    figures: Figures = {}
    crowd = Crowd.of(world)
    with world.unharmed(figures):
        crowd.publish(10)  # some of it is still on its way
        world.toolbox.python(_FLUSH, world.backend.broker_url)
        at_once = crowd.read(seconds=_SOON_SECONDS)
        crowd.publish(5)
        later = crowd.read(seconds=_SOON_SECONDS)
    return {**figures, "right after": f"{at_once:.1f} s", "new ones after": f"{later:.1f} s"}


STEPS = (
    Step(
        "followers",
        "20 accounts follow one: their homes show what it writes, and who is concerned is told",
        follow_and_read,
    ),
    Step(
        "live updates",
        "every Pod of live updates deleted while somebody listens: heard once, in order, by `Last-Event-ID`",
        listen_through_deletions,
    ),
    Step(
        "fan-out interrupted",
        "workers killed again and again while homes are pushed to: each shows everything once",
        kill_workers_in_a_fan_out,
    ),
    Step(
        "Redis emptied",
        "`FLUSHALL` of broker and cache under load: homes are right at once and stay so",
        empty_redis,
    ),
)
