"""Lambda's verbs on the lab: functions, their versions and aliases, concurrency, and Invoke."""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from lambdalab.errors import InvalidParameterValueException, ResourceNotFoundException
from lambdalab.functions.function import Function
from lambdalab.functions.provisioned import ProvisionedConcurrency
from lambdalab.functions.target import Alias
from lambdalab.functions.version import Version
from lambdalab.invocation import versions
from lambdalab.invocation.registry import FunctionRegistry
from lambdalab.invocation.reply import Reply
from lambdalab.sources.mappings.mapping import DISABLED

if TYPE_CHECKING:
    from lambdalab.invocation.service import LambdaService
    from lambdalab.kernel.driver import Driver
    from lambdalab.sources.mappings.registry import EventSourceMappings
    from lambdalab.traffic.client import Client
    from lambdalab.traffic.traffic import Traffic

Made = TypeVar("Made")
Handler = TypeVar("Handler", bound=Callable[..., Any])


class LambdaVerbs:
    """What :class:`~lambdalab.Lab` says in AWS's words; the lab is what it is mixed into."""

    _client: Client
    _functions: FunctionRegistry
    _lambda: LambdaService
    _mappings: EventSourceMappings
    _traffic: Traffic
    _home: int
    _driver: Driver | None

    def _in_turn(self, body: Callable[[], Made]) -> Made:  # where several threads use the lab
        raise NotImplementedError

    def _check_open(self) -> None:
        """Raise where the lab is closed."""
        raise NotImplementedError

    # ------------------------------------------------------------------ functions

    @overload
    def function(self, handler: Handler, /, **settings: Any) -> Handler: ...
    @overload
    def function(self, /, **settings: Any) -> Callable[[Handler], Handler]: ...
    def function(self, handler: Any = None, /, **settings: Any) -> Any:
        """Register a Python function as a Lambda function; it stays an ordinary function.

        ``@lab.function`` or ``@lab.function(timeout=10, ...)``, with the settings of
        :meth:`create_function`; ``name`` defaults to the function's. On a known name it replaces code
        and settings and retires the environments.
        """
        self._check_open()
        if handler is None:
            return lambda decorated: self.function(decorated, **settings)
        self._functions.decorate(handler, settings)
        return handler

    def create_function(
        self,
        name: str,
        code: Any = None,
        *,
        handler: str | None = None,
        **settings: Any,
    ) -> Function:
        """Create a function from code, or a model of one.

        Parameters
        ----------
        name
            Letters, digits, ``-`` and ``_``; at most 64.
        code
            A callable, a file, a folder, a zip or a source text; none for a modelled function.
        handler
            ``"module.function"`` within a folder or zip.
        settings
            ``memory_size`` (MB), ``timeout`` (s), ``environment``, ``architecture``, ``runtime``,
            ``reserved_concurrency``, ``dead_letter_queue``, ``maximum_retry_attempts``,
            ``maximum_event_age`` (s), ``on_success``, ``on_failure``, ``recursive_loop``,
            ``log_format``, ``application_log_level``, ``system_log_level``, ``idle_expiry`` (s),
            ``init`` (s), ``allow_network``, ``cpu``; and for a model ``duration`` (seconds, a
            distribution, or a callable of the event), ``memory`` (MB, likewise) and ``failure_rate``.
            All of them, with their limits, stand at
            :class:`~lambdalab.functions.settings.FunctionSettings`.

        Raises :class:`InvalidSetting`, :class:`UnknownSetting` or :class:`HandlerError` before
        anything has happened, and :class:`ResourceConflictException` where the name is taken.
        """
        self._check_open()
        return self._functions.create(name, code, handler, settings)

    def update_function(
        self, function: Any, code: Any = None, *, handler: str | None = None, **settings: Any
    ) -> Function:
        """Change the settings or code of ``$LATEST``; its environments are retired.

        Running invocations finish on the old ones, events that wait run on the new code
        (dg/functions-states).
        """
        self._check_open()
        return self._functions.update(function, code, handler, settings)

    def delete_function(self, function: Any) -> None:
        """Delete a function that nothing uses any more: no mapping, traffic or invocation.

        A mapping that is disabled stays; it can be enabled again when there is a function of the name.
        """
        self._check_open()
        found = self._functions.find(function)
        users = [
            f"mapping {mapping.name}"
            for mapping in self._mappings
            if mapping.function is found and mapping.state != DISABLED
        ]
        self._lambda.delete_function(found, users + self._traffic.users_of(found))

    def get_function(self, function: Any) -> Function:
        """The function that a name, an ARN, a decorated function or a handle stands for.

        Raises :class:`ResourceNotFoundException` where there is none.
        """
        self._check_open()
        return self._functions.find(function)

    def list_functions(self) -> list[Function]:
        """The functions there are, in the order in which they were made."""
        self._check_open()
        return list(self._lambda.functions.values())

    # ------------------------------------------------------------------ versions and aliases

    def publish_version(self, function: Any, description: str = "") -> Version:
        """Publish what ``$LATEST`` is now as a version that never changes.

        Numbers rise from 1 and are never used again; where nothing has changed since the last
        version, that one is returned (dg/configuration-versions).

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> bill = lab.create_function("bill", duration=0.1)
        >>> lab.publish_version(bill)
        <version 1 of bill: modelled, 128 MB, timeout 3 s>
        >>> lab.invoke("bill:1").executed_version
        '1'
        """
        self._check_open()
        return versions.publish(self._lambda, self._functions.find(function), description)

    def create_alias(
        self,
        function: Any,
        name: str,
        function_version: Any,
        *,
        routing: Mapping[str, float] | None = None,
        description: str = "",
    ) -> Alias:
        """Give a version a name of its own, which can be moved later.

        Parameters
        ----------
        function
            The function.
        name
            Letters, digits, ``-`` and ``_``, not digits alone; at most 128.
        function_version
            The number of a published version, or ``"$LATEST"``.
        routing
            One other published version and the share of requests it gets, such as
            ``{"2": 0.1}``; each request draws (dg/configuring-alias-routing).
        """
        self._check_open()
        number = (
            function_version.number
            if isinstance(function_version, Version)
            else str(function_version)
        )
        return versions.create_alias(
            self._lambda, self._functions.find(function), name, number, routing, description
        )

    def update_alias(
        self,
        function: Any,
        name: str,
        function_version: Any = None,
        *,
        routing: Mapping[str, float] | None = None,
        description: str | None = None,
    ) -> Alias:
        """Point an alias at another version, or change its weights (``{}`` takes them away).

        Provisioned concurrency goes along: it is allocated anew for the other version.
        """
        self._check_open()
        number = (
            function_version.number if isinstance(function_version, Version) else function_version
        )
        return versions.update_alias(
            self._lambda, self._functions.find(function), name, number, routing, description
        )

    def delete_alias(self, function: Any, name: str) -> None:
        """Delete an alias that nothing goes by any more."""
        self._check_open()
        found = self._functions.find(function)
        users = [
            f"mapping {mapping.name}"
            for mapping in self._mappings
            if mapping.function is found and mapping.target.qualifier == name
        ]
        versions.delete_alias(
            self._lambda, found, name, users + self._traffic.users_of(found, name)
        )

    def delete_version(self, function: Any, function_version: Any) -> None:
        """Delete a published version that nothing goes by any more; its number is not used again."""
        self._check_open()
        found, number = self._functions.find(function), _text(function_version)
        users = [
            f"mapping {mapping.name}"
            for mapping in self._mappings
            if mapping.function is found and mapping.target.qualifier == number
        ]
        versions.delete(self._lambda, found, number, users + self._traffic.users_of(found, number))

    # ------------------------------------------------------------------ concurrency and events

    def put_function_concurrency(self, function: Any, reserved_concurrency: int | None) -> None:
        """Reserve concurrency for a function; 0 throttles it, None gives the share back.

        It holds for all versions together; environments stay as they are
        (dg/configuration-concurrency).
        """
        self._check_open()
        self._functions.reconfigure(
            "put_function_concurrency", function, reserved_concurrency=reserved_concurrency
        )

    def put_provisioned_concurrency(
        self, function: Any, qualifier: Any, provisioned_concurrency: int
    ) -> ProvisionedConcurrency:
        """Keep so many environments of a published version or alias initialised.

        They are ready after a minute or two (:meth:`run` waits for it), all at once; what comes beyond
        them spills over to environments on demand (dg/provisioned-concurrency).

        Parameters
        ----------
        function
            The function.
        qualifier
            A version's number or an alias.
        provisioned_concurrency
            How many environments, 1 or more. They count against what the function reserves, or what
            the account has left unreserved.

        Returns the allocation: ``requested``, ``allocated``, ``available``, ``status``,
        ``status_reason``.
        """
        self._check_open()
        found = self._functions.find(function)
        return versions.provision(self._lambda, found, _text(qualifier), provisioned_concurrency)

    def delete_provisioned_concurrency(self, function: Any, qualifier: Any) -> None:
        """Give provisioned concurrency back; idle environments end at once, busy ones when they finish."""
        self._check_open()
        versions.unprovision(self._lambda, self._functions.find(function), _text(qualifier))

    def put_function_event_invoke_config(
        self,
        function: Any,
        *,
        qualifier: Any = None,
        maximum_retry_attempts: int | None = None,
        maximum_event_age: int | None = None,
        on_success: Any = None,
        on_failure: Any = None,
    ) -> None:
        """Set how asynchronous events are retried and where records of them go.

        It replaces all that was set before: what is not given returns to its default
        (botocore PutFunctionEventInvokeConfig).

        Parameters
        ----------
        function
            The function, or one of its versions or aliases.
        qualifier
            A version's number or an alias; ``$LATEST`` without one. Each has a configuration of its
            own, which counts for what is invoked by that qualifier.
        maximum_retry_attempts
            Retries after errors: 0 to 2 (default).
        maximum_event_age
            Seconds after which an event is given up: 60 to 21,600 (default).
        on_success, on_failure
            Where a record of each event goes that succeeded, or failed for good: a queue, a function,
            the name or the ARN of one. It must exist.

        Raises :class:`InvalidParameterValueException` where nothing is set, and for the function
        itself or an unknown ARN as a destination; :class:`InvalidSetting` and :class:`UnknownName`
        for other values that cannot be.
        """
        self._check_open()
        given = {
            "maximum_retry_attempts": maximum_retry_attempts,
            "maximum_event_age": maximum_event_age,
            "on_success": on_success,
            "on_failure": on_failure,
        }
        self._functions.put_event_config(function, qualifier, given)

    def update_function_event_invoke_config(
        self, function: Any, *, qualifier: Any = None, **settings: Any
    ) -> None:
        """Change some of what :meth:`put_function_event_invoke_config` set; the rest stays.

        Raises :class:`ResourceNotFoundException` where the qualifier has no configuration.
        """
        self._check_open()
        self._functions.update_event_config(function, qualifier, settings)

    def delete_function_event_invoke_config(self, function: Any, *, qualifier: Any = None) -> None:
        """Forget how a qualifier's events were to be treated: the defaults hold again."""
        self._check_open()
        self._functions.delete_event_config(function, qualifier)

    # ------------------------------------------------------------------ invoke

    def invoke(
        self,
        function: Any,
        payload: Any = None,
        *,
        invocation_type: str = "RequestResponse",
        qualifier: Any = None,
        log_type: str = "Tail",
        client_context: dict[str, Any] | None = None,
        caller: Any = None,
    ) -> Reply:
        """Invoke a function.

        Parameters
        ----------
        function
            The decorated function, the handle of ``create_function``, a version, an alias, a name
            (``"bill"``, ``"bill:live"``), or an ARN or a part of one.
        payload
            Any JSON value, or bytes that are JSON; none is an empty event. The handler gets its own
            copy.
        invocation_type
            ``"RequestResponse"`` runs the clock until the reply is there; ``"Event"`` queues (202)
            and takes no time; ``"DryRun"`` only checks (204).
        qualifier
            A version's number, ``"$LATEST"`` or an alias; ``$LATEST`` without one.
        log_type
            ``"Tail"`` gives the reply the last 4 KB of the log, ``"None"`` does not.
        client_context
            What a mobile client tells of itself: ``context.client_context`` of a synchronous call.
        caller
            Who calls: ``ll.SdkClient(...)`` tries again, ``ll.Browser(...)`` gives up,
            ``ll.QueueingCaller(...)`` calls one at a time; None: one try, and all the time in the world.

        Raises
        ------
        ServiceError
            What the service refuses: throttled, no such function, payload too large, not JSON; with a
            caller, its last try's. A function's error is no exception: see
            :attr:`Reply.function_error`.
        ReadTimeoutError
            The caller stopped waiting; the function runs on.
        """
        self._check_open()
        try:
            target = self._functions.target(function, qualifier)
        except (ResourceNotFoundException, InvalidParameterValueException) as error:
            name, own = self._functions.named(function)
            asked = own if qualifier is None else str(qualifier)
            self._client.refused(name, asked, invocation_type, error.status_code, caller)
            raise
        given = (target, payload, invocation_type, log_type, client_context, caller)
        if get_ident() == self._home and self._driver is None:
            return self._client.invoke(*given)
        return self._in_turn(lambda: self._client.invoke(*given))


def _text(qualifier: Any) -> str:
    """A qualifier as text: that of a version, an alias, or a number."""
    return str(getattr(qualifier, "number", getattr(qualifier, "name", qualifier)))
