"""Requests to values: strict queries, bounded JSON bodies, ids, idempotency keys."""

from __future__ import annotations

import hashlib
import re
import time
from typing import Annotated, Any, ClassVar, TypeVar, get_origin

import falcon
import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from twooter.domain import ids
from twooter.domain.pages import DEFAULT_LIMIT, MAX_LIMIT
from twooter.errors import BadRequest, FieldError, Invalid, NotFound
from twooter.storage.idempotency import Idempotency

M = TypeVar("M", bound=BaseModel)
_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_CHUNK = 16_384
_JSON = ("application/json", "application/merge-patch+json")


def _strict_integer(value: Any) -> Any:  # Any: what a query or a default gives
    if isinstance(value, str):
        if _INTEGER.fullmatch(value) is None:
            raise ValueError("must be a decimal number")
        return int(value)
    return value


Integer = Annotated[int, BeforeValidator(_strict_integer)]
"""A number of ASCII digits: no underscores, spaces, or digits of other scripts."""


class Query(BaseModel):
    """A query string; what it does not know is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Body(BaseModel):
    """A JSON object; what it does not know is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)
    bare_list: ClassVar[str | None] = None
    """The field that a list stands for where it is sent in place of the object."""


class PageQuery(Query):
    """A page of a list."""

    limit: Integer = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Items on the page.")
    cursor: str | None = Field(None, max_length=512, description="`next` or `prev` of an earlier page.")


def query(req: falcon.Request, model: type[M], *, unprocessable: bool = False) -> M:
    """Return the query string as a model; a parameter whose field is a list may be given several times.

    Raises: BadRequest naming the first bad parameter, or one given twice; with `unprocessable`, Invalid for a value
    that does not fit the model.
    """
    given: dict[str, Any] = {}
    for name, value in req.params.items():
        if name in model.model_fields or name in _aliases(model):
            if _takes_many(model, name):
                given[name] = value if isinstance(value, list) else [value]
                continue
            if isinstance(value, list):
                raise BadRequest(f"{name}: give this parameter once.", code="repeated_parameter", field=name)
            given[name] = value
    try:
        return model.model_validate(given)
    except ValidationError as ex:
        if unprocessable:
            raise Invalid(*_field_errors(ex)) from None
        first = _field_errors(ex)[0]
        raise BadRequest(f"{first.field}: {first.detail}", code="bad_parameter", field=first.field) from None


def body(req: falcon.Request, model: type[M]) -> M:
    """Return the JSON body as a model.

    Raises: falcon.HTTPError 408, 413 or 415; BadRequest for broken JSON; Invalid for values that break a rule.
    """
    value = _loads(_read(req, _JSON))
    if isinstance(value, list) and issubclass(model, Body) and model.bare_list is not None:
        value = {model.bare_list: value}
    if not isinstance(value, dict):
        raise Invalid.field("body", "not_an_object", "Send a JSON object.")
    return checked(model, value)


def checked(model: type[M], value: dict[str, Any]) -> M:  # Any: JSON
    """Return values as a model.

    Raises: Invalid for values that break a rule.
    """
    try:
        return model.model_validate(value)
    except ValidationError as ex:
        raise Invalid(*_field_errors(ex)) from None


def optional_body(req: falcon.Request, model: type[M]) -> M:
    """Return the JSON body as a model, as `body` does; without any, and no word of one, what its fields are then."""
    if not req.content_type and not req.content_length and "HTTP_TRANSFER_ENCODING" not in req.env:
        return model()
    return body(req, model)


def text(req: falcon.Request, media_type: str) -> str | None:
    """Return the body as text, or None where it is of another type; what in it is no UTF-8 is replaced.

    Raises: falcon.HTTPError 408, 413 or 415; BadRequest for an empty body, or one that breaks off.
    """
    return _read(req, (media_type,)).decode(errors="replace") if _media_type(req) == media_type else None


def id_of(text: str, noun: str) -> int:
    """Return the id in a path.

    Raises: NotFound for what is no id.
    """
    id_ = ids.parse(text)
    if id_ is None:
        raise NotFound(noun)
    return id_


def idempotency_key(req: falcon.Request, value: BaseModel) -> Idempotency | None:
    """Return the Idempotency-Key header with a hash of the route and the body it stands for.

    Raises: BadRequest when the header is not 1 to 255 visible ASCII characters.
    """
    key = req.get_header("Idempotency-Key")
    if key is None:
        return None
    if _KEY.fullmatch(key) is None:
        raise BadRequest(
            "Idempotency-Key: use 1 to 255 visible ASCII characters.", code="bad_key", field="Idempotency-Key"
        )
    content = f"{req.method} {req.uri_template} {value.model_dump_json()}"
    return Idempotency(key, hashlib.sha256(content.encode()).hexdigest())


def _aliases(model: type[BaseModel]) -> set[str]:
    return {f.alias for f in model.model_fields.values() if f.alias}


def _takes_many(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    return field is not None and get_origin(field.annotation) is list


def _media_type(req: falcon.Request) -> str:
    return (req.content_type or "").split(";")[0].strip().lower()


def _read(req: falcon.Request, media_types: tuple[str, ...]) -> bytes:
    if _media_type(req) not in media_types:
        if not req.content_type and not req.content_length and "HTTP_TRANSFER_ENCODING" not in req.env:
            raise BadRequest("Send a JSON body.", code="empty_body")
        raise falcon.HTTPUnsupportedMediaType(description=f"Send the body as {media_types[0]}.")
    if req.get_header("Content-Encoding", default="identity").lower() != "identity":
        raise falcon.HTTPUnsupportedMediaType(description="Send the body without Content-Encoding.")
    limit, seconds = req.context.max_body_bytes, req.context.body_timeout_seconds
    if (req.content_length or 0) > limit:
        raise falcon.HTTPContentTooLarge(description=f"Send at most {limit} bytes.")
    stream = req.stream if req.content_length is None else req.bounded_stream
    deadline = time.monotonic() + seconds
    parts, size = [], 0
    while chunk := _chunk(stream, deadline):
        parts.append(chunk)
        size += len(chunk)
        if size > limit:
            raise falcon.HTTPContentTooLarge(description=f"Send at most {limit} bytes.")
    if req.content_length is not None and size < req.content_length:
        raise _broken_off(deadline)
    if not size:
        raise BadRequest("The body is empty.", code="empty_body")
    return b"".join(parts)


def _chunk(stream: Any, deadline: float) -> bytes:  # Any: gunicorn's body or Falcon's bounded stream
    """Return the next bytes, none at the end; the web server ends the stream of a client that takes too long."""
    try:
        data: bytes = stream.read(_CHUNK)
    except Exception:  # noqa: BLE001 - each server has errors of its own for a body that breaks off
        raise _broken_off(deadline) from None
    if time.monotonic() > deadline:
        raise _broken_off(deadline)
    return data


def _broken_off(deadline: float) -> Exception:
    if time.monotonic() > deadline:
        return falcon.HTTPError(408, description="The body took too long; send it again.")
    return BadRequest("The body broke off, or its chunks are broken.", code="short_body")


def _loads(raw: bytes) -> Any:  # Any: JSON
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as ex:
        if "surrogate in string" in ex.msg:  # well-formed JSON, whose escapes make no text
            raise Invalid.field("body", "bad_unicode", "Send no lone surrogates.") from None
        raise BadRequest("The body is not valid JSON in UTF-8.", code="bad_json") from None


def _field_errors(ex: ValidationError) -> list[FieldError]:
    return [
        FieldError(
            ".".join(str(part) for part in e["loc"]) or "body",
            e["type"],
            e["msg"].removeprefix("Value error, "),
        )
        for e in ex.errors(include_input=False, include_url=False, include_context=False)
    ]
