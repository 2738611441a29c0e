"""What one bad record holds up: each preset's sentence, question and figures."""

from __future__ import annotations

import pytest

from lambdalab.widgets import ShardExplorer
from tests.widgets import proving

SENTENCES = {
    "blocks": (
        "140 records waited behind m57 of `shard 0`, until at 24 h they were too old to be read: they are "
        "lost. It was handed over 1,445 times, and then its stream kept it no longer."
    ),
    "three retries": (
        "22 records waited behind m57 of `shard 0`, up to 3.00 s. It was handed over 4 times, and then "
        "its retries (3) were used up; nobody is told, and it is lost. 9 other records of its batch went "
        "with it, though nothing was wrong with them."
    ),
    "bisect": "It was handed over 8 times, and then its retries (3) were used up; nobody is told",
    "on-failure destination": "were used up, and `failed` was told which records they were.",
    "partial response": "3 other records of its batch went with it, though nothing was wrong with them.",
    "a minute's patience": "and then it was older than the 60 s that its mapping allows",
    "ten lanes": "All other lanes went on.",
    "FIFO group": (
        "It was handed over 3 times, and then went to `failed.fifo`: 3 is its queue's max_receive_count. "
        "The other 2 groups went on."
    ),
}
ANSWERS = {
    "blocks": "they wait until its source no longer keeps it",
    "bisect": "they wait until its retries are used up",
    "a minute's patience": "they wait until it is older than its mapping allows",
    "FIFO group": "they wait until it has been received too often",
}


@pytest.fixture(scope="module")
def explorer():
    return ShardExplorer()


@pytest.mark.parametrize("preset", ShardExplorer.presets)
def test_each_preset_tells_what_happened(explorer, preset) -> None:
    explorer.preset = preset
    proving.check(explorer.why, explorer.trace)
    assert SENTENCES[preset] in explorer.why
    assert explorer.question.answer == ANSWERS.get(preset, explorer.question.answer)


def test_one_other_group_is_one(explorer) -> None:
    explorer.settings = explorer.scenario(kind="fifo", shards=2, on_failure=True)
    assert "The other group went on." in explorer.why


def test_without_retries_nothing_waits(explorer) -> None:
    explorer.settings = explorer.scenario(maximum_retry_attempts=0)
    assert "Nothing waited behind m57 of `shard 0`: its batch was given up at once." in explorer.why
    assert "It was handed over once, and then no retry was allowed" in explorer.why
    assert "9 other records of its batch went with it" in explorer.why


def test_the_bad_one_is_found_where_no_error_names_it(explorer) -> None:
    explorer.settings = explorer.scenario(partial=True, poison=123, maximum_record_age=60)
    assert set(explorer.trace.attempts["error_message"]) == {""}
    assert "behind m123 of" in explorer.why
    explorer.set(kind="fifo", maximum_retry_attempts=1, on_failure=True)
    assert "behind m123 of group `g1`" in explorer.why


def test_in_one_of_several_lanes_others_were_read_but_never_handed_over(explorer) -> None:
    explorer.settings = explorer.scenario(parallelization_factor=3)
    rows = explorer.trace.queue_events.query("action == 'expired' and receive_count == 0")
    ledger = rows[rows["queue"] == "clicks->count (records)"]
    assert f"{len(ledger)} records waited behind m57 of `shard 0`, until at 24 h" in explorer.why
    assert explorer.why.endswith("All other lanes went on.")


def test_the_last_record_has_nothing_behind_it(explorer) -> None:
    explorer.settings = explorer.scenario(poison=200, maximum_retry_attempts=2)
    assert explorer.why.startswith(
        "Nothing came behind m200 of `shard 0` while it was tried again."
    )


def test_the_figures_tell_what_a_limit_costs(explorer) -> None:
    explorer.preset = "three retries"
    figures = explorer.figures(explorer.trace)
    assert (figures["dealt with"], figures["given up or lost"]) == ("190", "10")
    explorer.preset = "bisect"
    assert explorer.figures(explorer.trace)["given up or lost"] == "1"
    explorer.preset = "blocks"
    assert explorer.figures(explorer.trace)["longest standstill"] == "24 h"
