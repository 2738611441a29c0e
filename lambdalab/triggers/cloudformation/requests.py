"""Requests to the functions of custom resources, and their answers to ``ResponseURL``.

A request is an asynchronous event; its answer is a PUT of a JSON document to the URL it names, which the lab
answers in the handler's own process (:mod:`lambdalab.kernel.shims.hosts`). Sources: dg/services-cloudformation;
cloudformation/crpg-ref-requests and -responses; the texts of failures are as users have seen them.
"""  # noqa: E501

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from lambdalab.errors import InvalidSetting
from lambdalab.functions.outcome import encode
from lambdalab.kernel.clock import US
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.push import Event, FunctionReceiver, Push, Taken
from lambdalab.triggers.thin import Heard, few_tries, hexadecimal, uuid

HOST = "cloudformation-custom-resource-response-useast1.s3.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended: whether it was a success, why not, the resource's id and its attributes."""

    good: bool
    reason: str
    physical_id: str = ""
    data: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Waiting:
    """A request that has no answer yet; ``token`` of its deadline, ``heard`` gets the outcome."""

    id: str
    token: int
    heard: Callable[[Outcome], None]


class Requests:
    """The requests of all stacks of a lab. Parameter: its ``parts``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._pushes: dict[str, Push] = {}
        self.begin()

    def begin(self) -> None:
        """A run begins: nothing is waited for."""
        self._waiting: dict[str, Waiting] = {}
        self._numbers: dict[int, str] = {}
        self._known: set[str] = set()
        self._count = 0
        self._pushes.clear()
        self._parts.service.hosts[HOST] = self.put

    def send(
        self,
        function: str,
        members: dict[str, Any],
        timeout: float,
        request: int,
        heard: Callable[[Outcome], None],
    ) -> Waiting:
        """Send a request, and wait so long (seconds) for its answer.

        Parameters: the ``function`` (a qualifier may follow its name), the event's own ``members``; the
        invocation that caused it; ``heard`` gets the outcome, later.
        """
        parts = self._parts
        self._count += 1
        name = uuid(parts, f"custom resource request/{self._count}")
        number = parts.new_number()
        token = parts.scheduler.at(parts.now + round(timeout * US), self._late, name)
        waiting = self._waiting[name] = Waiting(name, token, heard)
        self._numbers[number] = name
        self._known.add(name)
        key = f"{members['StackId']}|{members['LogicalResourceId']}|{name}"
        signature = hexadecimal(parts, f"signature/{name}", 28)
        url = (
            f"https://{HOST}/{quote(key, safe=':/-')}?AWSAccessKeyId=AKIALAB&Signature={signature}"
        )
        event = {"ResponseURL": url, "RequestId": name, **members}
        self._way_to(function).send(number, encode(event), request=request)
        return waiting

    def forget(self, waiting: Waiting) -> None:
        """Nobody waits for it any more; an answer that comes is taken and changes nothing."""
        if self._waiting.pop(waiting.id, None) is not None:
            self._parts.scheduler.cancel(waiting.token)

    def put(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """What S3 answers to a request to a ``ResponseURL``: 200, or 403 where that is none.

        A handler that has been stopped sends nothing any more.
        """
        self._parts.origin()
        name = unquote(urlsplit(path).path).rpartition("|")[2]
        if method != "PUT" or name not in self._known:
            return 403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
        waiting = self._waiting.get(name)
        if waiting is not None:
            self._over(waiting, self._read(name, body))
        return 200, b""

    def _way_to(self, function: str) -> Push:
        if function not in self._pushes:
            parts = self._parts
            receiver = FunctionReceiver(parts, parts.target(function), "", "")
            heard = Heard(receiver, self._tried)
            self._pushes[function] = Push(
                parts, f"cloudformation->{function}", heard, few_tries(parts)
            )
        return self._pushes[function]

    def _tried(self, event: Event, taken: Taken) -> None:
        """The function could not be invoked: nobody needs to wait until the timeout."""
        waiting = self._waiting.get(self._numbers[event.number])
        last = not taken.retry or event.tries >= self._parts.rules.push_tries
        if not taken.good and last and waiting is not None:
            self._over(waiting, Outcome(False, f"Failed to invoke the function: {taken.message}"))

    def _late(self, name: str) -> None:
        waiting = self._waiting.pop(name, None)
        if waiting is not None:
            reason = (
                "CloudFormation did not receive a response from your Custom Resource. Please check your "
                f"logs for requestId [{name}]."
            )
            waiting.heard(Outcome(False, reason))

    def _over(self, waiting: Waiting, outcome: Outcome) -> None:
        """The stack goes on by itself, not inside the handler that answered."""
        self.forget(waiting)
        self._parts.scheduler.at(self._parts.now, waiting.heard, outcome)

    def _read(self, name: str, body: bytes) -> Outcome:
        """What an answer says."""
        most = self._parts.rules.cloudformation_response_size
        if len(body) > most:
            return Outcome(False, f"Response object is too long. (limit {most:,} bytes)")
        try:
            told = json.loads(body)
        except ValueError:
            told = None
        if not isinstance(told, dict) or told.get("Status") not in ("SUCCESS", "FAILED"):
            return Outcome(
                False, "Invalid response object: it needs a Status of SUCCESS or FAILED, in JSON"
            )
        physical = told.get("PhysicalResourceId")
        physical = physical if isinstance(physical, str) else ""
        if told["Status"] == "FAILED":
            reason = (
                "Received response status [FAILED] from custom resource. Message returned: "
                f"{told.get('Reason', '')} (RequestId: {name})"
            )
            return Outcome(False, reason, physical)
        if not physical:
            return Outcome(False, "Invalid PhysicalResourceId")
        data = told.get("Data")
        return Outcome(True, "", physical, data if isinstance(data, dict) else {})


def as_strings(value: Any) -> Any:
    """Properties as a function gets them: CloudFormation makes texts of numbers and truth values.

    Raises :class:`~lambdalab.errors.InvalidSetting` for what no template can hold.

    >>> as_strings({"n": 1, "on": [True, "x"]})
    {'n': '1', 'on': ['true', 'x']}
    """
    if not isinstance(value, (Mapping, list, tuple, bool, int, float, str, type(None))):
        raise InvalidSetting("Properties", value, "made of texts, numbers, lists and mappings")
    if isinstance(value, Mapping):
        return {str(name): as_strings(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_strings(each) for each in value]
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None else str(value)
