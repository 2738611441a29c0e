"""Cross-origin resource sharing: what a front lets a browser's page of another origin do.

Sources: botocore Cors (of a function URL); fetch.spec.whatwg.org for the headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from lambdalab.errors import InvalidSetting, UnknownSetting
from lambdalab.triggers.http import Request

_LISTS = ("allow_origins", "allow_methods", "allow_headers", "expose_headers")
_SOURCE = "botocore Cors"


@dataclass(frozen=True, slots=True)
class Cors:
    """What pages of other origins may do.

    Attributes: ``allow_origins``, ``allow_methods``, ``allow_headers`` and ``expose_headers``, each a
    tuple of texts in which ``"*"`` means all; ``allow_credentials``; ``max_age``, seconds for which a
    browser may remember the answer.
    """

    allow_origins: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    allow_credentials: bool = False
    max_age: int = 0

    @classmethod
    def of(cls, verb: str, given: object, longest: int) -> Cors | None:
        """The settings a person gives as a mapping; None and an empty one mean none.

        ``verb`` is named in errors; ``longest`` is the most ``max_age`` may be, in seconds.
        Raises :class:`~lambdalab.errors.InvalidSetting` and :class:`~lambdalab.errors.UnknownSetting`.
        """
        if given is None or isinstance(given, Cors):
            return given
        if not isinstance(given, Mapping):
            raise InvalidSetting(
                "cors", given, "a mapping such as {'allow_origins': ['*']}", _SOURCE
            )
        known = [field.name for field in fields(cls)]
        settings: dict[str, Any] = {}
        for name, value in given.items():
            if name not in known:
                raise UnknownSetting(f"{verb}: cors", str(name), known)
            settings[name] = _texts(name, value) if name in _LISTS else value
        made = cls(**settings)
        if not isinstance(made.allow_credentials, bool):
            raise InvalidSetting(
                "cors.allow_credentials", made.allow_credentials, "True or False", _SOURCE
            )
        age = made.max_age
        if isinstance(age, bool) or not isinstance(age, int) or not 0 <= age <= longest:
            raise InvalidSetting("cors.max_age", age, f"0 to {longest:,} whole seconds", _SOURCE)
        return made if given else None

    def as_dict(self) -> dict[str, Any]:
        """The settings that say something, by name."""
        shown = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in shown.items()
            if value
        }

    def is_preflight(self, request: Request) -> bool:
        """Whether a browser only asks what its page may do."""
        asked = request.header("Access-Control-Request-Method")
        return request.method == "OPTIONS" and asked is not None and bool(request.header("Origin"))

    def headers(self, request: Request) -> tuple[tuple[str, str], ...]:
        """What an answer tells the browser; nothing where the origin may not, or there is none."""
        origin = request.header("Origin")
        every = "*" in self.allow_origins
        if origin is None or not (every or origin in self.allow_origins):
            return ()
        all_of_them = every and not self.allow_credentials
        found = [("Access-Control-Allow-Origin", "*" if all_of_them else origin)]
        if not all_of_them:
            found.append(("Vary", "Origin"))
        if self.allow_credentials:
            found.append(("Access-Control-Allow-Credentials", "true"))
        if self.is_preflight(request):
            found += [
                (f"Access-Control-{name}", value)
                for name, value in (
                    ("Allow-Methods", ",".join(self.allow_methods)),
                    ("Allow-Headers", ",".join(self.allow_headers)),
                    ("Max-Age", str(self.max_age) if self.max_age else ""),
                )
                if value
            ]
        elif self.expose_headers:
            found.append(("Access-Control-Expose-Headers", ",".join(self.expose_headers)))
        return tuple(found)


def _texts(name: str, value: object) -> tuple[str, ...]:
    given = (value,) if isinstance(value, str) else value
    if not isinstance(given, (list, tuple)) or not all(
        isinstance(each, str) and each for each in given
    ):
        raise InvalidSetting(f"cors.{name}", value, "a list of texts", _SOURCE)
    return tuple(given)
