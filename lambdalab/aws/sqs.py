"""SQS's operations on messages: sending, receiving, deleting, redrive. Those on queues: .sqs_queues.

Source: botocore's model of SQS (1.44.5) and the SQS API reference.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from lambdalab.aws import sqs_queues
from lambdalab.aws.operations import ApiError, Call, id_of, kept, of_run
from lambdalab.aws.sqs_words import SERVICE, done, missing, queue_of, refusal
from lambdalab.errors import EndlessRun, InvalidParameterValueException
from lambdalab.kernel.clock import US
from lambdalab.kernel.current import current
from lambdalab.sources.sqs.events import SENDER_ID, md5_of_attributes
from lambdalab.sources.sqs.messages import Received, message_id_of, size_of
from lambdalab.sources.sqs.redrive import MoveTask
from lambdalab.sources.sqs.service import Queue

__all__ = ["SERVICE", "sqs_queues"]

_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]+\Z")
_TRACE_HEADER = "AWSTraceHeader"
_WIDEST = 4  # bytes of a character in UTF-8
_ASKED = 10_000  # times in vain at one moment: a loop that would never end


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


# ------------------------------------------------------------------ sending


def _attributes(given: dict[str, Any]) -> dict[str, Any]:
    """Message attributes as the lab takes them."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        content = value.get("StringValue", value.get("BinaryValue"))
        if content is None or content in ("", b""):
            told = (
                f"The message attribute '{name}' must contain a non-empty message attribute value."
            )
            raise ApiError("InvalidParameterValue", told)
        kind = value["DataType"]
        if kind.partition(".")[0] not in ("String", "Number", "Binary"):
            told = (
                f"The type of message (user) attribute '{name}' is invalid. You must use only the "
                "following supported type prefixes: Binary, Number, String."
            )
            raise ApiError("InvalidParameterValue", told)
        if kind.startswith("Binary") and not isinstance(content, bytes):
            content = content.encode() if isinstance(content, str) else bytes(content)
        found[name] = kind, content
    return found


def _send(queue: Queue, entry: dict[str, Any], most: int) -> dict[str, Any]:
    """Send what a request or an entry of one has; the members of the answer."""
    body = entry["MessageBody"]
    if not body:
        raise missing("MessageBody")
    attributes = _attributes(entry.get("MessageAttributes", {}))
    system = _attributes(entry.get("MessageSystemAttributes", {}))
    if system.keys() - {_TRACE_HEADER}:
        told = f"Message system attribute name {next(iter(system))} is invalid."
        raise ApiError("InvalidParameterValue", told)
    if (attributes or len(body) * _WIDEST > most) and size_of(body, attributes) > most:
        told = f"One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
        raise ApiError("InvalidParameterValue", told)
    message = queue.send(
        body, delay=entry.get("DelaySeconds"), attributes=attributes or None,
        message_group_id=entry.get("MessageGroupId"),
        message_deduplication_id=entry.get("MessageDeduplicationId"),
    )  # fmt: skip
    answer = {"MessageId": message.message_id, "MD5OfMessageBody": _md5(body)}
    if attributes:
        answer["MD5OfMessageAttributes"] = md5_of_attributes(attributes)
    if system:
        message.trace_header = system[_TRACE_HEADER][1]
        answer["MD5OfMessageSystemAttributes"] = md5_of_attributes(system)
    if message.fifo:
        answer["SequenceNumber"] = message.fifo[0]
    return answer


def _most(queue: Queue, call: Call) -> int:
    """Bytes that a message of the queue may have."""
    return int(kept(queue).get("MaximumMessageSize", call.lab.rules.sqs_message_size))


@SERVICE.operation
def send_message(call: Call) -> dict[str, Any]:
    """One message. Fair queues (a group in a standard queue) are not simulated, and refused."""
    queue = queue_of(call)
    answer: dict[str, Any] = done(call, lambda: _send(queue, call.given, _most(queue, call)))
    return answer


@SERVICE.operation
def send_message_batch(call: Call) -> dict[str, Any]:
    """Up to ten messages; each is accepted or refused by itself."""
    queue, entries = queue_of(call), _entries(call, "SendMessage")

    def size(entry: dict[str, Any]) -> int:
        return size_of(entry["MessageBody"], _attributes(entry.get("MessageAttributes", {})))

    sizes = [done(call, partial(size, entry)) for entry in entries]
    most: int = call.lab.rules.sqs_message_size
    if sum(sizes) > most:
        told = (
            f"Batch requests cannot be longer than {most} bytes. You have sent {sum(sizes)} bytes."
        )
        raise ApiError("BatchRequestTooLong", told)
    limit = _most(queue, call)
    return _batch(call, entries, lambda entry: _send(queue, entry, limit))


def _entries(call: Call, verb: str) -> list[dict[str, Any]]:
    """The entries of a batch, if they can be one."""
    entries: list[dict[str, Any]] = call["Entries"]
    most, longest = call.lab.rules.sqs_send_batch, call.lab.rules.sqs_entry_id_length
    if not entries:
        told = f"There should be at least one {verb}BatchRequestEntry in the request."
        raise ApiError("EmptyBatchRequest", told)
    if len(entries) > most:
        told = f"Maximum number of entries per request are {most}. You have sent {len(entries)}."
        raise ApiError("TooManyEntriesInBatchRequest", told)
    seen: set[str] = set()
    for entry in entries:
        if not _ENTRY_ID.match(entry["Id"]) or len(entry["Id"]) > longest:
            told = (
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
                f"It can be at most {longest} letters long."
            )
            raise ApiError("InvalidBatchEntryId", told)
        if entry["Id"] in seen:
            raise ApiError("BatchEntryIdsNotDistinct", f"Id {entry['Id']} repeated.")
        seen.add(entry["Id"])
    return entries


def _batch(
    call: Call,
    entries: list[dict[str, Any]],
    work: Callable[[dict[str, Any]], dict[str, Any] | None],
) -> dict[str, Any]:
    """Each entry for itself."""
    answer: dict[str, Any] = {}
    for entry in entries:
        made, refused = refusal(call, partial(work, entry))
        if refused is None:
            answer.setdefault("Successful", []).append({"Id": entry["Id"], **(made or {})})
        else:
            code = SERVICE.old_codes.get(refused.code, refused.code)
            answer.setdefault("Failed", []).append(
                {"Id": entry["Id"], "SenderFault": True, "Code": code, "Message": refused.message}
            )
    return answer


# ------------------------------------------------------------------ receiving


@SERVICE.operation
def receive_message(call: Call) -> dict[str, Any]:
    """Up to ten messages; long polling lets the lab's time pass until there is one.

    ReceiveRequestAttemptId is accepted; a call that got an answer is not repeated here.
    """
    queue = queue_of(call)
    wait = call.get("WaitTimeSeconds")
    if wait is None:
        wait = int(kept(queue).get("ReceiveMessageWaitTimeSeconds", 0))
    most, timeout = call.get("MaxNumberOfMessages", 1), call.get("VisibilityTimeout")
    found = done(call, lambda: queue.receive(most, timeout, wait_time=wait))
    if timeout == 0 and not call.lab._scheduler.running:
        call.lab.advance(0)  # it is over at this very moment
    if not found:
        _check_asking(call, queue)
        return {}
    system = {*call.get("AttributeNames", ()), *call.get("MessageSystemAttributeNames", ())}
    named = call.get("MessageAttributeNames", ())
    return {"Messages": [_received(each, system, named, call) for each in found]}


def _check_asking(call: Call, queue: Queue) -> None:
    """Raise where a loop outside handlers asks an empty queue without end: no time passes for it."""
    if current() is not None:
        return
    run, now = of_run(call.lab, "sqs"), call.lab._scheduler.now
    at, asked = run.pop("asked", (now, 0))
    asked = asked + 1 if at == now else 1
    if asked < _ASKED:
        run["asked"] = now, asked
    else:
        raise EndlessRun(
            f"nothing was received from {queue.name!r} {_ASKED:,} times at the same moment, and no time "
            "passes between these calls: give receive_message its WaitTimeSeconds, or sleep in the loop"
        )


def _received(received: Received, system: set[str], named: list[str], call: Call) -> dict[str, Any]:
    """A message as the answer has it."""
    shown: dict[str, Any] = {
        "MessageId": received.message_id, "ReceiptHandle": received.receipt_handle,
        "MD5OfBody": _md5(received.body), "Body": received.body,
    }  # fmt: skip
    if system:
        found = _system(received, call)
        every = "All" in system
        chosen = {name: value for name, value in found.items() if every or name in system}
        if chosen:
            shown["Attributes"] = chosen
    chosen_own = {
        name: value for name, value in received.attributes.items() if _wanted(name, named)
    }
    if chosen_own:
        shown["MD5OfMessageAttributes"] = md5_of_attributes(chosen_own)
        shown["MessageAttributes"] = {
            name: {("BinaryValue" if isinstance(v, bytes) else "StringValue"): v, "DataType": kind}
            for name, (kind, v) in chosen_own.items()
        }
    return shown


def _wanted(name: str, named: list[str]) -> bool:
    """Whether a message attribute was asked for: by name, ``All``, ``.*`` or a prefix with ``.*``."""
    return any(
        each in ("All", name) or (each.endswith(".*") and name.startswith(each[:-2]))
        for each in named
    )


def _system(received: Received, call: Call) -> dict[str, str]:
    message, clock = received.message, call.lab._clock
    found = {
        "SenderId": SENDER_ID,
        "ApproximateFirstReceiveTimestamp": str(clock.epoch_us(message.first_received_at) // 1000),
        "ApproximateReceiveCount": str(received.receive_count),
        "SentTimestamp": str(clock.epoch_us(message.sent_at) // 1000),
    }
    more = {
        "SequenceNumber": received.sequence_number, "MessageGroupId": received.message_group_id,
        "MessageDeduplicationId": received.message_deduplication_id,
        _TRACE_HEADER: message.trace_header,
        "DeadLetterQueueSourceArn": message.dead_letter_source,
    }  # fmt: skip
    return found | {name: value for name, value in more.items() if value}


# ------------------------------------------------------------------ what becomes of them


def _handle(entry: dict[str, Any]) -> str:
    handle: str = entry["ReceiptHandle"]
    if message_id_of(handle) is None:
        told = f'The input receipt handle "{handle}" is not a valid receipt handle.'
        raise ApiError("ReceiptHandleIsInvalid", told)
    return handle


@SERVICE.operation
def delete_message(call: Call) -> None:
    """A message by its receipt handle."""
    queue = queue_of(call)
    done(call, lambda: queue.delete(_handle(call.given)))


@SERVICE.operation
def delete_message_batch(call: Call) -> dict[str, Any]:
    """Up to ten messages."""
    queue = queue_of(call)
    return _batch(call, _entries(call, "DeleteMessage"), lambda entry: queue.delete(_handle(entry)))


def _change(queue: Queue, entry: dict[str, Any]) -> None:
    handle = _handle(entry)
    try:
        queue.change_visibility(handle, entry.get("VisibilityTimeout", 0))
    except InvalidParameterValueException as error:
        if "is not in flight" not in error.message:
            raise
        if error.message.endswith("gone"):
            told = (
                f"Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist "
                "or is not available for visibility timeout change."
            )
            raise ApiError("InvalidParameterValue", told) from None
        raise ApiError("MessageNotInflight", "The message referred to isn't in flight.") from None


@SERVICE.operation
def change_message_visibility(call: Call) -> None:
    """When a received message becomes visible again, from now on."""
    queue = queue_of(call)
    done(call, lambda: _change(queue, call.given))


@SERVICE.operation
def change_message_visibility_batch(call: Call) -> dict[str, Any]:
    """Up to ten messages."""
    queue = queue_of(call)
    entries = _entries(call, "ChangeMessageVisibility")
    return _batch(call, entries, lambda entry: _change(queue, entry))


# ------------------------------------------------------------------ redrive


def _source(call: Call, arn: str, parameter: str = "SourceArn") -> Queue:
    queue = call.lab.sqs.by_arn(arn)
    if queue is None or queue.arn != arn:
        told = f"The resource that you specified for the {parameter} parameter doesn't exist."
        raise ApiError("ResourceNotFoundException", told, 404)
    return queue


def _task_handle(task: MoveTask, call: Call) -> str:
    """The handle of a task: what SQS's has, in the form it has."""
    number = len(task.source.message_move_tasks) - task.source.message_move_tasks.index(task)
    own = id_of(call.lab.seed, "move", task.source.arn, number)
    told = json.dumps({"taskId": own, "sourceArn": task.source.arn}, separators=(",", ":"))
    return base64.b64encode(told.encode()).decode()


@SERVICE.operation
def start_message_move_task(call: Call) -> dict[str, Any]:
    """Move a dead-letter queue's messages; it takes the lab's time."""
    queue = _source(call, call["SourceArn"])
    arn = call.get("DestinationArn")
    to = None if arn is None else _source(call, arn, "DestinationArn")
    if any(task.running for task in queue.message_move_tasks):
        told = (
            "There is already a task running. Only one active task is allowed for a source queue arn at "
            "a given time."
        )
        raise ApiError("UnsupportedOperation", told)
    rate = call.get("MaxNumberOfMessagesPerSecond")
    task = done(call, lambda: queue.start_message_move_task(to, max_messages_per_second=rate))
    kept(task).update(rate=rate)
    return {"TaskHandle": _task_handle(task, call)}


@SERVICE.operation
def list_message_move_tasks(call: Call) -> dict[str, Any]:
    """The latest tasks of a queue; one by default."""
    queue, most = _source(call, call["SourceArn"]), call.get("MaxResults", 1)
    highest = call.lab.rules.sqs_move_tasks_page
    if not 1 <= most <= highest:
        told = f"Value {most} for parameter MaxResults is invalid."
        more = f"Reason: Must be between 1 and {highest}."
        raise ApiError("InvalidParameterValue", f"{told} {more}")
    tasks = queue.message_move_tasks[:most]
    return {"Results": [_task(task, call) for task in tasks]}


def _task(task: MoveTask, call: Call) -> dict[str, Any]:
    shown: dict[str, Any] = {"TaskHandle": _task_handle(task, call)} if task.running else {}
    shown |= {"Status": task.status, "SourceArn": task.source.arn}
    if task.destination is not None:
        shown["DestinationArn"] = task.destination.arn
    if rate := kept(task).get("rate"):
        shown["MaxNumberOfMessagesPerSecond"] = rate
    shown |= {
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "StartedTimestamp": call.lab._clock.start_us // 1000 + task.began_at * 1000 // US,
    }
    if task.failure_reason:
        shown["FailureReason"] = task.failure_reason
    return shown


@SERVICE.operation
def cancel_message_move_task(call: Call) -> dict[str, Any]:
    """Stop a task; what has been moved stays where it is."""
    for name in call.lab.sqs:
        for task in call.lab.sqs[name].message_move_tasks:
            if _task_handle(task, call) != call["TaskHandle"]:
                continue
            if not task.running:
                told = "Only active tasks can be cancelled."
                raise ApiError("UnsupportedOperation", told)
            task.cancel()
            return {"ApproximateNumberOfMessagesMoved": task.moved}
    raise ApiError("ResourceNotFoundException", "Task does not exist.", 404)
