"""Reads all over a data set: first pages, pages anywhere, single things; as lists of paths for the load generator."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from bench import members
from bench.load import Request
from bench.loader import Loaded
from bench.members import Member
from bench.servers import SECRET
from tests.processes import Server
from twooter.api.cursors import Cursors

SCRIPT = Path(__file__).with_name("paths.lua")
BUSY_ACCOUNTS = 10
"""So busy that half of what they wrote still fills a page, in the small data set too."""


def requests(api: Server, loaded: Loaded, reader: Member, folder: Path) -> dict[str, Request]:
    """Return a signed-in request for every kind of read; of some, thousands of different ones in turn."""
    found = {}
    for name, paths in _paths(loaded, reader).items():
        listed = folder / f"{name.replace(' ', '-')}.txt"
        listed.write_text("".join(f"{path}\n" for path in paths))
        found[name] = Request(api.url, reader.headers, SCRIPT, (str(listed),))
    return found


def sign_in_reader(database_url: str, loaded: Loaded) -> Member:
    """Return the busiest account, signed in."""
    return members.sign_in(database_url, loaded.account_ids[:1])[0]


def _paths(loaded: Loaded, reader: Member) -> dict[str, list[str]]:
    tag = quote(loaded.hashtag)
    public, tagged = "/v1/timelines/public", f"/v1/timelines/tags/{tag}"
    accounts = [f"/v1/accounts/{id_}" for id_ in loaded.account_ids]
    busy = [f"{account}/twoots" for account in accounts[:BUSY_ACCOUNTS]]
    signed = Cursors((SECRET.encode(),))

    def page(path: str, before: int, scope: str) -> str:
        return f"{path}?cursor={signed.make(f'{scope} {reader.account_id}', before=before)}"

    return {
        "public timeline": [public],
        "public timeline, anywhere": [page(public, id_, public) for id_ in loaded.sample_ids],
        "hashtag timeline, anywhere": [
            page(tagged, id_, f"/v1/timelines/tags/{loaded.hashtag}") for id_ in loaded.sample_ids
        ],
        "account timeline, anywhere": [
            page(path, id_, path)
            for path, id_ in zip(busy * len(loaded.sample_ids), loaded.sample_ids, strict=False)
        ],
        "twoot": [f"/v1/twoots/{id_}" for id_ in loaded.sample_ids],
        "account": accounts,
        "hashtag": [f"/v1/hashtags/{quote(name)}" for name in loaded.hashtags],
        "hashtags by prefix": ["/v1/hashtags?prefix=c"],
        "messages by tag": [f"/messages?tag={tag}&limit=20"],
        "analytics by month": [
            "/v1/analytics/twoots?from=2024-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&interval=month"
        ],
    }
