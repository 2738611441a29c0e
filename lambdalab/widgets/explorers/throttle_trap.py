"""Who dies without having been tried? Pollers that take more than may run, and what that uses up."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lambdalab.plots import receives, words
from lambdalab.rules import Rules
from lambdalab.scenarios import ThrottleTrap
from lambdalab.scenarios.throttle_trap import DEAD_LETTERS, FUNCTION, MAPPING, QUEUE
from lambdalab.widgets.controls import Control, number, whole
from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.facts import Telling, Why
from lambdalab.widgets.predicting import Question

if TYPE_CHECKING:
    import pandas as pd

    from lambdalab.plots.picture import Axes
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
_LETTERS = {"queue": QUEUE, "action": "dead_lettered"}
_THROTTLED = {"status": "throttled"}
_ENDS = (
    "none, what is throttled waits until there is room",
    "none, no more are taken than may run",
    "some, because their runs fail",
    "some, though no run fails",
)


class ThrottleTrapExplorer(Explorer):
    """Who dies without having been tried? Pollers that take more batches than the function may run.

    Cures: "reserved concurrency is a safe brake for a queue", "only what fails becomes a dead letter".
    """

    name = "throttle_trap"
    heading = "Who dies without having been tried? A queue and a reserved concurrency"
    scenario = ThrottleTrap
    tall = 4.2
    presets: ClassVar = {
        "the trap": {},
        "cured": {"maximum_concurrency": 2},
        "too generous": {"maximum_concurrency": 4},
        "more receives": {"max_receive_count": 10},
        "more room": {"reserved_concurrency": 20},
    }

    def controls(self) -> list[Control]:
        """Messages, reserved and maximum concurrency, duration, receives, visibility timeout."""
        return [
            whole("messages", "messages", 10, 1_000, 10),
            number("duration", "a batch takes (s)", 0.5, 60.0, 0.5),
            whole("reserved_concurrency", "reserved concurrency", 1, 10),
            whole(
                "maximum_concurrency", "max concurrency (0: any)", 0, 10,
                shown=lambda most: most or 0,
                meant=lambda most: max(most, _RULES.mapping_concurrency_minimum) if most else None,
            ),
            whole("max_receive_count", "max receive count", 1, 10),
            whole("visibility_timeout", "visibility timeout (s)", 10, 120, 5),
        ]  # fmt: skip

    def draw(self, trace: Trace, ax: Axes, other: Trace | None) -> Axes:
        """How often messages were received, and how they ended."""
        return receives(trace, ax=ax, queue=QUEUE)

    def drawing(self) -> str:
        """The plot."""
        return f'trace.plot.receives(queue="{QUEUE}")'

    def figures(self, trace: Trace) -> dict[str, str]:
        """Messages, dead letters, failed runs, throttles, receives a message, how long all took."""
        tell = Telling(trace)
        sent = len(tell.rows("queue_events", {"queue": QUEUE, "action": "sent"}))
        taken = len(tell.rows("queue_events", {"queue": QUEUE, "action": "received"}))
        ends = tell.number("queue_events", "at", {"queue": QUEUE}, "max")
        return {
            "messages": f"{sent:,}",
            "dead letters": f"{len(tell.rows('queue_events', _LETTERS)):,}",
            "failed runs": f"{len(tell.rows('attempts', {'outcome': ('!=', 'success')})):,}",
            "throttles": f"{len(tell.rows('invocations', _THROTTLED)):,}",
            "receives of a message": f"{taken / sent:.3g}" if sent else "–",
            "all over after": words.known(ends),
        }

    def explain(self, trace: Trace) -> Why:
        """How many died, whether one of them ever ran, and what let it happen, or did not."""
        tell = Telling(trace)
        if len(tell.rows("queue_events", _LETTERS)):
            return tell.why(_died(tell))
        reserved = tell.setting("function", FUNCTION, "reserved_concurrency")
        if not len(tell.rows("invocations", _THROTTLED)):
            return tell.why(_calm(tell, reserved))
        throttles = tell.count("call", "invocations", _THROTTLED)
        most = tell.value("queue_events", "receive_count", {"queue": QUEUE}, "max")
        allowed = tell.setting("sqs", QUEUE, "max_receive_count")
        message = tell.rows("queue_events", {"queue": QUEUE, "receive_count": int(most)})
        were = "was" if throttles == "1 call" else "were"
        said = f"Nothing died this time. But {throttles} {were} throttled"
        if most == "1":
            return tell.why(
                f"{said}: batches waited for {_places(reserved, 'one of ')}, and got it in time."
            )
        which = tell.id("message", message["event_id"].iloc[0])
        if most == allowed:
            return tell.why(
                f"{said}, and {which} ran at the last of its {allowed} receives: once more without a "
                "place, and it would have died."
            )
        return tell.why(
            f"{said}, and {which} used {most} of its {allowed} receives, though it needed one."
        )

    def ask(self, trace: Trace) -> Question:
        """How many die."""
        tell = Telling(trace)
        sent = len(tell.rows("queue_events", {"queue": QUEUE, "action": "sent"}))
        text = (
            f"How many of the {sent:,} messages will die?" if sent > 1 else "Will the message die?"
        )
        if len(tell.rows("queue_events", _LETTERS)):
            failed = len(tell.rows("attempts", {"outcome": ("!=", "success")}))
            return Question(text, _ENDS, _ENDS[2 if failed else 3])
        return Question(text, _ENDS, _ENDS[0 if len(tell.rows("invocations", _THROTTLED)) else 1])


def _never_ran(tell: Telling) -> list[str]:
    """The dead letters that were in no batch that ran, in the order in which they died."""
    held = tell.trace.batch_records
    ran = set(tell.rows("batches", {"outcome": ("!=", "throttled")})["batch_id"])
    tried = set(held.loc[held["batch_id"].isin(ran), "event_id"])
    return [one for one in tell.rows("queue_events", _LETTERS)["event_id"] if one not in tried]


def _died(tell: Telling) -> str:
    """How many died, and how one of them did."""
    died = tell.count("message", "queue_events", _LETTERS)
    letters, never = tell.rows("queue_events", _LETTERS), _never_ran(tell)
    if (
        not never
    ):  # a place came free so late that the message was visible again before its run was over
        return f"{died} died, though no run failed: they ran too late. {_late(tell, letters)}"
    many = (
        "None"
        if len(never) == len(letters)
        else "Most"
        if 2 * len(never) > len(letters)
        else "Not all"
    )
    them = "of them ever reached" if many == "None" else "of them never reached"
    reached = (
        f"{many} {them} your code" if many != "Not all" else "Not all of them reached your code"
    )
    mine = {"event_id": never[0], "queue": QUEUE, "action": "dead_lettered"}
    receives = int(letters.loc[letters["event_id"] == never[0], "receive_count"].iloc[0])
    often = tell.value("queue_events", "receive_count", mine, text=words.times(receives))
    reserved = tell.setting("function", FUNCTION, "reserved_concurrency")
    at_once = tell.trace.wired("mapping")[MAPPING].get("maximum_concurrency")
    held = ""
    if at_once:
        most = tell.setting("mapping", MAPPING, "maximum_concurrency")
        held = f" by pollers that hold up to {most} batches"
    runs = tell.count("run", "attempts", {"outcome": "success"})
    return (
        f"{died} died. {reached}: {tell.id('message', never[0])} was received "
        f"{often}{held}, found {_places(reserved, 'all ')} "
        f"taken, and went to `{DEAD_LETTERS}`. "
        f"{'The only run' if runs == '1 run' else f'All {runs}'} succeeded."
    )


def _places(reserved: str, which: str) -> str:
    """The places that the function has, as people say it."""
    if reserved == "1":
        return "the only place"
    return "both places" if reserved == "2" and which == "all " else f"{which}{reserved} places"


def _late(tell: Telling, letters: pd.DataFrame) -> str:
    """One that died while its run was at work."""
    message = letters["event_id"].iloc[0]
    died = tell.value("queue_events", "at", {"event_id": message, "action": "dead_lettered"})
    batch = tell.rows("batch_records", {"event_id": message})["batch_id"]
    ran = tell.rows("batches", {"outcome": "success"})
    last = ran.loc[ran["batch_id"].isin(set(batch)), "batch_id"].iloc[-1]
    done = tell.value("batches", "completed_at", {"batch_id": last})
    return (
        f"{tell.id('message', message)} died at {died}; {tell.id('batch', last)}, which had waited "
        f"for a place, succeeded with it at {done}."
    )


def _calm(tell: Telling, reserved: str) -> str:
    """Nothing was throttled."""
    end = tell.value("queue_events", "at", {"queue": QUEUE, "action": "deleted"}, "max")
    at_once = tell.trace.wired("mapping")[MAPPING].get("maximum_concurrency")
    said = "Nothing died, and nothing was throttled"
    if at_once and int(str(at_once)) <= int(reserved.replace(",", "")):
        held = tell.setting("mapping", MAPPING, "maximum_concurrency")
        return (
            f"{said}: the mapping takes at most {held} batches at a time, and {reserved} may run. "
            f"What cannot run yet stays in the queue; the last message was done at {end}."
        )
    runs = tell.value("attempts", "", how="overlap")
    batches = "batch" if runs == "1" else "batches"
    return (
        f"{said}: at most {runs} {batches} ran at once, and {reserved} may. All was done at {end}."
    )
