"""Runs real code: a handler is a task of the kernel, in its own environment's surroundings.

Only a lab that has a function with code makes one of these; it brings greenlet with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from lambdalab.functions.call import Call
from lambdalab.functions.context import FunctionIdentity, LambdaContext
from lambdalab.functions.cpu import cpu_share, init_share
from lambdalab.functions.environment_log import LogLines
from lambdalab.functions.environments import Environment
from lambdalab.functions.memory import let_go
from lambdalab.functions.outcome import (
    Failure,
    decode,
    killed_for_memory,
    platform_failure,
)
from lambdalab.functions.runtime import exit_reason, is_crash, last_words, load, respond
from lambdalab.functions.variables import TRACE_ID, trace_id, variables
from lambdalab.kernel.clock import US, Clock
from lambdalab.kernel.memory import Memory
from lambdalab.kernel.random import python_random
from lambdalab.kernel.surroundings import Surroundings
from lambdalab.kernel.task import Ending, Task
from lambdalab.kernel.tasks import Tasks
from lambdalab.rules import Rules
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import AttemptOutcome, Cause, EnvironmentKind, InitStatus

if TYPE_CHECKING:
    from lambdalab.functions.runner import Runner
    from lambdalab.functions.version import Version

_INITIALIZATION_TYPES = {
    EnvironmentKind.ON_DEMAND: "on-demand",
    EnvironmentKind.PROVISIONED: "provisioned-concurrency",
}


class Handlers:
    """Initialises environments with code and invokes their handlers.

    Parameters: the ``runner`` to report to, the kernel's ``tasks``, the lab's ``clock``, ``books``,
    ``ids``, ``seed`` (each environment has a stream of chance of its own) and ``rules``.
    """

    def __init__(
        self,
        runner: Runner,
        tasks: Tasks,
        clock: Clock,
        books: Recorder,
        ids: Ids,
        seed: object,
        rules: Rules,
    ) -> None:
        self._runner, self._tasks, self._clock, self._rules = runner, tasks, clock, rules
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
        prepare = _preparing(version, environment)
        if version.code is not None and version.code.is_callable:
            environment.handler = prepare()
            over(InitStatus.SUCCESS)
            return
        environment.log.begin(call, 0)
        surroundings: Surroundings = environment.log.surroundings
        surroundings.processor.vcpus = init_share(self._rules, version.memory_mb)

        def ended(_task: Task, ending: Ending) -> None:
            surroundings.processor.vcpus = surroundings.vcpus
            if ending.kind == "returned" and not isinstance(ending.value, Failure):
                environment.handler = cast("Callable[..., Any]", ending.value)
                over(InitStatus.SUCCESS)
                return
            self._tell(environment.log, ending)
            environment.max_memory_mb = surroundings.memory.most_mb
            surroundings.reset()  # the next init begins from nothing
            if ending.kind == "runaway" or is_crash(ending):  # on AWS it would run into the limit
                self._scheduler.at(deadline, over, InitStatus.TIMEOUT)
            else:
                over(InitStatus.TIMEOUT if ending.kind == "timed_out" else InitStatus.ERROR)

        self._tasks.start(partial(load, prepare), surroundings, deadline, ended)

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
        surroundings, request_id = log.surroundings, self._ids.request(call.request)
        surroundings.request_id = request_id
        if surroundings.environ_seen:
            surroundings.set_variables(self._of_the_invocation(surroundings))
        log.begin(call, call.request)
        deadline = self._scheduler.now + version.timeout_us
        context = LambdaContext(environment.identity, call, request_id, deadline, self._scheduler)
        event = decode(call.payload)
        call.function.last_event = call.payload
        if environment.ready:
            body: Callable[[], object] = partial(respond, environment.handler, event, context)
        else:
            body = self._suppressed_init(call, event, context)
        if call.fault is not None:
            body = call.fault.around(body, self._tasks)
        ended = partial(self._ended, call)
        if version.settings.cpu is None:
            self._tasks.start(body, surroundings, deadline, ended)
        else:
            self._tasks.start(body, surroundings, deadline, ended, measured=True)

    def _suppressed_init(
        self, call: Call, event: Any, context: LambdaContext
    ) -> Callable[[], object]:
        """After a crash, or an init that failed, the runtime starts inside the invocation.

        That is on its time and bill, and before it knows of the request.
        """
        environment, version = call.environment, call.version
        surroundings: Surroundings = environment.log.surroundings
        surroundings.request_id = ""
        call.invoke_init_status = InitStatus.TIMEOUT  # until it is over

        def body() -> object:
            self._tasks.sleep(version.draw_init(None))
            loaded = load(_preparing(version, environment))
            if isinstance(loaded, Failure):
                return loaded
            environment.handler, environment.ready = loaded, True
            call.invoke_init_status = InitStatus.SUCCESS
            surroundings.request_id = context.aws_request_id
            if surroundings.environ_seen:
                surroundings.set_variables(self._of_the_invocation(surroundings))
            return respond(loaded, event, context)

        return body

    def _ended(self, call: Call, _task: Task, ending: Ending) -> None:
        environment, value = call.environment, ending.value
        log: LogLines = environment.log
        most_mb = log.surroundings.memory.most_mb
        if most_mb > environment.max_memory_mb:
            environment.max_memory_mb = most_mb
        if type(value) is bytes:
            if log.pieces:
                log.flush()
            if call.fault is None or not self._fails_instead(call, log):
                self._runner.succeeded(call, value)
            return
        if ending.kind == "runaway" or is_crash(ending):  # on AWS it would run into its timeout
            log.flush()
            at = call.handler_at + call.version.timeout_us
            self._scheduler.at(at, self._runner.timed_out, call)
            return
        self._tell(log, ending)
        if ending.kind == "timed_out":
            self._runner.timed_out(call)
        else:
            self._runner.failed(call, self._failure(call, ending))

    def _fails_instead(self, call: Call, log: LogLines) -> bool:
        """Whether ``lab.faults`` puts an exception in the place of a result; it is logged as any."""
        assert call.fault is not None
        failure = call.fault.failure(self._ids.request(call.request))
        if failure is None:
            return False
        log.error(failure, self._clock.iso(self._scheduler.now))
        self._runner.failed(call, failure)
        return True

    def _tell(self, log: LogLines, ending: Ending) -> None:
        """Log what the runtime says of an ending that is none of the best."""
        if isinstance(ending.value, Failure):
            log.error(ending.value, self._clock.iso(self._scheduler.now))
            return
        log.flush()
        if words := last_words(ending):
            log.record(words)

    def _failure(self, call: Call, ending: Ending) -> Failure:
        """The function error that an ending means."""
        failure = ending.value
        in_init = not call.environment.ready  # it failed in the init inside the invocation
        if in_init:
            call.invoke_init_status = InitStatus.ERROR
        if isinstance(failure, Failure):
            held = call.environment.log.surroundings.memory
            if failure.exception is not None and held.allocated:
                let_go(failure.exception)
            return failure
        request_id = self._ids.request(call.request)
        if ending.out_of_memory:
            return killed_for_memory(request_id)
        outcome, cause = AttemptOutcome.EXIT, Cause.EXIT
        if in_init:
            outcome, cause = AttemptOutcome.INIT_ERROR, Cause.INIT_ERROR
        reason = exit_reason(ending)
        failure = platform_failure(request_id, "Runtime.ExitError", reason, outcome, cause)
        if isinstance(ending.exception, SystemExit):  # raised again it would end the caller
            return failure
        return replace(failure, exception=ending.exception)

    # ------------------------------------------------------------------ surroundings

    def _furnish(self, version: Version, environment: Environment) -> None:
        """Give a new environment what its handlers see of the process, and a log."""
        function, settings = version.function, version.settings
        name = f"{function.name}/e{environment.ordinal}"
        date = self._clock.iso(environment.started_at)
        log_stream = self._ids.log_stream(environment.number, date, version.number)
        environment.identity = FunctionIdentity(
            function.name, str(settings.memory_size), log_stream, version.number
        )

        def environ() -> dict[str, str]:
            kind = _INITIALIZATION_TYPES[environment.fleet.kind]
            handler = version.code.handler if version.code else ""
            fixed = variables(
                function.name, version.number, settings, handler, log_stream, kind
            )  # fmt: skip
            return fixed | self._of_the_invocation(surroundings)

        surroundings = Surroundings(
            name,
            environ=environ,
            stream=partial(python_random, self._seed, f"invocations/{name}"),
            write=_nowhere,
            code=version.code.folder if version.code else None,
            allow_network=settings.allow_network,
            log_format=settings.log_format,
            log_level=settings.application_log_level or "INFO",
            vcpus=cpu_share(self._rules, settings.memory_size),
            memory=Memory(settings.memory_size, version.max_memory_mb),
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

    def _of_the_invocation(self, surroundings: Surroundings) -> dict[str, str]:
        """The variables that the runtime sets anew for each invocation; none in an init."""
        if not surroundings.request_id:
            return {}
        epoch_s = (self._clock.start_us + self._scheduler.now) // US
        return {TRACE_ID: trace_id(surroundings.request_id, epoch_s)}


def _nowhere(_text: str) -> None:
    """Where an environment writes before it has a log."""


def _preparing(version: Version, environment: Environment) -> Callable[[], Callable[..., Any]]:
    """What gives the environment's handler, its module freshly imported; to be run as a task."""
    assert version.code is not None
    return partial(version.code.prepare, environment.log.surroundings)
