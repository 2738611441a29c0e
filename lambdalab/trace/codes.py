"""The closed lists: every word that a column of the books can hold, in a fixed order.

Each list is a class whose attributes are small integers (what the runtime hands to the recorder)
and whose ``names`` are the words a table shows, in the same order. New words are added at the end
of their list, never in the middle: the integers are what a saved trace holds.

>>> Action.RECEIVED, Action.names[Action.RECEIVED]
(1, 'received')
>>> Cause.meanings["visibility_timeout"]
'nobody deleted the message before its visibility timeout ran out'
"""

from __future__ import annotations

from typing import ClassVar, cast


class _Word:
    """A word of a closed list while its class is being made: its meaning, and its spelling."""

    def __init__(self, meaning: str, spelling: str | None) -> None:
        self.meaning, self.spelling = meaning, spelling


def word(meaning: str, spelling: str | None = None) -> int:
    """Declare the next word of a closed list; it becomes the next integer.

    ``meaning`` is one sentence; ``spelling`` is what tables show where that is not the attribute's
    name in lower case.
    """
    return cast(int, _Word(meaning, spelling))


class ClosedList:
    """Base of the closed lists; see the module's text."""

    names: ClassVar[tuple[str, ...]] = ()
    meanings: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls) -> None:
        found = [(name, value) for name, value in vars(cls).items() if isinstance(value, _Word)]
        for code, (name, _) in enumerate(found):
            setattr(cls, name, code)
        spelt = [name.lower() if w.spelling is None else w.spelling for name, w in found]
        cls.names = tuple(spelt)
        cls.meanings = {name: w.meaning for name, (_, w) in zip(spelt, found, strict=True)}


class InvocationType(ClosedList):
    """How a function is invoked (``X-Amz-Invocation-Type``)."""

    REQUEST_RESPONSE = word("synchronous: the caller waits for the result", "RequestResponse")
    EVENT = word("asynchronous: queued, and answered with 202", "Event")
    DRY_RUN = word("checked but not run", "DryRun")


class InvocationStatus(ClosedList):
    """Where an invocation stands."""

    IN_FLIGHT = word("not over yet")
    SUCCEEDED = word("the function returned")
    FAILED = word("the function failed, for an asynchronous event in every try it was given")
    THROTTLED = word("refused with 429 for want of concurrency or rate")
    REFUSED = word("refused with another error; nothing ran")
    EXPIRED = word("an asynchronous event that grew too old")
    DROPPED = word("an asynchronous event given up without running")
    DRY_RUN = word("a dry run that would have been accepted")


class FunctionError(ClosedList):
    """The value of ``X-Amz-Function-Error``."""

    NONE = word("no function error", "")
    UNHANDLED = word("the function failed", "Unhandled")


class ParentKind(ClosedList):
    """What caused an invocation."""

    NONE = word("nothing in the books: a caller outside", "")
    REQUEST = word("another invocation")
    BATCH = word("a batch of an event source mapping")
    MESSAGE = word("a message")
    EVENT = word("an event of another service")


class InitType(ClosedList):
    """How the environment of an attempt was initialised."""

    ON_DEMAND = word("started when a request needed it")
    PROVISIONED = word("started ahead by provisioned concurrency")


class InitStatus(ClosedList):
    """How an initialisation ended: that before the invoke, or the one inside it."""

    NONE = word("there was none", "")
    SUCCESS = word("the environment was ready after it")
    TIMEOUT = word("it took too long")
    ERROR = word("it failed")


class AttemptOutcome(ClosedList):
    """How an attempt ended."""

    RUNNING = word("not over yet")
    SUCCESS = word("the handler returned")
    ERROR = word("the handler raised")
    TIMEOUT = word("the function's timeout passed")
    EXIT = word("the process ended itself")
    OUT_OF_MEMORY = word("the environment's memory was used up")
    INIT_ERROR = word("the initialisation failed")
    RESPONSE_TOO_LARGE = word("the response was over the limit")
    KILLED = word("the environment was ended from outside")


class EnvironmentKind(ClosedList):
    """Why an execution environment exists."""

    ON_DEMAND = word("started when a request needed it")
    PROVISIONED = word("started ahead by provisioned concurrency")


class EnvironmentEnd(ClosedList):
    """Why an execution environment ended."""

    ALIVE = word("it has not ended", "")
    IDLE_EXPIRY = word("it was idle for too long")
    FUNCTION_UPDATED = word("the function's code or settings changed")
    FUNCTION_DELETED = word("the function was deleted")
    TIMEOUT = word("an invocation timed out in it")
    CRASHED = word("its process ended")
    INIT_FAILED = word("its initialisation failed")
    OUT_OF_MEMORY = word("its memory was used up")
    SCALED_IN = word("provisioned concurrency was lowered")
    RECYCLED = word("the service replaced it")
    LAB_CLOSED = word("the lab was closed")


class QueueKind(ClosedList):
    """What sort of queue it is."""

    ASYNCHRONOUS = word("Lambda's own queue of a function's asynchronous events")
    SQS = word("an SQS queue")
    STREAM = word("a stream")
    PUSH = word("a service that calls its targets by itself: a topic, a bus, a bucket, a schedule")


class Action(ClosedList):
    """What happened to one event in one queue."""

    SENT = word("it was put in the queue")
    RECEIVED = word("it was taken to be worked on; it still counts in the depth")
    DELETED = word("it was done with and left the queue: an end")
    RETURNED = word("it became visible again")
    RETRY_SCHEDULED = word("it failed and waits for its next try")
    THROTTLED = word("no concurrency was free: it waits, and no retry is used up")
    FILTERED = word("no filter matched and it left the queue: an end")
    EXPIRED = word("it grew too old and left the queue: an end")
    DEAD_LETTERED = word("it went to a dead-letter queue; in SQS that is an end")
    DROPPED = word("it was given up and left the queue: an end")
    DELIVERED = word("a record of it went to a destination")


class BatchCause(ClosedList):
    """Why a batch was closed and handed to the function when it was."""

    BATCH_SIZE = word("it had as many records as the mapping allows")
    BATCHING_WINDOW = word("the batching window was over")
    PAYLOAD_SIZE = word("one more record would have passed the payload limit")
    NO_WINDOW = word("there is no window: whatever a poll brought is sent at once")
    LONG_POLL = word("the long poll ended before the window did")
    TUMBLING_WINDOW = word("the tumbling window was over")


class BatchOutcome(ClosedList):
    """How a batch ended."""

    IN_FLIGHT = word("not over yet")
    SUCCESS = word("every record was dealt with")
    PARTIAL = word("the function named records that failed")
    FAILURE = word("the whole batch failed")
    THROTTLED = word("the function could not be run before the messages had to be let go")


class Lane(ClosedList):
    """Who does the retrying."""

    SERVICE = word("Lambda, for asynchronous events")
    SOURCE = word("the queue or stream that Lambda polls")
    CLIENT = word("the caller")


class RetryEnd(ClosedList):
    """What the wait before another try led to."""

    IN_FLIGHT = word("the next try is not over, or has not come yet")
    SUCCEEDED = word("the next try succeeded")
    FAILED = word("the next try failed")
    THROTTLED = word("the next try found no concurrency")
    EXPIRED = word("it grew too old instead")
    DEAD_LETTERED = word("it went to the dead-letter queue instead")
    DROPPED = word("it was given up instead")
    DELETED = word("somebody deleted it")


class ScalingKind(ClosedList):
    """What sort of capacity changed."""

    ENVIRONMENTS = word("execution environments of a function")
    POLLERS = word("pollers of an event source mapping")
    THROTTLE = word("how much a limit lets through")
    LIMIT = word("the concurrency a function reserves")
    PROVISIONED = word("environments of provisioned concurrency that can be used")
    REQUESTED = word("environments of provisioned concurrency asked for, and billed")


class FaultKind(ClosedList):
    """What ``lab.faults`` did."""

    FAIL = word("a run was made to fail")
    SLOW = word("a run was made to take longer")
    THROTTLE = word("a try was refused as if no concurrency were free")
    SERVICE_ERROR = word("a request was refused as if Lambda itself had failed")
    KILL = word("the process of an environment was killed during a run")
    DUPLICATE = word("a queue was made to hand over the same event or message once more")


class Cause(ClosedList):
    """Why now: the words of every ``cause`` column but that of ``batches`` (:class:`BatchCause`).

    :data:`.causes.CAUSES` says which of them each table uses.
    """

    # where things stand, or how a run of the function went
    IN_FLIGHT = word("it is not over yet")
    COMPLETED = word("the handler returned")
    FUNCTION_ERROR = word("the handler raised an exception")
    TIMEOUT = word("the function's timeout passed")
    EXIT = word("the process of the function ended itself")
    OUT_OF_MEMORY = word("the function used up its memory")
    INIT_ERROR = word("the function's initialisation failed")
    RESPONSE_TOO_LARGE = word("the response was over the limit")
    KILLED = word("the environment was ended from outside")
    DRY_RUN = word("only a check was asked for")
    # refused
    THROTTLED_ACCOUNT = word("the account's concurrency was in use")
    THROTTLED_RESERVED = word("the function's reserved concurrency was in use")
    THROTTLED_RATE = word("more requests a second than the account's limit")
    THROTTLED_RESERVED_RATE = word("more requests a second than the function's limit")
    THROTTLED_CALLER_RATE = word("more requests a second than one caller may send")
    ZERO_RESERVED_CONCURRENCY = word("the reserved concurrency is 0: the function is switched off")
    PAYLOAD_TOO_LARGE = word("the request payload was over the limit")
    INVALID_JSON = word("the request payload was not JSON")
    INVALID_PARAMETER = word("a parameter of the request was not valid")
    UNKNOWN_FUNCTION = word("there is no such function, version or alias")
    FUNCTION_STATE = word("the function's state does not allow it now")
    ACCESS_DENIED = word("the caller may not invoke the function")
    RECURSIVE_LOOP = word("a loop of invocations was stopped")
    SERVICE_ERROR = word("the service itself failed")
    # given up
    RETRIES_EXHAUSTED = word("every try that was allowed has failed")
    EVENT_AGE_EXCEEDED = word("the event grew older than its maximum age")
    RECORD_AGE_EXCEEDED = word("the record grew older than the mapping's maximum age")
    MAX_RECEIVE_COUNT = word("the message was received as often as its queue allows")
    RETENTION = word("the message lay in its queue for as long as the queue keeps one")
    FILTER_MISMATCH = word("none of the mapping's filters matches")
    DELIVERY_FAILED = word("the dead-letter queue or destination did not take it")
    FUNCTION_DELETED = word("the function was deleted")
    LAB_CLOSED = word("the lab was closed")
    # why an attempt ran now
    CALLED = word("a caller outside asked for it")
    DRIVEN = word("the lab's traffic asked for it")
    TRIGGERED = word("another service's event asked for it")
    NESTED = word("another function called it")
    EVENT_SOURCE_MAPPING = word("an event source mapping handed over a batch")
    FIRST_ATTEMPT = word("an asynchronous event was taken from the queue for the first time")
    RETRY_AFTER_ERROR = word("the wait after a failed attempt was over")
    RETRY_AFTER_THROTTLE = word("the wait after finding no concurrency was over")
    RETRY_AFTER_SERVICE_ERROR = word("the wait after a failure of the service was over")
    DUPLICATE = word("the queue handed the same event over once more")
    # messages
    ACCEPTED = word("Lambda accepted an asynchronous invocation")
    MESSAGE_SENT = word("somebody sent a message")
    DEAD_LETTER = word("it arrived as the dead letter of a function or queue")
    DESTINATION = word("it arrived as the invocation record of a function")
    POLLED = word("a poller of a mapping received it")
    RECEIVED_BY_CALLER = word("a caller received it")
    BATCH_SUCCEEDED = word("its batch succeeded")
    BATCH_FAILED = word("its batch failed")
    PARTIAL_BATCH_FAILURE = word("the function named the failed records of its batch")
    VISIBILITY_TIMEOUT = word("nobody deleted the message before its visibility timeout ran out")
    VISIBILITY_CHANGED = word("somebody set its visibility timeout to end now")
    DELAY = word("its delay was over")
    BACK_OFF = word("the poller slowed down after failures or throttles")
    DELETED_BY_CALLER = word("a caller deleted it")
    PURGED = word("the queue was purged")
    REDRIVE = word("it was moved back from the dead-letter queue")
    # callers
    THROTTLED = word("the caller got 429")
    SERVER_ERROR = word("the caller got 5xx")
    CLIENT_TIMEOUT = word("the caller got no answer in time")
    # capacity
    COLD_START = word("no warm environment was free")
    WARM = word("a warm environment was free")
    IDLE = word("it was not needed any more")
    BACKLOG = word("more was waiting than was being worked on")
    BACKLOG_GONE = word("nothing was waiting any more")
    FAILURES = word("invocations failed")
    RECOVERED = word("invocations succeed again")
    CONFIGURED = word("a setting was made or changed")
    ENVIRONMENT_FAILED = word("an environment failed")
    THROTTLED_SCALING = word("the function may not start more new environments yet")
    THROTTLED_PROVISIONED = word("provisioned concurrency takes all that the function reserves")
    RELEASED = word("a reservation was given back")
    ALLOCATED = word("provisioned concurrency was made ready")
    INJECTED = word("lab.faults made it so")
    THROTTLED_SHARD = word("a shard lets no more through in a second")
    DEDUPLICATED = word("a message with the same deduplication id had come shortly before")
    MAPPING_DELETED = word("the mapping was deleted before it was done with the record")
    # services that call Lambda, and their callers
    INTEGRATION_TIMEOUT = word("the service waited for the function as long as it does")
    MALFORMED_RESPONSE = word("the function's answer was not what the service takes")
    NO_ROUTE = word("nothing answers to this method and path")
    NO_TARGET = word("no healthy target was there")
    THROTTLED_FRONT = word("more requests a second than the service lets through")
    PUBLISHED = word("something happened that the target wants to be told of")
    SCHEDULED = word("the time of a schedule had come")
    PATTERN_MISMATCH = word("no rule, filter policy or notification wants it")
    FANNED_OUT = word("it was handed on to each target that wants it")
    DELIVERED = word("the target took it")
    BUFFER_SIZE = word("the buffer had as many bytes as it holds")
    BUFFER_INTERVAL = word("the buffer was as old as it may grow")
    PERMISSION_DENIED = word("the target's resource policy does not allow it")
    TARGET_GONE = word("the target does not exist any more")
    TARGET_FAILED = word("the target refused it in a way that no further try can mend")
    THIRD_BUS = word("an event that came from another bus is routed to no third one")
    STREAM_DELETED = word("the stream was deleted")


#: Every closed list by the name under which a saved trace keeps it.
CLOSED_LISTS: dict[str, type[ClosedList]] = {
    cls.__name__: cls for cls in ClosedList.__subclasses__()
}
