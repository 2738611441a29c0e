"""Questions about the bill: what is paid for, and what is not."""

from lambdalab.quiz import names as ll
from lambdalab.quiz.declaring import claim, question, remedy


@question(
    "cost",
    lesson="09",
    text="A function with 128 MB compresses pictures: its processor is busy all the time, and it "
    "needs 20 MB. Each picture takes 4 seconds, which is too long. What makes it quicker?",
    options=(
        remedy("Raise the memory to 1,024 MB", memory_size=1024),
        remedy("Raise the timeout to 60 seconds", timeout=60),
        remedy("Reserve a concurrency of 100", reserved_concurrency=100),
        remedy("Lower the timeout to 5 seconds", timeout=5),
    ),
    goal=lambda s: s.seconds < 1,
    shows="{seconds:.2f} s for a picture",
    explain="Now it takes {seconds:.2f} s. Processor power comes in proportion to memory (1,769 "
    "MB are one vCPU), and cannot be had without it.",
    rules=("memory_of_one_vcpu",),
)
def pictures_too_slow(lab, memory_size=128, timeout=10, reserved_concurrency=None):
    @lab.function(
        memory_size=memory_size, timeout=timeout, reserved_concurrency=reserved_concurrency
    )
    def compress(event, context):
        ll.compute(0.29)  # seconds of one whole vCPU

    lab.invoke(compress)
    return {"seconds": float(lab.trace.attempts.duration_ms[0] / 1000)}


@question(
    "cost",
    lesson="09",
    text="An asynchronous event makes a function fail after 2 seconds, each time. Retries have "
    "their default. How many seconds are billed for this event?",
    options=(
        claim("0: runs that fail are free", lambda s: s.billed == 0),
        claim("2: retries are free", lambda s: s.billed == 2),
        claim("6", lambda s: s.billed == 6),
        claim("About 190: the waits between the retries, too", lambda s: s.billed > 100),
    ),
    explain="{billed:g} seconds, for {runs} runs of 2 s. Each run is billed, however it ends; "
    "between them the event lies in Lambda's queue, which costs nothing.",
    rules=("maximum_retry_attempts",),
    in_order=True,
)
def bill_of_a_failure(lab):
    lab.create_function("bill", duration=2, failure_rate=1)
    lab.invoke("bill", invocation_type="Event")
    lab.run()
    billed = lab.trace.attempts.billed_ms / 1000
    return {"billed": float(billed.sum()), "runs": len(billed)}


@question(
    "cost",
    lesson="09",
    text="`checkout` invokes `tax` and `stock` synchronously, one after the other, and waits for "
    "each. All three have the same memory; `tax` and `stock` take a second each. For how many "
    "seconds is one checkout billed, when all are warm?",
    options=(
        claim("About 2", lambda s: 1.9 < s.billed < 2.2),
        claim("About 3", lambda s: 2.9 < s.billed < 3.2),
        claim("About 4", lambda s: 3.9 < s.billed < 4.2),
        claim("About 6", lambda s: 5.9 < s.billed < 6.2),
    ),
    explain="{billed:.1f} seconds: two for the work, and two in which `checkout` stands and "
    "waits. Step Functions, or events, do the waiting for less.",
    rules=("billing_step",),
    in_order=True,
)
def paying_twice(lab):
    lab.create_function("tax", duration=1)
    lab.create_function("stock", duration=1)

    @lab.function(timeout=10)
    def checkout(event, context):
        lab.invoke("tax")
        lab.invoke("stock")

    lab.invoke(checkout)
    before = len(lab.trace.attempts)
    lab.invoke(checkout)
    billed = lab.trace.attempts.billed_ms[before:] / 1000
    return {"billed": float(billed.sum())}


@question(
    "cost",
    lesson="09",
    text="In a month a function succeeds 900 times, raises an exception 60 times and is "
    "throttled 40 times, all of them synchronous calls. How many requests are billed?",
    options=(
        claim("900: those that succeeded", lambda s: s.billed == 900),
        claim("940: all but the failed ones", lambda s: s.billed == 940),
        claim("960: all but the throttled ones", lambda s: s.billed == 960),
        claim("1,000: all of them", lambda s: s.billed == 1000),
    ),
    explain="{billed} runs stand in the books with a price, {failed} of them failed ones. A "
    "throttled request has never run ({throttled} of them, 0 USD).",
    rules=("price_request",),
    in_order=True,
    table="invocations",
)
def billed_requests(lab):
    @lab.function
    def quote(event, context):
        if event["number"] < 60:
            raise KeyError("no such article")

    lab.drive(quote, ll.Every(1), count=960, payload=lambda n: {"number": n})
    lab.run()
    lab.put_function_concurrency(quote, 0)
    lab.drive(quote, ll.Every(1), count=40)
    lab.run()
    runs, statuses = lab.trace.attempts, lab.trace.invocations.status
    failed, throttled = list(runs.outcome).count("error"), list(statuses).count("throttled")
    return {"billed": int((runs.cost_usd > 0).sum()), "failed": failed, "throttled": throttled}
