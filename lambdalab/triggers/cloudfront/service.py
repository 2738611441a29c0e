"""The distributions of a lab (:mod:`.distribution` has what they do)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from lambdalab.errors import InvalidSetting
from lambdalab.triggers.cloudfront.distribution import Distribution
from lambdalab.triggers.cloudfront.shapes import Given
from lambdalab.triggers.errors import AlreadyExistsException
from lambdalab.triggers.thin import (
    ThinService,
    checked_number,
    checked_text,
)


class CloudFront(ThinService[Distribution]):
    """The distributions of a lab."""

    service: ClassVar[str] = "cloudfront"
    noun: ClassVar[str] = "distribution"

    def create_distribution(self, name: str, origin: Given, *, ttl: float = 0) -> Distribution:
        """Make a distribution, or take the one of that name with the same origin and ttl.

        Parameters
        ----------
        name
            What the lab calls it.
        origin
            Pages by path (``{"/": "hello"}``), or a callable of the request. A page is a text, bytes,
            JSON, or ``{"status": 404, "headers": {...}, "body": ...}``.
        ttl
            Seconds that the cache keeps an answer to GET and HEAD; 0: it keeps none.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> site = lab.cloudfront.create_distribution("site", {"/": "hello"})
        >>> site.get("/").text
        'hello'
        """
        self._parts.origin()
        checked_text("name", name, 128, "lambdalab's own")
        if not callable(origin) and not isinstance(origin, Mapping):
            raise InvalidSetting("origin", origin, "pages by path, or a callable of the request")
        checked_number("ttl", ttl, 0, 31_536_000, "cloudfront/Expiration")
        known = self._found.get(name)
        if known is not None and (known.origin != origin or known.ttl != ttl):
            raise AlreadyExistsException(
                f"There is a distribution {name} with another origin or ttl",
                f"; lab.cloudfront.delete_distribution({name!r}) removes it",
            )
        return self._found.setdefault(name, known or Distribution(self._parts, name, origin, ttl))

    def delete_distribution(self, name: str) -> None:
        """Delete a distribution; nothing happens where there is none."""
        self._parts.origin()
        self._found.pop(name, None)
