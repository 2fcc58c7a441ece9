"""Accounts: register, read, change the profile; roles and suspension for operators."""

from __future__ import annotations

from functools import partial

from twooter.domain import accounts as rules
from twooter.domain import ids as id_rules
from twooter.domain import searches, text
from twooter.domain.accounts import Account, Role, State, Viewer
from twooter.domain.clients import Client
from twooter.domain.events import AccountEvent, HidingEvent, MailEvent
from twooter.domain.moderation import Act, Deed
from twooter.errors import Conflict, Invalid, NotFound
from twooter.logs import get_logger
from twooter.services.addresses import Addresses
from twooter.services.hashes import Hashes
from twooter.services.ids import Ids
from twooter.services.limits import Limits
from twooter.services.outboxes import Outboxes
from twooter.services.versions import Versions
from twooter.storage import accounts, blocks, claims, credentials, moderation_log, names
from twooter.storage.credentials import Credential
from twooter.storage.database import Session, Storage

log = get_logger("accounts")

PENDING_MS = 600_000
"""After this long a username whose account was never written is free again."""
_SWEPT = 200


class Accounts:
    """What can be done with an account."""

    def __init__(
        self,
        storage: Storage,
        ids: Ids,
        outboxes: Outboxes,
        hashes: Hashes,
        limits: Limits,
        addresses: Addresses,
        versions: Versions,
    ) -> None:
        self._storage = storage
        self._ids = ids
        self._outboxes = outboxes
        self._hashes = hashes
        self._limits = limits
        self._addresses = addresses
        self._versions = versions

    def register(self, username: str, email: str, password: str, client: Client | None) -> Account:
        """Write a new account and return it; a mail to confirm its address follows. Without a client no limit counts.

        Whether the address is known makes no difference here: then the worker writes to its owner instead.

        Raises: Invalid for a bad value; Conflict for a taken name; TooMany; Unavailable when too many register at once.
        """
        if errors := rules.check_username(username) + rules.check_password(password):
            raise Invalid(*errors)
        key, address = username.lower(), self._addresses.check(email)
        if client is not None:
            self._limits.registration(client)
        if self._storage.read(lambda tx: claims.find_by_username(tx, key)) is not None:
            raise _taken()
        password_hash = self._hashes.make(password)
        account = _new(self._ids.make(), key)
        now_ms = id_rules.time_ms(account.id)
        if not self._storage.transact(lambda tx: claims.claim_username(tx, key, account.id, now_ms)):
            raise _taken()
        request_id = None if client is None else client.request_id
        self._outboxes.transact(lambda tx: self._write(tx, account, address, password_hash, request_id))
        self._storage.transact(lambda tx: claims.settle_username(tx, key, account.id))
        log.info("account_registered", account_id=account.id)
        return account

    def get(self, id_: int, viewer: Viewer | None = None) -> Account:
        """Return an active account.

        Raises: NotFound when there is none, or it blocks the viewer.
        """
        account = self._storage.read(lambda tx: accounts.find(tx, id_))
        if account is None or account.state is not State.ACTIVE:
            raise NotFound("account")
        if viewer is not None and self._storage.read(lambda tx: blocks.holds(tx, id_, viewer.account_id)):
            raise NotFound("account")
        return account

    def lookup(self, username: str, viewer: Viewer | None = None) -> Account:
        """Return the active account of a username, in any case.

        Raises: NotFound when there is none, or it blocks the viewer.
        """
        return self.get(self._id_of(username), viewer)

    def me(self, viewer: Viewer) -> tuple[Account, Credential]:
        """Return the viewer's account with what only the viewer sees.

        Raises: NotFound when it has just been deleted.
        """
        account = self.get(viewer.account_id)
        found = self._storage.read(lambda tx: credentials.find(tx, viewer.account_id))
        if found is None:
            raise NotFound("account")
        return account, found

    def change_profile(
        self, viewer: Viewer, *, display_name: str | None, bio: str | None, protected: bool | None = None
    ) -> tuple[Account, Credential]:
        """Change what the viewer says of itself, and whether it is protected; None leaves it. Return what `me` does.

        Who follows a protected account already goes on, and requests stay until they are answered or asked again.

        Raises: Invalid for a bad value; NotFound when the account has just been deleted.
        """
        display_name = None if display_name is None else text.clean(display_name)
        bio = None if bio is None else text.clean(bio)
        if errors := rules.check_profile(display_name, bio):
            raise Invalid(*errors)
        id_ = viewer.account_id

        def work(tx: Session) -> bool:
            if display_name is not None:
                names.put(tx, id_, searches.names_of(viewer.username, display_name))
            return accounts.set_profile(tx, id_, display_name=display_name, bio=bio, protected=protected)

        if not self._storage.transact(work):
            raise NotFound("account")
        if protected is None or protected == viewer.protected:
            self._versions.move(id_, [])
        else:
            self._versions.move_all(id_)
        log.info("profile_changed", account_id=id_)
        return self.me(viewer)

    def promote(self, username: str, role: Role) -> None:
        """Give an account a role.

        Raises: NotFound when there is no such account.
        """
        id_ = self._id_of(username)
        if not self._storage.transact(lambda tx: accounts.set_role(tx, id_, role)):
            raise NotFound("account")
        log.info("account_promoted", account_id=id_, role=role.value)

    def suspend(self, username: str, *, lift: bool = False) -> None:
        """Hide an account and make its tokens void, or take that back; for operators.

        Raises: NotFound when there is no such account, or it is being deleted.
        """
        id_, act = self._id_of(username), Act.READMIT if lift else Act.SUSPEND
        self.set_suspended(Deed(self._ids.make(), id_, None, act, ""))

    def set_suspended(self, deed: Deed) -> None:
        """Suspend an account or readmit it, as a row of the moderation log says; twice changes nothing.

        Raises: NotFound when there is no such account, or it is being deleted.
        """
        id_, states = deed.account_id, (State.ACTIVE, State.SUSPENDED)
        before, after = states if deed.act is Act.SUSPEND else states[::-1]

        def work(tx: Session) -> None:
            if accounts.set_state(tx, id_, after, among=(before,)):
                moderation_log.append(tx, deed)
                if after is State.SUSPENDED:
                    self._outboxes.append(tx, id_, HidingEvent(id_, 0), request_id=None)
                return
            account = accounts.find(tx, id_)
            if account is None or account.state not in states:
                raise NotFound("account")

        self._outboxes.transact(work)
        self._versions.move_all(id_)
        log.info("account_suspended" if after is State.SUSPENDED else "account_readmitted", account_id=id_)

    def sweep_claims(self) -> int:
        """Free usernames whose account was never written, settle the others; return how many were looked at."""
        before_ms = self._ids.now_ms() - PENDING_MS
        pending = self._storage.read(lambda tx: claims.fetch_pending(tx, before_ms, _SWEPT))
        written = self._storage.read(lambda tx: accounts.fetch(tx, [id_ for _, id_ in pending]))
        for username, id_ in pending:
            act = claims.settle_username if id_ in written else claims.release_username
            self._storage.transact(partial(act, username=username, account_id=id_))
        if pending:
            log.info("claims_swept", claims=len(pending), settled=len(written))
        return len(pending)

    def _id_of(self, username: str) -> int:
        key = rules.username_key(username)
        id_ = None if key is None else self._storage.read(lambda tx: claims.find_by_username(tx, key))
        if id_ is None:
            raise NotFound("account")
        return id_

    def _write(
        self, tx: Session, account: Account, address: str, password_hash: str, request_id: str | None
    ) -> None:
        accounts.insert(tx, account)
        names.put(tx, account.id, searches.names_of(account.username, account.display_name))
        credentials.insert(tx, account.id, email=address, password_hash=password_hash)
        registered = AccountEvent(1, account.id, id_rules.time_ms(account.id))
        mail = MailEvent("confirmation", account.id, None)
        for event in (registered, mail):
            self._outboxes.append(tx, account.id, event, request_id=request_id)


def _new(id_: int, username: str) -> Account:
    return Account(id_, username, username, "", False, False, Role.USER, State.ACTIVE, 1, 0, 0, 0)


def _taken() -> Conflict:
    return Conflict("This username is taken; choose another.", code="username_taken")
