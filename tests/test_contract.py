"""The public face: every name, parameter, setting, table and default that users were promised.

`PROMISED` is the whole of it; `MISSING` is what is not built yet. Both directions are checked: a
promise that is broken fails, and so does one that is kept but still listed. The list only shrinks.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import LabError, UnknownSetting

MISSING: set[str] = set()
MISSING_AT_MOST = 0  # it may only go down

# ---- what was promised, as data

NAMES = """
    Lab LogNormal Exponential Poisson Replay compute compare explore plots quiz
    SyncAsyncExplorer BackoffExplorer BatchingExplorer
"""

PARAMETERS: dict[str, str] = {
    "Lab": "seed start rules quotas",
    "LogNormal": "p50 p99",
    "Poisson": "rate",
    "compute": "vcpu_seconds",
    "lab.create_function": "name code handler",
    "lab.invoke": "payload invocation_type",
    "lab.run": "until",
    "lab.drive": "duration payload",
    "lab.sqs.create_queue": "name visibility_timeout dead_letter_queue max_receive_count",
    "lab.kinesis.create_stream": "name shard_count",
    "lab.api_gateway.create_rest_api": "name",
    "lab.trace.metrics": "period",
    "plots.batching": "trace ax",
}

VERBS = """
    function create_function update_function delete_function publish_version create_alias invoke
    put_function_concurrency put_provisioned_concurrency put_function_event_invoke_config
    create_event_source_mapping create_function_url
    drive run advance step reset now elapsed trace audit check faults rules random close
"""

SERVICES: dict[str, str] = {
    "sqs": "create_queue __getitem__",
    "kinesis": "create_stream",
    "api_gateway": "create_rest_api",
}

RESOURCES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "queue": (lambda lab: lab.sqs.create_queue("q"), "send messages"),
    "mapping": (
        lambda lab: (
            lab.create_function("f", duration=0.1)
            and lab.create_event_source_mapping(lab.sqs.create_queue("q"), "f")
        ),
        "update",
    ),
    "stream": (lambda lab: lab.kinesis.create_stream("s", shard_count=1), "put_record"),
    # how the next four are made is not promised, what can be done with them is
    "table": (lambda lab: lab.dynamodb.create_table("t"), "put_item"),
    "topic": (lambda lab: lab.sns.create_topic("t"), "publish"),
    "bucket": (lambda lab: lab.s3.create_bucket("pictures"), "put_object"),
    "bus": (lambda lab: lab.events.create_event_bus("b"), "put_events"),
    "api": (lambda lab: lab.api_gateway.create_rest_api("a"), "route get"),
}

FUNCTION_SETTINGS: dict[str, object] = {
    "memory_size": 256,
    "timeout": 10,
    "environment": {"STAGE": "test"},
    "architecture": "arm64",
    "runtime": "python3.13",
    "reserved_concurrency": 5,
    "dead_letter_queue": "failed",
    "maximum_retry_attempts": 1,
    "maximum_event_age": 60,
    "on_success": "done",
    "on_failure": "failed",
    "duration": 0.2,
    "failure_rate": 0.1,
    "init": 0.3,
    "idle_expiry": 300,
    "cpu": "measured",
    "log_format": "JSON",
    "allow_network": True,
}

MAPPING_SETTINGS: dict[str, object] = {
    "batch_size": 5,
    "maximum_batching_window": 5,
    "function_response_types": ["ReportBatchItemFailures"],
    "filter_criteria": {"Filters": [{"Pattern": '{"body": {"kind": ["a"]}}'}]},
    "maximum_concurrency": 2,
    "starting_position": "LATEST",
    "parallelization_factor": 2,
    "maximum_retry_attempts": 1,
    "maximum_record_age": 60,
    "bisect_batch_on_function_error": True,
    "tumbling_window": 10,
    "on_failure": "failed",
    "enabled": False,
}

REPLY = """
    status_code payload function_error executed_version request_id log_result exception
    raise_for_error _repr_html_
"""

TRACE = "story summary metrics findings short plot digest save"

TABLES: dict[str, str] = {
    "invocations": "request_id function qualifier invocation_type source parent_id requested_at "
    "completed_at latency_ms status status_code function_error attempts payload_bytes "
    "response_bytes cause",
    "attempts": "request_id attempt environment_id init_type queued_at started_at ended_at "
    "cold_start init_ms duration_ms billed_ms memory_mb max_memory_mb outcome error_type "
    "error_message cost_usd cause",
    "retries": "request_id attempt lane planned_ms waited_ms cause ended_as",
    "queue_events": "at queue kind event_id action depth age_ms delay_ms request_id batch_id cause",
    "batches": "batch_id mapping source shard poller window_opened_at opened_at flushed_at "
    "completed_at cause records size_bytes filtered request_id outcome failed_records "
    "parent_batch_id",
    "environments": "environment_id function started_at ready_at ended_at init_ms invocations "
    "busy_ms kind ended_because",
    "requests": "caller sent_at answered_at latency_ms status_code gave_up tries request_id",
    "scaling": "at subject kind before after cause",
    "logs": "at function environment_id request_id message",
}


# ---- is it there?


def fresh() -> Any:
    """A lab with a function and a queue that the probes may name."""
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=0.1)
    lab.sqs.create_queue("orders")
    for target in ("done", "failed"):
        lab.sqs.create_queue(target)
    return lab


def reach(path: str) -> Any:
    """The thing a dotted path leads to (`lab.sqs.create_queue`, `Lab`), or AttributeError."""
    first, *rest = path.split(".")
    thing = fresh() if first == "lab" else getattr(ll, first)
    for name in rest:
        thing = getattr(thing, name)
    return thing


def there(path: str) -> bool:
    try:
        reach(path)
    except AttributeError:
        return False
    return True


def has_parameter(path: str, name: str) -> bool:
    try:
        return name in inspect.signature(reach(path)).parameters
    except AttributeError:
        return False


def has_verb(make: Callable[[Any], Any], verb: str) -> bool:
    try:
        return hasattr(make(ll.Lab(seed=7)), verb)
    except AttributeError:
        return False


def takes_function_setting(name: str, value: object) -> bool:
    made = {"code": lambda event, context: None} if name == "cpu" else {"duration": 0.1}
    try:
        fresh().create_function("probe", **made | {name: value})
    except UnknownSetting:
        return False
    return True


def takes_mapping_setting(name: str, value: object) -> bool:
    """Whether a mapping of a queue or of a stream knows the setting."""
    lab = fresh()
    lab.kinesis.create_stream("clicks")
    lab.sqs.create_queue("failed")
    position = {} if name == "starting_position" else {"starting_position": "LATEST"}
    for source, also in (("orders", {}), ("clicks", position)):
        try:
            lab.create_event_source_mapping(source, "bill", **{name: value}, **also)
        except LabError:  # not for this kind of source
            continue
        return True
    return False


def promises() -> Iterable[tuple[str, bool]]:
    """Each promise by its label, and whether it is kept."""
    yield from ((f"ll.{name}", there(name)) for name in NAMES.split())
    for path, names in PARAMETERS.items():
        yield from ((f"{path}({name}=)", has_parameter(path, name)) for name in names.split())
    yield from ((f"lab.{verb}", there(f"lab.{verb}")) for verb in VERBS.split())
    for service, names in SERVICES.items():
        for name in names.split():
            yield f"lab.{service}.{name}", there(f"lab.{service}.{name}")
    for resource, (make, names) in RESOURCES.items():
        yield from ((f"{resource}.{verb}", has_verb(make, verb)) for verb in names.split())
    for name, value in FUNCTION_SETTINGS.items():
        yield f"function setting {name}", takes_function_setting(name, value)
    for name, value in MAPPING_SETTINGS.items():
        yield f"mapping setting {name}", takes_mapping_setting(name, value)
    reply = fresh().invoke("bill", {})
    yield from ((f"reply.{name}", hasattr(reply, name)) for name in REPLY.split())
    yield from ((f"trace.{name}", there(f"lab.trace.{name}")) for name in TRACE.split())
    yield "Trace.load", hasattr(type(fresh().trace), "load")
    for table, columns in TABLES.items():
        yield from table_promises(fresh().trace, table, columns.split())


def table_promises(trace: Any, table: str, columns: list[str]) -> Iterable[tuple[str, bool]]:
    frame = getattr(trace, table, None)
    yield f"trace.{table}", frame is not None
    yield f"trace.short.{table}", getattr(trace.short, table, None) is not None
    if frame is not None:
        yield from ((f"trace.{table}[{column}]", column in frame) for column in columns)


def test_every_promise_is_kept_or_listed_as_missing() -> None:
    missing = {label for label, kept in promises() if not kept}
    assert sorted(missing - MISSING) == [], "promised, and not there"
    assert sorted(MISSING - missing) == [], "there now: take them off the list"
    assert len(MISSING) <= MISSING_AT_MOST


# ---- the defaults


def test_defaults_of_a_function() -> None:
    """128 MB and 3 s: a run of 4 s ends after 3."""
    lab = ll.Lab()
    lab.create_function("slow", lambda event, context: time.sleep(4))
    reply = lab.invoke("slow", {})
    assert reply.function_error == "Unhandled"
    attempt = lab.trace.attempts.iloc[0]
    assert attempt.memory_mb == 128
    assert attempt.outcome == "timeout"
    assert attempt.duration_ms == 3000


def test_defaults_of_a_mapping() -> None:
    """Ten records at most, and no window."""
    lab = ll.Lab()
    lab.create_function("bill", duration=0.1)
    orders = lab.sqs.create_queue("orders")
    for number in range(25):
        orders.send({"order": number})
    lab.create_event_source_mapping(orders, "bill")
    lab.run()
    assert lab.trace.batches.records.max() == 10
    assert "batching_window" not in set(lab.trace.batches.cause)


def test_defaults_of_a_lab() -> None:
    lab = ll.Lab()
    assert str(lab.now).startswith("2025-01-07")
    assert lab.elapsed == 0
    lab.create_function("f", duration=0.1)
    assert lab.invoke("f").status_code == 200, "RequestResponse, with an empty event"


# ---- the sentences of the contract that a table does not hold


def test_the_decorator_returns_the_function_unchanged() -> None:
    lab = ll.Lab()

    def put_order(event: dict[str, int], context: object) -> int:
        return event["order"]

    assert lab.function(put_order) is put_order
    assert lab.function(timeout=10)(put_order) is put_order, "and a cell can be run twice"
    assert put_order({"order": 3}, None) == 3
    assert lab.invoke(put_order, {"order": 3}).payload == 3


def test_a_wrong_keyword_suggests_the_right_one() -> None:
    lab = fresh()
    with pytest.raises(UnknownSetting, match="did you mean 'maximum_batching_window'"):
        lab.create_event_source_mapping(lab.sqs["orders"], "bill", batching_window=5)


def test_ids_are_taken_in_their_short_form() -> None:
    lab = fresh()
    reply = lab.invoke("bill", {})
    assert reply.request_id.startswith("00000001-")
    assert str(lab.trace.story("r1")) == str(lab.trace.story(reply.request_id))


def test_time_is_told_in_three_ways() -> None:
    import datetime

    lab = ll.Lab()
    lab.run(until=30)
    lab.run(until="2min")
    assert lab.elapsed == 120
    lab.run(until=datetime.timedelta(minutes=3))
    lab.advance(60)
    assert lab.elapsed == 240
