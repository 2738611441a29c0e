"""What every event source mapping is: settings, a state, and what becomes of it when they change.

AWS makes and changes mappings in the background: one is ``Creating``, ``Updating``, ``Enabling``,
``Disabling`` or ``Deleting`` for a while, and polls "minutes later" (dg/services-kinesis-create). How
long is undocumented: the rule ``mapping_transition`` says it, 0 s by default. While a mapping is in
transition it cannot be changed (botocore UpdateEventSourceMapping, ResourceInUseException).
"""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from lambdalab.errors import (
    InvalidParameterValueException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from lambdalab.functions.function import Function
from lambdalab.functions.target import Target
from lambdalab.kernel.clock import US
from lambdalab.sources.filters.criteria import FilterCriteria
from lambdalab.sources.shown import Shown

if TYPE_CHECKING:
    from lambdalab.sources.mappings.registry import EventSourceMappings

CREATING, ENABLING, ENABLED = "Creating", "Enabling", "Enabled"
DISABLING, DISABLED = "Disabling", "Disabled"
UPDATING, DELETING = "Updating", "Deleting"
GONE = "Deleted"
"""Ours: AWS knows a mapping that is deleted no more."""

_STANDING = (ENABLED, DISABLED)


class Mapping(Shown, ABC):
    """An event source mapping, made by ``lab.create_event_source_mapping``.

    Attributes: ``name`` ("orders->bill"), ``uuid``, ``source`` (the queue, stream or table), ``target``
    (the function with its qualifier), ``function``, ``settings``, ``state`` (AWS's word for it).
    """

    reason: ClassVar[str] = "USER_INITIATED"

    def __init__(
        self, name: str, uuid: str, source: Any, target: Target, settings: Any,
        mappings: EventSourceMappings,
    ) -> None:  # fmt: skip
        self.name, self.uuid = name, uuid
        self.source, self.target, self.settings = source, target, settings
        self.function: Function = target.function
        self.state = DISABLED
        self._parts = mappings
        self.start()

    @property
    def enabled(self) -> bool:
        """Whether it polls its source now."""
        return self.settings.enabled and self.state in (ENABLED, UPDATING)

    def is_of(self, mappings: EventSourceMappings) -> bool:
        """Whether it was made in the lab of these mappings."""
        return self._parts is mappings

    @property
    def leaving(self) -> bool:
        """Whether it is being deleted, or has been."""
        return self.state in (DELETING, GONE)

    @property
    def state_transition_reason(self) -> str:
        """Why it is in its state: somebody asked for it (recorded words)."""
        return self.reason

    # ------------------------------------------------------------------ changing it

    def update(self, **settings: Any) -> Mapping:
        """Change settings of ``create_event_source_mapping``; None sets one back to its default.

        ``function`` gives it another function, or another version of it; the mapping keeps its name.
        They hold for receives and batches that begin from now on. Disabled, a mapping receives nothing
        more; what it has received goes its way, and enabled once more it goes on from there.

        Raises as ``create`` does, also where it is to be enabled and its function or source has been
        deleted, :class:`ResourceInUseException` while it is in transition, and
        :class:`ResourceNotFoundException` when it has been deleted; then nothing has changed.
        """
        self._check("update")
        function = settings.pop("function", None)
        if settings.get("enabled"):
            if not self._parts.has(self.source):
                told = f"Event source not found: {self.source.arn}"
                raise InvalidParameterValueException(told, "; it was deleted: make a new mapping")
            if function is None and self.function.deleted:  # another one may have its name by now
                function = ":".join(filter(None, (self.target.name, self.target.qualifier)))
        target = self.target if function is None else self._parts.retarget(self, function)
        made = self._changed(settings, target)
        self.target, self.function = target, target.function
        before, self.settings = self.settings.enabled, made
        if made.enabled == before:
            after = ENABLED if before else DISABLED
            self._become(UPDATING, after, polls=before)
        elif made.enabled:
            self._become(ENABLING, ENABLED)
        else:
            self._become(DISABLING, DISABLED)
        return self

    def enable(self) -> Mapping:
        """``update(enabled=True)``."""
        return self.update(enabled=True)

    def disable(self) -> Mapping:
        """``update(enabled=False)``."""
        return self.update(enabled=False)

    def delete(self) -> None:
        """Delete the mapping: it polls no more, and is gone when what it has received is done with.

        Raises as :meth:`update` does.
        """
        self._check("delete")
        self.settings = replace(self.settings, enabled=False)
        self._become(DELETING, GONE)

    def _check(self, verb: str) -> None:
        self._parts.origin()  # refused in a lab that is closed, and in a handler that is over
        if self.state == GONE:
            raise ResourceNotFoundException(
                "The resource you requested does not exist.", f"; mapping {self.name} was deleted"
            )
        if self.state not in _STANDING:
            raise ResourceInUseException(
                f"Cannot {verb} the event source mapping because it is in use.",
                f"; {self.name} is {self.state}: let the time of the transition pass first",
            )

    def _become(self, through: str, after: str, *, polls: bool = False) -> None:
        """Take the time of a transition; meanwhile it polls as it did where ``polls`` says so."""
        seconds = self._parts.rules.mapping_transition
        self.state = through
        if not seconds:
            self._arrive(after)
            return
        if not polls:
            self._apply(replace(self.settings, enabled=False))
        self._note()
        at = self._parts.scheduler.now + round(seconds * US)
        self._parts.scheduler.at(at, self._arrive, after)

    def _arrive(self, state: str) -> None:
        """A transition is over."""
        if state == GONE:
            self._apply(self.settings)
            self._note()
            self._retire(self._gone)
            return
        self.state = state
        self._apply(self.settings)
        self._note()

    def _gone(self) -> None:
        self.state = GONE
        self._note()
        self._parts.forget(self)

    # ------------------------------------------------------------------ runs

    def start(self) -> None:
        """Begin a run, as if it had just been made."""
        enabled, seconds = self.settings.enabled, self._parts.rules.mapping_transition
        if enabled and seconds:
            self._begin(replace(self.settings, enabled=False))
            self._become(CREATING, ENABLED)
            return
        self.state = ENABLED if enabled else DISABLED
        self._note()
        self._begin(self.settings)

    @abstractmethod
    def _changed(self, settings: dict[str, Any], target: Target) -> Any:
        """The settings with some replaced, all checked, for a mapping to that function."""

    @abstractmethod
    def _begin(self, settings: Any) -> None:
        """Make the parts that poll, fill batches and invoke in this run."""

    @abstractmethod
    def _apply(self, settings: Any) -> None:
        """These settings, and ``target``, hold from now on; ``enabled`` says whether to poll."""

    @abstractmethod
    def _retire(self, done: Callable[[], None]) -> None:
        """It is to be deleted: leave the source, and call ``done`` when nothing is under way."""

    # ------------------------------------------------------------------ telling

    def _note(self) -> None:
        known = {"source": called(self.source), "function": self.function.name, "uuid": self.uuid}
        told = {name: _plain(value) for name, value in self.settings.as_dict().items()}
        told = {name: value for name, value in told.items() if value is not None}
        self._parts.books.wired("mapping", self.name, known | told | {"state": self.state})

    @abstractmethod
    def _told(self) -> list[str]:
        """What its ``repr`` tells of its settings."""

    def __repr__(self) -> str:
        told = self._told() + ([] if self.state == ENABLED else [self.state.lower()])
        return f"<mapping {self.name}: {', '.join(told)}>"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"


def called(source: Any) -> str:
    """What a source is called in the books; a stream's consumer by its stream's name, and its own."""
    _, slash, consumer = source.name.partition("/")
    return f"{source.store.name}{slash}{consumer}"


def _plain(value: object) -> object:
    """A setting as the books have it: something that JSON can express."""
    if isinstance(value, FilterCriteria):
        return value.as_dict()
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, (bool, int, float, str, dict, type(None))) else str(value)


def filters_told(criteria: FilterCriteria | None) -> list[str]:
    """``["2 filters"]``, or nothing: for a mapping's ``repr``."""
    if criteria is None:
        return []
    return [f"{len(criteria)} filter" + ("" if len(criteria) == 1 else "s")]
