"""The functions of a lab by name: found in every form people give, made and changed only when all is
checked."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from lambdalab.errors import (
    HandlerError,
    InvalidParameterValueException,
    InvalidSetting,
    ResourceConflictException,
    ResourceNotFoundException,
    UnknownSetting,
    suggestion,
)
from lambdalab.functions import durations
from lambdalab.functions.code import Code
from lambdalab.functions.context import REGION
from lambdalab.functions.function import Function
from lambdalab.functions.settings import FunctionSettings
from lambdalab.functions.target import LATEST, Alias, Target, split, unreachable
from lambdalab.functions.version import Version
from lambdalab.invocation.destinations import Destinations, Envelope, LambdaTarget
from lambdalab.invocation.event_config import EventInvokeConfig
from lambdalab.invocation.front_door import Origin
from lambdalab.invocation.letters import DeadLetterQueues, Letters
from lambdalab.invocation.service import LambdaService
from lambdalab.rules import Rules
from lambdalab.trace.schema import Cause, ParentKind


class FunctionRegistry:
    """Creates, changes and finds functions.

    Parameters: the ``rules``; ``queues``, the lab's SQS. ``service`` is the run's Lambda; a reset
    replaces it.
    """

    def __init__(self, service: LambdaService, rules: Rules, queues: DeadLetterQueues) -> None:
        self.service = service
        self._rules = rules
        self._decorated: dict[int, tuple[Callable[..., Any], str]] = {}
        self._holders: dict[str, Callable[..., Any]] = {}  # which of them has each name now
        functions = LambdaTarget(self._destination, lambda: self.service.functions, self._inform)
        self.destinations = Destinations([queues.target_kind(), functions])
        self.letters = Letters(queues, self.destinations)
        service.events.ends.destinations = self.destinations

    def restart(self, service: LambdaService) -> None:
        """Take every function over into the run of a new service."""
        for function in self.service.functions.values():
            service.adopt(function)
        self.service = service
        service.events.ends.destinations = self.destinations

    def decorate(self, handler: Callable[..., Any], settings: dict[str, Any]) -> Function:
        """Register a Python function under its name or the one given; a known name is replaced."""
        function = self._put("function", Code.of(handler), {"name": _name(handler)} | settings)
        self._decorated[id(handler)] = handler, function.name
        self._holders[function.name] = handler
        return function

    def create(
        self, name: str, code: object, handler: str | None, settings: dict[str, Any]
    ) -> Function:
        """Make a new function; the name must be free."""
        if not isinstance(name, str):
            raise InvalidSetting("name", name, "a text", "botocore CreateFunction")
        if name in self.service.functions:
            raise ResourceConflictException(
                f"Function already exist: {name}",
                "; change it with lab.update_function() or remove it with lab.delete_function(): "
                "lab.reset() empties the books and keeps it",
            )
        made = None if code is None else Code.load(code, handler)
        function = self._put("create_function", made, {"name": name} | settings)
        self._holders.pop(name, None)
        return function

    def update(
        self, reference: Any, code: object, handler: str | None, settings: dict[str, Any]
    ) -> Function:
        """Change code or settings of a function and retire its environments."""
        known = self.find(reference)
        if settings.get("name", known.name) != known.name:
            raise InvalidSetting(
                "name", settings["name"], f"{known.name}: a function keeps its name",
                "botocore UpdateFunctionConfiguration",
            )  # fmt: skip
        made = known.code if code is None else Code.load(code, handler)
        if code is None and settings.get("duration") is not None:
            made = None
        elif code is not None:
            settings = {"duration": None} | settings
        merged = known.settings.as_dict() | settings | {"name": known.name}
        return self._put("update_function", made, merged)

    def reconfigure(self, verb: str, reference: Any, **settings: Any) -> None:
        """Change what leaves the environments as they are."""
        known = self.find(reference)
        merged = known.settings.as_dict() | settings
        made = FunctionSettings.make(self._rules, verb, **merged)
        self.service.reconfigure(known, made)

    def put_event_config(self, reference: Any, qualifier: object, given: dict[str, Any]) -> None:
        """Set how the asynchronous events of one qualifier are treated, replacing all that was set."""
        target = self.target(reference, qualifier)
        made = EventInvokeConfig.put(self._rules, self.destinations, target.name, **given)
        self._apply(target, made, "put_function_event_invoke_config")
        self.service.configure_events(target.function, target.qualifier or LATEST, made)

    def update_event_config(self, reference: Any, qualifier: object, given: dict[str, Any]) -> None:
        """Change some settings of a qualifier's configuration."""
        known = self._event_config(self.target(reference, qualifier)).settings()
        for name in given:
            if name not in known:
                raise UnknownSetting("update_function_event_invoke_config", name, known)
        self.put_event_config(reference, qualifier, known | given)

    def delete_event_config(self, reference: Any, qualifier: object) -> None:
        """Forget a qualifier's configuration."""
        target = self.target(reference, qualifier)
        self._event_config(target)
        usual = EventInvokeConfig.make(self._rules)
        self._apply(target, usual, "delete_function_event_invoke_config")
        self.service.configure_events(target.function, target.qualifier or LATEST, None)

    def _event_config(self, target: Target) -> EventInvokeConfig:
        """The configuration of a qualifier; a 404 where it has none."""
        found: EventInvokeConfig | None = target.function.event_configs.get(
            target.qualifier or LATEST
        )
        if found is None:
            raise ResourceNotFoundException(
                f"The function {target.qualified_arn} doesn't have an EventInvokeConfig"
            )
        return found

    def _apply(self, target: Target, config: EventInvokeConfig, verb: str) -> None:
        """What holds for ``$LATEST`` stands in the function's settings too."""
        if (target.qualifier or LATEST) == LATEST:
            self.reconfigure(verb, target.function, **config.settings())

    def _destination(self, given: object) -> tuple[str, str] | None:
        """Name and ARN of the function that a destination means, if it means one."""
        if not (isinstance(given, (str, Function, Version, Alias)) or callable(given)):
            return None
        try:
            target = self.target(given)
        except ResourceNotFoundException:
            return None
        name = f"{target.name}:{target.qualifier}" if target.qualifier else target.name
        return name, target.arn

    def _inform(self, name: str, record: bytes, envelope: Envelope) -> str:
        """Invoke a function with the record of another one's event; "" or why it was refused.

        The record of an event that was stopped in a loop does not go to a function that would be
        stopped as well: otherwise two that are each other's destination would never end.
        """
        try:
            target = self.target(name)
        except ResourceNotFoundException as error:
            return error.message
        recursion, loop = self.service.front_door.recursion, target.function.settings.recursive_loop
        chain = envelope.chain
        if envelope.looped and chain is not None and recursion.loops(target.name, loop, chain):
            return recursion.error(target.name).message
        origin = Origin(
            envelope.source, Cause.DESTINATION, ParentKind.REQUEST, envelope.request, envelope.chain
        )
        call = self.service.front_door.event(target, record, origin)
        return "" if call.error is None else call.error.message

    def find(self, reference: Any) -> Function:
        """The function a handle, a decorated Python function, a name or an ARN stands for.

        Raises :class:`~lambdalab.errors.ResourceNotFoundException`, with the nearest name there is,
        and :class:`~lambdalab.errors.InvalidParameterValueException` where it names a version too.
        """
        target = self.target(reference)
        if target.qualifier:
            raise InvalidParameterValueException(
                f"{reference} names a version; this concerns the whole function {target.name}"
            )
        return target.function

    def target(self, reference: Any, qualifier: object = None) -> Target:
        """The function and version a caller names: ``"bill"``, ``"bill:live"``, an ARN, a handle.

        ``qualifier`` may also come by itself, as AWS's ``Qualifier``.
        """
        name, own = self.named(reference)
        wanted = "" if qualifier is None else str(qualifier)
        if own and wanted and own != wanted:
            raise InvalidParameterValueException(
                "The derived qualifier from the function name does not match the specified qualifier."
            )
        found, wanted = self.service.functions.get(name), wanted or own
        if found is None or not found.knows(wanted):
            raise self._unknown(name, found, wanted)
        return found.target(wanted)

    def named(self, reference: Any) -> tuple[str, str]:
        """Name and qualifier of what a person gives; the name may be nobody's."""
        if isinstance(reference, Function):
            if self.service.functions.get(reference.name) is not reference:
                return f"{reference.name} (deleted)", ""
            return reference.name, ""
        if isinstance(reference, Version):
            name, _ = self.named(reference.function)
            return name, reference.number
        if isinstance(reference, Alias):
            return reference.function, reference.name
        if callable(reference):
            _, name = self._decorated.get(id(reference), (None, _name(reference)))
            if id(reference) in self._decorated and self._holders.get(name) is not reference:
                raise HandlerError(
                    f"another function has been registered as {name!r} since, and has replaced this "
                    "one; to keep both, give each a name of its own: @lab.function(name=...)"
                )
            return name, ""
        return split(str(reference)) or (str(reference), "")

    def _unknown(
        self, name: str, known: Function | None, qualifier: str
    ) -> ResourceNotFoundException:
        last = f":{qualifier}" if qualifier else self._rules.unknown_function_version
        if known is None:
            near = suggestion(name, self.service.functions)
        else:
            near = suggestion(qualifier, [LATEST, *known.versions, *known.aliases])
        region, arn = unreachable(name, last)
        if region:
            return ResourceNotFoundException(
                f"Functions from '{region}' are not reachable in this region ('{REGION}')"
            )
        return ResourceNotFoundException(f"Function not found: {arn}", near)

    def _put(self, verb: str, code: Code | None, settings: dict[str, Any]) -> Function:
        """Check everything, then make or change the function and its dead-letter queue."""
        settings["dead_letter_queue"] = self.letters.name(settings.get("dead_letter_queue"))
        for name in ("on_success", "on_failure"):
            settings[name] = self.destinations.resolve(
                name, settings.get(name), str(settings["name"])
            )
        made = FunctionSettings.make(self._rules, verb, **settings)
        if (code is None) == (made.duration is None):
            raise InvalidSetting(
                "code", None if code is None else code.handler,
                "given where duration= is not, and only there: code runs, duration= models it",
            )  # fmt: skip
        if code is not None and made.failure_rate:
            raise InvalidSetting(
                "failure_rate", made.failure_rate,
                "left out where code is given: it belongs to a model (duration=)",
            )  # fmt: skip
        self.service.check(made)
        _warn_about_units(made)
        queue = (
            None if made.dead_letter_queue is None else self.letters.place(made.dead_letter_queue)
        )
        function = self.service.put_function(made, code)
        function.dead_letters = queue
        return function


def _name(handler: Callable[..., Any]) -> str:
    return str(getattr(handler, "__name__", type(handler).__name__))


def _warn_about_units(settings: FunctionSettings) -> None:
    """A model whose typical run times out is most often one given in milliseconds."""
    if settings.duration is None:
        return
    typical = durations.median(settings.duration)
    if typical is not None and typical > settings.timeout:
        warnings.warn(
            f"{settings.name}: the median duration ({typical:g} s) is above the timeout "
            f"({settings.timeout} s), so most runs will time out; durations are in seconds",
            stacklevel=5,
        )
    held = None if settings.memory is None else durations.median(settings.memory)
    if held is not None and held > settings.memory_size:
        warnings.warn(
            f"{settings.name}: memory={held:g} MB, what a run holds, is above memory_size="
            f"{settings.memory_size}, what the function has, so most runs will be killed",
            stacklevel=5,
        )
