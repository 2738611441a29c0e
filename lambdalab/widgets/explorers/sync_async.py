"""Who waits? The same order sent synchronously and as an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from lambdalab.plots import sync_vs_async, words
from lambdalab.plots.journey import dead_letter_queue
from lambdalab.rules import Rules
from lambdalab.scenarios import SyncVsAsync
from lambdalab.scenarios.sync_vs_async import SENT
from lambdalab.trace.figures import key_figures
from lambdalab.widgets.controls import (
    Control,
    choice,
    magnitude,
    number,
    switch,
    to_bytes,
    to_kilobytes,
    whole,
)
from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.facts import Telling, Where, Why
from lambdalab.widgets.predicting import Question, numbered

if TYPE_CHECKING:
    import pandas as pd

    from lambdalab.plots.picture import Axes
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
_KB = 1024
_HEARD = {
    "result": "the function's result",
    "error": "an error from Lambda, which does not try again",
    "again": "an error from Lambda, after it has tried twice more",
    "stopped": "no answer of Lambda in time; the function is stopped",
    "left": "no answer of Lambda in time; the function runs on",
}
"""What a synchronous caller may expect, right or wrong."""


class SyncAsyncExplorer(Explorer):
    """Who waits? The same order sent synchronously and as an event, below each other.

    Cures: "202 means done", "a timeout at the front stops the function", "Lambda tries synchronous
    calls again", "an event is faster".
    """

    name = "sync_vs_async"
    heading = "Who waits? One order, sent synchronously and as an event"
    scenario = SyncVsAsync
    tall = 5.2
    presets: ClassVar = {
        "getOrder": {},
        "35 s job behind the API": {"duration": 35.0, "timeout": 60, "api": True},
        "failing sync": {"failing": True, "client_tries": 3, "sent": "RequestResponse"},
        "failing async": {"failing": True, "sent": "Event"},
        "failing": {"failing": True},
        "impatient client": {
            "duration": 5.0, "timeout": 10, "client_timeout": 3.0, "client_tries": 3,
        },
        "times out": {"duration": 5.0},
        "slow init": {"duration": 0.5, "init": 5.0},
        "300 KB": {"payload_bytes": 300 * _KB},
    }  # fmt: skip

    def controls(self) -> list[Control]:
        """What is sent and how, what the function does, and the client's patience."""
        init = _RULES.init_percentiles[(_RULES.runtime_default, "x86_64")][1] / 1000
        return [
            choice("sent", "sent as", SENT),
            switch("api", "through a REST API (waits 29 s)"),
            number("duration", "handler works (s)", 0.0, 60.0, 0.1),
            whole("timeout", "function's timeout (s)", _RULES.timeout_minimum, 60),
            number("client_timeout", "client waits at most (s)", 0.5, 60.0, 0.5),
            whole("client_tries", "client tries at most", 1, 3),
            number(
                "init", "init in a cold start (s)", 0.0, 10.0, 0.01,
                shown=lambda value: init if value is None else value,
            ),
            magnitude(
                "payload_bytes", "payload (KB)", -1.5, 3.85, ".2f",
                shown=to_kilobytes, meant=to_bytes,
            ),
            switch("failing", "the function raises"),
        ]  # fmt: skip

    def draw(self, trace: Trace, ax: Axes, other: Trace | None) -> Axes:
        """Both journeys on one time axis."""
        return sync_vs_async(trace, ax=ax, beside=other)

    def drawing(self) -> str:
        """The plot."""
        return "trace.plot.sync_vs_async()"

    def explain(self, trace: Trace) -> Why:
        """Who waited, for what, and what ran all the same."""
        tell = Telling(trace)
        call, event = _call(trace), _event(trace)
        told = [] if call is None else [_synchronous(tell, call)]
        told += [] if event is None else [_asynchronous(tell, event)]
        return tell.why(" ".join(told) or "Nothing has been sent yet.")

    def ask(self, trace: Trace) -> Question:
        """What the synchronous caller hears in the end; of an event alone, how often it runs."""
        call = _call(trace)
        if call is None:
            runs = len(trace.attempts)
            return numbered(
                "How often will the function run for this event?", runs, (0, 1, 2, 3), "run"
            )
        return Question(
            "What does the synchronous caller hear in the end?", tuple(_HEARD.values()),
            _HEARD[_heard(trace, call)],
        )  # fmt: skip

    def figures(self, trace: Trace) -> dict[str, str]:
        """What each caller waited, what ran, also for nobody, and what was billed."""
        told = {}
        for name, rows in (("synchronous client", _call(trace)), ("event's client", _event(trace))):
            waited = 0.0 if rows is None else _waited(rows)
            at_once = "–" if rows is None else "refused" if _refused(trace, rows) else "not at all"
            told[f"{name} waits"] = words.duration(waited) if waited else at_once
        found = key_figures(trace)
        return {
            **told,
            "runs": f"{found['runs']:.0f}",
            "cold starts": f"{found['cold starts']:.0f}",
            "ran on for nobody": words.duration(_ran_on(trace)),
            "billed": words.known(found["billed s"]),
        }


# ---- what was sent -------------------------------------------------------------------------------


def _of_kind(trace: Trace, kind: str) -> pd.DataFrame | None:
    """The tries of the call of that invocation type, in order; None where there is none."""
    calls = trace.invocations
    own = calls.loc[calls["invocation_type"] == kind, "request_id"]
    rows = trace.requests[trace.requests["request_id"].isin(own)]
    return rows if len(rows) else None


def _call(trace: Trace) -> pd.DataFrame | None:
    return _of_kind(trace, "RequestResponse")


def _event(trace: Trace) -> pd.DataFrame | None:
    return _of_kind(trace, "Event")


def _invocation(trace: Trace, tried: pd.Series[Any]) -> pd.Series[Any]:
    """The invocation that a try led to."""
    calls = trace.invocations
    found: pd.Series[Any] = calls[calls["request_id"] == tried["request_id"]].iloc[0]
    return found


def _refused(trace: Trace, rows: pd.DataFrame) -> bool:
    """Whether the last try of a call was refused."""
    return bool(_invocation(trace, rows.iloc[-1])["status"] == "refused")


def _waited(rows: pd.DataFrame) -> float:
    return float((rows["answered_at"].iloc[-1] - rows["sent_at"].iloc[0]).total_seconds())


def _ran_on(trace: Trace) -> float:
    """Seconds of runs that went on when their synchronous caller had its answer, or had gone."""
    call = _call(trace)
    if call is None:
        return 0.0
    answered = call.set_index("request_id")["answered_at"]
    own = trace.attempts[trace.attempts["request_id"].isin(answered.index)]
    over = (own["ended_at"] - own["request_id"].map(answered)).dt.total_seconds()
    return float(over.clip(lower=0).sum())


def _left(tried: pd.Series[Any]) -> bool:
    """Whether somebody stopped waiting: the client, or the service in front."""
    return str(tried["cause"]) in ("client_timeout", "integration_timeout")


def _heard(trace: Trace, call: pd.DataFrame) -> str:
    last = call.iloc[-1]
    if _left(last):
        return "left"
    failed = last["status_code"] >= 400 or _invocation(trace, last)["function_error"]
    return "error" if failed else "result"


# ---- the sentences -------------------------------------------------------------------------------


def _synchronous(tell: Telling, call: pd.DataFrame) -> str:
    last = call.iloc[-1]
    if _left(last):
        return f"{_gave_up(tell, call)} {_went_on(tell, call)}"
    said = _answered(tell, call)
    if len(call) > 1 and not _refused(tell.trace, call):
        return f"{said} {_again(tell, call)}"
    return said


def _one(tried: pd.Series[Any]) -> Where:
    return {"request_id": tried["request_id"]}


def _gave_up(tell: Telling, call: pd.DataFrame) -> str:
    """Who stopped waiting when, of the last try."""
    last = call.iloc[-1]
    at = tell.value("requests", "answered_at", _one(last))
    if str(last["cause"]) == "integration_timeout":
        code = tell.value("requests", "status_code", _one(last))
        said = f"The caller got {code} at {at}"
        return f"{said}, in try {_tries(tell, last)}." if len(call) > 1 else f"{said}."
    if len(call) > 1:
        if call["latency_ms"].nunique() > 1:
            return f"The client gave up at {at}, in try {_tries(tell, last)}."
        each = tell.value("requests", "latency_ms", _one(last))
        return (
            f"The client waited {each} in each of {_tries(tell, last)} tries and gave up at {at}."
        )
    return f"The client gave up at {at}."


def _tries(tell: Telling, last: pd.Series[Any]) -> str:
    return tell.value("requests", "tries", _one(last))


def _went_on(tell: Telling, call: pd.DataFrame) -> str:
    """What became of the runs that nobody waited for any more."""
    last = call.iloc[-1]
    run = _one(last)
    ended = tell.number("attempts", "ended_at", run)
    if ended != ended:
        return "The function had not begun."
    if len(call) == 1:
        until = tell.value("attempts", "ended_at", run)
        billed = tell.value("attempts", "billed_ms", run)
        stopped = ""
        if str(tell.rows("attempts", run)["outcome"].iloc[0]) == "timeout":
            stopped = ", where its own timeout stopped it,"
        return (
            f"The function ran on to {until}{stopped} and was billed for {_all_of(until, billed)}."
        )
    own = {"cause": str(tell.rows("attempts", run)["cause"].iloc[0])}
    runs = tell.count("run", "attempts", own)
    until = tell.value("attempts", "ended_at", run)
    billed = tell.value("attempts", "billed_ms", own, "sum")
    return (
        f"One order made {runs}: each try began one, none was stopped when nobody waited any more. The "
        f"last ran on to {until}; together they were billed for {billed}."
    )


def _all_of(until: str, billed: str) -> str:
    return "it" if until == billed else billed


def _answered(tell: Telling, call: pd.DataFrame) -> str:
    last = call.iloc[-1]
    run = _invocation(tell.trace, last)
    code = tell.value("requests", "status_code", _one(last))
    if run["status"] == "refused":
        size = tell.value("invocations", "payload_bytes", _one(last))
        often = f" in each of {_tries(tell, last)} tries" if len(call) > 1 else ""
        limit = _limit(tell, "synchronous", size)
        return f"The synchronous call was refused with {code}{often}: {size} is {limit}."
    at = tell.value("requests", "answered_at", _one(last))
    if not run["function_error"]:
        return f"The client waited {at}, and its {code} brought the function's result."
    why = "the function had timed out" if run["cause"] == "timeout" else "the function had failed"
    more = f", nor did the client: an error in a {code} is an answer" if code == "200" else ""
    return (
        f"After {at} the client heard in a {code} that {why}. Lambda did not try again{more}. The order "
        "is kept nowhere."
    )


def _limit(tell: Telling, kind: str, size: str) -> str:
    """What a payload is more than."""
    most = tell.setting("account", "payload", kind, "bytes")
    return f"{'' if most != size else 'just '}more than the {most} that one may have"


def _again(tell: Telling, call: pd.DataFrame) -> str:
    """It was the client who sent it more than once."""
    first = call.iloc[0]
    why = "timeout" if str(first["cause"]) == "client_timeout" else (
        f"{tell.value('requests', 'status_code', _one(first))}"
    )  # fmt: skip
    own = {"cause": str(tell.rows("attempts", _one(first))["cause"].iloc[0])}
    return (
        f"That was try {_tries(tell, call.iloc[-1])}: after its first {why} the client had sent the order "
        f"again, and it made {tell.count('run', 'attempts', own)}."
    )


def _asynchronous(tell: Telling, rows: pd.DataFrame) -> str:
    last = rows.iloc[-1]
    event = _invocation(tell.trace, last)
    code = tell.value("requests", "status_code", _one(last))
    if event["status"] == "refused":
        size = tell.value("invocations", "payload_bytes", _one(last))
        limit = _limit(tell, "asynchronous", size)
        return f"The Event was refused with {code}: {size} is {limit}."
    had = f"With Event the client had {code} at once"
    runs = int(event["attempts"])
    if event["status"] == "succeeded" and runs == 1:
        ran = tell.value("attempts", "duration_ms", _one(last))
        until = tell.value("attempts", "ended_at", _one(last))
        return f"{had}, when nothing was done yet: the function ran for {ran}, up to {until}."
    often = words.times(runs)
    if runs > 2:
        often = tell.value("invocations", "attempts", _one(last), text=often)
    age = tell.value("invocations", "latency_ms", _one(last))
    where = dead_letter_queue(tell.trace, str(last["request_id"]))
    end = f"went to `{where}`" if where else "was lost"
    if event["status"] == "succeeded":
        end = "succeeded in the end"
    return f"{had} and heard no more: Lambda ran the event {often} within {age}, and it {end}."
