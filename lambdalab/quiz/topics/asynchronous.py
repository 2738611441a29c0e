"""Questions about events that Lambda keeps: accepted is not done."""

import time

from lambdalab.quiz import names as ll
from lambdalab.quiz.declaring import claim, question, remedy


@question(
    "asynchronous",
    lesson="03",
    text="A developer tests a new function with `aws lambda invoke --invocation-type Event`, "
    "gets status 202, and reports that the function works. What does the 202 prove?",
    options=(
        claim("The event is in Lambda's queue; the function need not have run",
              lambda s: s.begun == 0 and s.queued == 1),
        claim("The function has run without an error", lambda s: s.begun > 0 and not s.failed_runs),
        claim("The function has run, with or without an error", lambda s: s.ended > 0),
        claim("The function has been started and is still running", lambda s: s.begun > s.ended),
    ),
    explain="When the client had its {status}, {queued} event was in the queue and {begun} runs "
    "had begun. Later {failed_runs} runs failed, and nobody told the client.",
    rules=("asynchronous_dwell",),
    source="dg/invocation-async",
    table="queue_events",
)  # fmt: skip
def what_202_says(lab):
    lab.create_function("broken", duration=1, failure_rate=1)
    reply = lab.invoke("broken", {"order": 1}, invocation_type="Event")
    queued, runs = len(lab.trace.queue_events), lab.trace.attempts
    begun, ended = len(runs), int(runs.ended_at.count())
    lab.run()
    failed_runs = list(lab.trace.attempts.outcome).count("error")
    return {"status": reply.status_code, "queued": queued, "begun": begun, "ended": ended,
            "failed_runs": failed_runs}  # fmt: skip


@question(
    "asynchronous",
    lesson="03",
    text="By the limits in force in January 2025, which AWS's exams still ask for: what is the "
    "largest event that Lambda takes with invocation type `Event`?",
    options=(
        claim("64 KB", lambda s: s.kb == 64),
        claim("256 KB", lambda s: s.kb == 256),
        claim("1 MB", lambda s: s.kb == 1024),
        claim("6 MB", lambda s: s.kb == 6 * 1024),
    ),
    explain="The largest that was accepted had {kb:,} KB; the next larger one got {refused}. The "
    '6 MB are for callers who wait. (Since 24 October 2025 it is 1 MB: `rules="latest"` shows '
    "that.)",
    rules=("asynchronous_payload",),
    in_order=True,
    table="invocations",
)
def largest_asynchronous_event(lab):
    lab.create_function("scan", duration=0.1)
    largest = refused = 0
    for kb in (64, 256, 1024, 6 * 1024):
        event = b'"' + b"x" * (kb * 1024 - 2) + b'"'
        try:
            lab.invoke("scan", event, invocation_type="Event")
            largest = kb
        except ll.ServiceError as error:
            refused = refused or error.status_code
    lab.run()
    return {"kb": largest, "refused": refused}


@question(
    "asynchronous",
    lesson="03",
    text="Which two of these asynchronous calls does Lambda refuse at once, so that the client "
    "gets an error instead of 202?",
    options=(
        claim("The event has 7 MB", lambda s: s.large >= 400),
        claim("There is no function of that name", lambda s: s.unknown >= 400),
        claim("The function's code raises an exception", lambda s: s.broken >= 400),
        claim("The function runs into its timeout", lambda s: s.slow >= 400),
        claim("The function's reserved concurrency is all in use", lambda s: s.busy >= 400),
    ),
    choose=2,
    explain="Too large: {large}, unknown: {unknown}. The broken function, the slow one and the "
    "busy one were all answered with {broken}: Lambda finds that out later.",
    source="dg/invocation-async",
    table="invocations",
)
def refused_at_once(lab):
    lab.create_function("works", duration=1)
    lab.create_function("broken", duration=1, failure_rate=1)
    lab.create_function("slow", lambda event, context: time.sleep(60))
    lab.create_function("busy", duration=1, reserved_concurrency=1)
    lab.invoke("busy", invocation_type="Event")

    def told(function, event=None):
        try:
            return lab.invoke(function, event, invocation_type="Event").status_code
        except ll.ServiceError as error:
            return error.status_code

    seen = {name: told(name) for name in ("broken", "slow", "busy", "unknown")}
    seen["large"] = told("works", {"text": "x" * 7 * 1024**2})
    lab.run()
    return seen


@question(
    "asynchronous",
    lesson="03",
    text="A function is invoked asynchronously and returns an order number. For each order that "
    "succeeded, the function `tell_customer` must get that number. What does this with the least "
    "code?",
    options=(
        remedy("An on-success destination: `tell_customer`", on_success="tell_customer"),
        remedy("An on-failure destination: `tell_customer`", on_failure="tell_customer"),
        remedy("A dead-letter queue that `tell_customer` reads", dead_letter_queue="told"),
        remedy("More retry attempts, so that the client gets the result", maximum_retry_attempts=2),
    ),
    goal=lambda s: s.told == [4711],
    shows="customers told of {told}",
    explain="`tell_customer` was told of {told}. The client's answer is an empty 202, whatever "
    "is set: without a destination what the function returns is gone.",
    source="dg/invocation-async-retain-records",
    table="invocations",
)
def result_of_an_event(lab, **settings):
    told = []

    def tell_customer(event, context):
        told.append(event.get("responsePayload"))

    lab.create_function("tell_customer", tell_customer)
    lab.create_function("put_order", lambda event, context: 4711, **settings)
    if "dead_letter_queue" in settings:
        lab.create_event_source_mapping("told", "tell_customer")
    lab.invoke("put_order", {"article": "bell"}, invocation_type="Event")
    lab.run()
    return {"told": told}


@question(
    "asynchronous",
    lesson="03",
    text="`PUT /order` of a REST API must answer at once, while the function works for 20 "
    "seconds. How can API Gateway invoke the function asynchronously?",
    options=(
        remedy("Non-proxy integration; the integration request's header `X-Amz-Invocation-Type` is "
               "`'Event'`", proxy=False, integration=True),
        remedy("Proxy integration; the client sends the header `X-Amz-Invocation-Type: Event`",
               proxy=True, client=True),
        remedy("Proxy integration; the integration request's header `X-Amz-Invocation-Type` is `'Event'`",
               proxy=True, integration=True),
        remedy("Non-proxy integration with default settings", proxy=False),
    ),
    goal=lambda s: s.waited < 1 and s.stored == 1,
    shows="{told}",
    explain="The client waited {waited:.1f} s and {stored} order was stored. A proxy integration "
    "hands the client what the function returns, so it has to wait. What the client itself sends "
    "as a header is a part of the event, and no more.",
    source="apigw/set-up-lambda-integration-async",
    table="invocations",
)  # fmt: skip
def api_that_does_not_wait(lab, proxy, integration=False, client=False):
    lab.create_function("put_order", duration=20, timeout=60)
    api = lab.api_gateway.create_rest_api("shop")
    header = {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}
    settings = {"request_parameters": header} if integration else {}
    try:
        api.route("PUT", "/order", "put_order", proxy=proxy, **settings)
    except ll.LabError:
        return {"waited": 0, "stored": 0, "told": "refused when it was set up"}
    sent = {"X-Amz-Invocation-Type": "Event"} if client else {}
    waited = api.put("/order", {"article": "bell"}, headers=sent).latency_ms / 1000
    lab.run()
    stored = list(lab.trace.attempts.outcome).count("success")
    return {"waited": waited, "stored": stored, "told": f"the client waited {waited:.0f} s"}


@question(
    "asynchronous",
    lesson="03",
    text="A hundred events are sent to a function at the same moment, with invocation type "
    "`Event`. Each takes 2 seconds. The account has its default limits. When are all of them "
    "done?",
    options=(
        claim("After about 2 seconds", lambda s: s.seconds < 5),
        claim("After about 20 seconds", lambda s: 15 <= s.seconds < 25),
        claim("After about 40 seconds", lambda s: 35 <= s.seconds < 45),
        claim("After about 200 seconds", lambda s: s.seconds >= 190),
    ),
    explain="After {seconds:.1f} s, in {environments} execution environments. Lambda's queue "
    "does not make one event wait for the other: each that can run runs, up to the concurrency "
    "there is.",
    rules=("account_concurrency",),
    in_order=True,
    table="environments",
)
def hundred_events_at_once(lab):
    lab.create_function("resize", duration=2)
    lab.drive("resize", ll.Burst(100), invocation_type="Event")
    lab.run()
    return {"seconds": lab.elapsed, "environments": len(lab.trace.environments)}


@question(
    "asynchronous",
    lesson="03",
    text="An S3 event is sometimes delivered twice, and a customer was charged twice. What "
    "should the developer do?",
    options=(
        remedy("Write the event's id to a table first, and charge only if it was new", check=True),
        remedy("Set the retry attempts of the function to 0", maximum_retry_attempts=0),
        remedy("Reserve a concurrency of 1 for the function", reserved_concurrency=1),
        remedy("Give the function a dead-letter queue", dead_letter_queue="failed"),
    ),
    goal=lambda s: s.charged == 1,
    shows="charges: {charged}",
    explain="Charges: {charged}, though the function ran {runs} times. Events come at least "
    "once: nothing that is set at the function makes that exactly once, but its code can see to "
    "it that a second time does no harm.",
    source="dg/invocation-async-error-handling",
)
def delivered_twice(lab, check=False, **settings):
    done = lab.dynamodb.create_table("done")
    charged = []

    @lab.function(**settings)
    def charge(event, context):
        before = done.put_item({"id": event["id"]}, return_values="ALL_OLD")
        if check and before:
            return
        charged.append(event["id"])

    lab.faults.duplicate(charge)
    lab.invoke(charge, {"id": "A17"}, invocation_type="Event")
    lab.run()
    return {"charged": len(charged), "runs": len(lab.trace.attempts)}
