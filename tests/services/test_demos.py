"""The demo: once, whole, and counted like everything else."""

import pytest

from tests.outbox import drain
from twooter.domain import demos as rules
from twooter.domain import ids
from twooter.domain.clients import Client
from twooter.domain.pages import Page
from twooter.domain.twoots import Card, Retwoot
from twooter.domain.windows import Unit, year_of
from twooter.errors import Unavailable
from twooter.services.house import Services

CLIENT = Client("192.0.2.1")


def everything(services: Services) -> list[str]:
    rows = services.storage.database.execute_sql("SELECT id, text FROM twoots ORDER BY id").fetchall()
    return [f"{id_} {text}" for id_, text in rows]


def test_a_few_hundred_twoots_over_the_years_and_an_account_to_sign_in_with(services: Services) -> None:
    assert services.demos.is_due()
    made = services.demos.make()
    assert made is not None
    assert (made.twoots, made.accounts) == (len(everything(services)), 21)
    assert 200 <= made.twoots <= 500
    now_ms = services.ids.now_ms()
    times = [ids.time_ms(int(line.split()[0])) for line in everything(services)]
    assert max(times) <= now_ms
    assert len({year_of(time_ms) for time_ms in times}) > 10
    assert sum(time_ms > now_ms - 3 * 86_400_000 for time_ms in times) > 20
    assert services.tokens.sign_in(made.username, made.password, CLIENT).bearer


def test_aggregates_of_the_demo_are_exact(services: Services) -> None:
    made = services.demos.make()
    assert made is not None
    drain(services)
    execute = services.storage.database.execute_sql
    year = int(Unit.YEAR)
    twoots, replies, accounts = execute(
        f"SELECT SUM(twoots), SUM(replies), SUM(accounts) FROM windows WHERE unit = {year}"  # noqa: S608 - a number
    ).fetchone()
    answered = execute("SELECT COUNT(*), SUM(replies) FROM twoots WHERE reply_to_id IS NOT NULL").fetchone()[
        0
    ]
    assert (twoots, replies, accounts) == (made.twoots, answered, made.accounts)
    assert execute("SELECT SUM(replies) FROM twoots").fetchone()[0] == answered > 50
    assert execute("SELECT SUM(twoots) FROM accounts").fetchone()[0] == made.twoots


def test_the_demo_has_a_society_and_a_home_to_read(services: Services) -> None:
    made = services.demos.make()
    assert made is not None
    drain(services)
    demo = services.tokens.authenticate(services.tokens.sign_in(made.username, made.password, CLIENT).bearer)
    home = services.homes.page(demo, Page(50)).items
    assert len({item.by.username if isinstance(item, Retwoot) else item.author.username for item in home}) > 3
    account = services.accounts.get(demo.account_id, demo)
    assert (account.followers, account.twoots) == (4, 1)
    assert account.following > 3
    (greeting,) = [
        item
        for item in services.timelines.account(demo.account_id, Page(), demo).items
        if isinstance(item, Card)
    ]
    assert (greeting.twoot.likes, greeting.twoot.retwoots, greeting.twoot.replies) == (4, 1, 1)
    assert len(services.notifications.page(demo, [], Page(50), grouped=False).items) >= 10
    (asked,) = [
        item.poll
        for item in services.timelines.public(Page(50)).items
        if item.poll and not item.poll.poll.multiple
    ]
    assert (asked.voters, sum(asked.votes)) == (20, 20)
    assert len(services.scheduled_twoots.fetch(demo)) == 1
    degrees = services.storage.database.execute_sql("SELECT followers FROM accounts ORDER BY followers DESC")
    most, *_, least = [row[0] for row in degrees.fetchall()]
    assert most > 3 * max(1, least)
    assert services.audits.audit().amounts == {}


def test_a_second_demo_changes_nothing(services: Services) -> None:
    services.demos.make()
    before = everything(services)
    assert not services.demos.is_due()
    assert services.demos.make() is None
    assert everything(services) == before


def test_a_demo_that_was_stopped_goes_on(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    written = 0
    add = type(services.demos._archives).add

    def stop_in_the_middle(self: object, *args: object, **options: object) -> object:
        nonlocal written
        written += 1
        if written == 7:
            raise Unavailable("stopped")
        return add(self, *args, **options)  # type: ignore[arg-type]  # passed on as they came

    with monkeypatch.context() as patch:
        patch.setattr(type(services.demos._archives), "add", stop_in_the_middle)
        with pytest.raises(Unavailable):
            services.demos.make()
    assert services.demos.is_due()
    made = services.demos.make()
    assert made is not None
    assert made.twoots == len(everything(services)) == 364


def test_a_database_that_people_use_gets_no_demo_by_itself(services: Services) -> None:
    services.messages.post(None, CLIENT, "hello", "tag")
    assert not services.demos.is_due()


def test_a_name_that_somebody_has_is_passed_over(services: Services) -> None:
    name = rules.authors()[3].username
    services.accounts.register(name, "own@example.com", "correct horse battery", None)
    made = services.demos.make()
    assert made is not None
    assert made.accounts == 20
    assert services.timelines.account(services.accounts.lookup(name).id, Page(1), None).items == []
