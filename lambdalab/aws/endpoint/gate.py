"""Who is let in before anybody reads a signature: hosts, origins, sizes.

A browser sends what any page on the web asks it to, also to a server on the machine it runs on. Three
things tell such requests: the name they were sent to (a foreign one that has been made to point here), the
origin they come from, and what the browser itself says of their site.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from lambdalab.aws.operations import ApiError
from lambdalab.rules import Rules

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"})
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_BUCKETS = (".s3.localhost", ".localhost")
"""Where S3's virtual hosts are: names that belong to this machine by RFC 6761."""
_OWN_SITES = ("same-origin", "none")
_HTTP = 80


def forbidden(message: str) -> ApiError:
    """A refusal of the server itself."""
    return ApiError("AccessDeniedException", message, 403)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on ``host``.

    >>> [is_loopback(each) for each in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "example.com")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Gate:
    """The names by which one server may be called.

    Parameters: the ``port`` it listens on; further ``names`` than those of this machine itself;
    ``any_address``, whether it may be called by a bare address, which nobody can make point elsewhere.
    """

    def __init__(self, port: int, names: Iterable[str] = (), *, any_address: bool = False) -> None:
        known = [*LOOPBACK, *(_bracketed(name.lower()) for name in names)]
        self._after, self._any_address = f":{port}", any_address
        self.hosts = frozenset(f"{name}:{port}" for name in known)
        if port == _HTTP:
            self.hosts |= frozenset(known)

    def bucket(self, host: str) -> str:
        """The bucket that a host names: ``photos.localhost:4566``; "" for the server's own names."""
        name = host.removesuffix(self._after)
        for suffix in _BUCKETS:
            if name.endswith(suffix):
                bucket = name.removesuffix(suffix)
                return "" if bucket == "s3" else bucket
        return ""

    def check(self, method: str, headers: dict[str, str], page: bool) -> None:
        """Raise :class:`ApiError` for what no client of this server sends.

        Parameters: the request's method and headers; whether it opens the server's ``page``, to which
        other sites may have a link.
        """
        host = headers.get("host", "").lower()
        if not self._knows(host):
            raise forbidden(
                f"This server is not called {host[:100]!r}. It answers to its own names only, so that no "
                "page on the web can reach it by a name of its own."
            )
        origin = headers.get("origin")
        if origin is not None and not self._is_own(origin):
            raise forbidden("Requests of other origins are not answered.")
        site = headers.get("sec-fetch-site", "none")
        opened = page and method == "GET" and headers.get("sec-fetch-dest") == "document"
        if site not in _OWN_SITES and not opened:
            raise forbidden("Requests of other sites are not answered.")
        if method not in METHODS:
            raise ApiError("MethodNotAllowed", f"{method[:20]} is not answered here.", 405)

    def _knows(self, host: str) -> bool:
        if host in self.hosts or host == f"s3.localhost{self._after}" or self.bucket(host):
            return True
        return self._any_address and _is_address(host.removesuffix(self._after))

    def _is_own(self, origin: str) -> bool:
        return origin.lower().removeprefix("http://") in self.hosts and origin.startswith("http://")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _bracketed(name: str) -> str:
    """A name as a Host header has it: an address of version 6 in brackets."""
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


def most_of(service: str, rules: Rules) -> int:
    """Bytes that the body of a request to a service may have."""
    name = {"s3": "endpoint_s3_body", "lambda": "endpoint_lambda_body"}.get(
        service, "endpoint_body"
    )
    most: int = getattr(rules, name)
    return most


def length_of(headers: dict[str, str]) -> int:
    """What a request says of its body's length; 0 where it says nothing."""
    told = headers.get("content-length", "0")
    if not (told.isascii() and told.isdecimal()) or len(told) > 15:
        raise ApiError("InvalidRequest", "The content length is no number.", 400)
    return int(told)
