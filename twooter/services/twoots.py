"""Twoots: publish, read, delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from twooter.domain import events, grammar, polls, text
from twooter.domain import ids as id_rules
from twooter.domain import twoots as rules
from twooter.domain.accounts import Viewer
from twooter.domain.grammar import Hashtag
from twooter.domain.polls import Poll
from twooter.domain.twoots import Card, Draft, Flags, Message, Ref, Twoot, Visibility
from twooter.errors import Forbidden, Invalid, NotFound
from twooter.logs import get_logger
from twooter.services.cards import Cards
from twooter.services.hashtags import Hashtags
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.services.replays import made_by
from twooter.services.versions import Versions
from twooter.storage import accounts, claims, edits, entries, idempotency, remains, twoots
from twooter.storage import polls as poll_rows
from twooter.storage.cache import Call
from twooter.storage.database import Session, Storage
from twooter.storage.idempotency import Idempotency

log = get_logger("twoots")
Meanwhile = Callable[[Session, Twoot], None]
"""What else a transaction does that writes a twoot; whatever it raises takes both back."""


class Homes(Protocol):
    """Home timelines, as far as writing is their concern."""

    def did(self, account_id: int, row_id: int, *, is_retwoot: bool = False) -> None:
        """Show at once in somebody's own timeline what it has just passed on."""

    def doing(self, account_id: int, row_id: int) -> Call | None:
        """Return what shows at once in somebody's own timeline what it has just written; None where nothing does."""


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
        homes: Homes | None = None,
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._hashtags = hashtags
        self._cards = cards
        self._versions = versions
        self._needs_confirmed_email = needs_confirmed_email
        self._homes = homes

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
        meanwhile: Meanwhile | None = None,
    ) -> Card:
        """Post a twoot and return it; durable, and in the author's and public timelines, when this returns.

        `meanwhile` is done in the same transaction, before anything else.

        Raises: Invalid for a bad text, an unknown parent, or a key used for another request; Forbidden before the
        e-mail address is confirmed, where that is asked for; NotFound when the key's twoot was deleted since.
        """
        try:
            draft = self._checked(viewer, draft, None)
            parent, quoted = self._find_spoken_of(viewer, draft)
        except Invalid as ex:
            return self._answer_of(viewer, idempotency_key, ex)
        parsed = grammar.parse(draft.text)
        spoken_of = max(0 if parent is None else parent.id, 0 if quoted is None else quoted.twoot.id)
        twoot = Twoot(
            id=self._ids.make(above=spoken_of),
            author_id=viewer.account_id,
            text=draft.text,
            language=draft.language,
            visibility=narrowed(draft.visibility, viewer),
            hashtags=tuple(tag.name for tag in parsed.hashtags),
            parent=None if parent is None else Ref(parent.id, parent.author_id),
            quote=None if quoted is None else Ref(quoted.twoot.id, quoted.author.id),
            root_id=None if parent is None else parent.root_id or parent.id,
            ancestors=() if parent is None else self._above(parent),
            content_warning=draft.content_warning,
            mention_ids=self.ids_of(parsed.mentions),
            has_poll=draft.poll is not None,
        )
        written = self._write(twoot, idempotency_key, request_id, poll=draft.poll, meanwhile=meanwhile)
        if written is not twoot:
            return self._cards.one(written, viewer.account_id)
        return Card(twoot, viewer.author, quoted, Flags(), polls.opened(draft.poll))

    def check(self, viewer: Viewer, draft: Draft, *, published_ms: int) -> Draft:
        """Return a draft that could be published as things are, but for its time, as it is kept.

        Raises: as `publish`.
        """
        draft = self._checked(viewer, draft, published_ms)
        self._find_spoken_of(viewer, draft)
        return draft

    def _checked(self, viewer: Viewer, draft: Draft, published_ms: int | None) -> Draft:
        """Return a draft as it is published at a time; None: now.

        Raises: Invalid for a bad text or poll; Forbidden before the e-mail address is confirmed, where that is asked
        for.
        """
        self.check_may_post(viewer)
        warning = None if draft.content_warning is None else text.clean(draft.content_warning)
        poll = None if draft.poll is None else polls.cleaned(draft.poll)
        draft = replace(draft, text=text.clean(draft.text), content_warning=warning, poll=poll)
        errors = rules.check_draft(draft)
        if poll is not None:
            errors += polls.check_poll(poll, published_ms or self._ids.now_ms())
        if errors:
            raise Invalid(*errors)
        return draft

    def post_message(
        self,
        author_id: int,
        message: Message,
        *,
        visibility: Visibility = Visibility.PUBLIC,
        idempotency_key: Idempotency | None = None,
        request_id: str | None = None,
    ) -> Twoot:
        """Post a message with one given tag, kept as typed, and return it."""
        twoot = Twoot(
            id=self._ids.make(),
            author_id=author_id,
            text=message.text,
            visibility=visibility,
            given_tag=message.tag.name,
        )
        return self._write(twoot, idempotency_key, request_id)

    def get(self, id_: int, viewer: Viewer | None) -> Card:
        """Return a twoot.

        Raises: NotFound when it does not exist or the viewer may not see it.
        """
        twoot = self._storage.read(lambda tx: twoots.find(tx, id_))
        if twoot is None:
            raise NotFound("twoot")
        if viewer is None:
            return self._cards.one(twoot, None)
        return self._cards.one(twoot, viewer.account_id, moderates=viewer.moderates)

    def delete(self, viewer: Viewer, id_: int, *, request_id: str | None = None) -> None:
        """Delete one's own twoot; it is shown nowhere when this returns, and aggregates follow.

        Raises: NotFound when it does not exist or may not be seen; Forbidden when it is another account's.
        """
        twoot = self.get_own(viewer, id_)
        if not self.remove(twoot, request_id=request_id):
            raise NotFound("twoot")

    def get_own(self, viewer: Viewer, id_: int) -> Twoot:
        """Return one's own twoot, to change it.

        Raises: NotFound when it does not exist or may not be seen; Forbidden when it is another account's.
        """
        twoot = self.get(id_, viewer).twoot
        if twoot.author_id != viewer.account_id:
            raise Forbidden("This twoot is not yours.")
        return twoot

    def remove(self, twoot: Twoot, *, request_id: str | None = None) -> bool:
        """Delete a twoot that was just read; return False when it has gone or changed since."""
        tags = self.tags_of(twoot)
        tag_ids = self._hashtags.ensure_ids(tags)
        if twoot.parent is not None:
            above = self._storage.read(lambda tx: twoots.fetch_ancestors(tx, twoot.author_id, twoot.id))
            twoot = replace(twoot, ancestors=tuple(above))
        due_ms = self._ids.now_ms() + remains.KEPT_MS

        def work(tx: Session) -> bool:
            edits.remove(tx, twoot.author_id, twoot.id)
            if not twoots.remove(tx, twoot.author_id, twoot.id, twoot.version):
                return False
            if twoot.has_poll:
                poll_rows.leave(tx, twoot.author_id, [twoot.id])
            remains.note(tx, twoot.author_id, [twoot.id], due_ms)
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
        """Return the hashtags a twoot counts for, and is listed under: those of what is for everybody."""
        if twoot.visibility is not Visibility.PUBLIC:
            return []
        names = twoot.hashtags if twoot.given_tag is None else (twoot.given_tag,)
        return [Hashtag(grammar.tag_key(name), name) for name in names]

    def ids_of(self, usernames: Sequence[str]) -> tuple[int, ...]:
        """Return the accounts that a text reaches by naming them, in its order; further names are text."""
        wanted = usernames[: rules.MAX_MENTIONS]
        if not wanted:
            return ()
        found = self._storage.read(lambda tx: claims.fetch_by_usernames(tx, wanted))
        return tuple(found[name] for name in wanted if name in found)

    def _above(self, parent: Twoot) -> tuple[Ref, ...]:
        """Return what a reply answers, nearest first."""
        own = Ref(parent.id, parent.author_id)
        if parent.parent is None:
            return (own,)
        further = self._storage.read(lambda tx: twoots.fetch_ancestors(tx, parent.author_id, parent.id))
        return (own, *further)[: rules.MAX_ANCESTORS]

    def _find_spoken_of(self, viewer: Viewer, draft: Draft) -> tuple[Twoot | None, Card | None]:
        """Return the twoots that a draft answers and quotes.

        Raises: Invalid when one does not exist or the viewer may not see it, or it may not be quoted.
        """
        parent = quoted = None
        if draft.reply_to is not None:
            parent = self._find_seen(viewer, draft.reply_to)
            if parent is None:
                raise Invalid.field("reply_to", "no_such_twoot", "The twoot you answer does not exist.")
        if draft.quote_of is not None:
            quoted = self._find_seen(viewer, draft.quote_of)
            if quoted is None:
                raise Invalid.field("quote_of", "no_such_twoot", "The twoot you quote does not exist.")
            if not quoted.twoot.visibility.is_open or quoted.author.protected:
                raise Invalid.field("quote_of", "not_open", "Only what everybody may see can be quoted.")
        return None if parent is None else parent.twoot, quoted

    def _find_seen(self, viewer: Viewer, id_: int) -> Card | None:
        try:
            return self.get(id_, viewer)
        except NotFound:
            return None

    def _answer_of(self, viewer: Viewer, key: Idempotency | None, refusal: Invalid) -> Card:
        """Return the answer that a key made while the twoots it speaks of were there, and its poll had not ended.

        Raises: the refusal when there is none.
        """
        if key is None or not self._storage.read(lambda tx: idempotency.find(tx, viewer.account_id, key.key)):
            raise refusal
        return self._cards.one(self._replay(viewer.account_id, key), viewer.account_id)

    def _write(
        self,
        twoot: Twoot,
        key: Idempotency | None,
        request_id: str | None,
        *,
        poll: Poll | None = None,
        meanwhile: Meanwhile | None = None,
    ) -> Twoot:
        tags = self.tags_of(twoot)
        tag_ids = self._hashtags.ensure_ids(tags)

        def work(tx: Session) -> bool:
            if meanwhile is not None:
                meanwhile(tx, twoot)
            if key is not None and not idempotency.remember(
                tx, twoot.author_id, key, twoot.id, id_rules.time_ms(twoot.id)
            ):
                return False
            twoots.insert(tx, twoot)
            if poll is not None:
                poll_rows.insert(tx, twoot.author_id, twoot.id, poll)
            if twoot.visibility is Visibility.PUBLIC:
                entries.insert(tx, twoot.id, twoot.author_id, tag_ids)
            accounts.add_twoot(tx, twoot.author_id)
            # refuses an account that was suspended or deleted since the request began
            self._outboxes.append_of_active(
                tx, twoot.author_id, events.appeared(twoot, tag_ids), request_id=request_id
            )
            return True

        if not self._outboxes.transact_of_active(work):
            return self._replay(twoot.author_id, key)
        own = None if self._homes is None else self._homes.doing(twoot.author_id, twoot.id)
        self._versions.move(twoot.author_id, tags, adds_only=True, then=own)
        log.info("twoot_published", author_id=twoot.author_id, twoot_id=twoot.id, tags=len(tag_ids))
        return twoot

    def _replay(self, author_id: int, key: Idempotency | None) -> Twoot:
        made = made_by(self._storage, author_id, key)
        twoot = self._storage.read(lambda tx: twoots.find(tx, made))
        if twoot is None:
            raise NotFound("twoot")
        return twoot


def narrowed(visibility: Visibility, viewer: Viewer) -> Visibility:
    """Return who may see what an account writes: a protected one's is for its followers at most."""
    return Visibility.FOLLOWERS if viewer.protected and visibility.is_open else visibility
