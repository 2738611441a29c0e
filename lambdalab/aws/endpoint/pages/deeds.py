"""What the page's buttons do in the lab."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.aws.endpoint.pages.shown import story
from lambdalab.errors import InvalidSetting

if TYPE_CHECKING:
    from lambdalab.invocation.reply import Reply
    from lambdalab.lab import Lab


def invoke(lab: Lab, asked: dict[str, Any]) -> dict[str, Any]:
    """Invoke ``asked["function"]`` with ``asked["payload"]``, a text, as ``asked["type"]`` says.

    Returns the answer as the page shows it; raises what the service refuses.
    """
    payload = _text(asked, "payload").encode()
    reply = lab.invoke(
        _text(asked, "function"), payload, invocation_type=_text(asked, "type", "RequestResponse")
    )
    return {
        "status": reply.status_code,
        "payload": pretty(reply.body),
        "error": reply.function_error or "",
        "request": reply.request,
        "request_id": reply.request_id,
        "version": reply.executed_version or "",
        "log": reply.log,
        **_run(lab, reply),
        "story": story(lab, reply.request),
    }


def run(lab: Lab, asked: dict[str, Any]) -> dict[str, str]:
    """Let the lab run until nothing is in flight."""
    return {"told": repr(lab.run())}


def advance(lab: Lab, asked: dict[str, Any]) -> dict[str, str]:
    """Let ``asked["seconds"]`` pass."""
    seconds = asked.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds <= 0:
        raise InvalidSetting("seconds", seconds, "a number above 0")
    return {"told": repr(lab.advance(seconds))}


DEEDS: dict[str, Callable[[Lab, dict[str, Any]], Any]] = {
    "invoke": invoke,
    "run": run,
    "advance": advance,
}
LET_TIME_PASS = (run, advance)


def pretty(body: bytes) -> str:
    """An answer as people read it: JSON indented, anything else as it is.

    >>> print(pretty(b'{"ok":true}'))
    {
      "ok": true
    }
    """
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode(errors="replace")


def _text(asked: dict[str, Any], name: str, otherwise: str = "") -> str:
    found = asked.get(name, otherwise)
    if not isinstance(found, str):
        raise InvalidSetting(name, found, "a text")
    return found


def _run(lab: Lab, reply: Reply) -> dict[str, Any]:
    """The figures of the run that answered; nothing where none did."""
    if reply.status_code != 200:
        return {}
    runs = lab.trace.attempts
    mine = runs[runs["request_id"] == reply.request_id]
    if not len(mine):
        return {}
    last = mine.iloc[-1]
    return {
        "latency_ms": reply.latency_ms,
        "duration_ms": float(last["duration_ms"]),
        "billed_ms": float(last["billed_ms"]),
        "init_ms": float(last["setup_ms"] + last["init_ms"]) if last["cold_start"] else None,
        "memory_mb": int(last["memory_mb"]),
        "max_memory_mb": int(last["max_memory_mb"]),
        "cold": bool(last["cold_start"]),
    }
