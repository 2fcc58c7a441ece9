"""Archives: posts of the past, many at a time, under ids of their own times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twooter.domain import events
from twooter.domain.grammar import Hashtag
from twooter.domain.twoots import MAX_ANCESTORS, Ref, Twoot
from twooter.errors import Unavailable
from twooter.services.hashtags import Hashtags
from twooter.services.outboxes import Outboxes
from twooter.services.versions import Versions
from twooter.storage import accounts, archives, entries, twoots
from twooter.storage.database import Session, Storage

_TRIES = 5
_STEP = 100
"""Twoots per statement: even the longest stay below the smallest packet a server takes by default."""


@dataclass(frozen=True, slots=True)
class Post:
    """What was posted at a time (Unix ms): a message with its given tag, or a twoot with the hashtags of its text.

    `above` is what it answers, and what that answers, nearest first; `root_id` what the conversation began with.
    """

    time_ms: int
    text: str
    given_tag: str | None
    tags: tuple[Hashtag, ...]
    above: tuple[Ref, ...] = ()
    root_id: int | None = None


class _Taken(Exception):
    """Somebody else wrote one of the ids between their choice and their use."""


class Archives:
    """Writes posts of the past with everything a publish writes: entries, counters, events."""

    def __init__(self, storage: Storage, hashtags: Hashtags, outboxes: Outboxes, versions: Versions) -> None:
        self._storage = storage
        self._hashtags = hashtags
        self._outboxes = outboxes
        self._versions = versions

    def add(
        self, author_id: int, posts: Sequence[Post], *, also: Callable[[Session], None] | None = None
    ) -> list[Twoot]:
        """Write an author's posts, all or none, and what `also` writes with them; at most 1,000 at a time.

        Raises: Unavailable when others keep taking the same ids.
        """
        # backwards, so that the first spelling stays
        tags = {tag.key: tag for post in reversed(posts) for tag in reversed(post.tags)}
        tag_ids = dict(zip(tags, self._hashtags.ensure_ids(list(tags.values())), strict=True))

        def work(tx: Session) -> list[Twoot]:
            found = archives.free_ids(tx, [post.time_ms for post in posts])
            written = [_twoot(id_, author_id, post) for id_, post in zip(found, posts, strict=True)]
            self._write(tx, author_id, written, [[tag_ids[tag.key] for tag in post.tags] for post in posts])
            if also is not None:
                also(tx)
            return written

        for _ in range(_TRIES):
            try:
                written = self._outboxes.transact(work)
            except _Taken:
                continue
            self._versions.move(author_id, list(tags.values()), adds_only=True)
            return written
        raise Unavailable("Somebody else writes posts of the same times; try again.")

    def _write(
        self, tx: Session, author_id: int, written: Sequence[Twoot], tag_ids: Sequence[Sequence[int]]
    ) -> None:
        new = sum(twoots.insert_new(tx, written[at : at + _STEP]) for at in range(0, len(written), _STEP))
        if new < len(written):
            raise _Taken
        tagged = [
            (tag, twoot.id, author_id) for twoot, tags in zip(written, tag_ids, strict=True) for tag in tags
        ]
        entries.insert_many(tx, [(twoot.id, author_id) for twoot in written], tagged)
        accounts.move_twoots(tx, author_id, len(written))
        appeared = [events.appeared(twoot, tuple(tags)) for twoot, tags in zip(written, tag_ids, strict=True)]
        self._outboxes.append_many(tx, author_id, appeared)


def _twoot(id_: int, author_id: int, post: Post) -> Twoot:
    return Twoot(
        id=id_,
        author_id=author_id,
        text=post.text,
        given_tag=post.given_tag,
        hashtags=() if post.given_tag is not None else tuple(tag.name for tag in post.tags),
        parent=post.above[0] if post.above else None,
        root_id=post.root_id,
        ancestors=post.above[:MAX_ANCESTORS],
    )
