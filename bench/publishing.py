"""Publishing: sixteen clients, durable, until every aggregate is there; and how soon a twoot's statistics show."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bench import aggregation, load, members, servers
from bench.load import CONNECTIONS, Request, Round
from bench.members import Member
from bench.report import Line
from bench.stage import Stage, compare
from tests.processes import Server

SCRIPT = Path(__file__).with_name("publish.lua")
ACCOUNTS = 64
BODIES = 4_001  # not a multiple of the accounts: all pair with all
_WORDS = "one more short thought about what grows in small gardens this year over here".split()  # noqa: SIM905 - a sentence
_PROBES_AT_ONCE = 4
_PAUSE_SECONDS = 0.01
_PATIENCE_SECONDS = 30


def run(stage: Stage) -> list[Line]:
    """Measure twoots with two hashtags, all servers' CPU counted until the queue is empty."""
    with servers.api(stage.settings) as api, background(stage) as running, TemporaryDirectory() as folder:
        servers.await_empty(stage.database_url)
        request = load_of(stage, api, Path(folder))
        load.warm(api, request, seconds=1)
        servers.await_empty(stage.database_url)

        def publish() -> Round:
            return load.measure(
                api,
                request,
                stage.roots(api=api, **running),
                seconds=stage.plan.seconds,
                settle=partial(servers.await_empty, stage.database_url),
            )

        compared = compare(stage, {"publish": publish})["publish"]
        return compared.lines("publish, 2 hashtags, all aggregates", cpu_ms=2.5, share=0.14)


def applying(stage: Stage) -> list[Line]:
    """Measure how fast one worker applies sealed batches, median of the rounds."""
    found = [
        aggregation.measure(stage.backend.database(f"bench_events_{number}"))
        for number in range(stage.plan.rounds)
    ]
    middle = sorted(found, key=lambda figures: figures["events_per_second"])[len(found) // 2]
    rate = middle["events_per_second"]
    return [Line("aggregation, one worker", "events", rate, "/s", 10_000, at_most=False, detail=middle)]


def visibility(stage: Stage) -> list[Line]:
    """Measure the time from a twoot's answer to its statistics, while a few others publish too."""
    with servers.api(stage.settings) as api, background(stage):
        servers.await_empty(stage.database_url)
        writers = members.sign_in(stage.database_url, stage.loaded.account_ids[:_PROBES_AT_ONCE])
        each = max(5, stage.plan.probes // _PROBES_AT_ONCE)
        with ThreadPoolExecutor(_PROBES_AT_ONCE) as pool:
            delays = [
                ms for probed in pool.map(lambda writer: _probe(api, writer, each), writers) for ms in probed
            ]
    p99 = statistics.quantiles(delays, n=100)[98]
    detail = {"probes": len(delays), "p50_ms": round(statistics.median(delays)), "max_ms": round(max(delays))}
    return [Line("statistics visible after the answer", "p99", p99, "ms", 1000, detail=detail)]


@contextmanager
def background(stage: Stage) -> Iterator[dict[str, Server]]:
    """Run a relay and a worker."""
    with servers.relay(stage.settings) as relay, servers.worker(stage.settings) as worker:
        yield {"relay": relay, "worker": worker}


def load_of(stage: Stage, api: Server, folder: Path) -> Request:
    writers = members.sign_in(stage.database_url, stage.loaded.account_ids[:ACCOUNTS])
    assert len(writers) >= CONNECTIONS
    tokens, bodies = folder / "tokens", folder / "bodies"
    tokens.write_text("".join(f"{writer.token}\n" for writer in writers))
    bodies.write_text("".join(f"{json.dumps({'text': text})}\n" for text in _texts(stage.loaded.hashtags)))
    return Request(f"{api.url}/v1/twoots", {}, SCRIPT, (str(tokens), str(bodies)))


def _texts(hashtags: tuple[str, ...]) -> Iterator[str]:
    """Yield texts with two different hashtags, popular ones more often."""
    random = Random(1)
    weights = [1 / rank for rank in range(1, len(hashtags) + 1)]
    for _ in range(BODIES):
        first, second = random.choices(hashtags, weights, k=2)
        if first == second:
            second = hashtags[(hashtags.index(first) + 1) % len(hashtags)]
        yield f"{' '.join(random.choices(_WORDS, k=12))} #{first} #{second}"


def _probe(api: Server, writer: Member, times: int) -> list[float]:
    """Return milliseconds from each answer until the twoot's new hashtag shows one use."""
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=10)
    delays = []
    for number in range(times):
        tag = f"probe{writer.account_id}x{number}x{time.time_ns()}"
        body = json.dumps({"text": f"Is it counted yet? #{tag}"})
        _ask(
            connection,
            "POST",
            "/v1/twoots",
            body,
            {**writer.headers, "Content-Type": "application/json"},
            201,
        )
        answered = time.perf_counter()
        while json.loads(_ask(connection, "GET", f"/v1/hashtags/{tag}", None, {}, 200))["uses"] < 1:
            if time.perf_counter() - answered > _PATIENCE_SECONDS:
                raise TimeoutError(f"the statistics of #{tag} did not come")
            time.sleep(_PAUSE_SECONDS)
        delays.append((time.perf_counter() - answered) * 1000)
    connection.close()
    return delays


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: str | None,
    headers: dict[str, str],
    status: int,
) -> bytes:
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != status:
        raise load.FailedRequests(f"{method} {path}: {answer.status} {content!r}")
    return content
