"""``lab.play()`` as a person sees it: in JupyterLab, while another cell runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

if os.environ.get("BROWSER_REQUIRED") != "1":
    pytest.importorskip("playwright")
from playwright.sync_api import expect

LAB = """
import asyncio
import lambdalab as ll

def made():
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=ll.LogNormal(p50=2, p99=9), failure_rate=0.2, timeout=30)
    lab.drive("bill", ll.Poisson(0.5), duration=14_400, invocation_type="Event")
    return lab

lab = made()
playing = lab.play(speed=600, plots=["concurrency"])
playing"""
ENDLESS = """
print("before:", second.state if "second" in globals() else "nothing")
other = ll.Lab(seed=8)
other.create_function("ping", duration=0.1)
other.drive("ping", ll.Every(1))
second = other.play(speed=10, plots=())
second"""
WAITS = """
print("another cell runs")
while playing.state != "over":
    await asyncio.sleep(0.05)
alone = made()
alone.run()
print("the trace of run()" if lab.trace.digest() == alone.trace.digest() else "another trace")"""


def test_it_plays_while_another_cell_runs(notebook: Any, make_notebook: Callable[..., str]) -> None:
    notebook.open_lab(make_notebook([LAB, WAITS, ENDLESS]))
    page = notebook.page

    def choose(menu: str, item: str) -> None:
        for name in (menu, item):
            page.get_by_role("menuitem", name=name, exact=True).click()

    def said(text: str) -> Any:
        return page.locator(".jp-OutputArea-output pre", has_text=text)

    choose("Run", "Run All Cells")
    shown = page.locator(".lambdalab-live", has=page.locator("img"))
    status, picture = shown.locator(".lambdalab-status"), shown.locator("img")
    expect(said("another cell runs")).to_be_visible(timeout=60_000)
    expect(status).to_contain_text("playing at 600 ×")
    for _ in range(2):
        before = picture.get_attribute("src")
        expect(picture).not_to_have_attribute("src", before)
    notebook.shot("live-playing")

    shown.get_by_role("button", name="Pause").click()
    expect(status).to_contain_text("paused")
    before = picture.get_attribute("src")
    # "Play" comes to a kernel only between cells: while one runs, a widget has one message heard
    expect(shown.get_by_role("button", name="Play")).to_be_enabled()
    shown.get_by_role("button", name="To the end").click()
    expect(status).to_contain_text("nothing is left to happen")
    expect(picture).not_to_have_attribute("src", before)
    expect(said("the trace of run()")).to_be_visible()
    expect(shown.get_by_role("button", name="Play")).to_be_disabled()
    notebook.shot("live-over")
    notebook.check(errors=("Canceled",))

    expect(page.locator(".lambdalab-live").last).to_contain_text("playing at 10 ×")
    choose("Edit", "Clear Outputs of All Cells")
    page.locator(".jp-CodeCell .cm-content").last.click()
    page.keyboard.press("Control+Enter")
    expect(said("before: paused")).to_be_visible()
