"""Suggestions: followed by those one follows, and never whom one has made up one's mind about."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.queries import recorded
from tests.services.conftest import SignIn
from tests.services.happenings import rows
from twooter.domain.accounts import Role, Viewer
from twooter.services import suggestions
from twooter.services.house import Services
from twooter.storage.tables import Suggestions

Drain = Callable[[], None]


@pytest.fixture
def people(services: Services, join: SignIn, drain: Drain) -> dict[str, Viewer]:
    """Let Ada follow Bob and Cho, who follow others: both of them Dee, one of them each of the rest."""
    names = ("ada", "bob", "cho", "dee", "eve", "fay", "gus", "hal", "ivy")
    found = {name: join(name) for name in names}
    follows = {"ada": "bob cho", "bob": "dee eve ada cho", "cho": "dee fay gus hal ivy"}
    for name, others in follows.items():
        for other in others.split():
            services.follows.follow(found[name], found[other].account_id)
    drain()
    return found


def suggested(services: Services, viewer: Viewer, limit: int = 40) -> list[tuple[str, int]]:
    return [(one.account.username, one.followed_by) for one in services.suggestions.fetch(viewer, limit)]


def test_those_that_many_follow_come_first(services: Services, people: dict[str, Viewer]) -> None:
    assert suggested(services, people["ada"]) == []
    assert services.suggestions.compute() == 3
    assert suggested(services, people["ada"])[0] == ("dee", 2)
    assert sorted(suggested(services, people["ada"])[1:]) == [
        (name, 1) for name in ("eve", "fay", "gus", "hal", "ivy")
    ]
    assert suggested(services, people["ada"], limit=1) == [("dee", 2)]
    assert suggested(services, people["dee"]) == []


def test_who_is_followed_asked_blocked_muted_or_gone_is_not_suggested_from_that_moment_on(
    services: Services, people: dict[str, Viewer]
) -> None:
    ada, ids = people["ada"], {name: viewer.account_id for name, viewer in people.items()}
    services.suggestions.compute()
    services.accounts.change_profile(people["eve"], display_name=None, bio=None, protected=True)
    services.follows.follow(ada, ids["dee"])
    services.follows.follow(ada, ids["eve"])
    services.blocks.block(ada, ids["fay"])
    services.relationships.mute(ada, ids["gus"], seconds=None)
    services.blocks.block(people["hal"], ids["ada"])
    assert suggested(services, ada) == [("ivy", 1)]
    services.suggestions.compute_for(ids["ada"])
    services.deletions.request(people["ivy"])
    assert suggested(services, ada) == []
    services.suggestions.compute_for(ids["ada"])
    assert ids["ada"] not in {row[0] for row in rows(services, Suggestions, "account_id")}


def test_silenced_accounts_are_not_suggested(
    services: Services, people: dict[str, Viewer], join: SignIn
) -> None:
    judge = replace(join("judge"), role=Role.MODERATOR)
    services.suggestions.compute()
    services.moderation.silence(judge, people["dee"].account_id, "Shouts.")
    assert "dee" not in dict(suggested(services, people["ada"]))
    services.suggestions.compute_for(people["ada"].account_id)
    services.moderation.unsilence(judge, people["dee"].account_id)
    assert "dee" not in dict(suggested(services, people["ada"]))
    services.suggestions.compute_for(people["ada"].account_id)
    assert dict(suggested(services, people["ada"]))["dee"] == 2


def test_a_run_goes_on_where_the_last_one_ended_and_a_round_is_not_begun_again_at_once(
    services: Services, people: dict[str, Viewer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggestions, "_ACCOUNTS", 2)
    done = [services.suggestions.compute(max_seconds=0) for _ in range(4)]
    assert (sum(done), done[-1]) == (3, 0)
    assert max(done) < 3
    assert services.suggestions.compute() == 0  # all have had theirs a moment ago
    monkeypatch.setattr(suggestions, "ROUND_MS", 0)
    assert services.suggestions.compute() == 3


def test_what_has_not_changed_is_not_written_again(services: Services, people: dict[str, Viewer]) -> None:
    services.suggestions.compute()
    with recorded(services.storage) as names:
        services.suggestions.compute_for(people["ada"].account_id)
    assert "suggestion_insert" not in names
