"""What becomes of an asynchronous event that is over: a record to its destination, a dead letter.

* A record goes to the destination for successes or failures, where the qualifier's configuration names
  one; then, after a failure, the event itself goes to the function's dead-letter queue, where there is
  one (AWS leaves the order open).
* What cannot be delivered is gone: nothing is tried again (dg/monitoring-metrics-types).

Sources: async.md 4 to 6 of the reference.
"""

from __future__ import annotations

from lambdalab.errors import RecursiveInvocationException
from lambdalab.functions.call import Call
from lambdalab.functions.function import DeadLetters
from lambdalab.invocation.destinations import Destination, Destinations, Envelope, Ran, record
from lambdalab.invocation.recursion import Chain, Recursion, trace_header
from lambdalab.kernel.clock import US, Clock
from lambdalab.rules import Rules
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Cause

_CONDITIONS = {
    Cause.COMPLETED: "Success",
    Cause.RETRIES_EXHAUSTED: "RetriesExhausted",
    Cause.EVENT_AGE_EXCEEDED: "EventAgeExceeded",
    Cause.ZERO_RESERVED_CONCURRENCY: "ZeroReservedConcurrency",
}
_NO_ANSWER = (Cause.ZERO_RESERVED_CONCURRENCY, Cause.RECURSIVE_LOOP)
_ENDLESS = "Recursive loop: what is left of stopped events leads to stopped events alone"


class Ends:
    """Sends what is left of events to where it belongs.

    ``destinations`` is set by the lab, which knows the services that can be one. Every verb says why
    nothing arrived, or ``""``.
    """

    def __init__(
        self, books: Recorder, rules: Rules, ids: Ids, clock: Clock, recursion: Recursion
    ) -> None:
        self._seed, self._ids, self._clock, self._recursion = books.seed, ids, clock, recursion
        self._conditions = {**_CONDITIONS, Cause.RECURSIVE_LOOP: rules.recursion_condition}
        self._message_bytes: int = rules.dead_letter_error_message
        self.destinations = Destinations()

    def inform(self, call: Call, cause: int, destination: Destination, now: int) -> str:
        """Send the invocation record of an event that ended for ``cause``."""
        chain = self._chain(call)
        if self._is_endless(call, cause, chain):
            return _ENDLESS
        data = record(
            self._clock.iso(now), self._ids.request(call.request),
            call.target.qualified_arn, self._conditions[cause], call.attempts, call.payload,
            _last_run(call, cause),
        )  # fmt: skip
        second = self._clock.epoch_us(now) // US
        header = trace_header(self._seed, call.request, second, call.function.name, chain)
        looped = cause == Cause.RECURSIVE_LOOP
        folder = f"async/{call.function.name}"
        source = call.function.name_code
        envelope = Envelope(call.request, source, chain, header, looped, folder=folder)
        return self.destinations.deliver(destination, data, envelope)

    def dead_letter(self, call: Call, cause: int, letters: DeadLetters) -> str:
        """Send the event itself to the function's dead-letter queue."""
        chain = self._chain(call)
        if self._is_endless(call, cause, chain):
            return _ENDLESS
        attributes = self._attributes(call, cause)
        return letters.deliver(call.payload, attributes, call.request, chain)

    def _is_endless(self, call: Call, cause: int, chain: Chain) -> bool:
        """Whether an event is one of many that were stopped, each caused by what was left of another.

        A bucket or topic that takes a function's failures and calls it again would go round for ever
        without a single run (what AWS does then is undocumented). As many stops as there may be runs
        are let go on: a reader of dead letters that sends them again is itself stopped by then.
        """
        stopped_too_often = chain[call.function.name] > 2 * self._recursion.limit
        return cause == Cause.RECURSIVE_LOOP and stopped_too_often

    def _chain(self, call: Call) -> Chain:
        return self._recursion.behind(call.request, call.function.name)

    def _attributes(self, call: Call, cause: int) -> dict[str, tuple[str, str]]:
        """The dead letter's message attributes.

        What AWS writes for an event that never ran is undocumented: here what kept it from running.
        An attribute of SQS cannot be empty, so an error without a text leaves ``ErrorMessage`` out.
        """
        code, message = self._error(call, cause)
        cut = message.encode(errors="backslashreplace")[: self._message_bytes]
        text = cut.decode(errors="ignore")
        told = {"ErrorMessage": ("String", text)} if text else {}
        request_id = self._ids.request(call.request)
        return {"RequestID": ("String", request_id), "ErrorCode": ("Number", str(code)), **told}

    def _error(self, call: Call, cause: int) -> tuple[int, str]:
        """The status and the text of what went wrong last."""
        if cause == Cause.RECURSIVE_LOOP:
            error = self._recursion.error(call.function.name)
            return RecursiveInvocationException.status_code, error.message
        if call.failure is not None:
            return 200, call.failure.message
        if call.cause == Cause.SERVICE_ERROR:
            return 500, "Service error."
        return 429, "Rate Exceeded."


def _last_run(call: Call, cause: int) -> Ran | None:
    """What the last attempt came to; None where the record says nothing of it."""
    if not call.attempts or cause in _NO_ANSWER:
        return None
    return Ran(call.version.number, call.failure is not None, call.response)
