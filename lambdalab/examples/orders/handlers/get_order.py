"""GET /orders/{id}: a client asks for an order and waits for the answer."""

from shop import orders_table


def handler(event, context):
    order = orders_table.get(event["id"])
    print(f"order {order['id']} found for {order['customer']}")
    return order
