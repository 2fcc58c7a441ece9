"""Signed-in accounts of a benchmark: bearer tokens, and plain HTTP calls with them."""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from bench import bulk
from twooter.domain import ids
from twooter.domain.tokens import Bearer
from twooter.storage import tables

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Member:
    """An account with its token."""

    account_id: int
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """Return the header that signs requests in."""
        return {"Authorization": f"Bearer {self.token}"}


def sign_in(database_url: str, account_ids: Sequence[int]) -> list[Member]:
    """Give each account a token, written as signing in writes it, but without hashing a password."""
    now_ms, random = int(time.time() * 1000), Random(1)
    members, rows = [], []
    for number, account_id in enumerate(account_ids):
        bearer = Bearer(account_id, ids.compose(now_ms, ids.IMPORT_NODE, number), _secret(random))
        members.append(Member(account_id, str(bearer)))
        rows.append(
            f"({account_id},{bearer.token_id},'{bearer.secret_sha256}',{now_ms},{now_ms + _DAY_MS},{now_ms},'bench')"
        )
    with bulk.connected(database_url) as connection:
        columns = "account_id id secret_sha256 created_ms expires_ms last_used_ms user_agent"
        bulk.insert(connection, tables.Tokens, columns, rows)
    return members


def _secret(random: Random) -> str:
    return base64.urlsafe_b64encode(random.randbytes(32)).decode().rstrip("=")


def call(
    url: str, member: Member | None = None, body: Any = None, **headers: str
) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of an answer; raises for a refusal."""
    given = {**headers, **({} if member is None else member.headers)}
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        given["Content-Type"] = "application/json"
    with urllib.request.urlopen(urllib.request.Request(url, data, given), timeout=10) as answer:  # noqa: S310 - our own server
        return answer.read(), {name.lower(): value for name, value in answer.headers.items()}
