"""How many environments may run at once: the account's pool, and what functions reserve of it.

Sources: dg/lambda-concurrency, dg/configuration-concurrency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdalab.errors import InvalidSetting
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Cause, ScalingKind

if TYPE_CHECKING:
    from lambdalab.functions.function import Function


class Capacity:
    """The account's concurrency, shared by all functions that reserve none."""

    def __init__(self, scheduler: Scheduler, books: Recorder, rules: Rules) -> None:
        self._scheduler, self._books, self._rules = scheduler, books, rules
        self.account: int = rules.account_concurrency
        self.reserved = 0
        self.shared_in_use = 0
        self.shared: int = self.account

    def reserve(self, function: Function, reserved: int | None) -> None:
        """Give a function a share of its own, or (None) let it draw from the common pool again.

        Raises :class:`InvalidSetting` where fewer than the unreserved minimum would be left.
        """
        others = self.reserved - (function.reserved or 0)
        rules = self._rules
        if reserved and others + reserved > self.account - rules.unreserved_minimum:
            most = max(self.account - rules.unreserved_minimum - others, 0)
            raise InvalidSetting(
                "reserved_concurrency", reserved,
                f"at most {most:,}: {rules.unreserved_minimum} of the account's {self.account:,} stay "
                "unreserved", rules.source("unreserved_minimum"),
            )  # fmt: skip
        busy = function.fleet.busy
        if function.reserved is None and reserved is not None:
            self.shared_in_use -= busy
        elif function.reserved is not None and reserved is None:
            self.shared_in_use += busy
        self.reserved = others + (reserved or 0)
        self.shared = self.account - self.reserved
        function.reserved = reserved

    def admit(self, function: Function) -> int:
        """Take one unit of concurrency; 0, or the cause of a throttle and nothing taken."""
        reserved = function.reserved
        if reserved is None:
            if self.shared_in_use < self.shared:
                self.shared_in_use += 1
                return 0
            return self._throttled(function, self.shared, Cause.THROTTLED_ACCOUNT)
        if function.fleet.busy < reserved:
            return 0
        if reserved == 0:
            return self._throttled(function, 0, Cause.ZERO_RESERVED_CONCURRENCY)
        return self._throttled(function, reserved, Cause.THROTTLED_RESERVED)

    def _throttled(self, function: Function, limit: int, cause: int) -> int:
        self._books.scaling(
            self._scheduler.now, function.name_code, ScalingKind.THROTTLE, limit, limit, cause
        )
        return cause

    def leave(self, function: Function) -> None:
        """Give the unit of concurrency back."""
        if function.reserved is None:
            self.shared_in_use -= 1
