"""Orders in a table: put one, get one."""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def put(event, context):
    order = json.loads(event["body"]) | {"id": event["pathParameters"]["id"]}
    table.put_item(Item=order)
    return answer(201, order)


def get(event, context):
    found = table.get_item(Key={"id": event["pathParameters"]["id"]})
    if "Item" not in found:
        return answer(404, {"message": "no such order"})
    return answer(200, found["Item"])


def answer(status, body):
    return {"statusCode": status, "body": json.dumps(body, default=str)}
