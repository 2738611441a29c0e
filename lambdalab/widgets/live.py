"""A lab against the wall clock: time passes while the notebook stays free, and pictures follow.

What happens is decided by virtual time alone; the wall clock decides only when it is let happen. So the
trace is that of ``lab.run()``, to the byte.
"""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import traitlets

from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.kernel import outside
from lambdalab.plots import PLOTS, words
from lambdalab.plots.picture import Picture
from lambdalab.progress import hidden
from lambdalab.widgets.viewer import TraceViewer

if TYPE_CHECKING:
    from lambdalab.lab import Lab

_SLOWEST, _FASTEST = 0.01, 1_000_000.0
_FRAME = 0.05
"""Seconds of the wall clock between two looks at it."""
_LONGEST_FRAME = 0.5
"""However long the notebook was busy with something else, no more than this is made up for at once."""
_TICK = 1e-6
_BUDGET = 0.1
"""Seconds of the processor that a frame may take: what does not fit waits, and time goes slower."""
_DRAW_EVERY, _DRAW_SHARE = 0.25, 4
"""Seconds between two pictures; and so many times as long as a picture takes."""
_STATUS = (
    "<div class='lambdalab-status' role='status' aria-live='off' style='line-height:1.5'>{}</div>"
)


class Playing(w.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A lab that is being played: made by ``lab.play()``.

    One of a lab's players plays at a time: where another begins, the one before pauses. Taken out of its
    notebook (its cell cleared, or run again) it pauses too.

    Attributes
    ----------
    lab
        The lab; its tables and its trace can be looked at meanwhile.
    speed
        Virtual seconds in a second of the wall clock (a trait).
    state
        ``"playing"``, ``"paused"``, ``"over"`` or ``"failed"`` (a trait).
    error
        What stopped it where it has failed: the exception that ``run()`` would have raised.
    """

    _task: asyncio.Task[None] | None = None

    speed = traitlets.Float(60.0)
    state = traitlets.Unicode("playing")

    def __init__(
        self, lab: Lab, speed: float, until: float | None, plots: Sequence[str], viewer: bool
    ) -> None:
        self.lab = lab
        self.error: BaseException | None = None
        self._loop = _running_loop()
        self._until = until
        self._at = lab.elapsed
        self._stride = 1.0  # virtual seconds between two looks at what they cost
        self._behind = False  # whether the last frame had no time for all that was due
        self._seen: float | None = None  # the wall clock at the last frame; None: it does not count
        self._drawn, self._cost = float("-inf"), 0.0
        self._pictures = {name: (Picture(), self._image()) for name in plots}
        self.viewer = TraceViewer(lab) if viewer else None
        self._followed = self.viewer.view if self.viewer else None
        self._build()
        super().__init__(self._rows())
        self.add_class("lambdalab-live")
        self.speed = speed
        self._connect()
        self._take_over()
        self._show()

    # ---- from code ---------------------------------------------------------------------------

    def pause(self) -> None:
        """Let time stand still; the lab can be used as ever."""
        if self.state == "playing":
            self.state = "paused"

    def resume(self) -> None:
        """Go on from where the lab's clock is now; after a failure too, as another ``run()`` would."""
        if self.state in {"paused", "failed"}:
            self.error = None
            self.state = "playing"

    def finish(self) -> None:
        """Let all the rest happen at once; raises what ``run()`` would."""
        if self.state == "over":
            return
        self.error = None
        self._guarded(partial(self._let, float("inf")))
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Pause, and take it out of the notebook."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self.pause()
        super().close()

    @traitlets.validate("speed")
    def _right_speed(self, proposal: Any) -> float:
        return checked_speed(proposal["value"])

    # ---- what it is made of ------------------------------------------------------------------

    @staticmethod
    def _image() -> w.Image:
        return w.Image(format="png", layout=w.Layout(max_width="100%", align_self="flex-start"))

    def _build(self) -> None:
        self.play_button = w.ToggleButton(
            True, description="Pause", icon="pause", tooltip="Let time stand still, or go on"
        )
        self.finish_button = w.Button(
            description="To the end", icon="fast-forward", tooltip="Let all the rest happen at once"
        )
        self.speed_slider = w.FloatLogSlider(
            60.0, base=10, min=-2, max=6, step=0.05, description="speed (×)", readout_format=".3g",
            continuous_update=False, layout={"width": "360px"},
        )  # fmt: skip
        self.status = w.HTML()

    def _rows(self) -> list[w.Widget]:
        buttons = w.HBox(
            [self.play_button, self.finish_button, self.speed_slider],
            layout=w.Layout(flex_flow="row wrap"),
        )
        following = [image for _, image in self._pictures.values()]
        return [buttons, self.status, *following, *([self.viewer] if self.viewer else [])]

    def _connect(self) -> None:
        self._view_count = 0  # asks the page to count where it is on show
        self.observe(self._looked_at, "_view_count")
        self.play_button.observe(self._pressed, "value")
        self.finish_button.on_click(self._finish_pressed)
        traitlets.link((self, "speed"), (self.speed_slider, "value"))

    def _pressed(self, change: Any) -> None:
        self._soon(self.resume if change["new"] else self.pause)

    def _finish_pressed(self, _: object) -> None:
        self._soon(self._finish_quietly)

    def _finish_quietly(self) -> None:
        with suppress(Exception, SystemExit):  # the status tells of it
            self.finish()

    def _looked_at(self, change: Any) -> None:
        if change["old"] and not change["new"]:
            self._soon(self.pause)

    def _soon(self, act: Callable[[], None]) -> None:
        """Do what a page asked for in the thread of the frames: JupyterLab's messages come in another."""
        if self._loop is None or self._loop is _running_loop():
            act()
        else:
            self._loop.call_soon_threadsafe(act)

    def _take_over(self) -> None:
        """Be the one of the lab's players that plays."""
        other = self.lab._player
        self.lab._player = self
        if other is not None and other is not self:
            other.pause()

    @traitlets.observe("state")
    def _changed(self, _: object) -> None:
        self._seen = None
        playing = self.state == "playing"
        self.play_button.value = playing
        self.play_button.description = "Pause" if playing else "Play"
        self.play_button.icon = "pause" if playing else "play"
        self.play_button.disabled = self.finish_button.disabled = self.state == "over"
        if playing:
            self._take_over()
            self._begin()
        if self.state == "failed":  # it may have been a picture that failed
            with suppress(Exception):
                self._draw()
            self._tell()
        else:
            self._show()

    # ---- time passes ---------------------------------------------------------------------------

    def frame(self, wall: float) -> None:
        """Let happen what is due at ``wall`` (seconds of any clock that goes forward), and show it."""
        if self.state != "playing":
            return
        passed = 0.0 if self._seen is None else min(wall - self._seen, _LONGEST_FRAME)
        self._seen = wall
        self._guarded(partial(self._pass_to, self._from() + passed * self.speed))
        if wall - self._drawn >= max(_DRAW_EVERY, _DRAW_SHARE * self._cost):
            before = time.perf_counter()
            self._guarded(self._show)
            self._drawn, self._cost = wall, time.perf_counter() - before

    def _from(self) -> float:
        """Where the next frame begins: the lab's clock counts whole microseconds, this all of them."""
        return self._at if abs(self._at - self.lab.elapsed) < _TICK else self.lab.elapsed

    def _guarded(self, work: Callable[[], bool | None]) -> None:
        """Do a part of the work: an error stops it, False ends it.

        The notebook does not wait for it: an error is kept and shown, and Ctrl-C pauses.
        """
        try:
            with hidden("play"):
                more = work()
        except (Exception, SystemExit) as error:
            self.error = error
            self.state = "failed"
        except KeyboardInterrupt:
            if self._task is None:
                raise
            self.pause()
        else:
            if more is False:
                self.state = "over"

    def _pass_to(self, at: float) -> bool:
        """Let the lab's clock come to ``at`` seconds, as far as the frame's budget goes; whether more is
        to come."""
        began = before = time.process_time()
        more = True
        while more:
            to = min(at, self.lab.elapsed + self._stride)
            more = self._let(to)
            self._at, now = to, time.process_time()
            self._behind = to < at and now - began > _BUDGET
            if to >= at or self._behind:
                break
            self._stride *= 2.0 if now - before < _BUDGET / 8 else 0.5
            before = now
        return more

    def _let(self, at: float) -> bool:
        """Let the lab's clock come to ``at``, or to the end of the run; whether more is to come."""
        if self._until is not None:
            self.lab.run(until=max(min(at, self._until), self.lab.elapsed))
            return self.lab.elapsed < self._until
        if at == float("inf"):
            self.lab.run()
            return False
        return self.lab._run_on(at)

    def _begin(self) -> None:
        """Let frames come from the notebook's event loop, where there is one."""
        loop = self._loop
        if loop is not None and (self._task is None or self._task.done()):
            self._task = loop.create_task(self._play(loop.time))

    async def _play(self, clock: Callable[[], float]) -> None:
        while self.state == "playing":
            self.frame(clock())
            await asyncio.sleep(_FRAME)

    # ---- what it shows -------------------------------------------------------------------------

    def _show(self) -> None:
        """Pictures, then the viewer, then the text."""
        self._draw()
        self._tell()

    def _draw(self) -> None:
        for name, (picture, image) in self._pictures.items():
            image.value = picture.png(partial(_drawn, name, self.lab.trace))
        if self.viewer is not None:
            self._follow(self.viewer)

    def _tell(self) -> None:
        self.status.value = _STATUS.format(html.escape(self._told()))

    def _follow(self, viewer: TraceViewer) -> None:
        """The viewer shows all that has happened, until somebody looks at a part of it."""
        viewer.refresh()
        if viewer.view == self._followed:
            viewer.show(0.0, max(self.lab.elapsed, 1.0))
            self._followed = viewer.view

    def _told(self) -> str:
        slower = ", slower here: this much takes its time" if self._behind else ""
        done = {
            "playing": f"playing at {words.rate(self.speed)} ×{slower}",
            "paused": "paused",
            "over": "nothing is left to happen" if self._until is None else "it is time",
            "failed": f"stopped: {type(self.error).__name__}: {self.error}",
        }[self.state]
        calls = words.count(len(self.lab.trace.invocations), "invocation")
        return f"{words.duration(self.lab.elapsed)} after the start · {calls} · {done}"

    def __repr__(self) -> str:
        return f"<Playing: {self._told()}>"


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _drawn(name: str, trace: Any, ax: Any) -> Any:
    return PLOTS[name](trace, ax=ax)


def checked_speed(speed: Any) -> float:
    """The speed, or :class:`~lambdalab.errors.InvalidSetting`."""
    numeric = isinstance(speed, (int, float)) and not isinstance(speed, bool)
    if not numeric or not _SLOWEST <= speed <= _FASTEST:
        limit = f"{_SLOWEST:g} to {_FASTEST:,.0f} virtual seconds in a second"
        raise InvalidSetting("speed", speed, limit)
    return float(speed)


def play(
    lab: Lab, speed: float, *, until: float | None, plots: Sequence[str], viewer: bool
) -> Playing:
    """See :meth:`lambdalab.Lab.play`. ``until`` is in seconds since the lab's start."""
    for name in plots:
        if name not in PLOTS:
            raise UnknownName("plot", name, PLOTS)
    playing = Playing(lab, checked_speed(speed), until, plots, viewer)
    if playing._loop is not None:
        playing._begin()
        return playing
    with outside.real():  # played against the wall clock, also where the lab's time is on
        asyncio.run(playing._play(time.monotonic))
    if playing.error is not None:
        raise playing.error from None
    return playing
