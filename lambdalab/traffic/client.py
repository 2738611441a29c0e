"""Who calls Invoke or a front: a person in a notebook, or a handler that calls another function.

Outside, the lab's clock runs until the answer is there; inside a handler the handler's task waits, and
everything else goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from lambdalab.errors import InvalidSetting
from lambdalab.functions.call import Call
from lambdalab.functions.outcome import encode
from lambdalab.functions.target import Target
from lambdalab.invocation.calling import Answer, Operation
from lambdalab.invocation.front_door import Origin, json_problem
from lambdalab.invocation.reply import Reply
from lambdalab.invocation.service import LambdaService
from lambdalab.kernel.clock import US
from lambdalab.kernel.current import green
from lambdalab.kernel.task import TimedOut
from lambdalab.trace.schema import Cause, InvocationType, ParentKind
from lambdalab.traffic.callers import Manner, ReadTimeoutError
from lambdalab.traffic.calls import Calls
from lambdalab.traffic.invoking import STATUS, Invoke

if TYPE_CHECKING:
    from lambdalab.kernel.bell import Bell
    from lambdalab.kernel.surroundings import Surroundings
    from lambdalab.kernel.task import Task
    from lambdalab.kernel.timekeeper import Timekeeper

LOG_TYPES = ("Tail", "None")


def check_type(invocation_type: str) -> None:
    """Raise :class:`~lambdalab.errors.InvalidSetting` unless Invoke knows the type."""
    if invocation_type not in STATUS:
        raise InvalidSetting(
            "invocation_type", invocation_type, f"one of {', '.join(STATUS)}", "botocore Invoke"
        )


def _no_log(_call: Call, _request_id: str) -> str:
    """What is left of the log without ``LogType=Tail``."""
    return ""


def to_json(payload: Any, setting: str = "payload") -> bytes:
    """A payload as the bytes of a request: any JSON value, or bytes that are JSON already.

    Raises :class:`~lambdalab.errors.InvalidSetting` for what JSON cannot hold.
    """
    if payload is None:
        return b""
    if isinstance(payload, (bytes, bytearray)):
        return bytes(payload)
    try:
        return encode(payload)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSetting(
            setting, payload, f"something JSON can hold: {error}", "botocore Invoke"
        ) from None


def _is_outside(task: Task | None) -> bool:
    """Whether whoever calls is no handler."""
    return task is None or task.visitor


def _leaves(error: BaseException, task: Task | None) -> bool:
    """Whether whoever asked stops waiting right now: a person, or a handler at its deadline.

    A handler that the end of a lab unwinds does not: nothing more is written down of it.
    """
    if task is None or task.visitor:
        return isinstance(error, KeyboardInterrupt)
    return isinstance(error, TimedOut) and task.tasks.scheduler.now >= task.deadline


class Client:
    """Invokes functions and waits for their answers.

    Parameters: Lambda, the ``service``; the ``time``, which runs the clock for people outside.
    """

    def __init__(self, service: LambdaService, time: Timekeeper) -> None:
        self._service, self._wait, self._linger = service, time.wait, time.linger
        self._books, self._door = service.books, service.front_door
        self._caller = self._books.name("client")
        self.calls = Calls(service)

    def task(self) -> Task | None:
        """The task of this lab that is running in this thread; refused if it is over already.

        It is a handler's, or a visitor: one of several callers outside.
        """
        task = green()
        if task is None or task.tasks is not self._service.tasks:
            return None
        task.tasks.refuse_if_dead(task)
        return task

    def origin(self) -> Origin:
        """Who is calling right now: a handler's invocation, or somebody outside."""
        task = self.task()
        if task is None or task.visitor:
            return Origin(self._caller, Cause.CALLED)
        surroundings = cast("Surroundings", task.surroundings)
        caller = self._books.name(surroundings.function_name)
        if not surroundings.request_id:  # a module's code, in the init
            return Origin(caller, Cause.NESTED)
        _, request = self._service.ids.parse(surroundings.request_id)
        chain = self._door.recursion.behind(request, surroundings.function_name)
        return Origin(caller, Cause.NESTED, ParentKind.REQUEST, request, chain)

    def invoke(
        self,
        target: Target,
        payload: Any,
        invocation_type: str,
        log_type: str,
        client_context: dict[str, Any] | None,
        caller: Any = None,
    ) -> Reply:
        """One Invoke call, waited for; what the service refuses is raised."""
        check_type(invocation_type)
        if log_type not in LOG_TYPES:
            raise InvalidSetting(
                "log_type", log_type, f"one of {', '.join(LOG_TYPES)}", "botocore Invoke"
            )
        self._check_context(client_context)
        data = to_json(payload)
        if caller is not None:
            operation = Invoke(self._service, target, data, invocation_type, client_context)
            return self._patiently(operation, target, invocation_type, log_type, caller)
        task, origin = self.task(), self.origin()
        scheduler = self._service.scheduler
        row = self._books.sent(self._caller, 0, 1, scheduler.now) if _is_outside(task) else -1
        sent_at = scheduler.now
        call = self._call(target, data, origin, invocation_type, task, client_context, row)
        status = STATUS[invocation_type] if call.error is None else call.error.status_code
        if row >= 0:
            self._books.answered(row, scheduler.now, status, False, call.request)
        if call.error is not None:
            raise call.error
        request_id = self._service.ids.request(call.request)
        latency = scheduler.now - sent_at
        tail = self._log if log_type == "Tail" else _no_log
        return Reply(call, request_id, status, latency, lambda: tail(call, request_id))

    def _patiently(
        self, operation: Invoke, target: Target, kind: str, log_type: str, caller: Any
    ) -> Reply:
        """An Invoke call by a caller with a patience and retries of its own."""
        began = self._service.scheduler.now
        answer = self.perform(operation, caller)
        latency = self._service.scheduler.now - began
        request_id = self._service.ids.request(answer.request) if answer.request else ""
        if answer.gave_up:
            waited = self.calls.manner(caller).timeout_us / US
            raise ReadTimeoutError(target.name, waited, answer.request, request_id, answer.tries)
        if answer.error is not None:
            answer.error.tries = answer.tries
            raise answer.error
        call, tail = answer.value, self._log if log_type == "Tail" else _no_log
        return Reply(
            call, request_id, STATUS[kind], latency, lambda: tail(call, request_id), answer.tries
        )

    def refused(
        self, name: str, qualifier: str, invocation_type: str, status_code: int, caller: Any = None
    ) -> None:
        """Write down a call that names no version of any function: the caller gets a 404 or 400."""
        check_type(invocation_type)
        task, origin, now = self.task(), self.origin(), self._service.scheduler.now
        row = -1
        if caller is not None:
            row = self._books.sent(self._books.name(self.calls.manner(caller).name), 0, 1, now)
        elif _is_outside(task):
            row = self._books.sent(self._caller, 0, 1, now)
        code = InvocationType.names.index(invocation_type)
        request = self._door.unknown(name, qualifier, origin, code, status_code)
        if row >= 0:
            self._books.answered(row, now, status_code, False, request)

    def perform(self, operation: Operation, caller: Any = None) -> Answer:
        """Carry out an operation for a caller, and wait for what comes of it.

        Without a ``caller`` whoever asks tries once, and waits for as long as it takes.
        """
        task, origin = self.task(), self.origin()
        if caller is None:
            manner = Manner(self._books.names[origin.source])
        else:
            manner = self.calls.manner(caller)
            if _is_outside(task):
                origin = origin._replace(source=self._books.name(manner.name))
        answers: list[Answer] = []
        waiting: list[bool] = []

        def done(answer: Answer) -> None:
            answers.append(answer)
            if task is None:
                self._service.scheduler.stop()
            elif waiting:
                task.tasks.wake(task)

        placed = self.calls.place(operation, origin, manner, done, task=task)
        try:
            if task is None:
                self._wait(lambda: bool(answers))
            elif not answers:
                waiting.append(True)
                task.tasks.block(task)
        except BaseException as error:
            placed.abandoned = True
            if _leaves(error, task):
                placed.abandon()
            raise
        return answers[0]

    def linger(self, bell: Bell, us: int) -> None:
        """Let whoever calls wait until the bell rings, or for so long."""
        task, scheduler = self.task(), self._service.scheduler
        until = scheduler.now + us
        if task is not None:
            bell.answer = lambda: task.tasks.wake(task)
            task.tasks.block(task, until)
            return
        self._linger(bell, until)

    def _check_context(self, context: object) -> None:
        """What ``X-Amz-Client-Context`` can carry: an object, 3,583 bytes in base64 at most."""
        limit: int = self._service.rules.client_context
        good = context is None or isinstance(context, dict)
        if context is not None and good:
            good = 4 * -(-len(to_json(context, "client_context")) // 3) <= limit
        if not good:
            raise InvalidSetting(
                "client_context", context, f"a dictionary of at most {limit:,} bytes in base64",
                self._service.rules.source("client_context"),
            )  # fmt: skip

    def _call(
        self,
        target: Target,
        data: bytes,
        origin: Origin,
        kind: str,
        task: Task | None,
        client_context: dict[str, Any] | None,
        row: int,
    ) -> Call:
        problem = json_problem(data)
        if problem:
            code = InvocationType.names.index(kind)
            return self._door.invalid_json(target, data, origin, code, problem)
        if kind == "Event":
            return self._door.event(target, data, origin)
        if kind == "DryRun":
            return self._door.dry_run(target, data, origin)
        return self._synchronous(target, data, origin, task, client_context, row)

    def _synchronous(
        self,
        target: Target,
        data: bytes,
        origin: Origin,
        task: Task | None,
        client_context: dict[str, Any] | None,
        row: int,
    ) -> Call:
        answers: list[Call] = []

        def answered(call: Call) -> None:
            answers.append(call)
            if task is None:
                if not left:
                    self._service.scheduler.stop()
            elif waiting:
                task.tasks.wake(task)

        waiting: list[bool] = []
        left: list[bool] = []
        call = self._door.request_response(target, data, origin, answered, client_context)
        if task is None:
            try:
                self._wait(lambda: bool(answers))
            except BaseException as error:
                left.append(True)
                if _leaves(error, task):
                    now, cause = self._service.scheduler.now, Cause.CLIENT_TIMEOUT
                    self._books.answered(row, now, 0, True, call.request, cause)
                raise
        elif not answers:
            waiting.append(True)
            task.tasks.block(task)
        return call

    def _log(self, call: Call, request_id: str) -> str:
        """The tail of the log: the lines that the table has for this invocation, and for its init."""
        from lambdalab.functions.attempt_log import attempt_log
        from lambdalab.trace import loglines

        lines = attempt_log(call, request_id, self._books.start_us)
        tail: int = self._service.rules.log_tail
        return loglines.tail("".join(f"{line}\n" for _, _, line in lines), tail)
