"""How much may run at once, and how fast it may grow: who is let in, and which limit refuses.

Three limits bind an invocation that needs an environment of its own accord:

* the *concurrency* of its pool: what the account has left unreserved, or what its function reserves;
* the pool's *requests per second*, ten times its concurrency;
* the function's *scaling rate*: 1,000 new environments at once, refilled by 100 a second.

What provisioned concurrency can serve takes none of them: it has its own environments and its own ten
requests a second for each. Sources: dg/lambda-concurrency, dg/scaling-behavior,
dg/configuration-concurrency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdalab.errors import InvalidParameterValueException
from lambdalab.functions.mishaps import refusal
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Cause, ScalingKind

if TYPE_CHECKING:
    from lambdalab.functions.call import Call
    from lambdalab.functions.function import Function

_NS = 1000  # nanoseconds in a microsecond: a bucket's time, so that whole numbers are exact


class Bucket:
    """A token bucket in whole numbers.

    Parameters: ``rate``, tokens a second; ``burst``, how many it holds. It begins full.

    Instead of counting tokens it keeps the time at which it will be full again (known as the generic
    cell rate algorithm): one number, and nothing happens while nobody asks.

    >>> bucket = Bucket(rate=100, burst=2)
    >>> [bucket.take(0) for _ in range(3)], bucket.take(10_000)
    ([True, True, False], True)
    """

    __slots__ = ("burst", "full_at", "interval", "slack")

    def __init__(self, rate: float, burst: int) -> None:
        self.burst = burst
        self.interval = int(1_000_000_000 // rate) if rate > 0 else 1 << 62
        self.slack = (burst - 1) * self.interval
        self.full_at = 0

    def empty(self, now: int) -> bool:
        """Whether there is no token at ``now`` (microseconds)."""
        return self.full_at - now * _NS > self.slack or not self.burst

    def take(self, now: int) -> bool:
        """Take one token; False, and nothing taken, where there is none."""
        at, full_at = now * _NS, self.full_at
        if full_at - at > self.slack or not self.burst:
            return False
        self.full_at = (at if full_at < at else full_at) + self.interval
        return True


class Pool:
    """Concurrency that functions draw from: ``limit`` units, of which ``in_use`` are taken.

    ``requests`` bounds how many synchronous requests a second it takes; ``full`` and ``hurried`` are
    the causes of its throttles.
    """

    __slots__ = ("full", "hurried", "in_use", "limit", "requests")

    def __init__(self, limit: int, per_second: int, full: int, hurried: int) -> None:
        self.limit, self.in_use = limit, 0
        self.full, self.hurried = full, hurried
        self.requests = Bucket(limit * per_second, limit * per_second)

    def resize(self, limit: int, per_second: int, now: int) -> None:
        """Another limit from now on; what is in use stays so, and requests taken stay taken.

        More of them than the new limit lets through count as so many: a second later all is well.
        """
        if limit == self.limit:
            return
        self.limit, before = limit, self.requests
        self.requests = Bucket(limit * per_second, limit * per_second)
        taken = min(max(before.full_at - now * _NS, 0) // before.interval, self.requests.burst)
        self.requests.full_at = now * _NS + taken * self.requests.interval


class Capacity:
    """The concurrency of an account, and what its functions reserve and provision of it.

    Attributes: ``shared``, the pool of all functions that reserve nothing; ``events``, the bucket of
    asynchronous requests from outside.
    """

    def __init__(self, scheduler: Scheduler, books: Recorder, rules: Rules) -> None:
        self._scheduler, self._books, self._rules = scheduler, books, rules
        self._per_second: int = rules.requests_per_concurrency
        self.account: int = rules.account_concurrency
        self.reserved = 0
        self.provisioned = 0
        """Provisioned concurrency of functions that reserve nothing."""
        self.shared = Pool(
            self.account, self._per_second, Cause.THROTTLED_ACCOUNT, Cause.THROTTLED_RATE
        )
        accepted = self.account * self._per_second
        self.events = Bucket(accepted, accepted)
        limits = {
            "limit": self.account, "unreserved_minimum": rules.unreserved_minimum,
            "scaling_burst": rules.scaling_burst, "scaling_rate": rules.scaling_rate,
        }  # fmt: skip
        books.wired("account", "concurrency", limits)
        payload = {
            "synchronous": rules.synchronous_payload, "asynchronous": rules.asynchronous_payload,
            "mapping": rules.mapping_payload,
        }  # fmt: skip
        books.wired("account", "payload", payload)
        prices = {f"gb_second_{kind}": price for kind, price in rules.price_gb_second.items()}
        books.wired("account", "prices", {"request": rules.price_request, **prices})

    def new_growth(self) -> Bucket:
        """The scaling rate of one function."""
        return Bucket(self._rules.scaling_rate, self._rules.scaling_burst)

    # ------------------------------------------------------------------ setting aside

    def reserve(self, function: Function, reserved: int | None) -> None:
        """Give a function a pool of its own, or (None) let it draw from the common one again.

        Raises :class:`InvalidParameterValueException` where fewer than the unreserved minimum would be
        left, or less than its own provisioned concurrency.
        """
        self.check_reservation(function, reserved)
        before, claimed = function.reserved, function.claimed
        busy = function.busy_on_demand
        if before is None and reserved is not None:
            self.shared.in_use -= busy
            self.provisioned -= claimed
        elif before is not None and reserved is None:
            self.shared.in_use += busy
            self.provisioned += claimed
        self.reserved += (reserved or 0) - (before or 0)
        function.reserved = reserved
        self._fit(function, busy)
        if reserved != before:
            self._note(function, before, reserved)

    def check_reservation(self, function: Function | None, reserved: int | None) -> None:
        """Raise where :meth:`reserve` would; nothing is changed. None: a function that is new."""
        before, claimed = (None, 0) if function is None else (function.reserved, function.claimed)
        if reserved == before:
            return
        rules, others = self._rules, self.reserved - (before or 0) + self.provisioned
        others -= claimed if before is None else 0
        if reserved and others + reserved > self.account - rules.unreserved_minimum:
            most = max(self.account - rules.unreserved_minimum - others, 0)
            raise InvalidParameterValueException(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                "UnreservedConcurrentExecution below its minimum value of "
                f"[{rules.unreserved_minimum}].",
                f" reserved_concurrency={reserved}: at most {most:,} of the account's "
                f"{self.account:,} ({rules.source('unreserved_minimum')})",
            )
        if reserved is not None and reserved < claimed:
            raise InvalidParameterValueException(
                f" ReservedConcurrentExecutions  {reserved} should not be lower than function's "
                f"total provisioned concurrency [{claimed}]."
            )

    def claim(self, function: Function, change: int) -> None:
        """Set so much more concurrency aside for provisioned environments (or less).

        Raises :class:`InvalidParameterValueException` where the function's reservation, or what the
        account has left, is too small.
        """
        if function.reserved is not None:
            if function.claimed + change > function.reserved:
                raise InvalidParameterValueException(
                    "Requested Provisioned Concurrency should not be greater than the "
                    "reservedConcurrentExecution for function"
                )
        else:
            rules = self._rules
            left = self.account - self.reserved - self.provisioned - rules.unreserved_minimum
            if change > left:
                raise InvalidParameterValueException(
                    f"Specified ConcurrentExecutions for function is greater than function's "
                    f"unreserved concurrency [{max(left, 0)}].",
                    f" ({rules.source('unreserved_minimum')})",
                )
            self.provisioned += change
        function.claimed += change
        self._fit(function, function.busy_on_demand)

    def _fit(self, function: Function, busy: int) -> None:
        """The pools as large as reservations and claims leave them."""
        shared = self.account - self.reserved - self.provisioned
        self.shared.resize(max(shared, 0), self._per_second, self._scheduler.now)
        if function.reserved is None:
            function.pool = self.shared
            return
        limit = function.reserved - function.claimed
        if function.pool is self.shared:
            full, hurried = Cause.THROTTLED_RESERVED, Cause.THROTTLED_RESERVED_RATE
            function.pool = Pool(limit, self._per_second, full, hurried)
            function.pool.in_use = busy
        else:
            function.pool.resize(limit, self._per_second, self._scheduler.now)

    def _note(self, function: Function, before: int | None, after: int | None) -> None:
        cause = Cause.RELEASED if after is None else Cause.CONFIGURED
        self._books.scaling(
            self._scheduler.now,
            function.name_code,
            ScalingKind.LIMIT,
            before or 0,
            after or 0,
            cause,
        )

    # ------------------------------------------------------------------ letting in

    def admit(self, call: Call, paced: bool) -> int:
        """Let a call in, to the fleet that will run it; 0, or why not, and then nothing is taken.

        ``paced``: the limits on requests a second count (synchronous calls; events of Lambda's own
        queue come as fast as there is concurrency).
        """
        now, version, function = self._scheduler.now, call.version, call.function
        if function.faults and (cause := refusal(call)):
            return self._injected(function, cause)
        ready = version.provisioned
        if ready is not None and ready.takes(now, paced):
            call.fleet = ready
            return 0
        fleet, pool = version.fleet, function.pool
        if pool.in_use >= pool.limit:
            return self._full(function, pool)
        cold = not fleet.idle
        if cold and function.growth.empty(now):
            return self.throttled(function, function.growth.burst, Cause.THROTTLED_SCALING)
        if paced:  # what take() does, without a call
            requests, at = pool.requests, now * _NS
            full_at = requests.full_at
            if full_at - at > requests.slack:
                return self.throttled(function, requests.burst, pool.hurried)
            requests.full_at = (at if full_at < at else full_at) + requests.interval
        if cold:
            function.growth.take(now)
        pool.in_use += 1
        call.fleet = fleet
        return 0

    def _injected(self, function: Function, cause: int) -> int:
        """``lab.faults`` refuses; nothing gets through what it made up, so its limit is 0."""
        return self.throttled(function, 0, cause) if cause == Cause.INJECTED else cause

    def _full(self, function: Function, pool: Pool) -> int:
        cause = pool.full
        if function.reserved == 0:
            cause = Cause.ZERO_RESERVED_CONCURRENCY
        elif not pool.limit and function.claimed:
            cause = Cause.THROTTLED_PROVISIONED
        return self.throttled(function, pool.limit, cause)

    def throttled(self, function: Function, limit: int, cause: int) -> int:
        """Write a throttle down, with the limit that bound."""
        self._books.scaling(
            self._scheduler.now, function.name_code, ScalingKind.THROTTLE, limit, limit, cause
        )
        return cause
