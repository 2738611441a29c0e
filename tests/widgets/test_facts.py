"""Facts: each number of a sentence is asked of a table, kept with the rows that prove it, and checked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lambdalab as ll
from lambdalab.scenarios import Batching, ThrottleTrap
from lambdalab.widgets.facts import Telling, Why
from tests.widgets import proving


@pytest.fixture(scope="module")
def trace():
    return Batching(seconds=20.0).run()


@pytest.fixture
def tell(trace):
    return Telling(trace)


def test_rows_by_value_by_comparison_and_by_all_of_several(trace, tell) -> None:
    table = trace.batches
    assert len(tell.rows("batches")) == len(table)
    full = tell.rows("batches", {"cause": "batch_size"})
    assert full.index.tolist() == table.index[table["cause"] == "batch_size"].tolist()
    for sign, chosen in {
        "<": table["records"] < 9, "<=": table["records"] <= 9, ">": table["records"] > 9,
        ">=": table["records"] >= 9, "!=": table["records"] != 9,
    }.items():  # fmt: skip
        assert len(tell.rows("batches", {"records": (sign, 9)})) == chosen.sum()
    both = tell.rows("batches", {"cause": "batch_size", "poller": 1})
    assert len(both) == ((table["cause"] == "batch_size") & (table["poller"] == 1)).sum()
    first = table["flushed_at"].iloc[0]
    assert len(tell.rows("batches", {"flushed_at": (">", first)})) == len(table) - 1


def test_numbers_are_those_of_the_column(trace, tell) -> None:
    sizes = trace.batches["size_bytes"]
    for how in ("sum", "min", "max", "mean"):
        assert tell.number("batches", "size_bytes", how=how) == getattr(sizes, how)()
    assert tell.number("batches", "size_bytes") == sizes.iloc[0]
    assert (
        tell.number("batches", "cause", how="unique")
        == sizes.groupby(trace.batches["cause"].astype(str)).ngroups
    )
    ordered = np.sort(sizes.to_numpy())
    for share in (50, 95, 99):
        rank = int(np.ceil(share / 100 * len(ordered)))
        assert tell.number("batches", "size_bytes", how=f"p{share}") == ordered[rank - 1]
    assert np.isnan(tell.number("batches", "size_bytes", {"records": 99}))


def test_moments_are_seconds_since_the_start_and_stretches_lie_between_two(trace, tell) -> None:
    row = trace.batches.iloc[2]
    one = {"batch_id": row["batch_id"]}
    at = (row["flushed_at"] - trace.start) / pd.Timedelta("1s")
    assert tell.number("batches", "flushed_at", one) == pytest.approx(at)
    took = (row["completed_at"] - row["flushed_at"]) / pd.Timedelta("1s")
    assert tell.number("batches", "flushed_at..completed_at", one) == pytest.approx(took)


def test_how_many_ran_at_once() -> None:
    told = Telling(ThrottleTrap(messages=200).run())
    assert told.number("attempts", "", how="overlap") == 2
    assert told.value("attempts", "", how="overlap", text="Two") == "Two"
    why = told.why("Two ran at once.")
    proving.check(why, told.trace)


def test_a_number_is_said_with_the_unit_of_its_column(trace, tell) -> None:
    one = {"batch_id": trace.batches["batch_id"].iloc[0]}
    assert tell.value("batches", "size_bytes", one).endswith(" KB")
    assert tell.value("batches", "gathering_ms", one).endswith(" s")
    assert tell.value("batches", "flushed_at", one).endswith(" s")
    assert tell.value("attempts", "cost_usd", how="sum").startswith("$0.0000")
    assert tell.value("batches", "records", one) == f"{trace.batches['records'].iloc[0]}"
    assert tell.value("batches", "records", {"records": 99}) == "none"


def test_counts_settings_and_ids(trace, tell) -> None:
    assert tell.count("batch", "batches", things="batches") == f"{len(trace.batches)} batches"
    assert tell.count("batch", "batches", {"batch_id": "x"}, "batches") == "0 batches"
    assert tell.setting("function", "bill", "timeout", "s") == "3.00 s"
    assert tell.setting("mapping", "orders->bill", "batch_size") == "10"
    assert tell.id("batch", trace.batches["batch_id"].iloc[1]) == "b2"
    why = tell.why("b2 of mapping with 10 records and 3.00 s.")
    proving.check(why, trace)
    assert [fact.text for fact in why.facts] == ["3.00 s", "10", "b2"]


def test_a_sentence_keeps_only_the_facts_that_it_names(trace, tell) -> None:
    tell.count("batch", "batches", things="batches")
    full = tell.count("batch", "batches", {"cause": "batch_size"}, "batches")
    why = tell.why(f"{full} were full.")
    assert isinstance(why, str)
    assert [fact.text for fact in why.facts] == [full]
    proof = why.proof()
    assert proof.columns.tolist() == ["says", "table", "column", "how", "where"]
    assert proof.iloc[0].tolist() == [full, "batches", "", "count", "cause = batch_size"]
    assert Why.of("Nothing.").proof().empty


@pytest.mark.parametrize(
    "lie",
    [
        lambda tell: f"{tell.count('batch', 'batches', things='batches')} and 17 more",
        lambda tell: tell.value("batches", "records", text="three"),
        lambda tell: tell.setting("function", "bill", "timeout", "s").replace("3.00", "4.00"),
    ],
)
def test_what_is_not_in_the_books_is_found_out(trace, tell, lie) -> None:
    why = tell.why(lie(tell))
    with pytest.raises(AssertionError):
        proving.check(why, trace)


def test_facts_are_of_the_trace_they_were_asked_of(trace, tell) -> None:
    why = tell.why(tell.value("batches", "flushed_at", how="max"))
    proving.check(why, trace)
    with pytest.raises(AssertionError, match="the books have"):
        proving.check(why, ll.scenarios.batching(seconds=8.0))
