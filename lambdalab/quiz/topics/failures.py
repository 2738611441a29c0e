"""Questions about events that fail: retries, age, dead letters, destinations."""

import json
import time

from lambdalab.quiz.declaring import claim, question, remedy


@question(
    "failures",
    lesson="04",
    text="A function raises an exception each time. A client invokes it once with invocation "
    "type `Event`. The function and its retries have their default settings. How often does it "
    "run?",
    options=(
        claim("Once", lambda s: s.runs == 1),
        claim("Twice", lambda s: s.runs == 2),
        claim("Three times", lambda s: s.runs == 3),
        claim("Again and again for 6 hours", lambda s: s.hours > 5),
    ),
    explain="Runs: {runs}, the first one and the retries; then the event is given up ({status}). "
    "The 6 hours are for events that find no room, not for a function that fails.",
    rules=("maximum_retry_attempts",),
    in_order=True,
    table="retries",
)
def runs_of_a_failing_event(lab):
    lab.create_function("bill", duration=1, failure_rate=1)
    lab.invoke("bill", invocation_type="Event")
    lab.run()
    status = lab.trace.invocations.status[0]
    return {"runs": len(lab.trace.attempts), "hours": lab.elapsed / 3600, "status": status}


@question(
    "failures",
    lesson="04",
    text="An asynchronous event fails because a database is down. When does Lambda try again, by "
    "default?",
    options=(
        claim("At once, and at once again", lambda s: s.first < 1 and s.second < 1),
        claim("After about 1 second, then after about 2", lambda s: 1 <= s.first < 3 and s.second < 6),
        claim("After about 1 minute, then after about 2",
              lambda s: 50 < s.first < 80 and 110 < s.second < 140),
        claim("Every 5 minutes", lambda s: s.first >= 300),
    ),
    explain="It waited {first:.0f} s and then {second:.0f} s. A database that is down for two "
    "minutes is survived; one that is down for ten is not.",
    rules=("retry_waits", "retry_jitter"),
    in_order=True,
    table="retries",
)  # fmt: skip
def waits_between_retries(lab):
    lab.create_function("store", duration=0.5, failure_rate=1)
    lab.invoke("store", invocation_type="Event")
    lab.run()
    first, second = lab.trace.retries.waited_ms / 1000
    return {"first": first, "second": second}


@question(
    "failures",
    lesson="04",
    text="Orders that fail in an asynchronous function vanish after the last retry. Which two "
    "settings, each for itself, keep them for later?",
    options=(
        remedy("A dead-letter queue of the function", dead_letter_queue="kept"),
        remedy("An on-failure destination of the function: an SQS queue", on_failure="kept"),
        remedy("An on-success destination of the function: an SQS queue", on_success="kept"),
        remedy("A maximum event age of 6 hours", maximum_event_age=21_600),
        remedy("A reserved concurrency of 10", reserved_concurrency=10),
    ),
    goal=lambda s: s.kept == s.failed > 0,
    choose=2,
    shows="{failed} orders failed, {kept} of them kept",
    explain="{failed} orders failed, and {kept} were kept. Without one of the two Lambda "
    "discards an event after its last try.",
    rules=("maximum_retry_attempts",),
    source="dg/invocation-async-retain-records",
    table="invocations",
)
def orders_that_vanish(lab, **settings):
    kept = lab.sqs.create_queue("kept")

    @lab.function(**settings)
    def put_order(event, context):
        if event["order"] % 4 == 0:
            raise KeyError("no such article")

    for number in range(12):
        lab.invoke(put_order, {"order": number}, invocation_type="Event")
    lab.run()
    failed = list(lab.trace.invocations.status).count("failed")
    return {"failed": failed, "kept": len(kept.messages)}


@question(
    "failures",
    lesson="04",
    text="For each event that fails for good, support wants one JSON document with the event and "
    "the error type that the function returned. What should the developer set?",
    options=(
        remedy("An on-failure destination", on_failure="support"),
        remedy("A dead-letter queue", dead_letter_queue="support"),
        remedy("An on-success destination", on_success="support"),
        remedy("No retries, so that the client gets the error", maximum_retry_attempts=0),
    ),
    goal=lambda s: s.event and s.error,
    shows="documents: {documents}; with the event: {event}, with the error: {error}",
    explain="The document's keys: {keys}. A dead letter is the event as it was sent; the error's "
    "message stands beside it, in the message attributes.",
    source="dg/invocation-async-retain-records",
    table="queue_events",
)
def event_and_error(lab, **settings):
    support = lab.sqs.create_queue("support")
    lab.create_function("bill", duration=1, failure_rate=1, **settings)
    lab.invoke("bill", {"order": "A17"}, invocation_type="Event")
    lab.run()
    found = [message.body for message in support.messages]
    text, keys = json.dumps(found), ", ".join(found[0]) if found else ""
    return {"documents": len(found), "event": "A17" in text, "error": "errorType" in text,
            "keys": keys}  # fmt: skip


@question(
    "failures",
    lesson="04",
    text="For 10 minutes a function's whole concurrency is in use, and an asynchronous event "
    "finds no room. What becomes of the event, by default?",
    options=(
        claim("It waits in Lambda's queue, is tried now and again, and runs when there is room",
              lambda s: s.status == "succeeded" and s.throttles > 2),
        claim("It is discarded after two retries", lambda s: s.status == "failed"),
        claim("The client gets 429 and has to send it again", lambda s: s.accepted == 429),
        claim("It is discarded at once", lambda s: s.status == "dropped"),
    ),
    explain="The client got {accepted}. The event found no room {throttles} times, and {status} "
    "after {minutes:.0f} minutes, in its run number {runs}: throttles use up no retries. For "
    "that it has up to 6 hours.",
    rules=("event_age_maximum", "throttle_backoff_first", "throttle_backoff_maximum"),
    table="queue_events",
)  # fmt: skip
def ten_minutes_without_room(lab):
    lab.create_function("resize", duration=600, timeout=900, reserved_concurrency=1)
    lab.invoke("resize", {"photo": 1}, invocation_type="Event")
    lab.advance(5)
    reply = lab.invoke("resize", {"photo": 2}, invocation_type="Event")
    lab.run()
    event = lab.trace.invocations.iloc[1]
    throttles = list(lab.trace.queue_events.action).count("throttled")
    return {"accepted": reply.status_code, "throttles": throttles, "status": event.status,
            "minutes": float(event.latency_ms / 60_000), "runs": int(event.attempts)}  # fmt: skip


@question(
    "failures",
    lesson="04",
    text="Position reports are worth nothing after a minute, so `maximum_event_age` is 60 "
    "seconds; the retry attempts stay at 2. A report's first run fails at once. How often does "
    "it run in all?",
    options=(
        claim("Once", lambda s: s.runs == 1),
        claim("Twice", lambda s: s.runs == 2),
        claim("Three times", lambda s: s.runs == 3),
    ),
    explain="Runs: {runs}. The next try would come a minute after the first, and the event would "
    "be older than 60 s then; so Lambda gives it up at once ({cause}), after {seconds:.1f} s.",
    rules=("event_age_minimum", "retry_waits"),
    in_order=True,
)
def age_of_one_minute(lab):
    lab.create_function("position", duration=0.2, failure_rate=1, maximum_event_age=60)
    lab.invoke("position", invocation_type="Event")
    lab.run()
    cause = lab.trace.invocations.cause[0]
    return {"runs": len(lab.trace.attempts), "cause": cause, "seconds": lab.elapsed}


@question(
    "failures",
    lesson="04",
    text="A function has a dead-letter queue and two retries. A program invokes it "
    "synchronously, and it raises an exception. What happens?",
    options=(
        claim("It runs once; the dead-letter queue stays empty", lambda s: (s.runs, s.letters) == (1, 0)),
        claim("It runs once; the event goes to the dead-letter queue",
              lambda s: (s.runs, s.letters) == (1, 1)),
        claim("It runs three times; the event goes to the dead-letter queue",
              lambda s: (s.runs, s.letters) == (3, 1)),
        claim("It runs three times; the dead-letter queue stays empty",
              lambda s: (s.runs, s.letters) == (3, 0)),
    ),
    explain="Runs: {runs}, dead letters: {letters}. Retries, dead-letter queue and destinations "
    "are for asynchronous events. Who waits is told ({error}), and has to see to it.",
    source="dg/invocation-sync",
)  # fmt: skip
def dead_letters_of_a_synchronous_call(lab):
    lab.create_function("bill", duration=1, failure_rate=1, dead_letter_queue="failed")
    reply = lab.invoke("bill", {"order": 1})
    lab.run()
    letters = len(lab.sqs["failed"].messages)
    return {"runs": len(lab.trace.attempts), "letters": letters, "error": reply.function_error}


@question(
    "failures",
    lesson="04",
    text="An asynchronous function charges a card and then sometimes raises an exception. One "
    "customer was charged three times. What stops this at once, without new code?",
    options=(
        remedy("Set `maximum_retry_attempts` to 0", maximum_retry_attempts=0),
        remedy("Set the reserved concurrency to 1", reserved_concurrency=1),
        remedy("Add a dead-letter queue", dead_letter_queue="failed"),
        remedy("Add an on-failure destination", on_failure="failed"),
    ),
    goal=lambda s: s.charges == 1,
    shows="charges: {charges}",
    explain="Charges: {charges}. A dead-letter queue or a destination gets the event after the "
    "retries, not in place of them. (An event can still be delivered twice: code that does no "
    "harm the second time is the lasting cure.)",
    rules=("maximum_retry_attempts",),
)
def charged_three_times(lab, **settings):
    lab.sqs.create_queue("failed")

    @lab.function(**settings)
    def charge(event, context):
        print("charged")
        raise RuntimeError("no receipt printer")

    lab.invoke(charge, {"order": 1}, invocation_type="Event")
    lab.run()
    return {"charges": list(lab.trace.logs.message).count("charged")}


@question(
    "failures",
    lesson="04",
    text="Photos are uploaded to a bucket that notifies a function with default settings. Large "
    "photos take it 5 seconds, and they are never resized, nor is there a dead letter. What "
    "should the developer do?",
    options=(
        remedy("Raise the function's timeout to 10 seconds", timeout=10),
        remedy("Add a dead-letter queue to the function", dead_letter_queue="failed"),
        remedy("Raise the maximum event age to 6 hours", maximum_event_age=21_600),
        remedy("Reserve concurrency for the function", reserved_concurrency=50),
    ),
    goal=lambda s: s.resized == 1,
    shows="runs ended as {ends}",
    explain="Now the runs end as {ends}. With the default of 3 s each try was stopped at the "
    "same place: a timeout is a function error, tried again twice like an exception.",
    rules=("timeout_default", "maximum_retry_attempts"),
)
def photos_never_resized(lab, **settings):
    resized = []

    @lab.function(**settings)
    def resize(event, context):
        time.sleep(5)
        resized.append(event["Records"][0]["s3"]["object"]["key"])

    photos = lab.s3.create_bucket("photos")
    photos.notify(resize)
    photos.put_object("large.jpg", b"...")
    lab.run()
    ends = ", ".join(lab.trace.attempts.outcome)
    return {"resized": len(resized), "ends": ends}
