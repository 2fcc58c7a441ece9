"""The reception: who comes in, for what, and since when; blocking work, done in threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twooter.api.live.heads import Head
from twooter.domain.streams import ACCOUNTS, START, Mark, Position, log_of, parse_mark, parse_topics
from twooter.errors import Unauthorized
from twooter.services.house import Services
from twooter.storage.streams import KEPT_SECONDS


@dataclass(frozen=True, slots=True)
class Visit:
    """What somebody who was let in listens to; `topic_of` says which of its topics a log is of."""

    account_id: int
    token_id: int
    topics: tuple[str, ...]
    topic_of: dict[str, int]
    begins: Mark
    since: Mark | None

    @property
    def key(self) -> tuple[int, int]:
        """Return which token let it in."""
        return self.account_id, self.token_id


class Reception:
    """Lets people in, and looks after those who are there."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def enter(self, head: Head) -> Visit:
        """Return what a request asks for; the logs are there from now on.

        Raises: BadRequest, Unauthorized, Unavailable.
        """
        topics = parse_topics(head.query.get("topics", ""))
        account_id, token_id = self._proof(head)
        given = head.headers.get("last-event-id") or head.query.get("last_event_id")
        topic_of = {log_of(topic, account_id): number for number, topic in enumerate(topics)}
        topic_of[ACCOUNTS] = 0
        if "home" in topics:
            home = topics.index("home")
            topic_of |= dict.fromkeys(self._beside_home(account_id), home)
        at: Position = self._services.audiences.open(list(topic_of)).at
        since = None if given is None else parse_mark(given)
        return Visit(account_id, token_id, topics, topic_of, Mark(at, START), since)

    def _proof(self, head: Head) -> tuple[int, int]:
        bearer, ticket = head.bearer(), head.query.get("ticket")
        if bearer is not None:
            viewer = self._services.authenticate(bearer)
            return viewer.account_id, viewer.token_id
        if ticket is None:
            raise Unauthorized(
                "Send a token in the Authorization header, or a ticket: POST /v1/stream/tickets."
            )
        return self._services.tickets.redeem(ticket)

    def holding(self, keys: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
        """Return which tokens still hold."""
        return self._services.tokens.holding(keys)

    def beside_home(self, account_ids: Sequence[int]) -> dict[int, list[str]]:
        """Return the logs that each account reads beside its home now, which are there from now on."""
        found = {id_: self._beside_home(id_) for id_ in account_ids}
        if names := sorted({name for logs in found.values() for name in logs}):
            self._services.audiences.open(names)
        return found

    def _beside_home(self, account_id: int) -> list[str]:
        """Return the logs of popular accounts and of hashtags that an account follows."""
        audiences = self._services.audiences
        return [*audiences.popular_of(account_id), *audiences.hashtags_of(account_id)]


REOPEN_SECONDS = KEPT_SECONDS / 5
"""How often the logs of those who listen are kept from being forgotten."""
