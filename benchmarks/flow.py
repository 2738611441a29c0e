"""The flow animation: frames a second while the film of 5,000 events plays, in headless Chromium."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.table import Row, missing

WHAT, AIM = "flow: playing 5,000 events", ">= 30 frames/s"
EVENTS = 5_000
SECONDS = 3  # of playing, from each of these shares of the film on
STARTS = (0.0, 0.4, 0.8)
NEEDS = ("playwright", "anywidget")
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

PLAY = """async ([share, seconds]) => {
    const flow = document.getElementById('flow').lambdalabFlow;
    flow.seek(flow.s.length * share);
    flow.save({ playing: true });
    const frames = flow.frames || 0, began = performance.now();
    await new Promise(done => setTimeout(done, seconds * 1000));
    const rate = (flow.frames - frames) / (performance.now() - began) * 1000;
    flow.save({ playing: false });
    return rate;
}"""


def rows() -> Iterator[Row]:
    """One line for the frames, one for the making of the script."""
    trace = trace_of(EVENTS)
    yield writing(trace)
    lacking = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if lacking or browser is None:
        yield missing(WHAT, AIM, f"needs {', '.join(lacking) or 'Chromium on PATH'}")
    else:
        yield frames(trace, browser)


def trace_of(events: int) -> Any:
    """A queue, its dead letters, and a function that fails at times: so many rows of queue events."""
    import lambdalab as ll

    lab = ll.Lab(seed=1)
    lab.create_function("bill", duration=ll.LogNormal(p50=0.5, p99=3), failure_rate=0.1, timeout=10)
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=30, dead_letter_queue="dead", max_receive_count=2
    )
    lab.create_event_source_mapping(orders, "bill", batch_size=10, maximum_batching_window=1)
    lab.drive(orders, ll.Poisson(rate=40), count=events // 3)
    lab.run()
    return lab.trace


def writing(trace: Any) -> Row:
    """Seconds from a trace to the widget."""
    import lambdalab as ll

    began = time.process_time()
    flow = ll.Flow(trace)
    took = time.process_time() - began
    seen = f"{took:.2f} s, {len(trace.queue_events):,} events, {len(flow.script) / 1e3:.0f} kB"
    return Row("flow: from trace to widget", "<= 1 s", seen, took <= 1)


def frames(trace: Any, browser: str) -> Row:
    """The least frames a second of all starts."""
    from playwright.sync_api import sync_playwright

    import lambdalab as ll

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = ll.Flow(trace).save(Path(folder) / "flow.html")
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        chromium = playwright.chromium.launch(executable_path=browser, args=options)
        page = chromium.new_page(viewport={"width": 1200, "height": 1000})
        page.goto(path.as_uri())
        seen = [page.evaluate(PLAY, [share, SECONDS]) for share in STARTS]
        chromium.close()
    parts = ", ".join(
        f"from {share:.0%} {rate:.0f}" for share, rate in zip(STARTS, seen, strict=True)
    )
    return Row(WHAT, AIM, f"{min(seen):.0f} frames/s ({parts})", min(seen) >= 30)
