"""Growth: what the same reads cost on ten thousand twoots and on a million."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from urllib.parse import quote

from bench import load, loader, members, servers
from bench.load import Request, Round
from bench.loader import Loaded
from bench.report import Line
from bench.servers import SECRET
from bench.stage import Stage
from tests.processes import Server
from twooter.api.cursors import Cursors

FEW_ROWS = 10_000
MAX_RATIO = 1.1


def run(stage: Stage) -> list[Line]:
    """Measure every read on both data sets in turn, signed in, so that no whole page comes out of a cache."""
    few = _database(stage, FEW_ROWS, slot=1)
    many = _database(stage, stage.plan.many_rows, slot=2)
    with servers.api(few[1]) as few_api, servers.api(many[1]) as many_api:
        sides = [(few_api, _requests(few_api, *few)), (many_api, _requests(many_api, *many))]
        rounds: dict[str, tuple[list[Round], list[Round]]] = {name: ([], []) for name in sides[0][1]}
        for name in rounds:
            for api, requests in sides:
                load.warm(api, requests[name], seconds=1)
            for _ in range(stage.plan.growth_rounds):
                for side, (api, requests) in enumerate(sides):
                    roots = stage.roots(api=api)
                    rounds[name][side].append(
                        load.measure(api, requests[name], roots, seconds=stage.plan.seconds)
                    )
        return [line for name, (fewer, more) in rounds.items() for line in _lines(stage, name, fewer, more)]


def _database(stage: Stage, rows: int, *, slot: int) -> tuple[Loaded, Mapping[str, str], str]:
    url = stage.backend.database(f"bench_{rows}")
    return loader.load(url, rows), stage.backend.settings(url, slot=slot), url


def _requests(api: Server, loaded: Loaded, _: Mapping[str, str], database_url: str) -> dict[str, Request]:
    reader = members.sign_in(database_url, loaded.account_ids[:1])[0]
    account = f"/v1/accounts/{reader.account_id}"
    tag = quote(loaded.hashtag)
    public = "/v1/timelines/public"
    cursor = Cursors((SECRET.encode(),)).make(f"{public} {reader.account_id}", before=loaded.middle_id)
    paths = {
        "public timeline": public,
        "public timeline, half way down": f"{public}?cursor={cursor}",
        "hashtag timeline": f"/v1/timelines/tags/{tag}",
        "account timeline": f"{account}/twoots",
        "twoot": f"/v1/twoots/{loaded.middle_id}",
        "account": account,
        "hashtag": f"/v1/hashtags/{tag}",
        "hashtags by prefix": "/v1/hashtags?prefix=co",
        "messages by tag": f"/messages?tag={tag}&limit=20",
        "analytics by month": "/v1/analytics/twoots?from=2024-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&interval=month",
    }
    return {name: Request(api.url + path, reader.headers) for name, path in paths.items()}


def _lines(stage: Stage, name: str, fewer: list[Round], more: list[Round]) -> list[Line]:
    ratio = statistics.median(m.cpu_ms / f.cpu_ms for f, m in zip(fewer, more, strict=True))
    detail = {
        "cpu_ms": [round(load.median(side, lambda r: r.cpu_ms), 3) for side in (fewer, more)],
        "p99_ms": [round(load.median(side, lambda r: r.p99_ms), 2) for side in (fewer, more)],
    }
    case = f"{name}: {stage.plan.many_rows:,} rows against {FEW_ROWS:,}"
    return [
        Line(case, "CPU ratio", ratio, "", MAX_RATIO, detail=detail),
        Line(case, "p99", detail["p99_ms"][1], "ms", detail=detail),
    ]
