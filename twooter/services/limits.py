"""Rate limits: who may do how much of what in which time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from twooter.domain.clients import Client, Quota
from twooter.errors import TooMany
from twooter.logs import get_logger
from twooter.metrics import REFUSALS
from twooter.storage.counters import Counters

log = get_logger("limits")

_REQUESTS_PER_MAIL = 10
_RATE = re.compile(r"([0-9]+)/(?:([0-9]+) )?(second|minute|hour|day)s?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """How many in which time."""

    amount: int
    window_seconds: int


def parse_rate(text: str) -> Rate:
    """Return the rate of a text such as `10/15 minutes`.

    Raises: ValueError for what is none.
    """
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a rate: {text}")
    return Rate(int(match[1]), int(match[2] or 1) * _SECONDS[match[3]])


class Limits:
    """Counts requests; each method raises TooMany once its limit is used up, and notes the quota at the client.

    `rates` maps each limit's name to its rate, such as `10/15 minutes`. What people type is counted by its hash.
    """

    def __init__(self, counters: Counters, rates: Mapping[str, str]) -> None:
        self._counters = counters
        self._rates = {name: parse_rate(rate) for name, rate in rates.items()}

    def registration(self, client: Client) -> None:
        """Count a new account of a network."""
        self._spend("registrations", client.network, client)

    def sign_in(self, name: str, client: Client) -> None:
        """Count a password attempt: of the network, and of the name from this network."""
        self._spend("sign_ins_network", client.network, client)
        self._spend("sign_ins", f"{_hidden(name)}:{client.network}", client)

    def stranger(self, name: str, client: Client) -> None:
        """Count a password attempt from a network that never signed in to the account of that name."""
        self._spend("sign_ins_strangers", _hidden(name), client)

    def password_change(self, account_id: int, client: Client) -> None:
        """Count an attempt to change a password: the old one is a password attempt too."""
        self._spend("sign_ins_network", client.network, client)
        self._spend("sign_ins", f"{account_id}:{client.network}", client)

    def mail_request(self, client: Client) -> None:
        """Count a request for a mail, by network."""
        rate = self._rates["mails"]
        many = Rate(rate.amount * _REQUESTS_PER_MAIL, rate.window_seconds)
        self._count("mail_requests", many, client.network, client)

    def may_mail(self, address: str) -> bool:
        """Count a mail to an address; return False when it has had enough of them."""
        rate = self._rates["mails"]
        return (
            self._counters.count(f"mails:{_hidden(address.casefold())}", rate.window_seconds) <= rate.amount
        )

    def twoot(self, account_id: int, client: Client) -> None:
        """Count a twoot, or message, of an account."""
        self._spend("twoots", str(account_id), client)

    def graph_change(self, account_id: int, client: Client) -> None:
        """Count a change of whom an account follows, blocks, mutes or notes something about."""
        self._spend("follows", str(account_id), client)

    def action(self, account_id: int, client: Client) -> None:
        """Count what an account does with a twoot besides answering it, or takes back."""
        self._spend("actions", str(account_id), client)

    def report(self, account_id: int, client: Client) -> None:
        """Count a report of an account to moderators."""
        self._spend("reports", str(account_id), client)

    def export(self, account_id: int, client: Client) -> None:
        """Count a request of an account for an archive of its own data."""
        self._spend("exports", str(account_id), client)

    def follow_import(self, account_id: int, client: Client) -> None:
        """Count a list of whom an account wants to follow."""
        self._spend("imports", str(account_id), client)

    def search(self, account_id: int | None, client: Client) -> None:
        """Count a search of an account, or of a network without one."""
        self._spend("searches", client.network if account_id is None else str(account_id), client)

    def anonymous_message(self, client: Client) -> None:
        """Count a message without an account, by network."""
        self._spend("anonymous_messages", client.network, client)

    def _spend(self, name: str, key: str, client: Client) -> None:
        self._count(name, self._rates[name], key, client)

    def _count(self, name: str, rate: Rate, key: str, client: Client) -> None:
        place, window_seconds = f"{name}:{key}", rate.window_seconds
        used = self._counters.count(place, window_seconds)
        if used <= rate.amount:
            client.spent.append(Quota(name, rate.amount, window_seconds, rate.amount - used))
            return
        reset_seconds = self._counters.seconds_left(place, window_seconds)
        client.spent.append(Quota(name, rate.amount, window_seconds, 0, reset_seconds))
        REFUSALS.labels(name).inc()
        log.info("rate_limited", limit=name)
        raise TooMany("Too many requests; try again later.", retry_after_seconds=reset_seconds)


def _hidden(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
