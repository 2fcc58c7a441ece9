"""Repairs: what an audit finds is taken back by relative changes, while people write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial

from twooter.domain.drifts import Drifts, Kind, Report
from twooter.errors import Conflict
from twooter.logs import get_logger
from twooter.services import follow_checks, vote_checks
from twooter.services.audits import EVERYTHING, Audits, Progress
from twooter.services.checks import TagIds
from twooter.services.crosschecks import COUNTS, EDGES
from twooter.services.follow_edges import FollowEdges
from twooter.services.ids import Ids
from twooter.storage import accounts, edges, follows, repairs, schedules, sources
from twooter.storage.database import Session, Storage
from twooter.storage.edges import Edge

log = get_logger("repairs")

_FENCE = "repair"
_STEP = 500
_ENTRIES = (Kind.PUBLIC_ENTRIES, Kind.TAG_ENTRIES)
_FOLLOWS = (Kind.FOLLOWER_EDGES, *follow_checks.COUNTS)
_ONE_BY_ONE = (
    Kind.ACCOUNT_TWOOTS,
    *COUNTS.values(),
    *EDGES.values(),
    *_ENTRIES,
    *_FOLLOWS,
    *vote_checks.KINDS,
)
_Twoot = tuple[int, int]


class Repairs:
    """Mends aggregates, counters, edges and entries; one run at a time."""

    def __init__(self, storage: Storage, ids: Ids, audits: Audits, follow_edges: FollowEdges) -> None:
        self._storage = storage
        self._ids = ids
        self._audits = audits
        self._follow_edges = follow_edges

    def repair(self, *, progress: Progress | None = None) -> Report:
        """Mend every drift and return what there was.

        Drift stays what it is while people write, so taking it back later is right: but only once. A repair that begins
        while this one runs ends it, and sees all that it did.
        Raises: Conflict when that happens.
        """
        number, tags, report = self._ids.make(), TagIds(), Report()
        self._storage.transact(lambda tx: schedules.raise_fence(tx, _FENCE, number))
        for found in self._audits.walk(
            EVERYTHING, progress=progress, mend=lambda drifts: self._mend(drifts, tags, number)
        ):
            report.add(found)
            report.steps += 1
        self._storage.transact(lambda tx: schedules.lower_fence(tx, _FENCE, number))
        log.info("repair_done", steps=report.steps, drifts={k.value: n for k, n in report.amounts.items()})
        return report

    def _mend(self, found: Drifts, tags: TagIds, number: int) -> None:
        for part in _parts(found):
            self._change(number, partial(repairs.move, found=part))
        for (account_id,), by in found.of(Kind.ACCOUNT_TWOOTS).items():
            self._change(number, partial(accounts.move_twoots, id_=account_id, by=-by))
        for kind, counter in COUNTS.items():
            for (author_id, id_), by in found.of(counter).items():
                self._change(number, partial(edges.move, kind=kind, author_id=author_id, id_=id_, by=-by))
        for kind, drift in EDGES.items():
            for key, by in found.of(drift).items():
                edge = Edge(kind, key[0], key[1], key[2], key[3], key[4], by < 0)
                self._change(number, partial(edges.apply, edges=[edge]))
        self._mend_follows(found, number)
        for of_polls in vote_checks.KINDS:
            for key, by in found.of(of_polls).items():
                self._change(number, partial(vote_checks.mend, kind=of_polls, key=key, by=by))
        for twoot, seen in _by_twoot(found).items():
            self._change(number, partial(_mend_entries, key=twoot, seen=seen, tags=tags))

    def _mend_follows(self, found: Drifts, number: int) -> None:
        for kind, side in follow_checks.COUNTS.items():
            for (account_id,), by in found.of(kind).items():
                self._change(number, partial(follows.move, side=side, account_id=account_id, by=-by))
        for follower_id, target_id in found.of(Kind.FOLLOWER_EDGES):
            follow_checks.mend(self._storage, self._follow_edges, (follower_id, target_id))

    def _change(self, number: int, work: Callable[[Session], None]) -> None:
        def fenced(tx: Session) -> None:
            if not schedules.holds_fence(tx, _FENCE, number):
                raise Conflict(
                    "Another repair has begun; this one leaves the rest to it.", code="repair_taken_over"
                )
            work(tx)

        self._storage.transact(fenced)


def _mend_entries(tx: Session, key: _Twoot, seen: Drifts, tags: TagIds) -> None:
    """Bring those entries of a twoot that drifted to what its row says, whatever has happened to it since."""
    author_id, twoot_id = key
    twoot = sources.lock_twoot(tx, author_id, twoot_id)
    named = {tag for _, tag_ids in tags.of(tx, [] if twoot is None else [twoot]) for tag in tag_ids}
    drifting = {tag for _, _, tag in seen.of(Kind.TAG_ENTRIES)}
    public = bool(seen.of(Kind.PUBLIC_ENTRIES))
    repairs.remove_entries(tx, twoot_id, author_id, list(drifting - named), public=public and twoot is None)
    repairs.put_entries(tx, twoot_id, author_id, list(drifting & named), public=public and twoot is not None)


def _by_twoot(found: Drifts) -> dict[_Twoot, Drifts]:
    by_twoot: defaultdict[_Twoot, Drifts] = defaultdict(Drifts)
    for kind in _ENTRIES:
        for key, by in found.of(kind).items():
            by_twoot[key[0], key[1]].add(kind, key, by)
    return by_twoot


def _parts(found: Drifts) -> Iterator[Drifts]:
    """Yield the drifts of the aggregates in parts for one transaction each."""
    part = Drifts()
    for kind, key, by in found.items():
        if kind not in _ONE_BY_ONE:
            part.add(kind, key, by)
        if len(part) == _STEP:
            yield part
            part = Drifts()
    if len(part):
        yield part
