"""What provisioned concurrency costs by itself, whether it is used or not.

Three prices make the bill of provisioned concurrency (aws.amazon.com/lambda/pricing):

* each environment asked for, from when it is asked for until it is given back, rounded up to five
  minutes: rows of ``scaling`` of kind ``requested``;
* the initialisation of each environment that was made ready (the table ``environments``): it is billed
  even where no call ever comes (dg/provisioned-concurrency);
* the runs in it, at a price of their own: these are ``cost_usd`` of the table ``attempts``.

The first two are told here. What has not been given back is billed to the last thing that the books
tell of; closing the lab gives everything back. What belongs to a version that an alias leads to is told
under the version. Everything is counted in whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lambdalab.trace.codes import EnvironmentKind, ScalingKind
from lambdalab.trace.tables import Tables

_PER_NANO = 1024 * 10  # MB in a GB, 1e-10 USD in a nano-dollar
_SECOND, _MS = 1_000_000, 1_000

#: The latest thing in the books is the latest of these.
_TIMES = {
    "invocations": ("requested_at", "completed_at"),
    "attempts": ("started_at", "ended_at"),
    "environments": ("started_at", "ready_at", "ended_at"),
    "queue_events": ("at",),
    "scaling": ("at",),
}

Tariff = Mapping[str, Any]
"""Memory, prices and steps of one version's provisioned concurrency, as the runtime wired them."""


def reservations(tables: Tables) -> dict[str, int]:
    """What each version's provisioned concurrency cost: ``"bill:1"`` to nano-dollars."""
    tariffs = _tariffs(tables)
    costs = dict.fromkeys(tariffs, 0)
    for subject, environments, since, until in _asked_for(tables):
        price = _in_force(tariffs[subject], since)
        step = price["step_s"]
        seconds = -(-(until - since) // (step * _SECOND)) * step
        costs[subject] += environments * _nano(seconds, price["memory_mb"] * price["gb_second"])
    for subject, started, init_us in _initialised(tables):
        if subject in tariffs:
            price = _in_force(tariffs[subject], started)
            step = price["billing_step_ms"]
            ms = -(-init_us // (step * _MS)) * step
            rate = price["memory_mb"] * price["duration_gb_second"]
            costs[subject] += _nano(ms, rate, _MS)
    return costs


def _nano(time: int, rate: int, part: int = 1) -> int:
    """So much time at so many MB times 1e-10 USD a second, in nano-dollars, rounded once."""
    per = _PER_NANO * part
    return (time * rate + per // 2) // per


def _tariffs(tables: Tables) -> dict[str, list[Tariff]]:
    """The prices of each version's provisioned concurrency, in order of time."""
    found: dict[str, list[Tariff]] = {}
    for price in tables.recorder.wiring.get("provisioned", {}).values():
        found.setdefault(str(price["subject"]), []).append(price)
    return found


def _in_force(tariffs: list[Tariff], at: int) -> Tariff:
    """The last one from before ``at``: a deleted function's name may come again with other memory."""
    return [price for price in tariffs if price["since_us"] <= at][-1]


def _asked_for(tables: Tables) -> list[tuple[str, int, int, int]]:
    """Of which version, how many environments, since when, until when (microseconds).

    What was asked for last is given back first.
    """
    rows, names = tables.rows("scaling"), tables.recorder.names
    rows = rows[rows["kind"] == ScalingKind.REQUESTED]
    spells: list[tuple[str, int, int, int]] = []
    standing: dict[str, list[tuple[int, int]]] = {}
    columns = (rows[name].tolist() for name in ("at", "subject", "before", "after"))
    for at, code, before, after in zip(*columns, strict=True):
        mine = standing.setdefault(names[code], [])
        if after > before:
            mine.append((after - before, at))
        left = before - after
        while left > 0:
            number, since = mine.pop()
            spells.append((names[code], min(number, left), since, at))
            if number > left:
                mine.append((number - left, since))
            left -= number
    for subject, mine in standing.items():
        spells += [(subject, number, since, _last(tables)) for number, since in mine]
    return spells


def _initialised(tables: Tables) -> list[tuple[str, int, int]]:
    """Of which version, when it began, and how long the init of each environment took."""
    rows, names = tables.rows("environments"), tables.recorder.names
    rows = rows[(rows["kind"] == EnvironmentKind.PROVISIONED) & (rows["ready_at"] >= 0)]
    columns = (rows[name].tolist() for name in ("function", "version", "started_at", "init_us"))
    return [
        (f"{names[function]}:{names[version]}", started, init_us)
        for function, version, started, init_us in zip(*columns, strict=True)
    ]


def _last(tables: Tables) -> int:
    """The time of the last thing in the books."""
    latest = [
        int(np.max(tables.rows(table)[column], initial=0))
        for table, columns in _TIMES.items()
        for column in columns
    ]
    return max(latest)
