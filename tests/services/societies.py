"""A society in memory: what people did as they were told that it was done, and what everybody should see of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from twooter.domain.accounts import Viewer
from twooter.domain.actions import Kind
from twooter.domain.polls import Poll
from twooter.domain.twoots import Draft, Twoot, Visibility
from twooter.domain.windows import HOUR_MS
from twooter.errors import TwooterError
from twooter.services.edits import Change
from twooter.services.house import Services

Pair = tuple[int, int]
TAGS = ("tea", "toast", "jam")
OPTIONS = ("yes", "no", "perhaps")
VISIBILITIES = (Visibility.PUBLIC,) * 5 + (Visibility.UNLISTED, Visibility.FOLLOWERS, Visibility.MENTIONED)
MAX_TWOOTS, MAX_RETWOOTS = 60, 30
"""So few that everybody's home timeline is one page."""


@dataclass
class Society:
    """What holds; every act is tried on the services, and remembered when they said that it is done."""

    services: Services
    people: list[Viewer]
    chance: Random
    twoots: dict[int, Twoot] = field(default_factory=dict)
    """Those that are there, as they were written."""
    written: int = 0
    follows: set[Pair] = field(default_factory=set)
    requests: set[Pair] = field(default_factory=set)
    protected: set[int] = field(default_factory=set)
    blocks: set[Pair] = field(default_factory=set)
    mutes: set[Pair] = field(default_factory=set)
    troubled: set[frozenset[int]] = field(default_factory=set)
    """Pairs that ever had a block or a mute between them: whether they were told of each other depends on when."""
    likes: set[Pair] = field(default_factory=set)
    """(account, twoot)."""
    given: set[tuple[Kind, int, int]] = field(default_factory=set)
    """Likes and retwoots that were not taken back, by (kind, account, twoot), whether the twoot is there or not."""
    retwoots: dict[Pair, int] = field(default_factory=dict)
    """By (account, twoot): how many retwoots were made before it."""
    retwooted: int = 0
    votes: dict[Pair, tuple[int, ...]] = field(default_factory=dict)
    """What was chosen, by (account, twoot)."""

    def live(self, count: int) -> None:
        """Let people do so many things."""
        acts = (
            (self.publish, 4), (self.delete, 1), (self.edit, 2), (self.like, 8), (self.unlike, 4), (self.retwoot, 3),
            (self.unretwoot, 1), (self.follow, 8), (self.unfollow, 3), (self.answer, 4), (self.block, 1),
            (self.unblock, 1), (self.mute, 1), (self.unmute, 1), (self.protect, 1), (self.vote, 8),
        )  # fmt: skip
        choices, weights = [act for act, _ in acts], [weight for _, weight in acts]
        for act in self.chance.choices(choices, weights, k=count):
            one, other = self.chance.sample(self.people, 2)
            try:
                act(one, other)
            except TwooterError:
                continue  # refused, and so nothing happened

    def _twoot(self) -> Twoot:
        return self.chance.choice(list(self.twoots.values()))

    def publish(self, one: Viewer, other: Viewer) -> None:
        """Write something, perhaps an answer or a quote, to somebody."""
        if self.written >= MAX_TWOOTS:
            return
        text = f"#{self.chance.choice(TAGS)} #{self.chance.choice(TAGS)} @{other.username}"
        reply_to, quote_of = (
            self._twoot().id if self.twoots and self.chance.random() < share else None for share in (0.4, 0.2)
        )
        visibility = self.chance.choice(VISIBILITIES)
        viewer = self.services.authenticate(self.tokens[one.account_id])
        ends_ms = self.services.ids.now_ms() + HOUR_MS
        poll = Poll(OPTIONS, self.chance.random() < 0.5, ends_ms) if self.chance.random() < 0.5 else None
        card = self.services.twoots.publish(
            viewer, Draft(text, reply_to, quote_of=quote_of, visibility=visibility, poll=poll)
        )
        self.twoots[card.twoot.id] = card.twoot
        self.written += 1

    tokens: dict[int, str] = field(default_factory=dict)

    def delete(self, one: Viewer, _: Viewer) -> None:
        """Take back something one wrote."""
        id_ = self._twoot().id if self.twoots else 1
        self.services.twoots.delete(one, id_)
        self.twoots.pop(id_)
        self.likes = {pair for pair in self.likes if pair[1] != id_}
        self.votes = {pair: choices for pair, choices in self.votes.items() if pair[1] != id_}
        self.retwoots = {pair: n for pair, n in self.retwoots.items() if pair[1] != id_}

    def edit(self, one: Viewer, other: Viewer) -> None:
        """Say something else."""
        id_ = self._twoot().id if self.twoots else 1
        text = f"#{self.chance.choice(TAGS)} @{other.username} again"
        self.twoots[id_] = self.services.edits.edit(one, id_, Change(text=text)).twoot

    def like(self, one: Viewer, _: Viewer) -> None:
        """Like a twoot."""
        id_ = self._twoot().id if self.twoots else 1
        self.services.actions.act(one, Kind.LIKE, id_)
        self.likes.add((one.account_id, id_))
        self.given.add((Kind.LIKE, one.account_id, id_))

    def vote(self, one: Viewer, _: Viewer) -> None:
        """Vote in a poll, for one option or several."""
        id_ = self._twoot().id if self.twoots else 1
        choices = self.chance.sample(range(len(OPTIONS)), self.chance.randint(1, 2))
        self.services.polls.vote(one, id_, choices)
        self.votes[one.account_id, id_] = tuple(sorted(choices))

    def unlike(self, one: Viewer, _: Viewer) -> None:
        """Take a like back, also of what one may not see any more."""
        id_ = self._twoot().id if self.twoots else 1
        self.likes.discard((one.account_id, id_))
        self.given.discard((Kind.LIKE, one.account_id, id_))
        self.services.actions.undo(one, Kind.LIKE, id_)

    def retwoot(self, one: Viewer, _: Viewer) -> None:
        """Pass a twoot on."""
        if self.retwooted >= MAX_RETWOOTS:
            return
        id_ = self._twoot().id if self.twoots else 1
        self.services.actions.act(one, Kind.RETWOOT, id_)
        self.retwoots.setdefault((one.account_id, id_), self.retwooted)
        self.given.add((Kind.RETWOOT, one.account_id, id_))
        self.retwooted += 1

    def unretwoot(self, one: Viewer, _: Viewer) -> None:
        """Take a retwoot back, also of what one may not see any more."""
        id_ = self._twoot().id if self.twoots else 1
        self.retwoots.pop((one.account_id, id_), None)
        self.given.discard((Kind.RETWOOT, one.account_id, id_))
        self.services.actions.undo(one, Kind.RETWOOT, id_)

    def follow(self, one: Viewer, other: Viewer) -> None:
        """Follow somebody, or ask to."""
        pair = (one.account_id, other.account_id)
        self.services.follows.follow(one, other.account_id)
        if pair in self.follows:
            return
        if other.account_id in self.protected:
            self.requests.add(pair)
        else:
            self.requests.discard(pair)
            self.follows.add(pair)

    def unfollow(self, one: Viewer, other: Viewer) -> None:
        """Follow somebody no more."""
        self.services.follows.unfollow(one, other.account_id)
        self._part(one.account_id, other.account_id)

    def answer(self, one: Viewer, other: Viewer) -> None:
        """Approve or refuse who asks, or remove who follows."""
        pair, requests = (other.account_id, one.account_id), self.services.follow_requests
        what = self.chance.choice(
            (requests.approve, requests.approve, requests.refuse, requests.remove_follower)
        )
        what(one, other.account_id)
        if what == requests.approve:
            if pair in self.requests:
                self.requests.discard(pair)
                self.follows.add(pair)
        elif what == requests.refuse:
            self.requests.discard(pair)
        else:
            self._part(*pair)

    def block(self, one: Viewer, other: Viewer) -> None:
        """Block somebody."""
        self.services.blocks.block(one, other.account_id)
        self.blocks.add((one.account_id, other.account_id))
        self.troubled.add(frozenset((one.account_id, other.account_id)))
        self._part(one.account_id, other.account_id)
        self._part(other.account_id, one.account_id)

    def unblock(self, one: Viewer, other: Viewer) -> None:
        """Block somebody no more."""
        self.services.blocks.unblock(one, other.account_id)
        self.blocks.discard((one.account_id, other.account_id))

    def mute(self, one: Viewer, other: Viewer) -> None:
        """Mute somebody."""
        self.services.relationships.mute(one, other.account_id, seconds=None)
        self.mutes.add((one.account_id, other.account_id))
        self.troubled.add(frozenset((one.account_id, other.account_id)))

    def unmute(self, one: Viewer, other: Viewer) -> None:
        """Mute somebody no more."""
        self.services.relationships.unmute(one, other.account_id)
        self.mutes.discard((one.account_id, other.account_id))

    def protect(self, one: Viewer, _: Viewer) -> None:
        """Become protected, or open again."""
        protected = one.account_id not in self.protected and self.chance.random() < 0.5
        self.services.accounts.change_profile(one, display_name=None, bio=None, protected=protected)
        (self.protected.add if protected else self.protected.discard)(one.account_id)

    def _part(self, follower_id: int, target_id: int) -> None:
        self.follows.discard((follower_id, target_id))
        self.requests.discard((follower_id, target_id))

    def may_see(self, viewer_id: int, twoot: Twoot) -> bool:
        """Return whether somebody may see a twoot."""
        author_id = twoot.author_id
        if viewer_id == author_id:
            return True
        if {(viewer_id, author_id), (author_id, viewer_id)} & self.blocks:
            return False
        if viewer_id in twoot.mention_ids:
            return True
        if twoot.visibility is Visibility.MENTIONED:
            return False
        is_open = twoot.visibility in (Visibility.PUBLIC, Visibility.UNLISTED)
        return (viewer_id, author_id) in self.follows or (is_open and author_id not in self.protected)

    def may_see_acts(self, viewer_id: int, account_id: int) -> bool:
        """Return whether somebody may see what an account passes on."""
        if viewer_id == account_id:
            return True
        blocked = {(viewer_id, account_id), (account_id, viewer_id)} & self.blocks
        return not blocked and ((viewer_id, account_id) in self.follows or account_id not in self.protected)

    def home(self, viewer_id: int) -> set[int]:
        """Return the twoots on somebody's home timeline, as they stand there or as somebody's retwoots."""
        actors = {viewer_id, *(target for follower, target in self.follows if follower == viewer_id)}
        unmuted = {id_ for id_ in actors if (viewer_id, id_) not in self.mutes}
        rows = {id_ for id_, twoot in self.twoots.items() if self._is_pushed(viewer_id, twoot, unmuted)}
        rows |= {id_ for (by, id_) in self.retwoots if by in unmuted and self.may_see_acts(viewer_id, by)}
        return {
            id_
            for id_ in rows
            if self.may_see(viewer_id, self.twoots[id_])
            and (viewer_id, self.twoots[id_].author_id) not in self.mutes
        }

    @staticmethod
    def _is_pushed(viewer_id: int, twoot: Twoot, actors: set[int]) -> bool:
        if twoot.author_id not in actors:
            return False
        return twoot.author_id == viewer_id or twoot.visibility is not Visibility.MENTIONED

    def participants(self) -> set[int]:
        """Return who wrote, liked, passed on or followed something that holds."""
        writers = {twoot.author_id for twoot in self.twoots.values()}
        return writers | {by for _, by, _ in self.given} | {follower for follower, _ in self.follows}

    def uses(self) -> Counter[str]:
        """Return how often each hashtag is used."""
        return Counter(
            tag
            for twoot in self.twoots.values()
            if twoot.visibility is Visibility.PUBLIC
            for tag in twoot.hashtags
        )
