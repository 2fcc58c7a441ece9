"""Notifications over HTTP: what they look like, pages and groups that lose and repeat nothing, what is read."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from falcon.testing import Result, TestClient
from peewee import fn

from tests.api.conftest import SignUp
from tests.outbox import drain
from tests.queries import recorded
from twooter.domain import actions
from twooter.domain.accounts import Account, Role, State
from twooter.domain.events import ActionEvent, Envelope, Event, FollowEvent
from twooter.domain.windows import DAY_MS
from twooter.services.house import Services
from twooter.services.maintenance import Maintenance
from twooter.services.notices import Notices
from twooter.storage import accounts
from twooter.storage.tables import Blocks, MutedThreads, Mutes, NotificationMarks, Notifications, Table

before_the_database = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Of what is refused, or shaped, before any database is asked."""


@dataclass
class Person:
    """Somebody who asks over HTTP."""

    client: TestClient
    services: Services
    token: str
    name: str

    @property
    def id(self) -> int:
        return self.services.authenticate(self.token).account_id

    def call(self, method: str, path: str, **options: Any) -> Result:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.client.simulate_request(method, path, headers=headers, **options)

    def publish(self, text: str, **options: str) -> int:
        """Publish, and let the workers tell everybody."""
        answer = self.call("POST", "/v1/twoots", json={"text": text, **options})
        assert answer.status_code == 201, answer.text
        drain(self.services)
        return int(answer.json["id"])

    def page(self, query: str = "") -> Any:
        answer = self.call("GET", f"/v1/notifications{query}")
        assert answer.status_code == 200, answer.text
        return answer.json

    def unread(self) -> tuple[int, bool]:
        answer = self.call("GET", "/v1/notifications/unread")
        assert answer.status_code == 200, answer.text
        return answer.json["count"], answer.json["more"]

    def mark(self, id_: int | str) -> int:
        return self.call("PUT", "/v1/notifications/read", json={"id": str(id_)}).status_code


@pytest.fixture
def person(client: TestClient, services: Services, sign_up: SignUp) -> Callable[[str], Person]:
    """Return what signs somebody up."""
    return lambda name: Person(client, services, sign_up(name), name)


@pytest.fixture
def ada(person: Callable[[str], Person]) -> Person:
    """Sign Ada up, who is told things."""
    return person("ada")


@pytest.fixture
def bob(person: Callable[[str], Person]) -> Person:
    """Sign Bob up, who does things."""
    return person("bob")


@pytest.fixture
def crowd(services: Services) -> list[int]:
    """Make accounts that nobody signs in to."""
    ids = [services.ids.make() for _ in range(12)]
    made = [
        Account(id_, f"fan{n}", f"Fan {n}", "", False, False, Role.USER, State.ACTIVE, 1, 0, 0, 0)
        for n, id_ in enumerate(ids)
    ]
    for account in made:
        services.storage.transact(partial(accounts.insert, account=account))
    return ids


def tell(services: Services, *told: Event) -> None:
    Notices(services.storage, services.ids).handle([Envelope(event, 0, None) for event in told])


def like(by: int, twoot: int, author: Person, version: int = 1, kind: int = actions.Kind.LIKE) -> ActionEvent:
    return ActionEvent(by, int(kind), twoot, author.id, version, version % 2 == 1, 1, "public")


def types(page: Any) -> list[str]:
    return [item["type"] for item in page["items"]]


def put(services: Services, table: type[Table], **columns: object) -> None:
    with services.storage.database.bind_ctx([table]):
        table.insert(**columns).execute()


def rows_of(services: Services, table: type[Table]) -> int:
    with services.storage.database.bind_ctx([table]):
        return int(table.select().count())


def test_the_shape_of_each_type(services: Services, ada: Person, bob: Person) -> None:
    own = ada.publish("Tea?")
    answer = bob.publish("Yes, @ada", reply_to=str(own))
    quote = bob.publish("Look", quote_of=str(own))
    mention = bob.publish("Hello @ada")
    tell(services, like(bob.id, own, ada), like(bob.id, own, ada, kind=actions.Kind.RETWOOT))
    tell(services, FollowEvent(bob.id, ada.id, 1, "requested", 1))
    found = ada.page()
    told = ["follow_request", "retwoot", "like", "mention", "quote", "reply"]
    assert sorted(types(found)) == sorted(told)
    assert types(found)[0] == "follow_request"
    assert (found["next"], isinstance(found["prev"], str)) == (None, True)
    by_type = {item["type"]: item for item in found["items"]}
    shown = {"mention": mention, "quote": quote, "reply": answer, "like": own, "retwoot": own}
    for kind, id_ in shown.items():
        assert by_type[kind]["twoot"] == ada.call("GET", f"/v1/twoots/{id_}").json
    first = by_type["follow_request"]
    assert list(first) == ["id", "type", "created_at", "accounts", "count", "twoot", "scheduled", "read"]
    person = {"id": str(bob.id), "username": "bob", "display_name": "bob", "avatar_url": None}
    assert first | {"id": "", "created_at": ""} == {
        "id": "",
        "type": "follow_request",
        "created_at": "",
        "accounts": [person | {"display_name": first["accounts"][0]["display_name"]}],
        "count": 1,
        "twoot": None,
        "scheduled": None,
        "read": False,
    }
    tell(services, FollowEvent(bob.id, ada.id, 2, "active", 1))
    assert types(ada.page())[0] == "follow"


def test_types_are_chosen_one_by_one_or_with_commas(services: Services, ada: Person, bob: Person) -> None:
    own = ada.publish("?")
    for number in range(4):
        bob.publish(f"{number} @ada")
    tell(services, like(bob.id, own, ada), like(bob.id, own, ada, kind=actions.Kind.RETWOOT))
    assert types(ada.page("?types=mention")) == ["mention"] * 4
    assert types(ada.page("?types=like,retwoot")) in (["like", "retwoot"], ["retwoot", "like"])
    both = ada.page("?types=mention&types=like&limit=3")
    assert types(both) == ["like", "mention", "mention"]
    rest = ada.page(f"?types=mention&types=like&limit=3&cursor={both['next']}")
    assert (types(rest), rest["next"]) == (["mention"] * 2, None)
    back = ada.page(f"?types=mention&types=like&limit=3&cursor={rest['prev']}")
    assert back["items"] == both["items"]
    assert types(ada.page("?types=follow")) == []


def test_links_keep_what_was_asked_for(ada: Person, bob: Person) -> None:
    for number in range(3):
        bob.publish(f"{number} @ada")
    answer = ada.call("GET", "/v1/notifications?types=mention,like&grouped=true&limit=2")
    address, _, _ = answer.headers["link"].partition(">")
    cursor = answer.json["next"]
    asked = f"/v1/notifications?types=mention&types=like&grouped=true&limit=2&cursor={cursor}"
    assert address == f"<http://127.0.0.1:8000{asked}"
    assert len(ada.call("GET", asked).json["items"]) == 1
    for other in ("", "types=mention&grouped=true&", "types=mention&types=like&"):
        refused = ada.call("GET", f"/v1/notifications?{other}cursor={cursor}")
        assert (refused.status_code, refused.json["code"]) == (400, "bad_cursor")


@before_the_database
@pytest.mark.parametrize(
    "query", ["types=", "types=likes", "types=like,", "grouped=yes", "grouped=", "grouped=1"]
)
def test_what_is_no_filter_is_refused(ada: Person, query: str) -> None:
    assert ada.call("GET", f"/v1/notifications?{query}").status_code == 400


@pytest.fixture
def liked(services: Services, ada: Person, bob: Person, crowd: list[int]) -> dict[int, int]:
    """Let a crowd like three twoots of Ada's in turn, with a mention between; return the number of likes of each."""
    twoots = [ada.publish(f"{number}") for number in range(3)]
    for number, fan in enumerate(crowd):
        tell(services, like(fan, twoots[number % 2], ada))
        if number % 4 == 0:
            tell(services, like(fan, twoots[2], ada))
        if number == 6:
            bob.publish("@ada")
    return {twoots[0]: 6, twoots[1]: 6, twoots[2]: 3}


def test_groups_join_what_is_the_same_within_a_page(ada: Person, liked: dict[int, int]) -> None:
    page = ada.page("?grouped=true")
    likes = {int(i["twoot"]["id"]): i for i in page["items"] if i["type"] == "like"}
    assert {id_: item["count"] for id_, item in likes.items()} == liked
    assert len(page["items"]) == 4
    newest = next(item for item in likes.values() if item["count"] == 6)
    assert [one["username"] for one in newest["accounts"]] == ["fan11", "fan9", "fan7", "fan5", "fan3"]
    assert [item["count"] for item in ada.page("?limit=100")["items"]] == [1] * 16
    ids = [int(item["id"]) for item in page["items"]]
    assert ids == sorted(ids, reverse=True)


@pytest.mark.parametrize(("limit", "window"), [(1, 200), (2, 3), (3, 7), (2, 200), (20, 1)])
def test_pages_of_groups_lose_and_repeat_nothing(
    ada: Person, liked: dict[int, int], limit: int, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of what is listed one by one is in one group of one page, to the end and back."""
    monkeypatch.setattr("twooter.domain.notifications.WINDOW", window)
    monkeypatch.setattr("twooter.domain.notifications.MAX_ACCOUNTS", 100)
    each = sorted(told(ada.page("?limit=100")["items"]))
    pages = walk(ada, limit, "next", "")
    assert sorted(told([item for page in pages for item in page["items"]])) == each
    for page in pages:
        assert len(page["items"]) <= limit
        assert sum(item["count"] for item in page["items"]) <= window
        assert len({(i["type"], i["twoot"]["id"]) for i in page["items"]}) == len(page["items"])
    # back from the last page, which is not read again
    before = walk(ada, limit, "prev", f"&cursor={pages[-1]['prev']}")
    back = told([item for page in before for item in page["items"]])
    assert sorted(back + told(pages[-1]["items"])) == each


def walk(reader: Person, limit: int, end: str, cursor: str) -> list[Any]:
    """Return every page that holds anything, from a cursor on to one end of the list."""
    pages: list[Any] = []
    while True:
        page = reader.page(f"?grouped=true&limit={limit}{cursor}")
        if not page["items"]:
            return pages
        pages.append(page)
        if page[end] is None:
            return pages
        cursor = f"&cursor={page[end]}"


def told(items: list[Any]) -> list[tuple[str, str, str]]:
    """Return (type, twoot, account) of everything in groups."""
    return [
        (item["type"], item["twoot"]["id"], one["username"]) for item in items for one in item["accounts"]
    ]


def test_what_is_read_stays_read(services: Services, ada: Person, bob: Person, crowd: list[int]) -> None:
    assert (ada.unread(), ada.mark(10**18)) == ((0, False), 204)
    own = ada.publish("?")
    for fan in crowd[:4]:
        tell(services, like(fan, own, ada))
    ids = [int(item["id"]) for item in ada.page()["items"]]
    assert ada.unread() == (4, False), "what was marked before it was there is not read"
    for _ in range(2):
        assert ada.mark(ids[2]) == 204
    assert ada.mark(ids[3]) == 204
    assert [item["read"] for item in ada.page()["items"]] == [False, False, True, True]
    assert [item["read"] for item in ada.page("?grouped=true")["items"]] == [False]
    assert ada.unread() == (2, False)
    assert (bob.mark(ids[0]), ada.unread()) == (204, (2, False))
    assert (ada.mark(2**63 - 1), ada.unread()) == (204, (0, False))
    tell(services, like(crowd[4], own, ada))
    assert ada.unread() == (1, False)
    assert [item["read"] for item in ada.page()["items"]] == [False, True, True, True, True]


@before_the_database
@pytest.mark.parametrize("id_", ["", "0", "-1", "x", str(2**63), "1.0"])
def test_what_is_no_id_marks_nothing(ada: Person, id_: str) -> None:
    assert ada.mark(id_) == 422
    assert ada.call("PUT", "/v1/notifications/read", json={"id": 1}).status_code == 422


def test_unread_ones_are_counted_up_to_a_bound(
    services: Services, ada: Person, crowd: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twooter.services.notifications.MAX_UNREAD", 5)
    own = ada.publish("?")
    for number, fan in enumerate(crowd[:7]):
        tell(services, like(fan, own, ada))
        assert ada.unread() == (min(5, number + 1), number >= 5)


def test_nothing_unread_costs_one_statement(services: Services, ada: Person) -> None:
    ada.unread()
    with recorded(services.storage) as names:
        ada.unread()
    assert names == ["token_proof", "notifications_unread"]


def test_what_is_gone_or_hidden_is_neither_shown_nor_counted(
    services: Services, ada: Person, bob: Person, person: Callable[[str], Person], crowd: list[int]
) -> None:
    own, dan, eve = ada.publish("?"), person("dan"), person("eve")
    gone = bob.publish("Soon gone @ada")
    edited = bob.publish("Nothing for @ada")
    bob.publish("For @ada alone")
    dan.publish("From @dan to @ada", reply_to=str(own))
    eve.publish("@ada")
    for fan in crowd[:3]:
        tell(services, like(fan, own, ada))
    assert (len(ada.page()["items"]), ada.unread()) == (8, (8, False))
    put(services, Blocks, account_id=dan.id, target_id=ada.id, edge_id=1)
    put(services, Blocks, account_id=ada.id, target_id=crowd[0], edge_id=1)
    put(services, Mutes, account_id=ada.id, target_id=crowd[1], edge_id=1, until_ms=None)
    services.accounts.suspend("eve")
    assert bob.call("DELETE", f"/v1/twoots/{gone}").status_code == 204
    assert bob.call("PATCH", f"/v1/twoots/{edited}", json={"text": "Nothing"}).status_code == 200
    assert types(ada.page()) == ["like", "mention"], "before any worker has heard of it"
    assert ada.unread() == (2, False)
    assert [item["count"] for item in ada.page("?grouped=true")["items"]] == [1, 1]
    drain(services)
    assert ada.unread() == (2, False)


def test_a_muted_conversation_is_not_heard_of(ada: Person, bob: Person) -> None:
    first = ada.publish("?")
    answer = bob.publish("!", reply_to=str(first))
    for _ in range(2):
        assert ada.call("PUT", f"/v1/twoots/{answer}/mute").status_code == 204
    bob.publish("@ada !", reply_to=str(answer))
    assert ada.unread() == (1, False)
    for _ in range(2):
        assert ada.call("DELETE", f"/v1/twoots/{first}/mute").status_code == 204
    bob.publish("!!", reply_to=str(answer))
    bob.publish("@ada !!", reply_to=str(answer))
    assert ada.unread() == (2, False)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_conversations_that_one_may_not_see_are_not_there(
    services: Services, ada: Person, bob: Person, method: str
) -> None:
    hidden = bob.publish("To myself", visibility="mentioned")
    shown = bob.publish("To everybody")
    for id_ in (hidden, 1, "x"):
        assert ada.call(method, f"/v1/twoots/{id_}/mute").status_code == 404
    assert ada.call(method, f"/v1/twoots/{shown}/mute").status_code == 204
    put(services, Blocks, account_id=bob.id, target_id=ada.id, edge_id=1)
    assert ada.call(method, f"/v1/twoots/{shown}/mute").status_code == 404


def test_a_deleted_account_leaves_nothing(
    services: Services, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twooter.storage.notifications.STEP", 1)
    own = ada.publish("?")
    for _ in range(3):
        bob.publish("@ada")
    ada.call("PUT", f"/v1/twoots/{own}/mute")
    ada.mark(2**63 - 1)
    assert rows_of(services, Notifications) == 3
    assert ada.call("DELETE", "/v1/me").status_code == 202
    drain(services)
    bob.publish("@ada?")
    for table in (Notifications, NotificationMarks, MutedThreads):
        assert rows_of(services, table) == 0, table


def test_old_ones_go_in_small_steps(
    services: Services, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twooter.storage.maintenance.STEP", 1)
    for _ in range(3):
        bob.publish("@ada")
    with services.storage.database.bind_ctx([Notifications]):
        newest = Notifications.select(fn.MAX(Notifications.id)).scalar()
        Notifications.update(id=Notifications.id - ((2 * DAY_MS) << 22)).where(
            Notifications.id < newest
        ).execute()
    assert "notifications" not in Maintenance(services.storage, services.ids).prune()
    short = Maintenance(services.storage, services.ids, notification_ms=DAY_MS)
    assert short.prune()["notifications"] == 2
    assert [int(item["id"]) for item in ada.page()["items"]] == [newest]
