"""The demo: accounts that have written for years, and one to sign in with."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass
from functools import partial

from twooter.domain import demos as rules
from twooter.domain import grammar, searches
from twooter.domain import ids as id_rules
from twooter.domain.accounts import Account, Role, State, Viewer
from twooter.domain.demos import Author, Line
from twooter.domain.events import AccountEvent
from twooter.domain.pages import Page
from twooter.domain.twoots import Ref, Twoot
from twooter.domain.windows import HOUR_MS
from twooter.services.accounts import Accounts
from twooter.services.archives import Archives, Post
from twooter.services.encounters import Encounters
from twooter.services.ids import Ids
from twooter.services.outboxes import Outboxes
from twooter.storage import accounts, claims, entries, names, twoots
from twooter.storage.database import Session, Storage

USERNAME = "demo"
_EMAIL = "demo@example.com"
_LATEST_ANSWER_MS = 6 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Demo:
    """What was made: the account to sign in with, and how much there is to read."""

    username: str
    password: str
    accounts: int
    twoots: int


class Demos:
    """Makes the demo; stopped half-way it goes on where it was."""

    def __init__(
        self,
        storage: Storage,
        ids: Ids,
        outboxes: Outboxes,
        archives: Archives,
        accounts: Accounts,
        encounters: Encounters,
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._archives = archives
        self._accounts = accounts
        self._encounters = encounters

    def is_due(self) -> bool:
        """Return whether nobody has written yet, or a demo was begun and is not done."""

        def work(tx: Session) -> bool:
            if claims.find_by_username(tx, USERNAME) is not None:
                return False
            begun = accounts.find(tx, rules.authors()[0].id) is not None
            return begun or not entries.fetch_public(tx, Page(1))

        return self._storage.read(work)

    def make(self) -> Demo | None:
        """Write the demo, and last of all the account to sign in with; None when that is there already."""
        if self._storage.read(lambda tx: claims.find_by_username(tx, USERNAME)) is not None:
            return None
        now_ms = self._ids.now_ms()
        written: list[tuple[Author, Twoot]] = []
        for author in rules.authors():
            if self._settle(author):
                self._write(author, now_ms, written)
                read = partial(twoots.fetch_by_author, author_id=author.id, page=Page(100))
                written += [(author, twoot) for twoot in self._storage.read(read)]
        self._encounters.mingle(written)
        password = secrets.token_urlsafe(9)
        newcomer = self._accounts.register(USERNAME, _EMAIL, password, None)
        more = self._encounters.welcome(
            Viewer(newcomer.id, USERNAME, newcomer.role, 0, email_confirmed=True), written, now_ms
        )
        return Demo(USERNAME, password, len({author for author, _ in written}) + 1, len(written) + more)

    def _settle(self, author: Author) -> bool:
        """Write an author's account; return False when the name is somebody else's."""
        at_ms = id_rules.time_ms(author.id)
        self._storage.transact(lambda tx: claims.claim_username(tx, author.username, author.id, at_ms))
        if self._storage.read(lambda tx: claims.find_by_username(tx, author.username)) != author.id:
            return False

        def work(tx: Session) -> None:
            if accounts.insert(tx, _account(author)):
                names.put(tx, author.id, searches.names_of(author.username, author.display_name))
                self._outboxes.append_many(tx, author.id, [AccountEvent(1, author.id, at_ms)])

        self._outboxes.transact(work)
        self._storage.transact(lambda tx: claims.settle_username(tx, author.username, author.id))
        return True

    def _write(self, author: Author, now_ms: int, before: list[tuple[Author, Twoot]]) -> None:
        """Write an author's twoots in one transaction, unless they are there."""
        if self._storage.read(lambda tx: twoots.fetch_by_author(tx, author.id, Page(1))):
            return
        chance = random.Random(author.username)  # noqa: S311 - the same demo for everyone
        self._archives.add(
            author.id, [self._post(line, chance, now_ms, before) for line in rules.lines(author, now_ms)]
        )

    def _post(
        self, line: Line, chance: random.Random, now_ms: int, before: list[tuple[Author, Twoot]]
    ) -> Post:
        if not line.is_reply or not before:
            text = line.text.replace("@{to}", "friends")
            return Post(line.time_ms, text, None, grammar.parse(text).hashtags)
        author, twoot = chance.choice(before)
        text = line.text.replace("{to}", author.username)
        delay_ms = chance.randint(1, max(1, min(_LATEST_ANSWER_MS, now_ms - twoot.created_ms)))
        further = self._storage.read(partial(twoots.fetch_ancestors, author_id=author.id, id_=twoot.id))
        return Post(
            twoot.created_ms + delay_ms,
            text,
            None,
            grammar.parse(text).hashtags,
            (Ref(twoot.id, author.id), *further),
            twoot.root_id or twoot.id,
        )


def _account(author: Author) -> Account:
    return Account(
        author.id,
        author.username,
        author.display_name,
        author.bio,
        bot=True,
        protected=False,
        role=Role.USER,
        state=State.ACTIVE,
        version=1,
        twoots=0,
        followers=0,
        following=0,
    )
