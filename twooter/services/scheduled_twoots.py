"""Scheduled twoots: kept until their time has come, and what their authors can do with them until then."""

from __future__ import annotations

from dataclasses import dataclass, replace

from twooter.domain import scheduled_twoots as rules
from twooter.domain.accounts import Viewer
from twooter.domain.polls import Poll
from twooter.domain.scheduled_twoots import MAX_SCHEDULED, ScheduledTwoot
from twooter.domain.twoots import Card, Draft, Visibility
from twooter.errors import Conflict, Invalid, NotFound
from twooter.logs import get_logger
from twooter.services.follows import begin
from twooter.services.ids import Ids
from twooter.services.replays import made_by
from twooter.services.twoots import Twoots
from twooter.storage import idempotency, scheduled_twoots
from twooter.storage.database import Session, Storage
from twooter.storage.idempotency import Idempotency

log = get_logger("scheduled_twoots")
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Rescheduling:
    """What is to be different; None leaves what is there, and an empty warning takes it away."""

    at_ms: int | None = None
    text: str | None = None
    content_warning: str | None = None
    language: str | None = None
    visibility: Visibility | None = None
    poll: Poll | None = None


class ScheduledTwoots:
    """What an account does with what it wants to have published later; another's are not there for it."""

    def __init__(self, storage: Storage, ids: Ids, twoots: Twoots) -> None:
        self._storage = storage
        self._ids = ids
        self._twoots = twoots

    def schedule(
        self, viewer: Viewer, draft: Draft, at_ms: int, *, idempotency_key: Idempotency | None = None
    ) -> ScheduledTwoot | Card:
        """Keep a draft for later and return it; the key of one that has been published answers with its twoot.

        Raises: what publishing it now would raise; Invalid for a bad time; Conflict when there are as many as there may
        be.
        """
        id_, key = viewer.account_id, idempotency_key
        if key is not None and self._storage.read(lambda tx: idempotency.find(tx, id_, key.key)):
            return self._replay(viewer, key)
        name = None if key is None else key.key
        made = ScheduledTwoot(self._ids.make(), id_, at_ms, draft, idempotency_key=name)
        value = self._checked(viewer, made)

        def work(tx: Session) -> bool:
            begin(tx, id_)
            if key is not None and not idempotency.remember(tx, id_, key, value.id, value.created_ms):
                return False
            if scheduled_twoots.count(tx, id_) >= MAX_SCHEDULED:
                raise Conflict(f"Only {MAX_SCHEDULED} twoots can be scheduled; cancel one.", code="too_many")
            scheduled_twoots.insert(tx, value)
            return True

        if not self._storage.transact(work):
            return self._replay(viewer, key)
        log.info("twoot_scheduled", account_id=id_, scheduled_id=value.id)
        return value

    def fetch(self, viewer: Viewer) -> list[ScheduledTwoot]:
        """Return all of the viewer's, the next first."""
        found = self._storage.read(lambda tx: scheduled_twoots.fetch(tx, viewer.account_id, MAX_SCHEDULED))
        return sorted(found, key=lambda value: (value.at_ms, value.id))

    def get(self, viewer: Viewer, id_: int) -> ScheduledTwoot:
        """Return one of the viewer's.

        Raises: NotFound when there is none, also once it has been published.
        """
        found = self._storage.read(lambda tx: scheduled_twoots.find(tx, viewer.account_id, id_))
        if found is None:
            raise NotFound("scheduled twoot")
        return found

    def change(self, viewer: Viewer, id_: int, change: Rescheduling) -> ScheduledTwoot:
        """Change one of the viewer's and return it; one that was refused is tried again at the time it is given.

        Raises: NotFound when there is none, also once it has been published; what publishing it now would raise;
        Invalid for a bad time; Conflict when it is being changed by others.
        """
        for _ in range(_TRIES):
            before = self.get(viewer, id_)
            at_ms = before.at_ms if change.at_ms is None else change.at_ms
            after = replace(before, at_ms=at_ms, draft=_changed(before.draft, change), tries=0, refusal=None)
            is_kept = change.at_ms is None and before.refusal is None
            after = self._checked(viewer, after, is_kept=is_kept)
            if self._storage.transact(lambda tx: scheduled_twoots.change(tx, after, after.at_ms)):  # noqa: B023 - run at once
                return after
        raise Conflict("This twoot is being changed by others of yours; try again.", code="busy")

    def cancel(self, viewer: Viewer, id_: int) -> None:
        """Forget one of the viewer's.

        Raises: NotFound when there is none, also once it has been published.
        """
        if not self._storage.transact(lambda tx: scheduled_twoots.cancel(tx, viewer.account_id, id_)):
            raise NotFound("scheduled twoot")
        log.info("schedule_cancelled", account_id=viewer.account_id, scheduled_id=id_)

    def _checked(self, viewer: Viewer, value: ScheduledTwoot, *, is_kept: bool = False) -> ScheduledTwoot:
        """Return it as it is kept; whether its time is good is no question where that `is_kept`."""
        if not is_kept and (errors := rules.check_time(value.at_ms, self._ids.now_ms())):
            raise Invalid(*errors)
        draft = self._twoots.check(viewer, value.draft, published_ms=value.at_ms)
        return replace(value, draft=draft)

    def _replay(self, viewer: Viewer, key: Idempotency | None) -> ScheduledTwoot | Card:
        made = made_by(self._storage, viewer.account_id, key)
        found = self._storage.read(lambda tx: scheduled_twoots.find(tx, viewer.account_id, made))
        return self._twoots.get(made, viewer) if found is None else found


def _changed(draft: Draft, change: Rescheduling) -> Draft:
    warning = draft.content_warning if change.content_warning is None else change.content_warning or None
    return replace(
        draft,
        text=draft.text if change.text is None else change.text,
        content_warning=warning,
        language=change.language or draft.language,
        visibility=change.visibility or draft.visibility,
        poll=change.poll or draft.poll,
    )
