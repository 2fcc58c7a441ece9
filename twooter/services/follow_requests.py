"""Follow requests and followers: what an account answers those who ask to follow it, or do."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain.accounts import Viewer
from twooter.domain.follows import Follow
from twooter.domain.graph import State
from twooter.errors import NotFound
from twooter.logs import get_logger
from twooter.services.follows import Follows, begin
from twooter.services.outboxes import Outboxes
from twooter.storage.database import Session

log = get_logger("follow_requests")


class FollowRequests:
    """What somebody who is followed does; answers twice are as good as once."""

    def __init__(self, outboxes: Outboxes, follows: Follows) -> None:
        self._outboxes = outboxes
        self._follows = follows

    def approve(self, viewer: Viewer, follower_id: int, *, request_id: str | None = None) -> None:
        """Let an account follow that has asked to; one that follows already is left as it is.

        Raises: NotFound when it has not asked, or does not any more.
        """
        now = self._answer(viewer, follower_id, State.ACTIVE, (State.REQUESTED,), request_id)
        if now is None or not now.is_active:
            raise NotFound("follow request")

    def refuse(self, viewer: Viewer, follower_id: int, *, request_id: str | None = None) -> None:
        """Refuse a request; without one nothing happens, and who follows already goes on."""
        self._answer(viewer, follower_id, State.NONE, (State.REQUESTED,), request_id)

    def remove_follower(self, viewer: Viewer, follower_id: int, *, request_id: str | None = None) -> None:
        """End an account's follow of the viewer, or its request; without either nothing happens."""
        self._answer(viewer, follower_id, State.NONE, (State.REQUESTED, State.ACTIVE), request_id)

    def _answer(
        self, viewer: Viewer, follower_id: int, state: State, among: Sequence[State], request_id: str | None
    ) -> Follow | None:
        id_, known = viewer.account_id, self._follows.known(follower_id, viewer.account_id)

        def work(tx: Session) -> Follow | None:
            begin(tx, id_)
            return self._follows.answer(
                tx, id_, follower_id, known, state, among=among, request_id=request_id
            )

        now = self._outboxes.transact(work)
        if now is not None and now.state is state:
            log.info("follow_answered", account_id=id_, follower_id=follower_id, state=state.value)
        return now
