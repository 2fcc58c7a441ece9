"""Runs of transfers: workers take their steps, go on where one ended or died, and remove what has expired."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from twooter.domain.events import Envelope, TransferEvent
from twooter.domain.transfers import MAX_FAILURES, Kind, State, Transfer
from twooter.errors import Unavailable
from twooter.logs import get_logger
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.services.transfers import Transfers, event_of
from twooter.storage import transfers
from twooter.storage.database import Storage

log = get_logger("transfers")

Step = Callable[[Transfer], bool]
"""Takes the next step of a transfer; False when it took none. It may be killed anywhere, and begun again."""

RUN_SECONDS = 15.0
"""A run ends about this long after it began; an event of its own goes on, behind what waits in the queue."""
IDLE_MS = 120_000
"""Nobody has worked on a transfer for this long: its worker died, or its event is lost."""
GRACE_MS = 3_600_000
"""After it has expired somebody may still be downloading."""
_SWEPT = 50


class TransferRuns:
    """Works on transfers; any number of workers may, for each step counts once."""

    def __init__(
        self,
        storage: Storage,
        ids: Ids,
        outboxes: Outboxes,
        begun: Transfers,
        steps: Mapping[Kind, Step],
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._begun = begun
        self._steps = steps

    def handle(self, envelopes: Sequence[Envelope]) -> None:
        """Take steps of the transfers that events name; may be repeated, and one that fails holds up no other."""
        until, failures = time.monotonic() + RUN_SECONDS, list[Exception]()
        named = [envelope.event for envelope in envelopes if isinstance(envelope.event, TransferEvent)]
        for event in dict.fromkeys(named):
            try:
                self._run(event.account_id, Kind(event.what), event.transfer_id, until)
            except Unavailable:
                raise
            except Exception as ex:  # noqa: BLE001 - whatever is wrong with one, the others go on first
                failures.append(ex)
        if failures:
            raise failures[0]

    def sweep(self, *, max_seconds: float = RUN_SECONDS) -> int:
        """Go on with what nobody works on, and remove what has expired, as far as time allows; return how many."""
        until, now_ms = time.monotonic() + max_seconds, self._ids.now_ms()
        idle = self._storage.read(lambda tx: transfers.fetch_idle(tx, now_ms - IDLE_MS, _SWEPT))
        for transfer in idle:
            try:
                self._run(transfer.account_id, transfer.kind, transfer.id, until)
            except Unavailable:
                raise
            except Exception as ex:  # noqa: BLE001 - whatever is wrong with one, the others go on
                log.error("transfer_failed", transfer_id=transfer.id, error=type(ex).__name__)
        return len(idle) + self._expire(now_ms - GRACE_MS, until)

    def _expire(self, before_ms: int, until: float) -> int:
        gone = 0
        found = self._storage.read(lambda tx: transfers.fetch_expired(tx, before_ms, _SWEPT))
        for transfer in found:
            remove = partial(transfers.remove_some, transfer=transfer)
            while time.monotonic() < until:
                if self._storage.transact(remove):
                    gone += 1
                    break
        if gone:
            log.info("transfers_expired", transfers=gone)
        return gone

    def _run(self, account_id: int, kind: Kind, id_: int, until: float) -> None:
        while True:
            found = self._storage.read(lambda tx: transfers.find(tx, account_id, kind, id_))
            if found is None or found.state is not State.RUNNING:
                if found is not None and found.has_expired(self._ids.now_ms()):
                    self._clear(found, until)
                return
            if time.monotonic() >= until:
                self._go_on_later(found)
                return
            if not self._step(found):
                return

    def _clear(self, transfer: Transfer, until: float) -> None:
        """Remove what a transfer that somebody removed is made of; the sweep removes the rest of it."""
        while not self._storage.transact(partial(transfers.remove_parts, transfer=transfer)):
            if time.monotonic() >= until:
                self._go_on_later(transfer)
                return

    def _go_on_later(self, transfer: Transfer) -> None:
        event = event_of(transfer)
        self._outboxes.transact(
            lambda tx: self._outboxes.append(tx, transfer.account_id, event, request_id=None)
        )

    def _step(self, transfer: Transfer) -> bool:
        now_ms = self._ids.now_ms()
        try:
            is_done = self._steps[transfer.kind](transfer)
        except Unavailable:
            raise
        except Exception:
            self._fail(transfer, now_ms)
            raise
        if (
            not is_done
        ):  # its account is suspended, or somebody else is working: not to be looked at again soon
            self._storage.transact(lambda tx: transfers.touch(tx, transfer, now_ms))
        return is_done

    def _fail(self, transfer: Transfer, now_ms: int) -> None:
        """Note that a step failed; after some of them nobody tries again."""
        self._storage.transact(lambda tx: transfers.touch(tx, transfer, now_ms, failures=1))
        if transfer.failures + 1 >= MAX_FAILURES:
            failed = self._begun.ended(transfer, State.FAILED)
            self._begun.advance(transfer, failed, lambda _: None)
            log.error("transfer_given_up", account_id=transfer.account_id, transfer_id=transfer.id)
