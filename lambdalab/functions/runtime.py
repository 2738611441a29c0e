"""The managed runtime's own part of a run, inside the handler's task: import, call, encode, report.

What the user's values and exceptions do while they become text (a ``__str__`` that sleeps) happens in
the handler's virtual time, as it does on Lambda. Source: AWS's Python runtime client (``bootstrap``).
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from typing import Any

from lambdalab.functions.code import InitError, user_frames
from lambdalab.functions.context import LambdaContext
from lambdalab.functions.outcome import Failure, marshal, runtime_failure, text_of
from lambdalab.kernel.task import Ending
from lambdalab.trace.schema import AttemptOutcome, Cause

Handler = Callable[[Any, Any], Any]

_WARNING = "LAMBDA_WARNING: Unhandled exception. (AWS goes on with advice: see dg/runtimes-update.)"


def respond(handler: Handler, event: Any, context: LambdaContext) -> bytes | Failure:
    """Call the handler: its result as bytes, or the error that the runtime reports."""
    try:
        value = handler(event, context)
    except Exception as error:
        return _reported(error, context.aws_request_id)
    if type(value) is bytes:  # bytes are a response as they are (AWS's runtime marshaller)
        return value
    try:
        return marshal(value)
    except Exception as error:  # the value's own methods may raise anything
        text = f"Unable to marshal response: {text_of(error)}"
        return runtime_failure(context.aws_request_id, "Runtime.MarshalError", text, [], error)


def load(prepare: Callable[[], Handler]) -> Handler | Failure:
    """Import the handler's module: the handler, or the error that the runtime reports.

    An error of the init names no request.
    """
    try:
        return prepare()
    except Exception as error:
        logging.getLogger().warning(_WARNING)
        return _reported(error, "", AttemptOutcome.INIT_ERROR, Cause.INIT_ERROR)


def _reported(
    error: Exception,
    request_id: str,
    outcome: int = AttemptOutcome.ERROR,
    cause: int = Cause.FUNCTION_ERROR,
) -> Failure:
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next  # without our own frame
    if isinstance(error, InitError):  # what the runtime itself reports brings its own
        kind, stack = error.error_type, error.stack
    else:
        kind, stack = type(error).__name__, user_frames(error)
    return runtime_failure(request_id, kind, text_of(error), stack, error, outcome, cause)


# ---------------------------------------------------------------------- the end of the process


def is_crash(ending: Ending) -> bool:
    """Whether the process crashed in a way after which Lambda waits for the timeout.

    So it was recorded of a segmentation fault (invocation.md 2).
    """
    return ending.kind == "exited" and ending.signal == signal.SIGSEGV


def exit_reason(ending: Ending) -> str:
    """How the runtime's process ended: by itself, by a signal, or by an exception it does not catch.

    ``sys.exit()`` and ``sys.exit(0)`` give no reason; another status is told, as with ``os._exit``.
    """
    if ending.signal is not None:
        name = _SIGNALS.get(ending.signal, f"signal {ending.signal}")
        return f"Runtime exited with error: signal: {name}"
    status = _status_of(ending.exception) if ending.kind == "raised" else ending.exit_status or 0
    if status & 0xFF:
        return f"Runtime exited with error: exit status {status & 0xFF}"
    return "Runtime exited without providing a reason"


def _status_of(error: BaseException | None) -> int:
    """The status with which Python ends after an exception that nobody catches."""
    if not isinstance(error, SystemExit):
        return 1
    code = error.code
    return 0 if code is None else code if isinstance(code, int) else 1


def last_words(ending: Ending) -> str:
    """What Python prints when it ends: the text given to ``sys.exit``."""
    error = ending.exception
    return error.code if isinstance(error, SystemExit) and isinstance(error.code, str) else ""


_SIGNALS = {
    1: "hangup", 2: "interrupt", 3: "quit", 4: "illegal instruction", 5: "trace/breakpoint trap",
    6: "aborted", 7: "bus error", 8: "floating point exception", 9: "killed",
    10: "user defined signal 1", 11: "segmentation fault", 12: "user defined signal 2",
    13: "broken pipe", 14: "alarm clock", 15: "terminated",
}  # fmt: skip
