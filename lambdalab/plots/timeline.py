"""Who ran what, and when: a lane for each environment, request or function."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Unpack

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lambdalab.errors import InvalidSetting
from lambdalab.plots import bars, canvas, words
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats, Ints, end_of, ordinals, seconds
from lambdalab.plots.palette import INIT, INK, MUTED, OUTCOMES, Look

if TYPE_CHECKING:
    from lambdalab.trace import Trace

LANES = ("environment", "request", "function")
_MOST_RETRIED = 20  # events: the waits of more would hide everything else
_DASHES = (0, (4, 2))


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
    retry (when more than 20 events were retried, the legend tells how many waits there are instead).
    Failures have a colour and a hatch of their own and lie on top; an outcome of which no bar is wide
    enough to show its colour has marks.

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
    high = canvas.beyond(low, float(ends.max()))
    margin = 0.02 * (high - low)
    canvas.time_axis(ax, 0.0 if low < 0.3 * ends.max() else low - margin, high)
    waits = _joints(ax, table, places.place, starts, ends)
    entries = _draw(ax, table, places, starts, ends, starts + cold)
    canvas.headline(ax, _title(table), entries + waits, **style)
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
) -> list[Artist]:
    """Cold parts hatched, handlers by outcome; the failures last, so that they lie on top.

    Lines have no hatch: where there are many, failures stand out of their lane instead. Returns what
    the legend tells of them.
    """
    many = len(table) > bars.MANY
    taller = places._replace(height=places.height * 1.35) if many else places
    begun = np.minimum(begun, ends)
    is_cold = begun > starts
    codes = table["outcome"].cat.codes.to_numpy()
    bars.draw(
        ax, places.place[is_cold], starts[is_cold], begun[is_cold], INIT, "init",
        many=many, height=places.height[is_cold], zorder=4,
    )  # fmt: skip
    seen = is_cold.any() and (many or bars.wide(ax, starts, begun))
    entries: list[Artist] = [INIT.patch()] if seen else []
    names = list(table["outcome"].cat.categories)
    for name, look in OUTCOMES.items():
        chosen = codes == (names.index(name) if name in names else len(names))
        if chosen.any():
            well = {"running": 2, "success": 3}
            where = places if name in well else taller
            own = Lanes(where.place[chosen], where.height[chosen], [])
            z = well.get(name, 5)
            entries.append(_outcome(ax, look, name, own, begun[chosen], ends[chosen], many, z))
    return entries


def _outcome(
    ax: Axes, look: Look, name: str, places: Lanes, starts: Floats, ends: Floats, many: bool,
    zorder: float,
) -> Artist:  # fmt: skip
    """The attempts that ended one way; marks where no bar shows its colour. Returns their entry."""
    bars.draw(
        ax, places.place, starts, ends, look, name, many=many, height=places.height, zorder=zorder
    )
    if many or bars.wide(ax, starts, ends):
        return look.patch()
    ax.plot(
        ends, places.place, linestyle="none", marker=look.marker, markersize=7, color=look.colour,
        markeredgecolor=INK, markeredgewidth=0.5, gid=f"marks:{name}", zorder=zorder + 0.5,
    )  # fmt: skip
    return look.point()


def _joints(
    ax: Axes, table: pd.DataFrame, place: Floats, starts: Floats, ends: Floats
) -> list[Artist]:
    """A thin line from each attempt to the next one of the same request; returns its entry."""
    if not (table["attempt"].to_numpy() > 1).any():
        return []
    numbers: Ints = ordinals(table["request_id"])
    order = np.lexsort((table["attempt"].to_numpy(), numbers))
    same = numbers[order][1:] == numbers[order][:-1]
    before, after = order[:-1][same], order[1:][same]
    if not len(before):
        return []
    entry = Line2D(
        [], [], color=MUTED, linewidth=0.8, linestyle=_DASHES, label="wait before a retry"
    )
    if len(np.unique(numbers[before])) > _MOST_RETRIED:
        entry.set(linestyle="none", label=f"({words.count(len(before), 'retry wait')} not drawn)")
        return [entry]
    x, y = np.full(3 * len(before), np.nan), np.full(3 * len(before), np.nan)
    x[0::3], x[1::3], y[0::3], y[1::3] = ends[before], starts[after], place[before], place[after]
    ax.plot(x, y, color=MUTED, linewidth=0.8, linestyle=_DASHES, gid="retries", zorder=1.5)
    return [entry]


def _title(table: pd.DataFrame) -> str:
    cold, environments = int(table["cold_start"].sum()), table["environment_id"].nunique()
    return (
        f"{words.count(len(table), 'attempt')} in {words.count(environments, 'environment')}, "
        f"{words.count(cold, 'cold start')}"
    )
