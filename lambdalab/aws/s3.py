"""S3's operations on buckets: making, listing, notifications. Objects: :mod:`.s3_objects`.

A notification's function allows the bucket to call it by itself, as the console sees to; on AWS a client
has to add the permission before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from lambdalab.aws import s3_objects
from lambdalab.aws.operations import OURS, ApiError, Call, of_run
from lambdalab.aws.s3_service import SERVICE, bucket_of, modified, not_found, quoted
from lambdalab.aws.values import kept, page, place_of, token_of
from lambdalab.errors import InvalidParameterValueException
from lambdalab.functions.context import ACCOUNT, REGION
from lambdalab.triggers.s3.bucket import Bucket
from lambdalab.triggers.s3.notifications import Notification
from lambdalab.triggers.s3.objects import S3Object

__all__ = ["SERVICE", "s3_objects"]
_OWNER = {"DisplayName": "lambdalab", "ID": ACCOUNT}
_KINDS = {
    "lambda": ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
    "sqs": ("QueueConfigurations", "QueueArn"),
    "sns": ("TopicConfigurations", "TopicArn"),
}


# ------------------------------------------------------------------ buckets


@SERVICE.operation
def create_bucket(call: Call) -> dict[str, Any]:
    """A bucket; one's own of the name is given back, as in us-east-1. All are in the lab's region."""
    name = call["Bucket"]
    if name not in call.lab.s3:
        kept(call.lab, "s3").setdefault("created", {})[name] = call.lab.now.replace(microsecond=0)
    made = call.lab.s3.create_bucket(name)
    return {"Location": f"/{name}", "BucketArn": made.arn}


@SERVICE.operation
def delete_bucket(call: Call) -> None:
    """An empty bucket."""
    call.lab.s3.delete_bucket(bucket_of(call))
    kept(call.lab, "s3").get("created", {}).pop(call["Bucket"], None)
    uploads = of_run(call.lab, "s3").get("uploads", {})
    for upload_id in [each for each in uploads if uploads[each]["Bucket"] == call["Bucket"]]:
        del uploads[upload_id]
    call.status = 204


@SERVICE.operation
def list_buckets(call: Call) -> dict[str, Any]:
    """The buckets by name."""
    created: dict[str, dt.datetime] = kept(call.lab, "s3").get("created", {})
    start = call.lab.trace.start.to_pydatetime()
    names = [name for name in sorted(call.lab.s3) if name.startswith(call.get("Prefix", ""))]
    refusal = ApiError("InvalidArgument", "The continuation token provided is incorrect")
    most = call.get("MaxBuckets", call.lab.rules.s3_list_buckets)
    shown, token = page(names, call.get("ContinuationToken"), most, refusal)
    answer: dict[str, Any] = {
        "Buckets": [{"Name": name, "CreationDate": created.get(name, start)} for name in shown],
        "Owner": _OWNER,
    }  # fmt: skip
    if "Prefix" in call:
        answer["Prefix"] = call["Prefix"]
    return answer | ({"ContinuationToken": token} if token else {})


@SERVICE.operation
def head_bucket(call: Call) -> dict[str, Any]:
    """Whether a bucket is there."""
    if call["Bucket"] not in call.lab.s3:
        raise not_found()
    return {"BucketRegion": REGION, "AccessPointAlias": False}


@SERVICE.operation
def get_bucket_location(call: Call) -> dict[str, Any]:
    """Where a bucket is: nothing is said of us-east-1."""
    bucket_of(call)
    return {}


# ------------------------------------------------------------------ lists of objects


def _entries(bucket: Bucket, prefix: str, delimiter: str) -> Iterator[tuple[str, S3Object | None]]:
    """What a list has, in order: objects, and with a delimiter each common prefix once (None)."""
    last = None
    for found in bucket.list_objects(prefix):
        cut = found.key.find(delimiter, len(prefix)) if delimiter else -1
        if cut < 0:
            yield found.key, found
        elif (common := found.key[: cut + len(delimiter)]) != last:
            last = common
            yield common, None


def _listed(call: Call, after: str) -> tuple[dict[str, Any], int, str | None]:
    """A page of a list after a key: the members all lists have, how many, and the last key if there is
    more."""
    bucket, prefix = bucket_of(call), call.get("Prefix", "")
    delimiter, page_size = call.get("Delimiter", ""), call.lab.rules.s3_list_keys
    most = min(call.get("MaxKeys", page_size), page_size)
    entries = [each for each in _entries(bucket, prefix, delimiter) if each[0] > after]
    shown = entries[:most]
    url = call.get("EncodingType") == "url"

    def told(text: str) -> str:
        return quote(text, safe="/") if url else text

    answer: dict[str, Any] = {
        "IsTruncated": 0 < most < len(entries), "Name": bucket.name, "Prefix": told(prefix),
        "MaxKeys": call.get("MaxKeys", page_size),
    }  # fmt: skip
    contents = [
        {
            "Key": told(key), "LastModified": modified(found), "ETag": quoted(found.etag),
            "Size": found.size, "StorageClass": "STANDARD",
        }
        for key, found in shown
        if found is not None
    ]  # fmt: skip
    common = [{"Prefix": told(key)} for key, found in shown if found is None]
    answer |= {"Contents": contents} if contents else {}
    answer |= {"CommonPrefixes": common} if common else {}
    answer |= {"Delimiter": told(delimiter)} if delimiter else {}
    answer |= {"EncodingType": "url"} if url else {}
    return answer, len(shown), shown[-1][0] if answer["IsTruncated"] else None


@SERVICE.operation
def list_objects_v2(call: Call) -> dict[str, Any]:
    """The objects of a bucket by key, 1,000 a page."""
    refusal = ApiError("InvalidArgument", "The continuation token provided is incorrect")
    given = call.get("ContinuationToken")
    after = place_of(given, refusal) if given is not None else call.get("StartAfter", "")
    answer, count, last = _listed(call, after)
    answer["KeyCount"] = count
    answer |= {name: call[name] for name in ("ContinuationToken", "StartAfter") if name in call}
    if call.get("FetchOwner"):
        for each in answer.get("Contents", ()):
            each["Owner"] = _OWNER
    return answer if last is None else answer | {"NextContinuationToken": token_of(last)}


@SERVICE.operation
def list_objects(call: Call) -> dict[str, Any]:
    """The same in the form of 2006, which resources use."""
    marker = call.get("Marker", "")
    answer, _, last = _listed(call, marker)
    answer["Marker"] = quote(marker, safe="/") if "EncodingType" in answer else marker
    for each in answer.get("Contents", ()):
        each["Owner"] = _OWNER
    if last is not None and "Delimiter" in answer:
        answer["NextMarker"] = quote(last, safe="/") if "EncodingType" in answer else last
    return answer


# ------------------------------------------------------------------ notifications


@SERVICE.operation
def put_bucket_notification_configuration(call: Call) -> None:
    """Who hears of what happens in a bucket: what is not given is told no more."""
    bucket, given = bucket_of(call), call["NotificationConfiguration"]
    if "EventBridgeConfiguration" in given:
        raise ApiError(
            "InvalidArgument",
            "a lab's buckets tell functions, queues and topics, not EventBridge",
        )
    wanted = [
        _wanted(each, each[arn]) for kind, arn in _KINDS.values() for each in given.get(kind, ())
    ]
    gone = [each for each in bucket.notifications if not any(_same(each, w) for w in wanted)]
    before = set(bucket.notifications)
    for each in gone:
        bucket.remove_notification(each.name)
    try:
        for settings in wanted:
            bucket.notify(
                settings["target"], **{k: v for k, v in settings.items() if k != "target"}
            )
    except OURS as error:
        for each in bucket.notifications:
            if each not in before:
                bucket.remove_notification(each.name)
        for each in gone:
            known = each.as_dict()
            bucket.notify(known["endpoint"], known["events"], each.prefix, each.suffix, each.name)
        if isinstance(error, (LookupError, InvalidParameterValueException)):  # no such target
            raise ApiError(
                "InvalidArgument",
                "Unable to validate the following destination configurations",
            ) from None
        raise


def _wanted(given: dict[str, Any], arn: str) -> dict[str, Any]:
    """One configuration as the lab's settings."""
    settings: dict[str, Any] = {"target": arn, "events": given["Events"]}
    for rule in given.get("Filter", {}).get("Key", {}).get("FilterRules", ()):
        name = rule.get("Name", "").lower()
        if name not in ("prefix", "suffix"):
            raise ApiError("InvalidArgument", "filter rule name must be either prefix or suffix")
        if name in settings:
            raise ApiError(
                "InvalidArgument", f"Cannot specify more than one {name} rule in a filter."
            )
        settings[name] = rule.get("Value", "")
    return settings | ({"name": given["Id"]} if "Id" in given else {})


def _same(known: Notification, wanted: dict[str, Any]) -> bool:
    """Whether a notification is there already as it is wanted."""
    return (
        known.destination.arn == wanted["target"]
        and known.events == tuple(dict.fromkeys(wanted["events"]))
        and (known.prefix, known.suffix) == (wanted.get("prefix", ""), wanted.get("suffix", ""))
        and wanted.get("name", known.name) == known.name
    )


@SERVICE.operation
def get_bucket_notification_configuration(call: Call) -> dict[str, Any]:
    """Who hears of what happens in a bucket."""
    answer: dict[str, Any] = {}
    for each in bucket_of(call).notifications:
        kind, arn = _KINDS[each.destination.service]
        told: dict[str, Any] = {
            "Id": each.name,
            arn: each.destination.arn,
            "Events": list(each.events),
        }
        rules = [
            {"Name": name, "Value": value}
            for name, value in (("prefix", each.prefix), ("suffix", each.suffix))
            if value
        ]
        if rules:
            told["Filter"] = {"Key": {"FilterRules": rules}}
        answer.setdefault(kind, []).append(told)
    return answer
