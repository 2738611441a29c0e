"""One control for one setting: a slider that can be typed into, a switch, a choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as w

_STYLE = {"description_width": "200px"}
_LAYOUT = {"width": "auto", "flex": "1 1 400px", "max_width": "460px"}
"""Two in a row where the page has 830 px, for the picture should be in sight of them."""
_BOX = {"description_width": "150px"}

_DECIMALS, _DIGITS = 6, 4
"""What is kept of a slider's number: steps that are added up leave dirt behind the last decimal."""
_KB = 1024


def to_kilobytes(size: float) -> float:
    """Bytes as the KB that a slider shows."""
    return round(size / _KB, 4)


def to_bytes(kilobytes: float) -> int:
    """KB as whole bytes."""
    return round(kilobytes * _KB)


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Control:
    """A widget for the setting ``name``.

    ``shown`` turns a setting's value into the widget's, ``meant`` the widget's into the setting's.
    """

    name: str
    widget: Any
    shown: Callable[[Any], Any] = _same
    meant: Callable[[Any], Any] = _same

    def show(self, value: Any) -> None:
        """Put the widget where the setting is; a slider grows where its range is too short."""
        value = self.shown(value)
        if hasattr(self.widget, "max") and not isinstance(self.widget, w.FloatLogSlider):
            self.widget.max = max(self.widget.max, value)
            self.widget.min = min(self.widget.min, value)
        if self.widget.value != value:
            self.widget.value = value


def whole(
    name: str, label: str, low: int, high: int, step: int = 1, *,
    shown: Callable[[Any], int] = _same, meant: Callable[[int], Any] = _same,
) -> Control:  # fmt: skip
    """A slider for whole numbers; the number beside it can be typed."""
    slider = w.IntSlider(
        low, low, high, step, description=label, continuous_update=False, style=_STYLE,
        layout=_LAYOUT, tooltip=f"{label}: drag, use the keys, or type the number",
    )  # fmt: skip
    return Control(name, slider, shown, meant)


def number(
    name: str, label: str, low: float, high: float, step: float, *,
    shown: Callable[[Any], float] = _same, meant: Callable[[float], Any] = _same,
) -> Control:  # fmt: skip
    """A slider for numbers; the number beside it can be typed."""
    slider = w.FloatSlider(
        low, min=low, max=high, step=step, description=label, continuous_update=False, style=_STYLE,
        layout=_LAYOUT, readout_format=".2f" if step < 0.1 else ".1f",
        tooltip=f"{label}: drag, use the keys, or type the number",
    )  # fmt: skip
    return Control(name, slider, shown, lambda value: meant(round(value, _DECIMALS)))


def magnitude(
    name: str, label: str, low: float, high: float, written: str, *,
    shown: Callable[[Any], float] = _same, meant: Callable[[float], Any] = _same,
) -> Control:  # fmt: skip
    """A slider over orders of magnitude: powers of ten from ``low`` to ``high``.

    ``written`` is the number's format (d3).
    """
    slider = w.FloatLogSlider(
        10.0**low, base=10, min=low, max=high, step=0.05, description=label, continuous_update=False,
        style=_STYLE, layout=_LAYOUT, readout_format=written,
        tooltip=f"{label}: drag, use the keys, or type the number",
    )  # fmt: skip
    return Control(name, slider, shown, lambda value: meant(float(f"{value:.{_DIGITS}g}")))


def switch(name: str, label: str) -> Control:
    """A box to tick."""
    # indented: below labels that end at the right, a box at the far left belongs to nothing
    return Control(name, w.Checkbox(False, description=label, style=_BOX, layout=_LAYOUT))


def choice(name: str, label: str, options: Sequence[str]) -> Control:
    """One of a few words."""
    return Control(
        name, w.Dropdown(options=list(options), description=label, style=_STYLE, layout=_LAYOUT)
    )
