"""A lab behind a server, one for all tests of a module."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

import lambdalab as ll


@pytest.fixture(scope="module")
def served_lab() -> Iterator[ll.Lab]:
    """What is served: a few functions, a queue, a bucket."""
    lab = ll.Lab(seed=7)

    @lab.function(timeout=10, memory_size=256)
    def echo(event: Any, context: Any) -> Any:
        time.sleep(2)
        print("got", event)
        if isinstance(event, dict) and "fail" in event:
            raise ValueError(event["fail"])
        return event

    @lab.function(timeout=10)
    def traced(event: Any, context: Any) -> Any:
        found = os.environ["_X_AMZN_TRACE_ID"]
        time.sleep(3)
        return found

    lab.create_function("bill", duration=0.1)
    lab.create_function("full", duration=0.1, reserved_concurrency=0)
    lab.sqs.create_queue("orders")
    lab.s3.create_bucket("photos")
    yield lab
    lab.audit()
    lab.close()


@pytest.fixture(scope="module")
def server(served_lab: ll.Lab) -> Iterator[Any]:
    """The lab's server; code may not be uploaded."""
    pytest.importorskip("boto3")
    pytest.importorskip("uvicorn")
    from lambdalab.aws.endpoint import running

    with running(served_lab) as server:
        yield server
