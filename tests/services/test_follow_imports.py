"""Imports of follows: every line says what has become of it, however often a worker begins again."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.services.conftest import SignIn
from twooter.domain.accounts import Viewer
from twooter.domain.pages import Page
from twooter.domain.transfers import MAX_LINES, Line, Outcome, State
from twooter.errors import NotFound
from twooter.services import follow_imports, follows, transfer_runs
from twooter.services.house import Services

Drain = Callable[[], None]


class Killed(BaseException):
    """The worker's process ended here."""


def following(services: Services, viewer: Viewer) -> list[str]:
    """Return whom somebody follows."""
    found = services.people.following(viewer.account_id, Page(100), viewer)
    return sorted(account.username for account in found.items)


def lines(services: Services, viewer: Viewer, id_: int, limit: int = 100) -> list[Line]:
    """Return all lines of an import, page by page."""
    found: list[Line] = []
    page = Page(limit)
    while True:
        cut = services.follow_imports.lines(viewer, id_, page)
        found += cut.items
        if cut.next_before is None:
            return found
        page = Page(limit, before=cut.next_before)


def test_every_line_says_what_has_become_of_it(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_imports, "STEP_LINES", 4)
    ada, ben, cho, dan, eve, fay, gus = map(join, ("ada", "ben", "cho", "dan", "eve", "fay", "gus"))
    services.follows.follow(ada, ben.account_id)
    services.accounts.change_profile(cho, display_name=None, bio=None, protected=True)
    services.blocks.block(ada, dan.account_id)
    services.blocks.block(eve, ada.account_id)
    services.deletions.request(gus)
    drain()
    named = ["ben", "@Cho", " dan ", "eve", "fay", "FAY", "ada", "nobody", "no name", "gus", "\0" * 300]
    asked = services.follow_imports.request(ada, named)
    assert services.follow_imports.request(ada, ["fay"]).id == asked.id  # one at a time
    drain()
    done = services.follow_imports.get(ada, asked.id)
    assert (done.state, done.items) == (State.DONE, len(named))
    found = lines(services, ada, asked.id, limit=3)
    assert [line.number for line in found] == list(range(1, len(named) + 1))
    assert [(line.username[:9], line.outcome) for line in found] == [
        ("ben", Outcome.ALREADY),
        ("cho", Outcome.REQUESTED),
        ("dan", Outcome.BLOCKED),
        ("eve", Outcome.NOT_FOUND),
        ("fay", Outcome.FOLLOWED),
        ("fay", Outcome.REPEATED),
        ("ada", Outcome.ONESELF),
        ("nobody", Outcome.NOT_FOUND),
        ("no name", Outcome.BAD_NAME),
        ("gus", Outcome.NOT_FOUND),
        ("\0" * 9, Outcome.BAD_NAME),
    ]
    told = Counter(line.outcome for line in found)
    assert follow_imports.outcomes_of(done) == told
    assert following(services, ada) == ["ben", "fay"]
    assert [a.username for a in services.people.requests(cho, Page()).items] == ["ada"]
    assert [a.username for a in services.people.followers(fay.account_id, Page(), fay).items] == ["ada"]
    with pytest.raises(NotFound):
        services.follow_imports.lines(ben, asked.id, Page())


def test_pages_of_lines_go_back_as_they_came(services: Services, join: SignIn) -> None:
    ada = join("ada")
    asked = services.follow_imports.request(ada, [f"name_{number}" for number in range(1, 121)])
    first = services.follow_imports.lines(ada, asked.id, Page(50))
    second = services.follow_imports.lines(ada, asked.id, Page(50, before=first.next_before))
    assert [line.number for line in second.items] == list(range(51, 101))
    back = services.follow_imports.lines(ada, asked.id, Page(50, after=second.prev_after))
    assert [line.number for line in back.items] == list(range(1, 51))
    assert not services.follow_imports.lines(ada, asked.id, Page(50, after=first.prev_after)).items
    last = services.follow_imports.lines(ada, asked.id, Page(100, before=second.next_before))
    assert [line.number for line in last.items] == list(range(101, 121))
    assert last.next_before is None


def test_as_many_lines_as_may_be_are_taken_at_once(services: Services, join: SignIn) -> None:
    ada = join("ada")
    asked = services.follow_imports.request(ada, [f"name_{number}" for number in range(MAX_LINES)])
    last = services.follow_imports.lines(ada, asked.id, Page(2, before=3)).items
    assert [line.number for line in last] == [MAX_LINES - 1, MAX_LINES]


@pytest.mark.parametrize("killed_at", [1, 3, 6, 8])
def test_an_import_whose_worker_is_killed_anywhere_ends_as_if_nothing_had_been(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    monkeypatch.setattr(follow_imports, "STEP_LINES", 2)
    monkeypatch.setattr(transfer_runs, "IDLE_MS", -1)
    ada = join("ada")
    others = [f"other_{number}" for number in range(5)]
    for name in others:
        join(name)
    drain()
    asked = services.follow_imports.request(ada, others)
    begun = services.storage.transact
    left = [killed_at]

    def killed_after(work: Callable[[Any], Any], **how: bool) -> Any:
        left[0] -= 1
        if left[0] == 0:
            begun(work, **how)
            raise Killed
        return begun(work, **how)

    count, sent = services.outboxes.seal()
    assert count == 1
    monkeypatch.setattr(services.storage, "transact", killed_after)
    with pytest.raises(Killed):
        services.batches.run("transfers", sent[0].batch_id)
    monkeypatch.setattr(services.storage, "transact", begun)
    services.transfer_runs.sweep()
    drain()
    assert following(services, ada) == others
    assert {line.outcome for line in lines(services, ada, asked.id)} == {Outcome.FOLLOWED}


def test_whom_one_unfollows_meanwhile_is_not_followed_again(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ben = join("ada"), join("ben")
    asked = services.follow_imports.request(ada, ["ben"])
    monkeypatch.setattr(services.follow_imports._begun, "advance", lambda *_: False)  # as if it died here
    services.follow_imports.step(asked)
    monkeypatch.undo()
    assert following(services, ada) == ["ben"]
    services.follows.unfollow(ada, ben.account_id)
    drain()
    assert services.follow_imports.get(ada, asked.id).state is State.DONE
    assert following(services, ada) == []


def test_an_import_that_is_removed_stops_where_it_is(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_imports, "STEP_LINES", 1)
    ada, ben, _, _ = (join(name) for name in ("ada", "ben", "cho", "dan"))
    asked = services.follow_imports.request(ada, ["ben", "cho", "dan"])
    assert services.follow_imports.step(asked)
    with pytest.raises(NotFound):
        services.follow_imports.remove(ben, asked.id)
    for _ in range(2):
        services.follow_imports.remove(ada, asked.id)
    drain()
    assert following(services, ada) == ["ben"]
    with pytest.raises(NotFound):
        services.follow_imports.lines(ada, asked.id, Page())
    assert not services.follow_imports.fetch(ada, Page()).items


def test_nobody_follows_more_than_may_be(
    services: Services, join: SignIn, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follows, "MAX_FOLLOWING", 1)
    ada, _, _ = join("ada"), join("ben"), join("cho")
    asked = services.follow_imports.request(ada, ["ben", "cho"])
    drain()
    told = [line.outcome for line in lines(services, ada, asked.id)]
    assert told == [Outcome.FOLLOWED, Outcome.TOO_MANY]
