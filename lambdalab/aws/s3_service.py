"""What all of S3's operations need: the service, a call's bucket, and an object's headers.

Source: botocore's model of S3 (1.44.5).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from lambdalab.aws.operations import ApiError, Call, Service
from lambdalab.aws.values import kept
from lambdalab.triggers.s3.bucket import Bucket
from lambdalab.triggers.s3.objects import S3Object

SERVICE = Service("s3", invalid="InvalidArgument", unknown=("NoSuchBucket", 404))
_KEPT = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "Expires",
         "WebsiteRedirectLocation", "StorageClass")  # fmt: skip
ENCRYPTED = {"ServerSideEncryption": "AES256"}
"""What S3 does to every object unless it is told otherwise."""


def bucket_of(call: Call, name: str | None = None) -> Bucket:
    """The bucket of a call, or S3's refusal is raised."""
    name = call["Bucket"] if name is None else name
    if name not in call.lab.s3:
        raise ApiError("NoSuchBucket", "The specified bucket does not exist", 404)
    found: Bucket = call.lab.s3[name]
    return found


def not_found() -> ApiError:
    """What HEAD answers, which has no body to say more in."""
    return ApiError("404", "Not Found", 404)


def quoted(etag: str) -> str:
    """An ETag as S3 gives it: in quotes."""
    return f'"{etag}"'


def modified(found: S3Object) -> dt.datetime:
    """When an object was written, to the second."""
    return dt.datetime.fromisoformat(found.last_modified).replace(microsecond=0)


def content_type(call: Call) -> str:
    """The content type given, else S3's default."""
    return str(call.get("ContentType", "binary/octet-stream"))


def keep(call: Call, found: S3Object, given: dict[str, Any] | None = None) -> None:
    """Keep the headers of an object that change nothing in a lab."""
    source = call.given if given is None else given
    headers = {name: source[name] for name in _KEPT if name in source}
    kept(call.lab, "s3").setdefault("headers", {})[found.bucket, found.key] = found, headers


def headers_of(call: Call, found: S3Object) -> dict[str, Any]:
    """The headers that were kept of an object, unless another one has taken its place."""
    of, headers = kept(call.lab, "s3").get("headers", {}).get((found.bucket, found.key), (None, {}))
    return dict(headers) if of is found else {}
