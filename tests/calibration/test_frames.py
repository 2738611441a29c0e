"""Tables of runs under any names, and units that were mistaken."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lambdalab.calibration.frames import COLUMNS, of_frame
from lambdalab.errors import InvalidSetting, UnknownName

START = pd.Timestamp("2025-01-07", tz="UTC")


def insights() -> pd.DataFrame:
    """What Logs Insights exports: memory in bytes, times as text, no init where there was none."""
    return pd.DataFrame(
        {
            "@timestamp": ["2025-01-07 00:00:01.500", "2025-01-07 00:10:00.000"],
            "@type": ["REPORT", "REPORT"],
            "@requestId": ["a", "b"],
            "@duration": [1234.56, 20.0],
            "@billedDuration": [1235.0, 20.0],
            "@initDuration": [310.2, np.nan],
            "@memorySize": [512000000.0, 512000000.0],
            "@maxMemoryUsed": [87000000.0, 90000000.0],
            "@log": ["123456789012:/aws/lambda/orders"] * 2,
            "@logStream": ["2025/01/07/[$LATEST]92ed"] * 2,
        }
    )


def test_an_insights_export() -> None:
    runs = of_frame(insights(), None)
    assert tuple(runs.columns) == COLUMNS
    assert runs["duration_ms"].tolist() == [1234.56, 20.0]
    assert runs["cold_start"].tolist() == [True, False]
    assert runs["memory_mb"].tolist() == [512, 512]
    assert runs["max_memory_mb"].tolist() == [87, 90]
    assert runs["function"].tolist() == ["orders"] * 2
    assert runs["environment_id"].tolist() == ["2025/01/07/[$LATEST]92ed"] * 2
    assert runs["ended_at"][0] == START + pd.Timedelta("1.5s")
    assert runs["started_at"][0] == START + pd.Timedelta("1.5s") - pd.Timedelta("1234.56ms")
    assert str(runs["ended_at"].dtype) == "datetime64[us, UTC]"


def test_rows_without_a_duration_are_other_lines() -> None:
    table = insights().astype({"@duration": object})
    table.loc[1, "@duration"] = ""
    assert len(of_frame(table, None)) == 1


def test_names_of_ones_own() -> None:
    table = pd.DataFrame({"took": [0.5, 1.5], "who": ["f", "g"], "when": [10.0, 20.0], "c": [1, 0]})
    names = {"duration_s": "took", "function": "who", "ended_at": "when", "cold_start": "c"}
    runs = of_frame(table, names)
    assert runs["duration_ms"].tolist() == [500, 1500]
    assert runs["function"].tolist() == ["f", "g"]
    assert runs["cold_start"].tolist() == [True, False]
    with pytest.raises(
        UnknownName, match="there is no column 'tok' in this table; did you mean 'took'"
    ):
        of_frame(table, {"duration_s": "tok"})
    with pytest.raises(UnknownName, match="there is no column of a run 'duration'"):
        of_frame(table, {"duration": "took"})


def test_a_given_name_goes_before_a_found_one() -> None:
    table = pd.DataFrame({"duration_ms": [5.0], "handler_ms": [3.0]})
    assert of_frame(table, {"duration_ms": "handler_ms"})["duration_ms"].tolist() == [3]


def test_a_start_tells_the_end() -> None:
    table = pd.DataFrame({"started_at": [START], "duration_ms": [250.0]})
    assert of_frame(table, None)["ended_at"][0] == START + pd.Timedelta("250ms")


@pytest.mark.parametrize("value", [1736208001.5, 1736208001500, "2025-01-07T00:00:01.500Z"])
def test_moments_in_any_form(value) -> None:
    runs = of_frame(pd.DataFrame({"ended_at": [value], "duration_ms": [5.0]}), None)
    assert runs["ended_at"][0] == START + pd.Timedelta("1.5s")


@pytest.mark.parametrize("value", [1.7e18, "soon"])
def test_no_moments(value) -> None:
    with pytest.raises(InvalidSetting, match=r"ended_at=.* dates, or seconds or milliseconds"):
        of_frame(pd.DataFrame({"ended_at": [value], "duration_ms": [5.0]}), None)


def test_no_durations_names_what_is_there() -> None:
    table = pd.DataFrame({"when": [1], "elapsed": [2]})
    with pytest.raises(
        InvalidSetting, match=r"it has: when, elapsed\. If 'elapsed' is it: columns="
    ):
        of_frame(table, None)


@pytest.mark.parametrize("spoilt", [{"duration_ms": ["fast"]}, {"duration_ms": [-1.0]}])
def test_durations_that_are_none(spoilt) -> None:
    with pytest.raises(InvalidSetting, match="duration_ms="):
        of_frame(pd.DataFrame(spoilt), None)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"duration_ms": [0.12, 0.3, 0.2]}, "these look like seconds"),
        ({"duration_ms": [0.12, 1.3], "billed_ms": [120, 1300]}, "these look like seconds"),
        ({"duration_ms": [2.0, 3.1], "billed_ms": [2000, 3100]}, "these look like seconds"),
        ({"duration_s": [120.0, 3000.0]}, "are these microseconds, or milliseconds named seconds"),
        ({"duration_ms": [2e6, 3e6]}, "at most 900,000 ms"),
        ({"duration_ms": [120.0, 300.0], "billed_ms": [0.12, 0.3]}, "billed_ms=.* in one unit"),
    ],
)
def test_units_that_were_mistaken(table: dict[str, list[float]], said: str) -> None:
    with pytest.raises(InvalidSetting, match=said):
        of_frame(pd.DataFrame(table), None)


@pytest.mark.parametrize(
    "table",
    [
        {
            "duration_ms": [0.3, 0.9],
            "billed_ms": [1, 1],
        },  # a millisecond is the least that is billed
        {"duration_ms": [12.0, 40.0], "billed_ms": [100, 100]},  # of 2020
        {"duration_ms": [1.5, 2.1]},
        {"duration_ms": [900_000.0]},
        {"duration_ms": [0.0], "billed_ms": [0]},
    ],
)
def test_units_that_are_right(table: dict[str, list[float]]) -> None:
    assert len(of_frame(pd.DataFrame(table), None)) == len(table["duration_ms"])
