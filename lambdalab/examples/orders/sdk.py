"""The few calls of AWS's SDK that the example's handlers make, answered by the lab they run in.

A handler says ``boto3.client("lambda").invoke(...)`` as it would on AWS; the ``boto3.py`` beside the
handlers brings it here. Which lab is meant is decided when the call is made: the one whose handler is
running, so that several labs can each have an order service.
"""

from __future__ import annotations

import io
import weakref
from typing import Any

from lambdalab.errors import LabError
from lambdalab.lab import Lab

_labs: list[weakref.ref[Lab]] = []


def connect(lab: Lab) -> None:
    """Let handlers that run in this lab reach its functions."""
    _labs[:] = [known for known in _labs if known() not in (None, lab)]
    _labs.append(weakref.ref(lab))


def connect_twin(lab: Lab, twin: Lab) -> None:
    """Let them reach a copy of the lab too, if they reach the lab."""
    if any(known() is lab for known in _labs):
        connect(twin)


def client(service: str) -> LambdaClient:
    """The client of a service, as ``boto3.client`` gives it; here there is Lambda's only."""
    if service != "lambda":
        raise LabError(f"the order service's boto3 knows 'lambda', not {service!r}")
    return LambdaClient()


class LambdaClient:
    """``invoke`` with AWS's parameters and AWS's answer."""

    def invoke(
        self,
        *,
        FunctionName: str,
        Payload: str | bytes = b"",
        InvocationType: str = "RequestResponse",
    ) -> dict[str, Any]:
        """Invoke a function of the lab; what the service refuses is raised."""
        data = Payload.encode() if isinstance(Payload, str) else Payload
        reply = _lab_of_this_handler().invoke(
            FunctionName, data or None, invocation_type=InvocationType
        )
        answer: dict[str, Any] = {
            "StatusCode": reply.status_code,
            "Payload": io.BytesIO(reply.body),
            "ResponseMetadata": {"RequestId": reply.request_id},
        }
        if reply.executed_version is not None:
            answer["ExecutedVersion"] = reply.executed_version
        if reply.function_error is not None:
            answer["FunctionError"] = reply.function_error
        return answer


def _lab_of_this_handler() -> Lab:
    """The connected lab whose task is running in this thread."""
    for known in _labs:
        lab = known()
        if lab is not None and lab._client.task() is not None:
            return lab
    raise LabError(
        "no lab is running this handler: make its folder known with orders.handlers(lab), and invoke "
        "it with lab.invoke()"
    )
