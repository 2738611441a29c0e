"""What every service of a lab is to its users: its queues, streams or tables, found by name."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import ClassVar, Generic, Protocol, TypeVar

from lambdalab.errors import UnknownName
from lambdalab.sources.shown import Shown


class Named(Protocol):
    """Something that has a name."""

    name: str


Thing = TypeVar("Thing", bound=Named)


class Directory(Shown, Generic[Thing]):
    """The things of one service: ``service["orders"]``, ``"orders" in service``, names by iteration.

    A subclass names the ``service`` as the lab does, and what one of its things is called (``noun``),
    and puts them into ``_found``.
    """

    service: ClassVar[str]
    noun: ClassVar[str]

    def __init__(self) -> None:
        self._found: dict[str, Thing] = {}

    def __getitem__(self, name: str) -> Thing:
        found = self._found.get(name) if isinstance(name, str) else None
        if found is None:
            raise UnknownName(self.noun, name, self._found)
        return found

    def _mine(self, given: str | Thing) -> Thing:
        """The thing of a name, or the thing itself; raises :class:`UnknownName` for any other."""
        if isinstance(given, str):
            return self[given]
        name = getattr(given, "name", given)
        found = self._found.get(name) if isinstance(name, str) else None
        if found is None or found is not given:
            raise UnknownName(f"{self.noun} in this lab", name, self._found)
        return found

    def __contains__(self, thing: object) -> bool:
        """Whether there is a thing of that name, or whether this very thing is there."""
        if isinstance(thing, str):
            return thing in self._found
        name = getattr(thing, "name", None)
        return isinstance(name, str) and self._found.get(name) is thing

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        if not self._found:
            nouns = self.noun.removesuffix("y") + ("ies" if self.noun.endswith("y") else "s")
            return f"<{self.service}: no {nouns}>"
        return "\n".join([f"<{self.service}>", *(f"  {each!r}" for each in self._found.values())])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"
