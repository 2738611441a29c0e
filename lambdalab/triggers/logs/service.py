"""CloudWatch Logs: subscription filters on the log groups of the lab's functions.

A filter hands the lines of an attempt that match its pattern to another function, asynchronously: START,
END and REPORT are lines as the handler's are. Errors that may pass are retried for 24 hours; one that no
retry mends (no permission, no function) puts the filter to sleep for ten minutes, and what is logged
meanwhile never arrives. Sources: logs/Subscriptions, logs/SubscriptionFilters;
dg-old/services-cloudwatchlogs.

A function that is subscribed to its own log group is invoked by its own REPORT, and so again and again:
AWS allows it, bills it and does not stop it (recursive loop detection does not know CloudWatch Logs), and
so does a lab: give ``lab.run`` an ``until``.

Choices: a group's lines come at the end of the attempt that wrote them, one batch for each attempt and
filter, a second later (rule ``logs_delay``). What an environment of provisioned concurrency writes in its
init is not handed on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from lambdalab.errors import LimitExceededException, ResourceNotFoundException, suggestion
from lambdalab.functions.attempt_log import attempt_log
from lambdalab.sources.shown import Shown
from lambdalab.trace.schema import Action
from lambdalab.triggers.logs.patterns import compile_pattern
from lambdalab.triggers.logs.payload import body, parts_of, pieces
from lambdalab.triggers.parts import ACCOUNT, Parts, arn, no_others
from lambdalab.triggers.push import Event, FunctionReceiver, Push, Taken
from lambdalab.triggers.thin import Heard, ThinService, backing_off, checked_text

if TYPE_CHECKING:
    from lambdalab.functions.call import Call

PRINCIPAL = "logs.amazonaws.com"
_PREFIX = "/aws/lambda/"


class SubscriptionFilter(Shown):
    """A subscription filter.

    Attributes: ``name``, ``group``, ``filter_pattern``, ``function``; ``disabled_until``, microseconds
    since the lab's start: what is logged before is skipped.
    """

    def __init__(
        self, parts: Parts, group: LogGroup, name: str, function: Any, filter_pattern: str
    ) -> None:
        self.name, self.group, self.filter_pattern = name, group.name, filter_pattern
        self._parts = parts
        self._matches = compile_pattern(filter_pattern)
        target = parts.target(function)
        parts.grant(target, PRINCIPAL, group.arn, f"{group.name.rpartition('/')[2]}-{name}")
        receiver = FunctionReceiver(parts, target, PRINCIPAL, group.arn)
        self.function = receiver.name
        retries = backing_off(
            parts, "logs_retry_first_wait", "logs_retry_longest_wait", "logs_retry_age"
        )
        way = f"{group.name}->{receiver.name}"
        self._push = Push(parts, way, Heard(receiver, self._heard), retries)
        self.disabled_until = self._why = 0

    def begin(self) -> None:
        """A run begins: nothing on its way, the filter awake."""
        self._push.begin()
        self.disabled_until = self._why = 0

    def logged(self, stream: str, events: list[dict[str, Any]], request: int) -> None:
        """An attempt's lines: those that match go out, in as many parts as its limit needs."""
        wanted = [event for event in events if self._matches(event["message"])]
        parts = self._parts
        for part in parts_of(wanted, parts.rules.asynchronous_payload):
            number = parts.new_number()
            if parts.now < self.disabled_until:
                self._push.filtered(number, request, Action.DROPPED, self._why)
                continue
            data = body(ACCOUNT, self.group, stream, self.name, part)
            self._push.send(number, data, request=request, delay_us=parts.us("logs_delay"))

    def _heard(self, _event: Event, taken: Taken) -> None:
        if not taken.good and not taken.retry:
            self.disabled_until = self._parts.now + self._parts.us("logs_disabled")
            self._why = taken.cause

    def _words(self) -> str:
        asleep = " · disabled" if self._parts.now < self.disabled_until else ""
        pattern = repr(self.filter_pattern) if self.filter_pattern else "every line"
        return f"{pattern} -> {self.function}{asleep}"

    def __repr__(self) -> str:
        return f"<subscription filter {self.name}: {self.group} {self._words()}>"


class LogGroup(Shown):
    """The log group of a function; it outlives it, and is that of the next one of the name.

    Attributes: ``name``, ``arn``, ``filters`` by name.
    """

    def __init__(self, parts: Parts, name: str) -> None:
        self.name = name
        self.arn = arn("logs", f"log-group:{self.name}:*")
        self.filters: dict[str, SubscriptionFilter] = {}
        self._parts = parts
        self._count = 0

    def begin(self) -> None:
        """A run begins."""
        self._count = 0
        for each in self.filters.values():
            each.begin()
        self.tell()

    def tell(self) -> None:
        """Listen only while somebody wants to know, and tell the books who does."""
        name, service = self.name.removeprefix(_PREFIX), self._parts.service
        if self.filters:
            service.watches[name] = self._over
        else:
            service.watches.pop(name, None)
        function = service.functions.get(name)
        if function is not None:
            function.watch = service.watches.get(name)
        wired = {
            name: {"function": each.function, "filter_pattern": each.filter_pattern}
            for name, each in self.filters.items()
        }
        self._parts.books.wired("log_group", self.name, {"filters": wired})

    def _over(self, call: Call) -> None:
        """An attempt is over: its log is whole."""
        parts, environment = self._parts, call.environment
        start_us = parts.books.start_us
        lines = attempt_log(call, parts.ids.request(call.request), start_us)
        date = parts.clock.iso(environment.started_at)
        stream = parts.ids.log_stream(environment.number, date, call.version.number)
        events = []
        most = parts.rules.asynchronous_payload
        for at, line in ((at, piece) for at, _, whole in lines for piece in pieces(whole, most)):
            self._count += 1
            stamp = (start_us + at) // 1000
            # an id of 56 digits that rises with time, as AWS's do
            events.append(
                {"id": f"{stamp:014d}{self._count:042d}", "timestamp": stamp, "message": line}
            )
        for each in list(self.filters.values()):
            each.logged(stream, events, call.request)

    def __repr__(self) -> str:
        told = ", ".join(each._words() for each in self.filters.values())
        return f"<log group {self.name}: {told or 'no filters'}>"


class Logs(ThinService[LogGroup]):
    """The log groups of a lab that have subscription filters; ``lab.trace.logs`` has all lines."""

    service: ClassVar[str] = "logs"
    noun: ClassVar[str] = "log group"

    def put_subscription_filter(
        self, log_group: Any, function: Any, *, filter_pattern: str = "", name: str | None = None,
        **unknown: object,
    ) -> SubscriptionFilter:  # fmt: skip
        """Hand the lines of a function's log group on to a function; one of that name is replaced.

        Parameters
        ----------
        log_group
            ``"/aws/lambda/bill"``: the group of a function of the lab; or the function itself.
        function
            Who gets them, as ``event["awslogs"]["data"]``; it grants CloudWatch Logs the permission.
        filter_pattern
            Which lines: with all words (``"ERROR timeout"``), with one of them (``"?ERROR ?WARN"``),
            without it (``"-debug"``), of JSON (``'{ $.level = "ERROR" }'``); all by default
            (:mod:`lambdalab.triggers.logs.patterns`).
        name
            Of the filter; the function's by default.

        Raises
        ------
        ResourceNotFoundException
            For a group there is not.
        InvalidParameterException
            For a pattern that does not parse; it says where.
        LimitExceededException
            For a third filter of a group.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> bill, alarm = lab.create_function("bill", duration=1), lab.create_function("alarm", duration=1)
        >>> lab.logs.put_subscription_filter("/aws/lambda/bill", alarm, filter_pattern="REPORT")
        <subscription filter alarm: /aws/lambda/bill 'REPORT' -> alarm>
        >>> _ = lab.invoke(bill), lab.run()
        >>> len(lab.trace.invocations)
        2
        """
        parts = self._parts
        parts.origin()
        no_others("put_subscription_filter", unknown, ("filter_pattern", "name"))
        if not isinstance(log_group, str):  # a function stands for its group
            log_group = f"{_PREFIX}{parts.target(log_group).name}"
        group = self._group(log_group)
        target = parts.target(function)
        named = target.name if name is None else name
        checked_text("name", named, 512, "botocore PutSubscriptionFilter")
        compile_pattern(filter_pattern)
        most = parts.rules.logs_filters
        if named not in group.filters and len(group.filters) >= most:
            raise LimitExceededException(
                "Resource limit exceeded.",
                f"; a log group has at most {most} filters ({parts.rules.source('logs_filters')})",
            )
        made = SubscriptionFilter(parts, group, named, function, filter_pattern)
        group.filters[named] = made
        self._found[group.name] = group
        group.tell()
        return made

    def delete_subscription_filter(self, log_group: str, name: str) -> None:
        """Hand nothing on any more; raises :class:`ResourceNotFoundException` where there is no such."""
        self._parts.origin()
        group = self._found.get(log_group)
        if group is None or name not in group.filters:
            raise ResourceNotFoundException("The specified subscription filter does not exist.")
        del group.filters[name]
        group.tell()

    def _group(self, name: str) -> LogGroup:
        functions = self._parts.service.functions
        function = functions.get(str(name).removeprefix(_PREFIX))
        if function is None or not str(name).startswith(_PREFIX):
            known = [_PREFIX + each for each in functions]
            raise ResourceNotFoundException(
                "The specified log group does not exist.", suggestion(str(name), known)
            )
        return self._found.get(name) or LogGroup(self._parts, name)
