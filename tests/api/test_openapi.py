"""The OpenAPI document: valid, whole, true; and the pages that show it."""

import re
from typing import Any

import jsonschema_rs
import pytest
from falcon.testing import TestClient
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from tests.api.conftest import SignUp
from twooter.api.app import routes
from twooter.api.operations import Auth, operations_of
from twooter.services.house import Services

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    """Return the document as it is served."""
    found: dict[str, Any] = client.simulate_get("/openapi.json").json
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OPENAPI_31_VALIDATOR.validate(document)  # all but the schemas in it
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_every_route_is_in_the_document(services: Services, document: dict[str, Any]) -> None:
    served = {
        f"{method} {route.path}" for route in routes(services) for method in operations_of(route.resource)
    }
    assert served <= set(operations(document))
    assert {"GET /healthz", "GET /readyz", "GET /metrics"} <= set(operations(document))


def test_every_responder_declares_its_operation(services: Services) -> None:
    silent = [
        f"{type(route.resource).__name__}.{name}"
        for route in routes(services)
        for name in dir(route.resource)
        if re.fullmatch(r"on_(get|post|put|patch|delete)", name)
        and not hasattr(getattr(route.resource, name), "operation")
    ]
    assert not silent


def test_every_path_parameter_is_described(document: dict[str, Any]) -> None:
    for label, operation in operations(document).items():
        described = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert described == set(re.findall(r"\{(\w+)\}", label)), label


def test_every_operation_lists_the_errors_it_can_give(services: Services, document: dict[str, Any]) -> None:
    for route in routes(services):
        for method, declared in operations_of(route.resource).items():
            operation = operations(document)[f"{method} {route.path}"]
            expected = {500, 503, *declared.errors, *declared.answers}
            expected |= {401} if declared.auth is not Auth.NONE else set()
            expected |= {403} if declared.auth is Auth.ADMIN else set()
            expected |= {400} if declared.query is not None else set()
            expected |= {400, 408, 413, 415, 422} if declared.body is not None else set()
            expected |= {304} if declared.cached else set()
            missing = expected - {int(status) for status in operation["responses"]}
            assert not missing, f"{method} {route.path}: {missing}"


def test_every_refusal_is_a_problem_document(document: dict[str, Any]) -> None:
    for label, operation in operations(document).items():
        first_version = label.split()[1].startswith(("/messages", "/management/"))
        for status, response in operation["responses"].items():
            if int(status) < 400 or label in ("GET /healthz", "GET /readyz"):
                continue
            schema = response["content"]["application/problem+json"]["schema"]["$ref"]
            assert schema.endswith("/MessageProblem" if first_version else "/Problem"), (label, status)


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    references = set(re.findall(r'"#/components/([^"]+)"', str(document).replace("'", '"')))
    assert references
    for reference in references:
        kind, name = reference.split("/")
        assert name in document["components"][kind], reference


def test_operations_that_need_a_token_say_so(document: dict[str, Any]) -> None:
    found = operations(document)
    assert found["POST /v1/twoots"]["security"] == [{"bearer": []}]
    assert found["GET /v1/timelines/public"]["security"] == [{}, {"bearer": []}]
    assert found["POST /v1/tokens"]["security"] == []


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in operations(document).values()]
    assert len(ids) == len(set(ids))


def test_the_document_is_not_sent_twice(client: TestClient) -> None:
    first = client.simulate_get("/openapi.json")
    again = client.simulate_get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_the_documentation_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.simulate_get("/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) >= 4
    for address in loaded:
        assert address.startswith(("/", "data:,")), address
    for address in (a for a in loaded if a.startswith("/docs/")):
        part = client.simulate_get(*address.split("?")[:1])
        assert part.status_code == 200, address
        assert "immutable" in part.headers["cache-control"]
        kind = "text/css" if ".css" in address else "text/javascript"
        assert part.headers["content-type"].startswith(kind)
        assert part.headers["x-content-type-options"] == "nosniff"


def test_the_documentation_runs_only_what_is_served_here(client: TestClient) -> None:
    page = client.simulate_get("/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script>|<script [^>]*>[^<]|\bon\w+=|style=", page.text)


@pytest.mark.parametrize("file", ["redoc.js", "..%2f__init__.py", "__init__.py", "%2e%2e", "start.js%00", ""])
def test_only_files_of_the_bundle_are_served(client: TestClient, file: str) -> None:
    answer = client.simulate_get(f"/docs/{file}")
    assert answer.status_code == 404
    assert answer.json["code"] == "not_found"


def test_home_is_a_page_for_a_browser_and_json_for_a_client(client: TestClient) -> None:
    page = client.simulate_get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert 'href="/docs"' in page.text
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.5", "image/png"):
        answer = client.simulate_get("/", headers={"Accept": accept})
        assert answer.json["docs_url"].endswith("/docs"), accept
        assert answer.headers["vary"] == "Accept"


def test_the_document_is_the_same_for_everyone(client: TestClient, sign_up: SignUp) -> None:
    bearer = {"Authorization": f"Bearer {sign_up('reader')}"}
    assert (
        client.simulate_get("/openapi.json").content
        == client.simulate_get("/openapi.json", headers=bearer).content
    )
