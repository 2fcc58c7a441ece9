"""The OpenAPI document: made from the route table and the operations declared beside the responders.

Source: OpenAPI Specification 3.1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import TypeAdapter

from twooter.api.operations import Auth, Operation, operations_of
from twooter.api.params import PageQuery
from twooter.api.problems import DESCRIPTIONS, INFO, SUMMARIES, MessageProblem, Problem

Json = dict[str, Any]  # Any: a JSON object
_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_FIRST_VERSION = ("/messages", "/management/")
_BODY_ERRORS = (400, 408, 413, 415, 422)
_ID = {
    "type": "string",
    "pattern": "^[1-9][0-9]{0,18}$",
    "description": "An id: a decimal number as a string.",
}
_HEADERS: Json = {
    "X-Request-ID": "Names this request in the logs; as given in the request, or made here.",
    "Link": "The following and previous pages (RFC 8288), as `next` and `prev` of the body.",
    "ETag": "Changes when the answer does; for `If-None-Match`.",
    "RateLimit": "What is left of the limits this request counted for.",
    "RateLimit-Policy": "The limits this request counted for.",
    "Retry-After": "Seconds after which to try again.",
    "Location": "The address of what was made.",
    "WWW-Authenticate": "How to sign in.",
}


class Described(Protocol):
    """A route: an address, and a resource whose responders carry operations."""

    @property
    def path(self) -> str:
        """Return the template of the address."""

    @property
    def resource(self) -> Any:  # Any: Falcon's resources have no common type
        """Return the resource, or its class."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """An operation where it is served."""

    path: str
    method: str
    operation: Operation
    tag: str

    @property
    def id(self) -> str:
        return f"{self.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', self.path.lower()).strip('_') or 'root'}"

    @property
    def is_first_version(self) -> bool:
        return self.path.startswith(_FIRST_VERSION)


def document(routes: Sequence[Described]) -> Json:
    """Return the OpenAPI document of all routes, as JSON values."""
    entries = list(_entries(routes))
    schemas, definitions = _schemas(entries)
    paths: Json = {}
    for entry in entries:
        paths.setdefault(entry.path, {})[entry.method.lower()] = _operation(entry, schemas, definitions)
    for entry in entries:
        if entry.operation.query is not None:  # shown as parameters
            definitions.pop(_name(schemas[entry.id, "query"]), None)
    tags = sorted({entry.tag for entry in entries})
    return {
        "openapi": "3.1.1",
        "info": INFO,
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(definitions.items())),
            "headers": {name: _header(name) for name in _HEADERS},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `POST /v1/tokens`.",
                }
            },
        },
    }


def _entries(routes: Sequence[Described]) -> Iterator[_Entry]:
    for route in routes:
        kind = route.resource if isinstance(route.resource, type) else type(route.resource)
        for method, operation in operations_of(route.resource).items():
            yield _Entry(route.path, method, operation, kind.__module__.rpartition(".")[2])


def _schemas(entries: Sequence[_Entry]) -> tuple[dict[tuple[str, Any], Json], dict[str, Json]]:
    """Return the schema of each operation's query, body and answers, and the definitions they refer to."""
    inputs: list[Any] = [  # Any: pydantic's triples
        (("", "problem"), "serialization", TypeAdapter(Problem)),
        (("", "message_problem"), "serialization", TypeAdapter(MessageProblem)),
    ]
    for entry in entries:
        operation = entry.operation
        if operation.query is not None:
            inputs.append(((entry.id, "query"), "validation", TypeAdapter(operation.query)))
        if operation.body is not None:
            inputs.append(((entry.id, "body"), "validation", TypeAdapter(operation.body)))
        for status, answer in operation.answers.items():
            if answer is not None:
                inputs.append(((entry.id, status), "serialization", TypeAdapter(answer)))
    found, shared = TypeAdapter.json_schemas(inputs, ref_template=_REF)
    return {key: schema for (key, _), schema in found.items()}, shared.get("$defs", {})


def _operation(entry: _Entry, schemas: dict[tuple[str, Any], Json], definitions: dict[str, Json]) -> Json:
    operation = entry.operation
    parameters = _path_parameters(entry.path)
    if operation.query is not None:
        parameters += _query_parameters(definitions[_name(schemas[entry.id, "query"])])
    parameters += _header_parameters(operation)
    described: Json = {
        "operationId": entry.id,
        "summary": operation.summary,
        "tags": [entry.tag],
        "parameters": parameters,
        "responses": _responses(entry, schemas),
        "security": _security(operation.auth),
    }
    if operation.description is not None:
        described["description"] = operation.description
    if operation.body is not None:
        content = {"application/json": {"schema": schemas[entry.id, "body"]}}
        if operation.text_body is not None:
            content[operation.text_body] = {"schema": {"type": "string", "minLength": 1}}
        described["requestBody"] = {"required": not operation.body_optional, "content": content}
    return described


def _path_parameters(path: str) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _ID if name in ("id", "member") else {"type": "string", "minLength": 1},
        }
        for name in _PARAMETER.findall(path)
    ]


def _query_parameters(model: Json) -> list[Json]:
    required = model.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": schema.get("description", ""),
            "schema": _without_null({k: v for k, v in schema.items() if k != "description"}),
        }
        for name, schema in model["properties"].items()
    ]


def _without_null(schema: Json) -> Json:
    """Return a parameter's schema without null: what is not given is left out."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    rest: Json = {k: v for k, v in schema.items() if k != "anyOf" and not (k == "default" and v is None)}
    if len(kinds) == 1:
        rest.update(kinds[0])
    elif kinds:
        rest["anyOf"] = kinds
    return rest


def _header_parameters(operation: Operation) -> list[Json]:
    found = []
    if operation.idempotent_by_key:
        # where nobody may be signed in, nobody's key is passed over, whatever it looks like
        checked = {"pattern": "^[!-~]{1,255}$"} if operation.auth is Auth.REQUIRED else {}
        found.append(("Idempotency-Key", {"type": "string"} | checked))
    if operation.cached:
        found.append(("If-None-Match", {"type": "string"}))
    return [
        {"name": name, "in": "header", "required": False, "description": DESCRIPTIONS[name], "schema": schema}
        for name, schema in found
    ]


def _security(auth: Auth) -> list[Json]:
    if auth is Auth.NONE:
        return []
    bearer: list[Json] = [{"bearer": []}]
    return [{}, *bearer] if auth is Auth.OPTIONAL else bearer


def _errors(entry: _Entry) -> set[int]:
    operation = entry.operation
    found = {*operation.errors, 500, 503}
    if operation.auth is not Auth.NONE:
        found.add(401)
    if operation.auth in (Auth.MODERATOR, Auth.ADMIN):
        found.add(403)
    if operation.query is not None or _PARAMETER.search(entry.path):
        found.add(400)
    if operation.body is not None:
        found.update(_BODY_ERRORS)
    if operation.idempotent_by_key:
        found.update((400, 409, 422))
    if "{id}" in entry.path:
        found.add(404)
    return found - set(operation.answers)


def _responses(entry: _Entry, schemas: dict[tuple[str, Any], Json]) -> Json:
    operation = entry.operation
    found: Json = {}
    for status, answer in operation.answers.items():
        found[str(status)] = {
            "description": SUMMARIES[status],
            "headers": _refs(_answer_headers(entry, status)),
        }
        if answer is not None:
            others = {kind: {"schema": {"type": "string"}} for kind in operation.other_media_types}
            found[str(status)]["content"] = {
                operation.media_type: {"schema": schemas[entry.id, status]},
                **others,
            }
    if operation.cached:
        found["304"] = {"description": SUMMARIES[304], "headers": _refs(["X-Request-ID", "ETag"])}
    kind = "message_problem" if entry.is_first_version else "problem"
    for status in sorted(_errors(entry)):
        found[str(status)] = {
            "description": SUMMARIES[status],
            "headers": _refs(_error_headers(status)),
            "content": {"application/problem+json": {"schema": schemas["", kind]}},
        }
    return found


def _answer_headers(entry: _Entry, status: int) -> list[str]:
    operation, found = entry.operation, ["X-Request-ID"]
    if operation.query is not None and issubclass(operation.query, PageQuery):
        found.append("Link")
    if operation.cached:
        found.append("ETag")
    if 429 in operation.errors:
        found += ["RateLimit", "RateLimit-Policy"]
    if status == 201:
        found.append("Location")
    return found


def _error_headers(status: int) -> list[str]:
    more = {
        401: ["WWW-Authenticate"],
        429: ["Retry-After", "RateLimit", "RateLimit-Policy"],
        503: ["Retry-After"],
    }
    return ["X-Request-ID", *more.get(status, [])]


def _refs(headers: Sequence[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers}


def _header(name: str) -> Json:
    schema = {"type": "integer"} if name == "Retry-After" else {"type": "string"}
    return {"description": _HEADERS[name], "schema": schema}


def _name(schema: Json) -> str:
    """Return the name a reference leads to."""
    return str(schema["$ref"]).rpartition("/")[2]
