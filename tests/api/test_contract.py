"""What the OpenAPI document promises, tried by schemathesis: no crash, no answer that is not in the document."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.databases import SqliteTemplate
from tests.houses import PASSWORD, opened
from tests.outbox import drain
from twooter.api.app import create_app, routes
from twooter.api.openapi import document
from twooter.domain.accounts import Role
from twooter.domain.clients import Client
from twooter.domain.pages import Page
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.wiring import wire

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    ignored_auth,
    unsupported_method,
]
EXAMPLES = 25
PATHS: dict[str, dict[str, object]] = document(
    routes(wire(Settings.model_validate({"secret_keys": ("x" * 32,), "database_url": "sqlite:////dev/null"})))
)["paths"]
OPERATIONS = [(method, path) for path, methods in PATHS.items() for method in methods]
MANY = dict.fromkeys([name for name in Settings.model_fields if name.startswith("limit_")], "1000000/hour")


@pytest.fixture(scope="module")
def services(sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Return services whose limits are never used up, with something to read."""
    folder = tmp_path_factory.mktemp("contract")
    settings = {"database_url": sqlite_template.fresh(folder), "var_dir": folder / "var", "env": "laptop"}
    with opened(Settings.model_validate(settings | MANY)) as services:
        services.demos.make()
        yield services


@pytest.fixture(scope="module")
def app(services: Services) -> Any:  # Any: a WSGI application
    """Return the whole application."""
    return create_app(services)


def headers_of(services: Services, role: Role | None) -> dict[str, str]:
    """Return the headers of a new account with that role, of nobody for None."""
    if role is None:
        return {}
    number = services.ids.make()
    account = services.accounts.register(f"u{number}", f"u{number}@example.com", PASSWORD, None)
    if role is not Role.USER:
        services.accounts.promote(account.username, role)
    bearer = services.tokens.issue(account.id, Client("192.0.2.1")).bearer
    return {"Authorization": f"Bearer {bearer}"}


def known_values(services: Services, path: str) -> dict[str, str]:
    """Return path parameters that lead to something."""
    card = services.timelines.public(Page(100)).items[0]  # moderators' operations have hidden some
    id_ = card.author.id if "accounts" in path else card.twoot.id
    return {"id": str(id_), "tag": "moon", "file": "start.js"}


def known_to_its_owner(services: Services, headers: dict[str, str], path: str) -> dict[str, str]:
    """Return path parameters that lead to what only the account behind the headers has."""
    if not headers or not any(noun in path for noun in ("/lists/", "/exports/", "/imports/")):
        return {}
    viewer = services.authenticate(headers["Authorization"].removeprefix("Bearer "))
    if "/lists/" not in path:
        begun = services.takeouts.request(viewer) if "/exports/" in path else None
        begun = begun or services.follow_imports.request(viewer, ["demo"])
        drain(services)
        return {"id": str(begun.id)}
    followed = services.timelines.public(Page(100)).items[0].author.id
    services.follows.follow(viewer, followed)
    made = services.account_lists.make(viewer, "Mine")
    services.account_lists.add(viewer, made.id, followed)
    return {"id": str(made.id), "member": str(followed)}


def with_values(case: Any, known: dict[str, str]) -> Any:  # Any: schemathesis' Case
    """Return the case with those of its path parameters that are known."""
    case.path_parameters = {
        name: known.get(name, value) for name, value in (case.path_parameters or {}).items()
    }
    return case


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{m} {p}" for m, p in OPERATIONS])
@pytest.mark.parametrize("role", [None, Role.USER, Role.ADMIN], ids=["anonymous", "user", "admin"])
def test_an_operation_answers_as_the_document_says(
    services: Services,
    app: Any,  # Any: idem
    role: Role | None,
    method: str,
    path: str,
) -> None:
    operation = schemathesis.openapi.from_wsgi("/openapi.json", app)[path][method]
    headers = headers_of(services, role)
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    bad = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    known = known_values(services, path) | known_to_its_owner(services, headers, path)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(good, good.map(lambda case: with_values(case, known)), bad))
    def holds(case: Any) -> None:  # Any: idem
        case.call_and_validate(headers=headers, checks=CHECKS)

    holds()
