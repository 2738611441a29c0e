"""S3's operations on objects: put, get, head, copy, delete, and uploads in parts.

Versions, access control, encryption keys, tags and storage classes change nothing in a lab: what is given
of them is accepted. Checksums are neither checked nor told.
"""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_plus

from botocore.response import StreamingBody

from lambdalab.aws.operations import ApiError, Call, of_run
from lambdalab.aws.s3_service import (
    ENCRYPTED,
    SERVICE,
    bucket_of,
    content_type,
    headers_of,
    keep,
    modified,
    not_found,
    quoted,
)
from lambdalab.aws.values import moment
from lambdalab.triggers.s3.objects import S3Object, body_of, etag_of

_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


def _object(call: Call) -> S3Object:
    """The object of a call; ``VersionId`` can be none but "null", for there are no versions."""
    if call.get("VersionId", "null") != "null":
        raise ApiError("InvalidArgument", "Invalid version id specified")
    found: S3Object = bucket_of(call).get_object(call["Key"])
    return found


def _unmet() -> ApiError:
    return ApiError(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        412,
    )


def _check_conditions(call: Call, found: S3Object) -> None:
    """Raise where what a reader demands of an object does not hold."""
    if call.get("IfMatch", found.etag).strip('"') not in (found.etag, "*"):
        raise _unmet()
    if "IfUnmodifiedSince" in call and modified(found) > moment(call["IfUnmodifiedSince"]):
        raise _unmet()
    if call.get("IfNoneMatch", "").strip('"') in (found.etag, "*"):
        raise ApiError("304", "Not Modified", 304)
    if "IfModifiedSince" in call and modified(found) <= moment(call["IfModifiedSince"]):
        raise ApiError("304", "Not Modified", 304)


def _check_write(call: Call) -> None:
    """Raise where what a writer demands of what is there does not hold."""
    bucket, key = bucket_of(call), call["Key"]
    if call.get("IfNoneMatch") == "*" and key in bucket:
        raise _unmet()
    if "IfMatch" in call:
        there: S3Object = bucket.get_object(key)
        if call["IfMatch"].strip('"') != there.etag:
            raise _unmet()


# ------------------------------------------------------------------ writing


@SERVICE.operation
def put_object(call: Call) -> dict[str, Any]:
    """An object; notifications tell of it."""
    _check_write(call)
    made = bucket_of(call).put_object(
        call["Key"], call.get("Body", b""),
        content_type=content_type(call), metadata=call.get("Metadata"),
    )  # fmt: skip
    keep(call, made)
    return {"ETag": quoted(made.etag), **ENCRYPTED}


@SERVICE.operation
def copy_object(call: Call) -> dict[str, Any]:
    """An object from another place, with its metadata or with other ones."""
    bucket, key = bucket_of(call), call["Key"]
    name, _, of = unquote_plus(call["CopySource"]).removeprefix("/").partition("/")
    source = bucket_of(call, name).get_object(of.partition("?versionId=")[0])
    headers = headers_of(call, source)
    if call.get("MetadataDirective", "COPY") == "REPLACE":
        metadata, headers = dict(call.get("Metadata", {})), dict(call.given)
        source = replace(source, content_type=content_type(call), metadata=metadata)
    elif (name, source.key) == (bucket.name, key) and "StorageClass" not in call:
        raise ApiError(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without "
            "changing the object's metadata, storage class, website redirect location or encryption "
            "attributes.",
        )
    made = bucket.copy_object(key, source)
    keep(call, made, headers)
    told = {"ETag": quoted(made.etag), "LastModified": modified(made)}
    return {"CopyObjectResult": told, **ENCRYPTED}


@SERVICE.operation
def delete_object(call: Call) -> dict[str, Any]:
    """An object, whether it is there or not."""
    bucket_of(call).delete_object(call["Key"])
    call.status = 204
    return {}


@SERVICE.operation
def delete_objects(call: Call) -> dict[str, Any]:
    """Up to 1,000 objects."""
    bucket, given = bucket_of(call), call["Delete"]
    keys = [each["Key"] for each in given["Objects"]]
    if not 1 <= len(keys) <= call.lab.rules.s3_delete_objects:
        raise ApiError(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        )
    for key in keys:
        bucket.delete_object(key)
    return {} if given.get("Quiet") else {"Deleted": [{"Key": key} for key in keys]}


# ------------------------------------------------------------------ reading


def _described(call: Call, found: S3Object) -> dict[str, Any]:
    """The headers of an object."""
    told = {
        "AcceptRanges": "bytes", "LastModified": modified(found), "ContentLength": found.size,
        "ETag": quoted(found.etag), "ContentType": found.content_type,
        "Metadata": dict(found.metadata), **ENCRYPTED,
    }  # fmt: skip
    told |= headers_of(call, found)
    if "Expires" in told:
        told["Expires"] = moment(told["Expires"])
    if told.get("StorageClass") == "STANDARD":  # which S3 does not tell
        del told["StorageClass"]
    return told


def _ranged(call: Call, found: S3Object) -> tuple[bytes, dict[str, Any]]:
    """The part of an object that is asked for, and what its headers say of it."""
    asked = _RANGE.match(call.get("Range", ""))
    if asked is None or not (asked[1] or asked[2]):  # S3 gives all where it does not understand
        return found.body, {}
    size = found.size
    first = int(asked[1]) if asked[1] else max(size - int(asked[2]), 0)
    last = min(int(asked[2]), size - 1) if asked[1] and asked[2] else size - 1
    if first >= size or last < first:
        raise ApiError("InvalidRange", "The requested range is not satisfiable", 416)
    call.status = 206
    part = found.body[first : last + 1]
    return part, {"ContentRange": f"bytes {first}-{last}/{size}", "ContentLength": len(part)}


@SERVICE.operation
def get_object(call: Call) -> dict[str, Any]:
    """An object or a part of it, its body as a stream."""
    found = _object(call)
    _check_conditions(call, found)
    body, told = _ranged(call, found)
    asked = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage",
             "ContentType")  # fmt: skip
    told |= {name: call[f"Response{name}"] for name in asked if f"Response{name}" in call}
    return _described(call, found) | told | {"Body": StreamingBody(io.BytesIO(body), len(body))}


@SERVICE.operation
def head_object(call: Call) -> dict[str, Any]:
    """What an object's headers say, without its body."""
    if call["Bucket"] not in call.lab.s3 or call["Key"] not in bucket_of(call):
        raise not_found()
    found = _object(call)
    _check_conditions(call, found)
    return _described(call, found) | _ranged(call, found)[1]


# ------------------------------------------------------------------ uploads in parts


def _upload(call: Call) -> dict[str, Any]:
    """The upload of a call: its ``parts`` by number, and what it began with."""
    found: dict[str, Any] | None = of_run(call.lab, "s3").get("uploads", {}).get(call["UploadId"])
    if found is None or (found["Bucket"], found["Key"]) != (call["Bucket"], call["Key"]):
        raise ApiError(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
            "been aborted or completed.",
            404,
        )
    return found


@SERVICE.operation
def create_multipart_upload(call: Call) -> dict[str, Any]:
    """Begin an upload in parts."""
    bucket, store = bucket_of(call), of_run(call.lab, "s3")
    count = store["count"] = store.get("count", 0) + 1
    upload_id = hashlib.sha256(f"{call.lab.seed}/upload/{count}".encode()).hexdigest()
    store.setdefault("uploads", {})[upload_id] = {**call.given, "parts": {}}
    return {"Bucket": bucket.name, "Key": call["Key"], "UploadId": upload_id, **ENCRYPTED}


@SERVICE.operation
def upload_part(call: Call) -> dict[str, Any]:
    """One part; another one of its number is replaced."""
    upload, number = _upload(call), call["PartNumber"]
    most = call.lab.rules.s3_parts
    if not 1 <= number <= most:
        raise ApiError(
            "InvalidArgument", f"Part number must be an integer between 1 and {most}, inclusive"
        )
    body = body_of(call.get("Body", b""))
    upload["parts"][number] = body
    return {"ETag": quoted(etag_of(body)), **ENCRYPTED}


@SERVICE.operation
def complete_multipart_upload(call: Call) -> dict[str, Any]:
    """The object of the parts that are named; notifications tell of it."""
    upload = _upload(call)
    named = call.get("MultipartUpload", {}).get("Parts", [])
    numbers = [each["PartNumber"] for each in named]
    if numbers != sorted(set(numbers)):
        raise ApiError(
            "InvalidPartOrder",
            "The list of parts was not in ascending order. The parts list must be specified in order by "
            "part number.",
        )
    parts = upload["parts"]
    for each in named:
        part = parts.get(each["PartNumber"])
        if part is None or each.get("ETag", etag_of(part)).strip('"') != etag_of(part):
            raise ApiError(
                "InvalidPart",
                "One or more of the specified parts could not be found. The part may not have been "
                "uploaded, or the specified entity tag may not match the part's entity tag.",
            )
    _check_write(call)
    made = bucket_of(call).upload_parts(
        call["Key"], [parts[number] for number in numbers],
        content_type=str(upload.get("ContentType", "binary/octet-stream")),
        metadata=upload.get("Metadata"),
    )  # fmt: skip
    keep(call, made, upload)
    del of_run(call.lab, "s3")["uploads"][call["UploadId"]]
    return {
        "Location": f"https://{made.bucket}.s3.amazonaws.com/{made.key}", "Bucket": made.bucket,
        "Key": made.key, "ETag": quoted(made.etag), **ENCRYPTED,
    }  # fmt: skip


@SERVICE.operation
def abort_multipart_upload(call: Call) -> dict[str, Any]:
    """Forget an upload and its parts."""
    _upload(call)
    del of_run(call.lab, "s3")["uploads"][call["UploadId"]]
    call.status = 204
    return {}
