"""What the running application says it can do, out of its own OpenAPI document: new routes are tested by themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tests.faults.clients import PASSWORD, Answer, Client

Json = dict[str, Any]

PLAUSIBLE: Json = {
    "username": "somebody_new",
    "email": "somebody@example.com",
    "password": PASSWORD,
    "old_password": "not " + PASSWORD,
    "token": "no-token",
    "text": "Plausible #words",
    "tag": "plausible",
    "title": "Plausible",
    "display_name": "Somebody",
    "bio": "Plausible.",
    "prefix": "plausible",
    "ids": "1",
    "q": "plausible",
    "id": "1",
    "account_id": "1",
    "reason": "spam",
    "note": "Plausible.",
    "choices": [0],
    "usernames": ["plausible"],
}
"""A value for each name that something requires, or that text can be kept under."""


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    described: Json
    components: Json

    def __str__(self) -> str:
        """Return what tests call it."""
        return f"{self.method} {self.path}"

    @property
    def signed_in_only(self) -> bool:
        """Tell whether it answers nobody without a token."""
        security: list[Json] = self.described["security"]
        return bool(security) and {} not in security

    def parameters(self, place: str) -> dict[str, Json]:
        """Return the schemas of the parameters in `path`, `query` or `header`, by name."""
        return {p["name"]: p["schema"] for p in self.described["parameters"] if p["in"] == place}

    @property
    def statuses(self) -> set[int]:
        """Return what it is said to answer."""
        return {int(status) for status in self.described["responses"]}

    @property
    def fields(self) -> dict[str, Json]:
        """Return the schemas of its body's fields, by name; none when it takes no body."""
        if "requestBody" not in self.described:
            return {}
        schema = self.described["requestBody"]["content"]["application/json"]["schema"]
        found: dict[str, Json] = self._resolve(schema)["properties"]
        return found

    def plausible_body(self, **replaced: Any) -> Json | None:
        """Return a body that makes sense, but for the fields given; None when it takes none."""
        if not self.fields:
            return None
        body = {name: PLAUSIBLE[name] for name in self.fields if name in PLAUSIBLE}
        return {**body, **replaced}

    def plausible_query(self, **replaced: str) -> dict[str, str]:
        """Return a query with what is required, but for the parameters given."""
        required = {
            p["name"]: PLAUSIBLE[p["name"]]
            for p in self.described["parameters"]
            if p["in"] == "query" and p["required"]
        }
        return {**required, **replaced}

    def address(self, places: Json | None = None, query: Any = None) -> str:
        """Return the address with values in place of its parameters (`1` where none is given), and a query."""
        path = self.path
        for name in self.parameters("path"):
            path = path.replace(f"{{{name}}}", quote(str((places or {}).get(name, "1")), safe=""))
        asked = urlencode(self.plausible_query() if query is None else query)
        return f"{path}?{asked}" if asked else path

    def _resolve(self, schema: Json) -> Json:
        if "anyOf" in schema:  # the first is what it is documented by
            return self._resolve(schema["anyOf"][0])
        if "$ref" in schema:
            found: Json = self.components[schema["$ref"].rpartition("/")[2]]
            return found
        return schema


def operations(client: Client) -> list[Operation]:
    """Return everything the document names, with bodies' schemas resolved."""
    answer = client.call("GET", "/openapi.json")
    assert answer.status == 200, answer
    return list(_operations(answer))


def _operations(answer: Answer) -> Iterator[Operation]:
    document = answer.json
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield Operation(method.upper(), path, described, schemas)


def kinds(schema: Json) -> set[str]:
    """Return the JSON types a schema allows."""
    if "anyOf" in schema:
        return set().union(*(kinds(part) for part in schema["anyOf"]))
    return {schema["type"]} if "type" in schema else set()
