"""AWS::KinesisFirehose: delivery streams whose records a function transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.resource import NotBuilt, Resource, as_list, truth, whole

_DESTINATION = "ExtendedS3DestinationConfiguration"
_SETTINGS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "BufferSizeInMBs": ("buffer_size", float), "BufferIntervalInSeconds": ("buffer_interval", float),
    "NumberOfRetries": ("retries", whole),
}  # fmt: skip
_KNOWN = (
    "BucketARN", "CloudWatchLoggingOptions", "EncryptionConfiguration", "ProcessingConfiguration",
    "RoleARN",
)  # fmt: skip


def stream(resource: Resource) -> Facts:
    """A delivery stream from its callers through a function to a bucket."""
    kind = resource.take("DeliveryStreamType", "DirectPut")
    if kind != "DirectPut":
        raise NotBuilt(f"a lab's delivery streams take records from callers, not from {kind}")
    told = resource.take(_DESTINATION)
    if not isinstance(told, dict):
        raise NotBuilt("a lab's delivery streams write to buckets alone")
    processing = told.get("ProcessingConfiguration") or {}
    found = [each for each in as_list(processing.get("Processors")) if each.get("Type") == "Lambda"]
    if not found or not truth(processing.get("Enabled", True)):
        raise NotBuilt("a lab's delivery streams have a function that transforms the records")
    parameters = {
        each.get("ParameterName"): each.get("ParameterValue")
        for each in as_list(found[0].get("Parameters"))
    }
    given: dict[str, Any] = {
        ours: kind_of(parameters[name])
        for name, (ours, kind_of) in _SETTINGS.items()
        if name in parameters
    }
    bucket = str(told.get("BucketARN", "")).rpartition(":")[2]
    made = resource.lab.firehose.create_delivery_stream(
        resource.name, str(parameters.get("LambdaArn")), bucket, **given
    )
    for name in told:
        if name not in _KNOWN:
            resource.skip(f"{_DESTINATION}.{name}", "not simulated")
    resource.ignore("DeliveryStreamEncryptionConfigurationInput")
    return Facts(resource.name, made, Arn=made.arn)


KINDS = {"AWS::KinesisFirehose::DeliveryStream": Kind(stream, "DeliveryStreamName")}
