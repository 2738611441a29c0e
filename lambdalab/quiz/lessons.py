"""What questions are about, and the lessons that tell of it."""

TOPICS: dict[str, str] = {
    "synchronous": "a caller who waits",
    "asynchronous": "an event that Lambda keeps",
    "failures": "what becomes of events that fail",
    "triggers": "who calls a function, and how",
    "queues": "event source mappings of SQS queues",
    "streams": "event source mappings of Kinesis and DynamoDB streams",
    "concurrency": "how many run at once, and who is refused",
    "cost": "memory, processor share, and the bill",
}
"""Topics, in the order of the lessons, and what each is about."""

LESSONS: dict[str, str] = {
    "01": "functions",
    "02": "synchronous invocation",
    "03": "asynchronous invocation",
    "04": "when asynchronous invocation fails",
    "05": "event source mappings",
    "06": "partial failures and order",
    "07": "concurrency",
    "08": "the throttle trap",
    "09": "cost and memory",
    "50": "triggers",
}
"""The notebooks by number."""
