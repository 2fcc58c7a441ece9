"""Encounters: whom the demo's accounts follow, what they like, pass on and vote for, by the services that all use."""

from __future__ import annotations

import random
from collections.abc import Sequence

from twooter.domain.accounts import Role, Viewer
from twooter.domain.actions import Kind
from twooter.domain.demos import Author
from twooter.domain.polls import Poll
from twooter.domain.twoots import Draft, Twoot
from twooter.domain.windows import DAY_MS
from twooter.services.actions import Actions
from twooter.services.follows import Follows
from twooter.services.polls import Polls
from twooter.services.scheduled_twoots import ScheduledTwoots
from twooter.services.twoots import Twoots

_FOLLOWED, _LIKED, _PASSED_ON = 6, 8, 2
"""Accounts followed, twoots liked, and twoots passed on by each."""
_GREETING = "Good morning, everybody! #hello"
_WELCOME = "Welcome, @{to}!"
_WELCOMING = 4

_QUESTIONS = (
    ("What shall we drink while we read this? #tea", ("Tea", "Coffee", "Water"), False),
    ("When are you here? Choose all that fit.", ("Mornings", "Afternoons", "Evenings", "At night"), True),
)
_OPEN_MS = 3 * DAY_MS
_REMINDER = "One day on Twooter already. #hello"

Written = Sequence[tuple[Author, Twoot]]


class Encounters:
    """Makes a small society of accounts that only wrote; repeating it changes nothing."""

    def __init__(
        self,
        follows: Follows,
        actions: Actions,
        twoots: Twoots,
        polls: Polls,
        scheduled_twoots: ScheduledTwoots,
    ) -> None:
        self._follows = follows
        self._actions = actions
        self._twoots = twoots
        self._polls = polls
        self._scheduled = scheduled_twoots

    def mingle(self, written: Written) -> None:
        """Let authors follow each other, the first ones most, and like and pass on what those wrote."""
        authors = list({author.id: author for author, _ in written}.values())
        for author in authors:
            chance = random.Random(author.username)  # noqa: S311 - the same demo for everyone
            others = _popular(chance, [other for other in authors if other != author])
            self._meet(viewer(author), others, written, chance)

    def welcome(self, newcomer: Viewer, written: Written, now_ms: int) -> int:
        """Let a newcomer follow some of the authors, greet, and be greeted, liked, followed and asked; return how many
        twoots that made.
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
        self._ask(newcomer, guests, authors, now_ms)
        self._scheduled.schedule(newcomer, Draft(_REMINDER), now_ms + DAY_MS)
        return 2 + len(_QUESTIONS)

    def _ask(
        self, newcomer: Viewer, guests: Sequence[Viewer], authors: Sequence[Author], now_ms: int
    ) -> None:
        """Let guests ask and all others vote, the newcomer in the first poll, so that it sees how that stands."""
        for guest, (text, options, multiple) in zip(guests, _QUESTIONS, strict=False):
            poll = Poll(options, multiple, now_ms + _OPEN_MS)
            asked = self._twoots.publish(guest, Draft(text, poll=poll)).twoot
            chance = random.Random(text)  # noqa: S311 - as above
            voters = [viewer(author) for author in authors if author.id != guest.account_id]
            for voter in [newcomer, *voters] if guest is guests[0] else voters:
                count = chance.randint(1, len(options) - 1) if multiple else 1
                self._polls.vote(voter, asked.id, chance.sample(range(len(options)), count))

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
