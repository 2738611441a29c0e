"""All the traffic of a lab: what ``drive`` has scheduled, and whether it ever ends.

To a function the short way, from arrival to front door (:mod:`.driver`), and where nothing can happen the
fast lane; with a caller, or to an API, each arrival is a call of its own (:mod:`.calls`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from lambdalab.errors import EndlessRun, InvalidSetting
from lambdalab.functions.function import Function
from lambdalab.functions.target import Target
from lambdalab.invocation.calling import Operation
from lambdalab.invocation.front_door import Origin, json_problem
from lambdalab.invocation.service import LambdaService
from lambdalab.kernel.clock import microseconds
from lambdalab.trace.schema import Cause
from lambdalab.traffic.arrivals import Arrivals
from lambdalab.traffic.callers import Manner, check_caller
from lambdalab.traffic.calls import Calls, Driven
from lambdalab.traffic.client import to_json
from lambdalab.traffic.driver import Driver, Sender, Turns, to_function, to_source
from lambdalab.traffic.invoking import Invoke
from lambdalab.traffic.lane import FastLane

TYPES = ("RequestResponse", "Event")


@runtime_checkable
class Front(Protocol):
    """An API, or a route of one, as traffic sees it."""

    name: str

    def drive_operation(self, payload: Any, number: int) -> Operation:
        """The request of one arrival."""


class Traffic:
    """Schedules arrivals at functions, APIs, queues and streams.

    Parameters: the ``service`` of the run, and its ``calls``.
    """

    fast = True
    """Whether the fast lane may be taken; the long way leaves the same books."""

    def __init__(self, service: LambdaService, calls: Calls) -> None:
        self._service, self._calls = service, calls
        self._drivers: list[tuple[Driver | FastLane, Target | Sender | Front, bool]] = []

    def drive(
        self,
        target: Target | Sender | Front,
        arrivals: Arrivals,
        *,
        duration: Any,
        count: int | None,
        payload: Any,
        invocation_type: str,
        concurrency: int | None = None,
        keys: Mapping[str, Any],
        caller: Any = None,
    ) -> None:
        """See :meth:`lambdalab.Lab.drive`."""
        if isinstance(arrivals, type) or not hasattr(arrivals, "waits"):
            limit = (
                "an arrival process: Poisson(rate), Every(seconds), Burst(size) or Replay(times)"
            )
            raise InvalidSetting("arrivals", arrivals, limit)
        _check(count, concurrency, invocation_type)
        check_caller(caller)
        key = _key(target, keys)
        now = self._service.scheduler.now
        ends_at = None if duration is None else now + microseconds(duration)
        make = payload if callable(payload) else None
        if payload is None:
            make = getattr(arrivals, "payload", None)
        plan = _Plan(arrivals, ends_at, count, payload, make)
        turns = None if concurrency is None else Turns(concurrency)
        driver: Driver | FastLane
        if not isinstance(target, Target) and invocation_type != TYPES[0]:
            limit = f"left out: it is of functions, and {target.name!r} is none"
            raise InvalidSetting("invocation_type", invocation_type, limit)
        if isinstance(target, Front):
            driver = self._to_front(target, plan, caller, turns)
        elif not isinstance(target, Target):
            if caller is not None:
                limit = f"left out: whoever sends to {target.name!r} is answered at once"
                raise InvalidSetting("caller", caller, limit)
            driver = self._to_source(target, plan, keys, key)
        elif caller is not None:
            driver = self._to_function_by(target, plan, invocation_type, caller, turns)
        else:
            driver = self._to_function(target, plan, invocation_type == "Event", turns)
        endless = arrivals.endless and duration is None and count is None
        self._drivers.append((driver, target, endless))

    def _to_function(
        self, target: Target, plan: _Plan, asynchronous: bool, turns: Turns | None
    ) -> Driver | FastLane:
        """Calls that nobody repeats, by the shortest way."""
        service, scheduler = self._service, self._service.scheduler
        data, body = plan.bodies()
        send = to_function(
            target, service.front_door, service.books, scheduler, body,
            asynchronous=asynchronous, turns=turns,
        )  # fmt: skip
        waits = self._waits(target.name, plan)
        plain = plan.make is None and not asynchronous and turns is None
        if plain and self._fits_lane(target, data):
            return FastLane(service, target, waits, plan.ends_at, plan.count, send, len(data))
        waiting = () if turns is None else turns.waiting
        return Driver(scheduler, waits, send, plan.ends_at, plan.count, waiting)

    def _to_source(
        self,
        target: Sender,
        plan: _Plan,
        keys: Mapping[str, Any],
        key: Callable[[int], Any] | None,
    ) -> Driver:
        make, payload = plan.make, plan.payload
        if make is None:
            fixed = None if callable(keys.get(target.drive_key)) else keys.get(target.drive_key)
            target.check_arrival({"n": 0} if payload is None else payload, fixed)
            if payload is not None:
                make = _always(payload)
        waits, send = self._waits(target.name, plan), to_source(target, make, key)
        return Driver(self._service.scheduler, waits, send, plan.ends_at, plan.count)

    def _to_function_by(
        self, target: Target, plan: _Plan, kind: str, caller: Any, turns: Turns | None
    ) -> Driver:
        _, body = plan.bodies()
        service = self._service
        return self._calling(
            target.name, plan, caller, turns, lambda n: Invoke(service, target, body(n), kind)
        )

    def _to_front(self, target: Front, plan: _Plan, caller: Any, turns: Turns | None) -> Driver:
        make, payload = plan.make, plan.payload
        parts = getattr(target, "parts", None)
        if parts is not None and parts.scheduler is not self._service.scheduler:
            raise InvalidSetting("target", target, "of this lab: it belongs to another one")
        if make is None:
            target.drive_operation(payload, 0)  # raises where every arrival would

        def operation(number: int) -> Operation:
            return target.drive_operation(payload if make is None else make(number), number)

        return self._calling(target.name, plan, caller, turns, operation)

    def _calling(
        self,
        name: str,
        plan: _Plan,
        caller: Any,
        turns: Turns | None,
        operation: Callable[[int], Operation],
    ) -> Driver:
        """One caller for all arrivals, with what it remembers from call to call."""
        manner = Manner("drive") if caller is None else self._calls.manner(caller)
        origin = Origin(self._service.books.name(manner.name), Cause.DRIVEN)
        driven = Driven(self._calls, manner, origin, operation, turns)
        waits = self._waits(name, plan)
        return Driver(self._service.scheduler, waits, driven.send, plan.ends_at, plan.count, driven)

    def _waits(self, name: str, plan: _Plan) -> Iterator[int]:
        stream = self._service.streams.stream(self._stream_name(name))
        return plan.arrivals.waits(stream)

    def _fits_lane(self, target: Target, payload: bytes) -> bool:
        """Whether the fast lane does the same as the way of every request."""
        rules = self._service.rules
        return (
            self.fast
            and not target.qualifier
            and target.function.code is None
            and not rules.network_latency
            and not rules.invoke_overhead
            and not rules.function_creation
            and len(payload) <= rules.synchronous_payload
        )

    def users_of(self, function: Function, qualifier: str | None = None) -> list[str]:
        """The traffic that still calls a function, or what goes by this qualifier."""
        mine = [
            driver
            for driver, target, _ in self._drivers
            if isinstance(target, Target)
            and target.function is function
            and qualifier in (None, target.qualifier)
        ]
        return ["traffic from lab.drive()"] if any(driver.active for driver in mine) else []

    def check_ends(self) -> None:
        """Raise :class:`~lambdalab.errors.EndlessRun` while traffic is on that nothing ends."""
        for driver, target, endless in self._drivers:
            if driver.active and endless:
                raise EndlessRun(
                    f"the traffic to {target.name!r} never ends: give run() an until=, "
                    "or drive() a duration or a count (it stays planned until lab.reset())"
                )

    def _stream_name(self, target: str) -> str:
        earlier = sum(known.name == target for _, known, _ in self._drivers)
        return f"arrivals/{target}" + (f"#{earlier + 1}" if earlier else "")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What arrives when: ``make`` gives each arrival its payload, by its number; None: all the same."""

    arrivals: Arrivals
    ends_at: int | None
    count: int | None
    payload: Any
    make: Callable[[int], Any] | None

    def bodies(self) -> tuple[bytes, Callable[[int], bytes]]:
        """The payload as JSON where all have the same, and what gives each arrival its own."""
        if self.make is not None:
            return b"", _maker(self.make)
        data = _checked(self.payload, "payload")
        return data, lambda _number: data


def _check(count: object, concurrency: object, invocation_type: str) -> None:
    for setting, value in (("count", count), ("concurrency", concurrency)):
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if value is not None and not whole:
            raise InvalidSetting(setting, value, "a whole number, 1 or more")
    if invocation_type not in TYPES:
        raise InvalidSetting("invocation_type", invocation_type, f"one of {', '.join(TYPES)}")


def _key(target: Target | Sender | Front, keys: Mapping[str, Any]) -> Callable[[int], Any] | None:
    """What gives each arrival its partition key or message group; None: the target decides."""
    takes: str = getattr(target, "drive_key", "")
    for setting, given in keys.items():
        if given is None:
            continue
        if setting != takes:
            limit = "left out: " + (
                f"{target.name!r} takes {takes}" if takes else f"{target.name!r} takes none"
            )
            raise InvalidSetting(setting, given, limit)
        return given if callable(given) else _always(given)
    return None


def _always(value: object) -> Callable[[int], object]:
    return lambda _number: value


def _checked(payload: Any, setting: str) -> bytes:
    """A payload as JSON; what no request can carry is refused by name."""
    data = to_json(payload)
    problem = json_problem(data)
    if problem:
        raise InvalidSetting(setting, payload, f"JSON: {problem}", "botocore Invoke")
    return data


def _maker(make: Callable[[int], Any]) -> Callable[[int], bytes]:
    """The payload of each arrival."""
    return lambda number: _checked(make(number), f"payload({number})")
