"""Who waited how long for what: requests of callers outside, else invocations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lambdalab.errors import UnknownName
from lambdalab.plots.frames import Floats, Ints, Mask, ordinals

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_ACCEPTED = 202
QUEUED = " (202: accepted)"
"""Behind the name of a lane of calls that were only accepted."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Waits in ``seconds``, which of them ``failed``, and the ``lane`` of each in ``names``.

    ``open`` is how many have no answer yet, ``thing`` what one is called.
    """

    seconds: Floats
    failed: Mask
    lane: Ints
    names: list[str]
    open: int
    thing: str


def waited(trace: Trace, function: str | None, most: int) -> Waits:
    """The waits of a trace, in at most so many lanes: the busiest, and one for the rest.

    Raises :class:`~lambdalab.errors.UnknownName` for a function or front that nobody called.
    """
    table = trace.requests
    whose, failed, thing = _requests(trace) if len(table) else _invocations(trace)
    table = table if len(table) else trace.invocations
    waits = table["latency_ms"].to_numpy(dtype=float) / 1000
    codes, names = pd.factorize(whose)
    known = [str(name) for name in names]
    if function is not None:
        codes, known = _only(trace, codes, known, table, function)
    here = codes >= 0
    over = here & ~np.isnan(waits)
    lane, lanes = _busiest(codes[over].astype(np.int64), known, most)
    still = int((here & np.isnan(waits)).sum())
    return Waits(waits[over], failed[over], lane, lanes, still, thing)


def _requests(trace: Trace) -> tuple[pd.Series[str], Mask, str]:
    """Of each try from outside: what was asked (front or function), whether it failed."""
    table = trace.requests
    status = table["status_code"].to_numpy()
    function_error = np.append(False, (trace.invocations["function_error"] != "").to_numpy())
    went_wrong = function_error[ordinals(table["request_id"])] & (status != _ACCEPTED)
    failed = (status == 0) | (status >= 400) | went_wrong
    whose = table["front"].where(table["front"] != "", table["function"])
    whose = whose.where(whose != "", "(reached no function)")
    queued = status == _ACCEPTED
    if queued.any() and not queued.all():
        whose = whose.where(~queued, whose + QUEUED)
    return whose, failed, "call" if (table["tries"] <= 1).all() else "try"


def _invocations(trace: Trace) -> tuple[pd.Series[str], Mask, str]:
    """Of each invocation: whose it is, whether it failed."""
    table = trace.invocations
    well = table["status"].isin(("succeeded", "dry_run")).to_numpy()
    return table["function"], ~well, "invocation"


def _only(
    trace: Trace, codes: Ints, names: list[str], table: pd.DataFrame, wanted: str
) -> tuple[Ints, list[str]]:
    """The rows of one function or front alone; others have the code -1."""
    own = (table["function"] == wanted).to_numpy()
    if "front" in table:
        own = own | (table["front"] == wanted).to_numpy()
    if not own.any() and not trace.settings(wanted):
        raise UnknownName("function in this trace", wanted, sorted(set(table["function"]) - {""}))
    return np.where(own, codes, -1), names


def _busiest(codes: Ints, names: list[str], most: int) -> tuple[Ints, list[str]]:
    """Lanes by how many are in them; those beyond the most share the last."""
    counts = np.bincount(codes, minlength=len(names))
    order = [int(n) for n in np.argsort(-counts, kind="stable") if counts[n]]
    place = np.full(len(names), most - 1)
    shown = order if len(order) <= most else order[: most - 1]
    place[shown] = np.arange(len(shown))
    lanes = [names[n] for n in shown]
    if len(order) > most:
        lanes.append(f"{len(order) - len(shown):,} others")
    return place[codes], lanes
