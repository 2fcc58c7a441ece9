"""The proxy's own configuration, run by a real nginx in front of the real API."""

import getpass
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import psutil
import pytest

from tests import servers
from tests.databases import SqliteTemplate
from tests.faults.apps import App
from tests.faults.clients import Client
from tests.listeners import Listener
from tests.processes import Server, free_port, private_folder, wait_until

SOURCE = Path(__file__).parents[2] / "compose/nginx"
JSON = {"Content-Type": "application/json"}
STRANGER = "127.0.0.2"
"""A client that is not the proxy: the whole of 127.0.0.0/8 is this machine."""


@pytest.fixture(scope="module")
def api(sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Start the API, which believes the proxy's address alone."""
    database = sqlite_template.fresh(tmp_path_factory.mktemp("nginx"))
    settings = {
        "TWOOTER_TRUSTED_PROXIES": "127.0.0.1/32",
        "TWOOTER_LIMIT_REGISTRATIONS": "1/hour",
        "TWOOTER_STREAM_PORT": str(free_port()),
    }
    with App.embedded(database, **settings) as app:
        yield app


@pytest.fixture
def nginx(api: App) -> Iterator[Server]:
    """Start nginx with compose's files, where only ports and the folder for what it writes are others."""
    server = proxy(api.port, int(api.settings["TWOOTER_STREAM_PORT"]))
    try:
        yield server.start()
    finally:
        server.stop()


def proxy(api_port: int, stream_port: int = 9) -> Server:
    """Return an nginx in front of a port, and one of live updates."""
    port, folder = free_port(), private_folder("nginx")
    configuration = (SOURCE / "nginx.conf").read_text()
    assert configuration.count("listen 8080;") == 1
    configuration = configuration.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    (folder / "nginx.conf").write_text(configuration.replace("/tmp/", f"{folder}/"))  # noqa: S108 - the container's
    upstream = (SOURCE / "upstream.conf").read_text()
    upstream, names = re.subn(r"server api:8000 resolve\b", f"server 127.0.0.1:{api_port}", upstream)
    upstream, streams = re.subn(r"server stream:8001 resolve\b", f"server 127.0.0.1:{stream_port}", upstream)
    assert streams == 1
    upstream, resolvers = re.subn(r"^resolver .*$", "", upstream, flags=re.MULTILINE)
    assert (names, resolvers) == (1, 1)  # Docker's names are for Docker
    (folder / "upstream.conf").write_text(upstream)
    directives = f"daemon off; user {getpass.getuser()};"
    program = servers.started(lambda: servers.program("nginx-light"))
    return Server(
        name="nginx",
        command=[program, "-p", str(folder), "-c", f"{folder}/nginx.conf", "-g", directives],
        folder=folder,
        port=port,
        url=f"http://127.0.0.1:{port}",
        answers=lambda: _accepts(port),
    )


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def ask(
    server: Server, method: str, path: str, body: bytes | None = None, *, who: str = STRANGER, **headers: str
) -> HTTPResponse:
    """Return an answer, read to its end; underscores in names of headers are hyphens."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30, source_address=(who, 0))
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {**(JSON if body else {}), **given})
    answer = connection.getresponse()
    answer.payload = answer.read()  # type: ignore[attr-defined]  # kept with its answer, whose connection ends here
    connection.close()
    return answer


def document(answer: HTTPResponse) -> dict[str, object]:
    """Return the problem an answer tells of, which has the one shape of refusals."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, object] = json.loads(answer.payload)  # type: ignore[attr-defined]  # see `ask`
    assert problem.keys() >= {"type", "title", "status", "code", "detail", "request_id", "errors"}
    assert problem["status"] == answer.status
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    return problem


def upstream_connections(nginx: Server, api_port: int) -> int:
    """Count nginx's connections to the API."""
    processes = [psutil.Process(nginx.pid), *psutil.Process(nginx.pid).children()]
    return sum(
        c.status == psutil.CONN_ESTABLISHED and bool(c.raddr) and c.raddr.port == api_port
        for process in processes
        for c in process.net_connections(kind="tcp")
    )


def test_the_configuration_has_nothing_to_warn_of(nginx: Server) -> None:
    checked = subprocess.run([*nginx.command, "-t"], check=True, capture_output=True, text=True, timeout=30)
    assert "warn" not in checked.stderr
    assert "test is successful" in checked.stderr


def test_requests_go_through_and_keep_their_id(nginx: Server) -> None:
    answer = ask(nginx, "GET", "/v1/timelines/public", X_Request_ID="given-by-client")
    assert answer.status == 200
    assert answer.headers["X-Request-ID"] == "given-by-client"
    wait_until(
        lambda: '"request_id":"given-by-client"' in nginx.log(), seconds=20, what="the line of the log"
    )


def test_an_id_that_is_none_is_replaced(nginx: Server) -> None:
    answer = ask(nginx, "GET", "/v1/timelines/public", X_Request_ID='"quoted"')
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_connections_to_the_api_are_kept(nginx: Server, api: App) -> None:
    for _ in range(30):
        assert ask(nginx, "GET", "/v1/timelines/public").status == 200
    kept = upstream_connections(nginx, api.port)
    assert 1 <= kept <= len(psutil.Process(nginx.pid).children())


def test_a_slow_body_costs_the_api_nothing(nginx: Server, api: App) -> None:
    body = b'{"username": "nobody", "password": "a password that nobody has"}'
    with socket.create_connection(("127.0.0.1", nginx.port), timeout=30) as client:
        client.sendall(
            b"POST /v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body[:20]
        )
        wait_until(lambda: _holds_a_client(nginx), seconds=10, what="nginx to take the connection")
        assert upstream_connections(nginx, api.port) == 0
        client.sendall(body[20:])
        assert client.recv(64).startswith(b"HTTP/1.1 401")


def _holds_a_client(nginx: Server) -> bool:
    return any(
        c.status == psutil.CONN_ESTABLISHED and c.laddr.port == nginx.port
        for process in psutil.Process(nginx.pid).children()
        for c in process.net_connections(kind="tcp")
    )


@pytest.mark.parametrize(("path", "length", "status", "code"), [
    ("/v1/twoots", 65_537, 413, "body_too_large"),
    ("/v1/twoots?" + "x" * 9_000, 0, 414, "uri_too_long"),
])  # fmt: skip
def test_what_the_proxy_refuses_has_the_apis_shape(
    nginx: Server, path: str, length: int, status: int, code: str
) -> None:
    answer = ask(nginx, "POST", path, b"x" * length)
    assert (answer.status, document(answer)["code"]) == (status, code)


def test_headers_that_are_too_large_are_431(nginx: Server) -> None:
    answer = ask(nginx, "GET", "/v1/timelines/public", X_Large="x" * 9_000)
    assert (answer.status, document(answer)["code"]) == (431, "headers_too_large")


def test_the_largest_body_reaches_the_api(nginx: Server) -> None:
    answer = ask(nginx, "POST", "/v1/tokens", b" " * 65_536)
    assert answer.status == 400


def test_a_forged_address_counts_for_nothing(nginx: Server) -> None:
    """The limit of registrations counts the network that the proxy saw, whatever a client claims."""
    first = _register(nginx, "forger1", STRANGER, "203.0.113.1")
    second = _register(nginx, "forger2", STRANGER, "203.0.113.2, 203.0.113.3")
    other = _register(nginx, "honest1", "127.0.0.3", "")
    assert (first, second, other) == (201, 429, 201)


def _register(nginx: Server, name: str, who: str, claims: str) -> int:
    account = {"username": name, "email": f"{name}@example.org", "password": "correct horse battery"}
    body = json.dumps(account).encode()
    return ask(nginx, "POST", "/v1/accounts", body, who=who, X_Forwarded_For=claims).status


def test_without_an_api_the_answer_says_when_to_come_back() -> None:
    server = proxy(free_port())
    try:
        server.start()
        answer = ask(server, "GET", "/v1/timelines/public")
        assert (answer.status, document(answer)["code"]) == (503, "unavailable")
        assert answer.headers["Retry-After"] == "2"
    finally:
        server.stop()


def test_queries_are_in_no_log(nginx: Server) -> None:
    ask(nginx, "GET", "/v1/timelines/public?cursor=private")
    wait_until(lambda: '"event":"proxied"' in nginx.log(), seconds=5, what="the log line")
    assert "private" not in nginx.log()


def test_live_updates_flow_through(api: App, nginx: Server) -> None:
    """The problem is the stream's own: nginx leads there, and hands its answer on as it is."""
    with Listener(
        nginx.port, "home", token="twt_1_2_x", headers={"X-Request-ID": "from-a-client-1"}
    ) as refused:
        assert (refused.status, refused.headers["x-request-id"]) == (401, "from-a-client-1")
    client = Client(api.port)
    member = client.sign_up("listener")
    with Listener(nginx.port, "home", token=member.token) as listener:
        assert (listener.status, listener.headers["content-type"]) == (200, "text/event-stream")
        listener.ready()
