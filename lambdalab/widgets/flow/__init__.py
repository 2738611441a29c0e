"""The flow animation: the lab's wiring, and every event of the books as a dot that moves through it."""

from __future__ import annotations

import base64
import html
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from lambdalab.errors import UnknownName
from lambdalab.plots.words import count, duration
from lambdalab.trace.ids import LETTERS
from lambdalab.widgets.flow.books import MOST_ROWS
from lambdalab.widgets.flow.counts import FEW
from lambdalab.widgets.flow.decisions import DECISIONS
from lambdalab.widgets.flow.dots import KINDS, LETTER
from lambdalab.widgets.flow.packing import packed
from lambdalab.widgets.flow.script import Script, write
from lambdalab.widgets.flow.still import telling_moment, telling_picture

if TYPE_CHECKING:
    from lambdalab.lab import Lab
    from lambdalab.trace import Trace
    from lambdalab.trace.story import Story

__all__ = ["Flow"]

_HERE = Path(__file__).parent
_MODULE = _HERE / "flow.js"
_EXPORT = "export default { render };"
_LARGEST = 2_000_000
_TRY = re.compile(r"t\d+")
_PLURALS = {"batch": "batches", "try": "tries"}


class Flow(anywidget.AnyWidget):
    """An animation of a run: requests, messages, records and batches as dots in the lab's own wiring.

    ``Flow(trace)`` or ``Flow(lab)``; ``start`` and ``end`` (seconds since the lab's start) choose a
    stretch. What to look for: where dots gather, which wait for another try and how long, which windows
    fill, which environments are cold, busy or idle, and what ends in a dead-letter queue. Where a dot is
    follows from the books alone, so that seeking is exact; a long stretch of nothing passes fast, and
    the clock says so. A dot can be clicked: its facts are told, and ``selected`` is its id.

    Space plays and pauses, the arrow keys go to the next decision and to the one before. Decisions are:
    an attempt ended or failed, a batch was over, a message returned, a dead letter, something given up, a
    retry was scheduled, a throttle, a delivery, an answer that is no success, pollers scaled, a batch
    fired, a cold start, an environment ended. Where no widget
    can run (GitHub, PDF) a picture of a telling moment stands alone; :meth:`save` writes a page that
    plays without a notebook.

    Attributes
    ----------
    selected
        The id of what was chosen in its short form ("r2", "m12", "b3", "e1"), ``""`` for nothing.
    time
        The moment on show, in seconds since the lab's start. While it plays it stays as it was.
    decision
        The place of the decision that was stepped to; -1 where the moment was sought or played to.
    playing
        Whether it plays.
    speed
        1 is the film's own pace; 0.25, 0.5, 1, 2, 4 or 8.
    left_out
        What is not shown, in a sentence; ``""`` where everything is.

    Examples
    --------
    >>> from lambdalab import scenarios
    >>> flow = Flow(scenarios.sync_vs_async())
    >>> flow.seek(0.2)
    >>> flow.caption
    'e2 is made for r1: no warm environment was free.'
    """

    _esm = _MODULE
    script = traitlets.Bytes().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)
    time = traitlets.Float().tag(sync=True)
    decision = traitlets.Int(-1).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
    speed = traitlets.Enum((0.25, 0.5, 1.0, 2.0, 4.0, 8.0), 1.0).tag(sync=True)

    def __init__(
        self, trace_or_lab: Trace | Lab, *, start: float | None = None, end: float | None = None
    ) -> None:
        if start is not None and end is not None and not start < end:
            raise ValueError(f"start must be less than end, not {start!r} and {end!r}")
        self.trace = _trace_of(trace_or_lab)
        self._span = start, end
        self._script = write(self.trace, start, end)
        super().__init__(
            script=packed(self._script),
            label=self._counted(),
            time=self._script.start / 1e6,
        )

    # ---- what it shows -------------------------------------------------------------------------

    @property
    def plan(self) -> Script:
        """The script as Python objects: boxes, dots and their stays, decisions, counts."""
        return self._script

    @property
    def left_out(self) -> str:
        """What is not shown, in a sentence; ``""`` where everything is."""
        return self._script.left_out

    @property
    def decisions(self) -> list[str]:
        """Every decision as a sentence, in order."""
        return [one.sentence() for one in self._script.decisions]

    @property
    def caption(self) -> str:
        """What happens at the moment on show: the sentence of the last decision."""
        place = self.decision
        if place < 0:
            place = self._script.decided(round(self.time * 1e6))
        return self._script.decisions[place].sentence() if place >= 0 else ""

    @property
    def story(self) -> Story | None:
        """The story of what is chosen, as ``trace.story`` tells it.

        None where nothing is, or a caller's try that became no invocation.
        """
        told = self.selected and not _TRY.fullmatch(self.selected)
        return self.trace.story(self.selected) if told else None

    # ---- from code -----------------------------------------------------------------------------

    def play(self, speed: float | None = None) -> None:
        """Let it play, at a ``speed`` if one is given."""
        if speed is not None:
            self.speed = speed
        self.playing = True

    def pause(self) -> None:
        """Stop where it is."""
        self.playing = False

    def seek(self, time: float) -> None:
        """Go to a moment (seconds since the lab's start); beyond either end to that end."""
        low, high = self._script.start / 1e6, self._script.end / 1e6
        with self.hold_trait_notifications():
            self.decision = -1
            self.time = min(max(float(time), low), high)

    def step(self, by: int = 1) -> None:
        """Go to the next decision, or ``by`` decisions on; back where ``by`` is negative."""
        told = self._script.decisions
        if not told:
            return
        place = self.decision
        if place < 0:
            place = self._script.decided(round(self.time * 1e6))
        place = min(max(place + by, 0), len(told) - 1)
        with self.hold_trait_notifications():
            self.playing = False
            self.decision = place
            self.time = told[place].at / 1e6

    def back(self) -> None:
        """Go to the decision before."""
        self.step(-1)

    @traitlets.validate("selected")
    def _known(self, proposal: Any) -> str:
        """An id in either form, of something that is shown."""
        name = str(proposal["value"]).strip()
        if not name:
            return name
        if not _TRY.fullmatch(name):
            kind, number = self.trace.ids.parse(name)
            name = f"{LETTERS[kind]}{number}"
        if name not in self._names():
            raise UnknownName("id in this animation", name, [])
        return name

    @traitlets.validate("decision")
    def _there(self, proposal: Any) -> int:
        """The place of one of the decisions, the last of which is as far as it goes."""
        return min(max(int(proposal["value"]), -1), len(self._script.decisions) - 1)

    def _names(self) -> set[str]:
        dots = self._script.dots
        shown = {
            f"{LETTER[KINDS[kind]]}{number}"
            for kind, number in zip(dots.kinds, dots.numbers, strict=True)
        }
        return shown | {f"e{span.environment}" for span in self._script.spans}

    # ---- without a kernel ------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Write one HTML page that plays it: under 2 MB, with nothing to be fetched from anywhere.

        Where it would be larger, it has the numbers in the boxes for fewer moments, and then fewer of the
        ordinary dots; the page says so.
        """
        most, text = MOST_ROWS, self._page(self._script)
        while len(text.encode()) > _LARGEST and most > 100:
            text = self._page(write(self.trace, *self._span, most, FEW))
            most //= 2
        path = Path(path)
        path.write_text(text, encoding="utf-8")
        return path

    def _page(self, script: Script) -> str:
        values = {
            "label": self.label, "selected": self.selected, "time": self.time,
            "decision": self.decision, "playing": False, "speed": self.speed,
        }  # fmt: skip
        parts = {
            "%TITLE%": html.escape(f"lambdalab: {self._counted()}"),
            "%MODULE%": _MODULE.read_text(encoding="utf-8").replace(_EXPORT, ""),
            "%VALUES%": json.dumps(values).replace("<", "\\u003c"),
            "%DATA%": base64.b64encode(packed(script)).decode(),
        }
        page = (_HERE / "page.html").read_text(encoding="utf-8")
        for mark, text in parts.items():
            page = page.replace(mark, text)
        return page

    # ---- without JavaScript ------------------------------------------------------------------------

    def _counted(self) -> str:
        """What it shows, in numbers."""
        kinds = Counter(KINDS[kind] for kind in self._script.dots.kinds)
        dots = ", ".join(
            count(kinds[kind], kind, _PLURALS.get(kind, "")) for kind in KINDS if kinds[kind]
        )
        boxes = count(len(self._script.layout.boxes), "box", "boxes")
        span = duration((self._script.end - self._script.start) / 1e6)
        return f"{dots or 'nothing yet'} in {boxes}, {span}"

    def __repr__(self) -> str:
        told = Counter(DECISIONS[one.kind] for one in self._script.decisions)
        kinds = ", ".join(f"{name} {told[name]:,}" for name in DECISIONS if told[name])
        lines = [f"Flow({self._counted()})", f"decisions: {kinds or 'none'}"]
        place = self._script.decided(telling_moment(self._script))
        if place >= 0:
            one = self._script.decisions[place]
            lines.append(f"at {one.at / 1e6:.3f} s: {one.sentence()}")
        return "\n".join([*lines, *filter(None, [self.left_out])])

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The live widget; a picture and the text for places that run no JavaScript."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        picture = base64.b64encode(telling_picture(self._script)).decode()
        return {**(data or {}), "text/plain": repr(self), "image/png": picture}, metadata


def _trace_of(given: Trace | Lab) -> Trace:
    trace: Trace = getattr(given, "trace", None) or given  # type: ignore[assignment]
    return trace
