"""What the shop sells, and for how much (in cents)."""

import time

PRICES = {
    "bell": 1250,
    "bottle": 990,
    "chain": 2490,
    "gloves": 1890,
    "helmet": 5900,
    "lamp": 3450,
    "lock": 4200,
    "mudguard": 1675,
    "pump": 2280,
    "saddle": 3995,
    "tyre": 2750,
}

NEW_NAMES = {"velo-lamp": "lamp"}  # renamed last night; some shopping carts are older than that


class UnknownArticle(Exception):
    """Nobody sells this."""


def total(items):
    time.sleep(0.1)  # on AWS: a call of the price service
    for item in items:
        if item["article"] not in PRICES:
            raise UnknownArticle(item["article"])
    return sum(PRICES[item["article"]] * item["quantity"] for item in items)


def with_new_names(items):
    return [{**i, "article": NEW_NAMES.get(i["article"], i["article"])} for i in items]
