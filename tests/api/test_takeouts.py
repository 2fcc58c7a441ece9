"""Exports and imports over HTTP: asked for once, downloaded in parts or whole, and refused as everything is."""

import io
import zipfile
from typing import Any

import pytest
from falcon.testing import Result, TestClient

from tests.api.conftest import SignUp
from tests.outbox import drain
from twooter.services.house import Services

EXPORTS, IMPORTS = "/v1/me/exports", "/v1/me/imports/following"


class Person:
    """Somebody with a token."""

    def __init__(self, client: TestClient, token: str) -> None:
        self._client, self.headers = client, {"Authorization": f"Bearer {token}"}

    def get(self, address: str, **headers: str) -> Result:
        """Read."""
        return self._client.simulate_get(address, headers=self.headers | headers)

    def send(self, body: bytes, kind: str) -> Result:
        """Bring a list of whom to follow along."""
        headers = self.headers | {"Content-Type": kind}
        return self._client.simulate_post(IMPORTS, body=body, headers=headers)

    def delete(self, address: str) -> Result:
        """Remove."""
        return self._client.simulate_delete(address, headers=self.headers)

    def post(self, address: str, body: Any = None, **headers: str) -> Result:
        """Ask."""
        return self._client.simulate_post(address, json=body, headers=self.headers | headers)


@pytest.fixture
def ada(client: TestClient, sign_up: SignUp) -> Person:
    """Return somebody."""
    return Person(client, sign_up("ada"))


@pytest.fixture
def archive(services: Services, ada: Person) -> str:
    """Return where ada's archive is."""
    asked = ada.post(EXPORTS)
    drain(services)
    address = ada.get(f"{EXPORTS}/{asked.json['id']}").json["archive_url"]
    return str(address).removeprefix(services.settings.public_url)


def test_an_export_is_asked_for_looked_at_and_downloaded(services: Services, ada: Person) -> None:
    ada.post("/v1/twoots", {"text": "Hello #world"})
    asked = ada.post(EXPORTS)
    assert asked.status_code == 202
    assert asked.headers["location"] == f"{EXPORTS}/{asked.json['id']}"
    assert (asked.json["state"], asked.json["archive_url"]) == ("running", None)
    early = ada.get(f"{EXPORTS}/{asked.json['id']}/archive")
    assert (early.status_code, early.json["code"]) == (409, "not_done")
    drain(services)
    done = ada.get(f"{EXPORTS}/{asked.json['id']}").json
    assert done["state"] == "done"
    assert done["progress"]["files"] == done["progress"]["files_done"]
    assert ada.get(EXPORTS).json["items"] == [done]
    got = ada.get(f"{EXPORTS}/{asked.json['id']}/archive")
    assert got.status_code == 200
    assert got.headers["content-type"] == "application/zip"
    assert int(got.headers["content-length"]) == len(got.content) == done["progress"]["bytes"]
    assert got.headers["content-disposition"].startswith('attachment; filename="twooter-ada-20')
    assert got.headers["cache-control"] == "private, no-store"
    with zipfile.ZipFile(io.BytesIO(got.content)) as files:
        assert b"Hello #world" in files.read("twoots.json")


def test_a_download_that_broke_off_goes_on(ada: Person, archive: str) -> None:
    whole = ada.get(archive)
    etag, size = whole.headers["etag"], len(whole.content)
    begun = ada.get(archive, Range="bytes=0-99")
    assert begun.status_code == 206
    assert begun.headers["content-range"] == f"bytes 0-99/{size}"
    rest = ada.get(archive, **{"Range": "bytes=100-", "If-Range": etag})
    assert rest.status_code == 206
    assert begun.content + rest.content == whole.content
    assert ada.get(archive, Range="bytes=-22").content == whole.content[-22:]
    assert ada.get(archive, Range=f"bytes=5-{size * 2}").content == whole.content[5:]
    for passed_over in ("bytes=9-3", "bytes=-", "bytes=1-2,5-6", "lines=1-2", "bytes=x", "bytes=1_0-"):
        assert ada.get(archive, Range=passed_over).status_code == 200, passed_over
    assert ada.get(archive, **{"Range": "bytes=5-", "If-Range": '"another"'}).content == whole.content
    for nothing in (f"bytes={size}-", "bytes=-0"):
        refused = ada.get(archive, Range=nothing)
        assert (refused.status_code, refused.json["code"]) == (416, "bad_range")
        assert refused.headers["content-range"] == f"bytes */{size}"


def test_head_tells_of_an_archive_without_it(client: TestClient, ada: Person, archive: str) -> None:
    told = client.simulate_head(archive, headers=ada.headers)
    assert told.status_code == 200
    assert told.content == b""
    assert int(told.headers["content-length"]) == len(ada.get(archive).content)
    assert told.headers["accept-ranges"] == "bytes"


def test_nobody_else_reads_an_archive(client: TestClient, sign_up: SignUp, archive: str) -> None:
    ben = Person(client, sign_up("ben"))
    assert ben.get(archive).status_code == 404
    assert ben.get(archive.removesuffix("/archive")).status_code == 404
    assert client.simulate_get(archive).status_code == 401


@pytest.mark.parametrize(("address", "body"), [(EXPORTS, None), (IMPORTS, {"usernames": ["ben"]})])
def test_what_was_asked_for_is_removed_however_often_one_asks(
    services: Services, client: TestClient, sign_up: SignUp, ada: Person, address: str, body: Any
) -> None:
    key = {"Idempotency-Key": "once"}
    asked = ada.post(address, body, **key)
    drain(services)
    place = f"{address}/{asked.json['id']}"
    ben = Person(client, sign_up("ben"))
    for refused in (ben.delete(place), ada.delete(f"{address}/1"), ada.delete(f"{address}/x")):
        assert (refused.status_code, refused.json["code"]) == (404, "not_found")
    assert ada.get(place).status_code == 200
    for _ in range(2):
        answer = ada.delete(place)
        assert (answer.status_code, answer.content) == (204, b"")
    assert ada.get(place).status_code == ada.post(address, body, **key).status_code == 404
    assert ada.get(f"{place}/{'archive' if body is None else 'lines'}").status_code == 404
    assert ada.get(address).json["items"] == []


def test_a_repeated_request_is_the_same_one(services: Services, ada: Person) -> None:
    key = {"Idempotency-Key": "once-and-for-all"}
    first = ada.post(EXPORTS, **key)
    assert ada.post(EXPORTS, **key).json["id"] == first.json["id"]
    drain(services)
    again = ada.post(EXPORTS, **key)
    assert (again.status_code, again.json["id"], again.json["state"]) == (202, first.json["id"], "done")
    wanted = {"usernames": ["ben"]}
    listed = ada.post(IMPORTS, wanted, **{"Idempotency-Key": "import"})
    assert ada.post(IMPORTS, wanted, **{"Idempotency-Key": "import"}).json["id"] == listed.json["id"]
    other = ada.post(IMPORTS, {"usernames": ["cho"]}, **{"Idempotency-Key": "import"})
    assert other.status_code == 422


@pytest.mark.parametrize("changes", [{"limit_exports": "1/day", "limit_imports": "1/day"}])
def test_more_than_the_limit_is_429(ada: Person) -> None:
    for address, body in ((EXPORTS, None), (IMPORTS, {"usernames": ["ben"]})):
        assert ada.post(address, body).status_code == 202
        refused = ada.post(address, body)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 86_400


def test_an_import_tells_what_became_of_each_line(services: Services, sign_up: SignUp, ada: Person) -> None:
    sign_up("ben")
    asked = ada.post(IMPORTS, {"usernames": ["@ben", "nobody", "ben"]})
    assert asked.status_code == 202
    assert (asked.json["lines"], asked.json["lines_done"], asked.json["outcomes"]) == (3, 0, {"repeated": 1})
    drain(services)
    done = ada.get(asked.headers["location"]).json
    assert (done["state"], done["lines_done"]) == ("done", 3)
    assert done["outcomes"] == {"repeated": 1, "followed": 1, "not_found": 1}
    assert ada.get(IMPORTS).json["items"] == [done]
    page = ada.get(f"{asked.headers['location']}/lines?limit=2")
    assert page.json["items"] == [
        {"line": 1, "username": "ben", "outcome": "followed"},
        {"line": 2, "username": "nobody", "outcome": "not_found"},
    ]
    follow = page.json["next"]
    rest = ada.get(f"{asked.headers['location']}/lines?limit=2&cursor={follow}").json
    assert [line["outcome"] for line in rest["items"]] == ["repeated"]
    assert rest["next"] is None


MASTODONS = """\
Account address,Show boosts,Notify on new posts,Languages
ben@{host},true,false,
"cho@{host}",false,true,"de, en"
dan@elsewhere.example,true,false,
"never closed,true,false,
"""


def test_a_list_as_csv_is_read_line_by_line(services: Services, sign_up: SignUp, ada: Person) -> None:
    for name in ("ben", "cho"):
        sign_up(name)
    host = services.settings.public_url.partition("://")[2]
    asked = ada.send(MASTODONS.format(host=host).encode() + b"\xff\xfe,true\r\n", "text/csv; charset=utf-8")
    assert (asked.status_code, asked.json["lines"]) == (202, 5)
    drain(services)
    lines = ada.get(f"{asked.headers['location']}/lines").json["items"]
    assert [(line["username"], line["outcome"]) for line in lines] == [
        ("ben", "followed"),
        ("cho", "followed"),
        ("dan@elsewhere.example", "elsewhere"),
        ('"never closed', "bad_name"),
        ("\ufffd\ufffd", "bad_name"),
    ]
    again = ada.send(b"@ben\ncho\n", "text/csv")
    drain(services)
    assert ada.get(again.headers["location"]).json["outcomes"] == {"already": 2}


def test_an_archives_own_file_is_a_list_of_whom_to_follow(
    services: Services, sign_up: SignUp, ada: Person, client: TestClient
) -> None:
    sign_up("ben")
    ada.post(IMPORTS, {"usernames": ["ben"]})
    drain(services)
    asked = ada.post(EXPORTS)
    drain(services)
    archive = ada.get(f"{EXPORTS}/{asked.json['id']}/archive").content
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        following, followers = (files.read(f"{name}.json") for name in ("following", "followers"))
    cho = Person(client, sign_up("cho"))
    brought = cho.send(following, "application/json")
    assert (brought.status_code, brought.json["lines"]) == (202, 1)
    drain(services)
    assert cho.get(brought.headers["location"]).json["outcomes"] == {"followed": 1}
    refused = ada.send(followers, "application/json")
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "usernames")


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "text/csv", 400, "empty_body"),
        (b"\r\n,\n", "text/csv", 422, "invalid"),
        (b"Account address\n", "text/csv", 422, "invalid"),
        (b"ada\n" * 10_001, "text/csv", 422, "invalid"),
        (b"x" * (2**22 + 1), "text/csv", 413, "body_too_large"),
        (b"ada", "text/plain", 415, "unsupported_media_type"),
        (b"[]", "application/json", 422, "invalid"),
        (b"[{}]", "application/json", 422, "invalid"),
        (b'[{"username": 1}]', "application/json", 422, "invalid"),
        (b'[{"username": {"username": "ben"}}]', "application/json", 422, "invalid"),
        (b'"ada"', "application/json", 422, "invalid"),
    ],
)
def test_what_is_no_list_is_refused_as_everything_is(
    ada: Person, body: bytes, kind: str, status: int, code: str
) -> None:
    refused = ada.send(body, kind)
    assert (refused.status_code, refused.json["code"]) == (status, code)
    assert refused.headers["content-type"] == "application/problem+json"


def test_a_list_of_the_longest_names_fits_a_request_and_a_longer_one_does_not(ada: Person) -> None:
    names = [f"{number:0>30}" for number in range(10_000)]
    assert ada.post(IMPORTS, {"usernames": names}).json["lines"] == 10_000
    assert ada.post(IMPORTS, {"usernames": [*names, "one_more"]}).status_code == 422
    assert ada.post(IMPORTS, {"usernames": []}).status_code == 422
    assert ada.post(IMPORTS, {"usernames": ["x" * 501]}).status_code == 422
    assert ada.post(IMPORTS, {"usernames": names, "more": "x" * 2**22}).status_code == 413
