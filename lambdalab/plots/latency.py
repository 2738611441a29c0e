"""How long callers waited: the whole distribution, with its tail, and p50, p95, p99 by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import ScaledTranslation

from lambdalab.plots import bars, canvas, words
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats, Mask
from lambdalab.plots.palette import BLUE, INK, VERMILLION, Look
from lambdalab.plots.waited import QUEUED, Waits, waited
from lambdalab.trace.words import duration

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TITLE = "How long did callers wait?"
_WELL = Look("answered well", BLUE, "", "o")
_FAILED = Look("failed, refused or without an answer", VERMILLION, "xxxx", "X")
_SHARES = (50, 95, 99)
_DASHES: dict[int, Any] = {50: "-", 95: "--", 99: ":"}
_LETTER = 0.0096  # width of a letter of a name, as a share of the axis
_LINE = 11.5  # points of a line of names
_FEW = 40  # waits of a lane that are drawn one by one
_BINS = 70  # over the whole axis
_LEAST = 0.012  # of a lane: the height of a bar with a single wait, so that it can be seen
_TALL = 0.6  # of a lane: the highest bar
_MOST_LANES = 12
_SHORTEST = 1e-4  # seconds: a logarithmic axis has no nought
_NICE = (1e-4, 1e-3, 0.01, 0.1, 1, 10, 60, 600, 3600, 21_600, 86_400)
_BETWEEN = (
    1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1800, 3600, 21_600,
    86_400,
)  # fmt: skip


def latency(
    trace: Trace, *, ax: Axes | None = None, function: str | None = None, **style: Unpack[Style]
) -> Axes:
    """Draw how long callers waited for their answers, a lane for each function or front.

    Time is logarithmic: twice as far to the right is many times as long. Look at the distance between
    p50 and p99: half of all callers waited no longer than the one, one in a hundred longer than the
    other, and no average tells of it. A second hill is a second cause: cold starts, a slow dependency.
    Hatched red is what failed; a red wall at one place is a timeout. The columns are stacked, in each lane
    as high as its own fullest one, whose count stands at the left; the smallest can still be seen. Few
    waits are drawn one by one.

    Where nobody outside called (events of a queue, batches), the time from invocation to its end is drawn.

    Parameters
    ----------
    trace
        The trace to draw.
    ax
        The axes to draw on; by default those of a new figure.
    function
        Only calls of this function (or front, by its name); by default all, a lane each, the busiest
        first; of more than twelve the last lane has the rest.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds. p50, p95 and p99 are nearest ranks of all that has an answer or was
    given up, failures included.

    Raises :class:`~lambdalab.errors.UnknownName` for a function that nobody called.
    """
    found = waited(trace, function, _MOST_LANES)
    ax = canvas.axes(ax, "latency", (9.0, 1.6 + 1.15 * min(max(len(found.names), 1), 6)), **style)
    if not len(found.seconds):
        still = f" {found.open:,} still wait." if found.open else ""
        sentence = f"Nobody has had an answer: there is no wait to show.{still}"
        return canvas.nothing(ax, sentence, _TITLE, **style)
    values = np.maximum(found.seconds, _SHORTEST)
    edges = _axis(ax, values, len(found.names))
    labels: list[str] = []
    seen: set[tuple[bool, bool]] = set()
    for lane, name in enumerate(found.names):
        mine = found.lane == lane
        own, failed = values[mine], found.failed[mine]
        many = len(own) > _FEW
        draw = _columns if many else _points
        fullest = draw(ax, lane, own, failed, edges)
        _named(ax, lane, found.seconds[mine])
        labels.append(_label(name, found.thing, len(own), int(failed.sum()), fullest * many))
        seen |= {(bool(bad), many) for bad in np.unique(failed)}
    ax.set_yticks(np.arange(len(labels)) + 0.3, labels, parse_math=False, fontsize="small")
    ax.tick_params(axis="y", length=0)
    canvas.headline(ax, _told(found), _entries(seen), **style)
    return ax


def _axis(ax: Axes, values: Floats, lanes: int) -> Floats:
    """The logarithmic axis; returns the edges of the columns."""
    low, high = float(values.min()) / 1.3, float(values.max()) * 1.3
    if high / low < 10:
        middle = np.sqrt(low * high)
        low, high = middle / 3.2, middle * 3.2
    ax.set(xscale="log", xlim=(low, high), ylim=(lanes - 0.5, -0.62))
    nice = _NICE if high / low > 2000 else _BETWEEN
    ax.xaxis.set_major_locator(FixedLocator(nice))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
    ax.set_xlabel("a caller waited so long (virtual time, logarithmic)")
    ax.grid(axis="x", color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)
    return np.geomspace(low, high, _BINS + 1)


def _tick(seconds: float) -> str:
    least = "≤ " if seconds <= _SHORTEST else ""
    return f"{least}{seconds * 1000:g} ms" if seconds < 0.1 else words.tick(seconds)


def _columns(ax: Axes, lane: int, values: Floats, failed: Mask, edges: Floats) -> int:
    """Stacked columns of one lane, failures on top; returns how many waits the fullest has."""
    well, ill = (np.histogram(values[chosen], edges)[0] for chosen in (~failed, failed))
    fullest = int((well + ill).max(initial=1))
    foot = lane + 0.3
    heights = [np.where(n > 0, np.maximum(n / fullest * _TALL, _LEAST), 0.0) for n in (well, ill)]
    base = np.full(len(well), foot)
    for look, height, what in zip((_WELL, _FAILED), heights, ("well", "failed"), strict=True):
        some = np.flatnonzero(height > 0)
        bars.draw(
            ax, base[some] - height[some] / 2, edges[some], edges[some + 1], look,
            f"{what}:{lane}", height=height[some],
        )  # fmt: skip
        base = base - height
    ax.axhline(foot, color=INK, linewidth=0.6, gid="foot", zorder=3)
    return fullest


def _points(ax: Axes, lane: int, values: Floats, failed: Mask, edges: Floats) -> int:
    """Each wait of a lane as a point; those of one column stand on each other."""
    foot = lane + 0.3
    order = np.lexsort((values, failed))
    column = np.digitize(values[order], edges)
    stacked: dict[int, int] = {}
    level = np.zeros(len(order))
    for place, where in enumerate(column.tolist()):
        level[place] = stacked[where] = stacked.get(where, -1) + 1
    step = min(0.09, _TALL / max(level.max() + 1, 1))
    for look, chosen, what in ((_WELL, ~failed[order], "well"), (_FAILED, failed[order], "failed")):
        if chosen.any():
            ax.plot(
                values[order][chosen], foot - 0.05 - step * level[chosen], linestyle="none",
                marker=look.marker, markersize=6, color=look.colour, markeredgecolor=INK,
                markeredgewidth=0.5, gid=f"{what}:{lane}", zorder=4,
            )  # fmt: skip
    ax.axhline(foot, color=INK, linewidth=0.6, gid="foot", zorder=3)
    return int(level.max()) + 1


def percentiles(values: Floats) -> Floats:
    """p50, p95 and p99 (nearest rank).

    >>> percentiles(np.arange(1.0, 101.0)).tolist()
    [50.0, 95.0, 99.0]
    """
    ordered = np.sort(values)
    ranks = [max(-(-len(ordered) * share // 100), 1) - 1 for share in _SHARES]
    return np.asarray(ordered[ranks], dtype=np.float64)


def _named(ax: Axes, lane: int, values: Floats) -> None:
    """p50, p95 and p99 as lines with their names and values above the lane, side by side."""
    told: dict[str, tuple[float, list[str]]] = {}
    for share, value in zip(_SHARES, percentiles(values).tolist(), strict=True):
        at = max(value, _SHORTEST)
        ax.plot(
            [at, at], [lane + 0.3, lane - 0.36], color=INK, linewidth=1.1,
            linestyle=_DASHES[share], gid=f"p{share}:{lane}", zorder=5,
        )  # fmt: skip
        told.setdefault(_said(value), (at, []))[1].append(f"p{share}")
    texts = [(value, f"{' = '.join(names)} = {said}") for said, (value, names) in told.items()]
    drawn = [
        ax.text(
            value, lane - 0.38, text, ha="left", va="bottom", fontsize="small", color=INK,
            gid=f"named:{lane}", zorder=6,
        )
        for value, text in texts
    ]  # fmt: skip

    figure = ax.get_figure(root=True)
    assert figure is not None
    higher = ax.transData + ScaledTranslation(0, _LINE / 72, figure.dpi_scale_trans)

    def spread(ax: Axes) -> None:
        low, high = np.log10(ax.get_xlim())
        one = canvas.letter(ax, _LETTER) * (high - low)
        places, raised = _beside(texts, low, high, one), -1
        middle = texts[1] if len(texts) == len(_SHARES) else None
        if middle and _off(middle, places[1], one):
            raised = 1  # on a line of its own it stands over its value
            outer = _beside([texts[0], texts[2]], low, high, one)
            places = [outer[0], *_beside([middle], low, high, one), outer[1]]
        for number, (text, at) in enumerate(zip(drawn, places, strict=True)):
            text.set(x=10**at, transform=higher if number == raised else ax.transData)

    ax.callbacks.connect("xlim_changed", spread)
    spread(ax)


def _off(text: tuple[float, str], place: float, letter: float) -> bool:
    """Whether a text that begins there is not over its value."""
    value, said = text
    return not place <= np.log10(value) <= place + letter * len(said)


def _beside(texts: list[tuple[float, str]], low: float, high: float, letter: float) -> list[float]:
    """Where texts begin that are to stand over their values, and not on each other (log10).

    ``letter`` is how wide one is.
    """
    places, left = [], low
    for number, (value, text) in enumerate(texts):
        after = letter * sum(len(rest) + 2 for _, rest in texts[number + 1 :])
        at = min(np.log10(value) - letter * len(text) / 2, high - letter * len(text) - after)
        places.append(float(max(at, left)))
        left = places[-1] + letter * (len(text) + 2)
    return places


def _label(name: str, thing: str, count: int, failed: int, fullest: int) -> str:
    """What stands beside a lane: whose it is, how many, how many failed, how high the columns are."""
    whose, queued, _ = name.partition(QUEUED)
    text = f"{words.shortened(whose, 22)}{queued}\n{_count(count, thing)}"
    if failed:
        text += f"\n{failed:,} failed"
    return text + (f"\nhighest: {_count(fullest, thing)}" if fullest else "")


def _said(seconds: float) -> str:
    return duration(round(seconds * 1e6))


def _count(number: int, thing: str) -> str:
    return words.count(number, thing, "tries" if thing == "try" else "")


def _entries(seen: set[tuple[bool, bool]]) -> list[Artist]:
    """What is on the axes, as columns or as points, and the three lines."""
    entries: list[Artist] = []
    for bad, look in ((False, _WELL), (True, _FAILED)):
        entries += [look.patch()] if (bad, True) in seen else []
        entries += [look.point()] if (bad, False) in seen and (bad, True) not in seen else []
    return entries + [
        Line2D([], [], color=INK, linewidth=1.1, linestyle=dash, label=f"p{share}")
        for share, dash in _DASHES.items()
    ]


def _told(found: Waits) -> str:
    """The title: how many waited, and the three figures of all of them."""
    half, most, rare = (_said(value) for value in percentiles(found.seconds).tolist())
    text = f"{_count(len(found.seconds), found.thing)}: p50 {half}, p95 {most}, p99 {rare}"
    bad = int(found.failed.sum())
    if bad:
        text += f"; {bad:,} failed"
    return text + (f"; {found.open:,} not answered yet" if found.open else "")
