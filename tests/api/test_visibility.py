"""Who may see what: every visibility, every kind of viewer, every way to read; what one may not see is not there."""

from dataclasses import dataclass
from itertools import product

import pytest
from falcon.testing import Result, TestClient

from tests.api.conftest import SignUp
from tests.outbox import drain
from twooter.api.times import rfc3339
from twooter.services.house import Services

EVERYBODY = {"author", "follower", "stranger", "mentioned", "anonymous"}
MAY_SEE = {
    "public": EVERYBODY,
    "unlisted": EVERYBODY,
    "followers": {"author", "follower", "mentioned"},
    "mentioned": {"author", "mentioned"},
}
"""By visibility, who sees a twoot; `blocked` and `blocking` are nowhere, and see nothing."""
VIEWERS = (*sorted(EVERYBODY), "blocked", "blocking")
PROTECTED = {"author", "follower", "mentioned"}
LISTS_OF_PUBLIC = (
    "/v1/timelines/public",
    "/v1/timelines/tags/tea",
    "/v1/search?q=word",
    "/v1/search?q=%23tea%20from:author",
)


@dataclass(frozen=True)
class World:
    """People who stand to an author in every way, and what it wrote."""

    client: TestClient
    tokens: dict[str, str]
    ids: dict[str, str]
    twoots: dict[str, str]
    """By visibility."""
    answers: dict[str, str]
    """A public answer to each, of somebody who sees it."""

    def read(self, viewer: str, path: str) -> Result:
        """Read as somebody."""
        headers = {} if viewer == "anonymous" else {"Authorization": f"Bearer {self.tokens[viewer]}"}
        return self.client.simulate_get(path, headers=headers)

    def listed(self, viewer: str, path: str) -> set[str]:
        """Return the ids of a list's items; nothing where the list is not there."""
        found = self.read(viewer, path)
        assert found.status_code in (200, 404), found.json
        return set() if found.status_code == 404 else {item["id"] for item in found.json["items"]}


def act(client: TestClient, token: str, method: str, path: str, **given: object) -> Result:
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.simulate_request(method, path, headers=headers, json=given or None)
    assert answer.status_code < 300, (path, answer.json)
    return answer


def publish(client: TestClient, token: str, text: str, **given: str) -> str:
    return str(act(client, token, "POST", "/v1/twoots", text=text, **given).json["id"])


@pytest.fixture
def world(client: TestClient, services: Services, sign_up: SignUp) -> World:
    """Make the people, their ties, and one twoot of each visibility with an answer to each."""
    names = [name for name in VIEWERS if name != "anonymous"]
    tokens = {name: sign_up(name) for name in names}
    ids = {name: str(services.authenticate(token).account_id) for name, token in tokens.items()}
    act(client, tokens["follower"], "PUT", f"/v1/accounts/{ids['author']}/follow")
    act(client, tokens["author"], "PUT", f"/v1/accounts/{ids['blocked']}/block")
    act(client, tokens["blocking"], "PUT", f"/v1/accounts/{ids['author']}/block")
    drain(services)
    twoots = {
        visibility: publish(
            client, tokens["author"], f"{visibility} word #tea @mentioned", visibility=visibility
        )
        for visibility in MAY_SEE
    }
    answers = {
        visibility: publish(client, tokens["mentioned"], "yes", reply_to=id_)
        for visibility, id_ in twoots.items()
    }
    drain(services)
    return World(client, tokens, ids, twoots, answers)


@pytest.mark.parametrize("viewer", VIEWERS)
def test_each_viewer_sees_what_is_for_it_on_every_path(world: World, viewer: str) -> None:
    seen = {visibility for visibility, viewers in MAY_SEE.items() if viewer in viewers}
    for visibility, id_ in world.twoots.items():
        for path in ("", "/history", "/thread", "/likes", "/retwoots"):
            status = world.read(viewer, f"/v1/twoots/{id_}{path}").status_code
            assert status == (200 if visibility in seen else 404), (visibility, path)
    shown = {world.twoots[visibility] for visibility in seen}
    assert world.listed(viewer, f"/v1/accounts/{world.ids['author']}/twoots") == shown
    for path in LISTS_OF_PUBLIC:
        own = world.listed(viewer, path) & set(world.twoots.values())
        assert own == shown & {world.twoots["public"]}, path


@pytest.mark.parametrize("viewer", VIEWERS)
def test_a_conversation_tells_nobody_what_it_may_not_see(world: World, viewer: str) -> None:
    for visibility, answer in world.answers.items():
        thread = world.read(viewer, f"/v1/twoots/{answer}/thread")
        assert thread.status_code == 200
        (above,) = thread.json["ancestors"]
        may_see = viewer in MAY_SEE[visibility]
        assert above["id"] == world.twoots[visibility]
        assert above["type"] == ("twoot" if may_see else "gone")
        assert ("word" in thread.text) == may_see


@pytest.mark.parametrize("viewer", VIEWERS)
def test_a_quote_is_withdrawn_from_whom_the_quoted_is_not_for(
    world: World, client: TestClient, viewer: str
) -> None:
    quote = publish(client, world.tokens["mentioned"], "look", quote_of=world.twoots["public"])
    read = world.read(viewer, f"/v1/twoots/{quote}").json
    assert read["quoted"]["state"] == ("shown" if viewer in EVERYBODY else "withdrawn")
    assert ("word" in str(read)) == (viewer in EVERYBODY)


@pytest.mark.parametrize("what", ["reply_to", "quote_of"])
@pytest.mark.parametrize("viewer", ["follower", "stranger", "blocked", "blocking"])
def test_nobody_speaks_of_what_it_may_not_see(world: World, viewer: str, what: str) -> None:
    for visibility, id_ in world.twoots.items():
        headers = {"Authorization": f"Bearer {world.tokens[viewer]}"}
        given = {"text": "hm", what: id_}
        status = world.client.simulate_post("/v1/twoots", headers=headers, json=given).status_code
        may = viewer in MAY_SEE[visibility] and (what == "reply_to" or visibility in ("public", "unlisted"))
        assert status == (201 if may else 422), (visibility, what)


@pytest.mark.parametrize("viewer", sorted({*VIEWERS} - {"anonymous"}))
def test_nobody_does_anything_with_what_it_may_not_see(world: World, viewer: str) -> None:
    headers = {"Authorization": f"Bearer {world.tokens[viewer]}"}
    done = {action: set[str]() for action in ("like", "bookmark", "retwoot")}
    for (visibility, id_), action in product(world.twoots.items(), done):
        path = f"/v1/twoots/{id_}/{action}"
        status = world.client.simulate_put(path, headers=headers).status_code
        is_closed = action == "retwoot" and visibility not in ("public", "unlisted")
        assert status == (404 if viewer not in MAY_SEE[visibility] else 403 if is_closed else 200), path
        done[action] |= {id_} if status == 200 else set()
    assert world.listed(viewer, "/v1/me/likes") == done["like"]
    assert world.listed(viewer, "/v1/bookmarks") == done["bookmark"]


@pytest.mark.parametrize("viewer", sorted({*VIEWERS} - {"anonymous"}))
def test_nobody_votes_in_what_it_may_not_see(world: World, services: Services, viewer: str) -> None:
    poll = {"options": ["yes", "no"], "expires_at": rfc3339(services.ids.now_ms() + 3_600_000)}
    for visibility, viewers in MAY_SEE.items():
        given = {"text": "Well, @mentioned?", "visibility": visibility, "poll": poll}
        id_ = act(world.client, world.tokens["author"], "POST", "/v1/twoots", **given).json["id"]
        headers = {"Authorization": f"Bearer {world.tokens[viewer]}"}
        path = f"/v1/twoots/{id_}/vote"
        status = world.client.simulate_put(path, headers=headers, json={"choices": [0]}).status_code
        assert status == (404 if viewer not in viewers else 403 if viewer == "author" else 200), visibility


@pytest.mark.parametrize("viewer", VIEWERS)
def test_pins_are_shown_as_the_twoots_are(world: World, viewer: str) -> None:
    for id_ in world.twoots.values():
        act(world.client, world.tokens["author"], "PUT", f"/v1/twoots/{id_}/pin")
    seen = {id_ for visibility, id_ in world.twoots.items() if viewer in MAY_SEE[visibility]}
    assert world.listed(viewer, f"/v1/accounts/{world.ids['author']}/pins") == seen


def test_a_protected_account_shows_itself_to_its_followers(
    world: World, client: TestClient, services: Services
) -> None:
    """Also what it wrote for everybody before, on pages that were kept, and what others answered to it."""
    act(client, world.tokens["author"], "PATCH", "/v1/me", protected=True)
    late = publish(client, world.tokens["author"], "late #tea", visibility="public")
    drain(services)
    for viewer in VIEWERS:
        for id_ in (world.twoots["public"], world.twoots["unlisted"]):
            status = world.read(viewer, f"/v1/twoots/{id_}").status_code
            assert status == (200 if viewer in PROTECTED else 404), viewer
        status = world.read(viewer, f"/v1/twoots/{late}").status_code
        assert status == (200 if viewer in PROTECTED - {"mentioned"} else 404), viewer
        for path in LISTS_OF_PUBLIC:
            assert late not in world.listed(viewer, path), viewer
            if viewer not in PROTECTED:
                assert not world.listed(viewer, path) & set(world.twoots.values())
    read = world.read("follower", f"/v1/twoots/{late}").json
    assert read["visibility"] == "followers"


@pytest.mark.parametrize("viewer", [viewer for viewer in VIEWERS if viewer != "anonymous"])
def test_lists_and_followed_hashtags_show_what_is_for_each_viewer(
    world: World, services: Services, viewer: str
) -> None:
    """Also where somebody was put on a list, or a hashtag was followed, before the author blocked the viewer."""
    client, token, author = world.client, world.tokens[viewer], world.ids["author"]
    act(client, token, "PUT", "/v1/hashtags/tea/follow")
    shown = {world.twoots[visibility] for visibility, viewers in MAY_SEE.items() if viewer in viewers}
    home = world.listed(viewer, "/v1/timelines/home") & set(world.twoots.values())
    seen_at_home = {"author": set(MAY_SEE), "follower": {"public", "unlisted", "followers"}}
    expected = {world.twoots[visibility] for visibility in seen_at_home.get(viewer, {"public"})}
    assert home == expected & shown
    if viewer not in ("follower", "stranger"):
        return
    act(client, token, "PUT", f"/v1/accounts/{author}/follow")
    drain(services)
    made = act(client, token, "POST", "/v1/lists", title="Mine").json["id"]
    act(client, token, "PUT", f"/v1/lists/{made}/accounts/{author}")
    path = f"/v1/timelines/lists/{made}"
    assert world.listed(viewer, path) == {world.twoots[name] for name in ("public", "unlisted", "followers")}
    for other in VIEWERS:
        if other != viewer:
            assert world.read(other, path).status_code == (401 if other == "anonymous" else 404)
    act(client, world.tokens["author"], "PUT", f"/v1/accounts/{world.ids[viewer]}/block")
    for gone in (path, f"/v1/lists/{made}/accounts"):
        assert world.listed(viewer, gone) == set()
    drain(services)
    for gone in (path, f"/v1/lists/{made}/accounts", "/v1/timelines/home"):
        assert world.listed(viewer, gone) & {author, *world.twoots.values()} == set()
