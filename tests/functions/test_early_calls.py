"""Which function objects may hold a clock bound before; and that each that does is found by a run."""

from __future__ import annotations

import datetime as dt
import functools
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable
from time import sleep
from types import ModuleType
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.functions import early
from lambdalab.functions.code import Code

SIZES = {"small": 128, "large": [512, 1024]}
EARLY = dt.datetime.now
SHELF: list[Callable[[], dt.datetime]] = [EARLY]


class Refused(Exception):
    """An exception of the handler's own."""

    def told(self, context: Any = None) -> str:
        return json.dumps([str(self), SIZES["small"]])


class Clocked:
    """A class that keeps a clock."""

    now = staticmethod(dt.datetime.now)


class Speaking:
    """Somebody's object: who knows what it calls."""

    def __init__(self) -> None:
        self.now = dt.datetime.now


SPEAKING = Speaking()


def helper(number: int) -> float:
    return math.sqrt(number) + random.random()


def through(number: int) -> float:
    return helper(number) if number else through(number + 1)


def clock(now: Any = dt.datetime.now) -> Any:
    return now()


def stamp() -> None:
    """A function that has a clock as an attribute."""


stamp.now = dt.datetime.now  # type: ignore[attr-defined]


def may(function: Callable[..., Any]) -> bool:
    return early.may_hold_clocks(Code.of(function))


def waits(event: Any, context: Any) -> Any:
    import json as texts

    sleep(1)
    time.sleep(1)
    if not event:
        raise Refused("empty")
    return texts.loads("[1]"), dt.datetime.now().isoformat(), through(4), SIZES["large"]


def remembers() -> Callable[..., Any]:
    seen: list[Any] = []
    known = {"a": (1, 2.5, None, b"x")}

    def handler(event: Any, context: Any, times: int = 2) -> Any:
        seen.append(event)
        return [known["a"] for _ in range(times)], len(seen)

    return handler


def test_what_keeps_to_itself_holds_none() -> None:
    assert not may(lambda event, context: None)
    assert not may(waits)
    assert not may(remembers())
    assert not may(Refused.told)
    with ll.Lab() as lab:
        queue = lab.sqs.create_queue("orders")
        assert not may(lambda event, context: queue.send("x"))
        assert not may(lambda event, context: ll.compute(0.1))


def kept_in_a_closure() -> Callable[..., Any]:
    now = dt.datetime.now
    return lambda event, context: now()


def kept_deep() -> Callable[..., Any]:
    shelf = {"clocks": [(EARLY,)]}
    return lambda event, context: shelf["clocks"][0][0]()


def kept_by_a_decorator() -> Callable[..., Any]:
    def stamped(function: Callable[..., Any], now: Any = dt.datetime.now) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(event: Any, context: Any) -> Any:
            function(event, context)
            return now()

        return wrapper

    return stamped(lambda event, context: None)


def brought_by_an_import(event: Any, context: Any) -> Any:
    from shop import now  # type: ignore[import-not-found]

    return now()


def kept_by_a_name_in_a_nested_function(event: Any, context: Any) -> Any:
    def inner() -> Any:
        return EARLY()

    return inner()


HOLDING = [
    kept_in_a_closure(),
    kept_deep(),
    kept_by_a_decorator(),
    kept_by_a_name_in_a_nested_function,
    brought_by_an_import,
    lambda event, context: EARLY(),
    lambda event, context: SHELF[0](),
    lambda event, context: clock(),
    lambda event, context: Clocked.now(),
    lambda event, context: SPEAKING.now(),
    lambda event, context, now=dt.datetime.now: now(),
    lambda event, context, *, now=dt.datetime.now: now(),
    lambda event, context: stamp.now(),  # type: ignore[attr-defined]
    lambda event, context: os.sys.modules[__name__].EARLY(),  # type: ignore[attr-defined]
    lambda event, context: globals()["EARLY"](),
    lambda event, context: sys.modules[__name__].EARLY(),
    functools.partial(lambda now, event, context: now(), dt.datetime.now),
]


@pytest.mark.parametrize("handler", HOLDING)
def test_a_clock_bound_before_is_found_wherever_it_is_kept(
    handler: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = ModuleType("shop")
    shop.now = dt.datetime.now  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shop", shop)
    assert may(handler)
    with ll.Lab(start="2025-01-07") as lab:
        lab.create_function("plain", lambda event, context: None)
        lab.invoke("plain")  # the search that every process begins with is over
        lab.create_function("f", lambda event, context: handler(event, context).year)
        assert lab.invoke("f").payload == 2025


def test_what_is_bound_between_creation_and_run_counts() -> None:
    shelf: list[Any] = []
    with ll.Lab(start="2025-01-07") as lab:
        lab.create_function("f", lambda event, context: shelf[0]().year)
        shelf.append(dt.datetime.now)
        assert lab.invoke("f").payload == 2025


def test_a_value_that_contains_itself_ends() -> None:
    around: list[Any] = []
    around.append(around)
    assert not may(lambda event, context: around)


def test_an_unbound_closure_and_too_much_data_are_not_looked_through() -> None:
    def early_reader() -> Callable[..., Any]:
        def handler(event: Any, context: Any) -> Any:
            return late

        assert may(handler)
        late = 1
        return handler

    assert not may(early_reader())
    many = list(range(1000))
    assert may(lambda event, context: many)
