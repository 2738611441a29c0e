"""Time to live: items that DynamoDB deletes by itself when the moment in one of their attributes is past.

* The attribute holds a number, seconds since 1970; an item without it, or with a value of another type,
  stays. So does one whose moment was over five years ago.
* The delete comes later than the moment, on AWS within a few days: the delay is drawn from
  ``dynamodb_ttl_delay`` when the item is put (``Lab(quotas={"dynamodb_ttl_delay": (0, 0)})``: at once).
  Until then the item is there, and can be read and changed.
* A delete never keeps ``lab.run()`` alive, even if a mapping would hear of it: otherwise a lab with a
  session table would run for days. ``lab.run(until="3d")`` lets them happen.
* Its stream record names DynamoDB as the user (``userIdentity``).

Source: ddg/TTL, ddg/time-to-live-ttl-before-you-start.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from lambdalab.kernel.clock import LONGEST_US, US, Clock
from lambdalab.kernel.random import RandomStream
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.sources.dynamodb.items import Item
from lambdalab.sources.dynamodb.reader import Ident


class TimeToLive:
    """The deletes that one table's items have coming in one run.

    Parameters: the attribute; the lab's parts; ``chance``, which delays are drawn from; and ``delete``,
    which is called with what tells the item from others.
    """

    def __init__(
        self, attribute: str, scheduler: Scheduler, clock: Clock, rules: Rules, chance: RandomStream,
        delete: Callable[[Ident], None],
    ) -> None:  # fmt: skip
        self.attribute = attribute
        self._scheduler, self._clock, self._rules = scheduler, clock, rules
        self._chance, self._delete = chance, delete
        self._timers: dict[Ident, int] = {}

    def changed(self, ident: Ident, item: Item | None) -> None:
        """An item was put, or (None) deleted."""
        timer = self._timers.pop(ident, None)
        if timer is not None:
            self._scheduler.cancel_background(timer)
        over_at = None if item is None else self.over_at(item)
        if over_at is not None:
            at = max(over_at, self._scheduler.now) + self._delay_us()
            self._timers[ident] = self._scheduler.background(at, self._due, ident)

    def over_at(self, item: Item) -> int | None:
        """When an item's time to live is over, in microseconds since the lab's start; None: never."""
        number = item.get(self.attribute, {}).get("N")
        if number is None:
            return None
        now = self._scheduler.now
        at = int(Decimal(number) * US) - self._clock.epoch_us(0)
        oldest = now - self._rules.dynamodb_ttl_oldest * US
        return at if oldest <= at <= now + LONGEST_US else None

    def _delay_us(self) -> int:
        least, most = map(float, self._rules.dynamodb_ttl_delay)
        return round((least + (most - least) * self._chance.uniform()) * US)

    def _due(self, ident: Ident) -> None:
        del self._timers[ident]
        self._delete(ident)

    def stop(self) -> None:
        """Nothing is deleted any more."""
        for timer in self._timers.values():
            self._scheduler.cancel_background(timer)
        self._timers.clear()
