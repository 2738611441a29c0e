"""A thumbnail of each picture that is uploaded: here, its first bytes."""

import os
import time

import boto3

s3 = boto3.client("s3")


def handler(event, context):
    made = []
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
        picture = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        if not picture.startswith(b"\xff\xd8"):
            raise ValueError(f"{key} is no JPEG")
        time.sleep(0.4)  # the work
        s3.put_object(Bucket=os.environ["TO"], Key=key, Body=picture[: int(os.environ["SIZE"])])
        made.append(key)
    return {"made": made}
