"""The services of a lab that call Lambda by themselves, wired to its parts."""

from __future__ import annotations

from lambdalab.triggers.function_url import FunctionUrls
from lambdalab.triggers.parts import Parts


class Triggers:
    """Every trigger service of one lab, by the name that the lab has for it.

    Parameters: the lab's ``parts``. A new service is made here, and named in :attr:`SERVICES`.
    """

    SERVICES: tuple[str, ...] = ()
    """The attributes of the lab that are trigger services, in the order in which its repr shows them."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.function_urls = FunctionUrls(parts)

    def wiring(self) -> dict[str, list[object]]:
        """What has been made of each service, for the lab's repr."""
        return {
            name: [getattr(self, name)[thing] for thing in getattr(self, name)]
            for name in self.SERVICES
        }
