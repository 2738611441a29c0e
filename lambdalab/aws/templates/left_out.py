"""The list of what a lab does not build of a template, and of what it need not build, while it grows."""

from __future__ import annotations

from dataclasses import dataclass, field

from lambdalab.template_verbs import Unbuilt


@dataclass(slots=True)
class LeftOut:
    """The list while a template is built. Attributes: ``missing``, and ``ignored``, which changes nothing
    that a lab simulates."""

    missing: list[Unbuilt] = field(default_factory=list)
    ignored: list[Unbuilt] = field(default_factory=list)

    def wholly(self, resource: str, kind: str, why: str) -> None:
        """A resource that is not built."""
        self._add(self.missing, Unbuilt(resource, kind, "", why))

    def partly(self, resource: str, kind: str, prop: str, why: str) -> None:
        """A property that is not built."""
        self._add(self.missing, Unbuilt(resource, kind, prop, why))

    def ignore(self, resource: str, kind: str, prop: str, why: str) -> None:
        """What changes nothing in a lab."""
        self._add(self.ignored, Unbuilt(resource, kind, prop, why))

    @staticmethod
    def _add(to: list[Unbuilt], found: Unbuilt) -> None:
        if found not in to:
            to.append(found)
