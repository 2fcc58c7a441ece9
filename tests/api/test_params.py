"""Parameters: requests become values, or refusals that name what is wrong."""

from typing import Annotated, Any

import falcon
import orjson
import pytest
from falcon import testing
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from twooter.api import params
from twooter.api.params import Integer, PageQuery
from twooter.errors import BadRequest, Invalid, NotFound


class Asked(params.Query):
    """A query with one parameter of each kind."""

    name: str = "nobody"
    number: Integer = Field(7, ge=0, le=100)
    tag: list[str] = []
    since: Annotated[str | None, Field(alias="from")] = None


class Given(params.Body):
    """A body with one field of each kind."""

    text: str
    number: int = 0
    flag: bool = False


def asked(query_string: str, **options: Any) -> Asked:
    return params.query(request(query_string=query_string), Asked, **options)


def request(**options: Any) -> falcon.Request:
    req = falcon.Request(testing.create_environ(method="POST", **options), options=app_options())
    req.context.max_body_bytes, req.context.body_timeout_seconds = 1000, 5
    return req


def app_options() -> falcon.RequestOptions:
    """Return the options that the application sets."""
    options = falcon.RequestOptions()
    options.auto_parse_qs_csv, options.keep_blank_qs_values = False, True
    return options


def sent(body: Any, *, kind: str | None = "application/json", **headers: str) -> falcon.Request:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    given_headers = {"Content-Type": kind} if kind is not None else {}
    return request(body=raw, headers=given_headers | {k.replace("_", "-"): v for k, v in headers.items()})


def test_a_query_becomes_values() -> None:
    assert asked("") == Asked.model_validate({})
    found = asked("name=a%20b+c&number=42&tag=x&tag=y&from=z&unknown=1")
    assert (found.name, found.number, found.tag, found.since) == ("a b c", 42, ["x", "y"], "z")
    assert asked("tag=x").tag == ["x"]
    assert asked("name=a,b&tag=c,d").tag == ["c,d"]


@given(st.integers(0, 100))
def test_a_number_is_its_decimal_digits(number: int) -> None:
    assert asked(f"number={number}").number == number


@pytest.mark.parametrize(
    "text", ["", "x", "1_0", "+1", "%201", "1%20", "1.0", "1e1", "0x1", "%D9%A1", "%EF%BC%91", "9" * 19]
)
def test_any_other_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        asked(f"number={text}")
    assert (caught.value.code, caught.value.errors[0].field) == ("bad_parameter", "number")


@pytest.mark.parametrize("number", ["-1", "101", "999999999999999999"])
def test_a_number_out_of_bounds_is_refused_by_name(number: str) -> None:
    with pytest.raises(BadRequest) as caught:
        asked(f"number={number}")
    assert caught.value.errors[0].field == "number"


def test_a_parameter_is_given_once() -> None:
    for query_string in ("name=a&name=b", "name=a&name=a", "from=1&from=2"):
        with pytest.raises(BadRequest) as caught:
            asked(query_string)
        assert caught.value.code == "repeated_parameter"


def test_what_is_unprocessable_there_is_invalid() -> None:
    with pytest.raises(Invalid) as caught:
        asked("number=x", unprocessable=True)
    assert caught.value.errors[0].field == "number"


def test_a_page_has_bounds() -> None:
    assert params.query(request(), PageQuery) == PageQuery(limit=20, cursor=None)
    for query_string in ("limit=0", "limit=101", f"cursor={'x' * 513}"):
        with pytest.raises(BadRequest):
            params.query(request(query_string=query_string), PageQuery)


def test_a_body_becomes_values() -> None:
    found = params.body(sent({"text": "ö", "number": 3, "flag": True, "unknown": 1}), Given)
    assert found == Given(text="ö", number=3, flag=True)
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"):
        assert params.body(sent({"text": ""}, kind=kind), Given).text == ""


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["text"]),
        ({"text": None}, ["text"]),
        ({"text": 1}, ["text"]),
        ({"text": "", "number": "1"}, ["number"]),
        ({"text": "", "number": 1.5}, ["number"]),
        ({"text": "", "flag": 1}, ["flag"]),
        ({"number": "x", "flag": "x"}, ["text", "number", "flag"]),
        ([], ["body"]),
        ("text", ["body"]),
        (None, ["body"]),
    ],
)
def test_values_that_do_not_fit_are_named(body: Any, fields: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        params.body(sent(body), Given)
    assert [error.field for error in caught.value.errors] == fields


def test_a_refusal_never_repeats_what_was_sent() -> None:
    with pytest.raises(Invalid) as caught:
        params.body(sent({"text": ["hunter2"], "number": "hunter2"}), Given)
    assert "hunter2" not in repr(caught.value.errors) + caught.value.detail


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "empty_body"), (b"{", "bad_json"), (b'{"text": NaN}', "bad_json"), (b'"\xff"', "bad_json"),
     (b"[" * 3000, "body_too_large"), (b"[" * 900, "bad_json"), (b'{"text": 1e400}', "bad_json")],
)  # fmt: skip
def test_what_is_no_json_is_a_bad_request(body: bytes, code: str) -> None:
    with pytest.raises((BadRequest, falcon.HTTPContentTooLarge)) as caught:
        params.body(sent(body), Given)
    if code != "body_too_large":
        assert getattr(caught.value, "code", None) == code


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]
)
def test_another_content_type_is_415(kind: str | None) -> None:
    with pytest.raises(falcon.HTTPUnsupportedMediaType):
        params.body(sent({"text": "x"}, kind=kind), Given)


def test_an_encoded_body_is_415() -> None:
    with pytest.raises(falcon.HTTPUnsupportedMediaType):
        params.body(sent({"text": "x"}, Content_Encoding="gzip"), Given)


@pytest.mark.parametrize("text", ["0", "-1", "01", "1.0", "", " 1", "x", str(2**63), "9" * 5000, "\u0661"])
def test_what_is_no_id_is_not_found(text: str) -> None:
    with pytest.raises(NotFound, match="No such twoot"):
        params.id_of(text, "twoot")


@given(st.integers(1, 2**63 - 1))
def test_an_id_is_its_decimal_digits(id_: int) -> None:
    assert params.id_of(str(id_), "twoot") == id_


def test_a_key_stands_for_a_route_and_a_body() -> None:
    def hash_of(value: Given, template: str = "/a", key: str = "key") -> str:
        req = request(headers={"Idempotency-Key": key})
        req.uri_template = template
        found = params.idempotency_key(req, value)
        assert found is not None
        assert found.key == key
        return found.request_sha256

    assert hash_of(Given(text="x")) == hash_of(Given(text="x", number=0))
    different = [hash_of(Given(text="x")), hash_of(Given(text="y")), hash_of(Given(text="x"), "/b")]
    assert len(set(different)) == 3
    assert all(len(digest) == 64 for digest in different)


def test_without_the_header_there_is_no_key() -> None:
    assert params.idempotency_key(request(), Given(text="x")) is None


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\u00e9", "a\tb"])
def test_a_bad_key_is_refused(key: str) -> None:
    with pytest.raises(BadRequest) as caught:
        params.idempotency_key(request(headers={"Idempotency-Key": key}), Given(text="x"))
    assert caught.value.code == "bad_key"
