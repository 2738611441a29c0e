"""The page at ``/``: the lab as it is, and a form that invokes a function, as the console has one.

Every text of a lab goes to the browser as JSON and is put in as text: neither a function's name nor what
it answers can become markup. Nothing is loaded from elsewhere, and the page's policy says so.
"""

from __future__ import annotations

import html
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambdalab.aws.endpoint.http import HTML, JSON, TOKEN_HEADER, Request, Response
from lambdalab.aws.endpoint.pages import deeds, drawn, templates
from lambdalab.aws.endpoint.pages.shown import shown, story
from lambdalab.errors import LabError

if TYPE_CHECKING:
    from lambdalab.aws.endpoint.desk import Desk

__all__ = ["answer", "is_page"]

PLACE = "/_lambdalab/"
"""Where everything but the page itself is. No bucket can have such a name."""

_HERE = Path(__file__).parent
_WIDGETS = _HERE.parents[2] / "widgets"
_SCRIPT, _STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
_FILES = {
    "page.css": (_HERE / "page.css", _STYLE),
    "page.js": (_HERE / "page.js", _SCRIPT),
    "icon.svg": (_HERE / "icon.svg", "image/svg+xml"),
    "viewer.js": (_WIDGETS / "viewer" / "viewer.js", _SCRIPT),
    "viewer.css": (_WIDGETS / "viewer" / "viewer.css", _STYLE),
    "flow.js": (_WIDGETS / "flow" / "flow.js", _SCRIPT),
}
_ALWAYS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

Asked = Callable[["Desk", dict[str, str]], Any]
_LOOKS: dict[str, Asked] = {
    "state": lambda desk, query: {"speed": desk.speed, **shown(desk.lab)},
    "story": lambda desk, query: story(desk.lab, query.get("id", "")),
    "events": lambda desk, query: templates.events(),
    "viewer": lambda desk, query: drawn.viewer(desk.lab, query.get("select", "")),
    "flow": lambda desk, query: drawn.flow(desk.lab),
}


def is_page(request: Request) -> bool:
    """Whether a request that carries no signature is for the page, or for something of it.

    >>> is_page(Request("GET", "/")), is_page(Request("GET", "/bucket/key"))
    (True, False)
    """
    return request.raw_path == "/" or request.raw_path.startswith(PLACE)


async def answer(desk: Desk, request: Request) -> Response:
    """The answer to a request for the page.

    ``GET /`` is the page, ``GET /_lambdalab/state`` what it shows, ``POST /_lambdalab/invoke``, ``run``
    and ``advance`` what its buttons do; those need the page's token. What the lab refuses is told as
    ``{"refused": ...}``, with the status of the refusal.
    """
    if request.method == "POST":
        found = await _do(desk, request)
    elif request.method in ("GET", "HEAD"):
        found = await _look(desk, request)
    else:
        found = Response.text("The page is read with GET.\n", 405)
    return Response(found.status, found.body, {**found.headers, **_ALWAYS})


async def _look(desk: Desk, request: Request) -> Response:
    name = request.raw_path.removeprefix(PLACE)
    if request.raw_path == "/":
        return _page(request.token)
    if name in _FILES:
        path, kind = _FILES[name]
        return Response(200, path.read_bytes(), {"content-type": kind})
    look = _LOOKS.get(name)
    if look is None:
        return Response.text("There is no such page.\n", 404)
    asked = look
    return await _told(desk, lambda: asked(desk, request.query), alone=True)


async def _do(desk: Desk, request: Request) -> Response:
    deed = deeds.DEEDS.get(request.raw_path.removeprefix(PLACE))
    if deed is None:
        return Response.text("There is nothing to be done here.\n", 404)
    given = request.headers.get(TOKEN_HEADER, "")
    if not request.token or not secrets.compare_digest(given.encode(), request.token.encode()):
        return _refused("Forbidden", "This page is an old one: load it anew.", 403)
    try:
        asked = request.json()
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        return _refused("BadRequest", "The body has to be a JSON object.", 400)
    do = deed
    return await _told(desk, lambda: do(desk.lab, asked), alone=do in deeds.LET_TIME_PASS)


async def _told(desk: Desk, work: Callable[[], Any], *, alone: bool = False) -> Response:
    """What ``work()`` gives, as JSON; what the lab refuses likewise."""
    try:
        return await desk.do(lambda: _json(work()), alone=alone)
    except LabError as error:
        code = getattr(error, "code", type(error).__name__)
        return _refused(code, str(error), getattr(error, "status_code", 400))


def _refused(code: str, message: str, status: int) -> Response:
    refused = {"code": code, "message": message, "status": status}
    return _json({"refused": refused}, status)


def _json(value: Any, status: int = 200) -> Response:
    """A value as JSON; in ASCII where a handler's text holds half a character, which no UTF-8 can."""
    try:
        return Response.json(value, status)
    except TypeError:
        return Response(status, json.dumps(value).encode(), {"content-type": JSON})


def _page(token: str) -> Response:
    text = (_HERE / "page.html").read_text(encoding="utf-8")
    text = text.replace("%TOKEN%", html.escape(token))
    found = Response.text(text, content_type=HTML)
    policy = (
        "default-src 'none'; script-src 'self'; "
        f"style-src 'self' {drawn.flow_style(_FILES['flow.js'][0])}; "
        "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    )
    return Response(200, found.body, {**found.headers, "content-security-policy": policy})
