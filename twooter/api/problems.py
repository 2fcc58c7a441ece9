"""Words of the OpenAPI document: what the API is, its pages and errors, the problem shape."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

DESCRIPTION = """\
An API of accounts, twoots, timelines, hashtags and statistics.

**Ids** are decimal strings; their order is the order of time. **Times** are RFC 3339, UTC, with milliseconds.

**Signing in**: `POST /v1/accounts` registers, `POST /v1/tokens` gives a token for `Authorization: Bearer TOKEN`.

**Pages**: a list answers `{"items": [...], "next": CURSOR|null, "prev": CURSOR|null}`, newest first; send a cursor back
as `?cursor=`, with the same `limit`. A cursor belongs to its list and to who asked. `Link` headers hold the same.

**Errors** are problem documents (RFC 9457, `application/problem+json`): `code` is stable and for programs, `detail`
says what to do, `errors` names fields, `request_id` finds the request in the logs. Besides what an operation lists,
404 answers an unknown address, 405 a method that an address does not take; 400, 414 and 431 what is no HTTP, or too
long, and 400 an address that is no UTF-8.

**Idempotency**: where an operation takes an `Idempotency-Key`, sending the same request again with the same key does
nothing twice and answers the same, for 24 hours. The same key with another request is 422; 409 while the first one
still runs. PUT and DELETE may be repeated anyway.

**Conditional requests**: answers that are the same for everyone carry an `ETag`; `If-None-Match` answers 304.

**Limits**: a refused request answers 429 with `Retry-After`; `RateLimit` tells what is left. On 503 nothing was half
done, and trying again after `Retry-After` is safe.
"""
INFO: dict[str, Any] = {"title": "Twooter", "version": "1", "description": DESCRIPTION}  # Any: JSON values

SUMMARIES: dict[int, str] = {
    200: "Done.",
    201: "Made.",
    202: "Accepted; it is done in the background.",
    204: "Done; there is nothing to say.",
    206: "A part of it.",
    304: "Not changed since the answer with this ETag.",
    400: "The request could not be understood: a bad parameter, broken JSON, a cursor of another list.",
    401: "Nobody is signed in, or the token no longer holds.",
    403: "Whoever is signed in may not do this.",
    404: "There is nothing here, or nothing the viewer may see.",
    408: "The body did not arrive in time.",
    409: "The request contradicts the present state.",
    413: "The body is too large.",
    415: "The body is not JSON, or encoded.",
    416: "There is nothing in this range.",
    421: "This is served at another address.",
    422: "A value breaks a rule; `errors` names each field.",
    429: "A limit is used up.",
    500: "Something went wrong here.",
    503: "A part this needs does not answer; try again.",
}
"""What a status means here."""

DESCRIPTIONS: dict[str, str] = {
    "Idempotency-Key": "1 to 255 visible ASCII characters that stand for this request: repeated, it is done once.",
    "If-None-Match": "The ETag of an earlier answer.",
}
"""What a request header is for."""


class FieldProblem(BaseModel):
    """What is wrong with a field."""

    field: str
    code: str
    detail: str


class Problem(BaseModel):
    """A refusal. Source: RFC 9457."""

    type: str = Field(description="A URN of the code.")
    title: str
    status: int
    code: str = Field(description="Stable, for programs.", examples=["bad_cursor"])
    detail: str = Field(description="What to do.")
    request_id: str
    errors: list[FieldProblem]


class MessageProblem(Problem):
    """A refusal of the first version's routes."""

    message: str = Field(description="The same as `detail`.")
