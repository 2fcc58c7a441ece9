"""Passwords over HTTP: change, reset by mail."""

from __future__ import annotations

import falcon
from pydantic import Field

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.operations import Auth, operation
from twooter.services.passwords import Passwords

_PAGE = """\
You asked for a new password.

The address you came by ends in # and a token, which your browser has kept to itself. To set the password, send it:

curl -X PUT {url} -H 'Content-Type: application/json' -d '{{"token": "TOKEN", "password": "NEW PASSWORD"}}'

Looking at this page changes nothing.
"""


class ChangeBody(params.Body):
    """The old password and the new one."""

    old_password: str = Field(max_length=1000)
    password: str = Field(max_length=1000, description="8 to 256 characters.")


class ResetRequestBody(params.Body):
    """Whose password is lost."""

    email: str = Field(max_length=254)


class ResetBody(params.Body):
    """The token of the mail, and the new password."""

    token: str = Field(max_length=512)
    password: str = Field(max_length=1000, description="8 to 256 characters.")


class PasswordResource:
    """`/v1/me/password`."""

    def __init__(self, passwords: Passwords, clients: Clients) -> None:
        self._passwords = passwords
        self._clients = clients

    @operation(
        "Change one's password; every other token ends",
        auth=Auth.REQUIRED,
        body=ChangeBody,
        answers={204: None},
        errors=(403, 429),
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Change."""
        given = params.body(req, ChangeBody)
        client = self._clients.of(req)
        self._passwords.change(req.context.viewer, given.old_password, given.password, client)
        resp.status = falcon.HTTP_204


class PasswordResetsResource:
    """`/v1/password-resets`."""

    def __init__(self, passwords: Passwords, clients: Clients, *, public_url: str) -> None:
        self._passwords = passwords
        self._clients = clients
        self._page = _PAGE.format(url=f"{public_url}/v1/password-resets")

    @operation("Say how to use a reset link", answers={200: str}, media_type="text/plain")
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Explain."""
        resp.content_type, resp.text = falcon.MEDIA_TEXT, self._page

    @operation(
        "Ask for a mail to reset a password; the answer is the same for every address",
        body=ResetRequestBody,
        answers={202: None},
        errors=(429,),
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Ask."""
        self._passwords.request_reset(params.body(req, ResetRequestBody).email, self._clients.of(req))
        resp.status = falcon.HTTP_202

    @operation("Set a new password; every token ends", body=ResetBody, answers={204: None})
    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set."""
        given = params.body(req, ResetBody)
        self._passwords.reset(given.token, given.password)
        resp.status = falcon.HTTP_204
