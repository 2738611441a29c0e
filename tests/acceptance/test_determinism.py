"""The same seed gives the same trace, to the byte: in any process, run in any way, anywhere."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import lambdalab as ll

STORY = Path(__file__).with_name("story_lab.py")
SEEDS = [1, 2, 3]

STORED = "9605c6f4d65516f82e3aeacd709ecc139a898d4994b8b47d793b44eb581de3d0"
"""The digest of seed 1's story, the same on every Python and numpy and platform.

It changes when a rule, a schema or the story does, and only then: renew it with
``python tests/acceptance/story_lab.py 1 until`` and say in the change log why.
"""


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("story_lab", STORY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


story_lab = load()
_digests: dict[tuple[int, str], str] = {}


def digest(seed: int, how: str) -> str:
    """The story's digest, run in this process."""
    if (seed, how) not in _digests:
        lab = story_lab.build(seed)
        _digests[seed, how] = story_lab.run(lab, how)
        assert lab.elapsed == story_lab.ENDS_AT
        lab.close()
    return _digests[seed, how]


def digest_elsewhere(seed: int, **environment: str) -> str:
    """The story's digest, run in a process of its own; it also balances the books."""
    done = subprocess.run(
        [sys.executable, str(STORY), str(seed), "until"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def told(seed: int) -> ll.Lab:
    """The lab after its story."""
    lab: ll.Lab = story_lab.build(seed)
    story_lab.run(lab, "run")
    return lab


def test_the_story_is_worth_telling() -> None:
    """It has what could go wrong: failures, timeouts, throttles, retries, dead letters, batches."""
    trace = told(1).trace
    assert set(trace.attempts["outcome"]) >= {"success", "error", "timeout"}
    assert set(trace.queue_events["action"]) >= {
        "sent", "received", "deleted", "returned", "retry_scheduled", "throttled",
        "dead_lettered", "dropped",
    }  # fmt: skip
    assert set(trace.batches["cause"]) >= {"batch_size", "batching_window", "no_window"}
    assert set(trace.batches["outcome"]) >= {"success", "partial"}
    assert set(trace.invocations["parent_kind"]) >= {"", "request", "batch"}
    assert (trace.environments["ended_because"] == "idle_expiry").any()
    assert (trace.requests["status_code"] == 200).any()


@pytest.mark.parametrize("how", ["run", "advance", "step"])
@pytest.mark.parametrize("seed", SEEDS)
def test_however_the_clock_is_driven(seed: int, how: str) -> None:
    """At once, to the last event and then on, in 1,000 steps of time, event by event."""
    assert digest(seed, how) == digest(seed, "until")


def test_run_again_in_the_same_process() -> None:
    assert story_lab.run(story_lab.build(1), "until") == digest(1, "until")


def test_other_seeds_tell_other_stories() -> None:
    assert len({digest(seed, "until") for seed in SEEDS}) == len(SEEDS)
    attempts = [told(seed).trace.attempts for seed in SEEDS[:2]]
    # (streams are polled at whole seconds, whatever the seed)
    ends = [one[~one["function"].isin(["count", "window"])]["ended_at"] for one in attempts]
    assert not set(ends[0]) & set(ends[1]), "not in their ids alone"


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1"},
        {"PYTHONHASHSEED": "2", "TZ": "America/New_York", "LC_ALL": "C", "HOME": "/nowhere"},
        {"PYTHONHASHSEED": "random", "TZ": "Asia/Kathmandu", "PYTHONUTF8": "1"},
    ],
    ids=["another hash seed", "New York", "Kathmandu"],
)
def test_in_another_process(environment: dict[str, str]) -> None:
    """Other hashes, time zones, locales, ids of processes and threads, addresses."""
    assert digest_elsewhere(1, **environment) == digest(1, "until")


def test_reset_begins_the_same_story_again() -> None:
    """Same wiring, same seed: traffic driven afresh gives the same trace, and the old one stays."""
    lab = ll.Lab(seed=5)
    lab.create_function("bill", duration=ll.LogNormal(p50=0.1, p99=1), failure_rate=0.1)
    orders = lab.sqs.create_queue("orders", visibility_timeout=10)
    lab.create_event_source_mapping(orders, "bill", maximum_batching_window=1)

    def tell() -> str:
        lab.drive(orders, ll.Poisson(5), duration=30)
        lab.invoke("bill", {}, invocation_type="Event")
        lab.run(until=120)
        return lab.trace.digest()

    first, before = tell(), lab.trace
    lab.reset()
    assert lab.elapsed == 0
    assert len(lab.trace.invocations) == 0
    assert before.digest() == first
    assert tell() == first


def test_a_new_consumer_of_chance_shifts_nobody_elses() -> None:
    """Streams are drawn from by name: more functions and queues change nothing for the first."""

    def durations(lab: ll.Lab) -> list[float]:
        lab.create_function("bill", duration=ll.Exponential(0.5))
        lab.drive("bill", ll.Poisson(1), count=50)
        lab.run()
        attempts = lab.trace.attempts
        return attempts[attempts["function"] == "bill"]["duration_ms"].tolist()

    alone, crowded = ll.Lab(seed=6), ll.Lab(seed=6)
    crowded.create_function("other", duration=ll.Exponential(0.5), failure_rate=0.5)
    crowded.drive("other", ll.Poisson(3), count=50)
    crowded.random("anything").uniform()
    assert durations(alone) == durations(crowded)


def test_the_stored_digest() -> None:
    """Told once and for all, so that no release of Python, numpy or pandas moves a trace unseen."""
    assert digest(1, "until") == STORED
