"""Edits: a twoot says something else, what it said before is kept, and hashtags and mentions follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from twooter.domain import events, grammar, text
from twooter.domain import twoots as rules
from twooter.domain.accounts import Viewer
from twooter.domain.twoots import MAX_EDITS, Card, Draft, Twoot, Visibility
from twooter.errors import Conflict, Invalid
from twooter.logs import get_logger
from twooter.services.hashtags import Hashtags
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.services.twoots import Twoots
from twooter.services.versions import Versions
from twooter.storage import edits, entries, twoots
from twooter.storage.database import Session, Storage
from twooter.storage.edits import Edit

log = get_logger("edits")
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Change:
    """What a twoot shall say; None leaves what is there, and an empty warning takes it away."""

    text: str | None = None
    content_warning: str | None = None
    language: str | None = None


class Edits:
    """Changes twoots and shows what they said."""

    def __init__(
        self,
        storage: Storage,
        ids: Ids,
        outboxes: Outboxes,
        hashtags: Hashtags,
        twoots: Twoots,
        versions: Versions,
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._hashtags = hashtags
        self._twoots = twoots
        self._versions = versions

    def edit(self, viewer: Viewer, id_: int, change: Change, *, request_id: str | None = None) -> Card:
        """Change one's own twoot and return it; durable, and in every timeline, when this returns.

        Of changes at the same time all are kept, one after the other. One that changes nothing makes no version.

        Raises: NotFound when it does not exist; Forbidden when it is another account's; Invalid for bad texts;
        Conflict after 50 changes.
        """
        for _ in range(_TRIES):
            before = self._twoots.get_own(viewer, id_)
            after = self._changed(before, change)
            if after == before or self._write(before, after, request_id):
                return self._twoots.get(id_, viewer)
        raise Conflict("This twoot is being changed by others of yours; try again.", code="busy")

    def history(self, id_: int, viewer: Viewer | None) -> list[Edit]:
        """Return what a twoot says and said, newest first; at most 51.

        Raises: NotFound when it does not exist or the viewer may not see it.
        """
        twoot = self._twoots.get(id_, viewer).twoot
        former = self._storage.read(lambda tx: edits.fetch(tx, twoot.author_id, twoot.id))
        # a change in between would stand twice
        return [edits.of(twoot), *(edit for edit in former if edit.version < twoot.version)]

    def _changed(self, before: Twoot, change: Change) -> Twoot:
        draft = Draft(
            before.text if change.text is None else text.clean(change.text),
            language=change.language or before.language,
            content_warning=_warning(before.content_warning, change.content_warning),
        )
        said = replace(
            before, text=draft.text, language=draft.language, content_warning=draft.content_warning
        )
        if said == before:
            return before
        if errors := rules.check_draft(draft):
            raise Invalid(*errors)
        if before.version > MAX_EDITS:
            raise Conflict("A twoot can be changed 50 times; publish a new one.", code="too_many_edits")
        if before.given_tag is not None:  # a message's text is not parsed
            return replace(said, version=before.version + 1, edited_ms=self._ids.now_ms())
        parsed = grammar.parse(draft.text)
        return replace(
            said,
            version=before.version + 1,
            edited_ms=self._ids.now_ms(),
            hashtags=tuple(tag.name for tag in parsed.hashtags),
            mention_ids=self._twoots.ids_of(parsed.mentions),
        )

    def _write(self, before: Twoot, after: Twoot, request_id: str | None) -> bool:
        former, tags = Twoots.tags_of(before), Twoots.tags_of(after)
        former_ids, tag_ids = self._hashtags.ensure_ids(former), self._hashtags.ensure_ids(tags)
        event = events.edited(before, after, tag_ids, former_ids)

        def work(tx: Session) -> bool:
            if not twoots.edit(tx, before, after):
                return False
            edits.insert(tx, before)
            self._move_entries(tx, after, event.added_tag_ids, event.removed_tag_ids)
            self._outboxes.append(tx, after.author_id, event, request_id=request_id)
            return True

        if not self._outboxes.transact(work):
            return False
        self._versions.move(after.author_id, list({tag.key: tag for tag in [*former, *tags]}.values()))
        log.info("twoot_edited", author_id=after.author_id, twoot_id=after.id, version=after.version)
        return True

    @staticmethod
    def _move_entries(tx: Session, twoot: Twoot, added: Sequence[int], removed: Sequence[int]) -> None:
        if twoot.visibility is Visibility.PUBLIC:
            entries.move(tx, twoot.id, twoot.author_id, added=added, removed=removed)


def _warning(before: str | None, change: str | None) -> str | None:
    return before if change is None else text.clean(change) or None
