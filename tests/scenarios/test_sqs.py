"""One row of what matters of a queue and its function."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting, UnknownSetting
from lambdalab.scenarios import Sqs, sqs

COLUMNS = [
    "invocations", "batch_mean", "age_p50_s", "age_p95_s", "age_p99_s", "cost_month_usd",
    "dead_letters", "throttles",
]  # fmt: skip


def test_the_row_is_what_the_tables_say() -> None:
    found = ll.scenarios.sqs(
        rate=20, duration=0.4, p99=2.0, failure_rate=0.1, max_receive_count=2, batch_size=5,
        reserved_concurrency=3, seconds=60,
    )  # fmt: skip
    trace, table = found.trace, found.table
    assert (list(table.columns), len(table)) == (COLUMNS, 1)
    row = table.iloc[0]
    assert row["invocations"] == len(trace.attempts)
    assert row["batch_mean"] == pytest.approx(trace.batches["records"].mean())
    rows = trace.queue_events
    done = rows[(rows["queue"] == "queue") & (rows["action"] == "deleted")]
    ages = np.sort(done["age_ms"].to_numpy() / 1000)
    for share, name in ((0.5, "age_p50_s"), (0.95, "age_p95_s"), (0.99, "age_p99_s")):
        assert row[name] == pytest.approx(ages[math.ceil(share * len(ages)) - 1])
    assert row["dead_letters"] == (rows["action"] == "dead_lettered").sum() > 0
    assert row["throttles"] == (trace.invocations["status"] == "throttled").sum() > 0
    month = trace.attempts["cost_usd"].sum() / 60 * 30 * 86_400
    assert row["cost_month_usd"] == pytest.approx(month, rel=1e-6)


def test_the_cost_of_a_month_is_that_of_the_price_list() -> None:
    """1 batch a second of one message, 0.1 s at 1,024 MB: 2.592 million requests, 259,200 GB-seconds."""
    found = sqs(rate=1.0, duration=0.1, batch_size=1, memory_size=1024, seconds=20_000)
    requests = len(found.trace.attempts) / 20_000 * 30 * 86_400
    cold = found.trace.attempts["init_ms"].sum() / 1000
    expected = requests * (0.20 / 1e6 + 0.1 * 0.0000166667)
    assert found.table["cost_month_usd"].iloc[0] == pytest.approx(expected, rel=0.01), cold


def test_it_is_read_in_a_cell() -> None:
    found = sqs(rate=5, seconds=20)
    text = repr(found)
    assert all(name in text for name in COLUMNS)
    assert "not in it: SQS's requests" in text
    assert "0x" not in text
    assert text == repr(sqs(rate=5, seconds=20))
    page = found._repr_html_()
    assert page.startswith("<table")
    assert "cost_month_usd" in page
    assert found.trace.plot.queue_depth() is not None


def test_a_queue_that_only_grows_is_told() -> None:
    slow = sqs(rate=50, duration=2, reserved_concurrency=2, seconds=30)
    assert "the queue only grows" in repr(slow)
    assert "the queue only grows" in slow._repr_html_()
    assert "grows" not in repr(sqs(rate=5, seconds=30))


def test_nothing_that_came_is_a_row_too() -> None:
    found = sqs(rate=0.01, seconds=1)
    assert found.table["invocations"].tolist() == [0]
    assert math.isnan(found.table["age_p50_s"].iloc[0])
    assert "NaN" in repr(found)


def test_what_is_not_given_is_what_aws_advises() -> None:
    chosen = Sqs(duration=4.0, window=5)
    assert (chosen.function_timeout, chosen.queue_visibility) == (9, 6 * 9 + 5)
    assert Sqs().function_timeout == 3
    assert Sqs(duration=1.0, p99=20.0).function_timeout == 41
    assert Sqs(timeout=10, visibility_timeout=10).queue_visibility == 10
    assert Sqs(duration=900).function_timeout == 900


def test_settings_matter() -> None:
    one, ten = (sqs(rate=20, batch_size=size, window=5, seconds=60).table for size in (1, 10))
    assert one["invocations"].iloc[0] > 5 * ten["invocations"].iloc[0]
    assert one["age_p95_s"].iloc[0] < ten["age_p95_s"].iloc[0]
    big = sqs(rate=20, memory_size=1024, seconds=60).table["cost_month_usd"].iloc[0]
    assert big > 2 * sqs(rate=20, seconds=60).table["cost_month_usd"].iloc[0]


@settings(max_examples=15)
@given(
    rate=st.floats(0.5, 10), duration=st.floats(0.01, 5), more=st.none() | st.floats(1, 3),
    failing=st.floats(0, 0.3), batch=st.integers(1, 10), window=st.integers(0, 5),
    size=st.integers(1, 5000), receives=st.integers(1, 5), reserved=st.none() | st.integers(1, 5),
    most=st.none() | st.integers(2, 5), seed=st.integers(0, 99),
)  # fmt: skip
def test_the_code_makes_the_same_trace(
    rate, duration, more, failing, batch, window, size, receives, reserved, most, seed
) -> None:
    chosen = Sqs(
        rate, duration, None if more is None else duration * more, failing, batch, window, size,
        max_receive_count=receives, reserved_concurrency=reserved, maximum_concurrency=most,
        seconds=10.0,
    )  # fmt: skip
    space: dict[str, object] = {}
    exec(chosen.code(seed), space)
    assert space["trace"].digest() == chosen.run(seed).digest()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"rate": 0}, "rate"),
        ({"duration": 901}, "duration=.*0 to 900"),
        ({"duration": 2.0, "p99": 1.0}, "p99=.*2 to 900"),
        ({"failure_rate": 1.1}, "failure_rate"),
        ({"batch_size": 11}, "batch_size=.*at most 10 where there is no window"),
        ({"window": 301}, "window"),
        ({"record_size": 0}, "record_size"),
        ({"timeout": 30, "visibility_timeout": 29}, "visibility_timeout=.*30 to 43,200"),
        ({"max_receive_count": 0}, "max_receive_count"),
        ({"maximum_concurrency": 1}, "maximum_concurrency"),
        ({"rate": 1000, "seconds": 86_400}, "seconds"),
        ({"reserved_concurrency": -1}, "reserved_concurrency"),
        ({"memory_size": 127}, "memory_size"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_happens(wrong, named) -> None:
    with pytest.raises(InvalidSetting, match=f"^{named}"):
        Sqs(**wrong)


def test_a_setting_that_is_none() -> None:
    with pytest.raises(UnknownSetting, match="did you mean 'batch_size'"):
        sqs(batchsize=5)
