"""Encounters: whom the demo's accounts follow, and what they like and pass on, by the services that everybody uses."""

from __future__ import annotations

import random
from collections.abc import Sequence

from twooter.domain.accounts import Role, Viewer
from twooter.domain.actions import Kind
from twooter.domain.demos import Author
from twooter.domain.twoots import Draft, Twoot
from twooter.services.actions import Actions
from twooter.services.follows import Follows
from twooter.services.twoots import Twoots

_FOLLOWED, _LIKED, _PASSED_ON = 6, 8, 2
"""Accounts followed, twoots liked, and twoots passed on by each."""
_GREETING = "Good morning, everybody! #hello"
_WELCOME = "Welcome, @{to}!"
_WELCOMING = 4

Written = Sequence[tuple[Author, Twoot]]


class Encounters:
    """Makes a small society of accounts that only wrote; repeating it changes nothing."""

    def __init__(self, follows: Follows, actions: Actions, twoots: Twoots) -> None:
        self._follows = follows
        self._actions = actions
        self._twoots = twoots

    def mingle(self, written: Written) -> None:
        """Let authors follow each other, the first ones most, and like and pass on what those wrote."""
        authors = list({author.id: author for author, _ in written}.values())
        for author in authors:
            chance = random.Random(author.username)  # noqa: S311 - the same demo for everyone
            others = _popular(chance, [other for other in authors if other != author])
            self._meet(viewer(author), others, written, chance)

    def welcome(self, newcomer: Viewer, written: Written) -> int:
        """Let a newcomer follow some of the authors, greet, and be greeted, liked and followed; return how many twoots
        that made.
        """
        authors = list({author.id: author for author, _ in written}.values())
        chance = random.Random(newcomer.username)  # noqa: S311 - as above
        self._meet(newcomer, _popular(chance, authors), written, chance)
        greeting = self._twoots.publish(newcomer, Draft(_GREETING)).twoot
        first, second, *_ = guests = [viewer(author) for author in authors[:_WELCOMING]]
        for guest in guests:
            self._follows.follow(guest, newcomer.account_id)
            self._actions.act(guest, Kind.LIKE, greeting.id)
        self._twoots.publish(first, Draft(_WELCOME.replace("{to}", newcomer.username), greeting.id))
        self._actions.act(second, Kind.RETWOOT, greeting.id)
        return 2

    def _meet(
        self, somebody: Viewer, others: Sequence[Author], written: Written, chance: random.Random
    ) -> None:
        for other in others:
            self._follows.follow(somebody, other.id)
        known = {other.id for other in others}
        readable = [twoot for author, twoot in written if author.id in known]
        for twoot in chance.sample(readable, min(_LIKED, len(readable))):
            self._actions.act(somebody, Kind.LIKE, twoot.id)
        for twoot in chance.sample(readable, min(_PASSED_ON, len(readable))):
            self._actions.act(somebody, Kind.RETWOOT, twoot.id)


def viewer(author: Author) -> Viewer:
    """Return an author as somebody who is signed in."""
    return Viewer(author.id, author.username, Role.USER, 0, email_confirmed=True)


def _popular(chance: random.Random, authors: Sequence[Author]) -> list[Author]:
    """Return a few of the authors, of whom the first is chosen most, the second half as often, and so on."""
    weights = [1 / (place + 1) for place in range(len(authors))]
    chosen = chance.choices(authors, weights, k=3 * _FOLLOWED)
    return list({author.id: author for author in chosen}.values())[:_FOLLOWED]
