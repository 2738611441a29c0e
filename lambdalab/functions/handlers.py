"""Runs real code: a handler is a task of the kernel, in its own environment's surroundings.

Only a lab that has a function with code makes one of these; it brings greenlet with it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from lambdalab.functions.call import Call
from lambdalab.functions.code import InitError, user_frames
from lambdalab.functions.context import REGION, FunctionIdentity, LambdaContext
from lambdalab.functions.environments import Environment
from lambdalab.functions.outcome import (
    Failure,
    decode,
    encode,
    platform_failure,
    runtime_failure,
    text_of,
    timeout_failure,
)
from lambdalab.functions.settings import FunctionSettings
from lambdalab.kernel.clock import Clock
from lambdalab.kernel.random import python_random
from lambdalab.kernel.surroundings import Surroundings
from lambdalab.kernel.task import Ending, Task
from lambdalab.kernel.tasks import Tasks
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import AttemptOutcome, Cause, InitStatus

if TYPE_CHECKING:
    from lambdalab.functions.runner import Runner
    from lambdalab.functions.version import Version

_NBSP = "\u00a0"


class Handlers:
    """Initialises environments with code and invokes their handlers.

    Parameters: the ``runner`` to report to, the kernel's ``tasks``, the lab's ``clock``, ``books``,
    ``ids`` and ``seed`` (each environment has a stream of chance of its own).
    """

    def __init__(
        self, runner: Runner, tasks: Tasks, clock: Clock, books: Recorder, ids: Ids, seed: object
    ) -> None:
        self._runner, self._tasks, self._clock = runner, tasks, clock
        self._scheduler, self._books, self._ids, self._seed = runner.scheduler, books, ids, seed
        self._logs: dict[LogLines, None] = {}

    # ------------------------------------------------------------------ init

    def initialise(
        self,
        version: Version,
        environment: Environment,
        call: Call | None,
        deadline: int,
        over: Callable[[int], None],
    ) -> None:
        """Run the module's code in a new environment; its own sleeps lengthen the init.

        ``call`` is the one it is started for, if any; ``over`` is told how it ended
        (:class:`.InitStatus`), at ``deadline`` at the latest.
        """
        self._furnish(version, environment)
        if version.code is not None and version.code.is_callable:
            environment.handler = _prepare(version, environment)
            over(InitStatus.SUCCESS)
            return
        environment.log.begin(call, 0)

        def ended(_task: Task, ending: Ending) -> None:
            if ending.kind == "returned":
                environment.handler = cast("Callable[..., Any]", ending.value)
                over(InitStatus.SUCCESS)
                return
            environment.log.surroundings.reset()  # the next init begins from nothing
            if ending.kind == "runaway":  # it never came back: on AWS it would run into the limit
                self._scheduler.at(deadline, over, InitStatus.TIMEOUT)
            else:
                over(InitStatus.TIMEOUT if ending.kind == "timed_out" else InitStatus.ERROR)

        body = partial(_prepare, version, environment)
        self._tasks.start(body, environment.log.surroundings, deadline, ended)

    def scrap(self) -> None:
        """End every environment, those that are busy too: the lab is closed or starts afresh."""
        for log in self._logs:
            log.surroundings.write = _nowhere  # a last word in a `finally` is no part of the books
        self._tasks.abandon()
        for log in list(self._logs):
            log.scrap()

    # ------------------------------------------------------------------ invoke

    def invoke(self, call: Call) -> None:
        """Call the handler with its own copy of the event, in virtual time."""
        environment, version = call.environment, call.version
        if not environment.furnished:  # its init ended before any code ran
            self._furnish(version, environment)
        log: LogLines = environment.log
        request_id = log.surroundings.request_id = self._ids.request(call.request)
        log.begin(call, call.request)
        deadline = self._scheduler.now + version.timeout_us
        context = LambdaContext(environment.identity, request_id, deadline, self._scheduler)
        event = decode(call.payload)
        if environment.ready:
            body: Callable[[], object] = partial(environment.handler, event, context)
        else:
            body = self._suppressed_init(call, event, context)
        self._tasks.start(body, log.surroundings, deadline, partial(self._ended, call))

    def _suppressed_init(
        self, call: Call, event: Any, context: LambdaContext
    ) -> Callable[[], object]:
        """After a crash, or an init that failed, the runtime starts inside the invocation.

        That is on its time and bill.
        """
        environment, version = call.environment, call.version
        call.invoke_init_status = InitStatus.TIMEOUT  # until it is over

        def body() -> object:
            self._tasks.sleep(version.draw_init(None))
            environment.handler = _prepare(version, environment)
            environment.ready = True
            call.invoke_init_status = InitStatus.SUCCESS
            return environment.handler(event, context)

        return body

    def _ended(self, call: Call, _task: Task, ending: Ending) -> None:
        log: LogLines = call.environment.log
        if ending.kind == "runaway":  # it never came back: on AWS it would run into its timeout
            log.flush()
            self._scheduler.at(
                call.handler_at + call.version.timeout_us, self._runner.timed_out, call
            )
            return
        failure = None if ending.kind == "returned" else self._failure(call, ending)
        if failure is None:
            try:  # bytes are a response as they are (AWS's runtime marshaller)
                value = ending.value
                response = value if isinstance(value, bytes) else encode(value)
            except Exception as error:  # the value's own methods may raise anything
                failure = self._unmarshalled(call, error)
        log.flush()
        if failure is not None and failure.exception is not None:
            log.record(_error_text(failure))
        if failure is not None:
            self._runner.failed(call, failure)
        else:
            self._runner.succeeded(call, response)

    def _failure(self, call: Call, ending: Ending) -> Failure:
        """The function error that an ending means."""
        kind = ending.kind
        request_id = self._ids.request(call.request)
        if kind == "timed_out":
            return timeout_failure(request_id, call.version.settings.timeout)
        error = ending.exception
        outcome, cause = AttemptOutcome.EXIT, Cause.EXIT
        if not call.environment.ready:  # it failed in the init inside the invocation
            outcome, cause = AttemptOutcome.INIT_ERROR, Cause.INIT_ERROR
            call.invoke_init_status = InitStatus.ERROR
        if kind == "exited" or not isinstance(error, Exception):
            return platform_failure(
                request_id, "Runtime.ExitError", _exit_reason(ending), outcome, cause
            )
        error_type, stack = _type_and_stack(error)
        if not call.environment.ready:
            return runtime_failure("", error_type, text_of(error), stack, error, outcome, cause)
        return runtime_failure(request_id, error_type, text_of(error), stack, error)

    def _unmarshalled(self, call: Call, error: Exception) -> Failure:
        return runtime_failure(
            self._ids.request(call.request), "Runtime.MarshalError",
            f"Unable to marshal response: {text_of(error)}", [], error,
        )  # fmt: skip

    # ------------------------------------------------------------------ surroundings

    def _furnish(self, version: Version, environment: Environment) -> None:
        """Give a new environment what its handlers see of the process, and a log."""
        function, settings = version.function, version.settings
        name = f"{function.name}/e{environment.ordinal}"
        date = self._clock.iso(environment.started_at)
        log_stream = self._ids.log_stream(environment.number, date, version.number)
        environment.identity = FunctionIdentity(
            function.name, str(settings.memory_size), log_stream
        )
        handler = version.code.handler if version.code else ""
        surroundings = Surroundings(
            name,
            environ=partial(_environ, function.name, settings, handler, log_stream),
            stream=partial(python_random, self._seed, f"invocations/{name}"),
            write=_nowhere,
            code=version.code.folder if version.code else None,
            allow_network=settings.allow_network,
            log_format=settings.log_format,
        )
        environment.log = LogLines(
            self._books,
            self._tasks,
            surroundings,
            self._logs,
            version.name_code,
            environment.number,
        )
        environment.furnished = True


def _nowhere(_text: str) -> None:
    """Where an environment writes before it has a log."""


def _environ(
    name: str, settings: FunctionSettings, handler: str, log_stream: str
) -> dict[str, str]:
    """The variables AWS sets (recorded from a real function), and the function's own."""
    return {
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.memory_size),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{settings.runtime}",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # a role's temporary credentials, good for nothing: the host's are never looked for
        "AWS_ACCESS_KEY_ID": "ASIALAMBDALABEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "lambdalab",
        "AWS_SESSION_TOKEN": "lambdalab",
        "_HANDLER": handler,
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "TZ": ":UTC",
        "LANG": "en_US.UTF-8",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        **settings.environment,
    }


def _prepare(version: Version, environment: Environment) -> Callable[..., Any]:
    """The environment's handler, its module freshly imported; to be run as a task."""
    assert version.code is not None
    return version.code.prepare(environment.log.surroundings)


class LogLines:
    """The log of one environment: cuts what is written into lines, and books each when it is whole."""

    __slots__ = (
        "_alive", "_books", "_call", "_environment", "_function", "_part", "_request", "_tasks",
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
        self._part, self._request = "", 0
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
            self._part += text
            return
        *lines, self._part = (self._part + text).split("\n")
        for line in lines:
            self.record(line)

    def scrap(self) -> None:
        """The environment's life is over: its threads end, its ``/tmp`` is removed."""
        del self._alive[self]
        self._tasks.end_threads(self.surroundings)
        self.surroundings.scrap()

    def flush(self) -> None:
        """The invocation is over: what is left is a line too."""
        if self._part:
            self.record(self._part)
            self._part = ""

    def record(self, line: str) -> None:
        """One row of the log, which may have several lines (a traceback)."""
        if not line.isascii():  # a log is UTF-8; a lone surrogate is none
            line = line.encode(errors="backslashreplace").decode()
        self._books.log(
            self._tasks.scheduler.now, self._function, self._environment, self._request, line
        )
        call = self._call
        if call is not None:
            if call.log is None:
                call.log = []
            call.log.append(line)


def _type_and_stack(error: Exception) -> tuple[str, list[str]]:
    """AWS's name of an error and its stack trace; what the runtime itself reports brings its own."""
    if isinstance(error, InitError):
        return error.error_type, error.stack
    return type(error).__name__, user_frames(error)


def _exit_reason(ending: Ending) -> str:
    """How the runtime's process ended: by itself, by a signal, or by an exception it does not catch."""
    status = ending.exit_status
    if ending.kind == "raised":
        status = 0 if isinstance(ending.exception, SystemExit) else 1
    if ending.signal is not None:
        return f"Runtime exited with error: signal: {_SIGNALS.get(ending.signal, ending.signal)}"
    if status:
        return f"Runtime exited with error: exit status {status}"
    return "Runtime exited without providing a reason"


_SIGNALS = {6: "aborted", 9: "killed", 11: "segmentation fault", 15: "terminated"}


def _error_text(failure: Failure) -> str:
    """The log's record of an exception; leading spaces become U+00A0, as the real runtime has it."""
    assert failure.exception is not None
    lines = [f"[ERROR] {failure.error_type}: {failure.message}"]
    frames = user_frames(failure.exception)
    if frames:
        lines.append("Traceback (most recent call last):")
    for line in "".join(frames).splitlines():
        text = line.lstrip(" ")
        lines.append(_NBSP * (len(line) - len(text)) + text)
    return "\n".join(lines)
