"""Versions: what runs, in environments of its own, and never another version's."""

from __future__ import annotations

import time

import pytest

import lambdalab as ll

COUNTER = """
count = 0

def lambda_handler(event, context):
    global count
    count += 1
    return [NAME, count]
"""


def code(name: str) -> str:
    return COUNTER.replace("NAME", repr(name))


def test_a_version_keeps_its_code_and_its_globals(lab: ll.Lab) -> None:
    """Two versions of one module are alive at once, each with its own count."""
    lab.create_function("f", code("old"))
    lab.publish_version("f")
    lab.update_function("f", code("new"))
    for count in (1, 2, 3):
        assert lab.invoke("f").payload == ["new", count]
        assert lab.invoke("f:1").payload == ["old", count]
    lab.update_function("f", code("newest"))
    assert lab.invoke("f").payload == ["newest", 1], "new code, new globals"
    assert lab.invoke("f:1").payload == ["old", 4], "the version's environment is as warm as before"


def test_a_decorated_functions_version_keeps_the_old_function(lab: ll.Lab) -> None:
    def define(answer: str) -> None:
        @lab.function(name="f")
        def f(event: object, context: object) -> str:
            time.sleep(0.5)
            return answer

    define("old")
    lab.publish_version("f")
    define("new")
    assert (lab.invoke("f").payload, lab.invoke("f:1").payload) == ("new", "old")


def test_a_version_keeps_its_settings(lab: ll.Lab) -> None:
    lab.create_function("f", duration=2, memory_size=256, timeout=10)
    lab.publish_version("f")
    lab.update_function("f", duration=1, memory_size=1024, timeout=1)
    assert lab.invoke("f:1").function_error is None
    assert lab.invoke("f").payload["errorType"] == "Sandbox.Timedout"
    attempts = lab.trace.attempts
    assert attempts["memory_mb"].tolist() == [256, 1024]
    assert attempts["duration_ms"].tolist() == [2000, 1000]
    exact = [2000 / 1000 * 256 / 1024, 1000 / 1000 * 1024 / 1024]
    assert attempts["cost_usd"].tolist() == pytest.approx(
        [0.0000002 + 0.0000166667 * gb_seconds for gb_seconds in exact], abs=1e-9
    )


def test_environments_belong_to_a_version(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    lab.publish_version("f")
    colds = [lab.invoke(name).cold for name in ("f", "f:1", "f", "f:1", "f:$LATEST")]
    assert colds == [True, True, False, False, False]
    environments = lab.trace.environments
    assert environments["version"].tolist() == ["$LATEST", "1"]
    assert environments["invocations"].tolist() == [3, 2]
    first, second = environments["log_stream"]
    assert first.startswith("2025/01/07/[$LATEST]")
    assert second.startswith("2025/01/07/[1]")
    assert set(lab.trace.logs.groupby("log_stream").size().index) == {first, second}


def test_an_update_ends_the_environments_of_latest_alone(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    lab.publish_version("f")
    for name in ("f", "f:1"):
        lab.invoke(name)
    lab.update_function("f", memory_size=256)
    ended = lab.trace.environments.set_index("version")["ended_because"]
    assert (ended["$LATEST"], ended["1"]) == ("function_updated", "")
    assert (lab.invoke("f").cold, lab.invoke("f:1").cold) == (True, False)


def test_what_runs_while_its_function_is_updated_ends_as_it_began(lab: ll.Lab) -> None:
    """Old duration, timeout, memory and price; only the next call is new."""
    lab.create_function("f", duration=4, timeout=6, memory_size=512, failure_rate=1)
    lab.drive("f", ll.Burst(2))
    lab.run(until=1)
    lab.update_function("f", duration=1, timeout=2, memory_size=128, failure_rate=0)
    lab.run()
    attempts = lab.trace.attempts
    assert attempts["duration_ms"].tolist() == [4000, 4000]
    assert set(attempts["outcome"]) == {"error"}
    assert set(attempts["memory_mb"]) == {512}
    assert set(lab.trace.environments["ended_because"]) == {"function_updated"}
    assert lab.invoke("f").cold
    assert lab.trace.attempts["duration_ms"].iloc[-1] == 1000


def test_a_versions_chance_is_its_own(lab: ll.Lab) -> None:
    """What $LATEST draws does not depend on how often a version is called."""

    def durations(version_calls: int) -> list[float]:
        lab = ll.Lab(seed=5)
        lab.create_function("f", duration=ll.Exponential(0.2))
        lab.publish_version("f")
        for _ in range(5):
            lab.invoke("f")
            for _ in range(version_calls):
                lab.invoke("f:1")
        attempts = lab.trace.attempts
        own = attempts["environment_id"] == attempts["environment_id"].iloc[0]
        return attempts["duration_ms"][own].tolist()  # type: ignore[no-any-return]

    assert durations(0) == durations(3)


def test_the_runs_of_all_versions_are_the_functions(lab: ll.Lab) -> None:
    """In the summary, and in the concurrency that binds."""
    lab.create_function("f", duration=5, timeout=10, reserved_concurrency=3)
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    for name in ("f", "f:1", "f:live"):
        lab.drive(name, ll.Burst(2))
    lab.run()
    statuses = lab.trace.invocations["status"].value_counts()
    assert (statuses["succeeded"], statuses["throttled"]) == (3, 3)
    figures = lab.trace.summary().set_index("name").loc["f"]
    assert (figures.invocations, figures.throttles, figures.most_at_once) == (3, 3, 3)


def test_events_that_wait_run_on_the_code_of_their_time(lab: ll.Lab) -> None:
    """$LATEST is what it is when the event is tried; a version stays."""
    lab.create_function("f", "def lambda_handler(event, context): raise KeyError('old')")
    lab.publish_version("f")
    lab.invoke("f", invocation_type="Event")
    lab.invoke("f:1", invocation_type="Event")
    lab.run(until=10)
    lab.update_function("f", "def lambda_handler(event, context): return 'new'")
    lab.run()
    by_qualifier = lab.trace.invocations.set_index("qualifier")
    assert by_qualifier["status"].to_dict() == {"$LATEST": "succeeded", "1": "failed"}
    assert by_qualifier["attempts"].to_dict() == {"$LATEST": 2, "1": 3}


def test_reset_keeps_versions_and_forgets_environments(lab: ll.Lab) -> None:
    lab.create_function("f", code("old"))
    lab.publish_version("f")
    lab.update_function("f", code("new"))
    lab.invoke("f:1")
    before = lab.trace
    lab.reset()
    assert lab.invoke("f:1").payload == ["old", 1]
    assert lab.invoke("f").payload == ["new", 1]
    assert lab.trace.environments["version"].tolist() == ["1", "$LATEST"]
    assert len(before.environments) == 1
