"""Lambda itself: the functions of an account, wired to capacity, runner, event queues and front door."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lambdalab.errors import ResourceConflictException
from lambdalab.functions.capacity import Capacity
from lambdalab.functions.function import Function
from lambdalab.functions.runner import Runner
from lambdalab.functions.settings import FunctionSettings
from lambdalab.invocation.event_queue import EventQueues
from lambdalab.invocation.front_door import FrontDoor
from lambdalab.kernel.clock import Clock
from lambdalab.kernel.random import RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import EnvironmentEnd

if TYPE_CHECKING:
    from lambdalab.functions.code import Code
    from lambdalab.functions.handlers import Handlers
    from lambdalab.kernel.tasks import Tasks


class LambdaService:
    """The Lambda service of one account and one run.

    Attributes: ``functions`` by name, ``front_door``, ``capacity``, ``runner``, ``ids``; ``tasks`` is
    None until a function with code exists, and only then is greenlet imported.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        streams: RandomStreams,
        clock: Clock,
    ) -> None:
        self.scheduler, self.books, self.rules = scheduler, books, rules
        self.streams, self.clock = streams, clock
        self.ids = Ids(books.seed)
        self.capacity = Capacity(scheduler, books, rules)
        self.runner = Runner(scheduler, books, rules, self.capacity, self.ids, self._handlers)
        queues = EventQueues(scheduler, books, rules, streams, self.ids, self.capacity, self.runner)
        self.front_door = FrontDoor(scheduler, books, rules, self.capacity, self.runner, queues)
        self.functions: dict[str, Function] = {}
        self.tasks: Tasks | None = None

    def put_function(self, settings: FunctionSettings, code: Code | None) -> Function:
        """Create a function, or give a known one new settings and code.

        Raises :class:`~lambdalab.errors.InvalidSetting` where the account cannot reserve as much;
        then nothing has changed.
        """
        function = self.functions.get(settings.name)
        if function is None:
            function = Function(settings, code)
            self.adopt(function)
        else:
            self.capacity.reserve(function, settings.reserved_concurrency)
            function.configure(settings, code)
            self._note(function)
        return function

    def adopt(self, function: Function) -> None:
        """Take a function into this run, without environments."""
        function.attach(self.rules, self.streams, self.scheduler, self.books)
        self.capacity.reserve(function, function.settings.reserved_concurrency)
        self.functions[function.name] = function
        self._note(function)

    def reconfigure(self, function: Function, settings: FunctionSettings) -> None:
        """New settings that leave the environments as they are: concurrency and retries."""
        self.capacity.reserve(function, settings.reserved_concurrency)
        function.settings = settings
        self._note(function)

    def _note(self, function: Function) -> None:
        if function.code is not None:
            from lambdalab.kernel import shims  # brings greenlet

            self.tasks = self.tasks or self._new_tasks()
            shims.handlers_changed()  # the next run looks for clocks that its code bound early
        self.books.configured(function.name, _plain(function.settings))

    def delete_function(self, function: Function, users: Iterable[str]) -> None:
        """Forget a function; its environments end.

        Raises :class:`~lambdalab.errors.ResourceConflictException` while ``users`` (mappings,
        traffic) would still call it, or something of it is under way: nothing would be left to
        answer them.
        """
        users = list(users)
        if function.fleet.busy or self.front_door.queue_of(function).depth:
            users.append("invocations under way; lab.run() ends them")
        if users:
            raise ResourceConflictException(
                f"The function {function.name} is still in use: {'; '.join(users)}"
            )
        function.fleet.retire(EnvironmentEnd.FUNCTION_DELETED)
        self.capacity.reserve(function, None)
        del self.functions[function.name]

    def close(self) -> None:
        """Idle environments end, and the books say so; what is under way stays as it is there."""
        for function in self.functions.values():
            function.fleet.retire(EnvironmentEnd.LAB_CLOSED)
        self.scrap()

    def scrap(self) -> None:
        """Give back what handlers hold; the books are not touched any more."""
        if self.tasks is not None:
            with self.tasks.active():
                self.runner.handlers.scrap()

    def _new_tasks(self) -> Tasks:
        from lambdalab.kernel.tasks import Tasks  # brings greenlet

        return Tasks(self.scheduler, self.clock)

    def _handlers(self, runner: Runner) -> Handlers:
        from lambdalab.functions.handlers import Handlers  # brings greenlet

        assert self.tasks is not None
        return Handlers(runner, self.tasks, self.clock, self.books, self.ids, self.streams.seed)


def _plain(settings: FunctionSettings) -> dict[str, object]:
    """Settings as the books keep them: numbers and text."""
    return {
        name: _word(value) for name, value in settings.as_dict().items() if name != "environment"
    }


def _word(value: object) -> object:
    if isinstance(value, (int, float, str, bool, type(None))):
        return value
    return "a function of the event" if callable(value) else repr(value)
