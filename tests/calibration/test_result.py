"""The result as a whole: one function by its name, a table of all, and what was left out."""

from __future__ import annotations

import numpy as np
import pytest

import lambdalab as ll
from lambdalab.calibration import Calibration
from lambdalab.errors import UnknownName


@pytest.fixture(scope="module")
def fit() -> Calibration:
    lab = ll.Lab(seed=3)
    lab.create_function("orders", duration=ll.LogNormal(0.1, 0.5), init=0.4, idle_expiry=300)
    lab.create_function("bills", duration=1, memory_size=512)
    lab.drive("orders", ll.Poisson(rate=0.01), count=400)
    lab.drive("bills", ll.Every(40), count=100)
    lab.run()
    return ll.calibrate(lab.trace.logs)


def test_a_function_by_its_name(fit: Calibration) -> None:
    assert list(fit) == list(fit.functions) == ["orders", "bills"]
    assert fit["bills"] is fit.functions["bills"]
    with pytest.raises(UnknownName, match=r"there is no function 'bill' in these logs.*'bills'"):
        fit["bill"]
    with pytest.raises(TypeError):
        fit.functions["bills"] = fit["orders"]


def test_the_summary_has_a_row_for_each(fit: Calibration) -> None:
    table = fit.summary()
    assert table.index.tolist() == ["orders", "bills"]
    assert table.index.name == "function"
    orders, bills = table.loc["orders"], table.loc["bills"]
    assert (orders["runs"], orders["duration"]) == (400, "log-normal")
    assert bills["duration"] == "constant"
    assert (bills["p50_ms"], bills["distance"]) == (1000, 0)
    assert orders["init_p50_ms"] == pytest.approx(400)
    assert orders["idle_expiry_s"] == pytest.approx(300, abs=3)
    assert np.isnan(bills["idle_expiry_s"]), "no gap was long enough to tell"
    assert orders["rate_per_s"] == pytest.approx(0.01, rel=0.15)


def test_text_and_html(fit: Calibration) -> None:
    assert repr(fit).startswith("Calibration: 500 runs of 2 functions; ")
    shown = fit._repr_html_()
    assert shown.count("<table>") == 2
    assert "500 runs of 2 functions" in shown
