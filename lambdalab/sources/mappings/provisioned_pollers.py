"""Provisioned mode of a queue's mapping: pollers that are there ahead, each with a rate of its own.

Each has up to ten batches at a time, polls ten times a second and receives up to 1 MB a second
(dg/services-sqs-scaling); there are at least ``minimum_pollers`` of them, and at most
``maximum_pollers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappush, heapreplace

from lambdalab.errors import InvalidParameterValueException, InvalidSetting
from lambdalab.kernel.clock import US
from lambdalab.rules import RULES, Rules
from lambdalab.sources.checks import whole

SETTING = "provisioned_poller_config"
_AWS = {"MinimumPollers": "minimum_pollers", "MaximumPollers": "maximum_pollers"}


@dataclass(frozen=True, slots=True)
class PollerConfig:
    """``provisioned_poller_config``: the fewest pollers, and the most."""

    minimum_pollers: int
    maximum_pollers: int

    @classmethod
    def make(cls, given: object, rules: Rules) -> PollerConfig:
        """From a mapping, in our spelling or AWS's; what it leaves out has AWS's default.

        Raises :class:`InvalidSetting` before the day on which AWS introduced the mode (the error names
        it) and for what is out of range, :class:`InvalidParameterValueException` where the fewest are
        more than the most.

        >>> PollerConfig.make({"MaximumPollers": 5}, Rules.as_of("latest"))
        PollerConfig(minimum_pollers=2, maximum_pollers=5)
        """
        if isinstance(given, cls):
            return given
        if not rules.mapping_provisioned:
            day = RULES["mapping_provisioned"].values[-1][0]
            limit = f'left out: there is a provisioned mode since {day}; Lab(rules="{day}") has it'
            raise InvalidSetting(SETTING, given, limit, rules.source("mapping_provisioned"))
        known = _named(given)
        low, high = rules.mapping_provisioned_minimum_pollers, rules.mapping_provisioned_pollers
        least = known.get("minimum_pollers", rules.mapping_provisioned_minimum_default)
        most = known.get("maximum_pollers", rules.mapping_provisioned_maximum_default)
        where = rules.source("mapping_provisioned_pollers")
        floor = rules.mapping_provisioned_minimum_default
        whole(f"{SETTING}['minimum_pollers']", least, floor, low, "pollers", where)
        whole(f"{SETTING}['maximum_pollers']", most, floor, high, "pollers", where)
        if least > most:
            raise InvalidParameterValueException(
                f"MinimumPollers ({least}) must not be greater than MaximumPollers ({most})",
                f"; {SETTING} of this mapping ({where})",
            )
        return cls(least, most)

    def as_dict(self) -> dict[str, int]:
        """As it was given."""
        return {"minimum_pollers": self.minimum_pollers, "maximum_pollers": self.maximum_pollers}


def _named(given: object) -> dict[str, int]:
    """The numbers by our names; None stands for a default."""
    if isinstance(given, Mapping):
        known = {_AWS.get(str(name), str(name)): value for name, value in given.items()}
        if len(known) == len(given) and set(known) <= set(_AWS.values()):
            return {name: value for name, value in known.items() if value is not None}
    raise InvalidSetting(
        SETTING, given, '{"minimum_pollers": 2, "maximum_pollers": 200}, or some of it',
        "botocore ProvisionedPollerConfig",
    )  # fmt: skip


class Pace:
    """When provisioned pollers may poll next: each after its own last receive.

    >>> pace = Pace(Rules.as_of("latest"))
    >>> pace.resize(2, at=0)
    >>> pace.polled(0, 500); pace.polled(0, 2**20); pace.free_at
    100000
    """

    __slots__ = ("_bytes", "_free", "_gap_us")

    def __init__(self, rules: Rules) -> None:
        self._gap_us = -(-US // rules.mapping_provisioned_polls)
        self._bytes: int = rules.mapping_provisioned_bytes
        self._free: list[int] = []  # a heap: when each poller may poll again

    @property
    def free_at(self) -> int:
        """When the next of them may poll."""
        return self._free[0]

    def polled(self, at: int, size: int) -> None:
        """The first that may has received so many bytes."""
        wait = max(self._gap_us, -(-size * US // self._bytes))
        heapreplace(self._free, at + wait)

    def resize(self, number: int, at: int) -> None:
        """So many poll from now on."""
        known = len(self._free)
        if number < known:
            self._free = sorted(self._free)[:number]  # ascending: a heap
        for _ in range(known, number):
            heappush(self._free, at)
