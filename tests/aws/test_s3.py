"""S3 through botocore and boto3's resources: buckets, objects, lists, uploads, notifications."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from typing import Any

import pytest

pytest.importorskip("boto3")

from boto3.s3.transfer import TransferConfig

import lambdalab as ll
from tests.aws.checked import checked, not_called

START = dt.datetime(2025, 1, 7, tzinfo=dt.UTC)
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"


@pytest.fixture
def lab() -> ll.Lab:
    return ll.Lab(seed=2)


@pytest.fixture
def s3(lab: ll.Lab) -> Any:
    client = checked(lab.client("s3"))
    client.create_bucket(Bucket="photos")
    return client


def etag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


def refused(s3: Any, code: str, status: int, words: str, act: Any, **given: Any) -> None:
    with pytest.raises(s3.exceptions.ClientError, match=words) as caught:
        act(**given)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


# ------------------------------------------------------------------ buckets


def test_buckets(s3: Any, lab: ll.Lab) -> None:
    lab.run(until=61.5)
    made = s3.create_bucket(Bucket="archive")
    assert made["Location"] == "/archive"
    lab.s3.create_bucket("byhand")
    found = s3.list_buckets()["Buckets"]
    assert [(each["Name"], each["CreationDate"]) for each in found] == [
        ("archive", START + dt.timedelta(seconds=61)), ("byhand", START), ("photos", START),
    ]  # fmt: skip
    pages = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 2})
    assert [len(page["Buckets"]) for page in pages] == [2, 1]
    assert s3.head_bucket(Bucket="photos")["BucketRegion"] == "us-east-1"
    s3.get_bucket_location(Bucket="photos")
    s3.get_waiter("bucket_exists").wait(Bucket="photos")
    s3.get_waiter("bucket_not_exists").wait(Bucket="nothing")
    refused(s3, "404", 404, "Not Found", s3.head_bucket, Bucket="nothing")
    refused(s3, "InvalidBucketName", 400, "not valid", s3.create_bucket, Bucket="NO")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket="nothing")


# ------------------------------------------------------------------ objects


def test_an_object_and_what_is_told_of_it(s3: Any, lab: ll.Lab) -> None:
    lab.run(until=30.25)
    written = s3.put_object(
        Bucket="photos", Key="in/cat.jpg", Body=b"a photo", ContentType="image/jpeg",
        Metadata={"owner": "ann"}, CacheControl="no-cache", Tagging="a=b",
    )  # fmt: skip
    assert written["ETag"] == etag(b"a photo")
    answer = s3.get_object(Bucket="photos", Key="in/cat.jpg")
    assert answer["Body"].read() == b"a photo"
    assert answer["ContentLength"] == 7
    assert answer["LastModified"] == START + dt.timedelta(seconds=30)
    head = s3.head_object(Bucket="photos", Key="in/cat.jpg")
    assert {name: head[name] for name in ("ContentType", "Metadata", "CacheControl", "ETag")} == {
        "ContentType": "image/jpeg", "Metadata": {"owner": "ann"}, "CacheControl": "no-cache",
        "ETag": written["ETag"],
    }  # fmt: skip
    lab.s3["photos"].put_object("in/cat.jpg", b"other")
    assert "CacheControl" not in s3.head_object(Bucket="photos", Key="in/cat.jpg")
    s3.get_waiter("object_exists").wait(Bucket="photos", Key="in/cat.jpg")


def test_bodies_may_be_texts_and_files(s3: Any, lab: ll.Lab) -> None:
    s3.put_object(Bucket="photos", Key="a", Body="text")
    s3.put_object(Bucket="photos", Key="b", Body=io.BytesIO(b"file"))
    s3.put_object(Bucket="photos", Key="c")
    assert [found.body for found in lab.s3["photos"].objects] == [b"text", b"file", b""]
    lines = s3.get_object(Bucket="photos", Key="a")["Body"].iter_lines()
    assert list(lines) == [b"text"]


def test_what_is_not_there(s3: Any) -> None:
    with pytest.raises(s3.exceptions.NoSuchKey, match="specified key does not exist"):
        s3.get_object(Bucket="photos", Key="none")
    refused(s3, "404", 404, "Not Found", s3.head_object, Bucket="photos", Key="none")
    refused(s3, "404", 404, "Not Found", s3.head_object, Bucket="nothing", Key="none")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.put_object(Bucket="nothing", Key="a")
    refused(s3, "KeyTooLongError", 400, "too long", s3.put_object, Bucket="photos", Key="k" * 1025)
    s3.put_object(Bucket="photos", Key="a")
    refused(
        s3,
        "InvalidArgument",
        400,
        "version",
        s3.get_object,
        Bucket="photos",
        Key="a",
        VersionId="1",
    )


@pytest.mark.parametrize(
    ("asked", "body", "told"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ],
)
def test_ranges(s3: Any, asked: str, body: bytes, told: str) -> None:
    s3.put_object(Bucket="photos", Key="n", Body=b"0123456789")
    answer = s3.get_object(Bucket="photos", Key="n", Range=asked)
    assert answer["Body"].read() == body
    assert (answer["ContentRange"], answer["ContentLength"]) == (told, len(body))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    refused(
        s3, "InvalidRange", 416, "not satisfiable", s3.get_object, Bucket="photos", Key="n",
        Range="bytes=10-",
    )  # fmt: skip


def test_conditions(s3: Any) -> None:
    one = s3.put_object(Bucket="photos", Key="a", Body=b"1", IfNoneMatch="*")["ETag"]
    where = {"Bucket": "photos", "Key": "a"}
    failed = "PreconditionFailed", 412, "pre-conditions"
    refused(s3, *failed, s3.put_object, **where, IfNoneMatch="*")
    refused(s3, *failed, s3.put_object, **where, IfMatch='"x"')
    refused(s3, *failed, s3.get_object, **where, IfMatch='"x"')
    s3.put_object(**where, Body=b"2", IfMatch=one)
    refused(s3, "304", 304, "Not Modified", s3.get_object, **where, IfNoneMatch=etag(b"2"))
    refused(s3, "304", 304, "Not Modified", s3.head_object, **where, IfModifiedSince=START)
    assert s3.get_object(**where, IfMatch=etag(b"2"))["Body"].read() == b"2"


def test_copies(s3: Any, lab: ll.Lab) -> None:
    s3.put_object(Bucket="photos", Key="a b/ü+.jpg", Body=b"1", Metadata={"x": "y"})
    s3.create_bucket(Bucket="copies")
    source = {"Bucket": "photos", "Key": "a b/ü+.jpg"}
    answer = s3.copy_object(Bucket="copies", Key="one", CopySource=source)
    assert answer["CopyObjectResult"]["ETag"] == etag(b"1")
    assert lab.s3["copies"].get_object("one").metadata == {"x": "y"}
    s3.copy_object(
        Bucket="copies", Key="one", CopySource="copies/one", MetadataDirective="REPLACE",
        Metadata={"x": "z"}, ContentType="text/plain", CacheControl="private",
    )  # fmt: skip
    head = s3.head_object(Bucket="copies", Key="one")
    assert (head["Metadata"], head["ContentType"]) == ({"x": "z"}, "text/plain")
    assert head["CacheControl"] == "private"
    copying = s3.copy_object
    refused(
        s3, "InvalidRequest", 400, "to itself", copying, Bucket="copies", Key="one",
        CopySource="copies/one",
    )  # fmt: skip
    refused(
        s3, "NoSuchKey", 404, "key", copying, Bucket="copies", Key="one", CopySource="photos/none"
    )
    refused(
        s3, "NoSuchBucket", 404, "bucket", copying, Bucket="copies", Key="one", CopySource="none/a"
    )


def test_deleting(s3: Any, lab: ll.Lab) -> None:
    for key in "abc":
        s3.put_object(Bucket="photos", Key=key)
    answer = s3.delete_object(Bucket="photos", Key="a")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    s3.delete_object(Bucket="photos", Key="a")
    told = s3.delete_objects(Bucket="photos", Delete={"Objects": [{"Key": "b"}, {"Key": "none"}]})[
        "Deleted"
    ]
    assert told == [{"Key": "b"}, {"Key": "none"}]
    quiet = s3.delete_objects(Bucket="photos", Delete={"Objects": [{"Key": "c"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert not lab.s3["photos"].objects
    many = {"Objects": [{"Key": str(n)} for n in range(1001)]}
    refused(s3, "MalformedXML", 400, "XML", s3.delete_objects, Bucket="photos", Delete=many)


# ------------------------------------------------------------------ lists


def test_lists_have_prefixes_and_pages(s3: Any) -> None:
    keys = ["a.txt", "in/1 ü.jpg", "in/2.jpg", "in/deep/3.jpg", "out/4.jpg", "z"]
    for key in keys:
        s3.put_object(Bucket="photos", Key=key, Body=key.encode())
    answer = s3.list_objects_v2(Bucket="photos")
    assert [each["Key"] for each in answer["Contents"]] == keys
    assert (answer["KeyCount"], answer["IsTruncated"], answer["MaxKeys"]) == (6, False, 1000)
    assert answer["Contents"][1]["Size"] == len("in/1 ü.jpg".encode())
    top = s3.list_objects_v2(Bucket="photos", Delimiter="/")
    assert [each["Key"] for each in top["Contents"]] == ["a.txt", "z"]
    assert top["CommonPrefixes"] == [{"Prefix": "in/"}, {"Prefix": "out/"}]
    inner = s3.list_objects_v2(
        Bucket="photos", Delimiter="/", Prefix="in/", StartAfter="in/1 ü.jpg"
    )
    assert [each["Key"] for each in inner["Contents"]] == ["in/2.jpg"]
    assert inner["CommonPrefixes"] == [{"Prefix": "in/deep/"}]
    for name in ("list_objects_v2", "list_objects"):
        pages = list(
            s3.get_paginator(name).paginate(
                Bucket="photos", Delimiter="/", PaginationConfig={"PageSize": 1}
            )
        )
        assert len(pages) == 4
        shown = [
            *(each["Key"] for page in pages for each in page.get("Contents", ())),
            *(each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())),
        ]
        assert shown == ["a.txt", "z", "in/", "out/"]
    raw = s3.list_objects_v2(Bucket="photos", Prefix="in/1", EncodingType="url")
    assert raw["Contents"][0]["Key"] == "in/1%20%C3%BC.jpg"
    empty = s3.list_objects_v2(Bucket="photos", Prefix="none")
    assert (empty["KeyCount"], "Contents" in empty) == (0, False)
    refused(
        s3, "InvalidArgument", 400, "continuation token", s3.list_objects_v2, Bucket="photos",
        ContinuationToken="x",
    )  # fmt: skip


# ------------------------------------------------------------------ transfers and resources


def test_files_go_up_and_down(s3: Any, lab: ll.Lab, tmp_path: Any) -> None:
    small, large = b"x" * 100, bytes(range(256)) * 80_000  # 20 MB: in parts of 8 MB
    s3.upload_fileobj(io.BytesIO(small), "photos", "small", ExtraArgs={"ContentType": "a/b"})
    s3.upload_fileobj(io.BytesIO(large), "photos", "large")
    assert lab.s3["photos"].get_object("small").content_type == "a/b"
    assert lab.s3["photos"].get_object("large").body == large
    assert lab.s3["photos"].get_object("large").etag.endswith("-3")
    for key, body in (("small", small), ("large", large)):
        found = io.BytesIO()
        s3.download_fileobj("photos", key, found)
        assert found.getvalue() == body
    path = tmp_path / "file"
    s3.download_file("photos", "small", str(path), Config=TransferConfig(use_threads=False))
    s3.upload_file(str(path), "photos", "again")
    assert lab.s3["photos"].get_object("again").body == small


def test_files_go_up_and_down_in_a_block(lab: ll.Lab) -> None:
    with lab.aws():
        import boto3

        bucket = boto3.resource("s3").create_bucket(Bucket="photos")
        bucket.upload_fileobj(io.BytesIO(b"x" * 9_000_000), "large")
        found = io.BytesIO()
        bucket.download_fileobj("large", found)
    assert len(found.getvalue()) == 9_000_000


def test_uploads_in_parts(s3: Any, lab: ll.Lab) -> None:
    where = {"Bucket": "photos", "Key": "large"}
    upload = where | {
        "UploadId": s3.create_multipart_upload(**where, Metadata={"a": "b"})["UploadId"]
    }
    tags = [
        s3.upload_part(**upload, PartNumber=n, Body=body)["ETag"]
        for n, body in ((1, b"a" * 5_242_880), (3, b"end"), (2, b"b" * 10))
    ]
    parts = [{"PartNumber": 1, "ETag": tags[0]}, {"PartNumber": 3, "ETag": tags[1]}]
    completing = s3.complete_multipart_upload
    for wrong, code in (
        ([*reversed(parts)], "InvalidPartOrder"),
        ([{"PartNumber": 9, "ETag": "x"}], "InvalidPart"),
        ([{"PartNumber": 2, "ETag": tags[2]}, parts[1]], "EntityTooSmall"),
    ):
        refused(s3, code, 400, code, completing, **upload, MultipartUpload={"Parts": wrong})
    answer = completing(**upload, MultipartUpload={"Parts": parts})
    assert answer["ETag"].endswith('-2"')
    found = lab.s3["photos"].get_object("large")
    assert (found.size, found.metadata) == (5_242_883, {"a": "b"})
    refused(s3, "NoSuchUpload", 404, "upload", completing, **upload)
    other = where | {"UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    refused(s3, "InvalidArgument", 400, "10000", s3.upload_part, **other, PartNumber=0)
    s3.abort_multipart_upload(**other)
    refused(s3, "NoSuchUpload", 404, "upload", s3.upload_part, **other, PartNumber=1)


def test_resources(lab: ll.Lab) -> None:
    s3 = lab.session().resource("s3")
    checked(s3.meta.client)
    bucket = s3.create_bucket(Bucket="photos")
    bucket.put_object(Key="in/1", Body=b"one")
    s3.Object("photos", "in/2").put(Body=b"two")
    assert [each.key for each in bucket.objects.filter(Prefix="in/")] == ["in/1", "in/2"]
    assert s3.Object("photos", "in/1").get()["Body"].read() == b"one"
    assert s3.Object("photos", "in/1").content_length == 3
    s3.Object("photos", "in/3").copy({"Bucket": "photos", "Key": "in/2"})
    assert len(bucket.objects.all().delete()[0]["Deleted"]) == 3
    assert [each.name for each in s3.buckets.all()] == ["photos"]


# ------------------------------------------------------------------ notifications


def lambda_of(name: str, suffix: str, **more: Any) -> dict[str, Any]:
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": suffix}]
    return {
        "LambdaFunctionArn": FUNCTION + name, "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": rules}}, **more,
    }  # fmt: skip


def test_notifications_call_functions(s3: Any, lab: ll.Lab) -> None:
    seen: list[str] = []

    @lab.function
    def shrink(event: Any, context: Any) -> None:
        seen.append(event["Records"][0]["s3"]["object"]["key"])

    queue = lab.sqs.create_queue("events")
    putting = s3.put_bucket_notification_configuration
    removed = {"QueueArn": queue.arn, "Events": ["s3:ObjectRemoved:*"]}
    wanted = {
        "LambdaFunctionConfigurations": [lambda_of("shrink", ".jpg", Id="small")],
        "QueueConfigurations": [removed],
    }
    putting(Bucket="photos", NotificationConfiguration=wanted)
    told = s3.get_bucket_notification_configuration(Bucket="photos")
    [function] = told["LambdaFunctionConfigurations"]
    assert (function["Id"], function["Events"]) == ("small", ["s3:ObjectCreated:*"])
    assert function["Filter"]["Key"]["FilterRules"][1] == {"Name": "suffix", "Value": ".jpg"}
    assert told["QueueConfigurations"][0]["QueueArn"] == queue.arn
    for key in ("in/a.jpg", "in/b.txt", "c.jpg"):
        s3.put_object(Bucket="photos", Key=key)
    lab.run()
    assert seen == ["in/a.jpg"]
    bad = {"LambdaFunctionConfigurations": [lambda_of("shrink", ".gif"), lambda_of("none", "")]}
    refused(
        s3, "InvalidArgument", 400, "Unable to validate", putting, Bucket="photos",
        NotificationConfiguration=bad,
    )  # fmt: skip
    kept = s3.get_bucket_notification_configuration(Bucket="photos")
    assert sorted(kept) == sorted(told)
    assert kept["LambdaFunctionConfigurations"] == told["LambdaFunctionConfigurations"]
    twice = {"LambdaFunctionConfigurations": [lambda_of("shrink", "") for _ in "ab"]}
    twice["LambdaFunctionConfigurations"][1]["Events"] = ["s3:ObjectCreated:Put"]
    refused(
        s3, "InvalidArgument", 400, "ambiguously", putting, Bucket="photos",
        NotificationConfiguration=twice,
    )  # fmt: skip
    putting(Bucket="photos", NotificationConfiguration={})
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket="photos")
    refused(
        s3, "InvalidArgument", 400, "EventBridge", putting, Bucket="photos",
        NotificationConfiguration={"EventBridgeConfiguration": {}},
    )  # fmt: skip


def test_an_empty_bucket_is_deleted(s3: Any, lab: ll.Lab) -> None:
    s3.put_object(Bucket="photos", Key="a", Body=b"1")
    begun = s3.create_multipart_upload(Bucket="photos", Key="b")["UploadId"]
    refused(s3, "BucketNotEmpty", 409, "not empty", s3.delete_bucket, Bucket="photos")
    s3.delete_object(Bucket="photos", Key="a")
    assert s3.delete_bucket(Bucket="photos")["ResponseMetadata"]["HTTPStatusCode"] == 204
    s3.get_waiter("bucket_not_exists").wait(Bucket="photos")
    refused(s3, "NoSuchBucket", 404, "not exist", s3.delete_bucket, Bucket="photos")
    assert s3.list_buckets()["Buckets"] == []
    lab.run(until=5)
    s3.create_bucket(Bucket="photos")
    made = s3.list_buckets()["Buckets"][0]["CreationDate"]
    assert made == START + dt.timedelta(seconds=5)
    refused(
        s3, "NoSuchUpload", 404, "not exist", s3.abort_multipart_upload, Bucket="photos", Key="b",
        UploadId=begun,
    )  # fmt: skip


def test_every_operation_is_called_here() -> None:
    assert not not_called("s3")
