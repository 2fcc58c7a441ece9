"""Clients: where a request comes from, and what it has used of the limits."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit after it was counted; `reset_seconds` is known only when nothing remains."""

    name: str
    amount: int
    window_seconds: int
    remaining: int
    reset_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """Who is at the other end: an IPv4 address or an IPv6 /64, and the limits that the request has used so far."""

    network: str
    user_agent: str = ""
    request_id: str | None = None
    spent: list[Quota] = field(default_factory=list)
