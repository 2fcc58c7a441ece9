"""Crosschecks: entries, edges and counters beside twoots and accounts, compared with the rows they follow from."""

from __future__ import annotations

from collections.abc import Iterable

from twooter.domain.drifts import Drifts, Kind
from twooter.services import vote_checks
from twooter.services.backlogs import Backlog
from twooter.services.checks import TagIds
from twooter.storage import edge_sources, sources
from twooter.storage.database import Session
from twooter.storage.edge_sources import ActionKey, Witness
from twooter.storage.edges import EdgeKind

COUNTS = {
    EdgeKind.REPLY: Kind.TWOOT_REPLIES,
    EdgeKind.QUOTE: Kind.TWOOT_QUOTES,
    EdgeKind.LIKE: Kind.TWOOT_LIKES,
    EdgeKind.RETWOOT: Kind.TWOOT_RETWOOTS,
}
EDGES = {
    EdgeKind.REPLY: Kind.REPLY_EDGES,
    EdgeKind.QUOTE: Kind.QUOTE_EDGES,
    EdgeKind.LIKE: Kind.LIKE_EDGES,
    EdgeKind.RETWOOT: Kind.RETWOOT_EDGES,
}


def accounts(tx: Session, low: int, high: int) -> tuple[Drifts, int | None]:
    """Compare one page of accounts' numbers of twoots with their twoots; return where the next page begins."""
    found, page = Drifts(), sources.fetch_accounts(tx, low, high)
    written = sources.count_twoots(tx, [id_ for id_, _ in page])
    for id_, number in page:
        found.add(Kind.ACCOUNT_TWOOTS, (id_,), number - written.get(id_, 0))
    return found, page[-1][0] + 1 if page else None


def actions(tx: Session, after: ActionKey, high: int, backlog: Backlog) -> tuple[Drifts, ActionKey | None]:
    """Compare one page of what accounts did with the edges at the twoots' authors; return where to go on after."""
    witnesses, last = edge_sources.fetch_actions(tx, after, high)
    found = Drifts()
    _check_edges(witnesses, backlog, found)
    return found, last


def twoots(tx: Session, low: int, high: int, backlog: Backlog, tags: TagIds) -> tuple[Drifts, int]:
    """Compare entries, edges and their counts with one page of twoots; return where the next one begins."""
    page = sources.fetch_twoots(tx, low, high)
    if len(page) == sources.PAGE:
        high = page[-1].id + 1
    found = Drifts()
    public = {(twoot.author_id, twoot.id): 1 for twoot in page if twoot.is_public}
    found.compare(Kind.PUBLIC_ENTRIES, dict.fromkeys(sources.fetch_public(tx, low, high), 1), public)
    tagged = {(twoot.author_id, twoot.id, tag): 1 for twoot, tag_ids in tags.of(tx, page) for tag in tag_ids}
    there = sources.fetch_tagged(tx, [(tag, twoot_id) for _, twoot_id, tag in tagged])
    found.compare(Kind.TAG_ENTRIES, dict.fromkeys(there, 1), tagged)
    for kind, counter in COUNTS.items():
        for author_id, twoot_id, by in edge_sources.fetch_counts_off(tx, kind, low, high):
            found.add(counter, (author_id, twoot_id), by)
    for kind in (EdgeKind.REPLY, EdgeKind.QUOTE):
        _check_edges(edge_sources.fetch_texts(tx, kind, low, high), backlog, found)
    for kind in EdgeKind:
        _check_edges(edge_sources.fetch_orphans(tx, kind, low, high), backlog, found)
    found.update(vote_checks.counts(tx, low, high))
    return found, high


def _check_edges(witnesses: Iterable[Witness], backlog: Backlog, found: Drifts) -> None:
    for witness in witnesses:
        version = -1 if witness.edge_version is None else witness.edge_version
        coming = backlog.edges.get((witness.kind, witness.key), (-1, False))
        active = coming[1] if coming[0] > version else witness.active
        if active != witness.wanted:
            newer = max(version + 1, witness.version)
            key = (*witness.key, witness.beside_id, newer)
            found.add(EDGES[witness.kind], key, 1 if active else -1)
