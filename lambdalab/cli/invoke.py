"""`lambdalab invoke` does what the console's test button does."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from lambdalab.cli.sources import (
    SOURCES,
    function_name,
    handler_options,
    lab_options,
    opened,
    read_payload,
)
from lambdalab.cli.words import (
    FAILED,
    OK,
    Commands,
    Failed,
    Usage,
    answer,
    command,
    json_option,
    note,
    plain,
)
from lambdalab.errors import EndlessRun, ServiceError

if TYPE_CHECKING:
    from lambdalab.invocation.reply import Reply
    from lambdalab.lab import Lab

DESCRIPTION = f"""\
Invoke a function in virtual time, as the console's test button does: prints its answer, the log, the
duration, what was billed, and whether the start was cold.

{SOURCES}"""
EXAMPLES = """\
examples:
  lambdalab invoke app.py:handler --payload '{"order": 1}'
  lambdalab invoke template.yaml BillFunction --payload @events/order.json
  echo '{"order": 1}' | lambdalab invoke shop.py bill --payload -
  lambdalab invoke shop.py bill --invocation-type Event     its retries too, told as a story
  lambdalab invoke shop.py bill --repeat 20 --json | jq '.invocations[].duration_ms'

It prints
  200 · succeeded · cold start
  {"ok": true}

  Duration 215.00 ms · billed 215 ms · initialised in 97.41 ms · 36 MB of 128 MB used

exit code: 0 the function succeeded; 1 it failed, or was refused; 2 wrong words"""
TYPES = ("RequestResponse", "Event", "DryRun")
_WHOLE = ("billed_ms", "memory_mb", "max_memory_mb")
_FIGURES = ("duration_ms", "init_ms", *_WHOLE)


def add(commands: Commands) -> None:
    """The subcommand's words."""
    parser = command(
        commands, "invoke", "invoke a function, as the console's test button does", DESCRIPTION, EXAMPLES
    )  # fmt: skip
    parser.add_argument(
        "source", metavar="SOURCE", help="a .py file, a template, or file.py:handler"
    )
    parser.add_argument(
        "function",
        metavar="FUNCTION",
        nargs="?",
        help="its name, or name:version or name:alias; left out where there is only one",
    )
    parser.add_argument(
        "--payload",
        metavar="JSON",
        default="{}",
        help="the event: JSON, @file, or - for stdin (an empty object)",
    )
    parser.add_argument(
        "--invocation-type", choices=TYPES, default=TYPES[0], help="RequestResponse waits for the answer"
    )  # fmt: skip
    parser.add_argument(
        "--repeat", metavar="N", type=int, default=1, help="so many times, one after the other"
    )
    parser.add_argument(
        "--log",
        choices=("tail", "all", "none"),
        default="tail",
        help="the last 4 KB of the log as AWS gives them (tail), all of it, or none",
    )
    lab_options(parser)
    handler_options(parser)
    json_option(parser)
    parser.set_defaults(run=invoke)


def invoke(given: argparse.Namespace) -> int:
    """Run the command."""
    payload = read_payload(given.payload, "--payload")
    if given.repeat < 1:
        raise Usage(f"--repeat {given.repeat}: must be 1 or more")
    with opened(given.source, given) as lab:
        name = function_name(lab, given.function)
        done = [_once(lab, name, payload, given) for _ in range(given.repeat)]
    if given.json:
        answer({"function": name, "invocation_type": given.invocation_type, "invocations": done})
    else:
        _tell(done, given)
    return OK if all(each["status"] in ("succeeded", "dry_run") for each in done) else FAILED


def _once(lab: Lab, name: str, payload: bytes, given: argparse.Namespace) -> dict[str, Any]:
    """One invocation and all that is told of it; of an event when its retries are over."""
    began = len(lab.trace.logs)
    try:
        reply = lab.invoke(name, payload, invocation_type=given.invocation_type)
    except ServiceError as refused:
        raise Failed(f"{refused.status_code} {refused.code}: {refused}") from refused
    if given.invocation_type == "Event":
        try:
            lab.run()
        except EndlessRun as endless:
            note(f"Not run to its end: {endless}")
    return _facts(lab, reply, began, given.log)


def _facts(lab: Lab, reply: Reply, began: int, log: str) -> dict[str, Any]:
    trace = lab.trace
    found: dict[str, Any] = {
        "request_id": reply.request_id,
        "status_code": reply.status_code,
        "status": "dry_run",
        "function_error": reply.function_error,
        "executed_version": reply.executed_version,
        "payload": reply.payload if isinstance(reply.payload, (str, dict, list, int, float)) else None,
        "latency_ms": reply.latency_ms,
        "attempts": 0,
        "cold_start": False,
        **dict.fromkeys(_FIGURES),
    }  # fmt: skip
    mine = trace.invocations[trace.invocations["request_id"] == reply.request_id]
    if len(mine):
        row = mine.iloc[0]
        found |= {"status": row["status"], "attempts": int(row["attempts"])}
        found["latency_ms"] = row["latency_ms"]
    tries = trace.attempts[trace.attempts["request_id"] == reply.request_id]
    if len(tries):
        last = tries.iloc[-1]
        found |= {figure: last[figure] for figure in _FIGURES}
        found |= {name: int(last[name]) for name in _WHOLE if last[name] == last[name]}
        found["cold_start"] = bool(last["cold_start"])
    found["log"] = _log(lab, reply, began, log)
    found["story"] = repr(trace.story(reply)) if reply.status_code == 202 else None
    told: dict[str, Any] = plain(found)
    return told


def _log(lab: Lab, reply: Reply, began: int, log: str) -> list[str]:
    if log == "none":
        return []
    if log == "tail" and reply.status_code == 200:
        return reply.log.splitlines()
    lines = lab.trace.logs.iloc[began:]
    mine = lines if log == "all" else lines[lines["request_id"] == reply.request_id]
    return [line.rstrip() for text in mine["message"] for line in str(text).splitlines()]


# ---- for people ----------------------------------------------------------------------------------


def _tell(done: list[dict[str, Any]], given: argparse.Namespace) -> None:
    if len(done) > 1:
        for number, each in enumerate(done, start=1):
            print(f"{number:>4}  {_head(each)}  {_figures(each)}")
        print()
    last = done[-1]
    if last["status_code"] == 204:
        print("204 · nothing was run; the call would have been accepted")
        return
    if last["status_code"] == 202:
        print(f"202 · accepted; {_head(last)}\n\n{last['story']}")
    else:
        print(_head(last))
        print(json.dumps(last["payload"], indent=2, ensure_ascii=False))
    if last["log"]:
        print("\nLog")
        for line in last["log"]:
            print(f"  {line}".expandtabs(2).rstrip())
    if last["duration_ms"] is not None:
        print(f"\n{_figures(last)}")


def _head(facts: dict[str, Any]) -> str:
    start = "cold start" if facts["cold_start"] else "warm"
    if facts["status_code"] == 202:
        return f"{facts['status'].replace('_', ' ')} after {facts['attempts']} attempts".replace(
            "1 attempts", "1 attempt"
        )
    ended = f"failed ({facts['function_error']})" if facts["function_error"] else "succeeded"
    return f"{facts['status_code']} · {ended} · {start}"


def _figures(facts: dict[str, Any]) -> str:
    if facts["duration_ms"] is None:
        return "never run"
    init = f" · initialised in {facts['init_ms']:,.2f} ms" if facts["cold_start"] else ""
    return (
        f"Duration {facts['duration_ms']:,.2f} ms · billed {facts['billed_ms']:,} ms{init} · "
        f"{facts['max_memory_mb']:,} MB of {facts['memory_mb']:,} MB used"
    )
