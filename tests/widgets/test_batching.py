"""The batching explorer: what each preset shows and says, and the question's answer."""

from __future__ import annotations

import pytest

from lambdalab.widgets import BatchingExplorer

FULL, TIME, SIZE, AT_ONCE = BatchingExplorer(predict_first=True).question.options


@pytest.mark.parametrize(
    ("preset", "said", "answer"),
    [
        (
            "window 5 s",
            "Batch b2 closed with 10 records: that is as many as the mapping allows, after 3.19 s. That "
            "closed 6 of 8 batches.",
            FULL,
        ),
        ("window 0", "is handed over at once. That closed all 77 batches.", AT_ONCE),
        (
            "100 KB × 10,000",
            "closed with 61 records: one more would have passed 6.00 MB (it is 5.99 MB of JSON). That "
            "closed 2 of 3 batches.",
            SIZE,
        ),
        ("quiet queue", "its window of 20 s was over", TIME),
        ("five pollers", "the oldest had waited", AT_ONCE),
        ("slow function", "as many as the mapping allows", FULL),
    ],
)
def test_each_preset_says_why(preset, said, answer) -> None:
    explorer = BatchingExplorer(preset=preset)
    assert said in explorer.why
    assert explorer.question.answer == answer
    assert "most of the batches" in explorer.question.text


def test_five_pollers_are_all_that_run() -> None:
    explorer = BatchingExplorer(preset="five pollers")
    assert explorer.figures(explorer.trace)["runs at once"] == "5"
    assert set(explorer.trace.batches["poller"]) == {1, 2, 3, 4, 5}
    explorer.set(maximum_concurrency=2)
    assert explorer.figures(explorer.trace)["runs at once"] == "2"


def test_where_no_cause_has_the_most_the_first_batch_is_asked_of() -> None:
    explorer = BatchingExplorer(rate=3.0, window=5, seconds=10.0)
    assert explorer.trace.batches["cause"].value_counts().iloc[:2].tolist() == [1, 1]
    assert "the first batch" in explorer.question.text
    first = explorer.trace.batches["cause"].iloc[0]
    assert explorer.question.answer == {"batching_window": TIME, "batch_size": FULL}[first]


def test_no_message_no_batch() -> None:
    explorer = BatchingExplorer(rate=0.01, seconds=1.0)
    assert explorer.why == "No message came, so there was nothing to hand over."
    assert explorer.figures(explorer.trace)["records in a batch, mean"] == "–"
    assert explorer.figures(explorer.trace)["dealt with after, p95"] == "–"
    assert explorer.question.answer == "nothing, as no message comes"
    few = BatchingExplorer(rate=0.05, seconds=20.0, seed=8)
    assert len(few.trace.batches)
    assert (
        few.question.options == explorer.question.options
    )  # so they do not tell whether one comes


def test_where_the_payload_limit_closed_fewer_batches_it_is_said_what_closed_most() -> None:
    explorer = BatchingExplorer(rate=20.0, record_size=100_000, batch_size=100, window=5)
    causes = explorer.trace.batches["cause"].value_counts()
    assert 0 < causes["payload_size"] < causes["batching_window"]
    told = f"; {causes['batching_window']} others left when their window was over."
    assert explorer.why.endswith(told)
    assert "others" not in BatchingExplorer(preset="100 KB × 10,000").why
