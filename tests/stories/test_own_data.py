"""A story of moving: somebody takes what is its own along, and finds those it followed again with another account."""

import io
import zipfile
from typing import Any

import orjson

from tests.faults.apps import App
from tests.mailbox import mails_to, text_of, token_in
from tests.stories.conftest import Meet
from tests.stories.people import Person, soon

EXPORTS, IMPORTS = "/v1/me/exports", "/v1/me/imports/following"


def letters(place: App, person: Person) -> list[str]:
    """Return the subjects of the mails that somebody was sent."""
    return [mail["Subject"] for mail in _mails(place, person)]


def _mails(place: App, person: Person) -> list[Any]:
    address = f"{person.name}@example.com"
    return [mail for folder in place.var_dirs for mail in mails_to(folder, address)]


def imported(person: Person, body: bytes, kind: str) -> list[str]:
    """Bring a file of whom to follow along, and return what became of its lines."""
    brought = person.ask("POST", IMPORTS, body, kind=kind).json
    soon("the end of the import", lambda: person.sees(f"{IMPORTS}/{brought['id']}")["state"] == "done")
    return [line["outcome"] for line in person.items(f"{IMPORTS}/{brought['id']}/lines")]


def test_somebody_moves_with_all_it_has(meet: Meet, place: App) -> None:
    ada, bob, carol = meet("ada"), meet("bob"), meet("carol")
    soon("ada's first mail", lambda: letters(place, ada) == ["Confirm your mail address"])
    ada.does("POST", "/v1/email-confirmations", {"token": token_in(_mails(place, ada)[0])})
    carol.does("PATCH", "/v1/me", {"protected": True})
    kept, theirs = ada.says("One day I shall move #moving"), bob.says("Stay!")
    ada.does("PUT", f"/v1/twoots/{theirs}/bookmark")
    for other in (bob, carol):
        ada.follows(other)

    asked = ada.does("POST", EXPORTS)
    soon("the archive", lambda: ada.sees(f"{EXPORTS}/{asked['id']}")["state"] == "done")
    soon("ada's second mail", lambda: letters(place, ada)[1:] == ["Your archive is ready"])
    assert EXPORTS in text_of(_mails(place, ada)[1])
    path = f"{EXPORTS}/{asked['id']}/archive"
    assert bob.ask("GET", path).status == 404
    archive = ada.ask("GET", path)
    assert (archive.status, int(archive.headers["content-length"])) == (200, len(archive.body))
    with zipfile.ZipFile(io.BytesIO(archive.body)) as files:
        assert files.testzip() is None
        taken = {name.removesuffix(".json"): orjson.loads(files.read(name)) for name in files.namelist()}
    assert taken["profile"]["username"] == ada.name
    assert [twoot["id"] for twoot in taken["twoots"]] == [kept]
    assert [one["twoot"]["text"] for one in taken["bookmarks"]] == ["Stay!"]
    assert [one["username"] for one in taken["following"]] == [bob.name]
    assert [one["username"] for one in taken["requests_sent"]] == [carol.name]

    assert bob.ask("DELETE", f"{EXPORTS}/{asked['id']}").status == 404
    ada.does("DELETE", f"{EXPORTS}/{asked['id']}")
    assert ada.ask("GET", path).status == 404

    ada.does("DELETE", "/v1/me")
    eve = meet("eve")
    for file, outcome in (("following", "followed"), ("requests_sent", "requested")):
        assert imported(eve, orjson.dumps(taken[file]), "application/json") == [outcome]
    table = f"Account address,Show boosts\n@{bob.name},true\n{ada.name},true\neve@elsewhere.example,true\n"
    assert imported(eve, table.encode(), "text/csv") == ["already", "not_found", "elsewhere"]
    soon("bob's follower", lambda: eve.id in bob.ids(f"/v1/accounts/{bob.id}/followers"))
    soon("carol's request", lambda: eve.id in carol.ids("/v1/follow-requests"))
    again = bob.says("Welcome back")
    soon("eve's home timeline", lambda: again in eve.home())
