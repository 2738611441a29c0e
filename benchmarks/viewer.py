"""The trace viewer: frames a second while 100,000 bars are panned; how soon 1,000,000 rows are there."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.table import Row, missing

WHAT, AIM = "trace viewer: panning 100,000 bars", ">= 30 frames/s"
SECONDS = 3  # of panning, for each extent
EXTENTS = {"all of the time": 1.0, "a third": 0.33, "a fiftieth": 0.02}
NEEDS = ("playwright", "pytest", "nbformat", "anywidget")
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

# Pans frame by frame, with every lane open and nothing selected: the most there is to draw.
PAN = """async ([extent, seconds]) => {
    const viewer = document.querySelector('.lambdalab-viewer').viewer;
    const opened = viewer.books.groups.map(group => `${group.kind} ${group.name}`);
    viewer.set({ selected: '', cursor: -1, focus: false, opened });
    Object.assign(viewer, { low: 0, high: viewer.whole() * extent });
    let frames = viewer.draws, began = performance.now();
    await new Promise(done => {
        const frame = now => {
            const by = (viewer.high - viewer.low) * 0.002;
            viewer.go(viewer.low + by, viewer.high + by, false);
            if (now - began < seconds * 1000) requestAnimationFrame(frame); else done();
        };
        requestAnimationFrame(frame);
    });
    return (viewer.draws - frames) / (performance.now() - began) * 1000;
}"""


def rows(full: bool) -> Iterator[Row]:
    """Two lines; with ``full`` the second one has a million rows, else a tenth of that."""
    lacking = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if lacking or browser is None:
        yield missing(WHAT, AIM, f"needs {', '.join(lacking) or 'Chromium on PATH'}")
    else:
        yield frames(browser)
    yield opening(1_000_000 if full else 100_000)


def trace_of(invocations: int) -> Any:
    """A busy function: two bars an invocation, one failure in a hundred."""
    import lambdalab as ll

    lab = ll.Lab(seed=1, quotas={"account_concurrency": 5_000})
    lab.create_function("bill", duration=ll.LogNormal(p50=0.5, p99=3), failure_rate=0.01)
    lab.drive("bill", ll.Poisson(rate=400), count=invocations)
    lab.run()
    return lab.trace


def frames(browser: str) -> Row:
    """The least frames a second of all extents, in headless Chromium."""
    from playwright.sync_api import sync_playwright

    import lambdalab as ll
    from tests.browser.making import page_of

    widget = ll.TraceViewer(trace_of(50_000))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "viewer.html"
        path.write_text(page_of(widget), encoding="utf-8")
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        chromium = playwright.chromium.launch(executable_path=browser, args=options)
        page = chromium.new_page(viewport={"width": 1200, "height": 900})
        page.goto(path.as_uri())
        page.locator(".lambdalab-viewer[data-draws]").wait_for()
        seen = {name: page.evaluate(PAN, [share, SECONDS]) for name, share in EXTENTS.items()}
        chromium.close()
    least = min(seen.values())
    parts = ", ".join(f"{name} {rate:.0f}" for name, rate in seen.items())
    return Row(
        WHAT, AIM, f"{least:.0f} frames/s ({parts}; {widget.about['bars']:,} bars)", least >= 30
    )


def opening(count: int) -> Row:
    """Seconds from a trace of so many rows to what the browser gets."""
    import lambdalab as ll

    trace = trace_of(count // 3)  # three rows an invocation: its own, its attempt, its caller's
    began = time.process_time()
    widget = ll.TraceViewer(trace)
    took = time.process_time() - began
    size = len(widget.data) / 1e6
    seen = f"{took:.2f} s, {widget.about['bars']:,} bars, {size:.0f} MB"
    return Row(f"trace viewer: opening {count:,} rows", "<= 5 s", seen, took <= 5)
