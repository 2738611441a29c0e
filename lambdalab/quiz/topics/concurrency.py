"""Questions about how many run at once: limits, throttles, and environments that are warm or not."""

from lambdalab.quiz import names as ll
from lambdalab.quiz.declaring import claim, question, remedy


@question(
    "concurrency",
    lesson="07",
    text="An API calls a function 40 times a second, evenly. Each call takes 1.5 s, warm. About how "
    "many execution environments are at work at any moment?",
    options=(
        claim("About 1.5", lambda s: s.busy < 3),
        claim("About 27", lambda s: 20 <= s.busy < 35),
        claim("About 40", lambda s: 35 <= s.busy < 45),
        claim("About 60", lambda s: 55 <= s.busy < 65),
    ),
    in_order=True,
    explain="Concurrency is the average number of requests in a second times their average duration in "
    "seconds: 40 × 1.5 = 60. When everything was warm, {busy} were at work.",
    rules=("account_concurrency",),
    source="dg/lambda-concurrency",
    table="environments",
)
def requests_times_seconds(lab):
    lab.create_function("search", duration=1.5)
    lab.drive("search", ll.Every(1 / 40), duration=20)
    lab.run(until=15)
    return {"busy": int((lab.trace.attempts.outcome == "running").sum())}


@question(
    "concurrency",
    lesson="07",
    text="An account's concurrency is 1,000. A function that is hardly used has a reserved concurrency "
    "of 400. Another function without a reservation gets 1,000 synchronous requests at the same moment. "
    "How many of these run?",
    options=(
        claim("400", lambda s: s.ran == 400),
        claim("500", lambda s: s.ran == 500),
        claim("600", lambda s: s.ran == 600),
        claim("1,000", lambda s: s.ran == 1000),
    ),
    in_order=True,
    explain="{ran} ran and {refused} were refused with 429: a reservation is taken out of the account's "
    "concurrency even while nobody uses it, and keeps its own function from more as well.",
    rules=("account_concurrency",),
    source="dg/configuration-concurrency",
    table="invocations",
)
def reserved_for_the_other(lab):
    lab.create_function("report", duration=1, reserved_concurrency=400)
    lab.create_function("order", duration=1)
    lab.drive("order", ll.Burst(1000))
    lab.run()
    codes = lab.trace.invocations.status_code
    return {"ran": int((codes == 200).sum()), "refused": int((codes == 429).sum())}


@question(
    "concurrency",
    lesson="07",
    text="An account's concurrency is 1,000, and no function has a reservation yet. What is the most "
    "that one function can reserve?",
    options=(
        claim("500", lambda s: s.most == 500),
        claim("900", lambda s: s.most == 900),
        claim("999", lambda s: s.most == 999),
        claim("1,000", lambda s: s.most == 1000),
    ),
    in_order=True,
    explain="{most}: Lambda keeps 100 for the functions without a reservation. More than that is "
    "refused with `{told}`.",
    rules=("account_concurrency", "unreserved_minimum"),
    source="dg/configuration-concurrency",
)
def most_to_reserve(lab):
    accepted, told = [], ""
    lab.create_function("order", duration=1)
    for wanted in (500, 900, 999, 1000):
        try:
            lab.put_function_concurrency("order", wanted)
            accepted.append(wanted)
        except ll.LabError as error:
            told = type(error).__name__
    return {"most": max(accepted), "told": told}


@question(
    "concurrency",
    lesson="07",
    text="To stop a function that does damage, an operator sets its reserved concurrency to 0. What "
    "happens to those who invoke it now?",
    options=(
        claim("A synchronous caller gets an error with status 429", lambda s: s.sync == 429),
        claim(
            "A synchronous caller waits until the setting is taken away", lambda s: s.sync == 200
        ),
        claim("An asynchronous caller gets 429 too", lambda s: s.event == 429),
        claim(
            "An asynchronous caller gets 202, and the event is given up without a run",
            lambda s: s.event == 202 and s.runs == 0,
        ),
        claim(
            "An asynchronous caller gets 202, and the event runs after the setting is taken away",
            lambda s: s.event == 202 and s.runs > 0,
        ),
    ),
    choose=2,
    explain="The synchronous call got {sync}, the event {event}. After ten minutes the setting was "
    "taken away, and a day later the function had run {runs} times: Lambda does not keep events for a "
    "function that may not run at all. An on-failure destination would have got them.",
    rules=("event_age_maximum",),
    source="dg/configuration-concurrency",
    table="invocations",
)
def reserved_zero(lab):
    lab.create_function("damage", duration=1, reserved_concurrency=0)
    event = lab.invoke("damage", {"order": 1}, invocation_type="Event")
    try:
        sync = lab.invoke("damage", {"order": 2}).status_code
    except ll.ServiceError as error:
        sync = error.status_code
    lab.run(until="10min")
    lab.put_function_concurrency("damage", None)
    lab.run(until="24h")
    return {"sync": sync, "event": event.status_code, "runs": len(lab.trace.attempts)}


@question(
    "concurrency",
    lesson="07",
    text="A function has a reserved concurrency of 5 and works for 10 s. 50 asynchronous events come at "
    "once; the function never fails. What becomes of the 45 that find no room?",
    options=(
        claim(
            "Lambda keeps them and tries again: all run", lambda s: s.ran == 50 and s.minutes > 1
        ),
        claim("They are given up after 2 retries", lambda s: s.ran < 50 and s.tried == 3),
        claim("They are refused: their callers get 429", lambda s: s.refused > 0),
        claim("They start extra environments, beyond the reservation", lambda s: s.most > 5),
    ),
    explain="All {ran} ran, at most {most} at a time, the last one {minutes:.0f} minutes later. A "
    "throttle uses up no retry: Lambda waits 1 s, then longer and longer, up to 5 minutes, for as long "
    "as the event may live (6 hours by default). One event was tried {tried} times.",
    rules=("throttle_backoff_first", "throttle_backoff_maximum", "event_age_maximum"),
    source="dg/invocation-async-error-handling",
    table="retries",
)
def events_without_room(lab):
    lab.create_function("resize", duration=10, timeout=30, reserved_concurrency=5)
    lab.drive("resize", ll.Burst(50), invocation_type="Event")
    lab.run()
    table, runs = lab.trace.invocations, lab.trace.attempts
    most = lab.trace.summary().set_index("name").loc["resize"].most_at_once
    tried = lab.trace.retries.request_id.value_counts().max() + 1
    minutes = (runs.started_at.max() - runs.started_at.min()).total_seconds() / 60
    return {
        "ran": len(runs), "refused": int((table.status_code == 429).sum()), "most": int(most),
        "tried": int(tried), "minutes": minutes,
    }  # fmt: skip


@question(
    "concurrency",
    lesson="07",
    text="A shop opens at noon: 10 customers call its function at the same moment, after hours in which "
    "nobody did. None of them may wait for a cold start. Cost matters less. What should the developer "
    "do?",
    options=(
        remedy(
            "Invoke the alias every 4 minutes with a scheduled event, to keep it warm", ping=240
        ),
        remedy(
            "Reserve a concurrency of 10 for the function, so that there is room",
            reserved_concurrency=10,
        ),
        remedy("Raise the memory from 128 MB to 1,769 MB", memory_size=1769),
        remedy(
            "Put a provisioned concurrency of 10 on the alias that the customers call",
            provisioned=10,
        ),
    ),
    goal=lambda s: s.cold == 0 and s.refused == 0,
    shows="{cold} of 10 customers had a cold start",
    explain="With provisioned concurrency {cold} customers had a cold start. A ping keeps one "
    "environment warm, and one environment serves one request at a time: the other nine customers start "
    "new ones. Reserved concurrency keeps room free, but starts nothing; more memory makes the start "
    "shorter at best.",
    rules=("provisioned_preparation",),
    source="dg/provisioned-concurrency",
    table="environments",
)
def ten_at_noon(lab, ping=None, reserved_concurrency=None, memory_size=128, provisioned=None):
    lab.create_function(
        "shop", duration=0.5, memory_size=memory_size, reserved_concurrency=reserved_concurrency
    )
    lab.publish_version("shop")
    lab.create_alias("shop", "live", 1)
    if provisioned:
        lab.put_provisioned_concurrency("shop", "live", provisioned)
    if ping:
        lab.drive("shop:live", ll.Every(ping), duration=7190)
    lab.run(until="2h")
    lab.drive("shop:live", ll.Burst(10))
    lab.run()
    noon = lab.trace.invocations.tail(10)
    cold = lab.trace.attempts.tail(10).cold_start
    return {"cold": int(cold.sum()), "refused": int((noon.status_code == 429).sum())}


@question(
    "concurrency",
    lesson="07",
    text="The alias `live` of a function has a provisioned concurrency of 10, and it is ready. The "
    "account has room for hundreds more. 15 customers invoke the alias at the same moment. What do they "
    "get?",
    options=(
        claim(
            "All 15 are served, and none waits for a cold start",
            lambda s: s.served == 15 and s.cold == 0,
        ),
        claim("10 are served; 5 are refused with status 429", lambda s: s.served == 10),
        claim(
            "10 are served at once; 5 wait until one of them is done",
            lambda s: s.served == 15 and s.environments == 10,
        ),
        claim(
            "All 15 are served, 5 of them after a cold start",
            lambda s: s.served == 15 and s.cold == 5,
        ),
    ),
    explain="{served} were served, {cold} of them after a cold start: what provisioned concurrency "
    "cannot take (10 at a time here, or 100 a second) spills over to environments on demand. In the end "
    "there were {environments}; no request waits for one to become free. The limit is the function's "
    "reserved concurrency, or the account's.",
    rules=("requests_per_concurrency",),
    source="dg/lambda-concurrency",
    table="attempts",
)
def spilling_over(lab):
    lab.create_function("shop", duration=0.5)
    lab.publish_version("shop")
    lab.create_alias("shop", "live", 1)
    lab.put_provisioned_concurrency("shop", "live", 10)
    lab.run()
    lab.drive("shop:live", ll.Burst(15))
    lab.run()
    trace = lab.trace
    served = int((trace.invocations.status_code == 200).sum())
    return {
        "served": served,
        "cold": int(trace.attempts.cold_start.sum()),
        "environments": trace.attempts.environment_id.nunique(),
    }


@question(
    "concurrency",
    lesson="07",
    text="A team publishes version 1 of the function `shop`, points the alias `live` at it, and puts a "
    "provisioned concurrency of 5 on the alias. An hour later five clients at a time invoke `shop`, and "
    "all see cold starts. What should the developer do?",
    options=(
        remedy("Let the clients invoke `shop:live`", target="shop:live"),
        remedy("Raise the provisioned concurrency to 20", provisioned=20),
        remedy("Reserve a concurrency of 20 for the function", reserved_concurrency=20),
        remedy("Wait for another hour, until all is allocated", hours=2),
    ),
    goal=lambda s: s.cold == 0,
    shows="{cold} of 5 calls started cold",
    explain="{cold} of 5 calls started cold when they went to the alias. Provisioned environments "
    "belong to a published version, here by way of the alias; a name alone means `$LATEST`, which can "
    "have none. The allocation was ready after a few minutes, and is paid for, used or not.",
    rules=("provisioned_preparation", "provisioned_billing_step"),
    source="dg/provisioned-concurrency",
    table="attempts",
)
def provisioned_and_still_cold(
    lab, target="shop", provisioned=5, reserved_concurrency=None, hours=1
):
    lab.create_function("shop", duration=0.5, reserved_concurrency=reserved_concurrency)
    lab.publish_version("shop")
    lab.create_alias("shop", "live", 1)
    lab.put_provisioned_concurrency("shop", "live", provisioned)
    lab.run(until=hours * 3600)
    lab.drive(target, ll.Burst(5))
    lab.run()
    return {"cold": int(lab.trace.attempts.cold_start.sum())}


@question(
    "concurrency",
    lesson="07",
    text="AWS has raised an account's concurrency to 5,000; all of it is free. 2,000 clients invoke a "
    "function that nobody has used today, synchronously and at the same moment. The function works for "
    "20 s. How many of them are refused?",
    options=(
        claim("None", lambda s: s.refused == 0),
        claim("500", lambda s: s.refused == 500),
        claim("1,000", lambda s: s.refused == 1000),
        claim("1,500", lambda s: s.refused == 1500),
    ),
    in_order=True,
    explain="{refused:,} got status 429, although the account had room: a function gets at most 1,000 "
    "new environments at once, and 1,000 more every 10 s. Clients that try again find room soon.",
    rules=("scaling_burst", "scaling_rate"),
    quotas={"account_concurrency": 5000},
    source="dg/scaling-behavior",
    table="invocations",
)
def two_thousand_at_once(lab):
    lab.create_function("vote", duration=20, timeout=30)
    lab.drive("vote", ll.Burst(2000))
    lab.run()
    return {"refused": int((lab.trace.invocations.status_code == 429).sum())}


@question(
    "concurrency",
    lesson="01",
    text="A handler adds 1 to a counter in a global variable and prints it. Three clients invoke the "
    "function at the same moment; when all have their answers, they do so once more. What is the "
    "largest number in the log?",
    options=(
        claim("1", lambda s: s.largest == 1),
        claim("2", lambda s: s.largest == 2),
        claim("3", lambda s: s.largest == 3),
        claim("6", lambda s: s.largest == 6),
    ),
    in_order=True,
    explain="{environments} environments came to be, one for each request under way, and each has a "
    "memory of its own. It stays as it is between two invocations: those of the second round found the "
    "1 of the first, and printed {largest}.",
    source="dg/lambda-runtime-environment",
    table="attempts",
)
def counter_in_memory(lab):
    code = """
import time
calls = 0

def handler(event, context):
    global calls
    calls += 1
    time.sleep(0.5)
    print(calls)
"""
    lab.create_function("count", code)
    lab.drive("count", ll.Burst(3))
    lab.drive("count", ll.Burst(3, at=1.5))
    lab.run()
    logs, attempts = lab.trace.logs, lab.trace.attempts
    largest = max(int(line) for line in logs.message if line.strip().isdigit())
    return {"largest": largest, "environments": attempts.environment_id.nunique()}


@question(
    "concurrency",
    lesson="08",
    text="A function serves a queue of reports and, through direct synchronous calls, customers: one "
    "each second, 0.5 s of work. When 300 reports (60 s each, batch size 1) come at once, customers "
    "must not be refused; at most 5 reports may be worked on at a time. The account's concurrency is "
    "120. What should the developer do?",
    options=(
        remedy("Set the mapping's maximum concurrency to 5", maximum_concurrency=5),
        remedy("Reserve a concurrency of 5 for the function", reserved_concurrency=5),
        remedy("Reserve a concurrency of 20 for the function", reserved_concurrency=20),
        remedy("Set the maximum batching window to 60 s", maximum_batching_window=60),
    ),
    goal=lambda s: s.refused == 0 and s.most <= 6,
    shows="{refused} of {customers} customers refused; most runs at a time: {most}",
    explain="Maximum concurrency belongs to the mapping: with it there were at most {most} runs at a "
    "time, a customer's among them, and {refused} of {customers} customers were refused. Reserved "
    "concurrency is a lid on the whole function, whoever calls it: queue and customers share it.",
    rules=("account_concurrency", "mapping_concurrency_maximum"),
    quotas={"account_concurrency": 120},
    source="dg/services-sqs-scaling",
)
def reports_and_customers(lab, reserved_concurrency=None, **mapping):
    reports = lab.sqs.create_queue("reports", visibility_timeout=540)
    lab.create_function(
        "work", duration=lambda event: 60 if "Records" in event else 0.5, timeout=90,
        reserved_concurrency=reserved_concurrency,
    )  # fmt: skip
    lab.create_event_source_mapping(reports, "work", batch_size=1, **mapping)
    for first in range(0, 300, 10):
        reports.send_batch(range(first, first + 10))
    lab.drive("work", ll.Every(1), count=60)
    lab.run(until=60)
    calls = lab.trace.invocations
    refused = ((calls.status_code == 429) & (calls.source == "drive")).sum()
    most = lab.trace.summary().set_index("name").loc["work"].most_at_once
    return {"customers": 60, "refused": int(refused), "most": int(most)}
