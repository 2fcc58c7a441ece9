"""Who follows whom and who passed on what, written as it stands when every event has been applied."""

from twooter.domain.actions import Kind
from twooter.domain.events import ActionEvent
from twooter.domain.graph import State
from twooter.domain.twoots import Twoot
from twooter.services.house import Services


def follow(services: Services, follower_id: int, target_id: int) -> None:
    """Let somebody follow somebody, on both sides, and its home timeline know."""
    _set_edge(services, follower_id, target_id, State.ACTIVE)
    services.homes.followed(follower_id, target_id)


def unfollow(services: Services, follower_id: int, target_id: int) -> None:
    """Let somebody follow somebody no more, on both sides, and its home timeline know."""
    _set_edge(services, follower_id, target_id, State.NONE)
    services.homes.unfollowed(follower_id, target_id)


def set_edge(services: Services, follower_id: int, target_id: int, state: State) -> None:
    """Let the follower's side alone say something."""
    edge_id = services.ids.make()
    _run(services, f"DELETE FROM following WHERE account_id = {follower_id} AND target_id = {target_id}")  # noqa: S608 - ids of our own
    _run(
        services,
        "INSERT INTO following (account_id, target_id, version, state, edge_id) "  # noqa: S608 - ids of our own
        f"VALUES ({follower_id}, {target_id}, 1, '{state.value}', {edge_id})",
    )


def _set_edge(services: Services, follower_id: int, target_id: int, state: State) -> None:
    set_edge(services, follower_id, target_id, state)
    edge_id = services.ids.make()
    _run(services, f"DELETE FROM followers WHERE account_id = {target_id} AND follower_id = {follower_id}")  # noqa: S608 - ids of our own
    _run(
        services,
        "INSERT INTO followers (account_id, follower_id, version, state, edge_id) "  # noqa: S608 - ids of our own
        f"VALUES ({target_id}, {follower_id}, 1, '{state.value}', {edge_id})",
    )


def retwoot(services: Services, account_id: int, twoot: Twoot) -> int:
    """Let somebody pass a twoot on; return the retwoot's id."""
    edge_id = services.ids.make()
    take_back(services, account_id, twoot)
    _run(
        services,
        "INSERT INTO actions (account_id, twoot_id, kind, author_id, version, active, edge_id) "  # noqa: S608 - ids of our own
        f"VALUES ({account_id}, {twoot.id}, {int(Kind.RETWOOT)}, {twoot.author_id}, 1, 1, {edge_id})",
    )
    event = ActionEvent(
        account_id, int(Kind.RETWOOT), twoot.id, twoot.author_id, 1, True, edge_id, twoot.visibility.value
    )
    services.outboxes.transact(lambda tx: services.outboxes.append(tx, account_id, event, request_id=None))
    services.homes.did(account_id, edge_id, is_retwoot=True)
    return edge_id


def take_back(services: Services, account_id: int, twoot: Twoot) -> None:
    """Let somebody not have passed a twoot on."""
    _run(services, f"DELETE FROM actions WHERE account_id = {account_id} AND twoot_id = {twoot.id}")  # noqa: S608 - ids of our own


def _run(services: Services, sql: str) -> None:
    services.storage.database.execute_sql(sql)
