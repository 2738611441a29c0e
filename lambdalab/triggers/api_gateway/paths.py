"""The paths of routes: ``/orders/{id}``, ``/files/{proxy+}``; which requests they take, and how well.

Sources: apigw/api-gateway-method-settings-method-request (path parameters),
apigw/api-gateway-set-up-simple-proxy (greedy ones), apigw/http-api-develop-routes (which route of
several takes a request); for characters the error text of CreateResource.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from lambdalab.errors import BadRequestException, InvalidSetting

DEFAULT = "$default"
"""The path of the route that takes what no other takes; HTTP APIs only."""

_SOURCE = "apigw/api-gateway-method-settings-method-request"
_PLAIN = re.compile(r"[A-Za-z0-9._:~%$@!*'()+,;=&-]+\Z")
_PLAIN_REST = re.compile(r"[A-Za-z0-9._:-]+\Z")
_VARIABLE = re.compile(r"\{([A-Za-z0-9._:-]+)(\+?)\}\Z")
_STATIC, _PARAMETER, _GREEDY = range(3)


@dataclass(frozen=True, slots=True)
class Path:
    """The path of a route; ``text`` as it was given, ``segments`` between its slashes.

    ``rank`` orders the paths that take one request: the smallest is the most specific one.
    """

    text: str
    segments: tuple[str, ...]

    @property
    def parameters(self) -> list[str]:
        """The names of its parameters, in order."""
        found = map(_variable, self.segments)
        return [match[1] for match in found if match is not None]

    @property
    def rank(self) -> tuple[int, ...]:
        """Plain segments before parameters, and these before greedy ones, from the left."""
        return tuple(map(_kind, self.segments)) if self.text != DEFAULT else (_GREEDY + 1,)

    @property
    def pattern(self) -> str:
        """The path in an ARN: each parameter is ``*``."""
        return "/" + "/".join("*" if _kind(segment) else segment for segment in self.segments)

    def match(self, path: str) -> dict[str, str] | None:
        """The parameters of a request's path; None where it is another path.

        >>> path_of("/orders/{id}").match("/orders/7"), path_of("/{proxy+}").match("/a/b")
        ({'id': '7'}, {'proxy': 'a/b'})
        >>> path_of("/orders/{id}").match("/orders/")
        """
        if self.text == DEFAULT:
            return {}
        there = path[1:].split("/")
        found: dict[str, str] = {}
        for place, segment in enumerate(self.segments):
            variable = _variable(segment)
            told = (
                "/".join(there[place:]) if variable and variable[2] else "".join(there[place:][:1])
            )
            if variable is None and (place >= len(there) or told != segment):
                return None
            if variable is not None:
                if not told:
                    return None
                found[variable[1]] = told
                if variable[2]:
                    return found
        return found if len(there) == len(self.segments) else None

    def filled(self, value: str) -> str:
        """A path that it takes: each parameter has this value."""
        if self.text == DEFAULT:
            return "/"
        return "/" + "/".join(value if _kind(segment) else segment for segment in self.segments)

    def check_beside(self, other: Path) -> None:
        """Raise :class:`BadRequestException` where a REST API cannot have both paths.

        A place in the tree of resources has one variable only (the error text of CreateResource).
        """
        for mine, theirs in zip(self.segments, other.segments, strict=False):
            if mine == theirs:
                continue
            if _kind(mine) and _kind(theirs):
                raise BadRequestException(
                    f"A sibling ({theirs}) of this resource already has a variable path part -- only "
                    "one is allowed",
                    f": {self.text} beside {other.text}; use {theirs} in both",
                )
            return

    def same_place(self, other: Path) -> bool:
        """Whether the two take the same requests: they differ at most in parameters' names."""
        return len(self.segments) == len(other.segments) and all(
            _kind(mine) == _kind(theirs) and (_kind(mine) > 0 or mine == theirs)
            for mine, theirs in zip(self.segments, other.segments, strict=True)
        )


@lru_cache(maxsize=4096)
def _variable(segment: str) -> re.Match[str] | None:
    return _VARIABLE.match(segment)


def _kind(segment: str) -> int:
    variable = _variable(segment)
    if variable is None:
        return _STATIC
    return _GREEDY if variable[2] else _PARAMETER


def path_of(text: object, *, rest: bool = True) -> Path:
    """The path of a route, checked.

    Parameters: the ``text``; ``rest``, whether it is a REST API's: HTTP APIs have ``$default``, take more
    characters, and tell ``/orders/`` from ``/orders``.

    Raises :class:`~lambdalab.errors.InvalidSetting`.
    """
    if text == DEFAULT and not rest:
        return Path(DEFAULT, ())
    if not isinstance(text, str) or not text.startswith("/"):
        also = "" if rest else ", or '$default'"
        instead = "; a REST API takes the rest with ANY /{proxy+}" if text == DEFAULT else ""
        limit = f"a text that begins with '/', as '/orders/{{id}}'{also}{instead}"
        raise InvalidSetting("path", text, limit, _SOURCE)
    segments = tuple(text[1:].split("/"))
    if text != "/":
        _check(text, segments, rest)
    found = Path(text, segments)
    names = found.parameters
    for name in names:
        if names.count(name) > 1:
            raise InvalidSetting("path", text, f"one with {{{name}}} once: names differ", _SOURCE)
    return found


def _check(text: str, segments: tuple[str, ...], rest: bool) -> None:
    for place, segment in enumerate(segments):
        last = place == len(segments) - 1
        if not segment and last and not rest:
            continue
        if _kind(segment) == _GREEDY and not last:
            limit = f"one that ends with {segment}: a greedy parameter takes all that follows"
            raise InvalidSetting("path", text, limit, "apigw/api-gateway-set-up-simple-proxy")
        plain = _PLAIN_REST if rest else _PLAIN
        if _kind(segment) == _STATIC and not plain.match(segment):
            limit = (
                f"made of whole segments between slashes (here {segment!r} is none): letters, digits, "
                "'._-:', or {name}, or {name+} at the end"
            )
            raise InvalidSetting("path", text, limit, _SOURCE)
