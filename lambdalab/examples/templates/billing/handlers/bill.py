"""Bills the orders of a queue, each once, and names those that it could not bill."""

import json
import os

import boto3
from botocore.exceptions import ClientError

ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            bill(json.loads(record["body"]))
        except Exception as error:
            print("not billed:", record["messageId"], repr(error))
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def bill(order):
    if order["amount"] <= 0:
        raise ValueError(f"amount {order['amount']}")
    try:
        ledger.put_item(
            Item={"order": order["id"], "amount": order["amount"]},
            ConditionExpression="attribute_not_exists(#order)",
            ExpressionAttributeNames={"#order": "order"},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
