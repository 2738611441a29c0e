"""Firehose's operations: delivery streams whose records a function transforms on their way to a bucket.

A stream that a lab can have takes records by itself (``DirectPut``), has one Lambda processor, and writes
to one bucket; another one is refused. It is active at once, and gone at once. What changes nothing here
(roles, prefixes, the bucket's own buffering hints, compression, encryption) is kept and told again; tags
are not.

Source: botocore's model of Firehose (1.44.5).
"""

from __future__ import annotations

from typing import Any

from lambdalab.aws.operations import ApiError, Call, kept
from lambdalab.aws.values import JsonService
from lambdalab.aws.wire import bytes_of
from lambdalab.errors import InvalidParameterValueException, ResourceNotFoundException
from lambdalab.functions.context import ACCOUNT, function_arn
from lambdalab.triggers.firehose.stream import DeliveryStream

_INVALID = "InvalidArgumentException"
SERVICE = JsonService(
    "firehose", invalid=_INVALID, codes={InvalidParameterValueException: _INVALID}
)
_DESTINATION = "ExtendedS3DestinationConfiguration"
_OTHERS = (
    "AmazonopensearchserviceDestinationConfiguration", "ElasticsearchDestinationConfiguration",
    "AmazonOpenSearchServerlessDestinationConfiguration", "DatabaseSourceConfiguration",
    "HttpEndpointDestinationConfiguration", "IcebergDestinationConfiguration",
    "KinesisStreamSourceConfiguration", "MSKSourceConfiguration", "RedshiftDestinationConfiguration",
    "S3DestinationConfiguration", "SnowflakeDestinationConfiguration", "SplunkDestinationConfiguration",
)  # fmt: skip
_DIRECT = "DirectPut"
_FUNCTION = "LambdaArn"
_SETTINGS = {
    "NumberOfRetries": ("retries", int), "BufferSizeInMBs": ("buffer_size", float),
    "BufferIntervalInSeconds": ("buffer_interval", float),
}  # fmt: skip


def _stream(call: Call) -> DeliveryStream:
    """The stream of a call, or Firehose's refusal is raised."""
    name = call["DeliveryStreamName"]
    if name not in call.lab.firehose:
        raise ApiError(
            "ResourceNotFoundException", f"Firehose {name} under account {ACCOUNT} not found."
        )
    found: DeliveryStream = call.lab.firehose[name]
    return found


# ------------------------------------------------------------------ records


@SERVICE.operation
def put_record(call: Call) -> dict[str, Any]:
    """One record."""
    record_id = _stream(call).put_record(bytes_of(call["Record"]["Data"]))
    return {"RecordId": record_id, "Encrypted": False}


@SERVICE.operation
def put_record_batch(call: Call) -> dict[str, Any]:
    """Up to 500 records; all of them are taken, or the call is refused."""
    ids = _stream(call).put_record_batch([bytes_of(each["Data"]) for each in call["Records"]])
    told = [{"RecordId": record_id} for record_id in ids]
    return {"FailedPutCount": 0, "Encrypted": False, "RequestResponses": told}


# ------------------------------------------------------------------ streams


@SERVICE.operation
def create_delivery_stream(call: Call) -> dict[str, Any]:
    """A stream to a bucket, through a function."""
    name = call["DeliveryStreamName"]
    for other in _OTHERS:
        if other in call:
            raise ApiError(_INVALID, f"{other} is not simulated: a lab has {_DESTINATION}")
    if call.get("DeliveryStreamType", _DIRECT) != _DIRECT or _DESTINATION not in call:
        raise ApiError(_INVALID, f"a lab's streams are of the type {_DIRECT}, with {_DESTINATION}")
    if name in call.lab.firehose:
        told = f"Firehose {name} under accountId {ACCOUNT} already exists"
        raise ApiError("ResourceInUseException", told)
    given = call[_DESTINATION]
    settings = _processor(given)
    bucket = given["BucketARN"].rpartition(":")[2]
    if bucket not in call.lab.s3:
        raise ApiError(_INVALID, f"there is no bucket {given['BucketARN']} in this lab")
    function = settings.pop("function")
    make = call.lab.firehose.create_delivery_stream
    try:
        made = make(name, function, destination=bucket, **settings)
    except ResourceNotFoundException as error:  # which this operation does not have
        raise ApiError(_INVALID, error.message) from None
    kept(made).update(destination=given, created=call.lab.now)
    return {"DeliveryStreamARN": made.arn}


def _processor(given: dict[str, Any]) -> dict[str, Any]:
    """The settings of the one processor that a destination has."""
    processing = given.get("ProcessingConfiguration", {})
    processors = [each for each in processing.get("Processors", ()) if each["Type"] == "Lambda"]
    if not processing.get("Enabled") or len(processors) != len(processing["Processors"]) != 1:
        processors = []
    found: dict[str, Any] = {}
    for each in processors[0].get("Parameters", ()) if processors else ():
        name, value = each["ParameterName"], each["ParameterValue"]
        if name == _FUNCTION:
            found["function"] = value
        elif name in _SETTINGS:
            setting, kind = _SETTINGS[name]
            try:
                found[setting] = kind(value)
            except ValueError:
                raise ApiError(_INVALID, f"Invalid value {value!r} for {name}") from None
    if "function" not in found:
        raise ApiError(_INVALID, "a lab's delivery streams have one Lambda processor")
    return found


@SERVICE.operation
def delete_delivery_stream(call: Call) -> dict[str, Any]:
    """A stream no more; what it has buffered is still handed over."""
    call.lab.firehose.delete_delivery_stream(_stream(call).name)
    return {}


@SERVICE.operation
def describe_delivery_stream(call: Call) -> dict[str, Any]:
    """A stream with its destination."""
    stream, start = _stream(call), call.lab.trace.start.to_pydatetime()
    created = min(kept(stream).get("created", start), call.lab.now)
    destination = {
        "DestinationId": "destinationId-000000000001",
        "ExtendedS3DestinationDescription": _destination(call, stream),
    }
    told = {
        "DeliveryStreamName": stream.name, "DeliveryStreamARN": stream.arn,
        "DeliveryStreamStatus": "ACTIVE", "DeliveryStreamType": _DIRECT, "VersionId": "1",
        "DeliveryStreamEncryptionConfiguration": {"Status": "DISABLED"},
        "CreateTimestamp": created, "Destinations": [destination], "HasMoreDestinations": False,
    }  # fmt: skip
    return {"DeliveryStreamDescription": told}


def _destination(call: Call, stream: DeliveryStream) -> dict[str, Any]:
    """A destination as Firehose describes it: what was given, and what it is without."""
    rules, settings = call.lab.rules, call.lab.trace.wired("delivery_stream")[stream.name]
    values = {
        _FUNCTION: function_arn(str(settings["function"])),
        **{name: f"{settings[mine]:g}" for name, (mine, _) in _SETTINGS.items()},
    }
    processor = {
        "Type": "Lambda",
        "Parameters": [
            {"ParameterName": name, "ParameterValue": value} for name, value in values.items()
        ],
    }
    hints = {
        "SizeInMBs": rules.firehose_s3_buffer_size, "IntervalInSeconds": rules.firehose_s3_interval,
    }  # fmt: skip
    usual = {
        "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/lambdalab",
        "BucketARN": f"arn:aws:s3:::{settings['destination'] or stream.name}",
        "CompressionFormat": "UNCOMPRESSED", "S3BackupMode": "Disabled",
        "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
    }  # fmt: skip
    given = dict(kept(stream).get("destination", {}))
    given.pop("S3BackupConfiguration", None)
    return (
        usual
        | given
        | {
            "BufferingHints": hints | given.get("BufferingHints", {}),
            "ProcessingConfiguration": {"Enabled": True, "Processors": [processor]},
        }
    )


@SERVICE.operation
def list_delivery_streams(call: Call) -> dict[str, Any]:
    """The names of the streams, ten at a time."""
    after, most = call.get("ExclusiveStartDeliveryStreamName", ""), call.get("Limit")
    most = call.lab.rules.firehose_list_page if most is None else most
    direct = call.get("DeliveryStreamType", _DIRECT) == _DIRECT
    names = [name for name in sorted(call.lab.firehose) if name > after and direct]
    return {"DeliveryStreamNames": names[:most], "HasMoreDeliveryStreams": len(names) > most}
