"""Followed hashtags: what is written under them enters one's home timeline."""

from __future__ import annotations

from twooter.domain import grammar, pages, windows
from twooter.domain.accounts import Viewer
from twooter.domain.grammar import Hashtag
from twooter.domain.hashtags import MAX_FOLLOWED, HashtagHistory
from twooter.domain.pages import Page, Slice
from twooter.domain.windows import DAY_MS, Unit
from twooter.errors import Conflict, NotFound
from twooter.logs import get_logger
from twooter.services.follows import begin
from twooter.services.hashtags import Hashtags
from twooter.services.histories import histories, in_order
from twooter.services.ids import Ids
from twooter.storage import followed_hashtags, hashtags
from twooter.storage.database import Session, Storage

log = get_logger("followed_hashtags")


class FollowedHashtags:
    """Follows hashtags and ends it; doing it twice changes nothing."""

    def __init__(self, storage: Storage, ids: Ids, hashtags: Hashtags) -> None:
        self._storage = storage
        self._ids = ids
        self._hashtags = hashtags

    def follow(self, viewer: Viewer, name: str) -> None:
        """Follow a hashtag in any of its spellings, also one that nobody has used yet.

        Raises: NotFound for what is no hashtag; Conflict when as many as there may be are followed.
        """
        id_, tag_id, edge_id = viewer.account_id, self._ensure_id(name), self._ids.make()

        def work(tx: Session) -> None:
            begin(tx, id_)
            held = followed_hashtags.fetch_ids(tx, id_)
            if tag_id not in held and len(held) >= MAX_FOLLOWED:
                raise Conflict(
                    f"Only {MAX_FOLLOWED} hashtags can be followed; end one.", code="too_many_hashtags"
                )
            followed_hashtags.insert(tx, id_, tag_id, edge_id)

        self._storage.transact(work)
        log.info("hashtag_followed", account_id=id_, tag_id=tag_id)

    def unfollow(self, viewer: Viewer, name: str) -> None:
        """Follow a hashtag no more; one that is not followed is left alone, whether it exists or not."""
        tag_id = self._hashtags.find_id(grammar.tag_key(name))
        if tag_id is not None:

            def work(tx: Session) -> None:
                begin(tx, viewer.account_id)
                followed_hashtags.remove(tx, viewer.account_id, tag_id)

            self._storage.transact(work)
            log.info("hashtag_unfollowed", account_id=viewer.account_id, tag_id=tag_id)

    def fetch(self, viewer: Viewer, page: Page) -> Slice[HashtagHistory]:
        """Return a page of what the viewer follows, the last followed first, with the last seven days of each."""
        now_ms = self._ids.now_ms()
        span = windows.span(Unit.DAY, now_ms - 6 * DAY_MS, None, now_ms)

        def read(tx: Session) -> Slice[HashtagHistory]:
            found = followed_hashtags.fetch(tx, viewer.account_id, page)
            cut = pages.cut(found, page, lambda row: row[0])
            tag_ids = [tag_id for _, tag_id in cut.items]
            rows = in_order(hashtags.fetch(tx, tag_ids), tag_ids)
            return Slice(histories(tx, rows, span), cut.next_before, cut.prev_after)

        return self._storage.read(read)

    def _ensure_id(self, name: str) -> int:
        key = grammar.tag_key(name)
        known = self._hashtags.find_id(key)
        if known is not None:
            return known
        # not yet used: then it is one that a text can name
        if [tag.name for tag in grammar.parse(f"#{name}").hashtags] != [name]:
            raise NotFound("hashtag")
        return self._hashtags.ensure_ids([Hashtag(key, name)])[0]
