"""The trace viewer's Python side: its bars against the tables, its chains against the stories."""

from __future__ import annotations

import base64
import pickle
import re
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import UnknownName
from lambdalab.trace.schema import ATTEMPTS
from lambdalab.widgets.viewer import bars as making
from lambdalab.widgets.viewer import thinning
from lambdalab.widgets.viewer.bars import Bars, bars
from lambdalab.widgets.viewer.findings import findings
from lambdalab.widgets.viewer.looks import FAILING, LOOKS, PLACE
from lambdalab.widgets.viewer.parts import NODES, TABLES
from tests.acceptance import story_lab

PNG = b"\x89PNG"
SHORT = re.compile(r"\b([rbme])([1-9]\d*)\b")


@pytest.fixture(scope="module")
def trace() -> Any:
    """Everything at once: retries, throttles, dead letters, queues, streams, nested calls."""
    lab = story_lab.build(7)
    lab.run(until=story_lab.ENDS_AT)
    return lab.trace


@pytest.fixture(scope="module")
def made(trace: Any) -> Bars:
    return bars(trace)


@pytest.fixture
def viewer(trace: Any) -> ll.TraceViewer:
    return ll.TraceViewer(trace)


def seconds(trace: Any, times: pd.Series[Any]) -> np.ndarray:
    return (times - trace.start).dt.total_seconds().to_numpy()


def of_table(made: Bars, table: str, *without: str) -> np.ndarray:
    """The bars of a table in the order of its rows, but for those of some looks."""
    look, numbers = made.numbers["look"], made.numbers
    mine = (numbers["table"] == TABLES.index(table)) & ~np.isin(look, [PLACE[k] for k in without])
    found = np.flatnonzero(mine)
    return found[np.argsort(numbers["row"][found], kind="stable")]


def check_runs(made: Bars, trace: Any) -> None:
    """Every attempt is one bar from its handler's beginning to its end, with its outcome's look."""
    table, mine = trace.attempts, of_table(made, "attempts", "cold_start")
    assert made.numbers["row"][mine].tolist() == list(range(len(table)))
    begun = seconds(trace, table["started_at"])
    cold = (table["setup_ms"] + table["init_ms"]).to_numpy() / 1000
    never = (table["outcome"] == "init_error").to_numpy()
    end = seconds(trace, table["ended_at"])
    np.testing.assert_allclose(made.start[mine], np.where(never, end, begun + cold), atol=1e-9)
    np.testing.assert_allclose(made.end[mine], end, atol=1e-9)
    looks = [LOOKS[place].key for place in made.numbers["look"][mine]]
    assert looks == table["outcome"].astype(str).tolist()


def test_every_attempt_is_a_bar(made: Bars, trace: Any) -> None:
    check_runs(made, trace)
    cold = made.numbers["look"] == PLACE["cold_start"]
    assert cold.sum() == trace.attempts["cold_start"].sum()


def test_one_altered_row_is_seen(trace: Any) -> None:
    """A trace of which one row is another one does not pass the comparison."""
    altered = pickle.loads(pickle.dumps(trace))
    rows = np.frombuffer(altered._recorder.buffers["attempts"], dtype=ATTEMPTS.dtype)
    rows["ended_at"][17] += 1000
    with pytest.raises(AssertionError):
        check_runs(bars(altered), trace)
    check_runs(bars(altered), altered)


def test_every_invocation_and_batch_is_a_bar(made: Bars, trace: Any) -> None:
    calls, mine = trace.invocations, of_table(made, "invocations")
    np.testing.assert_allclose(made.start[mine], seconds(trace, calls["requested_at"]))
    np.testing.assert_allclose(made.end[mine], seconds(trace, calls["completed_at"]))
    table, ran = trace.batches, of_table(made, "batches", "gathering")
    np.testing.assert_allclose(made.start[ran], seconds(trace, table["flushed_at"]))
    np.testing.assert_allclose(made.end[ran], seconds(trace, table["completed_at"]))
    assert made.numbers["a"][ran].tolist() == table["records"].tolist()
    gathering = made.numbers["look"] == PLACE["gathering"]
    opened = table[["window_opened_at", "opened_at"]].min(axis=1)
    assert gathering.sum() == (opened < table["flushed_at"]).sum()


def test_a_caller_has_a_bar_where_it_saw_something_else(made: Bars, trace: Any) -> None:
    table = trace.requests.merge(trace.invocations, on="request_id", suffixes=("", "_there"))
    other = table["answered_at"] != table["completed_at"]
    assert len(of_table(made, "requests")) == int(other.sum()) > 0


def test_every_stay_in_a_queue_is_covered(made: Bars, trace: Any) -> None:
    """From its first row to its end each event is in some state, without a gap or an overlap."""
    events = trace.queue_events
    mine = of_table(made, "queue_events", "dead_letter", "lost", "mark")
    frame = pd.DataFrame({
        "event": made.numbers["kind"][mine] * 10**8 + made.numbers["number"][mine],
        "group": made.numbers["group"][mine], "start": made.start[mine], "end": made.end[mine],
    }).sort_values(["group", "event", "start", "end"])  # fmt: skip
    same = (frame["group"].diff() == 0) & (frame["event"].diff() == 0)
    lies = frame.groupby(["group", "event"]).size()
    assert len(lies) == len(events.groupby(["queue", "event_id"]).size())
    gaps = (frame["start"] - frame["end"].shift())[same]
    assert gaps.abs().max() < 1e-9
    letters = (events["action"] == "dead_lettered").sum()
    assert (made.numbers["look"] == PLACE["dead_letter"]).sum() == letters > 0
    lost = events["action"].isin(["expired", "dropped"]).sum()
    assert (made.numbers["look"] == PLACE["lost"]).sum() == lost


def test_nothing_overlaps_in_its_lane(made: Bars) -> None:
    """Within a lane and a look; but what a poll of a shard brought may gather for several batches."""
    key = made.numbers["lane"] * len(LOOKS) + made.numbers["look"]
    assert (np.diff(key) >= 0).all()
    same = np.diff(key) == 0
    assert (np.diff(made.start)[same] >= 0).all()
    alone = same & (made.numbers["look"][1:] != PLACE["gathering"])
    assert (made.start[1:][alone] >= made.end[:-1][alone] - 1e-9).all()


def test_lanes_are_of_their_groups(made: Bars) -> None:
    reached = 0
    for group in made.groups:
        assert group.first == reached
        reached += group.lanes
    lanes = np.unique(made.numbers["lane"])
    assert lanes.tolist() == list(range(reached))
    kinds = [group.kind for group in made.groups]
    assert kinds == sorted(kinds, key=making.KINDS.index)


def test_each_sentence_has_its_numbers_from_the_tables(made: Bars, trace: Any) -> None:
    for place in of_table(made, "attempts", "cold_start"):
        row = trace.attempts.loc[made.numbers["row"][place]]
        told = made.sentence(int(place))
        assert f"attempt {row['attempt']} of r{int(row['request_id'][:8])}" in told
        assert f"in e{int(row['environment_id'][:8])} " in told
        assert f"billed {row['billed_ms']:,.0f} ms" in told
        assert f"({row['cause']}: " in told
        if row["outcome"] == "error":
            assert f"{row['error_type']}: {row['error_message']}"[:200] in told
    for place in of_table(made, "batches", "gathering"):
        row = trace.batches.loc[made.numbers["row"][place]]
        told = made.sentence(int(place))
        assert told.startswith(
            f"b{int(row['batch_id'][:8])} is handed over with {row['records']} record"
        )
        assert f"({row['cause']}: " in told
        assert f"{row['outcome']} (" in told
    assert not [p for p in range(len(made)) if "{" in made.sentence(p) or not made.sentence(p)]


# ---- chains ----------------------------------------------------------------------------------------


def facts(trace: Any, thing: str) -> tuple[set[float], set[str]]:
    """The moments and the ids of a story."""
    story = trace.story(thing)
    text = " ".join(sentence for _, sentence in story.lines)
    return {round(at, 3) for at, _ in story.lines}, {a + b for a, b in SHORT.findall(text)}


def lit_facts(made: Bars, viewer: ll.TraceViewer, thing: str) -> tuple[set[float], set[str]]:
    rows = viewer.select(thing).selection
    moments = set(rows["t_s"].round(3)) | set(rows["end_s"].round(3))
    named = {a + b for a, b in SHORT.findall(" ".join(rows["told"]))}
    return moments, named | set(rows["id"])


@pytest.mark.parametrize(("kind", "table"), [("r", "invocations"), ("b", "batches"), ("m", "")])
def test_the_chain_has_all_that_the_story_tells(
    trace: Any, made: Bars, viewer: ll.TraceViewer, kind: str, table: str
) -> None:
    count = len(getattr(trace, table)) if table else 300
    for number in range(1, count + 1, 3):
        moments, named = facts(trace, f"{kind}{number}")
        lit_moments, lit_named = lit_facts(made, viewer, f"{kind}{number}")
        assert named <= lit_named, (kind, number)
        near = {round(m + d, 3) for m in lit_moments for d in (-0.001, 0, 0.001)}
        assert moments <= near, (kind, number, moments - near)


def test_a_chain_goes_up_and_down(trace: Any, viewer: ll.TraceViewer) -> None:
    """From a nested call's dead letter up to whoever called, and down again."""
    dead = trace.queue_events.query("queue == 'failed' and action == 'sent'").iloc[0]
    message, sender = f"m{int(dead['event_id'][:8])}", dead["request_id"]
    rows = viewer.select(message).selection
    assert f"r{int(sender[:8])}" in set(rows["id"])
    call = trace.invocations.set_index("request_id").loc[sender]
    if call["parent_kind"] == "request":
        assert f"r{int(call['parent_id'][:8])}" in set(rows["id"])
    attempts = trace.attempts[trace.attempts["request_id"] == sender]
    shown = rows[(rows["table"] == "attempts") & (rows["look"] != "cold_start")]
    assert set(attempts.index) <= set(shown["row"])
    handled = rows[rows["kind"] == "batches"]
    assert "failed->audit" in set(handled["where"]), "and down to what became of it"


@given(st.data())
@settings(max_examples=60)
def test_causes_and_effects_are_two_sides(made: Bars, data: st.DataObject) -> None:
    links = made.links
    place = data.draw(st.integers(0, len(links.causes) - 1))
    cause, effect = int(links.causes[place]), int(links.effects[place])
    assert links.chain(cause)[effect]
    assert links.chain(effect)[cause]
    below = links._walk(effect, links.causes, links.effects)
    assert (links.chain(cause) >= below).all(), "effects of an effect are effects"
    above = links._walk(cause, links.effects, links.causes)
    assert (links.chain(effect) >= above).all(), "causes of a cause are causes"


def test_an_environment_lights_what_ran_in_it(trace: Any, viewer: ll.TraceViewer) -> None:
    rows = viewer.select("e8").selection
    ran = trace.attempts[trace.attempts["environment_id"].str.startswith("00000008")]
    assert set(rows[rows["table"] == "attempts"]["row"]) == set(ran.index)
    assert set(rows["table"]) == {"environments", "attempts"}


# ---- the widget --------------------------------------------------------------------------------------


def test_it_opens_on_the_first_thing_worth_a_look(viewer: ll.TraceViewer, trace: Any) -> None:
    first = viewer.findings[0]
    assert first.what == "First dead letter"
    letter = trace.queue_events.query("action == 'dead_lettered'").iloc[0]
    assert viewer.selection["t_s"].le(viewer.view[1]).all()
    assert (letter["at"] - trace.start).total_seconds() < viewer.view[1]
    assert viewer.cursor == first.bar
    assert viewer.focus


def test_each_finding_can_be_selected_from_code(viewer: ll.TraceViewer) -> None:
    for found in viewer.findings:
        viewer.select(found)
        first, last = viewer.view
        assert viewer.selection["t_s"].between(first, last).all()
        assert viewer.selected in found.said or viewer.selected in set(viewer.selection["id"])


def test_findings_are_the_extremes_of_the_tables(viewer: ll.TraceViewer, trace: Any) -> None:
    found = {finding.what: finding.said for finding in viewer.findings}
    biggest = trace.batches["records"].idxmax()
    assert found["Biggest batch"].startswith(f"b{biggest + 1} of ")
    assert f"{trace.batches['records'].max()} records" in found["Biggest batch"]
    first = trace.attempts[trace.attempts["outcome"] != "success"]["ended_at"].idxmin()
    assert found["First failure"].startswith("a")
    assert f"r{int(trace.attempts.loc[first, 'request_id'][:8])}," in found["First failure"]
    most = trace.attempts["attempt"].max()
    assert found["Most attempts"].endswith(f"{most} of them")


def test_select_takes_ids_and_names(viewer: ll.TraceViewer, trace: Any) -> None:
    full = trace.invocations["request_id"].iloc[68]
    assert viewer.select(full).selected == "r69"
    assert viewer.select("a5").selection["id"].tolist().count("a5") >= 1
    rows = viewer.select("put").selection
    assert set(rows["where"]) == {"put"}
    assert set(rows["kind"]) == {"requests", "environments"}
    assert viewer.select("orders-dlq").selection["where"].unique().tolist() == ["orders-dlq"]
    assert viewer.select("").selection.empty
    assert list(viewer.selection.columns)[:3] == ["t_s", "end_s", "id"]
    for wrong in ("r99999", "nobody", "c99999", "x1"):
        with pytest.raises(UnknownName):
            viewer.select(wrong)


def test_a_click_in_the_browser_is_read_back(viewer: ll.TraceViewer) -> None:
    viewer.set_state({"selected": "b62", "cursor": 5})
    assert "b62" in set(viewer.selection["id"])
    assert viewer.selection["t_s"].is_monotonic_increasing


def test_show_sets_the_time_on_show(viewer: ll.TraceViewer) -> None:
    assert viewer.show(30, 60).view == (30.0, 60.0)
    with pytest.raises(ValueError, match="low must be less"):
        viewer.show(60, 30)


def test_the_data_are_what_python_has(viewer: ll.TraceViewer) -> None:
    """What goes to the browser, read as the browser reads it."""
    made, data = viewer._bars, bytes(viewer.data)
    for name, (kind, at, length) in viewer.columns.items():
        column = np.frombuffer(data, dtype=f"<{kind}", count=length, offset=at)
        assert at % 8 == 0
        whole = {"start": made.start, "end": made.end, "told": made.told}
        links = {n: getattr(made.links, n) for n in ("causes", "effects", "home")}
        np.testing.assert_array_equal(column, (whole | links | made.numbers)[name])
    counts = sum(look["count"] for look in viewer.about["looks"])
    assert counts == len(made)


def test_text_and_picture_without_javascript(viewer: ll.TraceViewer) -> None:
    text = repr(viewer)
    assert "First dead letter: m" in text
    assert " 0x" not in text
    assert text == repr(ll.TraceViewer(viewer.trace))
    data, _ = viewer._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(PNG)
    assert data["text/plain"] == text


def test_an_empty_trace_says_so(lab: ll.Lab) -> None:
    viewer = ll.TraceViewer(lab)
    assert repr(viewer) == "TraceViewer: nothing has happened yet"
    assert viewer.findings == []
    assert viewer.selection.empty
    assert "image/png" in viewer._repr_mimebundle_()[0]
    lab.create_function("f", duration=0.1)
    assert ll.TraceViewer(lab).about["bars"] == 0


def test_one_row_and_what_is_not_over_yet(lab: ll.Lab) -> None:
    lab.create_function("f", duration=2, timeout=5)
    lab.invoke("f", {}, invocation_type="Event")
    lab.run(until=1)
    viewer = ll.TraceViewer(lab)
    assert viewer.select("r1").selection["told"].str.contains("not over yet").any()
    lab.run()
    assert viewer.refresh().selected == "r1"
    assert viewer.selection["told"].str.contains("succeeds after 2.00 s").any()


def test_a_throttled_queue_and_a_short_visibility_timeout(lab: ll.Lab) -> None:
    """Records that came back while their batch was still out are in its chain too."""
    lab.create_function("slow", duration=20, timeout=30, reserved_concurrency=2)
    queue = lab.sqs.create_queue(
        "orders", visibility_timeout=60, dead_letter_queue="dlq", max_receive_count=2
    )
    lab.create_event_source_mapping(queue, "slow", batch_size=5)
    queue.update(visibility_timeout=10)
    lab.drive(queue, ll.Burst(40, at=1))
    lab.run(until=400)
    viewer = ll.TraceViewer(lab)
    held = lab.trace.batch_records
    for batch, rows in held.groupby("batch_id"):
        shown = set(viewer.select(batch).selection["id"])
        assert {f"m{int(text[:8])}" for text in rows["event_id"]} <= shown


def test_a_front_and_pushed_events(lab: ll.Lab) -> None:
    @lab.function(timeout=40)
    def late(event: Any, context: Any) -> Any:
        time.sleep(35)
        return {"statusCode": 200}

    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/orders", late)
    api.get("/orders")
    topic = lab.sns.create_topic("news")
    topic.subscribe(late)
    topic.publish("hello")
    lab.run()
    viewer = ll.TraceViewer(lab)
    rows = viewer.select("r1").selection
    asked = rows[rows["kind"] == "callers"].iloc[0]
    assert (asked["look"], asked["told"].count("504")) == ("gave_up", 1)
    assert asked["end_s"] < rows["end_s"].max(), "and the function ran on"
    assert viewer.findings[0][::2] == ("First caller let down", "client got 504 after 29 s")
    assert viewer.select("r1").view[1] > 35, "what ran on is shown to its end"
    pushed = viewer.select("m1").selection
    assert "r2" in set(pushed["id"])
    assert "news" in " ".join(pushed["where"])


def test_a_viewer_of_an_empty_lab_opens_when_it_is_refreshed() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=1)
    viewer = ll.TraceViewer(lab)
    lab.invoke("f", {})
    assert viewer.refresh().selected == viewer._bars.id(viewer.findings[0].bar)
    assert viewer.view[1] > 1
    lab.reset()
    assert (viewer.refresh().selected, len(viewer.selection)) == ("", 0)


# ---- large traces ------------------------------------------------------------------------------------


def test_a_large_trace_is_thinned_and_no_failure_is_lost(made: Bars) -> None:
    keep = [int(made.node[found.bar]) for found in findings(made)]
    fewer = thinning.thinned(made, keep, most=100)
    assert len(fewer) < len(made)
    assert len(made) - fewer.merged + (fewer.numbers["row"] < 0).sum() == len(fewer)
    whole, kept = made.failing(), fewer.failing()
    assert sorted(zip(made.start[whole], made.node[whole], strict=True)) == sorted(
        zip(fewer.start[kept], fewer.node[kept], strict=True)
    )
    for node in keep:
        assert len(fewer.lit(node)) == len(made.lit(node))
        assert [fewer.sentence(p) for p in fewer.lit(node)] == [
            made.sentence(p) for p in made.lit(node)
        ]
    merged = np.flatnonzero(fewer.numbers["row"] < 0)
    assert "too many to be sent" in fewer.sentence(int(merged[0]))
    assert not set(fewer.numbers["look"][merged]) & FAILING


def test_what_is_selected_is_brought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thinning, "MOST", 50)
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=0.01, failure_rate=0.02)
    lab.drive("f", ll.Poisson(rate=50), count=400)
    lab.run()
    viewer = ll.TraceViewer(lab)
    assert viewer._bars.merged > 100
    assert "merged with their neighbours" in repr(viewer)
    gone = next(n for n in range(1, 400) if not len(viewer._bars.of(viewer._node(f"r{n}"))))
    assert set(viewer.select(f"r{gone}").selection["id"]) >= {f"r{gone}"}


def test_nodes_are_numbered_kind_by_kind(made: Bars) -> None:
    for place in range(0, len(made), 37):
        kind, number = made.links.named(int(made.node[place]))
        assert made.id(place) == f"{NODES[kind]}{number}"
