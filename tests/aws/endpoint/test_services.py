"""Each service over the wire by a real client of boto3: its protocol in and out, and its errors."""

from __future__ import annotations

import dataclasses
import datetime as dt
import gzip
import http.client
import io
import json
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

pytest.importorskip("boto3")
pytest.importorskip("uvicorn")

from botocore.config import Config
from botocore.exceptions import ClientError

import lambdalab as ll
from lambdalab.aws.endpoint import running
from tests.aws.checked import checked
from tests.aws.endpoint.wire import ask, send, signed_headers

ONCE = Config(retries={"total_max_attempts": 1}, signature_version="s3v4")


@pytest.fixture(scope="module")
def client(server: Any) -> Any:
    """A client of a service, whose answers are held against the service's model."""
    made: dict[str, Any] = {}

    def client(name: str) -> Any:
        if name not in made:
            made[name] = checked(server.client(name, config=ONCE))
        return made[name]

    return client


def refused(call: Any, **given: Any) -> tuple[str, int]:
    """Code and status of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**given)
    told = caught.value.response
    assert told["Error"]["Message"]
    return told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]


def test_sqs_as_json(client: Any, server: Any) -> None:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName="letters", Attributes={"VisibilityTimeout": "7"})["QueueUrl"]
    assert url == f"{server.url}/123456789012/letters"  # some SDKs send there what is for it
    assert url in sqs.list_queues()["QueueUrls"]
    sent = sqs.send_message(
        QueueUrl=url, MessageBody="<é&\r\n",
        MessageAttributes={"raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}},
    )  # fmt: skip
    [got] = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert (got["Body"], got["MessageId"]) == ("<é&\r\n", sent["MessageId"])
    assert got["MessageAttributes"]["raw"]["BinaryValue"] == b"\x00\xff"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    answer = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[{"Id": "a", "MessageBody": "x"}, {"Id": "b", "MessageBody": "y", "DelaySeconds": -1}],
    )  # fmt: skip
    assert [len(answer[name]) for name in ("Successful", "Failed")] == [1, 1]
    missing = refused(sqs.get_queue_url, QueueName="nobody")
    assert missing == ("AWS.SimpleQueueService.NonExistentQueue", 400)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.purge_queue(QueueUrl=url + "-not")


def query(server: Any, service: str, path: str = "/", **fields: str) -> Any:
    body = "&".join(f"{quote(name)}={quote(value)}" for name, value in fields.items()).encode()
    form = "application/x-www-form-urlencoded; charset=utf-8"
    return ask(server, service, "POST", path, body, content_type=form)


def test_sqs_as_older_clients_speak_it(server: Any) -> None:
    path = "/123456789012/orders"
    came = query(server, "sqs", path, Action="SendMessage", MessageBody='a "quoted" <b>\r')
    assert (came.status, came.headers["content-type"]) == (200, "text/xml")
    assert b"<MD5OfMessageBody>" in came.body
    came = query(server, "sqs", path, Action="ReceiveMessage", MaxNumberOfMessages="10")
    assert b"a &quot;quoted&quot; &lt;b&gt;&#xD;" in came.body
    came = query(server, "sqs", Action="ListQueues", Version="2012-11-05", QueueNamePrefix="orders")
    assert f"<QueueUrl>{server.url}{path}</QueueUrl>".encode() in came.body
    came = query(server, "sqs", Action="GetQueueUrl", QueueName="nobody")
    assert came.status == 400
    assert b"<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in came.body
    came = query(server, "sqs", Action="Dance")
    assert (came.status, b"<Code>InvalidAction</Code>" in came.body) == (400, True)


def test_sns(client: Any) -> None:
    sns = client("sns")
    arn = sns.create_topic(Name="news", Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
    sns.subscribe(
        TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:orders"
    )
    assert sns.publish(TopicArn=arn, Message="é <&>", Subject="s")["MessageId"]
    assert [each["TopicArn"] for each in sns.list_topics()["Topics"]] == [arn]
    assert refused(sns.publish, TopicArn=arn + "-not", Message="x") == ("NotFound", 404)


def test_kinesis(client: Any) -> None:
    kinesis = client("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    kinesis.put_record(StreamName="clicks", Data=b"\x00\xff", PartitionKey="k")
    found = kinesis.describe_stream(StreamName="clicks")["StreamDescription"]
    shard = found["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName="clicks", ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    [record] = kinesis.get_records(ShardIterator=iterator)["Records"]
    assert (record["Data"], record["ApproximateArrivalTimestamp"].year) == (b"\x00\xff", 2025)
    assert refused(kinesis.describe_stream, StreamName="no") == ("ResourceNotFoundException", 400)


def test_dynamodb_and_its_streams(client: Any) -> None:
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName="orders", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )  # fmt: skip
    item = {
        "id": {"S": "é"}, "raw": {"B": b"\x00\xff"}, "n": {"N": "1.50"}, "no": {"NULL": True},
        "m": {"M": {"l": {"L": [{"BOOL": False}]}}}, "s": {"SS": ["a", "b"]},
    }  # fmt: skip
    dynamodb.put_item(TableName="orders", Item=item)
    assert dynamodb.get_item(TableName="orders", Key={"id": {"S": "é"}})["Item"] == item | {
        "n": {"N": "1.5"}
    }
    assert refused(dynamodb.get_item, TableName="no", Key={"id": {"S": "é"}}) == (
        "ResourceNotFoundException", 400,
    )  # fmt: skip
    streams = client("dynamodbstreams")
    [stream] = streams.list_streams(TableName="orders")["Streams"]
    told = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]
    assert told["StreamViewType"] == "NEW_IMAGE"


def test_event_bridge_and_its_scheduler(client: Any) -> None:
    events = client("events")
    entry = {
        "Source": "shop",
        "DetailType": "order",
        "Detail": '{"a": "é"}',
        "Time": dt.datetime.now(),
    }
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    events.put_rule(Name="orders", EventPattern='{"source": ["shop"]}')
    assert [each["Name"] for each in events.list_rules()["Rules"]] == ["orders"]
    assert refused(events.describe_rule, Name="no") == ("ResourceNotFoundException", 400)
    scheduler = client("scheduler")
    target = {"Arn": "arn:aws:lambda:us-east-1:123456789012:function:bill", "RoleArn":
              "arn:aws:iam::123456789012:role/r"}  # fmt: skip
    scheduler.create_schedule(
        Name="tick", ScheduleExpression="rate(1 hour)", Target=target,
        FlexibleTimeWindow={"Mode": "OFF"}, StartDate=dt.datetime(2025, 2, 1, tzinfo=dt.UTC),
    )  # fmt: skip
    found = scheduler.get_schedule(Name="tick")
    assert found["StartDate"] == dt.datetime(2025, 2, 1, tzinfo=dt.UTC)
    assert refused(scheduler.get_schedule, Name="no") == ("ResourceNotFoundException", 404)
    scheduler.delete_schedule(Name="tick")


def test_metrics_as_json_and_as_older_clients_speak_it(client: Any, server: Any) -> None:
    client("lambda").invoke(FunctionName="bill")
    asked: dict[str, Any] = {
        "Namespace": "AWS/Lambda", "MetricName": "Invocations", "Period": 60, "Statistics": ["Sum"],
        "StartTime": dt.datetime(2025, 1, 7), "EndTime": dt.datetime(2025, 1, 8),
        "Dimensions": [{"Name": "FunctionName", "Value": "bill"}],
    }  # fmt: skip
    [point] = client("cloudwatch").get_metric_statistics(**asked)["Datapoints"]
    came = query(
        server, "monitoring", Action="GetMetricStatistics", Namespace="AWS/Lambda",
        MetricName="Invocations", Period="60", StartTime="2025-01-07T00:00:00Z",
        EndTime="2025-01-08T00:00:00Z", **{
            "Statistics.member.1": "Sum", "Dimensions.member.1.Name": "FunctionName",
            "Dimensions.member.1.Value": "bill",
        },
    )  # fmt: skip
    assert f"<Sum>{point['Sum']}</Sum>".encode() in came.body
    assert b"<Timestamp>2025-01-07T00:00:00Z</Timestamp>" in came.body


def test_a_compressed_request(server: Any, client: Any) -> None:
    body = json.dumps(
        {"Namespace": "shop", "MetricData": [{"MetricName": "orders", "Value": 1.0}]}
    ).encode()
    came = ask(
        server, "monitoring", "POST", "/", gzip.compress(body), content_encoding="gzip",
        content_type="application/x-amz-json-1.0",
        x_amz_target="GraniteServiceVersion20100801.PutMetricData",
    )  # fmt: skip
    assert came.status == 200, came.body
    assert client("cloudwatch").list_metrics(Namespace="shop")["Metrics"]


def test_logs(client: Any) -> None:
    client("lambda").invoke(FunctionName="echo", Payload=b'"hello"')
    found = client("logs").filter_log_events(logGroupName="/aws/lambda/echo", filterPattern="got")
    assert [each["message"] for each in found["events"]] == ["got hello\n"]
    assert refused(client("logs").describe_log_streams, logGroupName="no") == (
        "ResourceNotFoundException", 400,
    )  # fmt: skip


def test_sts(client: Any) -> None:
    assert client("sts").get_caller_identity()["Account"] == "123456789012"


def test_services_that_no_lab_has(server: Any) -> None:
    ssm = server.client("ssm", config=ONCE)
    ssm.put_parameter(Name="rate", Value="7", Type="String")
    found = ssm.get_parameter(Name="rate")["Parameter"]
    assert (found["Value"], found["LastModifiedDate"].year) == ("7", 2025)
    assert refused(ssm.get_parameter, Name="no") == ("ParameterNotFound", 400)
    iam = server.client("iam", config=ONCE)
    assert refused(iam.get_user, UserName="no") == ("NoSuchEntity", 404)
    assert server.client("ec2", config=ONCE).describe_vpcs()["Vpcs"]


@pytest.mark.parametrize(
    ("service", "operation", "given"),
    [("apigateway", "get_rest_apis", {}), ("cloudformation", "list_stacks", {}),
     ("batch", "describe_jobs", {"jobs": ["a"]}), ("lambda", "list_layers", {}),
     ("elbv2", "describe_load_balancers", {})],
)  # fmt: skip
def test_what_is_not_simulated(
    server: Any, service: str, operation: str, given: dict[str, Any]
) -> None:
    made = server.client(service, config=ONCE)
    with pytest.raises(ClientError, match="not simulated") as caught:
        getattr(made, operation)(**given)
    told = caught.value.response
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 501  # which no SDK tries again


def test_cbor_is_refused_by_name(server: Any) -> None:
    path = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
    came = ask(
        server, "monitoring", "POST", path, b"\xa0", smithy_protocol="rpc-v2-cbor",
        content_type="application/cbor",
    )  # fmt: skip
    assert (came.status, b"CBOR is not spoken here" in came.body) == (415, True)


def test_two_labs_behind_two_servers(server: Any) -> None:
    other = ll.Lab(seed=8)
    other.sqs.create_queue("others")
    with running(other) as second:
        names = [
            [url.rpartition("/")[2] for url in each.client("sqs").list_queues()["QueueUrls"]]
            for each in (second, server)
        ]
        assert names[0] == ["others"]
        assert "others" not in names[1]
        told = signed_headers(
            server, "sqs", "POST", "/", b"{}", x_amz_target="AmazonSQS.ListQueues"
        )
        assert send(second, "POST", "/", b"{}", told).status == 403
    other.close()


# ---- S3 -------------------------------------------------------------------------------------------------


@pytest.fixture(params=["when_supported", "when_required"])
def s3(server: Any, request: pytest.FixtureRequest) -> Any:
    """A client of S3 that sends checksums, and one that does not."""
    return checked(
        server.client("s3", config=ONCE.merge(Config(request_checksum_calculation=request.param)))
    )


KEY = "a b/ü+c~%2F.txt"


def test_an_object(s3: Any) -> None:
    s3.put_object(
        Bucket="photos", Key=KEY, Body=b"hello", ContentType="text/html", Metadata={"x_y": "1"}
    )
    found = s3.get_object(Bucket="photos", Key=KEY)
    assert (found["Body"].read(), found["ContentType"]) == (b"hello", "text/html")
    assert (found["Metadata"], found["LastModified"].year) == ({"x_y": "1"}, 2025)
    headers = found["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-security-policy"].startswith("sandbox")
    head = s3.head_object(Bucket="photos", Key=KEY)
    assert (head["ContentLength"], head["ContentType"]) == (5, "text/html")
    part = s3.get_object(Bucket="photos", Key=KEY, Range="bytes=1-2")
    assert (part["Body"].read(), part["ContentRange"]) == (b"el", "bytes 1-2/5")
    assert KEY in [each["Key"] for each in s3.list_objects_v2(Bucket="photos")["Contents"]]
    source = {"Bucket": "photos", "Key": KEY}
    s3.copy_object(Bucket="photos", Key="copy", CopySource=source)
    s3.delete_objects(Bucket="photos", Delete={"Objects": [{"Key": "copy"}]})
    assert refused(s3.get_object, Bucket="photos", Key="copy") == ("NoSuchKey", 404)
    assert refused(s3.head_object, Bucket="photos", Key="copy") == ("404", 404)
    assert refused(s3.list_objects_v2, Bucket="nobodys") == ("NoSuchBucket", 404)


def test_a_large_object_in_parts_and_a_stream(s3: Any) -> None:
    body = bytes(range(256)) * 36_000  # above 8 MB: boto3 sends parts, in threads
    s3.upload_fileobj(io.BytesIO(body), "photos", "large")
    assert s3.get_object(Bucket="photos", Key="large")["Body"].read() == body
    s3.put_object(Bucket="photos", Key="empty", Body=io.BytesIO(b""))
    assert s3.get_object(Bucket="photos", Key="empty")["Body"].read() == b""


def test_a_bucket_of_its_own(s3: Any) -> None:
    s3.create_bucket(Bucket="mine")
    s3.put_bucket_notification_configuration(
        Bucket="mine",
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "QueueArn": "arn:aws:sqs:us-east-1:123456789012:orders",
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}},
                }
            ]
        },
    )
    found = s3.get_bucket_notification_configuration(Bucket="mine")["QueueConfigurations"]
    assert found[0]["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "in/"}]
    s3.delete_bucket(Bucket="mine")
    assert refused(s3.head_bucket, Bucket="mine") == ("404", 404)


def test_presigned_urls(server: Any, s3: Any) -> None:
    named = {"Bucket": "photos", "Key": "by url"}
    url = urlsplit(s3.generate_presigned_url("put_object", Params=named))
    assert send(server, "PUT", f"{url.path}?{url.query}", b"posted").status == 200
    url = urlsplit(s3.generate_presigned_url("get_object", Params=named))
    assert send(server, "GET", f"{url.path}?{url.query}").body == b"posted"
    assert send(server, "PUT", f"{url.path}?{url.query}", b"posted").status == 403


def test_virtual_hosts(server: Any) -> None:
    port = server.url.rpartition(":")[2]
    for suffix in ("localhost", "s3.localhost"):
        host = f"photos.{suffix}:{port}"
        there = dataclasses.replace(server, url=f"http://{host}")
        for method, body in (("PUT", b"by host"), ("GET", b"")):
            headers = signed_headers(there, "s3", method, "/a/key", body)
            came = send(server, method, "/a/key", body, headers | {"Host": host})
            assert came.status == 200, came.body
        assert came.body == b"by host"
    came = ask(server, "s3", "GET", "/photos/a/key")
    assert came.body == b"by host"


def test_an_object_that_would_set_a_header_of_its_own(server: Any, s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="k", Body=b"x")
    path = "/photos/k?response-content-type=" + quote("text/html\r\nx-evil: 1", safe="")
    headers = signed_headers(server, "s3", "GET", path)
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    assert answer.status == 400
    assert answer.getheader("x-evil") is None
    connection.close()
