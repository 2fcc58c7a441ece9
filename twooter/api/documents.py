"""Documents over HTTP: the OpenAPI document, Swagger UI for it, and what is at `/`."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import falcon
import orjson
from pydantic import BaseModel

from twooter.api import lists
from twooter.api.openapi import Described, Json, document
from twooter.api.operations import operation

SELF_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_YEAR = "public, max-age=31536000, immutable"
_PACKAGE = "offapi"
_BUNDLE = {
    "swagger-ui.css": ("swagger_style.css", "text/css; charset=utf-8"),
    "swagger-ui.js": ("swagger_bundle.js", "text/javascript; charset=utf-8"),
}
_START = b"""\
window.addEventListener("load", () => {
  SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null });
});
"""
_DOCS = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Twooter: API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css?v={version}">
<script src="/docs/swagger-ui.js?v={version}" defer></script>
<script src="/docs/start.js?v={version}" defer></script>
<div id="docs"></div>
<noscript>This page needs JavaScript; <a href="/openapi.json">/openapi.json</a> does not.</noscript>
</html>
"""
_HOME = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Twooter</title>
<link rel="icon" href="data:,">
<h1>Twooter</h1>
<p>The backend of a Twitter-like application: an HTTP API.</p>
<ul>
<li><a href="/docs">/docs</a>: the API, to read and to try</li>
<li><a href="/openapi.json">/openapi.json</a>: the same for programs (OpenAPI 3.1)</li>
<li><a href="/v1/timelines/public">/v1/timelines/public</a>: what was just written</li>
<li><a href="/v1/trends">/v1/trends</a>: what is talked about</li>
</ul>
</html>
"""


class HomeShape(BaseModel):
    """What this is and where to go on."""

    name: str
    description: str
    openapi_url: str
    docs_url: str
    public_timeline_url: str


class OpenApiResource:
    """`/openapi.json`; made at the first request."""

    def __init__(self, routes: Sequence[Described]) -> None:
        self._routes = routes

    @cached_property
    def _body(self) -> tuple[bytes, str]:
        body = orjson.dumps(document(self._routes))
        return body, lists.etag_of(body)

    @operation("Read this document", answers={200: Json}, cached=True)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        body, etag = self._body
        lists.send(req, resp, body, etag)


class DocsResource:
    """`/docs`: a page that loads Swagger UI from here."""

    def __init__(self) -> None:
        version = _folder().stat().st_mtime_ns  # a new package is at a new address, past every cache
        self._page = _DOCS.format(version=f"{version:x}").encode()

    @operation("Read the documentation in a browser", answers={200: str}, media_type="text/html")
    def on_get(self, _: falcon.Request, resp: falcon.Response) -> None:
        """Read."""
        resp.data, resp.content_type = self._page, "text/html; charset=utf-8"
        resp.set_header("Content-Security-Policy", SELF_POLICY)
        resp.set_header("Cache-Control", "no-cache")


class DocsFileResource:
    """`/docs/{file}`: Swagger UI's own files, and the few lines that start it."""

    @operation(
        "Load a part of the documentation page",
        answers={200: str},
        errors=(404,),
        media_type="text/javascript",
        other_media_types=("text/css",),
    )
    def on_get(self, _: falcon.Request, resp: falcon.Response, file: str) -> None:
        """Load."""
        if file == "start.js":
            resp.data, resp.content_type = _START, "text/javascript; charset=utf-8"
        elif file in _BUNDLE:
            name, resp.content_type = _BUNDLE[file]
            path = _folder() / name
            resp.set_stream(path.open("rb"), path.stat().st_size)
        else:
            raise falcon.HTTPNotFound
        resp.set_header("Cache-Control", _YEAR)


class HomeResource:
    """`/`: for a browser a page, for a client JSON."""

    def __init__(self, *, public_url: str) -> None:
        self._shape = HomeShape(
            name="Twooter",
            description="The backend of a Twitter-like application: an HTTP API.",
            openapi_url=f"{public_url}/openapi.json",
            docs_url=f"{public_url}/docs",
            public_timeline_url=f"{public_url}/v1/timelines/public",
        ).model_dump()

    @operation(
        "Learn what this is and where to go on", answers={200: HomeShape}, other_media_types=("text/html",)
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell."""
        resp.set_header("Vary", "Accept")
        resp.set_header("Cache-Control", "no-cache")
        if req.client_prefers((falcon.MEDIA_JSON, falcon.MEDIA_HTML)) == falcon.MEDIA_HTML:
            resp.text, resp.content_type = _HOME, "text/html; charset=utf-8"
            resp.set_header("Content-Security-Policy", _PAGE_POLICY)
        else:
            resp.media = self._shape


def _folder() -> Path:
    """Return where Swagger UI's files are; found without importing the package, which would load 9 MB of them."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"the package {_PACKAGE} is not installed")
    return Path(spec.origin).parent
