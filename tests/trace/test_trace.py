import subprocess
import sys
import types

import pytest

import lambdalab as ll
from lambdalab.trace import Recorder, Trace
from tests.trace.histories import World


def test_it_tells_what_happened_in_a_line() -> None:
    assert repr(Trace(Recorder())) == "<Trace: nothing has happened yet>"
    trace = Trace(World(3, failures=0.6).run())
    assert "32" not in repr(Trace(World(3, calls=1, events=0, messages=0, failures=0).run()))
    counts = trace.invocations.status.value_counts()
    assert f"{counts['succeeded']:,} succeeded" in repr(trace)
    assert f"{trace.attempts.cold_start.sum():,} cold start" in repr(trace)
    assert "attempts" in trace._repr_html_()


def test_one_of_a_thing_is_singular() -> None:
    trace = Trace(World(3, calls=1, events=0, messages=0, failures=0).run())
    assert (
        repr(trace) == "<Trace: 1 invocation: 1 succeeded; 1 cold start of 1 invocation (100.0 %)>"
    )
    trace = Trace(World(3, calls=0, events=1, messages=0, failures=1).run())
    assert repr(trace).endswith(" 1 failed; 1 cold start of 3 runs (33.3 %)>")


def test_pictures_are_looked_up_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    plots = types.ModuleType("lambdalab.plots")
    plots.PLOTS = {"batching": None}  # type: ignore[attr-defined]
    plots.batching = lambda trace, *, ax=None: (trace, ax)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lambdalab.plots", plots)
    trace = Trace(Recorder())
    assert trace.plot.batching(ax=1) == (trace, 1)
    assert dir(trace.plot) == ["batching"]
    assert repr(trace.plot) == "plots: batching"
    with pytest.raises(AttributeError, match="did you mean 'batching'"):
        _ = trace.plot.batchin
    with pytest.raises(AttributeError):
        _ = trace.plot._repr_png_


def test_a_wrong_name_suggests_the_right_one() -> None:
    trace = Trace(Recorder())
    with pytest.raises(
        AttributeError, match=r"a trace has no attribute .*; did you mean 'batches'\?"
    ):
        _ = trace.batchs  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"trace\.short has no .*; did you mean 'retries'\?"):
        _ = trace.short.retrys  # type: ignore[attr-defined]
    assert not hasattr(trace, "_ipython_display_")
    assert not hasattr(trace.short, "_ipython_display_")


def test_an_attribute_that_fails_tells_why() -> None:
    trace = Trace(Recorder())
    del trace._tables
    with pytest.raises(AttributeError, match="_tables"):
        _ = trace.batches


def test_a_trace_is_a_live_view() -> None:
    world = World(3, until=5_000_000)
    trace = Trace(world.run())
    before = len(trace.queue_events)
    world.until = None
    world.run()
    assert len(trace.queue_events) > before


def test_recording_brings_no_pandas() -> None:
    program = (
        "import sys\nfrom lambdalab.trace import recorder, schema, ids, loglines\n"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_is_kept_is_made_anew_when_more_has_happened() -> None:
    world = World(3, calls=1, events=0, messages=0, failures=0)
    trace = Trace(world.run())
    made: list[int] = []
    for _ in range(2):
        assert trace.kept("one of mine", lambda: made.append(1) or len(made)) == 1
    trace._recorder.wired("sqs", "orders", {})
    assert trace.kept("one of mine", lambda: made.append(1) or len(made)) == 2


def test_the_end_of_the_books_is_their_last_moment() -> None:
    lab = ll.Lab(seed=3)
    assert lab.trace.end == lab.trace.start
    lab.create_function("f", duration=2)
    lab.invoke("f", invocation_type="Event")
    lab.run()
    trace = lab.trace
    latest = [
        table[column].max()
        for table in (trace.invocations, trace.attempts, trace.queue_events, trace.requests)
        for column in table.columns
        if column.endswith("at") and column not in ("queued_at", "visible_at")
    ]
    assert trace.end == max(latest)
    assert trace.end == trace.attempts["ended_at"].max() > trace.start
    lab.audit()
