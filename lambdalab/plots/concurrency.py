"""How much runs at once, which limit binds, and what is throttled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lambdalab.errors import UnknownName
from lambdalab.plots import bars, canvas, words
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats, Ints, end_of, function_setting, seconds
from lambdalab.plots.limits import Limit, limits, owned, owners
from lambdalab.plots.palette import INIT_TYPES, INK, MUTED, THROTTLES, VERMILLION, Look
from lambdalab.plots.waits import thinned

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TITLE = "How much runs at once"
_FAR = 5  # a limit so many times above all that ran is named, not drawn: it would flatten the rest
_DASHES: dict[str, Any] = {
    "account": (0, (6, 2)), "reserved": (0, (6, 2, 1, 2)), "provisioned": (0, (1, 1.5)),
}  # fmt: skip
_BINDS = {"throttled_account": "account", "throttled_reserved": "reserved"}
_INCHES = 3.6
_ENTRY = 2.2  # inches of an entry of the legend
_TEXT = 13.0  # points from one line of small text to the next
_BAND = 0.065  # of the axes' height: one line of throttle marks
_GOES_ON = (
    100  # times the picture's length: a limit holds on when a longer picture beside sets the scale
)
_MANY, _FEW = 7, 5  # a step is told from this part of all environments, and from so many
_HALO = withStroke(linewidth=2.5, foreground="white")
_RIMMED = 120  # steps: the rims of more would hide the colour
_MARKS = 60  # marks of one cause at most


@dataclass(frozen=True, slots=True)
class Curve:
    """A step line: ``count[:, i]`` of each sort hold from ``at[i]`` seconds on."""

    at: Floats
    count: Ints

    @property
    def total(self) -> Ints:
        """All sorts together."""
        total: Ints = self.count.sum(axis=0)
        return total

    def thinned(self, end: float) -> Curve:
        """What pixels can show of it: of each column the highest, and the last before a pause."""
        if len(self.at) <= bars.COLUMNS:
            return self
        width = (end - float(self.at[0])) / bars.COLUMNS
        column = np.floor((self.at - self.at[0]) / width).astype(np.int64)
        order = np.lexsort((self.total, column))
        highest = order[np.append(column[order][1:] != column[order][:-1], True)]
        closing = np.flatnonzero(np.append(np.diff(column) > 1, True))
        kept = np.unique(np.concatenate([highest, closing]))
        return Curve(self.at[kept], self.count[:, kept])


def concurrency(
    trace: Trace, *, ax: Axes | None = None, function: str | None = None, **style: Unpack[Style]
) -> Axes:
    """Draw how many invocations run at once, against the limits on them.

    Look for where the area runs flat along a line: that limit binds, its name stands at the line's right
    end, and the marks at the top are the requests it refused meanwhile. Below the dotted line is what
    provisioned concurrency serves; the plain area above it has spilled over to on-demand environments.
    The thin line is the environments alive: each step up is a cold start, and its slope is how fast
    Lambda makes new ones (a triangle marks where many came together); the distance down to the area is
    how many stand idle.

    A limit far above everything that ran is named with an arrow and not drawn.

    Parameters
    ----------
    trace
        The trace to draw.
    ax
        The axes to draw on; by default those of a new figure.
    function
        A function's name; by default all functions together, against the account's limit (with a single
        function in the trace, its own).
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds since the lab's start. An invocation runs from the start of its attempt
    to its end, cold start included: that is what Lambda counts.
    """
    chosen = _functions(trace, function)
    ax = canvas.axes(ax, "concurrency", (9.0, _INCHES), **style)
    attempts, throttles = _of(trace.attempts, chosen), _throttles(trace, chosen)
    if not len(attempts) and not len(throttles):
        sentence = "Nothing has run and nothing was throttled: there is no concurrency to show."
        return canvas.nothing(ax, sentence, _TITLE, **style)
    at = seconds(trace, throttles["at"])
    end = max(end_of(trace), float(at.max(initial=0.0)))
    running = _running(trace, attempts, end)
    alive = _alive(trace, chosen, end)
    first = min(float(times[0]) for times in (running.at, at) if len(times))
    low = 0.0 if first < 0.3 * end else first
    canvas.time_axis(ax, low, canvas.beyond(low, end))
    looks = _areas(ax, running, end)
    entries: list[Artist] = [look.patch() for look in looks]
    peaks = [int(curve.total.max(initial=0)) for curve in (running, alive)]
    near, far = _near(limits(trace, chosen), max(*peaks, 1), throttles)
    ax.set_ylim(0, _room(ax, [*peaks, *(limit.highest for limit in near)], throttles, len(far)))
    entries += _environments(ax, alive, end)
    _lines(ax, near, end)
    marks = _marks(ax, throttles, at)
    _far(ax, far, len(marks))
    ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.set_ylabel("running at once")
    canvas.headline(ax, _title(chosen, peaks, throttles), entries + marks, _columns(ax), **style)
    return ax


# ---- what is asked for


def _functions(trace: Trace, function: str | None) -> list[str]:
    """The names to draw: the one asked for, or all that are in the tables."""
    scaling = trace.scaling
    changed = scaling["kind"].isin(["environments", "throttle", "limit"]).to_numpy()
    _, names = owners(scaling.loc[changed, "subject"])
    known = list(dict.fromkeys([*map(str, trace.environments["function"].unique()), *names]))
    if function is None:
        return known
    if function not in known and function_setting(trace, function, "timeout") is None:
        raise UnknownName("function in this trace", function, known)
    return [function]


def _of(table: pd.DataFrame, functions: list[str]) -> pd.DataFrame:
    if table["function"].nunique() <= len(functions) == 1 and len(table):
        return table if table["function"].iloc[0] in functions else table.iloc[:0]
    return table[table["function"].isin(functions).to_numpy()]


def _throttles(trace: Trace, functions: list[str]) -> pd.DataFrame:
    rows = trace.scaling[(trace.scaling["kind"] == "throttle").to_numpy()]
    return rows[owned(rows["subject"], functions)]


# ---- counting


def curve(starts: Floats, ends: Floats, sorts: Ints, kinds: int) -> Curve:
    """How many are between their start and end, of each sort, at every moment at which that changes.

    >>> found = curve(np.array([0.0, 1.0]), np.array([2.0, 3.0]), np.array([0, 0]), 1)
    >>> found.at.tolist(), found.total.tolist()
    ([0.0, 1.0, 2.0, 3.0], [1, 2, 1, 0])
    """
    at = np.concatenate([starts, ends])
    order = np.argsort(at, kind="stable")
    at = at[order]
    last = np.flatnonzero(np.append(at[1:] != at[:-1], True)) if len(at) else np.arange(0)
    sign = np.repeat([1, -1], len(starts))
    both = np.concatenate([sorts, sorts])
    count = [np.cumsum(np.where(both == kind, sign, 0)[order])[last] for kind in range(kinds)]
    return Curve(at[last], np.array(count, dtype=np.int64).reshape(kinds, len(last)))


def _running(trace: Trace, attempts: pd.DataFrame, end: float) -> Curve:
    """Attempts under way, by the sort of their environment in the order of ``INIT_TYPES``."""
    starts, ends = seconds(trace, attempts["started_at"]), seconds(trace, attempts["ended_at"])
    kinds = attempts["init_type"].astype("category")
    known = list(INIT_TYPES)
    places = np.array([known.index(str(name)) for name in kinds.cat.categories], dtype=np.int64)
    sorts = places[kinds.cat.codes.to_numpy()] if len(attempts) else np.zeros(0, np.int64)
    return curve(starts, np.where(np.isnan(ends), end, ends), sorts, len(known))


def _alive(trace: Trace, functions: list[str], end: float) -> Curve:
    """Environments between their start and their end, or the end of the picture."""
    table = _of(trace.environments, functions)
    starts, ends = seconds(trace, table["started_at"]), seconds(trace, table["ended_at"])
    ends = np.where(np.isnan(ends) | (ends > end), end + 1, ends)
    found = curve(starts, ends, np.zeros(len(starts), np.int64), 1)
    shown = found.at <= end
    return Curve(found.at[shown], found.count[:, shown])


# ---- drawing


def _areas(ax: Axes, running: Curve, end: float) -> list[Look]:
    """Stacked steps, provisioned below on demand; returns the looks of what is there."""
    drawn = running.thinned(end)
    x = np.append(drawn.at, end)
    base = np.zeros(len(x))
    present = []
    for (name, look), count in zip(INIT_TYPES.items(), drawn.count, strict=True):
        if not count.any():
            continue
        top = base + np.append(count, count[-1])
        ax.fill_between(
            x, base, top, step="post", facecolor=look.colour, hatch=look.hatch or None, edgecolor=INK,
            linewidth=0.3 if len(x) < _RIMMED else 0, gid=f"running:{name}", label=look.label, zorder=2,
        )  # fmt: skip
        base = top
        present.append(look)
    return present


def _environments(ax: Axes, alive: Curve, end: float) -> list[Artist]:
    """The environments alive as a thin line, its large steps marked with their size; returns entries."""
    if not len(alive.at):
        return []
    drawn = alive.thinned(end)
    ax.step(
        np.append(drawn.at, end), np.append(drawn.total, drawn.total[-1]), where="post", color=INK,
        linewidth=1.2, gid="environments", zorder=4,
    )  # fmt: skip
    found = steps(alive, end - ax.get_xlim()[0])
    for x, y, new in found:
        ax.annotate(
            f"+{new:,}", (x, y), (4, -4), textcoords="offset points", ha="left", va="top",
            fontsize="small", color=INK, gid="step", zorder=6, path_effects=[_HALO],
        )  # fmt: skip
    entries: list[Artist] = [Line2D([], [], color=INK, linewidth=1.2, label="environments alive")]
    if found:
        entries += ax.plot(
            [x for x, _, _ in found], [y for _, y, _ in found], linestyle="none", marker="^",
            markersize=6, color="white", markeredgecolor=INK, markeredgewidth=1, gid="steps",
            label="new ones together", zorder=5,
        )  # fmt: skip
    return entries


def steps(alive: Curve, span: float) -> list[tuple[float, int, int]]:
    """Where many environments started together: until when, how many lived then, how many were new.

    Together is within a fortieth of the picture's ``span``; many is five and a seventh of the most.

    >>> steps(curve(np.array([0.0, *[5.0] * 6]), np.full(7, 9.0), np.zeros(7, int), 1), 9.0)
    [(5.0, 7, 6)]
    """
    total = alive.total
    new = np.diff(total, prepend=0)
    up = np.flatnonzero(new > 0)
    if not len(up):
        return []
    first = np.flatnonzero(np.append(True, np.diff(alive.at[up]) > span / 200))
    last = np.append(first[1:], len(up)) - 1
    size = np.add.reduceat(new[up], first)
    begun, over = alive.at[up[first]], alive.at[up[last]]
    large = np.flatnonzero((size >= max(total.max() / _MANY, _FEW)) & (over - begun <= span / 40))
    return [(float(over[k]), int(total[up[last[k]]]), int(size[k])) for k in large]


def _near(
    found: list[Limit], highest: int, throttles: pd.DataFrame
) -> tuple[list[Limit], list[Limit]]:
    """The limits to draw, and those that are only named: far above all that ran, and none bound."""
    bound = {_BINDS.get(str(cause)) for cause in throttles["cause"].unique()}
    near = [limit.highest <= _FAR * highest or limit.kind in bound for limit in found]
    return (
        [limit for limit, is_near in zip(found, near, strict=True) if is_near],
        [limit for limit, is_near in zip(found, near, strict=True) if not is_near],
    )


def _room(ax: Axes, heights: list[float], throttles: pd.DataFrame, far: int) -> float:
    """The top of the axis: above everything room for a limit's name, and for the throttles' marks."""
    rows = throttles["cause"].nunique() if len(throttles) else 0
    share = rows * _BAND + far * _text(ax)
    return max(*heights, 1) / (1 - max(share, 0.0) - _text(ax) - 0.03)


def _text(ax: Axes) -> float:
    """What a line of small text takes of the axes' height."""
    figure = ax.get_figure(root=True)
    tall = _INCHES if figure is None else figure.get_size_inches()[1]
    return _TEXT / (72 * 0.75 * max(tall * ax.get_position().height / 0.77, 1.0))


def _lines(ax: Axes, near: list[Limit], end: float) -> None:
    """Each limit as a step line with its name above its right end; names do not run into each other."""
    top, (low, right) = ax.get_ylim()[1], ax.get_xlim()
    apart, free = top * _text(ax), 0.0
    near = sorted(near, key=lambda limit: _last(limit)[1])
    heights = [_last(limit)[1] for limit in near]
    for limit in near:
        x, y = limit.steps(end + _GOES_ON * (right - low))
        ax.plot(
            x, y, color=VERMILLION, linewidth=2.6, linestyle=_DASHES[limit.kind],
            gid=f"limit:{limit.kind}", zorder=3,
        )  # fmt: skip
        until, value = _last(limit)
        place = max(free, *(height for height in heights if value <= height < value + apart))
        ax.annotate(
            limit.label(value), (1.0 if until is None else until, place), (-2, 3),
            xycoords=ax.get_yaxis_transform() if until is None else "data",
            textcoords="offset points", ha="right", va="bottom", fontsize="small", color=INK,
            gid=f"name:{limit.kind}", annotation_clip=False, zorder=6,
            path_effects=[_HALO],
        )  # fmt: skip
        free = place + apart


def _last(limit: Limit) -> tuple[float | None, float]:
    """Where the line ends (None: it holds on) and its value there."""
    known = np.flatnonzero(~np.isnan(limit.value))
    last = int(known[-1]) if len(known) else 0
    held = last + 1 == len(limit.value)
    return (None if held else float(limit.at[last + 1])), float(np.nan_to_num(limit.value[last]))


def _marks(ax: Axes, throttles: pd.DataFrame, at: Floats) -> list[Artist]:
    """A line of marks for each cause of throttles, at the top; returns their entries with counts."""
    if not len(throttles):
        return []
    low, high = ax.get_xlim()
    apart = (high - low) / _MARKS
    counts = throttles["cause"].value_counts()
    entries: list[Artist] = []
    for row, cause in enumerate(str(name) for name in counts.index[counts > 0]):
        look = THROTTLES[cause]
        own = np.sort(at[(throttles["cause"] == cause).to_numpy()])
        own = own[np.unique(np.floor((own - low) / apart), return_index=True)[1]]
        own = own[thinned(own, 0.6 * apart)]
        ax.plot(
            own, np.full(len(own), 1 - (row + 0.5) * _BAND), linestyle="none", marker=look.marker,
            markersize=6, color=look.colour, markeredgecolor=INK, markeredgewidth=0.5,
            gid=f"throttles:{cause}", transform=ax.get_xaxis_transform(), clip_on=False, zorder=5,
        )  # fmt: skip
        entry = look.point()
        entry.set_label(f"{words.count(int(counts[cause]), 'throttle')}: {look.label}")
        entries.append(entry)
    return entries


def _far(ax: Axes, far: list[Limit], rows: int) -> None:
    """The names of limits above the picture, below the throttles' marks."""
    for line, limit in enumerate(far):
        ax.text(
            0.995, 1 - rows * _BAND - line * _text(ax), f"↑ {limit.label(_last(limit)[1])}",
            transform=ax.transAxes, ha="right", va="top", fontsize="small", color=MUTED,
            gid=f"name:{limit.kind}",
        )  # fmt: skip


def _columns(ax: Axes) -> int:
    """How many entries of the legend have room beside each other."""
    figure = ax.get_figure(root=True)
    wide = 9.0 if figure is None else figure.get_size_inches()[0]
    return max(int(wide * ax.get_position().width / _ENTRY), 1)


def _title(functions: list[str], peaks: list[int], throttles: pd.DataFrame) -> str:
    who = functions[0] if len(functions) == 1 else words.count(len(functions), "function")
    told = f"{who}: at most {peaks[0]:,} at once in {words.count(peaks[1], 'environment')}"
    if len(throttles):
        told += f", {words.count(len(throttles), 'throttle')}"
    return told
