"""Lambda itself: the functions of an account, wired to capacity, runner, event queues and front door."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from lambdalab.errors import ResourceConflictException
from lambdalab.functions.capacity import Capacity
from lambdalab.functions.function import Function
from lambdalab.functions.provisioned import ProvisionedFleet
from lambdalab.functions.runner import Runner
from lambdalab.functions.settings import FunctionSettings
from lambdalab.functions.target import LATEST, Alias
from lambdalab.functions.version import Version
from lambdalab.invocation.destinations import Destination
from lambdalab.invocation.event_config import EventInvokeConfig
from lambdalab.invocation.event_queue import EventQueues
from lambdalab.invocation.front_door import FrontDoor
from lambdalab.kernel.clock import US, Clock
from lambdalab.kernel.random import RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.closing import close_environments
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import EnvironmentEnd

if TYPE_CHECKING:
    from lambdalab.functions.call import Call
    from lambdalab.functions.code import Code
    from lambdalab.functions.handlers import Handlers
    from lambdalab.kernel.tasks import Tasks

OF_THE_FUNCTION = (
    "reserved_concurrency", "dead_letter_queue", "maximum_retry_attempts", "maximum_event_age",
    "on_success", "on_failure", "recursive_loop",
)  # fmt: skip
"""Settings that a version does not take along: they stay with the function, or its qualifiers."""


class LambdaService:
    """The Lambda service of one account and one run.

    Attributes: ``functions`` by name, ``front_door``, ``events`` (the queues), ``capacity``, ``runner``,
    ``ids``; ``tasks`` is None until a function with code exists, and only then is greenlet imported.
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
        self.events = queues = EventQueues(
            scheduler, books, rules, streams, self.ids, self.capacity, self.runner, clock
        )
        self.front_door = FrontDoor(scheduler, books, rules, self.capacity, self.runner, queues)
        self.functions: dict[str, Function] = {}
        self._numbers: dict[str, int] = {}  # of the last versions of deleted functions
        self.watches: dict[str, Callable[[Call], None]] = {}
        """Who is told of each attempt of the function of that name, also when it is made anew."""
        self.tasks: Tasks | None = None
        self.hosts: dict[str, Callable[[str, str, bytes], tuple[int, bytes]]] = {}
        """Hosts that handlers reach without a network, and what answers there (method, path, body)."""

    def check(self, settings: FunctionSettings) -> None:
        """Raise where :meth:`put_function` would; nothing is changed."""
        function = self.functions.get(settings.name)
        if function is not None:
            check_settled(function)
        self.capacity.check_reservation(function, settings.reserved_concurrency)

    def put_function(self, settings: FunctionSettings, code: Code | None) -> Function:
        """Create a function, or give a known one new settings and code.

        Raises :class:`~lambdalab.errors.InvalidParameterValueException` where the account cannot
        reserve as much; then nothing has changed.
        """
        function = self.functions.get(settings.name)
        if function is None:
            function = Function(settings, code)
            self.adopt(function)
            function.published = self._numbers.get(function.name, 0)
            if self.rules.function_creation:
                function.state = "Pending"
                self._later(self.rules.function_creation, lambda: self._active(function))
            return function
        self.check(settings)
        self.capacity.reserve(function, settings.reserved_concurrency)
        self.configure_events(function, LATEST, EventInvokeConfig.of(settings))
        function.update = settings, code
        if self.rules.function_update:  # until it is over, the old code and settings serve
            function.last_update_status = "InProgress"
            shared = {name: getattr(settings, name) for name in OF_THE_FUNCTION}
            function.latest.settings = replace(function.settings, **shared)
            self._later(self.rules.function_update, lambda: self._updated(function))
        else:
            self._updated(function)
        return function

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self.scheduler.at(self.scheduler.now + round(seconds * US), lambda _: act())

    def _active(self, function: Function) -> None:
        function.state = "Active"

    def _updated(self, function: Function) -> None:
        """The update is over, unless the function has been deleted meanwhile."""
        if self.functions.get(function.name) is not function or function.update is None:
            return
        settings, code = function.update
        function.update, function.last_update_status = None, "Successful"
        shared = {name: getattr(function.settings, name) for name in OF_THE_FUNCTION}
        if self.rules.function_update:  # what was set meanwhile holds
            settings = replace(settings, **shared)
        function.configure(settings, code)
        self._note(function)

    def adopt(self, function: Function) -> None:
        """Take a function into this run, without environments; an update that was under way is done."""
        if function.update is not None:
            settings, code = function.update
            shared = {name: getattr(function.settings, name) for name in OF_THE_FUNCTION}
            function.latest = Version(function, LATEST, replace(settings, **shared), code)
            function.update = None
        function.attach(self.rules, self.streams, self.scheduler, self.books)
        function.pool, function.growth = self.capacity.shared, self.capacity.new_growth()
        self.capacity.reserve(function, function.settings.reserved_concurrency)
        function.watch = self.watches.get(function.name)
        self.functions[function.name] = function
        self._note(function)
        for qualifier, number in function.provisioned.items():
            self.capacity.claim(function, number)
            self._allocate(function, qualifier, number)
        function.event_configs.setdefault(LATEST, EventInvokeConfig.of(function.settings))
        for qualifier, config in function.event_configs.items():
            self.configure_events(function, qualifier, config)

    # ------------------------------------------------------------------ versions

    def add_version(self, function: Function, version: Version) -> None:
        """A version has been published."""
        function.add(version)

    def provision(self, function: Function, qualifier: str, number: int) -> None:
        """Ask for so much provisioned concurrency of a version or alias; 0 gives it back.

        Raises :class:`~lambdalab.errors.InvalidParameterValueException` where there is too little
        concurrency; then nothing has changed.
        """
        self.capacity.claim(function, number - function.provisioned.get(qualifier, 0))
        self._allocate(function, qualifier, number)
        if number:
            function.provisioned[qualifier] = number
        else:
            del function.provisioned[qualifier]

    def move_alias(self, function: Function, alias: Alias) -> None:
        """An alias leads elsewhere, and its provisioned concurrency goes along."""
        before = function.aliases.get(alias.name)
        number = function.provisioned.get(alias.name)
        moves = before is not None and before.function_version != alias.function_version
        if number and moves:
            self._allocate(function, alias.name, 0)
        function.aliases[alias.name] = alias
        if number and moves:
            self._allocate(function, alias.name, number)

    def _allocate(self, function: Function, qualifier: str, number: int) -> None:
        alias = function.aliases.get(qualifier)
        version = function.version(alias.function_version if alias else qualifier)
        fleet = version.provisioned
        if fleet is None:
            stream = self.streams.stream(f"provisioned/{function.name}:{qualifier}")
            fleet = version.provisioned = ProvisionedFleet(
                version, qualifier, self.scheduler, self.books, self.rules, stream,
                function.census, self.runner.prepare,
            )  # fmt: skip
        fleet.request(number)
        if not number:
            version.provisioned = None

    def reconfigure(self, function: Function, settings: FunctionSettings) -> None:
        """New settings that leave the environments as they are: concurrency and asynchronous events."""
        self.capacity.reserve(function, settings.reserved_concurrency)
        function.latest.settings = settings
        self._note(function)

    def configure_events(
        self, function: Function, qualifier: str, config: EventInvokeConfig | None
    ) -> None:
        """How asynchronous events of a qualifier are treated from now on; None: by the defaults."""
        if config is None:
            del function.event_configs[qualifier]
            config = EventInvokeConfig.make(self.rules)
        else:
            function.event_configs[qualifier] = config
        self.books.wired("event_invoke_config", f"{function.name}:{qualifier}", config.as_dict())

    def _note(self, function: Function) -> None:
        if any(version.code is not None for version in function.all_versions()):
            from lambdalab.functions.early import may_hold_clocks
            from lambdalab.kernel import shims  # brings greenlet

            self.needed_tasks()
            code = function.latest.code  # an older version's was looked at when it was the latest
            if code is not None:  # the next run looks for clocks that it bound early, if it may
                shims.handlers_changed(lambda: may_hold_clocks(code))
        self.books.configured(function.name, _plain(function.settings))

    def delete_function(self, function: Function, users: Iterable[str]) -> None:
        """Forget a function; its environments end.

        Raises :class:`~lambdalab.errors.ResourceConflictException` while ``users`` (mappings,
        traffic) would still call it, or something of it is under way: nothing would be left to
        answer them.
        """
        users = list(users)
        if function.busy or self.events.depth(function):
            users.append("invocations under way; lab.run() ends them")
        if users:
            raise ResourceConflictException(
                f"The function {function.name} is still in use: {'; '.join(users)}"
            )
        function.retire(EnvironmentEnd.FUNCTION_DELETED)
        self.capacity.claim(function, -function.claimed)
        self.capacity.reserve(function, None)
        self._numbers[function.name], function.deleted = function.published, True
        del self.functions[function.name]

    def close(self) -> None:
        """Every environment ends, and the books say so; what is under way stays in flight there."""
        for function in self.functions.values():
            function.retire(EnvironmentEnd.LAB_CLOSED)
            function.census.close(self.books, function.name_code, self.scheduler.now)
        close_environments(self.books, self.scheduler.now)
        self.scrap()

    def scrap(self) -> None:
        """Give back what handlers hold; the books are not touched any more."""
        if self.tasks is not None:
            with self.tasks.active():
                self.runner.handlers.scrap()

    def needed_tasks(self) -> Tasks:
        """The tasks, which are there from now on."""
        if self.tasks is None:
            from lambdalab.kernel.tasks import Tasks  # brings greenlet

            self.tasks = Tasks(self.scheduler, self.clock)
            self.tasks.hosts = self.hosts
        return self.tasks

    def _handlers(self, runner: Runner) -> Handlers:
        from lambdalab.functions.handlers import Handlers  # brings greenlet

        assert self.tasks is not None
        return Handlers(
            runner, self.tasks, self.clock, self.books, self.ids, self.streams.seed, self.rules
        )


def check_settled(function: Function) -> None:
    """Raise while the function is being created or updated (dg/functions-states)."""
    if function.state != "Active":
        raise ResourceConflictException(
            "The operation cannot be performed at this time. The function is currently in the "
            f"following state: {function.state}"
        )
    if function.last_update_status == "InProgress":
        raise ResourceConflictException(
            "The operation cannot be performed at this time. An update is in progress for resource: "
            f"{function.arn}"
        )


def _plain(settings: FunctionSettings) -> dict[str, object]:
    """Settings as the books keep them: numbers and text."""
    return {
        name: _word(value) for name, value in settings.as_dict().items() if name != "environment"
    }


def _word(value: object) -> object:
    if isinstance(value, (int, float, str, bool, type(None))):
        return value
    if isinstance(value, Destination):
        return value.arn
    return "a function of the event" if callable(value) else repr(value)
