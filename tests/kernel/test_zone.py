"""Local time in a handler is UTC by every name, whatever the host's zone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PROGRAM = """
import time
names = "tzname", "timezone", "altzone", "daylight"
host = [getattr(time, name) for name in names], time.strftime("%Z")
def handler():
    import datetime
    now = tuple(time.gmtime(0))
    shown = [getattr(time, name) for name in names]
    time.tzset()
    return shown, [
        time.strftime("%Z"), time.strftime("%Z %z", now), time.strftime("%H %Z", time.localtime(0)),
        time.localtime().tm_zone, time.gmtime().tm_zone,
        datetime.datetime.now().astimezone().tzname(),
    ]
((_, ending),) = run(handler)
print(ending.value)
print(([getattr(time, name) for name in names], time.strftime("%Z")) == host, host[1], type(time))
"""


def test_in_new_york(run_python: Callable[..., str]) -> None:
    inside, outside = run_python(PROGRAM, TZ="America/New_York").splitlines()
    assert inside == (
        "([('UTC', 'UTC'), 0, 0, 0], ['UTC', 'UTC +0000', '00 UTC', 'UTC', 'GMT', 'UTC'])"
    )
    assert outside == "True EST <class 'module'>"


def test_other_threads_see_the_hosts(world: Any) -> None:
    import concurrent.futures

    before = time.tzname, time.timezone
    with concurrent.futures.ThreadPoolExecutor(1) as pool, world.tasks.active():
        assert pool.submit(lambda: (time.tzname, time.timezone)).result() == before


def test_what_is_set_during_a_run_is_set(world: Any) -> None:
    before = time.daylight
    with world.tasks.active():
        time.daylight = 7
    assert time.daylight == 7
    time.daylight = before


def test_wrong_arguments_of_strftime_are_errors(world: Any) -> None:
    def wrong(*given: Any) -> str:
        try:
            return time.strftime("%Z", *given)
        except (TypeError, ValueError) as error:
            return type(error).__name__

    assert world.value(lambda: [wrong((1, 2)), wrong("x"), wrong((2025, 13, 1, 0, 0, 0, 0, 1, 0))]) == [
        "TypeError", "TypeError", "ValueError"
    ]  # fmt: skip
