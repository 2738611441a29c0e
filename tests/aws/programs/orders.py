"""A program of somebody who has an account of AWS: nothing in it knows of a lab."""

# %% What there is to be: two queues, a function from a zip, a mapping
import io
import json
import time
import zipfile

import boto3

SOURCE = """
import json


def handler(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        if order["article"] == "lamp":
            raise KeyError(order["article"])
        print("billed order", order["id"])
"""
package = io.BytesIO()
with zipfile.ZipFile(package, "w") as archive:
    archive.writestr("app.py", SOURCE)

began = time.time()
sqs, functions = boto3.client("sqs"), boto3.client("lambda")


def arn_of(url):
    """The ARN of a queue."""
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return answer["Attributes"]["QueueArn"]


failed = sqs.create_queue(QueueName="failed")["QueueUrl"]
redrive = {"deadLetterTargetArn": arn_of(failed), "maxReceiveCount": 3}
orders = sqs.create_queue(
    QueueName="orders",
    Attributes={"VisibilityTimeout": "30", "RedrivePolicy": json.dumps(redrive)},
)["QueueUrl"]
functions.create_function(
    FunctionName="bill",
    Runtime="python3.13",
    Handler="app.handler",
    Role="arn:aws:iam::123456789012:role/bill",
    Timeout=5,
    Code={"ZipFile": package.getvalue()},
)
functions.get_waiter("function_active_v2").wait(FunctionName="bill")
mapping = functions.create_event_source_mapping(
    EventSourceArn=arn_of(orders), FunctionName="bill", BatchSize=1
)
print("mapping:", mapping["State"])

# %% Three orders, one of which cannot be billed
for number, article in enumerate(["bell", "lamp", "tyre"]):
    sqs.send_message(QueueUrl=orders, MessageBody=json.dumps({"id": number, "article": article}))
time.sleep(300)
print("waited", time.time() - began, "s")

# %% What became of them
letters = sqs.receive_message(QueueUrl=failed, MessageSystemAttributeNames=["All"])["Messages"]
for letter in letters:
    received = letter["Attributes"]["ApproximateReceiveCount"]
    print("dead letter:", letter["Body"], "received", received, "times")
    sqs.delete_message(QueueUrl=failed, ReceiptHandle=letter["ReceiptHandle"])

# %% What CloudWatch has of it
cloudwatch, logs = boto3.client("cloudwatch"), boto3.client("logs")
for metric in ("Invocations", "Errors"):
    answer = cloudwatch.get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": "bill"}],
        StartTime=began,
        EndTime=time.time(),
        Period=60,
        Statistics=["Sum"],
    )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    print(metric, [(point["Timestamp"].isoformat(), point["Sum"]) for point in points])
pages = logs.get_paginator("filter_log_events").paginate(
    logGroupName="/aws/lambda/bill", filterPattern="billed"
)
for page in pages:
    for event in page["events"]:
        print(event["timestamp"], event["message"].strip())

# %% And away with it
functions.delete_event_source_mapping(UUID=mapping["UUID"])
functions.delete_function(FunctionName="bill")
for url in (orders, failed):
    sqs.delete_queue(QueueUrl=url)
print("left:", functions.list_functions()["Functions"], sqs.list_queues().get("QueueUrls", []))
