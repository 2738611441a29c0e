"""``lab.play()``: the wall clock decides when things happen, never what happens."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InsideHandler, InvalidSetting, UnknownName
from lambdalab.plots import PLOTS
from lambdalab.widgets import live


def busy_lab(seed: int = 7) -> ll.Lab:
    """Traffic, a queue with a mapping, an event that fails three times: minutes of waiting in between."""
    lab = ll.Lab(seed=seed)
    lab.create_function("bill", duration=ll.LogNormal(p50=0.1, p99=0.5), failure_rate=0.2)
    lab.create_function("report", failure_rate=1.0, duration=1, dead_letter_queue="failed")
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    lab.create_event_source_mapping(orders, "bill", maximum_batching_window=2)
    lab.drive(orders, ll.Poisson(2), duration=20)
    lab.drive("bill", ll.Every(5), duration=30)
    lab.invoke("report", {}, invocation_type="Event")
    return lab


def whole(seed: int = 7) -> tuple[str, float]:
    """What ``run()`` makes of it."""
    lab = busy_lab(seed)
    lab.run()
    return lab.trace.digest(), lab.elapsed


def playing(lab: ll.Lab, speed: float = 60, until: float | None = None) -> live.Playing:
    """Not in an event loop: the test gives the frames."""
    return live.Playing(lab, speed, until, ["timeline"], viewer=False)


@given(
    st.lists(st.floats(0.01, 0.5), min_size=1, max_size=20),
    st.sampled_from([5.0, 60.0, 1_000.0]),
    st.integers(0, 10),
)
@settings(max_examples=10)
def test_the_trace_is_that_of_run_whatever_the_frames_and_pauses(frames, speed, pause) -> None:
    lab = busy_lab()
    shown = playing(lab, speed)
    wall = 100.0
    for number, length in enumerate(frames):
        wall += length
        if number == pause:
            shown.pause()
            shown.frame(wall)
            shown.resume()
        shown.frame(wall)
    shown.finish()
    assert (lab.trace.digest(), lab.elapsed) == whole()
    assert shown.state == "over"


def test_frame_by_frame_to_the_end_is_run() -> None:
    lab = busy_lab()
    shown, wall = playing(lab, speed=30), 0.0
    while shown.state == "playing":
        shown.frame(wall)
        wall += 0.4
    assert (lab.trace.digest(), lab.elapsed) == whole()
    assert wall == pytest.approx(lab.elapsed / 30, abs=1)


def test_time_passes_at_its_speed_and_stands_still_in_a_pause() -> None:
    lab = busy_lab()
    shown = playing(lab, speed=10)
    shown.frame(5.0)
    assert lab.elapsed == 0.0, "the first look at the clock only begins"
    shown.frame(5.25)
    assert lab.elapsed == pytest.approx(2.5)
    shown.speed = 20
    shown.frame(5.5)
    assert lab.elapsed == pytest.approx(7.5)
    shown.pause()
    shown.frame(9.0)
    assert lab.elapsed == pytest.approx(7.5)
    lab.advance(1)
    shown.resume()
    shown.frame(10.0)
    shown.frame(10.1)
    assert lab.elapsed == pytest.approx(10.5), "it goes on from where the lab is now"
    shown.frame(60.0)
    assert lab.elapsed == pytest.approx(20.5), "a busy notebook is not made up for"


def test_until() -> None:
    lab, other = busy_lab(), busy_lab()
    shown = playing(lab, speed=1_000, until=45.0)
    shown.frame(0.0)
    shown.frame(0.5)
    other.run(until=45)
    assert (lab.elapsed, lab.trace.digest()) == (45.0, other.trace.digest())
    assert shown.state == "over"


def test_buttons_and_words() -> None:
    shown = playing(busy_lab())
    assert "playing at 60" in shown.status.value
    shown.play_button.value = False
    assert shown.state == "paused"
    assert shown.play_button.description == "Play"
    before = shown._pictures["timeline"][1].value
    shown.finish_button.click()
    assert shown.state == "over"
    assert shown.play_button.disabled
    assert "nothing is left to happen" in shown.status.value
    assert shown._pictures["timeline"][1].value != before
    shown.frame(1e9)
    assert repr(shown).startswith("<Playing: 197.1 s after the start")


def test_the_viewer_follows_until_somebody_looks_elsewhere() -> None:
    lab = busy_lab()
    shown = live.Playing(lab, 10, None, [], viewer=True)
    assert shown.viewer is not None
    for wall in (0.0, 0.4, 0.8, 1.2):
        shown.frame(wall)
    assert shown.viewer.view == (0.0, pytest.approx(lab.elapsed))
    assert "a1" in shown.viewer.select("a1").selected
    shown.viewer.show(1, 3)
    shown.finish()
    assert shown.viewer.view == (1.0, 3.0)
    assert shown.viewer.about["last"] == pytest.approx(lab.elapsed)


def test_in_an_event_loop_it_does_not_block() -> None:
    async def notebook() -> None:
        lab = busy_lab()
        shown = lab.play(speed=1_000_000, plots=())
        assert lab.elapsed == 0.0, "the cell is over before anything has happened"
        await asyncio.wait_for(shown._task, 20)
        assert (lab.trace.digest(), lab.elapsed) == whole()

    asyncio.run(notebook())


def test_in_a_script_it_plays_to_its_end() -> None:
    lab = busy_lab()
    lab.play(speed=1_000_000, plots=["queue_depth"])
    assert (lab.trace.digest(), lab.elapsed) == whole()


def test_what_breaks_a_run_is_told() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=0.1)
    lab.drive("bill", ll.Every(1))
    shown = playing(lab)
    with pytest.raises(ll.LabError, match="until"):
        shown.finish()
    assert shown.state == "failed"
    assert "EndlessRun" in shown.status.value
    lab.run(until=10)


def test_one_of_a_labs_players_plays() -> None:
    lab, elsewhere = busy_lab(), playing(busy_lab())
    first = playing(lab)
    second = playing(lab)
    assert (first.state, second.state) == ("paused", "playing")
    first.resume()
    assert (first.state, second.state, elsewhere.state) == ("playing", "paused", "playing")


def test_after_a_reset_it_goes_on_from_the_beginning() -> None:
    lab = busy_lab()
    shown = playing(lab, speed=10)
    shown.frame(0.0)
    shown.frame(0.5)
    assert lab.elapsed == pytest.approx(5.0)
    lab.reset()
    lab.drive("bill", ll.Every(1), duration=30)
    shown.frame(1.0)
    assert lab.elapsed == pytest.approx(5.0)
    lab.close()
    shown.frame(1.5)
    assert shown.state == "failed"
    assert "closed" in shown.status.value


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_an_error_stops_it_and_play_goes_on(error) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=0.1)

    def payload(number: int) -> dict[str, int]:
        if number == 3:
            raise error("no order 3")
        return {"order": number}

    lab.drive("bill", ll.Every(1), count=6, payload=payload)
    shown = playing(lab, speed=100)
    shown.frame(0.0)
    shown.frame(0.5)
    assert (shown.state, type(shown.error)) == ("failed", error)
    assert "no order 3" in shown.status.value
    assert not shown.play_button.disabled
    shown.play_button.value = True
    assert (shown.state, shown.error) == ("playing", None)
    shown.frame(1.0)
    shown.frame(1.5)
    assert shown.state == "over"


def test_a_picture_that_fails_stops_it_too(monkeypatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("no picture")

    shown = playing(busy_lab())
    monkeypatch.setitem(PLOTS, "timeline", fails)
    shown.frame(0.0)
    assert shown.state == "failed"
    assert "no picture" in shown.status.value


def test_a_lab_with_much_to_do_goes_slower_and_leaves_room(monkeypatch) -> None:
    monkeypatch.setattr(live, "_BUDGET", -1.0)
    lab = busy_lab()
    shown = playing(lab, speed=60)
    shown.frame(0.0)
    shown.frame(0.5)
    assert lab.elapsed == 1.0, "one stride of thirty that were due"
    shown.pause()
    shown.resume()
    assert "slower here" in shown.status.value
    shown.finish()
    assert (lab.trace.digest(), lab.elapsed) == whole()


def test_what_a_page_asks_for_is_done_in_the_thread_of_the_frames(monkeypatch) -> None:
    """JupyterLab's messages to widgets may come in another thread; handlers cannot change theirs."""
    done: list[threading.Thread] = []
    change = live.Playing._let

    def let(self: live.Playing, at: float) -> bool:
        done.append(threading.current_thread())
        return change(self, at)

    monkeypatch.setattr(live.Playing, "_let", let)

    async def notebook() -> None:
        lab = busy_lab()
        shown = lab.play(speed=1, plots=())
        await asyncio.to_thread(shown.play_button.set_trait, "value", False)
        await asyncio.sleep(0)
        assert shown.state == "paused"
        await asyncio.wait_for(shown._task, 20)
        await asyncio.to_thread(shown.finish_button.click)
        await asyncio.sleep(0)
        assert (lab.trace.digest(), lab.elapsed) == whole()

    asyncio.run(notebook())
    assert set(done) == {threading.main_thread()}


def test_taken_out_of_the_notebook_it_pauses() -> None:
    async def notebook() -> None:
        shown = busy_lab().play(speed=1, plots=())
        shown.set_state({"_view_count": 1})
        assert shown.state == "playing"
        shown.set_state({"_view_count": 0})
        assert shown.state == "paused"
        shown.resume()
        task = shown._task
        shown.close()
        await asyncio.wait([task], timeout=20)
        assert (shown.state, task.done()) == ("paused", True)

    asyncio.run(notebook())


def test_what_cannot_be_played() -> None:
    lab = busy_lab()
    for speed in (0, -1, float("nan"), True, "fast"):
        with pytest.raises(InvalidSetting, match="speed"):
            lab.play(speed=speed)
    with pytest.raises(UnknownName, match="did you mean 'timeline'"):
        lab.play(plots=["timelin"])
    lab.advance(10)
    with pytest.raises(InvalidSetting, match="not before now"):
        lab.play(until=5)

    @lab.function
    def player(event, context):
        lab.play()

    assert isinstance(lab.invoke(player).exception, InsideHandler)
