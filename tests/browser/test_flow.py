"""The flow animation as a person uses it: in Voila, and as a saved page from disk with the network off.

Colours at computed points of the canvas are compared with the tables, what a click tells with the books.
"""

from __future__ import annotations

import itertools
import os
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lambdalab as ll
from lambdalab.trace.codes import AttemptOutcome
from lambdalab.trace.schema import ATTEMPTS
from lambdalab.widgets.flow.cells import CELL_STATES
from lambdalab.widgets.flow.counts import HEADS
from lambdalab.widgets.flow.dots import STATES
from lambdalab.widgets.flow.layout import spot

if os.environ.get("BROWSER_REQUIRED") != "1":
    pytest.importorskip("playwright")
from playwright.sync_api import expect

PLAYER = "document.querySelector('.ll-flow').parentElement.lambdalabFlow"
# The colour at a point of the picture, in its own units.
PIXEL = f"""points => {{
    const f = {PLAYER}, g = f.canvas.getContext('2d');
    const colour = (x, y) => g.getImageData(Math.round(x * f.scale), Math.round(y * f.scale), 1, 1).data;
    return points.map(([x, y]) => [...colour(x, y)].slice(0, 3));
}}"""
IMAGE = f"() => {PLAYER}.canvas.toDataURL()"
SENTENCES = f"""() => {{
    const f = {PLAYER};
    return Array.from(f.s.decidedAt, (_, i) => {{
        f.i = i;
        f.paint();
        return f.caption.textContent.replace(/^.*?: /, '');
    }});
}}"""
SEEK = f"seconds => {{ const f = {PLAYER}; f.model.set('time', seconds); f.model.save_changes(); }}"
# Every text that is written on the picture, as it is painted.
WRITTEN = f"""() => {{
    const f = {PLAYER}, pen = CanvasRenderingContext2D.prototype, write = pen.fillText, written = [];
    pen.fillText = function (text, ...where) {{ written.push(text); write.call(this, text, ...where); }};
    try {{ f.paint(); }} finally {{ pen.fillText = write; }}
    return written;
}}"""
CELLS = {"busy": "#0072B2", "idle": "#D9D9D9", "failed": "#D55E00"}  # the last is that of its cross
DOTS, LETTERS = {"waiting": "#56B4E9", "retry": "#E69F00"}, "#CC79A7"

LAB = """
import lambdalab as ll
lab = ll.Lab(seed=7)
lab.create_function(
    "put", duration=ll.LogNormal(p50=0.8, p99=2.5), failure_rate=0.6, dead_letter_queue="failed"
)
seldom = ll.LogNormal(p50=1.5, p99=6)
lab.create_function("bill", duration=seldom, failure_rate=0.35, reserved_concurrency=2, timeout=10)
orders = lab.sqs.create_queue(
    "orders", visibility_timeout=60, dead_letter_queue="orders-dlq", max_receive_count=2
)
lab.create_event_source_mapping(orders, "bill", batch_size=10, maximum_batching_window=3)
lab.drive(orders, ll.Poisson(rate=5), duration=12)
lab.drive("put", ll.Poisson(rate=0.5), duration=10)
for number in range(5):
    lab.invoke("put", {"order": number}, invocation_type="Event")
lab.run()
"""


def run() -> ll.Lab:
    made: dict[str, Any] = {}
    exec(LAB, made)  # the same lines as in the notebook
    lab: ll.Lab = made["lab"]
    return lab


@pytest.fixture(scope="module")
def flow() -> ll.Flow:
    return ll.Flow(run())


@pytest.fixture(params=["reduce"])
def page(
    request: pytest.FixtureRequest, chromium: Any, flow: ll.Flow, tmp_path: Path
) -> Iterator[Any]:
    """The saved page, opened from disk without a network."""
    context = chromium.new_context(
        viewport={"width": 1150, "height": 1000}, reduced_motion=request.param, offline=True
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda sent: sent.url.startswith("file:") or errors.append(sent.url))
    page.goto(flow.save(tmp_path / "flow.html").as_uri())
    expect(page.locator(".ll-caption")).to_have_text("Nothing has been decided yet.")
    yield page
    if os.environ.get("SHOTS"):
        page.screenshot(path=Path(os.environ["SHOTS"]) / f"flow-{request.node.name}.png")
    context.close()
    assert errors == []


def rgb(text: str) -> list[int]:
    return [int(text[place : place + 2], 16) for place in (1, 3, 5)]


def moments(flow: ll.Flow, count: int = 12) -> list[int]:
    """Times in the middle of stretches in which nothing changes."""
    plan = flow.plan
    edges = sorted({stay.start for stay in plan.dots.stays} | {span.start for span in plan.spans})
    middles = [(a + b) // 2 for a, b in itertools.pairwise(edges) if b - a > 200_000]
    return middles[:: max(len(middles) // count, 1)]


def painted(flow: ll.Flow, time: int) -> dict[tuple[float, float], str]:
    """The colours that certain points of the picture must have at a time, by the books."""
    plan, found = flow.plan, {}
    for span in plan.spans:
        point = spot(plan.layout.boxes[span.node], "running", span.place, 0, 1)
        state = CELL_STATES[span.state]
        if point and span.start <= time < span.end and state != "cold":  # that is hatched
            corner = (point[0] - 8, point[1] + 8)
            found[corner if state == "busy" else point] = CELLS[state]  # its dot is in the middle
    for stay in plan.at(time):
        box, state = plan.layout.boxes[stay.node], STATES[stay.state]
        point = spot(box, state, stay.place, stay.sub, 10)
        if point and state in DOTS and box.node.role in ("queue", "letters", "events"):
            found[point] = LETTERS if box.node.role == "letters" else DOTS[state]
    return found


def right(page: Any, flow: ll.Flow, time: int) -> list[bool]:
    """Whether each of those points has its colour on the page."""
    page.evaluate(SEEK, time / 1e6)
    wanted = painted(flow, time)
    got = page.evaluate(PIXEL, [list(point) for point in wanted])
    return [seen == rgb(text) for seen, text in zip(got, wanted.values(), strict=True)]


def test_colours_are_those_of_the_books(page: Any, flow: ll.Flow) -> None:
    seen = set()
    for time in moments(flow):
        assert all(right(page, flow, time)), time
        seen |= set(painted(flow, time).values())
    assert seen >= {*CELLS.values(), DOTS["retry"], LETTERS}


def test_a_trace_with_one_altered_row_has_other_colours(page: Any, flow: ll.Flow) -> None:
    altered = pickle.loads(pickle.dumps(flow.trace))
    runs = np.frombuffer(altered._recorder.buffers["attempts"], ATTEMPTS.dtype)
    broken = (span for span in flow.plan.spans if CELL_STATES[span.state] == "failed")
    longest = max(broken, key=lambda span: min(span.end, flow.plan.end) - span.start)
    place = int(np.flatnonzero(runs["ended_at"] == longest.start)[0])
    assert runs["outcome"][place] == AttemptOutcome.ERROR
    runs["outcome"][place] = AttemptOutcome.SUCCESS
    del runs
    other = ll.Flow(altered)
    assert not all(all(right(page, other, time)) for time in moments(flow, 40))


@pytest.mark.parametrize("page", ["reduce", "no-preference"], indirect=True)
def test_a_moment_looks_the_same_from_either_side(page: Any, flow: ll.Flow) -> None:
    for time in moments(flow, 6):
        page.evaluate(SEEK, 0)
        page.evaluate(SEEK, time / 1e6)
        before = page.evaluate(IMAGE)
        page.evaluate(SEEK, flow.plan.end / 1e6)
        page.evaluate(SEEK, time / 1e6)
        assert page.evaluate(IMAGE) == before


def test_two_moments_look_different(page: Any, flow: ll.Flow) -> None:
    images = []
    for time in moments(flow, 6):
        page.evaluate(SEEK, time / 1e6)
        images.append(page.evaluate(IMAGE))
    assert len(set(images)) == len(images)


def test_steps_tell_each_decision_with_its_cause(page: Any, flow: ll.Flow) -> None:
    page.locator(".ll-stage").focus()
    for sentence in flow.decisions[:12]:
        page.keyboard.press("ArrowRight")
        expect(page.locator(".ll-caption")).to_contain_text(sentence)
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".ll-caption")).to_contain_text(flow.decisions[10])
    page.get_by_role("button", name="the next decision (right arrow)").click()
    expect(page.locator(".ll-caption")).to_contain_text(flow.decisions[11])
    page.keyboard.press("End")
    expect(page.locator(".ll-caption")).to_contain_text(flow.decisions[-1])
    page.keyboard.press("Home")
    expect(page.locator(".ll-clock")).to_have_text("t = 0:00:00.0")


def test_every_sentence_is_the_same_as_in_python(page: Any, flow: ll.Flow) -> None:
    told = page.evaluate(SENTENCES)
    assert told == flow.decisions


@pytest.mark.parametrize("page", ["no-preference"], indirect=True)
def test_it_plays_and_pauses(page: Any, flow: ll.Flow) -> None:
    clock, stage = page.locator(".ll-clock"), page.locator(".ll-stage")
    play = page.get_by_role("button", name="play or pause (space)")
    stage.press("Space")
    expect(play).to_have_text("❚❚ Pause")
    expect(page.locator(".ll-caption")).to_contain_text("succeeds")
    stage.press("Space")
    expect(play).to_have_text("▶ Play")
    stood = page.evaluate(f"() => [{PLAYER}.u, {PLAYER}.frames]")
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    assert page.evaluate(f"() => [{PLAYER}.u, {PLAYER}.frames]") == stood
    assert clock.inner_text() != "t = 0:00:00.0"
    page.get_by_label("speed").select_option("8")
    play.click()
    expect(page.locator(".ll-caption")).to_contain_text(flow.decisions[-1], timeout=20_000)
    expect(play).to_have_text("▶ Play")


def test_a_click_on_a_dot_tells_what_it_is(page: Any, flow: ll.Flow) -> None:
    plan = flow.plan
    waits = next(s for s in plan.dots.stays if STATES[s.state] == "retry")
    page.evaluate(SEEK, (waits.start + 20_000_000) / 1e6)
    box, number = plan.layout.boxes[waits.node], plan.dots.numbers[waits.dot]
    click(page, spot(box, "retry", waits.place, waits.sub, 1))
    facts = page.locator(".ll-facts")
    expect(facts).to_contain_text(f"r{number} · request · put")
    expect(facts.locator("li.now")).to_contain_text("waits for its next try in put (events)")
    expect(facts.locator("li.now")).to_contain_text("the handler raised an exception")
    page.keyboard.press("Escape")
    expect(facts).to_be_hidden()
    page.get_by_label("find by id").fill("m3")
    page.keyboard.press("Enter")
    expect(facts).to_contain_text("m3 · message")


def click(page: Any, point: Any) -> None:
    """A click at a point of the picture, in its own units."""
    stage = page.locator(".ll-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    scale = page.evaluate(f"() => {PLAYER}.canvas.clientWidth / {PLAYER}.s.width")
    page.mouse.click(box["x"] + 1 + point[0] * scale, box["y"] + 1 + point[1] * scale)


@pytest.mark.parametrize("page", ["no-preference"], indirect=True)
def test_dots_on_their_way_are_between_their_boxes(page: Any, flow: ll.Flow) -> None:
    letters = next(s for s in flow.plan.dots.stays if s.node == "queue:failed")
    half = f"""t => {{ const f = {PLAYER}; f.model.set('time', t); f.u += 0.3; f.paint();
        return f.now.dots.map(dot => [dot.x, dot.y, f.s.a.sStart[dot.k], f.s.a.sNode[dot.k]]); }}"""
    dots = page.evaluate(half, letters.start / 1e6)
    box, other = flow.plan.layout.boxes["queue:failed"], flow.plan.layout.boxes["function:put"]
    (dot,) = [
        d
        for d in dots
        if d[2] == letters.start and list(flow.plan.layout.boxes)[d[3]] == "queue:failed"
    ]
    assert other.x < dot[0] < box.x + box.width


def test_numbers_in_boxes_are_those_of_the_books(page: Any, flow: ll.Flow) -> None:
    """How much is where, and how long the next try is off."""
    plan, waits = flow.plan, 0
    for time in moments(flow, 25):
        page.evaluate(SEEK, time / 1e6)
        written = page.evaluate(WRITTEN)
        for name, series in plan.series.items():
            if name in plan.layout.boxes:
                heads = HEADS[plan.layout.boxes[name].node.role]
                counts = [
                    f"{n:,} {head}" for n, head in zip(series.at(time), heads, strict=True) if n
                ]
                assert_written(" · ".join(counts) or f"0 {heads[0]}", written)
        left = [(s.until - time) / 1e6 for s in plan.at(time) if STATES[s.state] == "retry"]
        if left and 10 < min(left) < 119:
            assert_written(f"next try in {min(left):.0f} s", written)
            waits += 1
    assert waits > 3


def assert_written(wanted: str, written: list[str]) -> None:
    """It stands on the picture, be it that it goes on, or is cut where its box ends."""
    cut = [text.removesuffix("…") for text in written if text.endswith("…")]
    whole = any(text.startswith(wanted) for text in written)
    assert whole or any(wanted.startswith(text) for text in cut if len(text) > 3), wanted


def test_an_empty_stretch_says_that_it_is_passed_fast(chromium: Any, tmp_path: Path) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=1, failure_rate=1)
    lab.invoke("bill", {}, invocation_type="Event")
    lab.advance(6 * 3600)
    lab.invoke("bill", {}, invocation_type="Event")
    lab.run()
    page = chromium.new_page(offline=True)
    page.goto(ll.Flow(lab).save(tmp_path / "flow.html").as_uri())
    page.evaluate(SEEK, 3 * 3600)
    expect(page.locator(".ll-fast")).to_have_text(
        re.compile(r"▶▶ fast forward: 5 h \d\d min of nothing")
    )
    expect(page.locator(".ll-clock")).to_have_text(re.compile(r"t = 3:00:00|t = 2:59:59"))
    page.close()


def test_a_year_is_told_in_days(chromium: Any, tmp_path: Path) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("report", duration=1)
    lab.eventbridge["default"].put_rule("mondays", schedule_expression="rate(7 days)").put_target(
        "report"
    )
    lab.advance(100 * 86_400)
    page = chromium.new_page(offline=True)
    page.goto(ll.Flow(lab).save(tmp_path / "flow.html").as_uri())
    page.evaluate(SEEK, 6.5 * 86_400)
    expect(page.locator(".ll-clock")).to_have_text("t = 6 d 12:00:00.0")
    page.close()


def test_in_voila_what_is_clicked_is_known_in_python(
    notebook: Any, make_notebook: Any, flow: ll.Flow
) -> None:
    path = make_notebook([
        LAB,
        "import ipywidgets as w\nflow = ll.Flow(lab)\nsaid = w.HTML()\nsaid.add_class('said')\n"
        "def tell(change):\n    said.value = f'chosen {flow.selected}: {flow.caption}'\n"
        "flow.observe(tell, ['selected', 'decision'])\ndisplay(flow, said)",
        "go = w.Button(description='from Python')\ngo.on_click(lambda _: flow.step(3))\ndisplay(go)",
    ])  # fmt: skip
    notebook.open_voila(path)
    page = notebook.page
    expect(page.locator(".ll-caption")).to_have_text("Nothing has been decided yet.")
    waits = next(s for s in flow.plan.dots.stays if STATES[s.state] == "retry")
    page.evaluate(SEEK, (waits.start + 20_000_000) / 1e6)
    click(page, spot(flow.plan.layout.boxes[waits.node], "retry", waits.place, 0, 1))
    expect(page.locator(".said")).to_contain_text(f"chosen r{flow.plan.dots.numbers[waits.dot]}:")
    page.keyboard.press("Home")
    page.get_by_role("button", name="from Python").click()
    expect(page.locator(".ll-caption")).to_contain_text(flow.decisions[2])
    page.locator(".ll-stage").press("ArrowRight")
    expect(page.locator(".said")).to_contain_text(flow.decisions[3])
    notebook.shot("flow-voila")
    notebook.check(outside=VOILAS_OWN)


# Voila's own page asks these for icons and formulas, and does without where it gets no answer.
VOILAS_OWN = (
    "https://cdn.jsdelivr.net/npm/@fortawesome/",
    "https://cdnjs.cloudflare.com/ajax/libs/mathjax/",
)
