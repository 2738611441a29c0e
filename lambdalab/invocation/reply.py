"""What a caller gets back from ``lab.invoke``: short to look at, complete to ask."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from typing import Any

from lambdalab.errors import LabError
from lambdalab.functions.call import Call
from lambdalab.functions.outcome import decode

_TAIL_LINES = 12
_WIDTH = 98


class FunctionFailed(LabError):
    """Raised by :meth:`Reply.raise_for_error` for an error that has no Python exception here."""


class Reply:
    """The answer to one Invoke call.

    Attributes
    ----------
    status_code
        200 for RequestResponse (also when the function failed), 202 for Event, 204 for DryRun.
    payload
        The function's result, parsed from JSON; None where AWS's answer is empty.
    function_error
        ``"Unhandled"`` when the function failed, else None.
    executed_version
        The version that ran; None for Event and DryRun.
    request_id
        The id of the invocation, as AWS gives it; ``request`` is its short form (``"r2"``).
    log_result
        The last 4 KB of the log, base64, as ``X-Amz-Log-Result`` has it; ``log`` is the same as text.
    exception
        The handler's exception with its traceback, for debuggers; AWS has no such thing.
    tries
        How many tries the caller made; the answer is the last one's, ``latency_ms`` counts from the first.
    """

    def __init__(
        self,
        call: Call,
        request_id: str,
        status_code: int,
        latency_us: int,
        log: Callable[[], str],
        tries: int = 1,
    ) -> None:
        self._call, self._log, self.tries = call, log, tries
        self.request_id = request_id
        self.request = f"r{call.request}"
        self.status_code = status_code
        self.latency_ms = latency_us / 1000
        failure = call.failure if status_code == 200 else None
        self.function_error = "Unhandled" if failure else None
        self.exception: BaseException | None = failure.exception if failure else None
        self.executed_version = call.version.number if status_code == 200 else None
        self.body: bytes = call.response if status_code == 200 else b""
        self.cold = call.cold and status_code == 200

    @property
    def payload(self) -> Any:
        """The result, parsed; a fresh value each time. Bytes that are no JSON stay bytes."""
        try:
            return decode(self.body) if self.body else None
        except ValueError:
            return self.body

    @property
    def log(self) -> str:
        """The last 4 KB of what this invocation logged."""
        return self._log() if self.status_code == 200 else ""

    @property
    def log_result(self) -> str:
        """:attr:`log` as AWS sends it, in base64."""
        return base64.b64encode(self.log.encode()).decode()

    def raise_for_error(self) -> Reply:
        """Raise the handler's own exception if the function failed; else return the reply.

        Raises the original exception where there is one, so that ``%debug`` finds the handler's
        frames, and :class:`FunctionFailed` for timeouts and exits.
        """
        if self.exception is not None:
            raise self.exception
        if self._call.failure is not None and self.function_error:
            raise FunctionFailed(f"{self._call.failure.error_type}: {self._call.failure.message}")
        return self

    def __repr__(self) -> str:
        log = self.log
        lines = [piece for line in log.splitlines() for piece in _folded(line)]
        hidden = len(lines) - _TAIL_LINES
        if hidden > 0:
            lines = [f"... {hidden} lines before", *lines[hidden:]]
        return "\n".join([self._headline(), *(f"  {line}".rstrip() for line in lines)])

    def _repr_html_(self) -> str:
        first, _, rest = repr(self).partition("\n")
        colour = "#D55E00" if self.function_error else "#009E73"
        tail = f"<pre style='margin:0.3em 0 0 1em'>{html.escape(rest)}</pre>" if rest else ""
        return f"<div><b style='color:{colour}'>{html.escape(first)}</b>{tail}</div>"

    def _headline(self) -> str:
        if self.status_code == 202:
            return (
                f"202, empty payload · queued as {self.request} · time stands still until lab.run()"
            )
        if self.status_code == 204:
            return "204, nothing run · the call would have been accepted"
        took = f"{self.latency_ms / 1000:.2f} s · {'cold' if self.cold else 'warm'}"
        tries = f" · {self.tries} tries" if self.tries > 1 else ""
        return f"200 · {self._result()} · {took}{tries}"

    def _result(self) -> str:
        failure = self._call.failure
        if failure is None:
            text = self.body.decode(errors="replace")
            return text if len(text) <= 60 else f"{text[:57]}..."
        told = (
            _shown(self.exception)
            if self.exception is not None and not failure.error_type.startswith("Runtime.")
            else ": ".join(filter(None, [failure.error_type, failure.message]))
        )
        return f"Unhandled {told}" if len(told) <= 160 else f"Unhandled {told[:157]}..."


def _folded(line: str) -> list[str]:
    """A log line as people read it: tabs widened, folded at fields, the runtime's ARN left out."""
    fields = [field for field in line.split("\t") if field and "Version ARN:" not in field]
    folded = [""]
    for field in fields:
        if folded[-1] and len(folded[-1]) + 2 + len(field) > _WIDTH:
            folded.append("  ")
        folded[-1] += ("  " if folded[-1].strip() else "") + field
    return [text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…" for text in folded]


def _shown(error: BaseException) -> str:
    """An exception as code; a broken ``__repr__`` must not break the reply's."""
    try:
        return repr(error)
    except Exception:
        return f"{type(error).__name__}(...)"
