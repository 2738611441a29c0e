"""Questions about what a stream's mapping does with a batch that fails, or finds no room."""

import base64

from lambdalab.quiz import names as ll
from lambdalab.quiz.declaring import claim, question


@question(
    "streams",
    lesson="06",
    text="A mapping of a stream with `ReportBatchItemFailures` hands 10 records to a function. It "
    "returns the sequence number of the fourth as failed, and of no other. Which records does it get "
    "next?",
    options=(
        claim("The fourth alone", lambda s: s.second == [4]),
        claim("The fourth to the tenth", lambda s: s.second == [4, 5, 6, 7, 8, 9, 10]),
        claim("The fifth to the tenth", lambda s: s.second == [5, 6, 7, 8, 9, 10]),
        claim("All ten", lambda s: s.second == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ),
    in_order=True,
    explain="Next it got {second}. A stream has no single messages to delete: the lowest number "
    "returned is where Lambda goes on, and everything from there on comes again. For an SQS queue only "
    "the named messages would come again.",
    rules=("stream_batch_size_default",),
    source="dg/services-kinesis-batchfailurereporting",
    table="batches",
)
def fourth_of_ten_failed(lab):
    got = []

    def count(event, context):
        numbers = [r["kinesis"]["sequenceNumber"] for r in event["Records"]]
        got.append([int(base64.b64decode(r["kinesis"]["data"])) for r in event["Records"]])
        failed = numbers[3:4] if len(got) == 1 else []
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}

    clicks = lab.kinesis.create_stream("clicks")
    lab.create_function("count", count)
    lab.create_event_source_mapping(
        clicks, "count", starting_position="TRIM_HORIZON",
        function_response_types=["ReportBatchItemFailures"],
    )  # fmt: skip
    clicks.put_records([(str(number), "key") for number in range(1, 11)])
    lab.run(until=60)
    return {"second": got[1]}


@question(
    "streams",
    lesson="08",
    text="A mapping of a Kinesis stream has 2 retries. For 10 minutes the function's reserved "
    "concurrency is 0, by mistake; then it is taken away. What becomes of the records that came in "
    "these 10 minutes?",
    options=(
        claim("They are given up after 2 retries", lambda s: s.given_up > 0),
        claim("They are lost, without a try", lambda s: s.done == 0 and s.given_up == 0),
        claim("They all reach the function, late", lambda s: s.done == s.sent),
        claim("Only the newest batch reaches the function", lambda s: 0 < s.done < s.sent),
    ),
    explain="{done} of {sent} were done, {given_up} given up. A throttle is no failed run: it uses up "
    "none of the retries. The batch is tried again until it runs, unless its records grow too old first "
    "(24 hours by default in the stream).",
    rules=("stream_retries_maximum", "kinesis_retention_default"),
    source="dg/kinesis-on-failure-destination",
    table="batches",
)
def throttled_for_ten_minutes(lab):
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1, reserved_concurrency=0)
    lab.create_event_source_mapping(
        clicks, "count", starting_position="TRIM_HORIZON", maximum_retry_attempts=2
    )
    lab.drive(clicks, ll.Every(5), count=120)
    lab.run(until="10min")
    lab.put_function_concurrency("count", None)
    lab.run(until="20min")
    action = lab.trace.queue_events.action
    done, given_up = int((action == "deleted").sum()), int((action == "dropped").sum())
    return {"sent": 120, "done": done, "given_up": given_up}


@question(
    "streams",
    lesson="06",
    text="A mapping of a DynamoDB table's stream has 3 retries and an on-failure queue. The function "
    "raises an exception for one batch each time. How often does it run with this batch, and what is in "
    "the queue then?",
    options=(
        claim("3 times; the batch's records", lambda s: s.runs == 3 and s.has_records),
        claim("3 times; where to find the records", lambda s: s.runs == 3 and not s.has_records),
        claim("4 times; the batch's records", lambda s: s.runs == 4 and s.has_records),
        claim("4 times; where to find the records", lambda s: s.runs == 4 and not s.has_records),
    ),
    in_order=True,
    explain="3 retries follow the first run: {runs} runs. The queue's message tells the shard, the "
    "first and the last sequence number, and {told} as the number of records. The records themselves "
    "can only be read from the stream, as long as it keeps them: 24 hours.",
    rules=("dynamodb_stream_retention", "stream_retries_maximum"),
    source="dg/services-dynamodb-errors",
    table="batches",
)
def note_of_a_failed_batch(lab):
    failed = lab.sqs.create_queue("failed")
    orders = lab.dynamodb.create_table("orders", partition_key="id", stream_view_type="NEW_IMAGE")
    lab.create_function("bill", duration=0.1, failure_rate=1)
    lab.create_event_source_mapping(
        orders,
        "bill",
        starting_position="TRIM_HORIZON",
        maximum_retry_attempts=3,
        on_failure=failed,
    )
    for number in range(5):
        orders.put_item({"id": str(number), "total": 12})
    lab.run(until=600)
    note = failed.messages[0].body
    told = note["DDBStreamBatchInfo"]["batchSize"]
    return {"runs": len(lab.trace.attempts), "told": told, "has_records": "total" in str(note)}
