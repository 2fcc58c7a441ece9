"""A list page costs the same few statements whatever it holds: never one per item."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import redis
from falcon.testing import TestClient
from pydantic import SecretStr

from tests import graphs
from tests.api.conftest import SignUp
from tests.houses import PASSWORD, opened
from tests.outbox import drain
from tests.queries import recorded
from tests.services.happenings import person
from twooter.api.app import create_app
from twooter.domain.accounts import Role, Viewer
from twooter.domain.actions import Kind
from twooter.domain.clients import Client
from twooter.domain.moderation import Reason
from twooter.domain.polls import Poll
from twooter.domain.twoots import Draft
from twooter.errors import Conflict
from twooter.services.house import Services
from twooter.services.reports import Complaint, Decision

AT_MOST = {
    "/v1/timelines/public": 4,
    "/v1/timelines/tags/tea": 4,
    "/v1/accounts/{author}/twoots": 6,
    "/v1/twoots/{twoot}/likes": 7,
    "/v1/twoots/{twoot}/retwoots": 7,
    "/v1/accounts/{author}/pins": 6,
    "/v1/me/likes": 5,
    "/v1/bookmarks": 5,
    "/messages": 3,
    "/messages?tag=tea": 3,
    "/v1/hashtags?prefix=t": 4,
    "/v1/search?q=cup%20%23tea": 7,
    "/v1/search?q=from:ada%20of": 7,
    "/v1/search?q=a&type=accounts": 4,
    "/v1/search?q=t&type=hashtags": 4,
    "/v1/tokens": 1,
    "/v1/notifications": 5,
    "/v1/notifications?types=mention&types=like&grouped=true": 5,
    "/v1/notifications/unread": 4,
    "/v1/analytics/likes": 1,
    "/v1/analytics/accounts?interval=hour": 1,
    "/v1/analytics/retention?weeks=52": 2,
}
"""Statements of a page, signing in apart."""
OF_PEOPLE_AT_MOST = {
    "/v1/accounts/{popular}/followers": 5,
    "/v1/accounts/{popular}/following": 5,
    "/v1/follow-requests": 2,
    "/v1/blocks": 2,
    "/v1/mutes": 2,
    "/v1/suggestions": 3,
    "/v1/lists": 1,
    "/v1/lists/{list}/accounts": 4,
    "/v1/timelines/lists/{list}": 14,
    "/v1/me/hashtags": 4,
    "/v1/relationships?ids={everybody}": 2,
}

OF_MODERATORS_AT_MOST = {
    "/v1/moderation/reports": 3,
    "/v1/moderation/reports?state=resolved": 3,
    "/v1/moderation/log": 2,
}
OF_OWN_DATA_AT_MOST = {
    "/v1/me/exports": 1,
    "/v1/me/imports/following": 1,
    "/v1/me/imports/following/{import}/lines?limit=100": 2,
}

OF_POLLS = {
    "/v1/timelines/public": ["polls_by_keys", "polls_seen"],
    "/v1/timelines/tags/tea": ["polls_by_keys", "polls_seen"],
    "/v1/timelines/home": ["polls_seen"],
    "/v1/accounts/{author}/twoots": ["polls_seen"],
    "/v1/twoots/{twoot}/thread": ["polls_seen"],
    "/v1/search?q=cup": ["polls_seen"],
    "/v1/me/likes": ["polls_seen"],
    "/v1/notifications": ["polls_seen"],
}
"""What a page asks more where it shows polls, however many; pages for everybody are read for nobody first."""
Publish = Callable[..., str]


@pytest.fixture
def publish(client: TestClient, sign_up: SignUp) -> Publish:
    """Return what publishes in the name of one of three accounts and returns the twoot's id."""
    tokens = [sign_up(name) for name in ("ada", "ben", "cho")]

    def post(number: int, text: str, reply_to: str | None = None) -> str:
        headers = {"Authorization": f"Bearer {tokens[number % len(tokens)]}"}
        answer = client.simulate_post(
            "/v1/twoots", headers=headers, json={"text": text, "reply_to": reply_to}
        )
        assert answer.status_code == 201, answer.json
        return str(answer.json["id"])

    return post


@pytest.mark.parametrize("path", AT_MOST)
def test_a_longer_page_takes_no_more_statements(
    path: str, client: TestClient, services: Services, publish: Publish, sign_up: SignUp
) -> None:
    token = sign_up("reader")
    reader = services.authenticate(token)
    first = publish(0, "One cup of #tea, @reader")
    author = client.simulate_get(f"/v1/twoots/{first}").json["author"]["id"]
    asked, path = path, path.replace("{author}", author).replace("{twoot}", first)
    act(services, reader, first, author)
    drain(services)
    short = statements(client, services, path, token)
    for number in range(12):
        publish(
            number,
            f"Cup {number} of #tea with #toast{number} and #talk @reader",
            first if number % 2 else None,
        )
        services.tokens.issue(reader.account_id, Client("192.0.2.1"))
    drain(services)
    long = statements(client, services, path, token)
    assert len(long) == len(short), (short, long)
    assert len(short) <= 1 + AT_MOST[asked], short


@pytest.mark.parametrize("path", OF_PEOPLE_AT_MOST)
def test_a_longer_list_of_accounts_takes_no_more_statements(
    path: str, client: TestClient, services: Services, sign_up: SignUp
) -> None:
    token, popular, everybody = sign_up("reader"), person(services), [person(services) for _ in range(8)]
    reader = services.authenticate(token)
    services.accounts.change_profile(reader, display_name=None, bio=None, protected=True)
    services.follows.follow(reader, popular.account_id)
    first = services.account_lists.make(reader, "First").id
    found = []
    for number, other in enumerate(everybody):
        services.follows.follow(popular, other.account_id)
        services.follows.follow(other, popular.account_id)
        services.follows.follow(other, reader.account_id)
        put_together(services, reader, first, other, number)
        if number % 2:
            services.blocks.block(reader, other.account_id)
            services.relationships.mute(reader, other.account_id, seconds=None)
        if number in (2, 7):
            drain(services)
            services.suggestions.compute_for(reader.account_id)
            ids = ",".join(str(one.account_id) for one in everybody[: number + 1])
            place = path.replace("{popular}", str(popular.account_id)).replace("{everybody}", ids)
            place = place.replace("{list}", str(first))
            found.append(statements(client, services, place, token))
    short, long = found
    assert len(long) == len(short), (short, long)
    assert 1 < len(short) <= 1 + OF_PEOPLE_AT_MOST[path], short


def test_notifications_of_refused_twoots_ask_for_these_once(
    client: TestClient, services: Services, sign_up: SignUp
) -> None:
    token = sign_up("writer")
    writer, found = services.authenticate(token), []
    for number in (1, 4):
        for _ in range(number):
            gone = services.twoots.publish(writer, Draft("Soon gone")).twoot.id
            due_ms = services.ids.now_ms() + 3_600_000
            services.scheduled_twoots.schedule(writer, Draft("Hello", reply_to=gone), due_ms)
            services.twoots.delete(writer, gone)
        services.storage.database.execute_sql("UPDATE scheduled_twoots SET due_ms = 1 WHERE refused IS NULL")
        services.publications.sweep()
        drain(services)
        found.append(statements(client, services, "/v1/notifications", token))
    short, long = found
    assert short == long
    assert "scheduled_some" in short
    assert len(short) <= 1 + AT_MOST["/v1/notifications"], short


def put_together(services: Services, viewer: Viewer, list_id: int, other: Viewer, number: int) -> None:
    """Put somebody who writes and passes on what it wrote on a list; make another list, and follow a hashtag."""
    services.follows.follow(viewer, other.account_id)
    services.account_lists.add(viewer, list_id, other.account_id)
    written = services.twoots.publish(other, Draft(f"One cup of #tea{number}")).twoot
    services.actions.act(other, Kind.RETWOOT, written.id)
    services.account_lists.make(viewer, f"List {number}")
    services.followed_hashtags.follow(viewer, f"tea{number}")


@pytest.mark.parametrize("path", OF_MODERATORS_AT_MOST)
def test_a_longer_list_of_moderators_takes_no_more_statements(
    path: str, client: TestClient, services: Services, sign_up: SignUp
) -> None:
    token, found = sign_up("judge"), []
    services.accounts.promote("judge", Role.MODERATOR)
    judge = services.authenticate(token)
    for number in range(8):
        author, reporter = person(services), person(services)
        id_ = services.twoots.publish(author, Draft("One cup")).twoot.id
        for complaint in (Complaint(None, id_, Reason.SPAM), Complaint(author.account_id, None, Reason.SPAM)):
            report = services.reports.file(reporter, complaint)
            services.reports.decide(judge, report.id, Decision(assigned=True))
        services.reports.decide(judge, report.id, Decision(resolves=True, note="Done."))
        services.reports.file(reporter, complaint)
        services.moderation.hide(judge, id_, "Spam.")
        if number in (0, 7):
            found.append(statements(client, services, path, token))
    short, long = found
    assert len(long) == len(short), (short, long)
    assert 1 < len(short) <= 1 + OF_MODERATORS_AT_MOST[path], short


@pytest.mark.parametrize("path", OF_OWN_DATA_AT_MOST)
def test_a_longer_list_of_own_data_takes_no_more_statements(
    path: str, client: TestClient, services: Services, sign_up: SignUp
) -> None:
    token, found = sign_up("owner"), []
    owner = services.authenticate(token)
    for number in range(4):
        services.takeouts.request(owner)
        asked = services.follow_imports.request(owner, [f"name_{one}" for one in range(1 + 40 * number)])
        drain(services)
        if number in (0, 3):
            found.append(statements(client, services, path.replace("{import}", str(asked.id)), token))
    short, long = found
    assert len(long) == len(short), (short, long)
    assert 1 < len(short) <= 1 + OF_OWN_DATA_AT_MOST[path], short


def act(services: Services, viewer: Viewer, twoot: str, author: str) -> None:
    """Do with a twoot whatever can be done, and let its author pin it."""
    for kind in Kind:
        services.actions.act(viewer, kind, int(twoot))
    card = services.twoots.get(int(twoot), None)
    if str(card.author.id) == author:
        writer = replace(viewer, account_id=card.author.id)
        with suppress(Conflict):
            services.pins.pin(writer, card.twoot.id)


def statements(client: TestClient, services: Services, path: str, token: str) -> list[str]:
    """Return the names of the statements that a signed-in reading runs, once the process has met what it shows."""
    headers = {"Authorization": f"Bearer {token}"}
    assert client.simulate_get(path, headers=headers).status_code == 200
    with recorded(services.storage) as names:
        client.simulate_get(path, headers=headers)
    return names


def test_a_longer_home_timeline_takes_no_more_statements_nor_round_trips_to_redis(
    services: Services, redis_url: str
) -> None:
    asked = {"cache_url": SecretStr(redis_url), "cache_timeout_seconds": 1.0}
    with opened(services.settings.model_copy(update=asked)) as house:
        client = TestClient(create_app(house))
        people = [
            house.accounts.register(name, f"{name}@example.com", PASSWORD, None) for name in ("ada", "ben")
        ]
        reader, writer = (house.tokens.issue(person.id, Client("192.0.2.1")).bearer for person in people)
        graphs.follow(house, people[0].id, people[1].id)
        viewer, author = house.authenticate(reader), house.authenticate(writer)
        first = house.twoots.publish(author, Draft("One")).twoot
        graphs.retwoot(
            house, viewer.account_id, house.twoots.publish(author, Draft("Two", quote_of=first.id)).twoot
        )
        statements(client, house, "/v1/timelines/home", reader)  # builds it
        drain(house)
        short, short_trips = _counted(client, house, reader, redis_url)
        for number in range(15):
            made = house.twoots.publish(author, Draft(f"Twoot {number}", quote_of=first.id)).twoot
            if number % 2:
                graphs.retwoot(house, viewer.account_id, made)
        drain(house)
        long, long_trips = _counted(client, house, reader, redis_url)
    looked = ["authors_by_ids", "twoots_moving", "ties_at_open_home", "home_retwooted"]
    assert short == long == ["token_holds", *looked]
    assert short_trips == long_trips == 1


def _counted(client: TestClient, house: Services, token: str, redis_url: str) -> tuple[list[str], int]:
    """Return the statements of a home timeline's page, and how many scripts Redis ran for two of them, halved."""
    with redis.Redis.from_url(redis_url, socket_timeout=5) as behind:
        before: Any = behind.info("commandstats")
        names = statements(client, house, "/v1/timelines/home", token)
        after: Any = behind.info("commandstats")
        return names, (after["cmdstat_evalsha"]["calls"] - before["cmdstat_evalsha"]["calls"]) // 2


@pytest.mark.parametrize("path", OF_POLLS)
def test_polls_are_one_statement_for_a_page_and_none_where_it_has_none(
    path: str, client: TestClient, services: Services, sign_up: SignUp
) -> None:
    token, author = sign_up("reader"), person(services)
    reader, names = services.authenticate(token), []
    services.follows.follow(reader, author.account_id)
    first = services.twoots.publish(author, Draft("One cup of #tea, @reader")).twoot
    place = path.replace("{author}", str(author.account_id)).replace("{twoot}", str(first.id))
    for number in (0, 1, 4):
        poll = Poll(("yes", "no"), False, services.ids.now_ms() + 60_000) if number else None
        for _ in range(number or 2):
            draft = Draft("A cup of #tea, @reader?", first.id, poll=poll)
            services.actions.act(reader, Kind.LIKE, services.twoots.publish(author, draft).twoot.id)
        drain(services)
        names.append(statements(client, services, place, token))
    plain, one, many = (sorted(found) for found in names)
    assert one == many == sorted([*plain, *OF_POLLS[path]])
    assert not [name for name in plain if name.startswith("poll")]
