"""Buckets that feed themselves: a function is told of an object, and puts another there.

Whether a handler writes to a bucket stands in no setting. Two things prove that it comes back: the books,
where an object that an invocation of the function put led to the function once more; and an on_failure
destination that is the very bucket whose notifications the function gets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from lambdalab.advice.design import Design
from lambdalab.advice.finding import Advice, Example
from lambdalab.advice.small import Small, table
from lambdalab.functions.function import Function
from lambdalab.lab import Lab
from lambdalab.trace.codes import Action, Cause, QueueKind
from lambdalab.trace.words import times

_RUN_S = 60
_RECORDS = "aws/lambda/"  # where records of failures are put in a bucket


def feeds_itself(design: Design) -> Iterator[Advice]:
    """A notification whose function writes to the same bucket, where its filter lets that through."""
    for bucket, settings in design.wired("bucket").items():
        if bucket not in design.lab.s3:
            continue
        notifications = settings["notifications"]
        assert isinstance(notifications, dict)
        for name, told in notifications.items():
            function = (
                design.function(str(told["target"])) if told["protocol"] == "lambda" else None
            )
            if function is None:
                continue
            prefix, suffix = str(told["prefix"]), str(told["suffix"])
            seen = _seen(design, bucket, function) or _by_failures(bucket, prefix, suffix, function)
            if not seen:
                continue
            loop = function.settings.recursive_loop
            example = design.small.once(loops, prefix, suffix, loop)
            if example is None:
                continue
            advice = (
                f"{bucket} tells {function.name} of {_keys(prefix, suffix)}, and {function.name} puts "
                f"objects there that it is told of in turn ({seen}). Write to another bucket, or to a "
                "prefix that the notification leaves out."
            )
            rule = (
                "a function that writes where it is triggered from loops, until Lambda stops it "
                f"({design.rules.source('recursion_limit')})"
            )
            yield Advice.of("bucket loop", f"{bucket} ({name})", advice, rule, example)


def _keys(prefix: str, suffix: str) -> str:
    return f"objects {prefix}*{suffix}" if prefix or suffix else "every object"


def _seen(design: Design, bucket: str, function: Function) -> str:
    """How often an object that the function put led to it again, in words; "" where it did not."""
    recorder, rows = design.tables.recorder, design.tables.rows("queue_events")
    ways = [
        code for code, kind in recorder.queue_kinds.items()
        if kind == QueueKind.PUSH and recorder.names[code].startswith(f"{bucket}->")
    ]  # fmt: skip
    owners = design.tables.functions_of_requests()
    mine = np.isin(rows["queue"], ways)
    sent = mine & (rows["action"] == Action.SENT) & (rows["request"] > 0)
    sent &= owners[rows["request"]] == function.name_code
    away = rows["event"][mine & (rows["action"] == Action.FILTERED)]
    count = int((sent & ~np.isin(rows["event"], away)).sum())
    return f"{times(count, 'time')} in the books" if count else ""


def _by_failures(bucket: str, prefix: str, suffix: str, function: Function) -> str:
    """Whether records of its failures go to the bucket, and the notification lets them through."""
    place: Any = function.settings.on_failure
    if getattr(place, "service", "") != "s3" or place.name != bucket or suffix:
        return ""
    wanted = _RECORDS.startswith(prefix) or prefix.startswith(_RECORDS)
    return "the records of its failures, by on_failure" if wanted else ""


# ---- the small lab -------------------------------------------------------------------------------


def loops(small: Small, prefix: str, suffix: str, loop: str) -> Example | None:
    """One object, and a function that puts another beside each it is told of."""
    as_is = _puts_back(small, prefix, suffix, loop, prefix)
    mended = _puts_back(small, "in/", "", loop, "out/")
    if len(as_is.trace.attempts) < 3 or len(mended.trace.attempts) > 1:
        return None
    told = (
        f"One object; the function writes one for each that it is told of, for {_RUN_S} s at most."
    )
    proof = table(_row("as it is", as_is), _row("as advised: in/ and out/", mended))
    for lab in (as_is, mended):
        lab.close()
    return Example(told, proof, as_is.trace, mended.trace)


def _puts_back(small: Small, prefix: str, suffix: str, loop: str, into: str) -> Lab:
    lab = small.lab()
    bucket = lab.s3.create_bucket("photos")
    made = iter(range(1, 1_000_000))

    def shrink(event: Any, context: Any) -> None:
        bucket.put_object(f"{into}{next(made)}{suffix}", b"small")

    more = {} if loop == "Terminate" else {"recursive_loop": loop}
    lab.create_function("shrink", code=shrink, **more)
    bucket.notify("shrink", prefix=prefix, suffix=suffix)
    bucket.put_object(f"{prefix}0{suffix}", b"large")
    lab.run(until=_RUN_S)
    return lab


def _row(name: str, lab: Lab) -> dict[str, Any]:
    calls = lab.trace.invocations
    stopped = bool((calls.cause == Cause.names[Cause.RECURSIVE_LOOP]).any())
    return {
        "settings": name, "objects_put": len(lab.s3["photos"].objects),
        "runs": len(lab.trace.attempts), "stopped_as_a_loop": "yes" if stopped else "no",
    }  # fmt: skip
