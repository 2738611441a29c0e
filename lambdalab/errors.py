"""What can go wrong: our own errors, and the service's exceptions with their HTTP status.

Ours all derive from :class:`LabError`; those about a value also derive from :class:`ValueError`, and
name the setting, the value, the limit and where the limit is documented. The service's derive from
:class:`ServiceError` and carry the fields a client of AWS would see.
"""

from __future__ import annotations

import difflib
import pickle
from collections.abc import Iterable
from typing import Any


class LabError(Exception):
    """Something lambdalab refuses to do. The lab stays usable.

    Goes from process to process as it is (:mod:`pickle`); a value of it that cannot, as its ``repr``.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: _portable(value) for name, value in self.__dict__.items()}
        return _revived, (type(self), tuple(map(_portable, self.args))), state


def _revived(kind: type[LabError], args: tuple[object, ...]) -> LabError:
    """The error without its ``__init__``, which would make its text of other things."""
    return kind.__new__(kind, *args)


def _portable(value: object) -> object:
    try:
        pickle.dumps(value)
    except Exception:  # whatever a value's own methods raise
        return repr(value)
    return value


class InvalidSetting(LabError, ValueError):
    """A setting's value is out of range or of the wrong kind.

    Parameters: the setting's name, the value given, the limit in words, and where it is documented.

    >>> str(InvalidSetting("memory_size", 127, "128 to 10,240 MB", "dg/configuration-memory"))
    'memory_size=127: must be 128 to 10,240 MB (dg/configuration-memory)'
    """

    def __init__(self, setting: str, value: object, limit: str, source: str = "") -> None:
        self.setting, self.value, self.limit, self.source = setting, value, limit, source
        where = f" ({source})" if source else ""
        super().__init__(f"{setting}={value!r}: must be {limit}{where}")


class UnknownName(LabError, LookupError):
    """A function, queue, source or setting that does not exist; suggests the nearest that does."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        thing, _, place = kind.partition(" in ")  # of "queue in this trace": no queue 'x' in it
        where = f" in {place}" if place else ""
        super().__init__(f"there is no {thing} {name!r}{where}{suggestion(str(name), self.known)}")


class UnknownSetting(LabError, TypeError):
    """A keyword that no setting has; suggests the right one."""

    def __init__(self, verb: str, name: str, known: Iterable[str]) -> None:
        self.verb, self.name, self.known = verb, name, sorted(known)
        super().__init__(f"{verb}() has no setting {name!r}{suggestion(name, self.known)}")


class HandlerError(LabError, ValueError):
    """A handler that cannot be one: not callable, no such file, no such attribute."""


class LabClosed(LabError):
    """The lab was used after :meth:`lambdalab.Lab.close`."""


class InsideHandler(LabError):
    """A verb that drives the clock (``run``, ``advance``, ``step``) was called inside a handler."""


class EndlessRun(LabError):
    """``run()`` without ``until=`` while a source that never ends is driving; or a loop of one's own that
    asks an empty queue again and again at the same moment."""


class NeverAnswered(LabError):
    """Nothing is left to happen, and the reply that was waited for has not come."""


class NetworkRefused(LabError, OSError):
    """A handler reached for the network without ``allow_network=True``."""


class MissingExtra(LabError, ImportError):
    """Something needs a library that the plain install does not bring; says what to install."""


class TemplateError(LabError, ValueError):
    """A template of CloudFormation or SAM that no lab can be made of; then there is none.

    Attributes: ``problems``, one text for each thing that is wrong.

    >>> print(TemplateError("2 things are wrong", ["Queue: no name", "Topic: no name"]))
    2 things are wrong:
      Queue: no name
      Topic: no name
    """

    def __init__(self, message: str, problems: Iterable[str] = ()) -> None:
        found = tuple(problems)
        self.problems = found or (message,)
        told = "".join(f"\n  {problem}" for problem in found)
        super().__init__(f"{message}:{told}" if told else message)


class AuditError(LabError, AssertionError):
    """The books do not balance: what differs, and where."""


#: What is near in meaning and not in letters: words that others have for our settings.
_OTHER_WORDS = {"hash_key": "partition_key", "range_key": "sort_key", "fifo_queue": "fifo"} | {
    "data": "body", "json": "body", "params": "query", "timeout": "caller",
}  # the second four as HTTP libraries have them  # fmt: skip


def suggestion(name: str, known: Iterable[str]) -> str:
    """The tail of an error about a name: the nearest known one, else all of them."""
    known = list(known)
    other = _OTHER_WORDS.get(name.lower())
    if other in known and name not in known:
        return f"; did you mean {other!r}?"
    if name in known:
        return " here: what was given is of another lab, or of an earlier time"
    parts = [other for other in known if name and (name in other or other in name)]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5) or parts[:1]
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are {', '.join(map(repr, known))}" if known else "; there are none yet"


class ServiceError(LabError):
    """An exception the Lambda service answers with: the function was not run.

    Attributes: ``code`` (AWS's name), ``status_code`` (HTTP), ``message`` (AWS's words) and
    ``fields`` (other members of the answer, such as ``Reason``). ``hint`` is ours: what to do about
    it, told after the message. Source: botocore's model of Invoke.
    """

    status_code = 500
    tries = 1
    """How many tries a caller made who tries again; this is what the last one got."""

    def __init__(self, message: str, hint: str = "", **fields: object) -> None:
        self.code = type(self).__name__
        self.message, self.fields = message, fields
        reason = f" ({fields['Reason']})" if "Reason" in fields else ""
        super().__init__(f"{message}{reason}{hint}")


class InvalidRequestContentException(ServiceError):
    """The request body could not be parsed as JSON."""

    status_code = 400


class InvalidParameterValueException(ServiceError, ValueError):
    """A parameter of the request is not valid."""

    status_code = 400


class InvalidArgumentException(ServiceError, ValueError):
    """Kinesis: a parameter is out of its range, or does not fit the stream as it is."""

    status_code = 400


class ProvisionedThroughputExceededException(ServiceError):
    """Kinesis: more was written to a shard, or read from it, than it lets through in a second."""

    status_code = 400


class ExpiredIteratorException(ServiceError):
    """Kinesis: a shard iterator was used later than five minutes after it had been made."""

    status_code = 400


class ResourceInUseException(ServiceError):
    """Kinesis, DynamoDB: there is one of that name already. Lambda: a mapping is in transition."""

    status_code = 400


class ValidationException(ServiceError, ValueError):
    """DynamoDB: an item, a key or an expression is not valid."""

    status_code = 400


class InvalidEventPatternException(ServiceError, ValueError):
    """EventBridge: an event pattern does not parse, or is too complex."""

    status_code = 400


class ResourceAlreadyExistsException(ServiceError):
    """EventBridge: there is a bus of that name already."""

    status_code = 400


class ConditionalCheckFailedException(ServiceError):
    """DynamoDB: the condition of a write does not hold; nothing has been written."""

    status_code = 400


class LimitExceededException(ServiceError):
    """Kinesis: the account may not have so many shards."""

    status_code = 400


class RecursiveInvocationException(ServiceError):
    """The function has been invoked too often in one chain of requests; this call was stopped."""

    status_code = 400


class AccessDeniedException(ServiceError):
    """The function's resource policy does not allow the call."""

    status_code = 403


class ResourceNotFoundException(ServiceError, LookupError):
    """The function, version, queue or mapping does not exist."""

    status_code = 404


class ResourceConflictException(ServiceError):
    """The resource already exists, or is in a state that does not allow it."""

    status_code = 409


class QueueDeletedRecently(ServiceError):
    """SQS: a queue of that name was deleted less than 60 seconds ago."""

    status_code = 400


class ConflictException(ServiceError):
    """API Gateway: there is one already, with other settings. Scheduler: there is one already."""

    status_code = 409


class BadRequestException(ServiceError, ValueError):
    """API Gateway: what is asked for cannot be made beside what there is."""

    status_code = 400


class RequestTooLargeException(ServiceError, ValueError):
    """The request payload is over the limit of the invocation type."""

    status_code = 413


class TooManyRequestsException(ServiceError):
    """Throttled: no concurrency is free. ``fields["Reason"]`` names the limit that bound."""

    status_code = 429


class ServiceException(ServiceError):
    """The Lambda service itself failed."""

    status_code = 500


class InvalidParameterException(ServiceError, ValueError):
    """SNS: a parameter is not valid (a client's error code for it is ``InvalidParameter``)."""

    status_code = 400

    def __init__(self, message: str, hint: str = "", **fields: object) -> None:
        super().__init__(f"Invalid parameter: {message}", hint, **fields)
        self.code = "InvalidParameter"


class InvalidArgument(ServiceError, ValueError):
    """S3: an argument of the request is not valid."""

    status_code = 400


class InvalidBucketName(ServiceError, ValueError):
    """S3: a bucket cannot have this name."""

    status_code = 400


class NoSuchBucket(ServiceError, LookupError):
    """S3: the bucket has been deleted."""

    status_code = 404


class BucketNotEmpty(ServiceError):
    """S3: there are objects in the bucket that is to be deleted."""

    status_code = 409


class EntityTooLarge(ServiceError, ValueError):
    """S3: the object is larger than one upload may be."""

    status_code = 400


class EntityTooSmall(ServiceError, ValueError):
    """S3: a part of a multipart upload that is not the last one is too small."""

    status_code = 400


class KeyTooLongError(ServiceError, ValueError):
    """S3: the object's key is too long."""

    status_code = 400


class NoSuchKey(ServiceError, LookupError):
    """S3: there is no object with this key."""

    status_code = 404


class DuplicateLoadBalancerNameException(ServiceError):
    """Load balancing: there is a load balancer of that name, with other settings."""

    status_code = 400


class DuplicateTargetGroupNameException(ServiceError):
    """Load balancing: there is a target group of that name, with other settings."""

    status_code = 400


class PriorityInUseException(ServiceError):
    """Load balancing: the listener has a rule of that priority."""

    status_code = 400
