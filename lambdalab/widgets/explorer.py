"""What every explorer is: presets, sliders, a picture, key figures, why, and a question first."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets as w
import traitlets

from lambdalab.errors import LabError, UnknownName, UnknownSetting
from lambdalab.plots.picture import Picture, question
from lambdalab.widgets.copying import CopyButton
from lambdalab.widgets.spoken import Spoken
from lambdalab.widgets.wording import STATUS, figures_table, rendered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambdalab.plots.picture import Axes
    from lambdalab.trace import Trace
    from lambdalab.widgets.controls import Control
    from lambdalab.widgets.facts import Why
    from lambdalab.widgets.predicting import Question

_DPI = 108
"""Text of 9 points is then as large as the page's own: legible on a projector."""


class Explorer(w.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Sliders over a scenario: each move runs it anew, in virtual time, and draws what happened.

    From code: ``explorer.set(rate=35)`` or ``explorer.settings = ...`` or ``explorer.preset = "..."``.
    ``explorer.trace`` is the run on show, ``explorer.why`` its sentence (``explorer.why.proof()``: where
    each of its numbers stands in the tables), ``explorer.code`` the few lines that make the same picture.
    ``explorer.pinned = True`` keeps the run on show, faint, below the new ones. With
    ``explorer.predict_first = True`` each new run is hidden behind ``explorer.question`` until
    ``explorer.guess`` is one of its options. Where no widget can run (GitHub, PDF) the picture and the
    text stand alone.

    Parameters
    ----------
    preset
        The preset to begin with; the first one by default.
    seed, predict_first
        The traits' first values.
    settings
        Settings of the scenario, in place of the preset's.

    Attributes
    ----------
    settings
        The scenario's frozen settings (a trait: observe it, set it).
    preset
        The name of the preset these settings are, ``""`` for none (a trait).
    seed
        Decides every draw of chance (a trait).
    pinned
        Whether a run is kept for comparison (a trait).
    predict_first
        Whether a question hides each new run until it is answered (a trait).
    guess
        The option of the question that was chosen, ``""`` before (a trait).
    """

    settings = traitlets.Any()
    preset = traitlets.Unicode()
    seed = traitlets.Int(7)
    pinned = traitlets.Bool(False)
    predict_first = traitlets.Bool(False)
    guess = traitlets.Unicode()

    name: ClassVar[str]
    heading: ClassVar[str]
    scenario: ClassVar[type[Any]]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]
    tall: ClassVar[float] = 3.8
    """Inches of one picture."""

    def __init__(
        self, *, preset: str = "", seed: int = 7, predict_first: bool = False, **settings: Any
    ) -> None:
        self._busy = False
        self._refused: dict[str, Any] = {}  # what controls show and no run has
        self._kept: tuple[Any, Trace] | None = None
        self._picture = Picture(height=self.tall)
        self._picture.figure.set_dpi(_DPI)
        self.trace: Trace
        self.why: Why
        self.question: Question
        self._controls = self.controls()
        self._build()
        super().__init__(self._rows())
        self.add_class("lambdalab-explorer")
        with self._quietly():
            self.preset, self.seed, self.predict_first = preset, seed, predict_first
            self.settings = self._changed(self.scenario(**self.presets.get(preset, {})), settings)
        self._connect()
        self._refresh()

    # ---- what each explorer says -------------------------------------------------------------

    def controls(self) -> list[Control]:
        """The controls, in the order in which they stand."""
        raise NotImplementedError

    def draw(self, trace: Trace, ax: Axes, other: Trace | None) -> Axes:
        """The picture of one run; ``other`` is the run it is shown with."""
        raise NotImplementedError

    def drawing(self) -> str:
        """The line of code that draws the same picture of ``trace``."""
        raise NotImplementedError

    def explain(self, trace: Trace) -> Why:
        """The sentence that says why, from the books of the trace."""
        raise NotImplementedError

    def ask(self, trace: Trace) -> Question:
        """What a learner can be asked before this run is shown; the answer comes from its books."""
        raise NotImplementedError

    def figures(self, trace: Trace) -> dict[str, str]:
        """Key figures by name, ready to be read."""
        raise NotImplementedError

    # ---- from code ---------------------------------------------------------------------------

    def set(self, **settings: Any) -> None:
        """Change some settings and draw once.

        Raises :class:`~lambdalab.errors.UnknownSetting` or :class:`~lambdalab.errors.InvalidSetting`;
        then nothing has changed.
        """
        self.settings = self._changed(self.settings, settings)

    @property
    def code(self) -> str:
        """The few lines that make the trace and the picture on show."""
        return f"{self.settings.code(self.seed)}{self.drawing()}\n"

    @property
    def hidden(self) -> bool:
        """Whether the run waits for a guess."""
        return bool(self.predict_first and not self.guess)

    def _changed(self, settings: Any, changes: Mapping[str, Any]) -> Any:
        known = [field.name for field in fields(settings)]
        for name in changes:
            if name not in known:
                raise UnknownSetting(f"{type(self).__name__}.set", name, known)
        return replace(settings, **changes)

    # ---- what it is made of ------------------------------------------------------------------

    def _build(self) -> None:
        self.preset_buttons = w.ToggleButtons(
            options=list(self.presets),
            value=None,
            description="Preset",
            style={"button_width": "auto"},
        )
        self.pin_button = w.ToggleButton(
            False, description="Pin this run", icon="thumb-tack",
            tooltip="Keep this run, faint, below the next ones",
        )  # fmt: skip
        self.seed_button = w.Button(
            description="Another seed", icon="random", tooltip="Draw every chance anew"
        )
        self.predict_button = w.ToggleButton(
            False, description="Predict first", icon="question",
            tooltip="Hide each new run until you have guessed",
        )  # fmt: skip
        self.asked = w.HTML()
        self.guesses = w.ToggleButtons(
            options=[], value=None, style={"button_width": "auto"}, tooltips=[]
        )
        self.question_box = w.VBox([self.asked, self.guesses], layout=w.Layout(display="none"))
        self.question_box.add_class("lambdalab-question")
        self.copy_button = CopyButton()
        # no tooltip: ipywidgets 8.1 cannot make the view of an Image that has one
        self.picture = w.Image(
            format="png", layout=w.Layout(max_width="calc(100% - 4px)", align_self="flex-start")
        )  # its margin belongs to its width, or the explorer could be scrolled sideways
        self.spoken = Spoken()
        self.key_figures = w.HTML()
        self.status = w.HTML()

    def _rows(self) -> list[w.Widget]:
        sliders = w.Box(
            [control.widget for control in self._controls],
            layout=w.Layout(display="flex", flex_flow="row wrap"),
        )
        title = w.HTML(f"<b role='heading' aria-level='3'>{html.escape(self.heading)}</b>")
        buttons = w.HBox(
            [self.pin_button, self.seed_button, self.predict_button],
            layout=w.Layout(flex_flow="row wrap"),
        )
        return [
            title, self.preset_buttons, sliders, buttons, self.question_box, self.picture,
            self.key_figures, self.spoken, self.status, self.copy_button,
        ]  # fmt: skip

    def _connect(self) -> None:
        for control in self._controls:
            control.widget.observe(self._slid(control), "value")
        self.preset_buttons.observe(self._preset_chosen, "value")
        self.pin_button.observe(self._pin_pressed, "value")
        self.seed_button.on_click(self._next_seed)
        self.predict_button.observe(self._predict_pressed, "value")
        self.guesses.observe(self._guessed, "value")

    # ---- what happens when something changes ---------------------------------------------------

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Changes made in here are ours: no control answers them."""
        before, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = before

    def _slid(self, control: Control) -> Callable[[Any], None]:
        def answer(change: Any) -> None:
            if self._busy:
                return
            # two settings may be right only together: what was refused is asked for again
            wanted = {**self._refused, control.name: control.meant(change["new"])}
            before = self.settings
            try:
                self.set(**wanted)
            except LabError as refused:
                self._refused = wanted
                self._say(f"<b>Not drawn:</b> {html.escape(str(refused))}")
                return
            if self.settings == before:  # no new run, but controls and text may tell of another
                self._refresh(rerun=False)

        return answer

    def _preset_chosen(self, change: Any) -> None:
        if not self._busy and change["new"] is not None:
            self.preset = change["new"]

    def _pin_pressed(self, change: Any) -> None:
        if not self._busy:
            self.pinned = change["new"]

    def _next_seed(self, _: object) -> None:
        self.seed += 1

    def _predict_pressed(self, change: Any) -> None:
        if not self._busy:
            self.predict_first = change["new"]

    def _guessed(self, change: Any) -> None:
        if not self._busy and change["new"] is not None:
            self.guess = change["new"]

    @traitlets.validate("preset")
    def _known_preset(self, proposal: Any) -> str:
        if proposal["value"] and proposal["value"] not in self.presets:
            raise UnknownName("preset", proposal["value"], self.presets)
        return str(proposal["value"])

    @traitlets.validate("settings")
    def _right_settings(self, proposal: Any) -> Any:
        if not isinstance(proposal["value"], self.scenario):
            raise traitlets.TraitError(f"settings must be a {self.scenario.__name__}")
        return proposal["value"]

    @traitlets.validate("guess")
    def _known_guess(self, proposal: Any) -> str:
        if proposal["value"] and proposal["value"] not in self.question.options:
            raise UnknownName("option", proposal["value"], self.question.options)
        return str(proposal["value"])

    @traitlets.observe("preset")
    def _apply_preset(self, change: Any) -> None:
        if not self._busy and change["new"]:
            self.settings = self.scenario(**self.presets[change["new"]])

    @traitlets.observe("pinned")
    def _pin(self, change: Any) -> None:
        self._kept = (self.settings, self.trace) if change["new"] else None
        self._refresh(rerun=False)

    @traitlets.observe("predict_first", "guess")
    def _hide_or_show(self, change: Any) -> None:
        if self._busy:
            return
        if change["name"] == "predict_first":
            with self._quietly():
                self.guess = ""
        self._refresh(rerun=False)

    @traitlets.observe("settings", "seed")
    def _rerun(self, _: object) -> None:
        if hasattr(self, "trace"):
            self._refresh()

    def _refresh(self, *, rerun: bool = True) -> None:
        """Run, then show: controls, picture, key figures, and the sentence last."""
        self._refused = {}
        if rerun:
            self.trace = self.settings.run(self.seed)
            self.why, self.question = self.explain(self.trace), self.ask(self.trace)
        with self._quietly():
            if rerun:
                self.guess = ""
            self._show_controls()
        self.copy_button.code = self.code
        self.picture.layout.display = "none" if self.hidden else None
        if self.hidden:
            self.picture.value, self.spoken.picture, self.key_figures.value = b"", "", ""
            self._say(f"<small>{html.escape(self._told())}</small>")
            return
        kept = self._kept[1] if self._kept else None
        self.picture.value = self._picture.png(
            lambda ax: self.draw(self.trace, ax, kept),
            None if kept is None else lambda ax: self.draw(kept, ax, self.trace),
        )
        self.spoken.picture = self._picture.told
        self.key_figures.value = self._table(kept)
        verdict = f"<b>{rendered(self.question.verdict(self.guess))}</b> " if self.guess else ""
        self._say(f"{verdict}{rendered(self.why)}<br><small>{html.escape(self._told())}</small>")

    def _show_controls(self) -> None:
        for control in self._controls:
            control.show(getattr(self.settings, control.name))
        self.preset = self._named()
        self.preset_buttons.value = self.preset or None
        self.pin_button.value = self.pinned
        self.pin_button.disabled = self.hidden and not self.pinned  # nothing on show to keep
        self.predict_button.value = self.predict_first
        self.question_box.layout.display = None if self.predict_first else "none"
        self.asked.value = f"<b>{rendered(self.question.text)}</b>"
        with self.guesses.hold_sync():  # new options choose the first of themselves
            if self.guesses.options != self.question.options:
                self.guesses.options = self.question.options
            self.guesses.value = self.guess or None
            self.guesses.disabled = bool(self.guess)  # who has seen the answer guesses no more

    def _named(self) -> str:
        """The preset that these settings are."""
        same = (n for n, preset in self.presets.items() if self.scenario(**preset) == self.settings)
        return next(same, "")

    def _say(self, text: str) -> None:
        """The status line: always the last thing to change."""
        self.status.value = STATUS.format(text)

    def _told(self) -> str:
        settings = (
            f"{field.name}={getattr(self.settings, field.name)}" for field in fields(self.settings)
        )
        return " ".join([f"seed={self.seed}", *settings])

    def _table(self, kept: Trace | None) -> str:
        """Key figures as a table, those of the pinned run in a second row."""
        runs = [("this run", self.figures(self.trace))]
        if kept is not None:
            runs.append(("pinned", self.figures(kept)))
        return figures_table(runs)

    # ---- without JavaScript --------------------------------------------------------------------

    def __repr__(self) -> str:
        told = f"{type(self).__name__}({self._told()})"
        if self.hidden:
            return f"{told}\n{self.question.text} {' | '.join(self.question.options)}"
        figures = ", ".join(f"{name} {value}" for name, value in self.figures(self.trace).items())
        return f"{told}\n{self.why}\n{figures}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The live widget; its picture (or its question) and text for places that run no JavaScript."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        png = self.picture.value
        if self.hidden:
            png = question(self.question.text, self.question.options)
        shown = {"text/plain": repr(self), "image/png": base64.b64encode(png).decode()}
        return {**(data or {}), **shown}, metadata
