"""Clients: the network a request comes from, and the limits' headers of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import falcon

from twooter.domain.clients import Client

UNKNOWN = "unknown"
"""The network of a peer without an address, such as one on a Unix socket."""
_MAX_USER_AGENT = 255


class Clients:
    """Tells clients apart; `X-Forwarded-For` is read only when a trusted proxy sent the request."""

    def __init__(self, trusted_proxies: Sequence[IPv4Network | IPv6Network]) -> None:
        self._trusted = tuple(trusted_proxies)

    def of(self, req: falcon.Request) -> Client:
        """Return the client of a request; the same one however often it is asked for."""
        client: Client | None = req.context.client
        if client is None:
            agent = req.get_header("User-Agent", default="")[:_MAX_USER_AGENT]
            client = Client(self._network(req), _printable(agent), req.context.request_id)
            req.context.client = client
        return client

    def _network(self, req: falcon.Request) -> str:
        """Return the nearest address that no trusted proxy has.

        Proxies append the address they got a request from, so the header is read from its end; what a client wrote
        into it itself stands before the first untrusted address and is never reached.
        """
        address = _address(req.env.get("REMOTE_ADDR", ""))
        forwarded = req.get_header("X-Forwarded-For", default="").split(",")
        while address is not None and forwarded and self._trusts(address):
            nearer = _address(forwarded.pop())
            if nearer is None:
                break
            address = nearer
        return UNKNOWN if address is None else network_of(address)

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def network_of(address: IPv4Address | IPv6Address) -> str:
    """Return what limits count by: an IPv4 address, or the /64 of an IPv6 one, which a single customer owns."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address) >> 64 << 64, 64)))


def tell_quotas(resp: falcon.Response, client: Client) -> None:
    """Write the limits a request was counted by.

    Source: draft-ietf-httpapi-ratelimit-headers-10.
    """
    if not client.spent:
        return
    policies = [f'"{q.name}";q={q.amount};w={q.window_seconds}' for q in client.spent]
    states = [
        f'"{q.name}";r={q.remaining}' + ("" if q.reset_seconds is None else f";t={q.reset_seconds}")
        for q in client.spent
    ]
    resp.set_header("RateLimit-Policy", ", ".join(policies))
    resp.set_header("RateLimit", ", ".join(states))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())
