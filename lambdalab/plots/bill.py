"""What the books say that a run cost, in whole nano-dollars: by function, by what is billed, by memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.plots import words
from lambdalab.plots.frames import Floats, Ints, account, seconds

if TYPE_CHECKING:
    from lambdalab.trace import Trace

BY = ("time", "memory")
#: Sums below so many nano-dollars are told in millionths of a dollar.
SMALL = 1_000_000
_NANO = 1_000_000_000
_GB_SECOND = 1024 * 1000  # MB-milliseconds


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a function is billed for (duration, requests, provisioned): when, how much.

    ``at`` rises; ``nano`` are nano-dollars, whole; ``said`` is the amount in words.
    """

    function: str
    what: str
    at: Floats
    nano: Ints
    said: str

    @property
    def total(self) -> int:
        """Nano-dollars in all."""
        return int(self.nano.sum())


@dataclass(frozen=True, slots=True)
class Bill:
    """The ``parts`` of a bill, for how many ``runs`` it is, and when the first of them ``began``."""

    parts: list[Part]
    runs: int
    began: float

    @property
    def total(self) -> int:
        """Nano-dollars in all."""
        return sum(part.total for part in self.parts)


@dataclass(frozen=True, slots=True)
class Size:
    """The runs of a function with one memory size.

    ``took`` is the mean time of a run in seconds, ``low`` and ``high`` the 5th and 95th percentile;
    ``usd`` the price of a million invocations, retries and requests included.
    """

    memory: int
    runs: int
    took: float
    low: float
    high: float
    usd: float


@dataclass(frozen=True, slots=True)
class Sizes:
    """The memory sizes that a ``function`` ran with, the smallest first."""

    function: str
    sizes: list[Size]


def nano_dollars(costs: pd.Series[float]) -> Ints:
    """A column of dollars as the whole nano-dollars that the books have.

    >>> nano_dollars(pd.Series([16867 / 1e9, 0.0])).tolist()
    [16867, 0]
    """
    return np.rint(costs.to_numpy(dtype=float) * _NANO).astype(np.int64)


def money(nano: int, of: int | None = None) -> str:
    """Nano-dollars as people say them; ``of`` is the sum whose unit they are told in.

    >>> [money(n) for n in (1_234_000_000_000, 2_500_000_000, 38_759_000, 205_400, 0)]
    ['$1,234', '$2.50', '$0.0388', '205 millionths of a $', '$0']
    >>> money(205_400, of=1_364_000)
    '$0.000205'
    """
    dollars = nano / _NANO
    if not nano:
        return "$0"
    if max(nano, of or 0) < SMALL:
        return f"{nano / 1000:.3g} millionths of a $"
    if dollars < 0.1:
        return f"${np.format_float_positional(dollars, precision=3, fractional=False, trim='-')}"
    return f"${dollars:,.0f}" if dollars >= 100 else f"${dollars:,.2f}"


def bill(trace: Trace, function: str | None) -> Bill:
    """What runs and reserved environments cost, in parts; runs that are not over cost nothing yet.

    Raises :class:`~lambdalab.errors.UnknownName` for a function that has not run.
    """
    table = trace.attempts
    codes, names = pd.factorize(table["function"])
    known = [str(name) for name in names]
    if function is not None and function not in known and not trace.settings(function):
        raise UnknownName("function in this trace", function, known)
    over = ~table["ended_at"].isna().to_numpy()
    at, nano = seconds(trace, table["ended_at"]), nano_dollars(table["cost_usd"])
    used = table["billed_ms"].fillna(0).to_numpy().astype(np.int64) * table["memory_mb"].to_numpy()
    request = np.minimum(nano, account(trace, "prices", "request", "price_request"))
    began = seconds(trace, table["started_at"])
    parts, runs, first = [], 0, np.inf
    for code, name in enumerate(known):
        if function not in (None, name):
            continue
        mine = np.flatnonzero(over & (codes == code))
        mine = mine[np.argsort(at[mine], kind="stable")]
        if not len(mine):
            continue
        runs += len(mine)
        first = min(first, float(began[mine].min()))
        amount = f"duration {_amount(int(used[mine].sum()))}"
        parts.append(Part(name, "duration", at[mine], (nano - request)[mine], amount))
        asked = words.count(len(mine), "request")
        parts.append(Part(name, "requests", at[mine], request[mine], asked))
    parts += _provisioned(trace, function)
    return Bill(parts, runs, min([first, *(float(part.at[0]) for part in parts)]))


def _amount(used: int) -> str:
    """MB-milliseconds as GB-seconds."""
    amount = used / _GB_SECOND
    return f"{amount:.3g} GB-s" if amount < 100 else f"{amount:,.0f} GB-s"


def _provisioned(trace: Trace, function: str | None) -> list[Part]:
    """What provisioned concurrency cost by itself: from the first environment asked for to the end.

    The books have a sum for each version; it is spread evenly over the time that it was asked for.
    """
    scaling = trace.scaling
    asked = scaling[(scaling["kind"] == "requested").to_numpy()]
    if not len(asked):
        return []
    table = trace.summary()
    table = table[(table["kind"] == "provisioned concurrency").to_numpy()]
    ends = [trace.attempts["ended_at"].max(), scaling["at"].max()]
    last = max(end for end in ends if not pd.isna(end))
    found = []
    for name, nano in zip(table["name"], nano_dollars(table["cost_usd"]).tolist(), strict=True):
        owner = str(name).partition(":")[0]
        own = asked[(asked["subject"] == name).to_numpy()]
        if function in (None, owner) and nano and len(own):
            given_back = own["after"].iloc[-1] == 0
            times = pd.Series([own["at"].iloc[0], own["at"].iloc[-1] if given_back else last])
            begin, end = seconds(trace, times).tolist()
            found.append(_spread(owner, nano, begin, max(end, begin)))
    return found


def _spread(owner: str, nano: int, begin: float, end: float, pieces: int = 200) -> Part:
    """A sum in equal pieces over a time; what is left over is in the last one."""
    at = np.linspace(begin, end, pieces + 1)[1:]
    share = np.full(pieces, nano // pieces, dtype=np.int64)
    share[-1] += nano - int(share.sum())
    return Part(owner, "provisioned", at, share, "provisioned")


def sizes(trace: Trace, function: str | None, by: str | None) -> Sizes | None:
    """The memory sizes of one function's runs; None where time is asked for, or there is one size."""
    if by is not None and by not in BY:
        raise InvalidSetting("by", by, f"one of {', '.join(BY)}")
    table = trace.attempts
    table = table[(~table["ended_at"].isna()).to_numpy()]
    if function is not None:
        table = table[(table["function"] == function).to_numpy()]
    if by == "time" or not len(table):
        return None
    counts = table.groupby("function", sort=False, observed=True)["memory_mb"].nunique()
    if by is None and counts.max() < 2:
        return None
    name = str(counts.idxmax())
    table = table[(table["function"] == name).to_numpy()]
    by_size = table.groupby("memory_mb", sort=True)
    return Sizes(name, [_size(rows) for _, rows in by_size])


def _size(rows: pd.DataFrame) -> Size:
    memory = int(rows["memory_mb"].iloc[0])
    took = np.sort(rows["duration_ms"].to_numpy(dtype=float)) / 1000
    nano = int(nano_dollars(rows["cost_usd"]).sum())
    invocations = rows["request_id"].nunique()
    low, high = (took[max(-(-len(took) * share // 100), 1) - 1] for share in (5, 95))
    # nano-dollars of one, times a million, is a thousandth of it in dollars
    return Size(
        memory, len(rows), float(took.mean()), float(low), float(high), nano / invocations / 1000
    )
