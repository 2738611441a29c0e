"""Lambda's operations on event source mappings of SQS, Kinesis and DynamoDB streams.

Kept and given back, and nothing more: KMSKeyArn, MetricsConfig, LoggingConfig, the tags. Kafka, Amazon MQ
and DocumentDB are refused.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from weakref import WeakKeyDictionary

from lambdalab.aws.function_settings import when
from lambdalab.aws.lambda_api import SERVICE, invalid, listed, missing, refuse, tags_of
from lambdalab.aws.operations import Call
from lambdalab.aws.values import moment
from lambdalab.functions.context import ACCOUNT, REGION, function_arn
from lambdalab.functions.target import split
from lambdalab.sources.mappings.mapping import GONE, Mapping
from lambdalab.sources.mappings.queue_settings import MappingSettings

_SAME = {
    "batch_size": "BatchSize", "enabled": "Enabled",
    "maximum_batching_window": "MaximumBatchingWindowInSeconds",
    "parallelization_factor": "ParallelizationFactor",
    "maximum_record_age": "MaximumRecordAgeInSeconds",
    "maximum_retry_attempts": "MaximumRetryAttempts",
    "bisect_batch_on_function_error": "BisectBatchOnFunctionError",
    "tumbling_window": "TumblingWindowInSeconds", "starting_position": "StartingPosition",
}  # fmt: skip
_STREAMS = (
    "starting_position", "parallelization_factor", "maximum_record_age",
    "maximum_retry_attempts", "bisect_batch_on_function_error", "tumbling_window",
)  # fmt: skip
_OTHER_SOURCES = (
    "Topics", "Queues", "SourceAccessConfigurations", "SelfManagedEventSource",
    "AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
)  # fmt: skip
_KEPT = ("KMSKeyArn", "MetricsConfig", "LoggingConfig")

_NOTES: WeakKeyDictionary[Mapping, dict[str, Any]] = WeakKeyDictionary()
"""What the lab does not have of a mapping, and when it was changed last."""


def _given(call: Call) -> dict[str, Any]:
    """The lab's settings for what a request gives."""
    refuse(call, *_OTHER_SOURCES)
    found = call.settings(**_SAME)
    if "StartingPositionTimestamp" in call:
        # what is older than the lab is its beginning: there is nothing before
        at, begin = moment(call["StartingPositionTimestamp"]), when(call, 0)
        found["starting_position_timestamp"] = max(at, begin)
    if "FunctionResponseTypes" in call:
        found["function_response_types"] = tuple(call["FunctionResponseTypes"])
    if "FilterCriteria" in call:
        found["filter_criteria"] = {"Filters": call["FilterCriteria"].get("Filters", [])}
    if "ScalingConfig" in call:
        found["maximum_concurrency"] = call["ScalingConfig"].get("MaximumConcurrency")
    if "ProvisionedPollerConfig" in call:
        pollers = dict(call["ProvisionedPollerConfig"])
        pollers.pop("PollerGroupName", None)
        found["provisioned_poller_config"] = pollers or None
    if "DestinationConfig" in call:
        found |= _destinations(call["DestinationConfig"])
    return found


def _destinations(given: dict[str, Any]) -> dict[str, Any]:
    """Where records go that a stream's mapping gives up; an empty text takes it away."""
    found: dict[str, Any] = {}
    for ours, theirs in (("on_success", "OnSuccess"), ("on_failure", "OnFailure")):
        place = given.get(theirs, {}).get("Destination")
        if place or (ours == "on_failure" and theirs in given):
            found[ours] = place or None
    return found


def _changed(call: Call, mapping: Mapping) -> None:
    notes = _NOTES.setdefault(mapping, {})
    notes |= {name: call[name] for name in _KEPT if name in call}
    notes["at"] = call.lab._scheduler.now


def arn_of(mapping: Mapping) -> str:
    """The ARN of a mapping."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{mapping.uuid}"


def _shown(call: Call, mapping: Mapping, state: str = "") -> dict[str, Any]:
    """A mapping as AWS gives it; ``state``: another than the one it is in."""
    settings, notes = mapping.settings, _NOTES.get(mapping, {})
    shown: dict[str, Any] = {
        "UUID": mapping.uuid,
        "BatchSize": settings.batch_size,
        "MaximumBatchingWindowInSeconds": settings.maximum_batching_window,
        "EventSourceArn": mapping.source.arn,
        "FunctionArn": mapping.target.arn,
        "LastModified": when(call, min(notes.get("at", 0), call.lab._scheduler.now)),
        "State": state or mapping.state,
        "StateTransitionReason": mapping.state_transition_reason,
        "FunctionResponseTypes": list(settings.function_response_types),
        "EventSourceMappingArn": arn_of(mapping),
    }
    if settings.filter_criteria is not None:
        shown["FilterCriteria"] = settings.filter_criteria.as_dict()
    if isinstance(settings, MappingSettings):
        shown |= _of_a_queue(settings)
    else:
        shown |= {_SAME[name]: getattr(settings, name) for name in _STREAMS}
        place = settings.on_failure
        shown["DestinationConfig"] = {"OnFailure": {"Destination": place.arn} if place else {}}
        shown["LastProcessingResult"] = "No records processed"
        if settings.starting_position_timestamp is not None:
            shown["StartingPositionTimestamp"] = _date(call, settings.starting_position_timestamp)
    return shown | {name: notes[name] for name in _KEPT if name in notes}


def _of_a_queue(settings: MappingSettings) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if settings.maximum_concurrency is not None:
        shown["ScalingConfig"] = {"MaximumConcurrency": settings.maximum_concurrency}
    pollers = settings.provisioned_poller_config
    if pollers is not None:
        shown["ProvisionedPollerConfig"] = {
            "MinimumPollers": pollers.minimum_pollers, "MaximumPollers": pollers.maximum_pollers
        }  # fmt: skip
    return shown


def _date(call: Call, value: Any) -> dt.datetime:
    return when(call, call.lab._clock.at(value))


def _mapping(call: Call) -> Mapping:
    """The mapping of a UUID."""
    for mapping in call.lab.list_event_source_mappings():
        if mapping.uuid == call["UUID"]:
            return mapping
    raise missing()


@SERVICE.operation
def create_event_source_mapping(call: Call) -> dict[str, Any]:
    """Let Lambda poll a queue or stream, and invoke a function with batches of its records."""
    if "EventSourceArn" not in call:
        refuse(call, *_OTHER_SOURCES)
        raise invalid("Unrecognized event source.")
    mapping = call.lab.create_event_source_mapping(
        call["EventSourceArn"], call["FunctionName"], **_given(call)
    )
    _changed(call, mapping)
    if call.get("Tags"):
        tags_of(call.lab)[arn_of(mapping)] = dict(call["Tags"])
    call.status = 202
    return _shown(call, mapping)


@SERVICE.operation
def get_event_source_mapping(call: Call) -> dict[str, Any]:
    """A mapping by its UUID."""
    return _shown(call, _mapping(call))


@SERVICE.operation
def update_event_source_mapping(call: Call) -> dict[str, Any]:
    """Other settings, or another function, for a mapping."""
    mapping, settings = _mapping(call), _given(call)
    if "FunctionName" in call:
        settings["function"] = call["FunctionName"]
    call.lab.update_event_source_mapping(mapping, **settings)
    _changed(call, mapping)
    call.status = 202
    return _shown(call, mapping)


@SERVICE.operation
def list_event_source_mappings(call: Call) -> dict[str, Any]:
    """All mappings, or those of a source or a function."""
    source, wanted = call.get("EventSourceArn"), call.get("FunctionName")
    if wanted is not None:
        name, qualifier = split(wanted) or (wanted, "")
        wanted = function_arn(name) + (f":{qualifier}" if qualifier else "")
    found = [
        _shown(call, mapping)
        for mapping in call.lab.list_event_source_mappings()
        if source in (None, mapping.source.arn) and wanted in (None, mapping.target.arn)
    ]
    return listed(call, "EventSourceMappings", found, "mapping_list_page")


@SERVICE.operation
def delete_event_source_mapping(call: Call) -> dict[str, Any]:
    """A mapping no more, once what it has received is done with."""
    mapping = _mapping(call)
    call.lab.delete_event_source_mapping(mapping)
    _changed(call, mapping)
    tags_of(call.lab).pop(arn_of(mapping), None)
    call.status = 202
    return _shown(call, mapping, "Deleting" if mapping.state == GONE else "")
