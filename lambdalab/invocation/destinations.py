"""Destinations: where a record of each asynchronous invocation goes when it is over, and what it says.

A function's event invoke configuration names one destination for events that succeeded and one for
those that failed. What can be a destination is a *target kind*: one object per AWS service that finds
the targets people name and takes records. Lambda's own is here; the others live with their services and
are added with :meth:`Destinations.add`.

Synchronous invocations never have destinations. Sources: async.md 4 and 5 of the reference, that is
recordings of the service and dg/invocation-async-retain-records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol

import orjson

from lambdalab.errors import InvalidParameterValueException, InvalidSetting, UnknownName, suggestion
from lambdalab.functions.context import ACCOUNT, REGION
from lambdalab.functions.outcome import encode_text
from lambdalab.invocation.recursion import Chain
from lambdalab.trace.schema import Cause

_SOURCE = "dg/invocation-async-retain-records"


@dataclass(frozen=True, slots=True, repr=False)
class Destination:
    """One place for invocation records.

    ``service`` as an ARN has it ("sqs", "lambda"), ``name`` as people say it, and the ``arn``.
    """

    service: str
    name: str
    arn: str

    def __repr__(self) -> str:
        return f"<destination {self.arn}>"


class Envelope(NamedTuple):
    """What goes along with a record and is no part of it.

    The ``request`` it is of, the number of its function's name in the books (``source``), the chain of
    requests that led to it, the X-Ray ``trace_header``, and whether the event was ``looped``: stopped
    in a recursive loop. ``cause`` is why it comes, as the books of where it arrives have
    it; ``attributes`` are message attributes, name to data type and value, where the place knows such
    things, ``subject`` likewise (of a notification).

    Where a record is kept as an object: ``folder`` is what its key names of where it comes from, as in
    "async/bill", and ``payload`` the event, where the record itself holds none.
    """

    request: int
    source: int
    chain: Chain | None
    trace_header: str
    looped: bool = False
    cause: int = Cause.DESTINATION
    attributes: Mapping[str, tuple[str, str | bytes]] = MappingProxyType({})
    subject: str = ""
    folder: str = ""
    payload: bytes = b""


class TargetKind(Protocol):
    """One AWS service, as far as it takes invocation records.

    One that takes not everything also has ``check(setting, destination)``, which raises where what it
    found cannot be what a setting is for.
    """

    service: str
    noun: str

    def names(self) -> Iterable[str]:
        """The names of the targets that there are."""

    def find(self, given: object) -> Destination | None:
        """The target that a name or a handle stands for; None where it is none of this service.

        The name of a Lambda function may end with ``:`` and a qualifier.
        """

    def deliver(self, destination: Destination, record: bytes, envelope: Envelope) -> str:
        """Take a record; ``""``, or why it was not taken."""


class Destinations:
    """The target kinds of a lab: finds destinations, and delivers to them.

    Parameters: the kinds, in the order in which a name is looked for.
    """

    def __init__(self, kinds: Iterable[TargetKind] = ()) -> None:
        self._kinds: dict[str, TargetKind] = {}
        for kind in kinds:
            self.add(kind)

    def add(self, kind: TargetKind) -> None:
        """One more service can be a destination (or, for the same service, another object is)."""
        self._kinds[kind.service] = kind

    def resolve(self, setting: str, given: object, function_name: str) -> Destination | None:
        """The destination that a setting of a function means; None where none was given.

        Parameters
        ----------
        setting
            The setting's name, for errors: ``on_success`` or ``on_failure``.
        given
            A queue, a function (decorated or not), the name of one, or an ARN.
        function_name
            The function whose setting it is: no function is a destination for itself.

        Raises
        ------
        UnknownName, InvalidSetting
            For a name that nothing has (the error lists those there are) or that several have, and
            for what is no destination at all.
        InvalidParameterValueException
            For an ARN of nothing there is, and for the function itself, in AWS's words.
        """
        if given is None or isinstance(given, Destination):
            return given
        _refuse_fifo(setting, getattr(given, "name", given))
        if isinstance(given, str):
            found = (self._by_arn if given.startswith("arn:") else self._named)(setting, given)
        else:
            found = self._handle(setting, given)
        if found.service == "lambda" and found.name.partition(":")[0] == function_name:
            raise InvalidParameterValueException(
                "You can't specify the function as a destination for itself."
            )
        check = getattr(self._kinds[found.service], "check", None)
        if check is not None:
            check(setting, found)
        return found

    def handle(self, service: str, given: object) -> Destination | None:
        """The target of one service that a name or a handle stands for, if it is one of it."""
        kind = self._kinds.get(service)
        return None if kind is None else kind.find(given)

    def deliver(self, destination: Destination, record: bytes, envelope: Envelope) -> str:
        """Send a record to where it belongs; ``""``, or why it did not arrive."""
        return self._kinds[destination.service].deliver(destination, record, envelope)

    def _by_arn(self, setting: str, arn: str) -> Destination:
        _, partition, service, region, account, *resource = (*arn.split(":"), "", "", "", "", "")
        kind = self._kinds.get(service)
        name = ":".join(resource).rstrip(":").removeprefix("function:")
        found = None
        home = ("", "") if service == "s3" else (REGION, ACCOUNT)
        if kind is not None and (partition, region, account) == ("aws", *home):
            found = kind.find(name)
        if kind is None or found is None or found.arn != arn:
            known = [] if kind is None else list(kind.names())
            raise InvalidParameterValueException(
                f"The destination ARN {arn} is invalid.", suggestion(name, known)
            )
        return found

    def _named(self, setting: str, name: str) -> Destination:
        found = [d for kind in self._kinds.values() if (d := kind.find(name)) is not None]
        if len(found) > 1:
            nouns = " and ".join(_with_article(self._kinds[d.service].noun) for d in found)
            limit = f"one of several: there is {nouns} of this name; give it itself, or its ARN"
            raise InvalidSetting(setting, name, limit)
        if not found:
            known = dict.fromkeys(known for kind in self._kinds.values() for known in kind.names())
            raise UnknownName(" or ".join(k.noun for k in self._kinds.values()), name, known)
        return found[0]

    def _handle(self, setting: str, given: object) -> Destination:
        for kind in self._kinds.values():
            found = kind.find(given)
            if found is not None:
                return found
        nouns = " or ".join(_with_article(kind.noun) for kind in self._kinds.values())
        raise InvalidSetting(setting, given, f"{nouns} of this lab, its name or ARN", _SOURCE)


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _refuse_fifo(setting: str, given: object) -> None:
    if isinstance(given, str) and given.endswith(".fifo"):
        raise InvalidSetting(
            setting, given, "standard, no FIFO queue or topic: AWS delivers to none", _SOURCE
        )


class LambdaTarget:
    """Functions as destinations: the record is the event of an asynchronous invocation.

    Parameters: ``find`` gives the name (with a qualifier, where one was given) and the ARN of the
    function that a name or handle stands for, or None; ``names`` lists the functions there are;
    ``invoke`` sends an event to a function by such a name, and says why it was refused, or "".
    """

    service, noun = "lambda", "function"

    def __init__(
        self,
        find: Callable[[object], tuple[str, str] | None],
        names: Callable[[], Iterable[str]],
        invoke: Callable[[str, bytes, Envelope], str],
    ) -> None:
        self._find, self._names, self._invoke = find, names, invoke

    def names(self) -> Iterable[str]:
        """The functions there are."""
        return self._names()

    def find(self, given: object) -> Destination | None:
        """A function by name, decorated function or handle."""
        found = self._find(given)
        return None if found is None else Destination(self.service, *found)

    def deliver(self, destination: Destination, record: bytes, envelope: Envelope) -> str:
        """Invoke the function with the record."""
        return self._invoke(destination.name, record, envelope)


class Ran(NamedTuple):
    """What the last attempt at an event came to: the version that ran, whether it failed, its answer."""

    version: str
    failed: bool
    response: bytes


def record(
    timestamp: str,
    request_id: str,
    function_arn: str,
    condition: str,
    invoke_count: int,
    payload: bytes,
    ran: Ran | None,
) -> bytes:
    """An invocation record, in AWS's order and without spaces.

    Parameters
    ----------
    timestamp
        When it was made, ISO with milliseconds and ``Z``.
    request_id, function_arn
        Of the event; the ARN always with a qualifier.
    condition
        ``Success``, ``RetriesExhausted``, ``EventAgeExceeded``, ``ZeroReservedConcurrency``, or the
        rule ``recursion_condition``.
    invoke_count
        How often the function has run for the event.
    payload
        The event, as it came.
    ran
        The last attempt; None where the function never ran: then the record has neither
        ``responseContext`` nor ``responsePayload`` (recorded for a reserved concurrency of 0; taken to
        be the same for an event that grew too old in the queue, of which there is no recording).

    Example
    -------
    >>> ran = Ran("$LATEST", False, b"null")
    >>> record("2025-01-07T00:00:01.000Z", "id", "arn:f:$LATEST", "Success", 1, b"{}", ran)[:60]
    b'{"version":"1.0","timestamp":"2025-01-07T00:00:01.000Z","req'
    """
    context = _compact(
        requestId=request_id, functionArn=function_arn, condition=condition,
        approximateInvokeCount=invoke_count,
    )  # fmt: skip
    parts = [
        b'{"version":"1.0","timestamp":"', timestamp.encode(), b'","requestContext":', context,
        b',"requestPayload":', _value(payload),
    ]  # fmt: skip
    if ran is not None:
        failed = {"functionError": "Unhandled"} if ran.failed else {}
        answer = _compact(statusCode=200, executedVersion=ran.version, **failed)
        parts += [b',"responseContext":', answer, b',"responsePayload":', _value(ran.response)]
    return b"".join([*parts, b"}"])


def _compact(**members: object) -> bytes:
    return orjson.dumps(members)


def _value(data: bytes) -> bytes:
    """JSON as it is; what is none (a handler may answer with any bytes) as a text."""
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return encode_text(data.decode(errors="replace")).encode()
    return data
