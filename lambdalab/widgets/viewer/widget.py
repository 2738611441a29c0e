"""The trace viewer: every bar of a trace, from the telling one outwards, drawn in the browser."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from lambdalab.errors import UnknownName
from lambdalab.plots import words
from lambdalab.widgets.viewer.bars import Bars, bars
from lambdalab.widgets.viewer.findings import Found, findings
from lambdalab.widgets.viewer.looks import LOOKS
from lambdalab.widgets.viewer.packing import described, packed
from lambdalab.widgets.viewer.parts import NODES, TABLES, Ints
from lambdalab.widgets.viewer.static import png
from lambdalab.widgets.viewer.thinning import thinned

if TYPE_CHECKING:
    from lambdalab.lab import Lab
    from lambdalab.trace import Trace

_HERE = Path(__file__).parent
_MARGIN = 0.06
_KINDS = {"request": "r", "attempt": "a", "batch": "b", "message": "m", "environment": "e"}
_CALL = re.compile(r"c([1-9]\d*)\Z")


class TraceViewer(anywidget.AnyWidget):
    """All lanes of a trace on one time axis: zoom, click, and be told what caused what.

    It opens on the first thing worth a look (``viewer.findings`` lists them), and shows only the lanes
    that have to do with it; "all lanes" brings the others. A click on a bar lights the whole chain of
    its causes and effects, which is told as numbered sentences beside the picture.

    Look for the colours with a pattern, taller than the rest: those are failures. They lie on top of
    everything, however far one zooms out.

    From code: ``viewer.select("r2")``, ``viewer.show(30, 60)``; ``viewer.selection`` is a DataFrame of
    what is lit, also after a click in the browser. Where no widget can run, a picture of the selected
    chain and the list of findings stand for it.

    Parameters
    ----------
    trace
        A trace, or a lab, whose trace is shown. After the lab has run on: :meth:`refresh`.
    height
        Of the canvas, in pixels.

    Attributes
    ----------
    view
        First and last second on show (a trait, as are all below).
    selected
        The short id of the thing whose chain is lit, or the name of a function or queue; "" for none.
    cursor
        The number of the bar on which the arrow keys stand, -1 for none.
    hidden
        Keys of looks ("success") and kinds of lanes ("queue") that are not drawn.
    opened
        Groups of lanes that are open, by kind and name ("environments bill"): of others only the first
        lanes and what is lit are shown.
    focus
        Whether only lanes with something lit are shown.
    measured
        The one or two times, in seconds, between which the difference is shown.

    Examples
    --------
    >>> import lambdalab as ll
    >>> lab = ll.Lab(seed=7)
    >>> lab.create_function("bill", duration=0.1, failure_rate=0.3)
    <function bill: modelled, 128 MB, timeout 3 s>
    >>> reply = lab.invoke("bill", {})
    >>> viewer = ll.TraceViewer(lab)
    >>> viewer.select("r1").selection[["t_s", "id", "where"]]
         t_s  id where
    0  0.000  r1  bill
    1  0.000  a1  bill
    2  0.232  a1  bill
    """

    _esm = _HERE / "viewer.js"
    _css = _HERE / "viewer.css"

    data = traitlets.Bytes().tag(sync=True)
    columns = traitlets.Dict().tag(sync=True)
    about = traitlets.Dict().tag(sync=True)
    view = traitlets.Tuple(traitlets.Float(), traitlets.Float(), default_value=(0.0, 1.0)).tag(
        sync=True
    )
    selected = traitlets.Unicode().tag(sync=True)
    cursor = traitlets.Int(-1).tag(sync=True)
    hidden = traitlets.List(traitlets.Unicode()).tag(sync=True)
    opened = traitlets.List(traitlets.Unicode()).tag(sync=True)
    focus = traitlets.Bool(True).tag(sync=True)
    measured = traitlets.List(traitlets.Float(), maxlen=2).tag(sync=True)
    height = traitlets.Int(440, min=160).tag(sync=True)

    def __init__(self, trace: Trace | Lab, *, height: int = 440) -> None:
        self._source = trace
        self._bars: Bars
        self._found: list[Found] = []
        super().__init__(height=height, **self._read())
        self._open()

    # ---- what it is made of -------------------------------------------------------------------

    @property
    def trace(self) -> Trace:
        """The trace on show."""
        source: Any = self._source
        found: Trace = getattr(source, "trace", source)
        return found

    def _read(self, *wanted: int) -> dict[str, Any]:
        """Turn the trace into bars, as the browser gets them; of ``wanted`` things none is merged."""
        whole = bars(self.trace)
        found = findings(whole)
        shown = [int(whole.node[each.bar]) for each in found]
        self._bars = thinned(whole, [*shown, *wanted])
        self._found = [each._replace(bar=_same(whole, each.bar, self._bars)) for each in found]
        data, columns = packed(self._bars)
        about = described(self.trace, self._bars, self._found)
        return {"data": data, "columns": columns, "about": about}

    def _open(self) -> None:
        """The first thing worth a look, with its chain; all of the trace where there is none."""
        self.view = (0.0, max(self._bars.last, 1e-3))
        if self._found:
            place = self._found[0].bar
            self.select(self._bars.id(place))
            self.cursor = place

    def refresh(self) -> TraceViewer:
        """Read the trace anew; what is on show and selected stays. Returns the viewer.

        Where there was nothing, or what was selected is gone (after ``lab.reset()``), it opens anew.
        """
        there = len(self._bars) > 0
        told = self._read()
        with self.hold_sync():
            for name, value in told.items():
                setattr(self, name, value)
            self.cursor = -1
            if not there or (self.selected and not self._known(self.selected)):
                self.selected = ""
                self._open()
        return self

    @traitlets.observe("selected")
    def _bring(self, change: Any) -> None:
        """What is selected must not be merged with its neighbours, whoever selected it."""
        node = self._node(change["new"]) if self._bars.merged else None
        if node is not None and not len(self._bars.of(node)):
            told = self._read(node)
            with self.hold_sync():
                for name, value in told.items():
                    setattr(self, name, value)

    # ---- from code ------------------------------------------------------------------------------

    @property
    def findings(self) -> list[Found]:
        """What is worth a look, the most telling first: what it is, its bar, and how it is told."""
        return list(self._found)

    def select(self, thing: Any) -> TraceViewer:
        """Light the chain of a thing and show its time; returns the viewer.

        ``thing`` is an id in either form (r2, e1, b3, m12, a5, or c4 for row 4 of ``trace.requests``), the
        name of a function or queue, one of :attr:`findings`, or "" for nothing. Raises
        :class:`~lambdalab.errors.UnknownName` for what is not in the trace.
        """
        found = isinstance(thing, Found)
        text = self._named(self._bars.id(thing.bar) if found else _text_of(thing))
        self.selected = text
        lit = self._lit()
        self.cursor = int(lit[0]) if len(lit) else -1
        if len(lit):
            low, high = float(self._bars.start[lit].min()), float(self._bars.over(lit).max())
            margin = max((high - low) * _MARGIN, 0.005)
            self.show(max(low - margin, 0.0), high + margin)
        return self

    def show(self, low: float, high: float) -> TraceViewer:
        """Show the time from ``low`` to ``high``, in seconds since the lab's start; returns the viewer."""
        if not low < high:
            raise ValueError(f"low must be less than high, not {low!r} and {high!r}")
        self.view = (float(low), float(high))
        return self

    @property
    def selection(self) -> pd.DataFrame:
        """What is lit, in the order in which it is told: one row a bar.

        Columns: ``t_s`` and ``end_s`` (seconds since the lab's start), ``id``, ``where`` (function, queue,
        mapping or caller), ``kind`` (of lanes), ``look`` (as in the legend), ``told`` (the sentence), and
        ``table`` and ``row``: ``trace.attempts.loc[row]`` and so on is what it was drawn from.
        """
        lit, made = self._lit(), self._bars
        groups = [made.group_of(place) for place in lit.tolist()]
        numbers = made.numbers
        return pd.DataFrame({
            "t_s": np.round(made.start[lit], 3), "end_s": np.round(made.end[lit], 3),
            "id": pd.Series([made.id(p) for p in lit.tolist()], dtype=str),
            "where": pd.Series([group.name for group in groups], dtype=str),
            "kind": pd.Series([group.kind for group in groups], dtype=str),
            "look": pd.Series([LOOKS[p].key for p in numbers["look"][lit].tolist()], dtype=str),
            "told": pd.Series([made.sentence(p) for p in lit.tolist()], dtype=str),
            "table": pd.Series([TABLES[p] for p in numbers["table"][lit].tolist()], dtype=str),
            "row": numbers["row"][lit],
        })  # fmt: skip

    def _lit(self) -> Ints:
        """The bars that are lit."""
        if not self.selected:
            return np.zeros(0, dtype=np.int64)
        node = self._node(self.selected)
        if node is not None:
            return self._bars.lit(node)
        codes = [n for n, group in enumerate(self._bars.groups) if group.name == self.selected]
        return self._bars.in_order(np.isin(self._bars.numbers["group"], codes))

    def _named(self, text: str) -> str:
        """An id in its short form, a name as it is."""
        if not text or self._known(text):
            return text
        if not _CALL.match(text):
            kind, number = self.trace.ids.parse(text)
            text = f"{_KINDS[kind]}{number}"
        if self._node(text) is None:
            names = sorted({group.name for group in self._bars.groups})
            raise UnknownName("thing in this trace", text, names)
        return text

    def _known(self, text: str) -> bool:
        """Whether it is a short id, or the name of a group of lanes, that is there."""
        return self._node(text) is not None or any(g.name == text for g in self._bars.groups)

    def _node(self, text: str) -> int | None:
        """The number of a thing by its short id; None for what is none."""
        kind, base = NODES.find(text[:1]), self._bars.links.base
        if (
            kind < 0
            or not text[1:].isdigit()
            or not 0 < int(text[1:]) <= base[kind + 1] - base[kind]
        ):
            return None
        return self._bars.links.node(kind, int(text[1:]))

    # ---- without JavaScript ---------------------------------------------------------------------

    def __repr__(self) -> str:
        made = self._bars
        if not len(made):
            return "TraceViewer: nothing has happened yet"
        lanes = sum(group.lanes for group in made.groups)
        head = (
            f"TraceViewer: {words.count(len(made), 'bar')} in {words.count(lanes, 'lane')}, "
            f"{words.duration(made.last)}"
        )
        if made.merged:
            head += f" ({made.merged:,} more bars are merged with their neighbours)"
        told = [f"{n:>3}. {f.what}: {f.said}" for n, f in enumerate(self._found, start=1)]
        return "\n".join([head, *told])

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The live widget; a picture of the selected chain for places that run no JavaScript."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        picture = base64.b64encode(png(self._bars, self._lit(), self.view)).decode()
        return {**(data or {}), "text/plain": repr(self), "image/png": picture}, metadata


def _same(whole: Bars, place: int, made: Bars) -> int:
    """Where a bar is in bars of which some are merged."""
    mine = (made.node == whole.node[place]) & (made.start == whole.start[place])
    mine &= made.numbers["look"] == whole.numbers["look"][place]
    return int(np.flatnonzero(mine)[0])


def _text_of(thing: Any) -> str:
    """The id or name of what has one (a reply, a message, a function, a queue); else its text."""
    for name in ("message_id", "request", "name"):
        found = getattr(thing, name, None)
        if isinstance(found, str) and found:
            return found
    return str(thing)
