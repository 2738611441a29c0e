"""The log of one execution environment: text comes in pieces, whole lines go to the books."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lambdalab.functions.outcome import Failure
from lambdalab.kernel.surroundings import Surroundings
from lambdalab.kernel.tasks import Tasks
from lambdalab.trace.recorder import Recorder

if TYPE_CHECKING:
    from lambdalab.functions.call import Call

_NBSP = "\u00a0"


class LogLines:
    """Cuts what an environment writes into lines, and books each when it is whole.

    Parameters: the ``books`` and ``tasks`` of the lab, the environment's ``surroundings``, the logs of
    all environments ``alive``, and the numbers of the ``function`` and ``environment`` in the books.
    """

    __slots__ = (
        "_alive", "_books", "_call", "_environment", "_function", "_request", "_tasks", "pieces",
        "surroundings",
    )  # fmt: skip

    def __init__(
        self,
        books: Recorder,
        tasks: Tasks,
        surroundings: Surroundings,
        alive: dict[LogLines, None],
        function: int,
        environment: int,
    ) -> None:
        self._books, self._tasks, self.surroundings = books, tasks, surroundings
        self._function, self._environment = function, environment
        self._alive = alive
        alive[self] = None
        self.pieces: list[str] = []
        """What was written of a line that is not whole yet."""
        self._request = 0
        self._call: Call | None = None
        surroundings.write = self.write

    def begin(self, call: Call | None, request: int) -> None:
        """What comes from now on belongs to ``call``; ``request`` is 0 during an init."""
        self._call, self._request = call, request

    def write(self, text: str) -> None:
        """Take a piece of output as it comes; the last words of a handler that timed out are none."""
        task = self._tasks.current
        if task is not None and task.dead:
            return
        if "\n" not in text:
            self.pieces.append(text)
            return
        if self.pieces:
            text = "".join(self.pieces) + text
            self.pieces.clear()
        *lines, rest = text.split("\n")
        if rest:
            self.pieces.append(rest)
        for line in lines:
            self.record(line)

    def scrap(self) -> None:
        """The environment's life is over: its threads end, its ``/tmp`` is removed."""
        del self._alive[self]
        self._tasks.end_threads(self.surroundings)
        self.surroundings.scrap()

    def flush(self) -> None:
        """The invocation is over: what is left is a line too."""
        if self.pieces:
            line = "".join(self.pieces)
            self.pieces.clear()
            if line:
                self.record(line)

    def error(self, failure: Failure, at: str) -> None:
        """The record of an error that the runtime reports; ``at`` is the time in ISO's form.

        As the runtime client writes it (invocation.md 5), in the function's log format.
        """
        self.flush()
        if failure.stack is None:
            return
        if self.surroundings.log_format != "JSON":
            self.record(_text_record(failure))
        elif self.surroundings.log_level != "FATAL":
            self.record(_json_record(failure, at))

    def record(self, line: str) -> None:
        """One row of the log, which may have several lines (a traceback)."""
        if not line.isascii():  # a log is UTF-8; a lone surrogate is none
            line = line.encode(errors="backslashreplace").decode()
        now = self._tasks.scheduler.now
        self._books.log(now, self._function, self._environment, self._request, line)
        call = self._call
        if call is not None:
            if call.log is None:
                call.log = []
            call.log.append((now, self._request, line))


def _text_record(failure: Failure) -> str:
    """Type and message, then the stack trace, whose leading spaces become U+00A0."""
    words = ["[ERROR]", failure.error_type]
    if failure.message:
        words[1] += ":"
        words.append(failure.message)
    lines = [" ".join(words), "Traceback (most recent call last):"]
    for line in "".join(failure.stack or ()).splitlines():
        text = line.lstrip(" ")
        lines.append(_NBSP * (len(line) - len(text)) + text)
    return "\n".join(lines)


def _json_record(failure: Failure, at: str) -> str:
    document = json.loads(failure.document)
    told = {"timestamp": f"{at[:19]}Z", "log_level": "ERROR", **document}
    return json.dumps(told, ensure_ascii=False)
