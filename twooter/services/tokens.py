"""Tokens: sign in, authenticate, list, sign out."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from twooter.domain import pages
from twooter.domain import tokens as rules
from twooter.domain.accounts import State, Viewer, username_key
from twooter.domain.clients import Client
from twooter.domain.pages import Page, Slice
from twooter.domain.tokens import Bearer, NewToken, Token
from twooter.domain.windows import DAY_MS
from twooter.errors import NotFound, Unauthorized
from twooter.logs import get_logger
from twooter.metrics import SIGN_INS
from twooter.services.addresses import Addresses
from twooter.services.hashes import Hashes
from twooter.services.ids import Ids
from twooter.services.limits import Limits
from twooter.storage import claims, credentials, networks, tokens
from twooter.storage.credentials import Credential
from twooter.storage.database import Session, Storage
from twooter.storage.tokens import Hold, Proof

log = get_logger("tokens")

P = TypeVar("P", Proof, Hold)
TOUCH_MS = 600_000
"""`last_used_ms` is that exact, and written outside the requests."""
_AT_ONCE = 200
_KNOWN = 2_000
"""Tokens that a process has proved lately: some 600 KB."""
_REFUSAL = "This token does not hold; sign in again: POST /v1/tokens gives a new one."


class Tokens:
    """Makes, proves and revokes bearer tokens; revocation holds from the next request on."""

    def __init__(
        self,
        storage: Storage,
        ids: Ids,
        hashes: Hashes,
        limits: Limits,
        addresses: Addresses,
        *,
        token_days: int,
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._hashes = hashes
        self._limits = limits
        self._addresses = addresses
        self._lifetime_ms = token_days * DAY_MS
        self._used: dict[int, set[int]] = {}  # account id: token ids
        self._used_lock = threading.Lock()
        self._known: dict[tuple[int, int, str], Viewer] = {}

    def sign_in(self, name: str, password: str, client: Client) -> NewToken:
        """Return a new token for a username, or a confirmed mail address, and its password.

        An unknown name costs the same queries and the same hash as a wrong password.

        Raises: Unauthorized in one text for whatever is wrong; TooMany; Unavailable when too many sign in at once.
        """
        key = username_key(name) or self._addresses.key(name)
        self._limits.sign_in(key, client)
        found, known = self._storage.read(lambda tx: self._find(tx, key, client.network))
        if not known:
            self._limits.stranger(key, client)
        fine = self._hashes.verify(None if found is None else found.password_hash, password)
        made = self._issue_to(found, client) if fine and found is not None else None
        SIGN_INS.labels("refused" if made is None else "signed_in").inc()
        if made is None or found is None:
            raise Unauthorized("The name or the password is wrong.", code="bad_credentials")
        if self._hashes.is_outdated(found.password_hash):
            self._rehash(found, password)
        log.info("signed_in", account_id=found.account_id, token_id=made.token.id)
        return made

    def issue(self, account_id: int, client: Client) -> NewToken:
        """Return a new token of an account, whoever asks; its network becomes a known one."""
        token, bearer = self._new(account_id, client)
        self._storage.transact(lambda tx: self._write(tx, account_id, token, bearer, client))
        return NewToken(token, str(bearer))

    def authenticate(self, text: str) -> Viewer:
        """Return who a token's text proves to be asking; one query.

        Raises: Unauthorized, with one and the same text, for a token that is no token, wrong, expired or revoked,
        or whose account takes no part.
        """
        bearer = rules.parse(text)
        if bearer is None:
            raise Unauthorized(_REFUSAL)
        account_id, id_ = bearer.account_id, bearer.token_id
        proof = self._storage.read(lambda tx: tokens.find_proof(tx, account_id, id_))
        return self._check(bearer, proof).viewer

    def authenticate_later(self, text: str, proved: Callable[[Viewer], None]) -> Viewer:
        """Return who a token's text was last proved to be; that it holds is proved by the next question there is.

        `proved` is given who asks then; where the token does not hold any more, that question raises Unauthorized, or
        `settle` does. A token that this process has not met is proved at once. Whether its account's mail address is
        confirmed may have changed since: that is no matter of reading.

        Raises: Unauthorized.
        """
        bearer = rules.parse(text)
        known = None if bearer is None else self._known.get(_key(bearer))
        if bearer is None or known is None:
            viewer = self.authenticate(text)
            if bearer is not None:
                self._remember(bearer, viewer)
            return viewer

        def check(hold: Hold | None) -> None:
            now = self._check(bearer, hold)
            viewer = known
            if (known.version, known.follows_hashtags) != (now.version, now.follows_hashtags):
                viewer = self.authenticate(text)
                self._remember(bearer, viewer)
            proved(viewer)

        self._storage.debts.owe(tokens.hold_of(bearer.account_id, bearer.token_id), check)
        return known

    def settle(self) -> None:
        """Prove now what was to be proved with the next question, if nothing was asked since.

        Raises: Unauthorized.
        """
        try:
            self._storage.settle()
        finally:
            self._storage.debts.forget()

    def _remember(self, bearer: Bearer, viewer: Viewer) -> None:
        if len(self._known) >= _KNOWN:
            self._known = {}
        self._known[_key(bearer)] = viewer

    def _check(self, bearer: Bearer, proof: P | None) -> P:
        """Return what was found of a token where it holds.

        Raises: Unauthorized.
        """
        now_ms = self._ids.now_ms()
        if (
            proof is None
            or not hmac.compare_digest(proof.secret_sha256, bearer.secret_sha256)
            or proof.expires_ms <= now_ms
            or proof.state != State.ACTIVE.value
        ):
            raise Unauthorized(_REFUSAL)
        if now_ms - proof.last_used_ms >= TOUCH_MS:
            with self._used_lock:
                self._used.setdefault(bearer.account_id, set()).add(bearer.token_id)
        return proof

    def holding(self, keys: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
        """Return which tokens, given by (account, id), still hold: for connections that outlive a request."""
        now_ms = self._ids.now_ms()
        held = set[tuple[int, int]]()
        for at in range(0, len(keys), _AT_ONCE):
            some = keys[at : at + _AT_ONCE]
            held |= self._storage.read(lambda tx: tokens.fetch_holding(tx, some, now_ms))  # noqa: B023 - run at once
        return held

    def flush(self) -> None:
        """Write which tokens were used lately; to be called about once a minute, outside requests."""
        with self._used_lock:
            used, self._used = self._used, {}
        if not used:
            return  # no need of a clock, nor of a node number to have it
        now_ms = self._ids.now_ms()
        for account_id, ids in used.items():
            self._touch(account_id, sorted(ids), now_ms)

    def fetch(self, viewer: Viewer, page: Page) -> Slice[Token]:
        """Return one page of the viewer's tokens that hold, newest first."""
        now_ms = self._ids.now_ms()
        rows = self._storage.read(lambda tx: tokens.fetch(tx, viewer.account_id, page, now_ms))
        return pages.cut(rows, page, lambda token: token.id)

    def revoke(self, viewer: Viewer, id_: int) -> None:
        """End one of the viewer's tokens.

        Raises: NotFound when there is none with that id.
        """
        if not self._storage.transact(lambda tx: tokens.remove(tx, viewer.account_id, id_)):
            raise NotFound("token")
        log.info("token_revoked", account_id=viewer.account_id, token_id=id_)

    def revoke_all(self, viewer: Viewer) -> None:
        """End all tokens of the viewer, the one that asks included."""
        self._storage.transact(lambda tx: tokens.remove_all(tx, viewer.account_id))
        log.info("tokens_revoked", account_id=viewer.account_id)

    def _touch(self, account_id: int, ids: Sequence[int], now_ms: int) -> None:
        self._storage.transact(lambda tx: tokens.touch(tx, account_id, ids, now_ms))

    def _find(self, tx: Session, key: str, network: str) -> tuple[Credential | None, bool]:
        """Return who may sign in by that name, and whether from a known network; always the same queries."""
        if "@" in key:
            account_id = claims.find_by_email(tx, self._addresses.hmac(key)) or 0
        else:
            account_id = claims.find_by_username(tx, key) or 0
        found = credentials.find(tx, account_id)
        return found, networks.is_known(tx, account_id, network)

    def _issue_to(self, found: Credential, client: Client) -> NewToken | None:
        """Return a new token, or None when the account is not active or its password was changed meanwhile."""
        if found.state is not State.ACTIVE:
            return None
        token, bearer = self._new(found.account_id, client)

        def work(tx: Session) -> bool:
            if not credentials.hold(tx, found.account_id, found.password_version):
                return False
            self._write(tx, found.account_id, token, bearer, client)
            return True

        return NewToken(token, str(bearer)) if self._storage.transact(work) else None

    def _new(self, account_id: int, client: Client) -> tuple[Token, Bearer]:
        now_ms = self._ids.now_ms()
        agent = client.user_agent[: rules.MAX_USER_AGENT]
        token = Token(self._ids.make(), now_ms, now_ms + self._lifetime_ms, now_ms, agent)
        return token, Bearer(account_id, token.id, secrets.token_urlsafe(32))

    @staticmethod
    def _write(tx: Session, account_id: int, token: Token, bearer: Bearer, client: Client) -> None:
        tokens.remove_expired(tx, account_id, token.created_ms)
        tokens.insert(tx, account_id, token, bearer.secret_sha256)
        networks.remember(tx, account_id, client.network, token.created_ms)

    def _rehash(self, found: Credential, password: str) -> None:
        new = self._hashes.make(password)
        self._storage.transact(
            lambda tx: credentials.rehash(tx, found.account_id, found.password_version, new)
        )


def _key(bearer: Bearer) -> tuple[int, int, str]:
    """Return what a token is known by: not its secret."""
    return bearer.account_id, bearer.token_id, bearer.secret_sha256
