"""What Firehose reads in the answer of a transformation, record by record, and in its failure.

Source: firehose/data-transformation-status-model; the codes: firehose/monitoring-with-cloudwatch-logs. The
messages are this lab's where AWS's are not known.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from lambdalab.trace.schema import Cause
from lambdalab.triggers.front import Result
from lambdalab.triggers.thin import (
    error_text,
)

NO_RECORDS = (
    "Lambda.JsonProcessingException",
    "Firehose cannot parse the function's answer: it needs a list called records",
)
_MISSING = "Lambda.MissingRecordId", "The function's answer has no record with this recordId"
_DUPLICATED = "Lambda.DuplicatedRecordId", "The function's answer has this recordId more than once"
_FAILED = "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record"
_NO_STATUS = "Lambda.FunctionError", "The result is none of Ok, Dropped and ProcessingFailed"
_NO_BASE64 = "Lambda.FunctionError", "The data of the record is not base64"


def verdict(answers: list[dict[str, Any]]) -> tuple[bytes | None, str, str]:
    """What the function says of one record: its new data (None: dropped), or code and message."""
    if len(answers) != 1:
        return None, *(_DUPLICATED if answers else _MISSING)
    result, data = answers[0].get("result"), answers[0].get("data")
    if result == "Dropped":
        return None, "", ""
    if result != "Ok":
        return None, *(_FAILED if result == "ProcessingFailed" else _NO_STATUS)
    try:
        return base64.b64decode(data if isinstance(data, str) else "?", validate=True), "", ""
    except (binascii.Error, ValueError):
        return None, *_NO_BASE64


def problem(result: Result) -> tuple[str, str, int]:
    """Why a call came to nothing: Firehose's code, a message, and the cause."""
    if result.timed_out:
        return (
            "Lambda.FunctionTimedOut",
            "The function did not answer in time",
            Cause.CLIENT_TIMEOUT,
        )
    if result.failure is not None:
        text = "The Lambda function was successfully invoked but it returned an error result."
        return "Lambda.FunctionError", f"{text} {error_text(result)}".strip(), result.failure.cause
    assert result.error is not None
    code, cause = {
        403: ("Lambda.InvokeAccessDenied", Cause.PERMISSION_DENIED),
        404: ("Lambda.ResourceNotFound", Cause.TARGET_GONE),
        413: ("Lambda.InvokeLimitExceeded", Cause.PAYLOAD_TOO_LARGE),
        429: ("Lambda.InvokeLimitExceeded", Cause.THROTTLED),
    }.get(result.error.status_code, ("Lambda.ServiceError", Cause.SERVER_ERROR))
    return code, result.error.message, cause
