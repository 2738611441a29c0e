"""The functions of a lab by name: found in every form people give, made and changed only when all is
checked."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Protocol

from lambdalab.errors import (
    InvalidSetting,
    ResourceConflictException,
    ResourceNotFoundException,
    suggestion,
)
from lambdalab.functions import durations
from lambdalab.functions.code import Code
from lambdalab.functions.context import function_arn
from lambdalab.functions.function import DeadLetters, Function
from lambdalab.functions.settings import FunctionSettings
from lambdalab.invocation.service import LambdaService
from lambdalab.rules import Rules


class DeadLetterQueues(Protocol):
    """SQS, as far as a function's dead letters go."""

    def letters_name(self, given: object) -> str | None:
        """The name of a queue given as such or by name."""

    def imply(self, name: str) -> DeadLetters:
        """The queue of that name, made when it is missing."""


class FunctionRegistry:
    """Creates, changes and finds functions.

    Parameters: the ``rules``; ``queues``, the lab's SQS. ``service`` is the run's Lambda; a reset
    replaces it.
    """

    def __init__(self, service: LambdaService, rules: Rules, queues: DeadLetterQueues) -> None:
        self.service = service
        self._rules, self._queues = rules, queues
        self._decorated: dict[int, tuple[Callable[..., Any], str]] = {}

    def restart(self, service: LambdaService) -> None:
        """Take every function over into the run of a new service."""
        for function in self.service.functions.values():
            service.adopt(function)
        self.service = service

    def decorate(self, handler: Callable[..., Any], settings: dict[str, Any]) -> Function:
        """Register a Python function under its name or the one given; a known name is replaced."""
        function = self._put("function", Code.of(handler), {"name": _name(handler)} | settings)
        self._decorated[id(handler)] = handler, function.name
        return function

    def create(
        self, name: str, code: object, handler: str | None, settings: dict[str, Any]
    ) -> Function:
        """Make a new function; the name must be free."""
        if name in self.service.functions:
            raise ResourceConflictException(
                f"Function already exist: {name}",
                "; change it with lab.update_function() or remove it with lab.delete_function(): "
                "lab.reset() empties the books and keeps it",
            )
        made = None if code is None else Code.load(code, handler)
        return self._put("create_function", made, {"name": name} | settings)

    def update(
        self, reference: Any, code: object, handler: str | None, settings: dict[str, Any]
    ) -> Function:
        """Change code or settings of a function and retire its environments."""
        known = self.find(reference)
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

    def find(self, reference: Any) -> Function:
        """The function a handle, a decorated Python function or a name stands for.

        Raises :class:`~lambdalab.errors.ResourceNotFoundException`, with the nearest name there is.
        """
        functions = self.service.functions
        name = reference.name if isinstance(reference, Function) else reference
        if callable(name):
            _, name = self._decorated.get(id(name), (None, _name(name)))
        found = functions.get(name) if isinstance(name, str) else None
        if found is None:
            arn = function_arn(str(name))
            raise ResourceNotFoundException(
                f"Function not found: {arn}", suggestion(str(name), functions)
            )
        return found

    def _put(self, verb: str, code: Code | None, settings: dict[str, Any]) -> Function:
        """Check everything, then make or change the function and its dead-letter queue."""
        settings["dead_letter_queue"] = self._queues.letters_name(settings.get("dead_letter_queue"))
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
        _warn_about_units(made)
        queue = (
            None if made.dead_letter_queue is None else self._queues.imply(made.dead_letter_queue)
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
