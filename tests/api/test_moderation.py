"""Moderation over HTTP: what is hidden or silenced is nowhere, at once; who may decide, and the log of it."""

import re
from collections.abc import Iterator

import pytest
from falcon.testing import Result, TestClient
from pydantic import SecretStr

from tests.api.conftest import SignUp
from tests.api.test_visibility import VIEWERS, World, act, publish, world
from tests.houses import PASSWORD, opened
from tests.outbox import drain
from twooter.api.app import create_app
from twooter.domain.accounts import Role
from twooter.domain.clients import Client
from twooter.services.house import Services
from twooter.settings import Settings

__all__ = ["world"]  # a fixture: pytest finds it by its name here

SEEN_BY_NAME = {"author", "follower", "stranger", "mentioned", "anonymous", "moderator"}
"""Who sees a public twoot that is asked for by itself."""


def lists(world: World) -> list[str]:
    """Return every list that a public twoot of the author may be on, the viewer's own ones apart."""
    author, helper = world.ids["author"], world.ids["mentioned"]
    return [
        "/v1/timelines/public",
        "/v1/timelines/tags/tea",
        "/v1/search?q=word",
        "/v1/search?q=from:author",
        "/messages?tag=tea",
        f"/v1/accounts/{author}/twoots",
        f"/v1/accounts/{author}/pins",
        f"/v1/accounts/{helper}/twoots",
    ]


OWN_LISTS = ("/v1/timelines/home", "/v1/me/likes", "/v1/bookmarks", "/v1/notifications")
EVERYBODYS = ("/v1/timelines/public", "/v1/timelines/tags/tea", "/v1/search?q=word", "/messages?tag=tea")


@pytest.fixture
def moderator(world: World, services: Services, sign_up: SignUp) -> str:
    """Return the token of a moderator, who is a viewer as well."""
    token = sign_up("judge")
    services.accounts.promote("judge", Role.MODERATOR)
    world.tokens["moderator"], world.ids["moderator"] = token, str(services.authenticate(token).account_id)
    return token


@pytest.fixture
def spread(world: World, services: Services, moderator: str) -> str:
    """Return a public twoot that everybody has done something with, so that it is on every list there is."""
    id_ = world.twoots["public"]
    for name in ("follower", "stranger", "mentioned", "moderator"):
        for how in ("like", "bookmark"):
            act(world.client, world.tokens[name], "PUT", f"/v1/twoots/{id_}/{how}")
    act(world.client, world.tokens["stranger"], "PUT", "/v1/hashtags/tea/follow")
    act(world.client, world.tokens["mentioned"], "PUT", f"/v1/twoots/{id_}/retwoot")
    act(world.client, world.tokens["author"], "PUT", f"/v1/twoots/{id_}/pin")
    publish(world.client, world.tokens["mentioned"], "look", quote_of=id_)
    drain(services)
    assert moderator
    return id_


def paths_of(world: World, viewer: str) -> list[str]:
    return [*lists(world), *(OWN_LISTS if viewer != "anonymous" else ())]


def where(world: World, viewer: str, id_: str, *, as_quoted: bool = True) -> set[str]:
    """Return the lists that show a viewer a twoot: alone, as a retwoot, a notification's, or as what another quotes."""
    found = {path: world.read(viewer, path) for path in paths_of(world, viewer)}
    assert {answer.status_code for answer in found.values()} <= {200, 404}
    texts = {path: answer.text for path, answer in found.items()}
    if not as_quoted:
        texts = {path: re.sub(r'"quoted":\{.*?"viewer"', "", text) for path, text in texts.items()}
    return {path for path, text in texts.items() if f'"id":"{id_}"' in text and "public word" in text}


def hide(world: World, id_: str, method: str = "PUT") -> Result:
    given = {"reason": "It is spam."} if method == "PUT" else {}
    return act(world.client, world.tokens["moderator"], method, f"/v1/moderation/twoots/{id_}/hide", **given)


def test_a_hidden_twoot_is_seen_by_its_author_and_moderators_and_on_no_list(
    world: World, spread: str
) -> None:
    viewers = (*VIEWERS, "moderator")
    before = {viewer: where(world, viewer, spread) for viewer in viewers}
    assert all(len(before[viewer]) > 5 for viewer in SEEN_BY_NAME)
    hide(world, spread)
    for viewer in viewers:
        for path in ("", "/history", "/thread", "/likes", "/retwoots"):
            status = world.read(viewer, f"/v1/twoots/{spread}{path}").status_code
            assert status == (200 if viewer in ("author", "moderator") else 404), (viewer, path)
        shown = where(world, viewer, spread)
        assert not shown if viewer != "author" else shown < before["author"], viewer
        for path in paths_of(world, viewer):
            if viewer not in ("author", "blocked", "blocking"):
                assert "public word" not in world.read(viewer, path).text, (viewer, path)
        (above,) = world.read(viewer, f"/v1/twoots/{world.answers['public']}/thread").json["ancestors"]
        assert above["type"] == ("twoot" if viewer == "author" else "gone"), viewer
    for viewer in ("author", "moderator"):
        assert world.read(viewer, f"/v1/twoots/{spread}").json["moderation"] == "hidden"
    hide(world, spread, "DELETE")
    assert {viewer: where(world, viewer, spread) for viewer in viewers} == before
    assert world.read("stranger", f"/v1/twoots/{spread}").json["moderation"] is None


def test_nobody_else_does_anything_with_a_hidden_twoot(world: World, spread: str) -> None:
    hide(world, spread)
    for viewer in ("follower", "stranger", "mentioned"):
        headers = {"Authorization": f"Bearer {world.tokens[viewer]}"}
        call = world.client.simulate_request
        for how in ("like", "retwoot", "bookmark"):
            assert call("PUT", f"/v1/twoots/{spread}/{how}", headers=headers).status_code == 404
        for what in ("reply_to", "quote_of"):
            answer = call("POST", "/v1/twoots", headers=headers, json={"text": "hm", what: spread})
            assert answer.status_code == 422
    for visibility in (
        "followers",
        "mentioned",
    ):  # hidden or not, what was not for everybody is not for moderators
        hide(world, world.twoots[visibility])
        assert world.read("moderator", f"/v1/twoots/{world.twoots[visibility]}").status_code == 404


def test_what_a_hidden_twoot_says_stays_hidden_when_it_is_changed(
    world: World, spread: str, services: Services
) -> None:
    hide(world, spread)
    act(world.client, world.tokens["author"], "PATCH", f"/v1/twoots/{spread}", text="public word, again #tea")
    drain(services)
    assert where(world, "stranger", spread) == set()
    act(world.client, world.tokens["author"], "DELETE", f"/v1/twoots/{spread}")
    drain(services)
    assert services.audits.audit().amounts == {}


def test_a_silenced_account_is_heard_by_its_followers_alone(
    world: World, spread: str, services: Services
) -> None:
    viewers = (*VIEWERS, "moderator")
    before = {viewer: where(world, viewer, spread, as_quoted=False) for viewer in viewers}
    address = f"/v1/moderation/accounts/{world.ids['author']}/silence"
    made = act(world.client, world.tokens["moderator"], "PUT", address, reason="Too loud.")
    assert made.json == {"account_id": world.ids["author"], "silenced": True, "suspended": False}
    assert act(world.client, world.tokens["author"], "GET", "/v1/me").json["silenced"]
    hidden_from = {
        "author": {"/messages?tag=tea"},  # the first version's list is the same for everybody
        "follower": {"/messages?tag=tea"},
        "stranger": {*EVERYBODYS, "/v1/search?q=from:author", "/v1/timelines/home"},
        "mentioned": {*EVERYBODYS, "/v1/search?q=from:author", "/v1/notifications"},
        "blocked": {"/messages?tag=tea"},
        "blocking": {"/messages?tag=tea"},
    }
    for viewer in viewers:
        gone = before[viewer] - where(world, viewer, spread, as_quoted=False)
        expected = hidden_from.get(viewer, {*EVERYBODYS, "/v1/search?q=from:author"})
        assert gone == expected, viewer
        by_itself = world.read(viewer, f"/v1/twoots/{spread}").status_code
        assert by_itself == (200 if viewer in SEEN_BY_NAME else 404)
    late = publish(world.client, world.tokens["author"], "late @stranger @follower #tea")
    drain(services)
    for viewer, told in (("stranger", False), ("follower", True)):
        assert (late in world.read(viewer, "/v1/notifications").text) == told
    act(world.client, world.tokens["moderator"], "DELETE", address)
    assert {viewer: where(world, viewer, spread, as_quoted=False) for viewer in viewers} == before
    assert services.audits.audit().amounts == {}


def test_a_suspended_account_is_nowhere_and_comes_back_whole(world: World, spread: str) -> None:
    before = {viewer: where(world, viewer, spread) for viewer in VIEWERS}
    address = f"/v1/moderation/accounts/{world.ids['author']}/suspend"
    made = act(world.client, world.tokens["moderator"], "PUT", address, reason="Enough.")
    assert made.json["suspended"]
    assert world.read("author", "/v1/me").status_code == 401
    for viewer in set(VIEWERS) - {"author"}:
        assert where(world, viewer, spread) == set(), viewer
        assert world.read(viewer, f"/v1/twoots/{spread}").status_code == 404
        assert world.read(viewer, f"/v1/accounts/{world.ids['author']}").status_code == 404
    assert not act(world.client, world.tokens["moderator"], "DELETE", address).json["suspended"]
    assert {viewer: where(world, viewer, spread) for viewer in VIEWERS} == before


ACTS = ("accounts/{author}/silence", "accounts/{author}/suspend", "twoots/{twoot}/hide")


@pytest.mark.parametrize("viewer", ["author", "follower", "stranger", "anonymous"])
def test_only_moderators_decide_read_reports_and_the_log(world: World, moderator: str, viewer: str) -> None:
    assert moderator
    headers = {} if viewer == "anonymous" else {"Authorization": f"Bearer {world.tokens[viewer]}"}
    status, code = (401, "unauthorized") if viewer == "anonymous" else (403, "not_a_moderator")
    places = [place.format(author=world.ids["author"], twoot=world.twoots["public"]) for place in ACTS]
    asked = [(method, place) for place in places for method in ("PUT", "DELETE")]
    asked += [("GET", "reports"), ("PATCH", "reports/1"), ("GET", "log")]
    for method, place in asked:
        answer = world.client.simulate_request(
            method, f"/v1/moderation/{place}", headers=headers, json={"reason": "Because."}
        )
        assert (answer.status_code, answer.json["code"]) == (status, code), place
    assert world.read("moderator", "/v1/moderation/log").json["items"] == []


def test_moderators_decide_neither_about_themselves_nor_about_administrators(
    world: World, moderator: str, services: Services
) -> None:
    services.accounts.promote("author", Role.ADMIN)
    headers = {"Authorization": f"Bearer {moderator}"}
    own = publish(world.client, moderator, "mine")
    for name, twoot, code in (
        ("author", world.twoots["public"], "not_upon_administrators"),
        ("moderator", own, "not_upon_oneself"),
    ):
        for place in ACTS:
            address = "/v1/moderation/" + place.format(author=world.ids[name], twoot=twoot)
            for method in ("PUT", "DELETE"):
                answer = world.client.simulate_request(
                    method, address, headers=headers, json={"reason": "Because."}
                )
                assert (answer.status_code, answer.json["code"]) == (403, code), address
    admin = world.tokens["author"]
    act(world.client, admin, "PUT", f"/v1/moderation/accounts/{world.ids['moderator']}/silence", reason="x")


def test_the_log_says_who_did_what_to_whom_when_and_why_once(
    world: World, moderator: str, services: Services
) -> None:
    assert moderator
    twoot, author = world.twoots["public"], world.ids["author"]
    for _ in range(2):
        hide(world, twoot)
    services.accounts.suspend("author")
    items = world.read("moderator", "/v1/moderation/log").json["items"]
    assert [(row["act"], row["account"]["username"], row["twoot_id"], row["reason"]) for row in items] == [
        ("suspend", "author", None, ""),
        ("hide", "author", twoot, "It is spam."),
    ]
    assert [row["moderator"] and row["moderator"]["username"] for row in items] == [None, "judge"]
    page = world.read("moderator", "/v1/moderation/log?limit=1").json
    rest = world.read("moderator", f"/v1/moderation/log?limit=1&cursor={page['next']}").json
    assert [row["act"] for row in (*page["items"], *rest["items"])] == ["suspend", "hide"]
    assert author == items[0]["account_id"]


def test_an_act_needs_a_reason_and_somebody_to_do_it_to(world: World, moderator: str) -> None:
    headers = {"Authorization": f"Bearer {moderator}"}
    for place in ACTS:
        there = "/v1/moderation/" + place.format(author=world.ids["author"], twoot=world.twoots["public"])
        for reason in ("", " ", "x" * 501, "\0"):
            answer = world.client.simulate_put(there, headers=headers, json={"reason": reason})
            assert answer.status_code == 422, (place, reason)
        gone = "/v1/moderation/" + place.format(author=123, twoot=123)
        assert world.client.simulate_put(gone, headers=headers, json={"reason": "x"}).status_code == 404
        assert world.client.simulate_delete(gone, headers=headers).status_code == 404


@pytest.fixture
def cached(settings: Settings, redis_url: str) -> Iterator[list[Services]]:
    """Return the services of two API processes with one database and one Redis."""
    changes = {"cache_url": SecretStr(redis_url), "cache_timeout_seconds": 1.0}
    settings = settings.model_copy(update=changes)
    with opened(settings) as one, opened(settings) as other:
        yield [one, other]


@pytest.mark.parametrize("what", ["hide", "silence", "suspend"])
def test_pages_that_another_process_keeps_show_it_no_longer_once_it_is_answered(
    cached: list[Services], what: str
) -> None:
    """Also those of who quoted it under another hashtag, or passed it on: nobody knows which these are."""
    here, there = (TestClient(create_app(services)) for services in cached)
    tokens, ids = {}, {}
    for name in ("author", "helper", "moderator"):
        made = cached[0].accounts.register(f"the_{name}", f"{name}@example.com", PASSWORD, None)
        ids[name], tokens[name] = made.id, cached[0].tokens.issue(made.id, Client("192.0.2.1")).bearer
    cached[0].accounts.promote("the_moderator", Role.MODERATOR)
    id_ = publish(here, tokens["author"], "a bad word #tea")
    publish(here, tokens["helper"], "look #cake", quote_of=id_)
    act(here, tokens["helper"], "PUT", f"/v1/twoots/{id_}/retwoot")
    act(here, tokens["helper"], "PUT", f"/v1/accounts/{ids['author']}/follow")
    drain(cached[0])
    pages = ["/v1/timelines/public", "/v1/timelines/tags/tea"]
    if what != "silence":
        pages += ["/v1/timelines/tags/cake", *(f"/v1/accounts/{ids[name]}/twoots" for name in tokens)][:3]
        pages.append(f"/v1/accounts/{ids['helper']}/twoots")
    for _ in range(3):  # the first makes the version, the second keeps the page
        kept = {path: there.simulate_get(path) for path in pages}
    assert all("bad word" in answer.text for answer in kept.values())
    place = f"twoots/{id_}" if what == "hide" else f"accounts/{ids['author']}"
    # read in a fresh second, so that pages are kept when it is hidden
    for path in pages:
        there.simulate_get(path)
    act(here, tokens["moderator"], "PUT", f"/v1/moderation/{place}/{what}", reason="Because.")
    for path in pages:
        answer = there.simulate_get(path)
        listed = [item for item in answer.json.get("items", []) if item["id"] == id_]
        assert not listed, path
        assert "bad word" not in answer.text or (what == "silence" and path.endswith("public")), path
    home = there.simulate_get("/v1/timelines/home", headers={"Authorization": f"Bearer {tokens['helper']}"})
    assert ("bad word" in home.text) == (what == "silence")
