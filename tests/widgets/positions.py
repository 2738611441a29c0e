"""Random positions of an explorer's sliders: what a person could set them to."""

from __future__ import annotations

from random import Random
from typing import Any

import ipywidgets as w

from lambdalab.errors import LabError


def position(controls, scenario, chance: Random):
    """Settings that the controls can show and the scenario accepts; each drawn as a person might."""
    while True:
        drawn = {
            control.name: control.meant(_drawn(control.widget, chance)) for control in controls
        }
        try:
            return scenario(**drawn)
        except LabError:  # "Not drawn": the explorer says so and stays as it was
            continue


def _drawn(widget: Any, chance: Random) -> Any:
    if isinstance(widget, w.Checkbox):
        return chance.random() < 0.5
    if isinstance(widget, w.Dropdown):
        return chance.choice(list(widget.options))
    if isinstance(widget, w.FloatLogSlider):
        return widget.base ** chance.uniform(widget.min, widget.max)
    if isinstance(widget, w.IntSlider):
        steps = (widget.max - widget.min) // widget.step
        return widget.min + widget.step * chance.randint(0, steps)
    steps = round((widget.max - widget.min) / widget.step)
    at_an_end = chance.random() < 0.1
    step = chance.choice([0, steps]) if at_an_end else chance.randint(0, steps)
    return round(widget.min + widget.step * step, 6)
