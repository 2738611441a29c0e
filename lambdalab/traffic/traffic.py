"""All the traffic of a lab: what ``drive`` has scheduled, and whether it ever ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lambdalab.errors import EndlessRun, InvalidSetting
from lambdalab.functions.function import Function
from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import json_problem
from lambdalab.invocation.service import LambdaService
from lambdalab.kernel.clock import microseconds
from lambdalab.traffic.arrivals import Arrivals
from lambdalab.traffic.client import to_json
from lambdalab.traffic.driver import Driver, Sender, Turns, to_function, to_source
from lambdalab.traffic.lane import FastLane

TYPES = ("RequestResponse", "Event")


class Traffic:
    """Schedules arrivals at functions and queues.

    Parameters: the ``service`` of the run.
    """

    fast = True
    """Whether the fast lane may be taken; the long way leaves the same books."""

    def __init__(self, service: LambdaService) -> None:
        self._service = service
        self._drivers: list[tuple[Driver | FastLane, Target | Sender, bool]] = []

    def drive(
        self,
        target: Target | Sender,
        arrivals: Arrivals,
        *,
        duration: Any,
        count: int | None,
        payload: Any,
        invocation_type: str,
        concurrency: int | None = None,
        keys: Mapping[str, Any],
    ) -> None:
        """See :meth:`lambdalab.Lab.drive`."""
        service, scheduler = self._service, self._service.scheduler
        if isinstance(arrivals, type) or not hasattr(arrivals, "waits"):
            limit = (
                "an arrival process: Poisson(rate), Every(seconds), Burst(size) or Replay(times)"
            )
            raise InvalidSetting("arrivals", arrivals, limit)
        _check(count, concurrency, invocation_type)
        key = _key(target, keys)
        ends_at = None if duration is None else scheduler.now + microseconds(duration)
        make = getattr(arrivals, "payload", None) if payload is None else None
        if callable(payload):
            make = payload
        data = b"" if make is not None else _checked(payload, "payload")
        stream = service.streams.stream(self._stream_name(target.name))
        waits = arrivals.waits(stream)
        driver: Driver | FastLane
        if not isinstance(target, Target):
            if make is None:
                fixed = None if callable(keys.get(target.drive_key)) else keys.get(target.drive_key)
                target.check_arrival({"n": 0} if payload is None else payload, fixed)
            if make is None and payload is not None:
                make = _always(payload)
            driver = Driver(scheduler, waits, to_source(target, make, key), ends_at, count)
        else:
            asynchronous = invocation_type == "Event"
            turns = None if concurrency is None else Turns(concurrency)
            send = to_function(
                target, service.front_door, service.books, scheduler,
                (lambda _number: data) if make is None else _maker(make),
                asynchronous=asynchronous, turns=turns,
            )  # fmt: skip
            plain = make is None and not asynchronous and turns is None
            if plain and self._fits_lane(target, data):
                driver = FastLane(service, target, waits, ends_at, count, send, len(data))
            else:
                waiting = () if turns is None else turns.waiting
                driver = Driver(scheduler, waits, send, ends_at, count, waiting)
        endless = arrivals.endless and duration is None and count is None
        self._drivers.append((driver, target, endless))

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


def _check(count: object, concurrency: object, invocation_type: str) -> None:
    for setting, value in (("count", count), ("concurrency", concurrency)):
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if value is not None and not whole:
            raise InvalidSetting(setting, value, "a whole number, 1 or more")
    if invocation_type not in TYPES:
        raise InvalidSetting("invocation_type", invocation_type, f"one of {', '.join(TYPES)}")


def _key(target: Target | Sender, keys: Mapping[str, Any]) -> Callable[[int], Any] | None:
    """What gives each arrival its partition key or message group; None: the target decides."""
    takes = "" if isinstance(target, Target) else target.drive_key
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
