"""SQS's operations, and what SQS says of what is wrong with a request.

Source: botocore's model of SQS (1.44.5) and the SQS API reference: names and errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdalab.aws.operations import ApiError, Call, Service
from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    ResourceConflictException,
    ServiceError,
)
from lambdalab.kernel.clock import US
from lambdalab.sources.sqs.service import Queue

_PREFIX = "AWS.SimpleQueueService."
_WORDS = {
    "delay": "Value {} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and "
    "<= {delay}.",
    "max_messages": "Value {} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 "
    "and {receive_batch}, if provided.",
    "visibility_timeout": "Value {} for parameter VisibilityTimeout is invalid. Reason: Must be between "
    "0 and {visibility}, if provided.",
    "wait_time": "Value {} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= {wait}, "
    "if provided.",
    "message": "One or more parameters are invalid. Reason: Message must be shorter than {size} bytes.",
}


def _tell(error: InvalidSetting) -> ApiError | None:
    """A setting that the lab refuses, in SQS's words."""
    if error.setting in ("message_group_id", "message_deduplication_id") and error.value is None:
        return missing("MessageGroupId")
    if error.setting == "body":
        if error.value == "":
            return missing("MessageBody")
        return ApiError(
            "InvalidMessageContents", "The message contains characters outside the allowed set."
        )
    return None


def missing(parameter: str) -> ApiError:
    """The error for a request without a parameter that it has to have."""
    return ApiError("MissingParameter", f"The request must contain the parameter {parameter}.")


SERVICE = Service(
    "sqs", invalid="InvalidParameterValue",
    unknown=("QueueDoesNotExist", 400), tell=_tell,
    codes={
        ResourceConflictException: ("UnsupportedOperation", 400),
        InvalidParameterValueException: "InvalidParameterValue",
    },
    old_codes={
        "QueueDoesNotExist": f"{_PREFIX}NonExistentQueue", "QueueNameExists": "QueueAlreadyExists",
        **{
            code: _PREFIX + code
            for code in (
                "BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest",
                "InvalidBatchEntryId", "PurgeQueueInProgress", "QueueDeletedRecently",
                "TooManyEntriesInBatchRequest", "UnsupportedOperation",
            )
        },
    },
)  # fmt: skip


def in_words(call: Call, error: InvalidSetting) -> ApiError | None:
    """A number out of its range in SQS's words."""
    words = _WORDS.get(error.setting)
    if words is None:
        return None
    rules = call.lab.rules
    return ApiError(
        "InvalidParameterValue",
        words.format(
            error.value, delay=rules.sqs_delay_maximum, receive_batch=rules.sqs_receive_batch,
            visibility=rules.sqs_visibility_maximum, wait=rules.sqs_wait_maximum,
            size=rules.sqs_message_size,
        ),
    )  # fmt: skip


def refusal(call: Call, work: Callable[[], Any]) -> tuple[Any, ApiError | None]:
    """What some work for a call comes to, or what SQS says of it."""
    try:
        return work(), None
    except InvalidSetting as error:
        return None, in_words(call, error) or SERVICE.error(error)
    except ServiceError as error:
        return None, SERVICE.error(error)
    except ApiError as error:
        return None, error


def done(call: Call, work: Callable[[], Any]) -> Any:
    """The same; a refusal is raised."""
    answer, refused = refusal(call, work)
    if refused is not None:
        raise refused
    return answer


def queue_of(call: Call) -> Queue:
    """The queue of a QueueUrl (or its name, as botocore lets pass)."""
    return named(call, call["QueueUrl"].rstrip("/").rpartition("/")[2])


def named(call: Call, name: str) -> Queue:
    """The queue of a name."""
    if name not in call.lab.sqs:
        raise ApiError("QueueDoesNotExist", "The specified queue does not exist.")
    return call.lab.sqs[name]


def now_s(call: Call) -> int:
    """Whole seconds since 1970 in the lab."""
    return call.lab._clock.epoch_us(call.lab._scheduler.now) // US
