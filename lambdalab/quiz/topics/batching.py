"""Questions about the batches of a queue: how large they are, and what they wait for."""

from lambdalab.quiz import names as ll
from lambdalab.quiz.declaring import claim, question, remedy


@question(
    "queues",
    lesson="05",
    text="A mapping from an SQS queue to a function has its default settings. A thousand small "
    "messages lie in the queue. How many does the function get at most in one event?",
    options=(
        claim("1", lambda s: s.most == 1),
        claim("10", lambda s: s.most == 10),
        claim("100", lambda s: s.most == 100),
        claim("1,000", lambda s: s.most == 1000),
    ),
    explain="The largest of {batches} batches had {most} messages. The batch size of a standard "
    "queue can be set to 10,000 at most; of a stream it is 100 by default.",
    rules=("mapping_batch_size_default", "mapping_batch_size_maximum", "stream_batch_size_default"),
    in_order=True,
    table="batches",
)
def default_batch_of_a_queue(lab):
    orders = lab.sqs.create_queue("orders")
    lab.drive(orders, ll.Burst(1000))
    lab.create_function("bill", duration=0.2)
    lab.create_event_source_mapping(orders, "bill")
    lab.run()
    return {"most": int(lab.trace.batches.records.max()), "batches": len(lab.trace.batches)}


@question(
    "queues",
    lesson="05",
    text="A developer sets `batch_size=100` for an SQS queue, because its messages come by the "
    "thousand, and Lambda refuses it. What is missing?",
    options=(
        remedy("A batching window of at least 1 second", maximum_batching_window=1),
        remedy("`ReportBatchItemFailures`", function_response_types=["ReportBatchItemFailures"]),
        remedy("A maximum concurrency of 100", maximum_concurrency=100),
        remedy("Nothing helps: a queue's batch has 10 messages at most", batch_size=10),
    ),
    goal=lambda s: s.accepted and s.most > 10,
    shows="{told}",
    explain="{told}. SQS hands out 10 messages at a time: to gather more than that the mapping "
    "needs time.",
    rules=("mapping_window_needed_above", "sqs_receive_batch"),
    table="batches",
)
def batch_of_a_hundred(lab, batch_size=100, **settings):
    orders = lab.sqs.create_queue("orders")
    lab.create_function("bill", duration=0.2)
    try:
        lab.create_event_source_mapping(orders, "bill", batch_size=batch_size, **settings)
    except ll.LabError:
        return {"accepted": False, "most": 0, "told": "Refused"}
    lab.drive(orders, ll.Burst(1000))
    lab.run()
    most = int(lab.trace.batches.records.max())
    return {
        "accepted": True,
        "most": most,
        "told": f"Accepted; the largest batch had {most} messages",
    }


@question(
    "queues",
    lesson="05",
    text="A mapping has a batch size of 50 and a batching window of 20 seconds. Which two things "
    "make it invoke the function before the window is over?",
    options=(
        claim("50 messages have been gathered", lambda s: "batch_size" in s.early),
        claim("The messages gathered have 6 MB together", lambda s: "payload_size" in s.early),
        claim("10 messages have been gathered, as many as SQS hands out at a time",
              lambda s: s.waited < 1),
        claim("Half of the window has passed without a new message", lambda s: 5 < s.waited < 19),
        claim("The function has an idle execution environment", lambda s: s.waited < 19),
    ),
    choose=2,
    explain="Batches went out early because of: {told}. What did not fill up, 15 small messages, "
    "waited for {waited:.0f} s, though the function's environment was idle.",
    rules=("mapping_payload",),
    source="dg/invocation-eventsourcemapping",
    table="batches",
)  # fmt: skip
def before_the_window_is_over(lab):
    lab.create_function("read", duration=0.1)
    for name, count, size in (("full", 50, 10), ("large", 30, 250_000), ("few", 15, 10)):
        queue = lab.sqs.create_queue(name, visibility_timeout=120)
        lab.drive(queue, ll.Burst(count), payload="x" * size)
        lab.advance(1)
        lab.create_event_source_mapping(queue, "read", batch_size=50, maximum_batching_window=20)
        lab.run()
    batches = lab.trace.batches
    early = sorted(set(batches.cause[batches.gathering_ms < 20_000]))
    waited = batches.gathering_ms[batches.source == "few"].max() / 1000
    return {"early": early, "told": ", ".join(early), "waited": float(waited)}
