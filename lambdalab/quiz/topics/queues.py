"""Questions about mappings of SQS queues: batches, pollers, and messages that come back."""

import time

from lambdalab.quiz import names as ll
from lambdalab.quiz.declaring import claim, question, remedy


@question(
    "queues",
    lesson="05",
    text="An event source mapping with batch size 10 and otherwise default settings polls a queue that "
    "gets two orders a second. The function's bill shows nearly as many invocations as there are "
    "orders. An order may wait for half a minute. What should the developer do to get far fewer "
    "invocations?",
    options=(
        remedy("Set the maximum batching window to 5 s", maximum_batching_window=5),
        remedy("Set the mapping's maximum concurrency to 2", maximum_concurrency=2),
        remedy("Raise the queue's visibility timeout to 6 minutes", visibility_timeout=360),
        remedy("Reserve a concurrency of 1 for the function", reserved_concurrency=1),
    ),
    goal=lambda s: s.runs <= s.orders / 3 and s.oldest <= 30,
    shows="{orders} orders in {runs} runs, {batch:.1f} in each",
    explain="The default window is 0: what a poll finds is sent at once, be it one message. With a "
    "window, Lambda gathers: {orders} orders took {runs} runs, and none was older than {oldest:.1f} s "
    "when it was done with. How many run at a time, and how long a message is invisible, changes no "
    "batch.",
    rules=("mapping_batch_size_default", "mapping_window_maximum"),
    source="dg/invocation-eventsourcemapping",
    table="batches",
)
def batches_of_one(lab, visibility_timeout=30, reserved_concurrency=None, **mapping):
    orders = lab.sqs.create_queue("orders", visibility_timeout=visibility_timeout)
    lab.create_function("bill", duration=0.1, reserved_concurrency=reserved_concurrency)
    lab.create_event_source_mapping(orders, "bill", batch_size=10, **mapping)
    lab.drive(orders, ll.Every(0.5), count=120)
    lab.run()
    sizes, events = lab.trace.batches.records, lab.trace.queue_events
    oldest = events.age_ms[events.action == "deleted"].max() / 1000
    return {
        "orders": 120,
        "runs": len(sizes),
        "batch": float(sizes.mean()),
        "oldest": float(oldest),
    }


@question(
    "queues",
    lesson="05",
    text="150 messages of 100 KB each wait in a queue. Its mapping has batch size 100 and a maximum "
    "batching window of 60 s. How many messages does the largest batch hold?",
    options=(
        claim("10", lambda s: s.largest == 10),
        claim("About 60", lambda s: 55 <= s.largest <= 65),
        claim("About 100", lambda s: 95 <= s.largest <= 105),
        claim("150", lambda s: s.largest == 150),
    ),
    in_order=True,
    explain="The largest batch held {largest} messages, {mb:.2f} MB. A batch is sent as soon as it is "
    "full, its window is over, or one more message would make the payload larger than 6 MB, metadata "
    "included. Here that comes first.",
    rules=("mapping_payload",),
    source="dg/services-sqs-configure",
    table="batches",
)
def six_megabytes(lab):
    reports = lab.sqs.create_queue("reports")
    lab.create_function("store", duration=1)
    lab.create_event_source_mapping(reports, "store", batch_size=100, maximum_batching_window=60)
    for _ in range(150):
        reports.send("x" * 100 * 1024)
    lab.run()
    batch = lab.trace.batches.sort_values("records").iloc[-1]
    return {"largest": int(batch.records), "mb": float(batch.size_bytes / 1024**2)}


@question(
    "queues",
    lesson="05",
    text="2,000 messages wait in a standard queue when a mapping with default settings is created. The "
    "function works for 20 s on a batch; the account's concurrency is 1,000, all of it free. How many "
    "invocations run in the first half second?",
    options=(
        claim("1", lambda s: s.at_first == 1),
        claim("5", lambda s: s.at_first == 5),
        claim("200", lambda s: s.at_first == 200),
        claim("1,000", lambda s: s.at_first == 1000),
    ),
    in_order=True,
    explain="It started with {at_first} batches at a time. While messages wait, Lambda adds capacity "
    "for up to 300 more concurrent invocations a minute: after 10 s there were {later}.",
    rules=("mapping_pollers_start", "mapping_growth"),
    source="dg/services-sqs-scaling",
    table="scaling",
)
def pollers_at_first(lab):
    orders = lab.sqs.create_queue("orders", visibility_timeout=120)
    for first in range(0, 2000, 10):
        orders.send_batch(range(first, first + 10))
    lab.create_function("bill", duration=20, timeout=30)
    lab.create_event_source_mapping(orders, "bill")
    lab.run(until=0.5)
    at_first = len(lab.trace.attempts)
    lab.run(until=10)
    return {"at_first": at_first, "later": len(lab.trace.attempts)}


@question(
    "queues",
    lesson="05",
    text="Customers are charged twice, although no invocation ever fails. One order comes every 20 s; "
    "the function works for 45 s on it, its timeout is 60 s. After the mapping was created, somebody "
    "set the queue's visibility timeout to 30 s. Each order must be charged once, and none be kept as "
    "failed. What should the developer do?",
    options=(
        remedy("Set the queue's visibility timeout to 360 s", visibility_timeout=360),
        remedy("Add a dead-letter queue with a maximum receive count of 1", max_receive_count=1),
        remedy("Set the mapping's batch size to 1", batch_size=1),
        remedy(
            "Set `ReportBatchItemFailures` on the mapping",
            function_response_types=["ReportBatchItemFailures"],
        ),
    ),
    goal=lambda s: s.runs == s.orders and s.dead == 0,
    shows="{orders} orders, {runs} runs; {dead} in the dead-letter queue",
    explain="A message that is not deleted in time becomes visible again, while an invocation is still "
    "at work on it. With 360 s, {orders} orders took {runs} runs. AWS advises six times the function's "
    "timeout; it refuses less than that timeout when a mapping is made, but not when the queue is "
    "changed later.",
    rules=("sqs_visibility_default", "mapping_visibility_factor"),
    source="dg/services-sqs-configure",
    table="queue_events",
)
def charged_twice(lab, visibility_timeout=30, max_receive_count=None, **mapping):
    letters = "failed" if max_receive_count else None
    orders = lab.sqs.create_queue(
        "orders",
        visibility_timeout=60,
        dead_letter_queue=letters,
        max_receive_count=max_receive_count,
    )
    lab.create_function("charge", duration=45, timeout=60)
    lab.create_event_source_mapping(orders, "charge", **mapping)
    orders.update(visibility_timeout=visibility_timeout)
    lab.drive(orders, ll.Every(20), count=15)
    lab.run()
    dead = len(lab.sqs["failed"].messages) if letters else 0
    return {"orders": 15, "runs": len(lab.trace.attempts), "dead": dead}


@question(
    "queues",
    lesson="06",
    text="A queue has a dead-letter queue and a maximum receive count of 3. The function raises an "
    "exception whenever it gets a certain message. How often does it run with that message before the "
    "message is in the dead-letter queue?",
    options=(
        claim("Once", lambda s: s.runs == 1),
        claim("Twice", lambda s: s.runs == 2),
        claim("Three times", lambda s: s.runs == 3),
        claim("Four times", lambda s: s.runs == 4),
    ),
    in_order=True,
    explain="{runs} runs, {apart:.0f} s apart: after each failure the message stays invisible until its "
    "visibility timeout (30 s here) is over. When it would be received for the fourth time, SQS moves "
    "it to the dead-letter queue instead.",
    rules=("sqs_visibility_default", "sqs_max_receive_count_default"),
    source="dg/services-sqs-errorhandling",
    table="queue_events",
)
def runs_before_dead_letter(lab):
    orders = lab.sqs.create_queue("orders", dead_letter_queue="failed", max_receive_count=3)
    lab.create_function("bill", duration=0.1, failure_rate=1)
    lab.create_event_source_mapping(orders, "bill")
    orders.send({"order": "without a price"})
    lab.run()
    began = lab.trace.attempts.started_at
    apart = (began.iloc[-1] - began.iloc[0]).total_seconds() / (len(began) - 1)
    return {"runs": len(began), "apart": apart, "dead": len(lab.sqs["failed"].messages)}


@question(
    "queues",
    lesson="06",
    text="A function is invoked by a mapping of the queue `orders`. The function itself has a "
    "dead-letter queue, `letters`, and 2 retries; `orders` has no redrive policy. A message makes the "
    "function fail each time. Where is it after an hour?",
    options=(
        claim("In `letters`, after three runs", lambda s: s.letters == 1 and s.runs == 3),
        claim("In `letters`, after one run", lambda s: s.letters == 1 and s.runs == 1),
        claim(
            "In `orders`, and the function still runs with it",
            lambda s: s.orders == 1 and s.runs > 3,
        ),
        claim("Nowhere: it was deleted after three runs", lambda s: s.letters + s.orders == 0),
    ),
    explain="The function had run {runs} times, `letters` held {letters} messages and `orders` still "
    "{orders}. A mapping invokes synchronously; a function's own dead-letter queue and retries are for "
    "events that Lambda has queued. A queue that is polled needs a redrive policy of its own.",
    rules=("maximum_retry_attempts", "sqs_retention_default"),
    source="dg/with-sqs",
    table="queue_events",
)
def whose_dead_letter_queue(lab):
    orders, letters = lab.sqs.create_queue("orders"), lab.sqs.create_queue("letters")
    lab.create_function(
        "bill", duration=1, failure_rate=1, dead_letter_queue="letters", maximum_retry_attempts=2
    )
    lab.create_event_source_mapping(orders, "bill")
    orders.send({"order": "without a price"})
    lab.run(until="1h")
    runs = len(lab.trace.attempts)
    return {"runs": runs, "orders": len(orders.messages), "letters": len(letters.messages)}


@question(
    "queues",
    lesson="06",
    text="One order in each batch of 10 has no price, and the function raises an exception for it. Good "
    "orders are worked on several times and end in the dead-letter queue too. Only bad orders should be "
    "there, all of them. What should the developer do?",
    options=(
        remedy(
            "Return the bad orders' ids as `batchItemFailures` instead of raising", returns=True
        ),
        remedy(
            "Set `ReportBatchItemFailures` on the mapping, and leave the code as it is",
            reports=True,
        ),
        remedy(
            "Return `batchItemFailures`, and set `ReportBatchItemFailures`",
            returns=True,
            reports=True,
        ),
        remedy(
            "Set the maximum receive count to 1, and leave the code as it is", max_receive_count=1
        ),
    ),
    goal=lambda s: s.good == 0 and s.bad == s.all_bad,
    shows="in the dead-letter queue: {bad} of {all_bad} bad orders, and {good} good ones",
    explain="Both are needed: then {bad} of {all_bad} bad orders became dead letters, and {good} good "
    "ones. Without the setting the answer is not read, and the whole batch counts as a success: bad "
    "orders are deleted, and lost. An exception fails all of the batch, whatever the setting.",
    rules=("sqs_max_receive_count_default",),
    source="dg/services-sqs-errorhandling",
    table="batches",
)
def one_bad_of_ten(lab, returns=False, reports=False, max_receive_count=3):
    def bill(event, context):
        bad = [r["messageId"] for r in event["Records"] if r["body"] == "no price"]
        if bad and not returns:
            raise ValueError("an order has no price")
        return {"batchItemFailures": [{"itemIdentifier": number} for number in bad]}

    orders = lab.sqs.create_queue(
        "orders", dead_letter_queue="failed", max_receive_count=max_receive_count
    )
    lab.create_function("bill", bill)
    types = ["ReportBatchItemFailures"] if reports else []
    lab.create_event_source_mapping(orders, "bill", function_response_types=types)
    for _ in range(4):
        orders.send_batch(["no price"] + ["12 USD"] * 9)
    lab.run()
    bodies = [message.body for message in lab.sqs["failed"].messages]
    return {"all_bad": 4, "bad": bodies.count("no price"), "good": bodies.count("12 USD")}


@question(
    "queues",
    lesson="08",
    text="The function behind a queue has a reserved concurrency of 2 and works for 25 s on a batch of "
    "10. After a peak of 600 messages dozens are in the dead-letter queue (maximum receive count 3, "
    "visibility timeout 30 s), but the function's metric `Errors` is 0. No more than 2 may run at a "
    "time. What should the developer do?",
    options=(
        remedy("Set the mapping's maximum concurrency to 2", maximum_concurrency=2),
        remedy(
            "Set `ReportBatchItemFailures` on the mapping",
            function_response_types=["ReportBatchItemFailures"],
        ),
        remedy("Raise the function's event age from 1 to 6 hours", maximum_event_age=21_600),
        remedy("Set the mapping's batch size to 5", batch_size=5),
    ),
    goal=lambda s: s.dead == 0 and s.most <= 2,
    shows="{dead} of {messages} messages in the dead-letter queue; {errors} errors, most runs at a "
    "time: {most}",
    explain="Pollers take no account of what is reserved. They received more batches than could run; "
    "these were throttled until their messages became visible again, and each receive counts. With a "
    "maximum concurrency of 2 Lambda receives no more than can run: {dead} dead letters. A function's "
    "event age is for asynchronous invocations only.",
    rules=("mapping_pollers_start", "mapping_concurrency_minimum"),
    source="dg/services-sqs-scaling",
    table="batches",
)
def dead_without_an_error(lab, maximum_event_age=3600, **mapping):
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=30, dead_letter_queue="failed", max_receive_count=3
    )
    lab.create_function(
        "bill", duration=25, timeout=30, reserved_concurrency=2, maximum_event_age=maximum_event_age
    )
    lab.create_event_source_mapping(orders, "bill", **mapping)
    for first in range(0, 600, 10):
        orders.send_batch(range(first, first + 10))
    lab.run()
    bill = lab.trace.summary().set_index("name").loc["bill"]
    dead = len(lab.sqs["failed"].messages)
    errors, most = int(bill.errors), int(bill.most_at_once)
    return {"messages": 600, "dead": dead, "errors": errors, "most": most}


@question(
    "queues",
    lesson="06",
    text="All messages of a FIFO queue are sent with the message group id `orders`. Each takes 1 s of "
    "work, and two come every second: the backlog grows. The order of each customer's messages must be "
    "kept. What should the developer do?",
    options=(
        remedy("Use the customer's number as the message group id", by_customer=True),
        remedy("Set the batch size to 1, so that batches run side by side", batch_size=1),
        remedy("Set the mapping's maximum concurrency to 10", maximum_concurrency=10),
        remedy("Reserve a concurrency of 10 for the function", reserved_concurrency=10),
    ),
    goal=lambda s: s.took < 90 and s.in_order,
    shows="{messages} messages of one minute were done after {took:.0f} s; most runs at a time: {most}",
    explain="Of a message group only one batch is under way at a time, whatever else is set. With a "
    "group for each of 8 customers up to {most} ran at a time, and all was done after {took:.0f} s.",
    rules=("mapping_fifo_groups",),
    source="dg/services-sqs-scaling",
    table="batches",
)
def one_message_group(lab, by_customer=False, reserved_concurrency=None, **mapping):
    done = []

    def bill(event, context):
        for record in event["Records"]:
            time.sleep(1)
            done.append(int(record["body"]))

    orders = lab.sqs.create_queue("orders.fifo", visibility_timeout=360)
    lab.create_function("bill", bill, timeout=60, reserved_concurrency=reserved_concurrency)
    lab.create_event_source_mapping(orders, "bill", **mapping)
    group = (lambda n: f"customer-{n % 8}") if by_customer else "orders"
    lab.drive(orders, ll.Every(0.5), count=120, payload=lambda n: n, message_group_id=group)
    lab.run()
    each = [[number for number in done if number % 8 == customer] for customer in range(8)]
    most = lab.trace.summary().set_index("name").loc["bill"].most_at_once
    in_order = each == [sorted(numbers) for numbers in each]
    return {"messages": 120, "took": lab.elapsed, "most": int(most), "in_order": in_order}


@question(
    "queues",
    lesson="05",
    text='A mapping has the filter pattern `{"body": {"total": [{"numeric": [">", 100]}]}}`. An order '
    'with the body `{"total": 40}` is sent to its queue. What becomes of the message?',
    options=(
        claim("It is deleted, and no function sees it", lambda s: s.left + s.dead + s.runs == 0),
        claim("It stays in the queue for other consumers", lambda s: s.left == 1),
        claim("It goes to the dead-letter queue after 3 receives", lambda s: s.dead == 1),
        claim("The function gets an event without records", lambda s: s.runs == 1),
    ),
    explain="The function ran {runs} times; {left} messages were left in the queue, and {dead} in the "
    "dead-letter queue. What no filter matches is deleted at once: two mappings with different filters "
    "on one queue do not share its messages, each takes away what the other wants.",
    rules=("mapping_filters",),
    source="dg/invocation-eventfiltering",
    table="queue_events",
)
def what_filters_leave(lab):
    orders = lab.sqs.create_queue("orders", dead_letter_queue="failed", max_receive_count=3)
    lab.create_function("bill", duration=0.1)
    pattern = {"body": {"total": [{"numeric": [">", 100]}]}}
    lab.create_event_source_mapping(
        orders, "bill", filter_criteria={"Filters": [{"Pattern": pattern}]}
    )
    orders.send({"total": 40})
    lab.run()
    left, dead = len(orders.messages), len(lab.sqs["failed"].messages)
    return {"runs": len(lab.trace.attempts), "left": left, "dead": dead}
