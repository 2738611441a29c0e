"""Lambda: Invoke, and the other operations by their modules.

Source: botocore's model of Lambda (1.44.5). A client's retries and read timeout are those of its config,
carried out in the lab's time. X-Ray headers, durable executions and tenants are not simulated.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ReadTimeoutError as BotocoreReadTimeout
from botocore.response import StreamingBody

from lambdalab.aws import (
    concurrency,
    function_changes,
    mappings,
    permissions,
    urls,
    versions,
)
from lambdalab.aws.lambda_api import SERVICE, check_request, refuse
from lambdalab.aws.operations import ApiError, Call
from lambdalab.errors import InvalidSetting, ServiceError
from lambdalab.functions.target import split
from lambdalab.invocation.reply import Reply
from lambdalab.traffic.callers import ReadTimeoutError
from lambdalab.traffic.sdk import SdkClient

__all__ = [
    "SERVICE", "concurrency", "function_changes", "mappings", "permissions", "urls", "versions",
]  # fmt: skip

_FOR_EVER = 365 * 86_400
"""Seconds: the read timeout of a client that has none."""


def caller_of(client: Any) -> SdkClient:
    """The lab's caller that tries again as a client of botocore would, with a memory of its own."""
    known: SdkClient | None = client.__dict__.get("_lab_caller")
    if known is None:
        config = client.meta.config
        retries = config.retries or {}
        timeout = config.read_timeout
        known = client.__dict__["_lab_caller"] = SdkClient(
            retries.get("mode", "legacy"), retries.get("total_max_attempts"),
            read_timeout=_FOR_EVER if timeout is None else timeout, name="boto3",
        )  # fmt: skip
    return known


def _bytes(value: Any) -> bytes:
    """A blob as botocore takes it: bytes, text or a file."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return bytes(value.read() if hasattr(value, "read") else value)


def _context(given: str | None) -> dict[str, Any] | None:
    """The client context: JSON in base64."""
    if not given:
        return None
    try:
        found = json.loads(base64.b64decode(given, validate=True))
    except (binascii.Error, ValueError):
        found = None
    if not isinstance(found, dict):
        raise ApiError(
            "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.",
        )
    return found


def _ask(call: Call, payload: Any, kind: str) -> Reply:
    """Invoke as the client would: with its retries, and no longer than its patience lasts."""
    caller = call.caller or caller_of(call.client)
    try:
        reply = call.lab.invoke(
            call["FunctionName"],
            _bytes(payload),
            invocation_type=kind,
            qualifier=call.get("Qualifier"),
            log_type=call.get("LogType", "None"),
            client_context=_context(call.get("ClientContext")),
            caller=caller,
        )
    except ReadTimeoutError as error:
        name, _ = split(call["FunctionName"]) or (call["FunctionName"], "")
        base = call.client.meta.endpoint_url
        url = f"{base}/2015-03-31/functions/{name}/invocations"
        raise BotocoreReadTimeout(endpoint_url=url, error=error) from None
    except ServiceError as error:
        call.metadata["RetryAttempts"] = error.tries - 1
        if error.tries > 1 and error.tries == _most(call, caller):
            call.metadata["MaxAttemptsReached"] = True
        raise
    except InvalidSetting:
        check_request(call)  # in AWS's words, where it has some
        raise
    call.metadata["RetryAttempts"] = reply.tries - 1
    call.status, call.request_id = reply.status_code, reply.request_id
    if reply.status_code == HTTPStatus.OK:
        call.handler_at = reply._call.handler_at
    return reply


def _most(call: Call, caller: SdkClient) -> int:
    """The most tries that a client makes."""
    mode = "legacy" if caller.retry_mode == "legacy" else "standard"
    most: int = caller.max_attempts or getattr(call.lab.rules, f"sdk_attempts_{mode}")
    return most


@SERVICE.unchecked
def invoke(call: Call) -> dict[str, Any]:
    """Run a function, queue an event for it, or only check."""
    refuse(call, "DurableExecutionName", "TenantId")
    reply = _ask(call, call.get("Payload", b""), call.get("InvocationType", "RequestResponse"))
    answer: dict[str, Any] = {
        "StatusCode": reply.status_code,
        "Payload": StreamingBody(io.BytesIO(reply.body), len(reply.body)),
    }
    if reply.executed_version:
        answer["ExecutedVersion"] = reply.executed_version
    if reply.function_error:
        answer["FunctionError"] = reply.function_error
    if reply.status_code == 200 and call.get("LogType") == "Tail":
        answer["LogResult"] = reply.log_result
    return answer


@SERVICE.unchecked
def invoke_async(call: Call) -> dict[str, Any]:
    """Queue an event, as long ago; Invoke with ``InvocationType="Event"`` has taken its place."""
    return {"Status": _ask(call, call["InvokeArgs"], "Event").status_code}
