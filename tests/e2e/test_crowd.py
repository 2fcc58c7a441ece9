"""The crowd that says what homes show and listeners hear: it must see what is missing, twice there, or out of order."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from e2e import crowd
from e2e.crowd import Given
from tests.databases import SqliteTemplate
from tests.faults.apps import App
from tests.processes import free_port, wait_until


@pytest.fixture
def app(sqlite_template: SqliteTemplate, tmp_path: Path) -> Iterator[App]:
    """Start the one process of a laptop."""
    url = sqlite_template.fresh(tmp_path)
    with App.embedded(url, TWOOTER_STREAM_PORT=str(free_port())) as started:
        yield started


def done(deed: str, **given: Any) -> list[Given]:
    """Do something, and return what was told."""
    told: list[Given] = []
    crowd.DEEDS[deed]({"host": "127.0.0.1", **given}, told.append)
    return told


def heard(**given: Any) -> list[Given]:
    """Begin to listen, and return what is told from now on, to be looked at again and again."""
    told: list[Given] = []
    arguments = ({"host": "127.0.0.1", "topics": "home", **given}, told.append)
    threading.Thread(target=crowd.listen, args=arguments, daemon=True).start()
    return told


def test_a_crowd_follows_reads_and_hears_what_its_author_writes(app: App) -> None:
    author, *readers = done("join", port=app.port, names=["author", "reader0", "reader1"])
    tokens = [reader["token"] for reader in readers]
    done("follow", port=app.port, account_id=author["id"], tokens=tokens)
    told = heard(port=int(app.settings["TWOOTER_STREAM_PORT"]), token=tokens[0])
    wait_until(lambda: "ready" in [line["kind"] for line in told], seconds=20, what="a listener")
    texts = {"texts": ["one", "two"], "token": author["token"], "pause_seconds": 0.0}
    written = [line["id"] for line in done("publish", port=app.port, **texts)]
    (told_of,) = done("read_homes", port=app.port, tokens=tokens, ids=written[::-1], seconds=30)
    assert told_of["seconds"] < 30
    wait_until(
        lambda: [line["id"] for line in told if line["kind"] == "home"] == written, seconds=20, what="both"
    )
    with pytest.raises(TimeoutError, match="missing: \\['1'\\]"):
        done("read_homes", port=app.port, tokens=tokens, ids=["1", *written[::-1]], seconds=0)
    with pytest.raises(TimeoutError, match="missing: \\[\\]"):
        done("read_homes", port=app.port, tokens=tokens, ids=written, seconds=0)


class Teller(BaseHTTPRequestHandler):
    """Tells one event more to each who comes, and ends, with a farewell or without one."""

    asked: list[str | None]

    def do_GET(self) -> None:
        """Answer."""
        self.asked.append(self.headers["Last-Event-ID"])
        number = len(self.asked)
        if number == 2:
            self.send_error(503)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b': \n\nid: %d\nevent: home\ndata: {"id": "7%d"}\n\n' % (number, number))
        if number == 1:
            self.wfile.write(b'retry: 10\nevent: end\ndata: {"code": "stopping"}\n\n')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_listener_comes_back_and_says_what_it_heard_last() -> None:
    asked: list[str | None] = []
    handler = type("Handler", (Teller,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = heard(port=server.server_port, token="t")
        wait_until(lambda: len(asked) >= 4, seconds=20, what="four visits")
        server.shutdown()
    assert asked[:4] == [None, "1", "1", "3"]
    kinds = [(line["kind"], line.get("id")) for line in told[:4]]
    assert kinds == [("home", "71"), ("end", None), ("lost", None), ("home", "73")]
