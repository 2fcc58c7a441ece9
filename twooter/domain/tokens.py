"""Bearer tokens: `twt_<account>_<token id>_<secret>`, and what is kept of them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from twooter.domain import ids

MAX_USER_AGENT = 255

_BEARER = re.compile(r"twt_([0-9]{1,19})_([0-9]{1,19})_([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its owner sees it in the list; times are Unix ms."""

    id: int
    created_ms: int
    expires_ms: int
    last_used_ms: int
    user_agent: str


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made, with the text that is shown once."""

    token: Token
    bearer: str


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token's text taken apart."""

    account_id: int
    token_id: int
    secret: str
    secret_sha256: str = field(init=False)
    """What is stored of the secret."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "secret_sha256", hashlib.sha256(self.secret.encode()).hexdigest())

    def __str__(self) -> str:
        """Return the text clients send."""
        return f"twt_{self.account_id}_{self.token_id}_{self.secret}"


def parse(text: str) -> Bearer | None:
    """Return the parts of a token's text, or None for what is none."""
    match = _BEARER.fullmatch(text)
    if match is None:
        return None
    account_id, token_id = ids.parse(match[1]), ids.parse(match[2])
    return None if account_id is None or token_id is None else Bearer(account_id, token_id, match[3])
