"""A kind of resource: what builds it and what it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.resource import Resource
from lambdalab.rules import Rules

_TAIL = 8  # of a name that has to be cut: SAM tells its resources apart by how they end


@dataclass(frozen=True, slots=True)
class Kind:
    """How a type of resource is built.

    Attributes
    ----------
    build
        Makes it in the lab.
    name_property
        What its name is called; "" where it has none.
    longest, shortest
        The rules that say how long a name may be, where a logical id could be longer or shorter.
    small
        Whether names have small letters only.
    """

    build: Callable[[Resource], Facts]
    name_property: str = ""
    longest: str = ""
    shortest: str = ""
    small: bool = False

    def name(self, logical_id: str, stack: str, rules: Rules) -> str:
        """What a resource is called that gives itself no name: its logical id, as far as it can be."""
        name = logical_id.lower() if self.small else logical_id
        if self.shortest and len(name) < getattr(rules, self.shortest):
            name = f"{stack}-{name}".lower()
        most = getattr(rules, self.longest) if self.longest else len(name)
        if len(name) > most:
            name = name[: most - _TAIL] + name[-_TAIL:]
        return name
