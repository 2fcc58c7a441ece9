"""What a responder takes and answers: declared beside it, read by the doorway and by the OpenAPI document."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

F = TypeVar("F", bound=Callable[..., None])


class Auth(enum.StrEnum):
    """Who may call."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"
    MODERATOR = "moderator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one route.

    `body` is a model, or alternatives that a client may send. `answers` maps a status to the model or JSON type of its
    body, None for no body. `errors` are the statuses refused with a problem beside those every operation has.
    """

    summary: str
    auth: Auth = Auth.NONE
    query: type[BaseModel] | None = None
    body: Any = None  # Any: a type pydantic can describe
    text_body: str | None = None
    """A media type that is taken instead of JSON; such a body is text."""
    description: str | None = None
    """What the summary and the shapes leave open, in Markdown."""
    answers: Mapping[int, Any] = field(default_factory=dict)  # Any: a type pydantic can describe
    errors: tuple[int, ...] = ()
    body_optional: bool = False
    idempotent_by_key: bool = False
    proved_with_answer: bool = False
    """The token is proved by the same packet as the first question: for what only reads, by the viewer's id."""
    cached: bool = False
    """Answers 304 to a matching If-None-Match."""
    max_body_bytes: int = 0
    """Bytes that a signed-in client may send, where that is more than elsewhere."""
    media_type: str = "application/json"
    other_media_types: tuple[str, ...] = ()
    """Answered instead where the client or the address asks for them; their bodies are text."""


def operation(summary: str, **options: Any) -> Callable[[F], F]:  # Any: the fields of Operation
    """Attach an Operation to a responder, which itself stays as it is."""

    def attach(responder: F) -> F:
        responder.operation = Operation(summary, **options)  # type: ignore[attr-defined]  # functions take attributes
        return responder

    return attach


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def operations_of(resource: object) -> dict[str, Operation]:
    """Return by method what a resource's responders declare."""
    declared = {
        method: getattr(getattr(resource, f"on_{method.lower()}", None), "operation", None)
        for method in METHODS
    }
    return {method: found for method, found in declared.items() if found is not None}
