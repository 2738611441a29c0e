"""Bills a batch of orders from an SQS queue: one session with the bank for all of them."""

import json
import time


def handler(event, context):
    orders = [json.loads(record["body"]) for record in event["Records"]]
    time.sleep(0.5)  # open a session with the bank
    for _order in orders:
        time.sleep(0.02)  # one payment
    cents = sum(order["total_cents"] for order in orders)
    print(f"billed {len(orders)} orders, {cents / 100:.2f} in all")
