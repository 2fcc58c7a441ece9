"""Errors: every refusal is one shape, with a status of its kind and nothing that was not meant for the client."""

from typing import Any

import falcon
import pytest
from falcon.testing import TestClient

from twooter import errors
from twooter.api.app import create_app
from twooter.api.errors import STATUSES, document
from twooter.errors import FieldError, TwooterError
from twooter.services.house import Services

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

FIELDS = {"type", "title", "status", "code", "detail", "request_id", "errors"}
RAISED: list[tuple[TwooterError, int, str]] = [
    (errors.BadRequest("no"), 400, "bad_request"),
    (errors.BadRequest("no", code="bad_cursor", field="cursor"), 400, "bad_cursor"),
    (errors.Unauthorized("no"), 401, "unauthorized"),
    (errors.Forbidden("no", code="email_not_confirmed"), 403, "email_not_confirmed"),
    (errors.NotFound("twoot"), 404, "not_found"),
    (errors.Conflict("no"), 409, "conflict"),
    (errors.Elsewhere("there"), 421, "elsewhere"),
    (errors.Invalid(FieldError("a", "x", "no"), FieldError("b", "y", "nor")), 422, "invalid"),
    (errors.Invalid.field("a", "x", "no"), 422, "invalid"),
    (errors.TooMany("no", retry_after_seconds=7), 429, "rate_limited"),
    (errors.Unavailable("no", retry_after_seconds=3), 503, "unavailable"),
]


class Raising:
    """A resource that raises what a test gives it."""

    error: Exception = RuntimeError()

    def on_get(self, _: falcon.Request, __: falcon.Response) -> None:
        """Raise."""
        raise self.error

    on_post = on_get


@pytest.fixture
def resource() -> Raising:
    """Return the resource."""
    return Raising()


@pytest.fixture
def client(services: Services, resource: Raising) -> TestClient:
    """Return a client of an application with that resource, on an old and a new address."""
    app = create_app(services)
    app.add_route("/raising", resource)
    app.add_route("/management/raising", resource)
    return TestClient(app)


def test_every_error_a_service_raises_has_a_status(backend: str) -> None:
    kinds = set(TwooterError.__subclasses__())
    assert kinds == STATUSES.keys() == {type(error) for error, _, _ in RAISED}
    assert not [kind for kind in kinds if kind.__subclasses__()]
    codes = [kind.code for kind in kinds]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(("error", "status", "code"), RAISED, ids=str)
def test_a_refusal_is_a_problem_document(
    client: TestClient, resource: Raising, error: TwooterError, status: int, code: str
) -> None:
    resource.error = error
    answer = client.simulate_get("/raising", headers={"X-Request-ID": "request-1"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json.keys() == FIELDS
    assert (answer.status_code, answer.json["status"], answer.json["code"]) == (status, status, code)
    assert (answer.json["detail"], answer.json["request_id"]) == (error.detail, "request-1")
    assert answer.json["type"] == f"urn:twooter:problem:{code}"
    given = [{"field": e.field, "code": e.code, "detail": e.detail} for e in getattr(error, "errors", [])]
    assert answer.json["errors"] == given
    waits = getattr(error, "retry_after_seconds", None)
    assert answer.headers.get("retry-after") == (None if waits is None else str(waits))
    assert ("www-authenticate" in answer.headers) is (status == 401)


def test_the_first_versions_routes_also_say_it_as_a_message(client: TestClient, resource: Raising) -> None:
    resource.error = errors.Conflict("told")
    answer = client.simulate_get("/management/raising").json
    assert answer.keys() == {*FIELDS, "message"}
    assert answer["message"] == answer["detail"] == "told"


FALCON: list[tuple[Exception, int, str]] = [
    (falcon.HTTPMethodNotAllowed(["GET", "PUT"]), 405, "method_not_allowed"),
    (falcon.HTTPContentTooLarge(), 413, "body_too_large"),
    (falcon.HTTPUnsupportedMediaType(), 415, "unsupported_media_type"),
    (falcon.HTTPError(408), 408, "timeout"),
    (falcon.HTTPRequestHeaderFieldsTooLarge(), 431, "headers_too_large"),
    (falcon.HTTPInvalidHeader("bad", "Content-Length"), 400, "bad_request"),
    (falcon.HTTPNotFound(), 404, "not_found"),
]


@pytest.mark.parametrize(("error", "status", "code"), FALCON, ids=lambda value: str(value)[:40])
def test_an_error_of_the_framework_is_one_too(
    client: TestClient, resource: Raising, error: Exception, status: int, code: str
) -> None:
    resource.error = error
    answer = client.simulate_get("/raising")
    assert (answer.status_code, answer.json["code"], answer.json.keys()) == (status, code, FIELDS)
    assert answer.json["detail"]


def test_a_refused_method_tells_which_are_taken(client: TestClient) -> None:
    answer = client.simulate_put("/raising", json={})
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize(
    "error", [ValueError("hunter2"), KeyError("hunter2"), RecursionError("hunter2"), MemoryError("hunter2")]
)
def test_what_nobody_expected_is_told_without_its_story(
    client: TestClient, resource: Raising, error: Exception
) -> None:
    resource.error = error
    answer = client.simulate_get("/raising")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.text + str(answer.headers)


def test_an_answer_half_made_is_not_sent(client: TestClient, services: Services) -> None:
    """A responder that fails after it has set something leaves a problem, and only that."""

    class Half:
        def on_get(self, _: falcon.Request, resp: falcon.Response) -> None:
            resp.text, resp.content_type = "half", "text/html"
            resp.set_header("Cache-Control", "public, max-age=31536000")
            raise errors.Unavailable("away")

    app: Any = create_app(services)
    app.add_route("/half", Half())
    answer = TestClient(app).simulate_get("/half")
    assert answer.json["code"] == "unavailable"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"


def test_a_document_can_be_made_without_a_request(backend: str) -> None:
    assert document(431, "headers_too_large", "no", "id").keys() == FIELDS
