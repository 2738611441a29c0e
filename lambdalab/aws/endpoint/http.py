"""What comes over the wire and goes back, whole: a request with its body, a response with its own.

The app in front has read the request within its limits and looked at who sends it; nobody behind it
sees the connection.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """One request, read to its end.

    Attributes: ``method``; ``raw_path``, as it was sent, percent-encoded and without its query;
    ``query_string``, likewise, without ``?``; ``headers`` by their lower-case names, repeated ones joined
    by commas; ``body``; ``token``, which every POST of the server's own page has to carry in the header
    :data:`TOKEN_HEADER`, and which the page writes into itself ("": there is none).

    >>> request = Request("GET", "/orders/a%2Fb", "x=1&x=2&y=")
    >>> request.path, request.query
    ('/orders/a/b', {'x': '2', 'y': ''})
    """

    method: str
    raw_path: str
    query_string: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    token: str = ""

    @cached_property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self.raw_path)

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The query's names and values in their order, decoded; empty values are there."""
        return parse_qsl(self.query_string, keep_blank_values=True)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's values by name; of several of one name the last."""
        return dict(self.pairs)

    def json(self) -> Any:
        """The body, parsed. Raises :class:`ValueError` for what is no JSON."""
        return orjson.loads(self.body)


TOKEN_HEADER = "x-lambdalab-token"
"""Where a POST of the page has its token. A page of another origin can neither read the token nor send
such a header without being asked first."""


@dataclass(frozen=True)
class Response:
    """What is answered: ``status``, ``body`` and ``headers``, with lower-case names.

    The app adds the length, and what keeps a browser from doing more with an answer than it should.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Response:
        """A value as JSON.

        >>> Response.json({"ok": True})
        Response(status=200, body=b'{"ok":true}', headers={'content-type': 'application/json'})
        """
        return cls(status, orjson.dumps(value), {"content-type": JSON})

    @classmethod
    def text(cls, text: str, status: int = 200, content_type: str = TEXT) -> Response:
        """A text, or with ``content_type=HTML`` a page."""
        return cls(status, text.encode(), {"content-type": content_type})
