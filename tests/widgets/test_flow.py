"""The flow animation: stays, cells, counts and sentences against the tables; the film; the page."""

from __future__ import annotations

import base64
import itertools
import json
import re
import struct
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import UnknownName
from lambdalab.widgets.flow.books import read
from lambdalab.widgets.flow.cells import CELL_STATES
from lambdalab.widgets.flow.dots import AHEAD, DONE, KINDS, STATES
from lambdalab.widgets.flow.graph import MOST_NODES
from lambdalab.widgets.flow.layout import CELLS, _dense, spot
from lambdalab.widgets.flow.script import legs, write
from lambdalab.widgets.flow.warp import LONGEST_GAP, warp
from tests.acceptance import story_lab
from tests.world.worlds import World

PNG = b"\x89PNG\r\n\x1a\n"
TELLING = ("fails", "waits", "dead-letter", "given up", "leaves", "is made for")
DELAYED = ("delayed", "retry", "throttled")


def build_orders(seed: int = 7) -> ll.Lab:
    """A queue whose function fails at times, and asynchronous calls that end as dead letters."""
    lab = ll.Lab(seed=seed)
    lab.create_function(
        "put", duration=ll.LogNormal(p50=0.8, p99=2.5), failure_rate=0.6, dead_letter_queue="failed"
    )
    lab.create_function(
        "bill", duration=ll.LogNormal(p50=1.5, p99=6), failure_rate=0.35, reserved_concurrency=2,
        timeout=10,
    )  # fmt: skip
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=60, dead_letter_queue="orders-dlq", max_receive_count=2
    )
    lab.create_event_source_mapping(orders, "bill", batch_size=10, maximum_batching_window=3)
    lab.drive(orders, ll.Poisson(rate=5), duration=12)
    lab.drive("put", ll.Poisson(rate=0.5), duration=10)
    for number in range(5):
        lab.invoke("put", {"order": number}, invocation_type="Event")
    lab.run()
    return lab


@pytest.fixture(scope="module")
def orders():
    return build_orders().trace


@pytest.fixture(scope="module")
def story():
    lab = story_lab.build(7)
    lab.run(until=story_lab.ENDS_AT)
    return lab.trace


@pytest.fixture(params=["orders", "story"])
def trace(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def script(trace):
    return write(trace, most=10**9)


def us(trace, times: pd.Series) -> np.ndarray:
    return np.round((times - trace.start).dt.total_seconds().to_numpy() * 1e6)


def short(text: str, letter: str) -> str:
    return f"{letter}{int(text[:8])}"


# ---- what is where ---------------------------------------------------------------------------------


def test_at_every_moment_as_many_dots_are_in_a_queue_as_the_books_say(trace, script) -> None:
    events = trace.queue_events
    stays = script.dots.stays
    start = np.array([stay.start for stay in stays])
    end = np.array([stay.end for stay in stays])
    home = np.array([stay.home for stay in stays])
    state = np.array([STATES[stay.state] for stay in stays])
    for queue, rows in events[events["kind"].isin(["sqs", "asynchronous"])].groupby("queue"):
        role = "queue" if rows["kind"].iloc[0] == "sqs" else "events"
        mine = home == f"{role}:{queue}"
        at = us(trace, rows["at"])
        for time in np.unique(at):
            last = rows.iloc[np.searchsorted(at, time, side="right") - 1]
            here = mine & (start <= time) & (end > time)
            seen = {
                "depth": int(here.sum()),
                "visible": int((here & (state == "waiting")).sum()),
                "delayed": int((here & np.isin(state, DELAYED)).sum()),
            }
            assert seen == {name: last[name] for name in seen}, (queue, time)
            name = script.shown[f"{role}:{queue}"]
            if not script.layout.boxes[name].node.members:
                told = (last["visible"], last["in_flight"], last["delayed"])
                assert script.series[name].at(int(time)) == told


@pytest.fixture(params=[2, 5, 11, 50])
def random_lab(request):
    """The trace of a random lab, its whole script, and moments of chance."""
    world = World("unit", request.param)
    world.play()
    script = write(world.lab.trace, most=10**9)
    assert ll.Flow(world.lab).script
    times = np.random.default_rng(request.param).integers(0, script.end + 1, 40)
    edges = [stay.start for stay in script.dots.stays]
    return world.lab.trace, script, [*times.tolist(), *edges[:: max(len(edges) // 20, 1)]]


def test_in_random_labs_as_many_dots_are_in_a_queue_as_the_books_say(random_lab) -> None:
    trace, script, times = random_lab
    homes = {"sqs": "queue:{}", "asynchronous": "events:{}", "stream": "records:{}"}
    for queue, rows in trace.queue_events.groupby("queue"):
        kind = str(rows["kind"].iloc[0])
        if kind == "push" or (kind == "stream" and not queue.endswith(" (records)")):
            continue
        home = homes[kind].format(queue.removesuffix(" (records)"))
        mine = [stay for stay in script.dots.stays if stay.home == home]
        at = us(trace, rows["at"])
        for time in times:
            place = np.searchsorted(at, time, side="right") - 1
            last = rows.iloc[place] if place >= 0 else pd.Series(0, rows.columns)
            states = [STATES[s.state] for s in mine if s.start <= time < s.end]
            assert len(states) == last["depth"], (queue, time)
            if kind != "stream":
                assert sum(s == "waiting" for s in states) == last["visible"], (queue, time)
                assert sum(s in DELAYED for s in states) == last["delayed"], (queue, time)
                series = script.series[script.shown[home]]
                told = (last["visible"], last["in_flight"], last["delayed"])
                boxed = script.layout.boxes[script.shown[home]].node.members
                assert boxed or series.at(time) == told


def test_in_random_labs_a_dot_runs_in_a_busy_cell_wherever_the_books_say(random_lab) -> None:
    trace, script, times = random_lab
    runs = trace.attempts
    started = us(trace, runs["started_at"])
    ended = np.where(
        runs["ended_at"].isna(), AHEAD, us(trace, runs["ended_at"].fillna(trace.start))
    )
    homes = [int(text[:8]) for text in runs["environment_id"]]
    for time in times:
        on = (started <= time) & (time < ended)
        wanted = sorted(home for home, runs_now in zip(homes, on, strict=True) if runs_now)
        dots = [stay for stay in script.at(time) if STATES[stay.state] == "running"]
        assert sorted(stay.key[0] for stay in dots) == wanted, time
        cells = {
            s.environment: CELL_STATES[s.state] for s in script.spans if s.start <= time < s.end
        }
        assert {cells[home] for home in wanted} <= {"busy", "cold"}
        assert {home for home, state in cells.items() if state == "busy"} <= set(wanted)


def test_records_of_a_stream_are_where_the_books_say(story) -> None:
    script, events = write(story, most=10**9), story.queue_events
    for queue in ("clicks->count (records)", "items->count (records)"):
        rows = events[events["queue"] == queue]
        at = us(story, rows["at"])
        mine = [s for s in script.dots.stays if s.home == f"records:{queue[:-10]}"]
        for time in np.unique(at):
            depth = rows["depth"].iloc[np.searchsorted(at, time, side="right") - 1]
            assert sum(s.start <= time < s.end for s in mine) == depth


def test_every_run_is_a_dot_in_its_environments_cell(trace, script) -> None:
    running = {
        (stay.start, stay.key[0]): stay for stay in script.dots.stays if STATES[stay.state] == "running"
    }  # fmt: skip
    places = {span.environment: span.place for span in script.spans}
    runs = trace.attempts
    ended = np.where(
        runs["ended_at"].isna(), AHEAD, us(trace, runs["ended_at"].fillna(trace.start))
    )
    batches = trace.invocations.set_index("request_id")
    for row, started, over in zip(
        runs.itertuples(), us(trace, runs["started_at"]), ended, strict=True
    ):
        stay = running.pop((int(started), int(row.environment_id[:8])))
        assert stay.end == over
        assert script.shown[f"function:{row.function}"] == stay.node
        assert stay.place == places[int(row.environment_id[:8])]
        call = batches.loc[row.request_id]
        kind, number = KINDS[script.dots.kinds[stay.dot]], script.dots.numbers[stay.dot]
        wanted = call["parent_id"] if call["parent_kind"] == "batch" else row.request_id
        assert number == int(wanted[:8])
        assert kind == ("batch" if call["parent_kind"] == "batch" else "request")
    assert not running


def test_every_invocation_message_and_batch_has_one_dot(trace, script) -> None:
    dots = defaultdict(list)
    for kind, number in zip(script.dots.kinds, script.dots.numbers, strict=True):
        dots[KINDS[kind]].append(number)
    calls = trace.invocations
    own = calls[calls["parent_kind"] != "batch"]
    events = trace.queue_events
    assert sorted(dots["request"]) == [int(text[:8]) for text in own["request_id"]]
    assert sorted(dots["batch"]) == [int(text[:8]) for text in trace.batches["batch_id"]]
    messages = events.loc[events["kind"] == "sqs", "event_id"].unique()
    assert sorted(dots["message"]) == sorted(int(text[:8]) for text in messages)


def test_a_batch_carries_its_records_from_its_flush_to_its_end(trace, script) -> None:
    inside = defaultdict(list)
    for stay in script.dots.stays:
        if STATES[stay.state] == "inside":
            inside[stay.batch].append(stay)
    flushed = us(trace, trace.batches["flushed_at"])
    for row, at in zip(trace.batches.itertuples(), flushed, strict=True):
        stays = inside[int(row.batch_id[:8])]
        assert {stay.start for stay in stays} <= {int(at)}
        if row.outcome == "success":
            assert len(stays) == row.records


def test_stays_of_one_dot_follow_each_other(script) -> None:
    by_dot = defaultdict(list)
    for stay in script.dots.stays:
        by_dot[stay.dot].append(stay)
    for stays in by_dot.values():
        for one, other in itertools.pairwise(stays):
            assert one.start <= one.end <= other.start
            assert one.state < DONE
        assert all(stay.node in script.layout.boxes for stay in stays)


def test_no_two_dots_rest_at_one_place(script) -> None:
    times = sorted({stay.start for stay in script.dots.stays})[
        :: max(len(script.dots.stays) // 300, 1)
    ]
    for time in times:
        taken = set()
        for stay in script.at(time):
            box = script.layout.boxes[stay.node]
            if (
                box.node.role in ("queue", "events", "letters", "stream")
                or STATES[stay.state] == "running"
            ):
                point = spot(box, STATES[stay.state], stay.place, stay.sub, 1)
                assert point is None or point not in taken
                taken.add(point)


def test_a_move_has_a_way_of_arrows(script) -> None:
    for leg in dict.fromkeys(legs(script.dots.stays)):
        if leg:
            assert script.layout.route(script.graph, list(leg)), leg


# ---- boxes -------------------------------------------------------------------------------------------


def test_boxes_stand_apart_and_inside_the_picture(script) -> None:
    boxes = list(script.layout.boxes.values())
    assert len(boxes) <= MOST_NODES
    for place, box in enumerate(boxes):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= script.layout.width
        assert box.y + box.height <= script.layout.height
        for other in boxes[:place]:
            apart = (
                box.x + box.width <= other.x or other.x + other.width <= box.x
                or box.y + box.height <= other.y or other.y + other.height <= box.y
            )  # fmt: skip
            assert apart, (box.node.name, other.node.name)


def test_names_of_arrows_stand_off_the_boxes(script) -> None:
    assert script.layout.names
    for x, y in script.layout.names.values():
        for box in script.layout.boxes.values():
            assert not (box.x < x < box.x + box.width and box.y < y < box.y + box.height)


def test_a_name_stands_nearest_to_its_own_arrow(script) -> None:
    lines = script.layout.paths
    for pair, (x, y) in script.layout.names.items():
        far = {
            p: min(np.hypot(a - x, b - y + 6) for a, b in _dense(line)) for p, line in lines.items()
        }
        others = [
            far[p] for p, name in script.graph.edges.items() if name != script.graph.edges[pair]
        ]
        assert far[pair] < min(others) + 7, pair


def test_many_functions_become_one_box() -> None:
    lab = ll.Lab(seed=1)
    for number in range(30):
        lab.create_function(f"f{number}", duration=1)
        for _ in range(1 + number % 4):
            lab.invoke(f"f{number}", {})
    plan = ll.Flow(lab).plan
    assert len(plan.layout.boxes) == MOST_NODES
    (more,) = (box for box in plan.layout.boxes.values() if box.node.members)
    assert more.node.label == f"+ {30 - (MOST_NODES - 2)} more"  # the caller, and the busiest
    assert len(set(more.node.members)) == 30 - (MOST_NODES - 2)
    shown = sum(plan.series[name].at(plan.end)[2] for name in plan.series)
    assert shown == len(lab.trace.environments)


def test_callers_stand_left_of_what_they_call_and_dead_letters_right(orders) -> None:
    boxes = write(orders).layout.boxes
    order = ["caller:senders", "queue:orders", "mapping:orders->bill", "function:bill"]
    assert [boxes[name].layer for name in order] == sorted({boxes[name].layer for name in order})
    assert boxes["queue:failed"].layer > boxes["function:put"].layer
    assert boxes["queue:failed"].node.role == "letters"


# ---- decisions -----------------------------------------------------------------------------------------


def test_every_run_batch_retry_and_dead_letter_is_told_once(trace, script) -> None:
    told = [one.sentence() for one in script.decisions]
    runs, events = trace.attempts, trace.queue_events
    for row in runs[runs["outcome"] != "running"].itertuples():
        verb = "succeeds" if row.outcome == "success" else "fails"
        who, where = short(row.request_id, "r"), short(row.environment_id, "e")
        begins = f"{who}: attempt {row.attempt} {verb} in {where} "
        (found,) = (text for text in told if text.startswith(begins))
        assert f"{int(row.billed_ms):,}" in found
    fired = [text for text in told if re.match(r"b\d+ (leaves|goes to) ", text)]
    assert len(fired) == len(trace.batches)
    for action, words in (
        ("retry_scheduled", "for its next try"), ("dead_lettered", "to the dead-letter queue"),
        ("throttled", "to try again"),
    ):  # fmt: skip
        assert sum(words in text for text in told) == int((events["action"] == action).sum())


def test_decisions_come_in_order_of_time(script) -> None:
    times = [one.at for one in script.decisions]
    assert times == sorted(times)


def test_stepping_tells_each_decision_in_turn(orders) -> None:
    flow = ll.Flow(orders)
    seen = []
    for _ in flow.decisions:
        flow.step()
        seen.append(flow.caption)
    assert seen == flow.decisions
    flow.step()
    assert flow.caption == flow.decisions[-1]
    flow.back()
    assert flow.caption == flow.decisions[-2]
    flow.seek(0)
    assert flow.decision == -1


# ---- the film ------------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 10**11), min_size=1, max_size=40, unique=True),
    st.integers(0, 300),
)
def test_the_film_rises_and_can_be_turned_back(moments: list[int], decisions: int) -> None:
    times = np.array(sorted(moments))
    film = warp(times, decisions, 0, int(times[-1]))
    shown = film.to_film(times)
    assert (np.diff(shown) > 0).all()
    assert film.to_virtual(shown) == pytest.approx(times, abs=1)
    for low, high in film.fast.tolist():
        assert not ((times > low) & (times < high)).any()
        assert film.to_film(high) - film.to_film(low) == pytest.approx(LONGEST_GAP)


def test_empty_hours_pass_fast() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=1, failure_rate=1, reserved_concurrency=1)
    lab.invoke("bill", {}, invocation_type="Event")
    lab.advance(6 * 3600)
    lab.invoke("bill", {}, invocation_type="Event")
    lab.run()
    film = write(lab.trace).warp
    assert (film.fast[:, 1] - film.fast[:, 0]).max() > 5 * 3600 * 1e6
    assert film.length < 60


# ---- a stretch, and what is left out ------------------------------------------------------------------


def test_a_stretch_shows_what_is_there_then(orders) -> None:
    whole, part = write(orders), write(orders, 5, 9)
    assert (part.start, part.end) == (5_000_000, 9_000_000)
    inside = [one.sentence() for one in whole.decisions if 5_000_000 <= one.at <= 9_000_000]
    assert [one.sentence() for one in part.decisions] == inside
    seen = {(s.state, s.start, whole.dots.numbers[s.dot]) for s in whole.at(7_000_000)}
    assert {(s.state, s.start, part.dots.numbers[s.dot]) for s in part.at(7_000_000)} == seen


def test_what_failed_is_never_left_out(orders) -> None:
    whole, thin = write(orders, most=10**9), write(orders, most=200)
    assert whole.left_out == ""
    assert re.match(
        r"[\d,]+ ordinary requests and messages left out: one of \d+ is shown", thin.left_out
    )
    shown = {one.sentence() for one in thin.decisions}
    for one in whole.decisions:
        sentence = one.sentence()
        if any(
            word in sentence for word in ("fails", "waits", "dead-letter", "given up", "leaves")
        ):
            assert sentence in shown
    assert len(thin.dots.kinds) < len(whole.dots.kinds)


def test_counts_stay_those_of_the_books_when_dots_are_left_out(orders) -> None:
    whole, thin = write(orders, most=10**9), write(orders, most=200)
    for name, series in whole.series.items():
        for time in series.times[::7].tolist():
            assert thin.series[name].at(time) == series.at(time)


def test_where_even_the_decisions_are_too_many_the_end_comes_sooner(orders) -> None:
    thin = write(orders, most=60)
    assert thin.end < write(orders).end
    assert "Flow(trace, start=..., end=...)" in thin.left_out


def test_a_record_that_blocks_a_shard_for_a_day_is_shown_for_a_day() -> None:
    flow = ll.Flow(ll.scenarios.shard())
    trace = flow.trace
    assert flow.plan.end == us(trace, trace.queue_events["at"]).max()
    assert re.match(r"\d+ requests and messages that came back many times left out", flow.left_out)
    fired = [text for text in flow.decisions if re.match(r"b\d+ (leaves|goes to) ", text)]
    assert len(fired) == len(trace.batches)


def test_numbers_in_the_boxes_hold_at_every_moment_and_fewer_are_told_of(orders) -> None:
    whole, few = write(orders), write(orders, changes=20)
    assert whole.left_out == ""
    assert few.left_out == "The numbers in the boxes are those of 20 moments."
    part = write(orders, 5, 9, changes=10**6)
    for name, series in part.series.items():
        assert len(series.times) < len(whole.series[name].times)
        for time in range(5_000_000, 9_000_001, 250_000):
            assert series.at(time) == whole.series[name].at(time)


# ---- the widget ----------------------------------------------------------------------------------------


def unpacked(flow: ll.Flow) -> dict:
    (length,) = struct.unpack("<I", flow.script[:4])
    head = json.loads(flow.script[8 : 8 + length])
    kinds = {"f8": "<f8", "f4": "<f4", "i4": "<i4", "i2": "<i2", "u2": "<u2", "u1": "u1"}
    return head | {
        name: np.frombuffer(flow.script, kinds[kind], count, 8 + length + at)
        for name, (kind, at, count) in head["arrays"].items()
    }


def test_the_bytes_hold_the_script(trace) -> None:
    flow = ll.Flow(trace)
    packed, plan = unpacked(flow), flow.plan
    assert packed["sStart"].tolist() == [stay.start for stay in plan.dots.stays]
    assert packed["sState"].tolist() == [stay.state for stay in plan.dots.stays]
    names = [node["name"] for node in packed["nodes"]]
    assert [names[place] for place in packed["sNode"]] == [stay.node for stay in plan.dots.stays]
    assert packed["eAt"].tolist() == [one.at for one in plan.decisions]
    drawn = [span for span in plan.spans if span.place < CELLS[0] * CELLS[1]]
    assert sorted(packed["cStart"]) == sorted(span.start for span in drawn)


def test_the_same_trace_gives_the_same_bytes(orders) -> None:
    again = build_orders().trace
    assert ll.Flow(orders).script == ll.Flow(again).script


def test_a_thing_is_chosen_by_its_id(orders) -> None:
    flow = ll.Flow(orders)
    assert flow.story is None
    flow.selected = orders.ids.request(2)
    assert flow.selected == "r2"
    assert str(flow.story) == str(orders.story("r2"))
    with pytest.raises(UnknownName, match="r9999"):
        flow.selected = "r9999"
    assert flow.selected == "r2"


def test_what_is_not_there_cannot_be_chosen_or_stepped_to(orders) -> None:
    flow = ll.Flow(orders)
    with pytest.raises(UnknownName, match="t99"):
        flow.selected = "t99"  # a caller's try
    flow.decision = 10**6
    assert flow.caption == flow.decisions[-1]
    with pytest.raises(ValueError, match="start must be less than end"):
        ll.Flow(orders, start=5, end=2)


def test_text_and_picture_where_nothing_runs(trace) -> None:
    flow = ll.Flow(trace)
    data, _ = flow._repr_mimebundle_()
    assert base64.b64decode(data["image/png"])[:8] == PNG
    assert data["text/plain"] == repr(flow)
    assert "0x" not in repr(flow)
    assert f"batch fired {len(trace.batches):,}" in repr(flow)


def test_a_lab_in_which_nothing_has_happened() -> None:
    lab = ll.Lab()
    assert "nothing yet" in repr(ll.Flow(lab))
    lab.create_function("bill", duration=1)
    lab.create_event_source_mapping(lab.sqs.create_queue("orders"), "bill")
    flow = ll.Flow(lab)
    assert [*flow.plan.layout.boxes] == ["function:bill", "queue:orders", "mapping:orders->bill"]
    flow.step()
    assert flow.caption == ""
    assert flow._repr_mimebundle_()[0]["image/png"]


def test_seeking_stays_inside(orders) -> None:
    flow = ll.Flow(orders)
    flow.seek(-5)
    assert flow.time == 0
    flow.seek(1e9)
    assert flow.time == flow.plan.end / 1e6


# ---- the page ------------------------------------------------------------------------------------------


def test_the_page_is_one_small_file_that_asks_for_nothing(trace, tmp_path) -> None:
    path = ll.Flow(trace).save(tmp_path / "flow.html")
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < 2_000_000
    assert not re.search(r"https?:|//[a-z]+\.|\bimport\b.*from|<link|src=", text)
    assert "%DATA%" not in text
    assert "default-src 'none'" in text


def test_a_large_run_still_makes_a_small_page(tmp_path) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=ll.LogNormal(p50=0.5, p99=3), failure_rate=0.02)
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    lab.create_event_source_mapping(orders, "bill", batch_size=10, maximum_batching_window=1)
    lab.drive(orders, ll.Poisson(rate=100), duration=150)
    lab.run()
    flow = ll.Flow(lab)
    assert "left out" in flow.left_out
    assert flow.save(tmp_path / "flow.html").stat().st_size < 2_000_000
    assert sum("fails in" in text for text in flow.decisions) == int(
        (lab.trace.attempts["outcome"] != "success").sum()
    )


def test_reading_the_books_keeps_every_row(orders) -> None:
    books = read(orders)
    assert len(books.events) == len(orders.queue_events)
    assert books.events["at"].tolist() == us(orders, orders.queue_events["at"]).astype(int).tolist()
