"""Cursors: opaque, signed, bound to the list and the viewer they were made for."""

from __future__ import annotations

import base64
import hashlib
import hmac

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_encode

from twooter.domain.pages import Page
from twooter.errors import BadRequest


class Cursors:
    """Makes and reads cursors; `scope` names the route, its filter and the viewer."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        # itsdangerous signs with the last key and verifies with all
        self._signer = Signer(list(reversed(keys)), salt=b"cursor", digest_method=hashlib.sha256)
        # which the signer would begin anew for each cursor
        self._begun = hmac.new(self._signer.derive_key(), digestmod=hashlib.sha256)

    def make(self, scope: str, *, before: int | None = None, after: int | None = None) -> str:
        """Return the cursor of the page before (older than) or after (newer than) an id."""
        text = f"b{before}" if before is not None else f"a{after}"
        signing = self._begun.copy()
        signing.update(f"{scope}\n{text}".encode())
        signature = base64_encode(signing.digest()).decode()
        return _encode(f"{text}.{signature}")

    def page(self, scope: str, limit: int, cursor: str | None) -> Page:
        """Return the page a cursor names, or the first one.

        Raises: BadRequest for a cursor that was changed, or made for another list or viewer.
        """
        if cursor is None:
            return Page(limit)
        try:
            content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
            text, _, signature = content.partition(".")
            # the decoder passes over characters that are none of its own: only what was made here is a cursor
            if _encode(content) != cursor or not self._signer.verify_signature(f"{scope}\n{text}", signature):
                raise BadSignature("cursor")
            id_ = int(text[1:])
        except (ValueError, BadSignature):
            raise BadRequest(
                "cursor: not one of this list; start again without it.", code="bad_cursor", field="cursor"
            ) from None
        return Page(limit, before=id_) if text[0] == "b" else Page(limit, after=id_)


def _encode(content: str) -> str:
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")
