"""Confirmations of mail addresses over HTTP."""

from __future__ import annotations

import falcon
from pydantic import Field

from twooter.api import params
from twooter.api.clients import Clients
from twooter.api.operations import Auth, operation
from twooter.services.confirmations import Confirmations

_PAGE = """\
You registered with this mail address.

The address you came by ends in # and a token, which your browser has kept to itself. To confirm, send it:

curl -X POST {url} -H 'Content-Type: application/json' -d '{{"token": "TOKEN"}}'

Looking at this page changes nothing.
"""


class ConfirmationBody(params.Body):
    """The token of the mail."""

    token: str = Field(max_length=512)


class ConfirmationsResource:
    """`/v1/email-confirmations`."""

    def __init__(self, confirmations: Confirmations, *, public_url: str) -> None:
        self._confirmations = confirmations
        self._page = _PAGE.format(url=f"{public_url}/v1/email-confirmations")

    @operation("Say how to use a confirmation link", answers={200: str}, media_type="text/plain")
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Explain."""
        resp.content_type, resp.text = falcon.MEDIA_TEXT, self._page

    @operation("Confirm a mail address", body=ConfirmationBody, answers={204: None}, errors=(409,))
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Confirm."""
        self._confirmations.confirm(params.body(req, ConfirmationBody).token)
        resp.status = falcon.HTTP_204


class MyConfirmationsResource:
    """`/v1/me/email-confirmations`."""

    def __init__(self, confirmations: Confirmations, clients: Clients) -> None:
        self._confirmations = confirmations
        self._clients = clients

    @operation(
        "Ask for the confirmation mail once more", auth=Auth.REQUIRED, answers={202: None}, errors=(429,)
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Ask."""
        self._confirmations.send_again(req.context.viewer, self._clients.of(req))
        resp.status = falcon.HTTP_202
