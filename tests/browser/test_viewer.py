"""The trace viewer as a person uses it: without a kernel, in Voila, and in JupyterLab.

What is painted is compared with the tables: the colour of computed pixels, where bars begin and how long
they are, the sentences of every bar, and the chain of every thing.
"""

from __future__ import annotations

import base64
import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lambdalab as ll
from lambdalab.trace.schema import ATTEMPTS
from lambdalab.widgets.viewer import thinning
from lambdalab.widgets.viewer.looks import LOOKS, PLACE
from tests.acceptance import story_lab

if os.environ.get("BROWSER_REQUIRED") != "1":
    pytest.importorskip("playwright")
from playwright.sync_api import expect

VIEWER = "document.querySelector('.lambdalab-viewer').viewer"
GUTTER, AXIS = 118, 24  # pixels, left of the bars and above them

# What a test looks through: it paints at once, so that there is nothing to wait for.
LENS = r"""
window.lens ??= {
  get viewer() { return document.querySelector('.lambdalab-viewer').viewer; },
  get window() { const v = this.viewer; return { low: v.low, high: v.high, scroll: v.scroll }; },
  span([low, high]) { Object.assign(this.viewer, { low, high }).draw(); },
  all() {
    const v = this.viewer, opened = v.books.groups.map(group => `${group.kind} ${group.name}`);
    v.set({ selected: '', cursor: -1, focus: false, opened });
    this.span([0, v.whole()]);
  },
  box(bar) {
    const v = this.viewer;
    v.draw();
    return { ...v.painter.box(bar, v.rows, this.window), room: v.painter.width };
  },
  scrolled(bar) {
    const v = this.viewer;
    v.scroll = Math.max(0, v.rows.list[v.rows.rowOf[v.books.lane[bar]]].y - 100);
    v.clamp();
    return this.box(bar);
  },
  // The share of a bar's box that has its look's own colour (a pattern takes the rest).
  shares([bars, colours]) { return bars.map((bar, i) => this.share(bar, colours[i])); },
  share(bar, colour) {
    const box = this.box(bar), dots = window.devicePixelRatio, x = Math.ceil(box.x) + 1;
    const wanted = [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16));
    const wide = Math.max(Math.floor(box.width) - 3, 1);
    const part = [x, box.y + 2, wide, box.height - 4].map(side => side * dots);
    const data = this.viewer.painter.pen.getImageData(...part).data;
    let same = 0;
    for (let k = 0; k < data.length; k += 4) {
      same += wanted.every((value, i) => Math.abs(data[k + i] - value) < 4);
    }
    return same / (data.length / 4);
  },
  chains(ids) { return ids.map(id => [...this.viewer.books.litBy(id)]); },
  sentences() {
    const { books } = this.viewer;
    return Array.from(books.start, (_, bar) => books.sentence(bar));
  },
  // The first "+ 12 more": where it is, of which group, how many.
  more() {
    const v = this.viewer, row = v.rows.list.find(each => each.type === 'more');
    v.scroll = row.y;
    v.clamp();
    v.draw();
    return { y: row.y - v.scroll + 5, group: `${row.group.kind} ${row.group.name}`, rest: row.rest };
  },
  rows(type) { return this.viewer.rows.list.filter(row => !type || row.type === type).length; },
  // Texts that are too faint on their ground (WCAG: 4.5 to 1).
  faint() {
    const light = colour => {
      const [r, g, b] = colour.match(/\d+(\.\d+)?/g).slice(0, 3).map(value => value / 255)
        .map(value => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = element => {
      for (; element; element = element.parentElement) {
        const colour = getComputedStyle(element).backgroundColor;
        if (!/, 0\)$/.test(colour)) return colour;
      }
      return 'rgb(255, 255, 255)';
    };
    const says = element => [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const ratio = element => {
      const sides = [getComputedStyle(element).color, ground(element)].map(light).sort();
      return (sides[1] + 0.05) / (sides[0] + 0.05);
    };
    const all = [...document.querySelectorAll('.lambdalab-viewer *')];
    return all.filter(e => e.tagName !== 'OPTION' && says(e) && ratio(e) < 4.5).map(e => e.textContent);
  },
  unnamed() {
    const named = e => e.ariaLabel || e.textContent.trim() || e.getAttribute('aria-hidden');
    const tags = ['button', 'input', 'canvas'].map(tag => `.lambdalab-viewer ${tag}`);
    const all = document.querySelectorAll(tags);
    return [...all].filter(element => !named(element)).length;
  },
}; undefined
"""


def lens(page: Any, what: str, *argument: Any) -> Any:
    """Ask the page: one of the functions of ``LENS``."""
    page.evaluate(LENS)
    return page.evaluate(f"argument => window.lens.{what}(argument)", *argument)


@pytest.fixture(scope="module")
def trace() -> Any:
    lab = story_lab.build(7)
    lab.run(until=story_lab.ENDS_AT)
    return lab.trace


@pytest.fixture
def shown(trace: Any, plain_page: Any) -> Any:
    """The viewer without a kernel: the page, and the widget whose state it has."""
    widget = ll.TraceViewer(trace)
    return plain_page(widget), widget


def canvas(page: Any) -> Any:
    return page.locator(".lambdalab-viewer canvas.big")


def live(page: Any) -> Any:
    return page.locator(".lambdalab-viewer .live")


def saved(page: Any, name: str) -> Any:
    """What Python would have been told last."""
    return page.evaluate("name => window.model.get(name)", name)


def span(page: Any) -> tuple[float, float]:
    """First and last second on show."""
    low, high = page.evaluate(f"() => [{VIEWER}.low, {VIEWER}.high]")
    return low, high


def middle(page: Any, bar: int) -> dict[str, float]:
    """A point on a bar, on the canvas."""
    box = lens(page, "box", bar)
    return {"x": box["x"] + min(box["width"] / 2, 4), "y": box["y"] + box["height"] / 2}


def wait_for_view(page: Any, low: float, high: float) -> None:
    """Until Python would know this as the time on show."""
    page.wait_for_function(
        f"wanted => wanted.every((at, i) => Math.abs(at - {VIEWER}.get('view')[i]) < 1e-6)",
        arg=[low, high],
    )


# ---- what is painted and told ------------------------------------------------------------------------


def test_sentences_and_chains_are_pythons(shown: Any, trace: Any) -> None:
    page, widget = shown
    made = widget._bars
    assert lens(page, "sentences") == [made.sentence(place) for place in range(len(made))]
    kinds = {
        "r": "invocations",
        "a": "attempts",
        "b": "batches",
        "e": "environments",
        "c": "requests",
    }
    counts = {kind: len(getattr(trace, table)) for kind, table in kinds.items()} | {"m": 290}
    ids = [f"{kind}{n}" for kind, last in counts.items() for n in range(1, last + 1, 7)]
    ids += ["put", "orders-dlq"]
    for name, lit in zip(ids, lens(page, "chains", ids), strict=True):
        widget.selected = name
        assert lit == widget._lit().tolist(), name


def painted(page: Any, widget: Any, trace: Any) -> None:
    """Each run wide enough to see is where the tables say it was, in its outcome's colour."""
    made, low, high = widget._bars, 5.0, 9.0
    lens(page, "all")
    lens(page, "span", [low, high])
    runs = np.isin(made.numbers["look"], [PLACE[key] for key in ("success", "error", "timeout")])
    seen = (made.end - made.start > 0.1) & (made.start > low) & (made.end < high) & runs
    bars = np.flatnonzero(seen).tolist()
    assert len(bars) > 30
    for bar in bars:
        row = trace.attempts.loc[made.numbers["row"][bar]]
        cold = (row["setup_ms"] + row["init_ms"]) / 1000
        start = (row["started_at"] - trace.start).total_seconds() + cold
        end = (row["ended_at"] - trace.start).total_seconds()
        box = lens(page, "scrolled", bar)
        scale = (box["room"] - GUTTER) / (high - low)
        assert box["x"] == pytest.approx(GUTTER + (start - low) * scale, abs=0.01)
        assert box["width"] == pytest.approx((end - start) * scale, abs=0.01)
        look = LOOKS[PLACE[str(row["outcome"])]]
        (share,) = lens(page, "shares", [[bar], [look.colour]])
        assert share > 0.45, (bar, look.key, share)


def test_colours_at_computed_pixels_are_the_tables(shown: Any, trace: Any) -> None:
    page, widget = shown
    painted(page, widget, trace)


def test_an_altered_row_is_painted_otherwise(trace: Any, plain_page: Any) -> None:
    altered = pickle.loads(pickle.dumps(trace))
    rows = np.frombuffer(altered._recorder.buffers["attempts"], dtype=ATTEMPTS.dtype)
    begun = rows["started_at"] + rows["setup_us"] + rows["init_us"]
    seen = (begun > 5.1e6) & (rows["ended_at"] < 8.9e6) & (rows["ended_at"] - begun > 2e5)
    rows["outcome"][np.flatnonzero(seen & (rows["outcome"] == 1))[0]] = (
        3  # a success becomes a timeout
    )
    widget = ll.TraceViewer(altered)
    with pytest.raises(AssertionError):
        painted(plain_page(widget), widget, trace)


def test_no_failure_is_covered_or_merged_away(plain_page: Any, lab: ll.Lab) -> None:
    """A few failures among thousands of runs of one environment, all of it on a few hundred pixels."""
    lab.create_function("f", duration=0.01, failure_rate=0.001)
    lab.drive("f", ll.Every(0.1), count=3000)
    lab.run()
    widget = ll.TraceViewer(lab)
    page = plain_page(widget)
    lens(page, "all")
    bad = np.flatnonzero(widget._bars.failing()).tolist()
    assert 2 <= len(bad) < 20
    colours = [LOOKS[widget._bars.numbers["look"][place]].colour for place in bad]
    shares = lens(page, "shares", [bad, colours])
    assert min(shares) > 0.9
    page.evaluate(f"() => {VIEWER}.set({{ hidden: ['error', 'failed'] }})")
    assert max(lens(page, "shares", [bad, colours])) < 0.1


# ---- what a person does ------------------------------------------------------------------------------


def test_it_opens_on_a_finding_and_findings_jump(shown: Any, tmp_path: Path) -> None:
    page, widget = shown
    found = page.locator(".lambdalab-viewer .found button")
    assert [text.replace("\n", " ") for text in found.all_inner_texts()] == [
        f"{each.what}: {each.said}" for each in widget.findings
    ]
    expect(found.first).to_have_attribute("aria-current", "true")
    assert lens(page, "rows", "lane") < 12
    for place, each in enumerate(widget.findings):
        found.nth(place).click()
        expect(found.nth(place)).to_have_attribute("aria-current", "true")
        assert saved(page, "selected") == widget._bars.id(each.bar)
        expect(live(page)).to_contain_text(widget._bars.sentence(each.bar)[:60])
    folder = Path(os.environ.get("SHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page.locator(".lambdalab-viewer").screenshot(path=str(folder / "viewer-finding.png"))


def test_zoom_and_pan_by_wheel_keys_buttons_and_drag(shown: Any) -> None:
    page, widget = shown
    low, high = widget.view
    canvas(page).focus()
    canvas(page).hover(position={"x": 400, "y": 100})
    page.mouse.wheel(0, -120)
    page.wait_for_function(f"high => {VIEWER}.high < high", arg=high)
    inner = span(page)
    assert inner[0] > low
    page.get_by_role("button", name="Zoom out (-)").click()
    wide = (inner[1] - inner[0]) * 1.9
    page.wait_for_function(f"wide => {VIEWER}.high - {VIEWER}.low > wide", arg=wide)
    canvas(page).focus()
    page.keyboard.press("0")
    wait_for_view(page, 0, widget._bars.last * 1.01)
    page.keyboard.press("z")
    wait_for_view(page, *widget.view)
    page.keyboard.press("+")
    half, quarter = (high - low) / 2, (high - low) / 4
    wait_for_view(page, low + quarter, high - quarter)
    page.keyboard.press("Shift+ArrowRight")
    wait_for_view(page, low + quarter + 0.2 * half, high - quarter + 0.2 * half)
    page.get_by_role("button", name="Earlier").click()
    wait_for_view(page, low + quarter - 0.05 * half, high - quarter - 0.05 * half)
    box, before = canvas(page).bounding_box(), span(page)
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 300, steps=5)
    page.mouse.up()
    scale = (box["width"] - GUTTER) / half
    assert span(page)[0] - before[0] == pytest.approx(100 / scale, rel=0.02)
    assert saved(page, "selected") == widget.selected, "a drag is no click"


def test_the_wheel_does_not_hold_up_who_scrolls_the_page(shown: Any) -> None:
    page, widget = shown
    page.evaluate("() => { document.body.style.height = '4000px' }")
    canvas(page).hover(position={"x": 400, "y": 100})
    page.mouse.wheel(0, 120)  # the chain's few lanes are all on show
    page.wait_for_function("() => scrollY > 100")
    assert span(page) == pytest.approx(widget.view)
    page.mouse.wheel(0, -4000)
    page.wait_for_function("() => scrollY === 0")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    page.wait_for_function(f"high => {VIEWER}.high < high", arg=widget.view[1])
    lens(page, "all")
    page.evaluate(f"() => {VIEWER}.go(0, {VIEWER}.whole())")
    wait_for_view(page, 0, widget._bars.last * 1.01)
    page.evaluate(
        f"() => Object.assign({VIEWER}, {{ scroll: 0, passed: -1e9 }})"
    )  # some time has gone by
    page.mouse.wheel(0, 90)
    page.wait_for_function(f"() => {VIEWER}.scroll === 90")
    assert span(page) == pytest.approx((0, widget._bars.last * 1.01))
    assert page.evaluate("scrollY") == 0
    page.evaluate(f"() => {{ const v = {VIEWER}; v.scrolled(1e9); v.passed = -1e9; }}")
    page.mouse.wheel(0, 120)  # there are no more lanes
    page.wait_for_function("() => scrollY > 100")
    expect(page.locator(".lambdalab-viewer .help")).to_contain_text("The wheel zooms after a click")


def test_the_minimap_moves_the_window(shown: Any) -> None:
    page, widget = shown
    span = widget.view[1] - widget.view[0]
    small = page.locator(".lambdalab-viewer canvas.small")
    box = small.bounding_box()
    whole = widget._bars.last * 1.01
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    wait_for_view(page, whole / 2 - span / 2, whole / 2 + span / 2)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20, steps=4)
    page.mouse.up()
    wait_for_view(page, whole / 4 - span / 2, whole / 4 + span / 2)
    small.focus()
    page.keyboard.press("ArrowRight")
    wait_for_view(page, whole / 4 - span / 4, whole / 4 + span * 3 / 4)


def test_search_by_id_full_id_and_name(shown: Any, trace: Any) -> None:
    page, widget = shown
    box = page.get_by_role("combobox", name="Search by id or name")
    full = trace.invocations["request_id"].iloc[68]
    for text, selected in (
        ("r2", "r2"),
        ("B3", "b3"),
        (full, "r69"),
        ("m12", "m12"),
        ("a5", "a5"),
        ("e1", "e1"),
        ("orders-d", "orders-dlq"),
    ):
        box.fill(text)
        box.press("Enter")
        expect(live(page)).to_contain_text(re.compile(rf"\b{selected}\b|of \d+:"))
        assert saved(page, "selected") == selected
        widget.select(selected)
        wait_for_view(page, *widget.view)
    box.fill("r99999")
    box.press("Enter")
    expect(live(page)).to_contain_text("Nothing here is called r99999")
    assert saved(page, "selected") == "orders-dlq"


def test_what_was_merged_is_gone_to_when_it_comes(
    plain_page: Any, lab: ll.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thinning, "MOST", 50)
    lab.create_function("f", duration=0.01, failure_rate=0.02)
    lab.drive("f", ll.Poisson(rate=50), count=400)
    lab.run()
    widget = ll.TraceViewer(lab)
    gone = next(n for n in range(1, 400) if not len(widget._bars.of(widget._node(f"r{n}"))))
    page = plain_page(widget)
    page.evaluate(f"() => {VIEWER}.seek('r{gone}')")
    expect(live(page)).to_contain_text(f"r{gone} is merged with its neighbours")
    state = widget.select(f"r{gone}").get_state()  # what a kernel would do
    told = [base64.b64encode(state["data"]).decode(), state["columns"], state["about"]]
    page.evaluate(
        """([data, columns, about]) => {
            const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
            model.set('columns', columns);
            model.set('about', about);
            model.set('data', new DataView(bytes.buffer));
            document.querySelector('.lambdalab-viewer').viewer.read();
        }""",
        told,
    )
    expect(live(page)).to_contain_text(f"1 of {len(widget.selection)}: ")
    wait_for_view(page, *widget.view)
    page.evaluate(f"() => {VIEWER}.set({{ selected: 'r9999' }})")
    expect(live(page)).to_have_text("Nothing here is called r9999.")


def test_a_click_lights_the_chain_and_arrows_walk_it(shown: Any, trace: Any) -> None:
    page, widget = shown
    made = widget._bars
    widget.select("r69")
    page.evaluate(f"() => {VIEWER}.jump('r69')")
    bar = int(
        next(
            p for p in widget._lit() if made.numbers["table"][p] == 5 and made.numbers["d"][p] == 2
        )
    )
    wait_for_view(page, *widget.view)
    begun, over = float(made.start[bar]), float(made.end[bar])
    lens(page, "span", [begun - 0.5, over + 0.5])
    canvas(page).click(position=middle(page, bar))
    assert saved(page, "selected") == made.id(bar)
    assert saved(page, "cursor") == bar
    widget.selected = made.id(bar)
    lit = widget._lit().tolist()
    items = page.locator(".lambdalab-viewer .story li")
    expect(items).to_have_count(len(lit))
    texts = items.all_inner_texts()
    assert [t.split(" s ", 1)[1].strip() for t in texts] == [made.sentence(p) for p in lit]
    place = lit.index(bar)
    for key, step in (
        ("ArrowRight", 1),
        ("ArrowRight", 1),
        ("ArrowLeft", -1),
        ("Home", -99),
        ("ArrowRight", 1),
        ("End", 99),
    ):
        page.keyboard.press(key)
        place = min(max(place + step, 0), len(lit) - 1)
        expect(live(page)).to_contain_text(f"{place + 1} of {len(lit)}: ")
        assert saved(page, "cursor") == lit[place]
    items.nth(1).click()
    assert saved(page, "cursor") == lit[1]
    canvas(page).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    assert saved(page, "cursor") != lit[0], "down leads to an effect"
    effect = saved(page, "cursor")
    page.keyboard.press("Enter")
    assert saved(page, "selected") == made.id(effect)
    page.keyboard.press("Escape")
    assert saved(page, "selected") == ""
    expect(live(page)).to_have_text("Nothing is selected.")


def test_hover_tells_facts_and_cause(shown: Any) -> None:
    page, widget = shown
    bar = widget.findings[0].bar
    canvas(page).hover(position=middle(page, bar))
    tip = page.locator(".lambdalab-viewer .tip")
    expect(tip).to_be_visible()
    expect(tip).to_contain_text(widget._bars.sentence(bar))
    expect(tip).to_contain_text("dead letter")
    canvas(page).hover(position={"x": 300, "y": 10})
    expect(tip).to_be_hidden()


def test_the_legend_filters(shown: Any) -> None:
    page, _ = shown
    key = page.locator(".lambdalab-viewer .legend button[data-key='success']")
    key.click()
    expect(key).to_have_attribute("aria-pressed", "false")
    assert saved(page, "hidden") == ["success"]
    page.locator(".lambdalab-viewer .legend button[data-key='queue']").click()
    assert page.evaluate(f"() => {VIEWER}.rows.list.every(row => row.group.kind !== 'queue')")
    key.focus()
    page.keyboard.press("Enter")
    expect(key).to_have_attribute("aria-pressed", "true")
    expect(key).to_be_focused()
    assert saved(page, "hidden") == ["queue"]


def test_two_times_are_measured(shown: Any) -> None:
    page, widget = shown
    low, high = widget.view
    box = canvas(page).bounding_box()
    wide = box["width"] - 118
    ruler = page.get_by_role("button", name="Measure")
    ruler.click()
    for share in (0.25, 0.75):
        canvas(page).click(position={"x": 118 + wide * share, "y": 300})
    measured = saved(page, "measured")
    assert measured == pytest.approx(
        [low + (high - low) * 0.25, low + (high - low) * 0.75], abs=(high - low) / wide
    )
    expect(live(page)).to_contain_text(f": {ll.plots.words.duration(measured[1] - measured[0])}.")
    expect(ruler).to_have_attribute("aria-pressed", "false")
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 200, box["y"] + 350)
    page.mouse.down()
    page.mouse.move(box["x"] + 400, box["y"] + 350, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    one, other = saved(page, "measured")
    assert other - one == pytest.approx(200 / wide * (high - low), rel=0.02)
    canvas(page).focus()
    page.keyboard.press("Escape")
    assert saved(page, "measured") == []


def test_groups_open_and_close(shown: Any) -> None:
    page, _ = shown
    page.get_by_role("button", name="Show only the lanes").click()
    before, more = lens(page, "rows"), lens(page, "more")
    canvas(page).click(position={"x": 40, "y": AXIS + more["y"]})
    assert saved(page, "opened") == [more["group"]]
    assert lens(page, "rows") == before - 1 + more["rest"]
    canvas(page).press("Escape")
    page.evaluate(f"() => {{ {VIEWER}.scroll = 0; }}")
    canvas(page).press("o")
    expect(live(page)).to_contain_text("is open")
    assert len(saved(page, "opened")) == 2


def test_an_empty_trace_and_a_single_row(plain_page: Any, lab: ll.Lab) -> None:
    page = plain_page(ll.TraceViewer(lab), "empty")
    expect(live(page)).to_have_text("This trace is empty: nothing has happened yet.")
    expect(page.locator(".lambdalab-viewer .found")).to_contain_text("Nothing has happened yet")
    for key in ("ArrowRight", "0", "z", "f", "m"):
        canvas(page).press(key)
    lab.create_function("f", duration=0.1)
    lab.invoke("f", {})
    page = plain_page(ll.TraceViewer(lab), "one")
    expect(live(page)).to_contain_text("cold start")


def test_contrast_and_names(shown: Any) -> None:
    """Every control has a name, and no text is too faint."""
    page, _ = shown
    assert lens(page, "unnamed") == 0
    assert lens(page, "faint") == []


# ---- with a kernel -----------------------------------------------------------------------------------

SETUP = """import lambdalab as ll
lab = ll.Lab(seed=7)
lab.create_function("f", duration=1, failure_rate=0.5, dead_letter_queue="failed")
lab.drive("f", ll.Poisson(rate=1), count=10, invocation_type="Event")
_ = lab.run()
viewer = ll.TraceViewer(lab)
viewer"""
READ = """import ipywidgets
told = ipywidgets.HTML()
button = ipywidgets.Button(description="read back")
def answer(_):
    ids = " ".join(viewer.selection["id"])
    told.value = f"{ids} of {viewer.selected}, from {viewer.view[0]:.3f}"
button.on_click(answer)
ipywidgets.VBox([button, told])"""
VOILAS_OWN = (
    "https://cdn.jsdelivr.net/npm/@fortawesome/",
    "https://cdnjs.cloudflare.com/ajax/libs/mathjax/",
)


def twin() -> ll.TraceViewer:
    """The same viewer, here."""
    names: dict[str, Any] = {}
    exec(SETUP, names)
    viewer: ll.TraceViewer = names["viewer"]
    return viewer


def search_and_read_back(page: Any) -> None:
    widget = twin()
    box = page.get_by_role("combobox", name="Search by id or name")
    box.click()
    page.keyboard.type("r3")
    page.keyboard.press("Enter")
    widget.select("r3")
    expect(live(page)).to_contain_text(f"1 of {len(widget.selection)}: ")
    page.wait_for_function(
        f"low => Math.abs({VIEWER}.model.get('view')[0] - low) < 1e-6", arg=widget.view[0]
    )
    page.get_by_role("button", name="read back").click()
    ids = " ".join(widget.selection["id"])
    expect(page.locator(".widget-html-content")).to_have_text(
        f"{ids} of r3, from {widget.view[0]:.3f}"
    )


def test_selection_is_read_back_in_voila(notebook: Any, make_notebook: Any) -> None:
    notebook.open_voila(make_notebook([SETUP, READ]))
    widget = twin()
    expect(live(notebook.page)).to_contain_text(widget._bars.sentence(widget.cursor)[:40])
    search_and_read_back(notebook.page)
    notebook.check(outside=VOILAS_OWN)
    notebook.page.locator(".lambdalab-viewer").scroll_into_view_if_needed()
    notebook.shot("viewer-voila")


def test_the_viewer_in_jupyterlab(notebook: Any, make_notebook: Any) -> None:
    """Keys reach the viewer, or a flow, and not the notebook's shortcuts; Python sets what is on show."""
    cells = [SETUP, READ, "viewer.select('r1');", "ll.Flow(viewer.trace, end=10)"]
    notebook.open_lab(make_notebook(cells)).run_all()
    page = notebook.page
    widget = twin().select("r1")
    expect(live(page)).to_contain_text(f"1 of {len(widget.selection)}: ")
    cells = page.locator(".jp-CodeCell").count()
    canvas(page).scroll_into_view_if_needed()
    canvas(page).click(position={"x": 60, "y": 10})
    for key in ("ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(live(page)).to_contain_text(f"3 of {len(widget.selection)}: ")
    commands = (
        "b",
        "d",
        "d",
        "z",
        "m",
        "f",
        "f",
        "Escape",
    )  # the notebook's own, were they to reach it
    for key in commands:
        page.keyboard.press(key)
    assert page.locator(".jp-CodeCell").count() == cells
    expect(live(page)).to_have_text("Nothing is selected.")
    page.locator(".ll-stage").focus()
    for key in (*commands, "End"):
        page.keyboard.press(key)
    expect(page.locator(".ll-clock")).to_have_text("t = 0:00:10.0")
    assert page.locator(".jp-CodeCell").count() == cells
    search_and_read_back(page)
    notebook.check()
    canvas(page).scroll_into_view_if_needed()
    notebook.shot("viewer-jupyterlab")
