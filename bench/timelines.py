"""Timelines of 20: anonymous while twoots arrive, unchanged (304), signed in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from urllib.parse import quote

from bench import load, members, servers
from bench.load import Request, Round
from bench.members import Member
from bench.report import Line
from bench.stage import Stage, compare
from tests.processes import Server

_TARGETS = {"anonymous": (0.45, 0.5), "304": (0.4, None), "signed in": (0.9, 0.28)}


def run(stage: Stage) -> list[Line]:
    """Measure the three timelines, each as three kinds of client ask for it."""
    with servers.api(stage.settings) as api:
        writer = members.sign_in(stage.database_url, stage.loaded.account_ids[:1])[0]
        lines = []
        for name, path in paths(stage).items():
            measures = _measures(stage, api, writer, api.url + path)
            for kind, compared in compare(stage, measures).items():
                cpu_ms, share = _TARGETS[kind]
                lines += compared.lines(f"{name} timeline, {kind}", cpu_ms=cpu_ms, share=share)
        return lines


def paths(stage: Stage) -> dict[str, str]:
    """Return the timelines' addresses by name."""
    return {
        "public": "/v1/timelines/public",
        "hashtag": f"/v1/timelines/tags/{quote(stage.loaded.hashtag)}",
        "account": f"/v1/accounts/{stage.loaded.account_ids[0]}/twoots",
    }


def _measures(stage: Stage, api: Server, writer: Member, url: str) -> dict[str, Callable[[], Round]]:
    measure = partial(load.measure, api, roots=stage.roots(api=api), seconds=stage.plan.seconds)

    def touched() -> Round:
        with _touching(api, writer, stage.loaded.hashtag):
            return measure(Request(url, {}))

    def unchanged() -> Round:
        _, headers = members.call(url)
        return measure(Request(url, {"If-None-Match": headers["etag"]}))

    def signed_in() -> Round:
        return measure(Request(url, writer.headers))

    load.warm(api, Request(url, writer.headers), seconds=1)
    return {"anonymous": touched, "304": unchanged, "signed in": signed_in}


@contextmanager
def _touching(api: Server, writer: Member, hashtag: str) -> Iterator[None]:
    """Publish once a second what stands on all three timelines."""
    done = threading.Event()

    def publish() -> None:
        while not done.wait(1.0):
            members.call(f"{api.url}/v1/twoots", writer, {"text": f"One more, while you read #{hashtag}"})

    with ThreadPoolExecutor(1) as pool:
        publishing = pool.submit(publish)
        try:
            yield
        finally:
            done.set()
        publishing.result()
