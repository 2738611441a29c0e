"""The whole log of one attempt, the platform's own lines included, as its log group holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdalab.trace import loglines
from lambdalab.trace.codes import InitStatus

if TYPE_CHECKING:
    from lambdalab.functions.call import Call


def attempt_log(call: Call, request_id: str, start_us: int) -> list[loglines.Line]:
    """The lines of a call's last attempt, and of the init that it brought about, in their order.

    Parameters: the ``call``, whose attempt is over; its public id; the lab's start in microseconds since
    1970. What an asynchronous event's earlier attempts wrote is left out.
    """
    version, settings = call.version, call.version.settings
    told = {name: getattr(settings, name) for name in version.logging_settings}
    form = loglines.form_of(
        told, version.function.name, version.number, call.environment.fleet.kind, start_us
    )
    error_type = call.failure.error_type if call.failure else ""
    attempt = loglines.Attempt(
        request_id, version.number, call.handler_at, call.handler_at + call.duration_us,
        call.init_us, call.init_status, call.invoke_init_status, call.duration_us,
        call.billed_ms, version.memory_mb, call.max_memory_mb, call.outcome, error_type,
        call.failure.message if call.failure else "",
    )  # fmt: skip
    lines = list(loglines.attempt_lines(form, attempt))
    if call.cold:
        begun = call.started_at + call.setup_us
        in_init = error_type if call.invoke_init_status == InitStatus.ERROR else ""
        lines += loglines.init_lines(form, begun, call.init_us, call.init_status, in_init)
    own = loglines.LATE_LINE if attempt.init_failed_inside else loglines.LINE
    for at, request, line in call.log or ():
        if at >= call.started_at:
            lines.append((at, own if request else loglines.INIT_LINE, line))
    return sorted(lines, key=lambda line: line[:2])
