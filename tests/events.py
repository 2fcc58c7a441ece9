"""Events at any time, without the twoots they tell of: what aggregates are made of."""

from twooter.domain import ids
from twooter.domain.events import TwootEvent
from twooter.domain.grammar import Hashtag, tag_key
from twooter.services.house import Services
from twooter.storage.database import Session


def count(
    services: Services,
    at_ms: int,
    *tags: str,
    author_id: int = ids.ANONYMOUS_ID,
    sign: int = 1,
    times: int = 1,
) -> None:
    """Write the events of twoots with these hashtags; to be drained."""
    tag_ids = services.hashtags.ensure_ids([Hashtag(tag_key(tag), tag) for tag in tags])
    services.ids.make()  # takes a node number, which cannot be done inside a transaction

    def work(tx: Session) -> None:
        for _ in range(times):
            event = TwootEvent(sign, author_id, ids.first_at(at_ms), at_ms, tag_ids, None, None, 1)
            services.outboxes.append(tx, author_id, event, request_id=None)

    services.storage.transact(work)
