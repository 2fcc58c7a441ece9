"""The viewer's own account over HTTP: read, change, delete."""

from __future__ import annotations

from typing import Any

import falcon
from pydantic import Field

from twooter.api import params
from twooter.api.native.accounts import AccountShape, account
from twooter.api.operations import Auth, operation
from twooter.domain.accounts import Account
from twooter.services.accounts import Accounts
from twooter.services.deletions import Deletions
from twooter.storage.credentials import Credential


class MeShape(AccountShape):
    """An account as its owner sees it."""

    email: str
    email_confirmed: bool
    role: str
    silenced: bool = Field(
        description="By moderators: your twoots are on public and hashtags' timelines, in search and trends for your "
        "followers alone, and nobody else is notified of what you do."
    )


class ProfileBody(params.Body):
    """What to change; null, or nothing, leaves what is there."""

    display_name: str | None = Field(None, max_length=2_000, description="Up to 50 characters, one line.")
    bio: str | None = Field(None, max_length=6_000, description="Up to 160 characters.")
    protected: bool | None = Field(
        None,
        description="Whether following needs your approval, and only followers see your twoots, followers and whom you "
        "follow. Who follows you already goes on; requests stay until you answer them, or are asked again.",
    )


def me(value: Account, credential: Credential) -> dict[str, Any]:
    """Return the shape of the viewer's own account."""
    return account(value) | {
        "email": credential.email,
        "email_confirmed": credential.email_confirmed_ms is not None,
        "role": value.role.value,
        "silenced": value.silenced,
    }


class MeResource:
    """`/v1/me`."""

    def __init__(self, accounts: Accounts, deletions: Deletions) -> None:
        self._accounts = accounts
        self._deletions = deletions

    @operation("Read one's own account", auth=Auth.REQUIRED, answers={200: MeShape}, errors=(404,))
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        resp.media = me(*self._accounts.me(req.context.viewer))

    @operation(
        "Change one's profile", auth=Auth.REQUIRED, body=ProfileBody, answers={200: MeShape}, errors=(404,)
    )
    def on_patch(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Change."""
        given = params.body(req, ProfileBody)
        resp.media = me(
            *self._accounts.change_profile(
                req.context.viewer,
                display_name=given.display_name,
                bio=given.bio,
                protected=given.protected,
            )
        )

    @operation("Delete one's account", auth=Auth.REQUIRED, answers={202: None}, errors=(404,))
    def on_delete(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Delete: hidden at once, removed in the background."""
        self._deletions.request(req.context.viewer, request_id=req.context.request_id)
        resp.status = falcon.HTTP_202
