"""The worker that tells a customer when an order is done."""

import time


def handler(event, context):
    time.sleep(0.3)  # the mail server takes its time
    print(f"mail to {event['customer']}: your order {event['order']} is on its way")
