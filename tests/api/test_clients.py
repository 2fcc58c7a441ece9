"""Clients: whose network a request comes from, and the headers of limits."""

import re
from ipaddress import ip_network

import pytest
from falcon.testing import Result, TestClient

from tests.api.conftest import SignUp
from tests.houses import PASSWORD

LIMITED = {"limit_sign_ins": "2/15 minutes", "limit_sign_ins_strangers": "1000/minute"}
BEHIND_PROXY = LIMITED | {"trusted_proxies": (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))}


def _guess(client: TestClient, peer: str, forwarded: str | None = None) -> Result:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    body = {"username": "alice", "password": "wrong password"}
    return client.simulate_post("/v1/tokens", json=body, headers=headers, remote_addr=peer)


def _statuses(client: TestClient, *froms: tuple[str, str | None]) -> list[int]:
    return [int(_guess(client, peer, forwarded).status_code) for peer, forwarded in froms]


@pytest.mark.parametrize("changes", [LIMITED])
def test_a_refusal_says_when_to_come_back_and_every_answer_what_is_left(client: TestClient) -> None:
    first = _guess(client, "198.51.100.1")
    assert '"sign_ins";q=2;w=900' in first.headers["RateLimit-Policy"]
    assert '"sign_ins";r=1' in first.headers["RateLimit"]
    _guess(client, "198.51.100.1")
    refused = _guess(client, "198.51.100.1")
    assert refused.status_code == 429
    assert refused.json["code"] == "rate_limited"
    seconds = int(refused.headers["Retry-After"])
    assert 890 <= seconds <= 900
    assert re.search(rf'"sign_ins";r=0;t={seconds}$', refused.headers["RateLimit"])


@pytest.mark.parametrize("changes", [LIMITED])
def test_a_forged_header_of_an_untrusted_peer_is_ignored(client: TestClient) -> None:
    peer = "198.51.100.1"
    assert _statuses(client, (peer, None), (peer, "203.0.113.1"), (peer, "203.0.113.2, 10.0.0.1")) == [
        401,
        401,
        429,
    ]


@pytest.mark.parametrize("changes", [BEHIND_PROXY])
def test_a_trusted_proxy_names_the_client(client: TestClient) -> None:
    proxy = "10.0.0.1"
    assert _statuses(
        client,
        (proxy, "203.0.113.1"),
        (proxy, "203.0.113.2"),
        (proxy, "203.0.113.1, 10.2.3.4"),  # two proxies
        (proxy, "9.9.9.9, 203.0.113.1"),  # written by the client, then by the proxy
        ("fd00::1", "203.0.113.1"),
        ("203.0.113.1", "203.0.113.9"),
    ) == [401, 401, 401, 429, 429, 429]


@pytest.mark.parametrize("changes", [BEHIND_PROXY])
@pytest.mark.parametrize("garbage", ["", ",", "unknown", "1.2.3", "x" * 500, "1.2.3.4:80", "::1%", "é"])
def test_garbage_from_a_proxy_counts_as_the_proxy(client: TestClient, garbage: str) -> None:
    assert _statuses(client, *[("10.0.0.1", garbage)] * 3) == [401, 401, 429]


@pytest.mark.parametrize("changes", [LIMITED])
def test_ipv6_counts_by_its_64_bit_network_and_mapped_ipv4_as_ipv4(client: TestClient) -> None:
    assert _statuses(
        client,
        ("2001:db8:0:1::1", None),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", None),
        ("2001:db8:0:1::2", None),
        ("2001:db8:0:2::1", None),
        ("::ffff:198.51.100.1", None),
        ("198.51.100.1", None),
        ("198.51.100.1", None),
        ("198.51.100.2", None),
    ) == [401, 401, 429, 401, 401, 401, 429, 401]


@pytest.mark.parametrize("changes", [{"limit_twoots": "2/minute"}])
def test_twoots_are_limited_per_account(client: TestClient, sign_up: SignUp) -> None:
    for name in ("alice", "bob"):
        headers = {"Authorization": f"Bearer {sign_up(name)}"}
        answers = [client.simulate_post("/v1/twoots", json={"text": "hi"}, headers=headers) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert [answer.headers["RateLimit"].partition(";t=")[0] for answer in answers] == [
            f'"twoots";r={left}' for left in (1, 0, 0)
        ]


@pytest.mark.parametrize("changes", [{"limit_registrations": "1/hour"}])
def test_registrations_are_limited_per_network(client: TestClient) -> None:
    statuses = [
        client.simulate_post(
            "/v1/accounts",
            json={"username": name, "email": "a@example.com", "password": PASSWORD},
            remote_addr=peer,
        ).status_code
        for name, peer in (("a", "198.51.100.1"), ("b", "198.51.100.1"), ("c", "198.51.100.2"))
    ]
    assert statuses == [201, 429, 201]


def test_an_answer_without_a_limit_has_no_limit_headers(client: TestClient) -> None:
    assert "RateLimit" not in client.simulate_get("/v1/timelines/public").headers
