"""Aggregates: what a batch of events changes in windows, hashtags and counters."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain import deltas
from twooter.domain.events import Envelope
from twooter.storage import aggregates
from twooter.storage.database import Session


def apply(tx: Session, envelopes: Sequence[Envelope]) -> None:
    """Add the events' deltas to the aggregates, inside the transaction that holds the ledger's row."""
    written_ms = min((envelope.written_ms for envelope in envelopes), default=0)
    aggregates.apply(tx, deltas.reduce((envelope.event for envelope in envelopes), now_ms=written_ms))
