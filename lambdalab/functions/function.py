"""A function of the lab: its versions and aliases, and what all of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from lambdalab.functions.capacity import Bucket, Pool
from lambdalab.functions.context import function_arn
from lambdalab.functions.environments import Census
from lambdalab.functions.policy import Policy
from lambdalab.functions.settings import FunctionSettings
from lambdalab.functions.target import LATEST, Alias, Target
from lambdalab.functions.version import Version, told
from lambdalab.kernel.random import RandomStream, RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import EnvironmentEnd

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdalab.functions.call import Call
    from lambdalab.functions.code import Code
    from lambdalab.functions.mishaps import Mishap


class DeadLetters(Protocol):
    """A place for events that all tries have failed: an SQS queue, or an SNS topic."""

    name: str

    def deliver(
        self,
        body: bytes,
        attributes: dict[str, tuple[str, str]],
        request: int,
        chain: dict[str, int] | None,
    ) -> str:
        """Take an event, with the chain of requests that led to it; ``""``, or why it was not taken."""


class Function:
    """A registered function, as ``lab.create_function`` returns it.

    Attributes
    ----------
    name, arn
        Its name and unqualified ARN.
    latest, versions, aliases
        ``$LATEST``, the published versions by number, the aliases by name.
    settings
        Those of ``$LATEST``.
    state, last_update_status
        AWS's words: ``Pending`` or ``Active``; ``Successful`` or ``InProgress``.
    """

    def __init__(self, settings: FunctionSettings, code: Code | None) -> None:
        self.name = settings.name
        self.census = Census()
        self.latest = Version(self, LATEST, settings, code)
        self.versions: dict[str, Version] = {}
        self.published = 0
        self.aliases: dict[str, Alias] = {}
        self.provisioned: dict[str, int] = {}
        """Provisioned concurrency asked for, by qualifier."""
        self.event_configs: dict[str, Any] = {}
        """How asynchronous events of each qualifier are retried, where that was set."""
        self.dead_letters: DeadLetters | None = None
        self.policy = Policy()
        """Which services may invoke it."""
        self.deleted = False
        """Whether it is no more: a call that was on its way finds nobody."""
        self.update: tuple[FunctionSettings, Code | None] | None = None
        """What ``$LATEST`` will be when the update under way is over."""
        self.faults: list[Mishap] = []
        """What ``lab.faults`` does to it."""
        self.last_event: bytes | None = None
        """The event that its code got last, for ``lab.check()``."""
        self.watch: Callable[[Call], None] | None = None
        """Told of each attempt at its end (subscription filters on its log group); None: nobody is."""
        self._targets: dict[str, Target] = {}

    def attach(
        self, rules: Rules, streams: RandomStreams, scheduler: Scheduler, books: Recorder
    ) -> None:
        """Begin a run: no environments, nothing reserved, these books."""
        self._parts = rules, streams, scheduler, books
        self._former: list[Version] = []
        self.name_code = books.name(self.name)
        self.census = Census()
        self.reserved: int | None = None
        self.claimed = 0
        """Concurrency set aside for provisioned environments."""
        self.pool: Pool
        self.growth: Bucket
        self.state, self.last_update_status = "Active", "Successful"
        for version in self.all_versions():
            version.attach(*self._parts)
        for target in self._targets.values():
            target.attach(books.name(target.qualifier or LATEST))

    def configure(self, settings: FunctionSettings, code: Code | None) -> None:
        """New settings and code for ``$LATEST``; environments of the old ones end."""
        before, self.latest = self.latest, Version(self, LATEST, settings, code)
        self.latest.attach(*self._parts)
        before.fleet.retire(EnvironmentEnd.FUNCTION_UPDATED)
        self._former = [version for version in [*self._former, before] if version.fleet.busy]

    def add(self, version: Version) -> None:
        """A version has been published."""
        version.attach(*self._parts)
        self.versions[version.number] = version

    # ------------------------------------------------------------------ versions

    def all_versions(self) -> list[Version]:
        """``$LATEST`` and every published version."""
        return [self.latest, *self.versions.values()]

    def version(self, number: str) -> Version:
        """A version by its number, or ``$LATEST``."""
        return self.latest if number == LATEST else self.versions[number]

    def target(self, qualifier: str = "") -> Target:
        """What a caller names by this qualifier; it must exist (see :meth:`knows`)."""
        found = self._targets.get(qualifier)
        if found is None:
            found = self._targets[qualifier] = Target(self, qualifier)
            found.attach(self._parts[-1].name(qualifier or LATEST))
        return found

    def knows(self, qualifier: str) -> bool:
        """Whether there is such a version or alias."""
        return qualifier in ("", LATEST) or qualifier in self.versions or qualifier in self.aliases

    def stream(self, name: str) -> RandomStream:
        """A named stream of the run's chance."""
        return self._parts[1].stream(name)

    # ------------------------------------------------------------------ what is under way

    @property
    def busy(self) -> int:
        """How many environments are at work."""
        return self.busy_on_demand + self.census.provisioned_busy

    @property
    def busy_on_demand(self) -> int:
        """How many of them take up concurrency of the function's pool."""
        return sum(version.fleet.busy for version in [*self.all_versions(), *self._former])

    def retire(self, because: int) -> None:
        """Idle environments of every version end now, busy ones when they finish."""
        for version in self.all_versions():
            version.fleet.retire(because)
            if version.provisioned is not None:
                version.provisioned.retire(because)

    # ------------------------------------------------------------------ what people see

    @property
    def settings(self) -> FunctionSettings:
        """The settings of ``$LATEST``."""
        return self.latest.settings

    @property
    def code(self) -> Code | None:
        """The code of ``$LATEST``; None for a modelled function."""
        return self.latest.code

    @property
    def timeout_us(self) -> int:
        """The timeout of ``$LATEST`` in microseconds."""
        return self.latest.timeout_us

    @property
    def arn(self) -> str:
        """The unqualified ARN."""
        return function_arn(self.name)

    def __repr__(self) -> str:
        return f"<function {self.name}: {told(self.settings, self.code)}{self._extras()}>"

    def _repr_html_(self) -> str:
        return f"<code>{self!r}</code>".replace("<function", "&lt;function")

    def _extras(self) -> str:
        """What is worth a word because it differs from the default."""
        settings = self.settings
        words: list[str] = []
        if settings.reserved_concurrency is not None:
            words.append(f"reserved concurrency {settings.reserved_concurrency}")
        if settings.dead_letter_queue:
            words.append(f"dead-letter queue {settings.dead_letter_queue!r}")
        words += [
            f"{name} {destination.name!r} ({destination.service})"
            for name in ("on_success", "on_failure")
            if (destination := getattr(settings, name)) is not None
        ]
        words += [f"{name} -> {alias.function_version}" for name, alias in self.aliases.items()]
        if self.versions:
            words.append(f"versions {', '.join(self.versions)}")
        if self.state != "Active" or self.last_update_status != "Successful":
            words.append(f"{self.state}, last update {self.last_update_status}")
        return "".join(f", {word}" for word in words)
