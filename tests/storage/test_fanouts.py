"""Followers for a fan-out: the same, whether many accounts are asked for at once or, across shards, each by itself."""

import pytest

from twooter.storage import fanouts
from twooter.storage.database import Storage
from twooter.storage.tables import Followers


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_across_shards_accounts_have_the_same_followers(
    storage: Storage, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {1: [101, 102, 103], 2: [], 3: [101], 4: [104, 103]}
    rows = [
        {"account_id": id_, "follower_id": by, "edge_id": 10 * id_ + at, "state": "active", "version": 1}
        for id_, followers in wanted.items()
        for at, by in enumerate(followers)
    ]
    with storage.database.bind_ctx([Followers]):
        Followers.insert_many(rows).execute()
    monkeypatch.setattr(fanouts, "PAGE", page)
    for is_sharded in (False, True):
        storage.is_sharded = is_sharded
        found: dict[int, list[int]] = {}
        for some in fanouts.followers(storage, [4, 3, 2, 1]):
            for account_id, followers in some:
                found.setdefault(account_id, []).extend(followers)
        assert {id_: sorted(by) for id_, by in found.items()} == {
            id_: sorted(by) for id_, by in wanted.items() if by
        }
