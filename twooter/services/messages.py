"""Messages: the first version's posts, with one given tag each, and the newest of all public twoots."""

from __future__ import annotations

from collections.abc import Callable

from twooter.domain import grammar, graph, pages
from twooter.domain import ids as id_rules
from twooter.domain import twoots as rules
from twooter.domain.accounts import Viewer
from twooter.domain.clients import Client
from twooter.domain.grammar import Hashtag
from twooter.domain.pages import Page
from twooter.domain.twoots import Message, Twoot, Visibility
from twooter.errors import Invalid, Unauthorized
from twooter.services.cards import Cards
from twooter.services.hashtags import Hashtags
from twooter.services.limits import Limits
from twooter.services.twoots import Twoots, narrowed
from twooter.storage import entries
from twooter.storage.database import Session, Storage
from twooter.storage.entries import Entry
from twooter.storage.idempotency import Idempotency

MAX_MESSAGES = 1_000
_STEP = 500
_MAX_STEPS = 10
"""Steps one list may take: entries whose twoots may not be seen are passed over, but not for ever."""


class Messages:
    """Posts messages, in somebody's name or nobody's, and lists them."""

    def __init__(
        self,
        storage: Storage,
        twoots: Twoots,
        hashtags: Hashtags,
        cards: Cards,
        limits: Limits,
        *,
        may_post_anonymously: bool,
    ) -> None:
        self._storage = storage
        self._twoots = twoots
        self._hashtags = hashtags
        self._cards = cards
        self._limits = limits
        self._may_post_anonymously = may_post_anonymously

    def post(
        self,
        viewer: Viewer | None,
        client: Client,
        text: str,
        tag: str,
        *,
        idempotency_key: Idempotency | None = None,
    ) -> Twoot:
        """Post a message; without a viewer it belongs to the built-in account `anonymous`.

        Raises: Unauthorized where messages need a token; Forbidden before the e-mail address is confirmed, where that
        is asked for; Invalid for a text or a tag that cannot be; TooMany above the limit of the account or network.
        """
        if viewer is not None:
            self._twoots.check_may_post(viewer)
        elif not self._may_post_anonymously:
            raise Unauthorized("Sign in: POST /v1/tokens gives a token for the Authorization header.")
        if errors := rules.check_message(text, tag):
            raise Invalid(*errors)
        if viewer is None:
            self._limits.anonymous_message(client)
        else:
            self._limits.twoot(viewer.account_id, client)
        return self._twoots.post_message(
            id_rules.ANONYMOUS_ID if viewer is None else viewer.account_id,
            Message(text, Hashtag(grammar.tag_key(tag), tag)),
            visibility=Visibility.PUBLIC if viewer is None else narrowed(Visibility.PUBLIC, viewer),
            idempotency_key=idempotency_key,
            request_id=client.request_id,
        )

    def fetch(self, tag: str | None, limit: int) -> list[Twoot]:
        """Return the newest public twoots, or those of a tag in any of its spellings, newest first."""
        if tag is None:
            return self._storage.read(
                lambda tx: self._newest(tx, limit, lambda page: entries.fetch_public(tx, page))
            )
        tag_id = self._hashtags.find_id(grammar.tag_key(tag))
        if tag_id is None:
            return []
        return self._storage.read(
            lambda tx: self._newest(tx, limit, lambda page: entries.fetch_hashtag(tx, tag_id, page))
        )

    def _newest(self, tx: Session, limit: int, read: Callable[[Page], list[Entry]]) -> list[Twoot]:
        found: list[Twoot] = []
        before: int | None = None
        for _ in range(_MAX_STEPS):
            page = Page(min(_STEP, limit - len(found)), before=before)
            part = pages.cut(read(page), page, lambda entry: entry[0])
            cards = self._cards.of_entries(tx, part.items, None)
            found += [
                cards[twoot_id].twoot
                for twoot_id, _ in part.items
                if twoot_id in cards and graph.is_listed(cards[twoot_id].author, None)
            ]
            before = part.next_before
            if before is None or len(found) >= limit:
                break
        return found
