"""Who ran what, and when: a lane for each environment, request or function."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lambdalab.errors import InvalidSetting
from lambdalab.plots import bars, canvas, words
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats, Ints, end_of, ordinals, seconds
from lambdalab.plots.palette import INIT, MUTED, OUTCOMES

if TYPE_CHECKING:
    from lambdalab.trace import Trace

LANES = ("environment", "request", "function")
_MOST_JOINTS = 2_000


class Lanes(NamedTuple):
    """Where each attempt is drawn: its lane, the height of its bar, and the lanes' names."""

    place: Floats
    height: Floats
    names: list[str]


def timeline(
    trace: Trace, *, ax: Axes | None = None, lanes: str = "environment", **style: Unpack[Style]
) -> Axes:
    """Draw every attempt as a bar, from its start to its end, in virtual time.

    Look for the hatched yellow beginnings: each is a cold start, paid by the one request that found
    no environment free. Bars below each other at the same time are concurrency: one environment runs
    one event at a time. Thin lines join the attempts of one request: the gap is the wait before a
    retry. Failures have a colour and a hatch of their own and lie on top.

    Parameters
    ----------
    trace
        The trace to draw.
    ax
        The axes to draw on; by default those of a new figure.
    lanes
        ``"environment"`` (one lane each, e1 on top), ``"request"`` or ``"function"`` (the
        environments of a function share its lane, side by side).
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes. Above 10,000 attempts each outcome is one line of merged bars.
    """
    if lanes not in LANES:
        raise InvalidSetting("lanes", lanes, f"one of {', '.join(LANES)}")
    table = trace.attempts
    ax = canvas.axes(ax, "timeline", _size(table, lanes), **style)
    if not len(table):
        sentence = "Nothing has run yet: there is no attempt in this trace."
        return canvas.nothing(ax, sentence, "Who ran what, and when", **style)
    starts, ends = seconds(trace, table["started_at"]), seconds(trace, table["ended_at"])
    end = end_of(trace)
    running = np.isnan(ends)
    ends = np.where(running, end, ends)
    cold = table[["setup_ms", "init_ms"]].sum(axis=1).to_numpy() / 1000
    places = _lanes(table, lanes)
    canvas.lane_labels(ax, places.names)
    low = float(starts.min())
    margin = max(ends.max() - low, 1e-3) * 0.02
    canvas.time_axis(ax, 0.0 if low < 0.3 * ends.max() else low - margin, ends.max() + margin)
    _joints(ax, table, places.place, starts, ends)
    _draw(ax, table, places, starts, ends, starts + cold)
    _title(ax, table, style)
    return ax


def _size(table: pd.DataFrame, lanes: str) -> tuple[float, float]:
    column = {"environment": "environment_id", "request": "request_id"}.get(lanes, "function")
    return 9.0, float(np.clip(1.7 + 0.3 * table[column].nunique(), 2.4, 6.5))


def _lanes(table: pd.DataFrame, lanes: str) -> Lanes:
    if lanes == "function":
        return _function_lanes(table)
    letter = lanes[0]
    numbers = ordinals(table[f"{lanes}_id"])
    present, place = np.unique(numbers, return_inverse=True)
    names = [f"{letter}{n}" for n in present.tolist()]
    if lanes == "environment" and table["function"].nunique() > 1 and len(names) <= 40:
        owner = dict(zip(numbers.tolist(), table["function"], strict=True))
        names = [f"{owner[n]}  e{n}" for n in present.tolist()]
    return Lanes(place.astype(float), np.full(len(table), 0.7), names)


def _function_lanes(table: pd.DataFrame) -> Lanes:
    """A lane for each function; its environments share it, each with a part of the height."""
    functions, names = pd.factorize(table["function"])
    environments = ordinals(table["environment_id"])
    pairs = np.unique(np.column_stack([functions, environments]), axis=0)
    first = np.searchsorted(pairs[:, 0], np.arange(len(names)))
    share = np.diff(np.append(first, len(pairs)))
    scale = int(environments.max()) + 1
    within = np.searchsorted(pairs[:, 0] * scale + pairs[:, 1], functions * scale + environments)
    within = within - first[functions]
    height = 0.84 / share[functions]
    return Lanes(functions - 0.42 + (within + 0.5) * height, height * 0.92, [str(n) for n in names])


def _draw(
    ax: Axes, table: pd.DataFrame, places: Lanes, starts: Floats, ends: Floats, begun: Floats
) -> None:
    """Cold parts hatched, handlers by outcome; the failures last, so that they lie on top.

    Lines have no hatch: where there are many, failures stand out of their lane instead.
    """
    many = len(table) > bars.MANY
    taller = places._replace(height=places.height * 1.35) if many else places
    is_cold = begun > starts
    codes = table["outcome"].cat.codes.to_numpy()
    names = list(table["outcome"].cat.categories)
    for z, name in enumerate([n for n in ("running", "success") if n in names], start=2):
        _bars(ax, codes == names.index(name), places, begun, ends, name, many, z)
    bars.draw(
        ax, places.place[is_cold], starts[is_cold], np.minimum(begun, ends)[is_cold], INIT, "init",
        many=many, height=places.height[is_cold], zorder=4,
    )  # fmt: skip
    for name in names:
        if name not in ("running", "success"):
            _bars(ax, codes == names.index(name), taller, begun, ends, name, many, 5)


def _bars(
    ax: Axes, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]], places: Lanes, starts: Floats,
    ends: Floats, name: str, many: bool, zorder: float,
) -> None:  # fmt: skip
    bars.draw(
        ax, places.place[chosen], starts[chosen], ends[chosen], OUTCOMES[name], name, many=many,
        height=places.height[chosen], zorder=zorder,
    )  # fmt: skip


def _joints(ax: Axes, table: pd.DataFrame, place: Floats, starts: Floats, ends: Floats) -> None:
    """A thin line from each attempt to the next one of the same request."""
    again = np.flatnonzero(table["attempt"].to_numpy() > 1)
    if not len(again):
        return
    numbers: Ints = ordinals(table["request_id"])
    order = np.lexsort((table["attempt"].to_numpy(), numbers))
    same = numbers[order][1:] == numbers[order][:-1]
    before, after = order[:-1][same][:_MOST_JOINTS], order[1:][same][:_MOST_JOINTS]
    x, y = np.full(3 * len(before), np.nan), np.full(3 * len(before), np.nan)
    x[0::3], x[1::3], y[0::3], y[1::3] = ends[before], starts[after], place[before], place[after]
    ax.plot(x, y, color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)), gid="retries", zorder=1.5)


def _title(ax: Axes, table: pd.DataFrame, style: Style) -> None:
    cold, environments = int(table["cold_start"].sum()), table["environment_id"].nunique()
    text = (
        f"{words.count(len(table), 'attempt')} in {words.count(environments, 'environment')}, "
        f"{words.count(cold, 'cold start')}"
    )
    present = set(table["outcome"].unique())
    entries = [INIT.patch()] if cold else []
    entries += [look.patch() for name, look in OUTCOMES.items() if name in present]
    joints = [line for line in ax.lines if line.get_gid() == "retries"]
    if joints:
        wait = Line2D([], [], color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)))
        wait.set_label("wait before a retry")
        entries.append(wait)  # type: ignore[arg-type]
    canvas.headline(ax, text, entries, **style)
