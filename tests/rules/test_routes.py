"""Rules of routes: everything served is described, once, and the names in paths are one family."""

import re
from collections import Counter

import pytest

from twooter.api.app import Route, routes
from twooter.api.openapi import document
from twooter.api.operations import METHODS, Auth, Operation, operations_of
from twooter.api.ops import OPS_RESOURCES
from twooter.settings import Settings
from twooter.wiring import wire

SEGMENT = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*|\{[a-z]+\}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[Route, ...]:
    """Return every route of the application, those for machines included."""
    settings = Settings.model_validate({"var_dir": tmp_path_factory.mktemp("rules")})
    ops = (Route(path, resource) for path, resource in OPS_RESOURCES.items())
    return (*routes(wire(settings)), *ops)


def operations(served: tuple[Route, ...]) -> dict[tuple[str, str], Operation]:
    """Return what is declared, by method and path."""
    return {(m, route.path): found for route in served for m, found in operations_of(route.resource).items()}


def test_every_responder_declares_its_operation(served: tuple[Route, ...]) -> None:
    silent = [
        f"{route.path} {name}"
        for route in served
        for name in dir(route.resource)
        if re.fullmatch(r"on_[a-z]+(_[a-z]+)?", name)
        and not hasattr(getattr(route.resource, name), "operation")
    ]
    assert not silent, f"say with @operation what they take and answer: {silent}"


def test_every_route_has_a_responder_of_a_known_method(served: tuple[Route, ...]) -> None:
    for route in served:
        names = {name for name in dir(route.resource) if name.startswith("on_")}
        assert names, route.path
        assert names <= {f"on_{method.lower()}" for method in METHODS}, route.path


def test_every_operation_is_in_the_document_and_nothing_else_is(served: tuple[Route, ...]) -> None:
    described = {
        (method.upper(), path) for path, methods in document(served)["paths"].items() for method in methods
    }
    assert described == operations(served).keys()


def test_every_path_is_served_once(served: tuple[Route, ...]) -> None:
    twice = [path for path, number in Counter(route.path for route in served).items() if number > 1]
    assert not twice


def test_paths_are_plain_words_and_named_places(served: tuple[Route, ...]) -> None:
    for route in served:
        assert route.path == "/" or all(map(SEGMENT.fullmatch, route.path[1:].split("/"))), route.path


def test_operations_say_what_they_do_in_a_short_line(served: tuple[Route, ...]) -> None:
    for place, operation in operations(served).items():
        assert operation.summary[:1].isupper(), place
        assert len(operation.summary) <= 80, place
        assert not operation.summary.endswith("."), place
        assert operation.answers, place


def test_reading_never_takes_a_body_and_writing_never_is_cached(served: tuple[Route, ...]) -> None:
    for (method, path), operation in operations(served).items():
        if method == "GET":
            assert operation.body is None, path
            assert not operation.idempotent_by_key, path
        else:
            assert not operation.cached, (method, path)
            assert operation.query is None, (method, path)


def test_what_belongs_to_somebody_needs_a_token(served: tuple[Route, ...]) -> None:
    for (method, path), operation in operations(served).items():
        if path.startswith("/v1/me"):
            assert operation.auth is Auth.REQUIRED, (method, path)
        if method == "DELETE":
            assert operation.auth in (Auth.REQUIRED, Auth.MODERATOR, Auth.ADMIN), (method, path)


def test_authenticated_posts_take_an_idempotency_key(served: tuple[Route, ...]) -> None:
    """Tokens, tickets, passwords and mails excepted: nothing is made twice there, or may be told again."""
    excepted = {"/v1/tokens", "/v1/stream/tickets", "/v1/me/password", "/v1/me/email-confirmations"}
    for (method, path), operation in operations(served).items():
        if method == "POST" and operation.auth is not Auth.NONE and path not in excepted:
            assert operation.idempotent_by_key, path
