"""Environments: the init and its limits, what survives a reset, cold starts."""

from __future__ import annotations

import pytest

import lambdalab as ll

SLOW = "import time\ntime.sleep(12)\ndef lambda_handler(event, context): return 'ran'"
BROKEN = """
with open("/tmp/tries", "a") as file:
    file.write("x")
with open("/tmp/tries") as file:
    tries = len(file.read())
if tries < {good}:
    raise ValueError(f"try {{tries}}")
def lambda_handler(event, context):
    return tries
"""


def lines(lab: ll.Lab) -> list[str]:
    return [message.replace("\t", " ") for message in lab.trace.logs["message"]]


def words(lab: ll.Lab) -> list[str]:
    return [line.split()[0] for line in lines(lab)]


# ---- the init limit


def test_an_init_of_more_than_ten_seconds_runs_again_in_the_call(lab: ll.Lab) -> None:
    lab.create_function("f", SLOW, timeout=30, init=0)
    reply = lab.invoke("f")
    assert reply.payload == "ran"
    (attempt,) = lab.trace.attempts.itertuples()
    assert attempt.duration_ms == pytest.approx(12_000, abs=1)
    assert attempt.billed_ms == pytest.approx(12_000, abs=1), "the first ten seconds are not"
    assert lab.elapsed == pytest.approx(lab.rules.environment_setup + 10 + 12, abs=0.01)
    assert "Init Duration: 10000.00 ms Phase: init Status: timeout" in lines(lab)[1]
    again = lab.invoke("f")
    assert lab.trace.attempts["duration_ms"].iloc[1] < 1
    assert not again.cold


def test_too_slow_for_the_functions_timeout_as_well(lab: ll.Lab) -> None:
    lab.create_function("f", SLOW, init=0)
    reply = lab.invoke("f")
    assert reply.payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {reply.request_id} Error: Task timed out after 3.00 seconds",
    }
    (attempt,) = lab.trace.attempts.itertuples()
    assert (attempt.duration_ms, attempt.billed_ms) == (3000, 3000)


def test_the_lines_of_an_init_that_is_too_slow_twice(lab: ll.Lab) -> None:
    lab.create_function("f", SLOW, init=0)
    reply = lab.invoke("f")
    assert words(lab) == ["INIT_START", "INIT_REPORT", "INIT_REPORT", "START", "END", "REPORT"]
    first, second, *_, report = lines(lab)[1:]
    assert first == "INIT_REPORT Init Duration: 10000.00 ms Phase: init Status: timeout"
    assert second == "INIT_REPORT Init Duration: 3000.00 ms Phase: invoke Status: timeout"
    assert report == (
        f"REPORT RequestId: {reply.request_id} Duration: 3000.00 ms Billed Duration: 3000 ms "
        "Memory Size: 128 MB Max Memory Used: 36 MB Status: timeout"
    )


def test_the_failed_ten_seconds_are_never_billed() -> None:
    lab = ll.Lab(rules="latest")
    lab.create_function("f", SLOW, init=0)
    lab.invoke("f")
    assert lab.trace.attempts["billed_ms"].tolist() == [3000]


def test_an_init_within_ten_seconds_does_not_count_against_the_timeout(lab: ll.Lab) -> None:
    lab.create_function("f", SLOW.replace("12", "4"), init=0)
    reply = lab.invoke("f")
    assert reply.payload == "ran"
    assert "Init Duration: 4000.00 ms" in reply.log


def test_an_init_that_fails_is_repeated_in_the_call(lab: ll.Lab) -> None:
    lab.create_function("f", BROKEN.format(good=9), init=0)
    reply = lab.invoke("f")
    assert (reply.payload["errorType"], reply.payload["errorMessage"]) == ("ValueError", "try 2")
    reports = [line for line in lines(lab) if line.startswith("INIT_REPORT")]
    assert [line.split("Phase: ")[1].split()[0] for line in reports] == ["init", "invoke"]
    assert all("Status: error Error Type: " in line for line in reports)
    order = [word for word in words(lab) if word.isupper() and word[0] != "["]
    assert order == ["INIT_START", "INIT_REPORT", "INIT_REPORT", "START", "END", "REPORT"]


def test_after_it_the_environment_is_not_ready(lab: ll.Lab) -> None:
    """The next call inits again, without a line of its own, its time inside Duration."""
    slow = BROKEN.format(good=3).replace("def ", "import time\ntime.sleep(1)\ndef ")
    lab.create_function("f", slow, init=0)
    lab.invoke("f")
    assert lab.invoke("f").payload == 3
    assert len(lab.trace.environments) == 1
    assert words(lab).count("INIT_START") == 1
    last = lab.trace.attempts.iloc[-1]
    assert (last["cold_start"], last["init_ms"]) == (False, 0)
    assert last["duration_ms"] == pytest.approx(1000, abs=1)
    assert lab.invoke("f").payload == 3, "and stays ready"


def test_a_warning_and_the_traceback_come_before_the_report(lab: ll.Lab) -> None:
    lab.create_function("f", BROKEN.format(good=9), init=0)
    lab.invoke("f")
    log = "\n".join(lines(lab))
    first = log[: log.index("INIT_REPORT")]
    assert "[WARNING] " in first
    assert "LAMBDA_WARNING: Unhandled exception." in first
    assert "[ERROR] ValueError: try 1\nTraceback (most recent call last):\n" in first


# ---- resets


@pytest.mark.parametrize("end", ["time.sleep(60)", "os._exit(1)", "sys.exit()", "ll.allocate(300)"])
def test_a_reset_loses_globals_and_keeps_tmp(lab: ll.Lab, end: str) -> None:
    lab.create_function(
        "f",
        f"""
        import os, pathlib, sys, time
        import lambdalab as ll
        served = 0
        def lambda_handler(event, context):
            global served
            served += 1
            if event:
                pathlib.Path("/tmp/kept").write_text("yes")
                {end}
            return [served, pathlib.Path("/tmp/kept").read_text()]
        """,
    )
    assert lab.invoke("f", {"end": 1}).function_error == "Unhandled"
    assert lab.invoke("f", {}).payload == [1, "yes"]
    assert lab.trace.attempts["environment_id"].nunique() == 1


# ---- cold starts


def test_default_inits_have_the_measured_percentiles() -> None:
    lab = ll.Lab(seed=1)
    lab.create_function("f", duration=0.1, idle_expiry=0)
    lab.drive("f", ll.Every(1), count=4000)
    lab.run()
    init = lab.trace.attempts["init_ms"]
    for share, value in ((0.1, 76), (0.5, 84), (0.9, 98), (0.99, 117)):
        assert init.quantile(share) == pytest.approx(value, rel=0.03)


def test_init_does_not_depend_on_memory() -> None:
    inits = []
    for memory in (128, 10_240):
        lab = ll.Lab(seed=1)
        lab.create_function("f", duration=0.1, memory_size=memory)
        lab.invoke("f")
        inits.append(lab.trace.attempts["init_ms"].iloc[0])
    assert inits[0] == inits[1]


@pytest.mark.parametrize(
    ("runtime", "architecture", "median"),
    [
        ("python3.12", "x86_64", 84),
        ("python3.13", "arm64", 80),
        ("nodejs22.x", "x86_64", 140),
        ("java21", "arm64", 251),
        ("dotnet8", "x86_64", 251),
        ("ruby3.4", "arm64", 250),
        ("provided.al2023", "x86_64", 50),
    ],
)
def test_each_runtime_has_figures_of_its_own(
    runtime: str, architecture: str, median: float
) -> None:
    lab = ll.Lab(seed=1)
    lab.create_function(
        "f", duration=0.1, runtime=runtime, architecture=architecture, idle_expiry=0
    )
    lab.drive("f", ll.Every(2), count=1500)
    lab.run()
    assert lab.trace.attempts["init_ms"].median() == pytest.approx(median, rel=0.03)


def test_later_runtimes_come_with_their_day() -> None:
    for runtime, before, day in (
        ("python3.14", "2025-10-30", "2025-10-31"),
        ("nodejs24.x", "2025-10-30", "2025-10-31"),
        ("java25", "2025-10-31", "latest"),
        ("dotnet10", "2025-10-31", "latest"),
    ):
        with pytest.raises(ll.LabError, match="runtime"):
            ll.Lab(rules=before).create_function("f", duration=1, runtime=runtime)
        lab = ll.Lab(rules=day)
        lab.create_function("f", duration=1, runtime=runtime)
        assert lab.invoke("f").status_code == 200
