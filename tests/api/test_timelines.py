"""Timelines over HTTP: pages with cursors and links, kept by everybody or by nobody, never older than a change."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from falcon.testing import Result, TestClient
from pydantic import SecretStr

from tests import graphs
from tests.api.conftest import SignUp
from tests.crowds import at_once
from tests.houses import PASSWORD, opened
from tests.queries import recorded
from twooter.api.app import create_app
from twooter.domain.accounts import Role
from twooter.domain.clients import Client
from twooter.domain.pages import Page, Slice
from twooter.domain.twoots import Card
from twooter.services.house import Services
from twooter.services.timelines import Timelines
from twooter.settings import Settings

before_the_database = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Of what is refused, or shaped, before any database is asked."""

PUBLIC = "/v1/timelines/public"


@pytest.fixture
def token(sign_up: SignUp) -> str:
    """Return the token of somebody who writes."""
    return sign_up("ada")


@pytest.fixture(params=["public", "hashtag", "account"])
def path(request: pytest.FixtureRequest, services: Services, token: str) -> str:
    """Return the address of each timeline in turn; everything `publish` writes is on all of them."""
    account_id = services.authenticate(token).account_id
    return {
        "public": PUBLIC,
        "hashtag": "/v1/timelines/tags/%C3%96l",
        "account": f"/v1/accounts/{account_id}/twoots",
    }[str(request.param)]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def publish(client: TestClient, token: str, text: str = "#öl") -> str:
    answer = client.simulate_post("/v1/twoots", json={"text": text}, headers=bearer(token))
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def read(client: TestClient, path: str, **options: Any) -> Result:
    answer = client.simulate_get(path, **options)
    assert answer.status_code == 200, answer.text
    return answer


def shown(answer: Result) -> list[str]:
    return [item["id"] for item in answer.json["items"]]


def links(answer: Result) -> dict[str, str]:
    """Return the addresses of the Link header by their relation, without the server's."""
    found = re.findall(r'<http://127\.0\.0\.1:8000([^>]+)>; rel="(\w+)"', answer.headers.get("link", ""))
    return {rel: address for address, rel in found}


def test_the_shape_of_a_page(client: TestClient, token: str, path: str) -> None:
    written = [publish(client, token) for _ in range(3)]
    answer = read(client, path, params={"limit": 2})
    assert list(answer.json) == ["items", "next", "prev"]
    twoots = [client.simulate_get(f"/v1/twoots/{id_}").json for id_ in (written[2], written[1])]
    assert answer.json["items"] == twoots
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(answer.json["next"], str)
    assert isinstance(answer.json["prev"], str)


def test_an_empty_timeline_is_an_empty_page(client: TestClient, path: str) -> None:
    answer = read(client, path)
    assert answer.json == {"items": [], "next": None, "prev": None}
    assert "link" not in answer.headers


def test_links_lead_where_the_cursors_do_to_the_very_end_and_back(
    client: TestClient, token: str, path: str
) -> None:
    written = [publish(client, token) for _ in range(5)]
    seen: list[str] = []
    page = read(client, path, params={"limit": 2})
    last = page
    while True:
        seen += shown(page)
        assert links(page).keys() == {rel for rel in ("next", "prev") if page.json[rel] is not None}
        for rel, address in links(page).items():
            assert address == f"{path}?limit=2&cursor={page.json[rel]}"
        last = page
        if page.json["next"] is None:
            break
        page = read(client, links(page)["next"])
    assert seen == written[::-1]
    back = read(client, links(last)["prev"])
    assert shown(back) == [written[2], written[1]]
    newest = read(client, links(back)["prev"])
    assert shown(newest) == [written[4], written[3]]
    assert shown(read(client, links(newest)["prev"])) == []


def test_an_unchanged_page_is_not_sent_twice(client: TestClient, token: str, path: str) -> None:
    publish(client, token)
    first = read(client, path)
    etag = first.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]+"', etag)
    assert (first.headers["cache-control"], first.headers["vary"]) == ("no-cache", "Authorization")
    for given in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = client.simulate_get(path, headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag), given
        assert (again.headers["cache-control"], again.headers["vary"]) == ("no-cache", "Authorization")
    assert read(client, path, headers={"If-None-Match": '"other"'}).content == first.content
    publish(client, token)
    changed = read(client, path, headers={"If-None-Match": etag})
    assert changed.headers["etag"] != etag


def seen(anonymous: Result) -> list[Any]:
    """Return a page's items as somebody sees them who did nothing with them."""
    nothing_done = {"liked": False, "retwooted": False, "bookmarked": False}
    return [item | {"viewer": nothing_done} for item in anonymous.json["items"]]


def test_a_signed_in_answer_is_the_same_page_and_kept_by_nobody(
    client: TestClient, sign_up: SignUp, token: str, path: str
) -> None:
    publish(client, token)
    anonymous, other = read(client, path), read(client, path, headers=bearer(sign_up("bob")))
    assert other.json["items"] == seen(anonymous)
    assert (other.headers["cache-control"], other.headers["vary"]) == ("private, no-store", "Authorization")
    assert "etag" not in other.headers
    headers = {**bearer(token), "If-None-Match": anonymous.headers["etag"]}
    assert client.simulate_get(path, headers=headers).status_code == 200


@before_the_database
def test_a_cursor_is_of_one_list_and_one_viewer(
    client: TestClient, sign_up: SignUp, token: str, path: str
) -> None:
    for _ in range(3):
        publish(client, token)
    viewers = [{}, bearer(token), bearer(sign_up("bob"))]
    lists = [path, "/v1/timelines/tags/tea", *({PUBLIC, "/v1/timelines/tags/%C3%96l"} - {path})]
    for owner in viewers:
        cursor = read(client, path, params={"limit": 1}, headers=owner).json["next"]
        for viewer in viewers:
            for address in lists:
                answer = client.simulate_get(address, params={"limit": 1, "cursor": cursor}, headers=viewer)
                mine = viewer is owner and address is path
                assert answer.status_code == (200 if mine else 400), (address, answer.text)
                assert mine or answer.json["code"] == "bad_cursor"


@before_the_database
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=-1", "limit=x", "limit=", "limit=1&limit=2", "cursor="]
)
def test_a_bad_page_is_400(client: TestClient, path: str, query: str) -> None:
    answer = client.simulate_get(path, query_string=query)
    assert answer.status_code == 400
    assert answer.json["errors"][0]["field"] in ("limit", "cursor")


def test_the_timeline_of_an_account_that_is_not_there_is_404(client: TestClient) -> None:
    for id_ in ("123", "0", "x", "1" * 30):
        assert client.simulate_get(f"/v1/accounts/{id_}/twoots").status_code == 404


@pytest.fixture
def shared(settings: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Services]]:
    """Return the services of two API processes with one database and one Redis; pages are kept for minutes."""
    monkeypatch.setattr("twooter.api.lists.PAGE_SECONDS", 300.0)
    changes = {"cache_url": SecretStr(redis_url), "cache_timeout_seconds": 1.0}
    settings = settings.model_copy(update=changes)
    with opened(settings) as one, opened(settings) as other:
        yield [one, other]


@pytest.fixture
def apps(shared: list[Services]) -> list[TestClient]:
    """Return a client of each of them."""
    return [TestClient(create_app(services)) for services in shared]


def settled(client: TestClient, path: str) -> Result:
    """Read a page until it is kept; return the kept one."""
    for _ in range(3):  # the first makes the version, the second keeps the page
        answer = read(client, path)
    return answer


def join(services: Services, username: str) -> str:
    account = services.accounts.register(username, f"{username}@example.com", PASSWORD, None)
    return services.tokens.issue(account.id, Client("192.0.2.1")).bearer


def test_what_one_process_changes_another_shows_at_once(
    shared: list[Services], apps: list[TestClient]
) -> None:
    token = join(shared[0], "ada")
    account_id = shared[0].authenticate(token).account_id
    for path in (PUBLIC, "/v1/timelines/tags/tea", f"/v1/accounts/{account_id}/twoots"):
        assert shown(settled(apps[1], path)) == shown(settled(apps[0], path)) == []
        written = publish(apps[0], token, "#tea")
        assert shown(read(apps[1], path)) == shown(read(apps[0], path)) == [written]
        assert shown(settled(apps[1], path)) == [written]
        assert apps[0].simulate_delete(f"/v1/twoots/{written}", headers=bearer(token)).status_code == 204
        assert shown(read(apps[1], path)) == shown(read(apps[0], path)) == []


@pytest.mark.parametrize("shows", ["retwoot", "quote", "tagged quote"])
def test_what_others_pass_on_goes_everywhere_with_its_twoot(
    shared: list[Services], apps: list[TestClient], shows: str
) -> None:
    ada, bob = join(shared[0], "ada"), join(shared[0], "bob")
    written = publish(apps[0], ada, "a word")
    if shows == "retwoot":
        apps[0].simulate_put(f"/v1/twoots/{written}/retwoot", headers=bearer(bob))
    else:
        quote = {"text": "hear, hear #öl", "quote_of": written}
        assert apps[0].simulate_post("/v1/twoots", json=quote, headers=bearer(bob)).status_code == 201
    bob_id = shared[0].authenticate(bob).account_id
    path = "/v1/timelines/tags/öl" if shows == "tagged quote" else f"/v1/accounts/{bob_id}/twoots"
    assert "a word" in settled(apps[1], path).text
    with recorded(shared[1].storage) as names:
        assert "a word" in read(apps[1], path).text
    assert names == []  # it is kept
    apps[0].simulate_delete(f"/v1/twoots/{written}", headers=bearer(ada))
    assert "a word" not in read(apps[1], path).text


def test_a_retwoot_that_one_process_takes_back_another_shows_no_longer(
    shared: list[Services], apps: list[TestClient]
) -> None:
    ada, bob = join(shared[0], "ada"), join(shared[0], "bob")
    written = publish(apps[0], ada)
    path = f"/v1/accounts/{shared[0].authenticate(bob).account_id}/twoots"
    address = f"/v1/twoots/{written}/retwoot"
    assert shown(settled(apps[1], path)) == []
    assert apps[0].simulate_put(address, headers=bearer(bob)).status_code == 200
    assert [row["twoot"]["id"] for row in read(apps[1], path).json["items"]] == [written]
    assert len(shown(settled(apps[1], path))) == 1
    assert apps[0].simulate_delete(address, headers=bearer(bob)).status_code == 200
    assert shown(read(apps[1], path)) == []


def test_kept_pages_cost_no_statement_and_are_told_apart_by_page(
    shared: list[Services], apps: list[TestClient]
) -> None:
    token = join(shared[0], "ada")
    written = [publish(apps[0], token) for _ in range(3)]
    kept = settled(apps[0], f"{PUBLIC}?limit=2")
    with recorded(shared[0].storage) as names:
        assert read(apps[0], f"{PUBLIC}?limit=2").content == kept.content
        etag = {"If-None-Match": kept.headers["etag"]}
        assert apps[0].simulate_get(f"{PUBLIC}?limit=2", headers=etag).status_code == 304
        assert names == []
        assert shown(read(apps[0], f"{PUBLIC}?limit=3")) == written[::-1]
        assert shown(read(apps[0], links(kept)["next"])) == written[:1]
        assert names.count("public_page") == 2


def test_whoever_is_signed_in_shares_the_kept_items_and_nothing_else(
    shared: list[Services], apps: list[TestClient]
) -> None:
    token = join(shared[0], "ada")
    publish(apps[0], token)
    publish(apps[0], token)
    anonymous = settled(apps[0], f"{PUBLIC}?limit=1")
    with recorded(shared[0].storage) as names:
        mine = read(apps[0], f"{PUBLIC}?limit=1", headers=bearer(token))
    assert "public_page" not in names
    assert mine.json["items"] == seen(anonymous)
    assert mine.json["next"] != anonymous.json["next"]
    assert mine.headers["cache-control"] == "private, no-store"
    assert apps[0].simulate_get(PUBLIC, params={"limit": 1, "cursor": mine.json["next"]}).status_code == 400


def test_of_many_who_ask_at_once_one_reads(
    shared: list[Services], apps: list[TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(apps[0], join(shared[0], "ada"))  # and with it a version of the page
    reading, reads = threading.Event(), list[Page]()
    real = Timelines.public

    def slowly(self: Timelines, page: Page) -> Slice[Card]:
        reads.append(page)
        reading.wait(0.3)  # whoever else comes meanwhile must not get here
        return real(self, page)

    monkeypatch.setattr(Timelines, "public", slowly)
    found = at_once(shared[0].storage, [lambda: read(apps[0], PUBLIC).content] * 8)
    assert len(set(map(str, found))) == 1
    assert not isinstance(found[0], Exception), found
    assert len(reads) == 1


def test_a_hidden_account_is_shown_by_no_process(shared: list[Services], apps: list[TestClient]) -> None:
    publish(apps[0], join(shared[0], "ada"))
    assert len(shown(settled(apps[1], PUBLIC))) == 1
    shared[0].accounts.suspend("ada")
    assert shown(read(apps[1], PUBLIC)) == []


def test_a_protected_account_is_shown_to_strangers_by_no_process(
    shared: list[Services], apps: list[TestClient]
) -> None:
    token = join(shared[0], "ada")
    publish(apps[0], token)
    assert len(shown(settled(apps[1], PUBLIC))) == 1
    viewer = shared[0].authenticate(token)
    for protected in (True, False):
        shared[0].accounts.change_profile(viewer, display_name=None, bio=None, protected=protected)
        assert len(shown(read(apps[1], PUBLIC))) == (0 if protected else 1)
        viewer = shared[0].authenticate(token)


def test_whoever_is_signed_in_shares_a_kept_page_of_an_account(
    shared: list[Services], apps: list[TestClient]
) -> None:
    ada, bob = join(shared[0], "ada"), join(shared[0], "bob")
    written = publish(apps[0], ada)
    path = f"/v1/accounts/{shared[0].authenticate(ada).account_id}/twoots"
    settled(apps[0], path)
    for token, proved in ((ada, "token_proof"), (bob, "token_proof"), (bob, "token_holds")):
        with recorded(shared[0].storage) as names:
            assert shown(read(apps[0], path, headers=bearer(token))) == [written]
        assert names == [proved, "ties_to_open_twoots"]


CHANGES: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "block": ("ada", "PUT /v1/accounts/{bob}/block", {}, 404),
    "block back": ("bob", "PUT /v1/accounts/{ada}/block", {}, 0),
    "delete": ("ada", "DELETE /v1/twoots/{written}", {}, 0),
    "protect": ("ada", "PATCH /v1/me", {"protected": True}, 0),
    "edit": ("ada", "PATCH /v1/twoots/{written}", {"text": "other"}, 1),
    "like": ("bob", "PUT /v1/twoots/{written}/like", {}, 1),
    "hide": ("judge", "PUT /v1/moderation/twoots/{written}/hide", {"reason": "Spam."}, 0),
    "mute": ("bob", "PUT /v1/accounts/{ada}/mute", {"seconds": 1000}, 1),
}
"""Who does what, and how many of the account's twoots somebody signed in sees then, or why none."""


@pytest.mark.parametrize("change", CHANGES)
def test_a_kept_page_of_an_account_shows_what_one_may_see_now(
    shared: list[Services], apps: list[TestClient], change: str
) -> None:
    tokens = {name: join(shared[0], name) for name in ("ada", "bob", "judge")}
    shared[0].accounts.promote("judge", Role.MODERATOR)
    ids = {name: str(shared[0].authenticate(token).account_id) for name, token in tokens.items()}
    written = publish(apps[0], tokens["ada"], "a word")
    path, mine = f"/v1/accounts/{ids['ada']}/twoots", bearer(tokens["bob"])
    settled(apps[1], path)
    (before,) = read(apps[1], path, headers=mine).json["items"]
    who, what, body, left = CHANGES[change]
    method, _, place = what.partition(" ")
    place = place.replace("{written}", written).replace("{ada}", ids["ada"]).replace("{bob}", ids["bob"])
    done = apps[0].simulate_request(method, place, json=body or None, headers=bearer(tokens[who]))
    assert done.status_code < 300, done.text
    answer = apps[1].simulate_get(path, headers=mine)
    if left == 404:
        assert answer.status_code == 404
    else:
        assert len(answer.json["items"]) == left
    if change in ("edit", "like"):
        assert answer.json["items"] != [before]
    assert shown(read(apps[1], path, headers=bearer(tokens["ada"]))) == (
        [] if change == "delete" else [written]
    )


def test_followers_share_a_kept_page_with_what_is_for_them(
    shared: list[Services], apps: list[TestClient]
) -> None:
    ada, bob, cho = (join(shared[0], name) for name in ("ada", "bob", "cho"))
    ada_id, bob_id = (shared[0].authenticate(token).account_id for token in (ada, bob))
    graphs.follow(shared[0], bob_id, ada_id)
    body = {"text": "for you", "visibility": "followers"}
    written = apps[0].simulate_post("/v1/twoots", json=body, headers=bearer(ada)).json["id"]
    path = f"/v1/accounts/{ada_id}/twoots"
    assert shown(settled(apps[1], path)) == []
    for token, seen_by_it in ((bob, [written]), (cho, []), (ada, [written])):
        assert shown(read(apps[1], path, headers=bearer(token))) == seen_by_it
    graphs.unfollow(shared[0], bob_id, ada_id)
    assert shown(read(apps[1], path, headers=bearer(bob))) == []
