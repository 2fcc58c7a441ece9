"""Twoots: publish, read, delete."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain import events, grammar, text
from twooter.domain import ids as id_rules
from twooter.domain import twoots as rules
from twooter.domain.accounts import Viewer
from twooter.domain.grammar import Hashtag
from twooter.domain.twoots import Card, Draft, Message, Parent, Twoot
from twooter.errors import Conflict, Forbidden, Invalid, NotFound
from twooter.logs import get_logger
from twooter.services.cards import Cards
from twooter.services.hashtags import Hashtags
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.services.versions import Versions
from twooter.storage import accounts, entries, idempotency, twoots
from twooter.storage.database import Session, Storage
from twooter.storage.idempotency import Idempotency

log = get_logger("twoots")


class Twoots:
    """What can be done with a twoot."""

    def __init__(
        self,
        storage: Storage,
        ids: Ids,
        outboxes: Outboxes,
        hashtags: Hashtags,
        cards: Cards,
        versions: Versions,
        *,
        needs_confirmed_email: bool,
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._hashtags = hashtags
        self._cards = cards
        self._versions = versions
        self._needs_confirmed_email = needs_confirmed_email

    def check_may_post(self, viewer: Viewer) -> None:
        """Do nothing for whoever may post.

        Raises: Forbidden before the e-mail address is confirmed, where that is asked for.
        """
        if self._needs_confirmed_email and not viewer.email_confirmed:
            raise Forbidden("Confirm your e-mail address first.", code="email_not_confirmed")

    def publish(
        self,
        viewer: Viewer,
        draft: Draft,
        *,
        idempotency_key: Idempotency | None = None,
        request_id: str | None = None,
    ) -> Card:
        """Post a twoot and return it; durable, and in the author's and public timelines, when this returns.

        Raises: Invalid for a bad text, an unknown parent, or a key used for another request; Forbidden before the
        e-mail address is confirmed, where that is asked for; NotFound when the key's twoot was deleted since.
        """
        self.check_may_post(viewer)
        draft = Draft(text.clean(draft.text), draft.reply_to, draft.language)
        if errors := rules.check_draft(draft):
            raise Invalid(*errors)
        parent = None if draft.reply_to is None else self._find_parent(draft.reply_to)
        if draft.reply_to is not None and parent is None:
            return Card(self._answer_of(viewer.account_id, idempotency_key), viewer.author)
        tags = grammar.parse(draft.text).hashtags
        twoot = Twoot(
            id=self._ids.make(),
            author_id=viewer.account_id,
            text=draft.text,
            language=draft.language,
            hashtags=tuple(tag.name for tag in tags),
            parent=parent,
        )
        return Card(self._write(twoot, tags, idempotency_key, request_id), viewer.author)

    def post_message(
        self,
        author_id: int,
        message: Message,
        *,
        idempotency_key: Idempotency | None = None,
        request_id: str | None = None,
    ) -> Twoot:
        """Post a message with one given tag, kept as typed, and return it."""
        twoot = Twoot(id=self._ids.make(), author_id=author_id, text=message.text, given_tag=message.tag.name)
        return self._write(twoot, [message.tag], idempotency_key, request_id)

    def get(self, id_: int) -> Card:
        """Return a twoot.

        Raises: NotFound when it does not exist or may not be seen.
        """
        twoot = self._storage.read(lambda tx: twoots.find(tx, id_))
        if twoot is None:
            raise NotFound("twoot")
        return self._cards.one(twoot)

    def delete(self, viewer: Viewer, id_: int, *, request_id: str | None = None) -> None:
        """Delete one's own twoot; it is shown nowhere when this returns, and aggregates follow.

        Raises: NotFound when it does not exist; Forbidden when it is another account's.
        """
        twoot = self._storage.read(lambda tx: twoots.find(tx, id_))
        if twoot is None:
            raise NotFound("twoot")
        if twoot.author_id != viewer.account_id:
            raise Forbidden("This twoot is not yours.")
        if not self.remove(twoot, request_id=request_id):
            raise NotFound("twoot")

    def remove(self, twoot: Twoot, *, request_id: str | None = None) -> bool:
        """Delete a twoot that was just read; return False when it has gone or changed since."""
        tags = self.tags_of(twoot)
        tag_ids = self._hashtags.ensure_ids(tags)

        def work(tx: Session) -> bool:
            if not twoots.remove(tx, twoot.author_id, twoot.id, twoot.version):
                return False
            entries.remove(tx, twoot.id, tag_ids)
            accounts.move_twoots(tx, twoot.author_id, -1)
            self._outboxes.append(tx, twoot.author_id, events.gone(twoot, tag_ids), request_id=request_id)
            return True

        removed = self._outboxes.transact(work)
        if removed:
            self._versions.move(twoot.author_id, tags)
            log.info("twoot_deleted", author_id=twoot.author_id, twoot_id=twoot.id)
        return removed

    @staticmethod
    def tags_of(twoot: Twoot) -> list[Hashtag]:
        """Return the hashtags a twoot counts for."""
        names = twoot.hashtags if twoot.given_tag is None else (twoot.given_tag,)
        return [Hashtag(grammar.tag_key(name), name) for name in names]

    def _find_parent(self, id_: int) -> Parent | None:
        """Return the twoot to answer, or None when it does not exist or may not be seen."""

        def work(tx: Session) -> Parent | None:
            twoot = twoots.find(tx, id_)
            return (
                Parent(twoot.id, twoot.author_id)
                if twoot is not None and self._cards.of(tx, [twoot])
                else None
            )

        return self._storage.read(work)

    def _answer_of(self, author_id: int, key: Idempotency | None) -> Twoot:
        """Return the answer that a key made while the twoot it answers was there.

        Raises: Invalid when there is none.
        """
        if key is None or self._storage.read(lambda tx: idempotency.find(tx, author_id, key.key)) is None:
            raise Invalid.field("reply_to", "no_such_twoot", "The twoot you answer does not exist.")
        return self._replay(author_id, key)

    def _write(
        self, twoot: Twoot, tags: Sequence[Hashtag], key: Idempotency | None, request_id: str | None
    ) -> Twoot:
        tag_ids = self._hashtags.ensure_ids(tags)

        def work(tx: Session) -> bool:
            if key is not None and not idempotency.remember(
                tx, twoot.author_id, key, twoot.id, id_rules.time_ms(twoot.id)
            ):
                return False
            twoots.insert(tx, twoot)
            entries.insert(tx, twoot.id, twoot.author_id, tag_ids)
            if not accounts.add_twoot(tx, twoot.author_id):
                raise NotFound("account")  # suspended or deleted since the request began
            self._outboxes.append(tx, twoot.author_id, events.appeared(twoot, tag_ids), request_id=request_id)
            return True

        if not self._outboxes.transact(work):
            return self._replay(twoot.author_id, key)
        self._versions.move(twoot.author_id, tags, adds_only=True)
        log.info("twoot_published", author_id=twoot.author_id, twoot_id=twoot.id, tags=len(tag_ids))
        return twoot

    def _replay(self, author_id: int, key: Idempotency | None) -> Twoot:
        if key is None:
            raise AssertionError("only a remembered key is replayed")
        replay = self._storage.read(lambda tx: idempotency.find(tx, author_id, key.key))
        if replay is None:
            raise Conflict(
                "A request with this Idempotency-Key is still running; try again.", code="in_flight"
            )
        if replay.request_sha256 != key.request_sha256:
            raise Invalid.field(
                "Idempotency-Key", "key_reused", "This key was used for another request; use a new one."
            )
        twoot = self._storage.read(lambda tx: twoots.find(tx, replay.resource_id))
        if twoot is None:
            raise NotFound("twoot")
        return twoot
