"""Questions about memory, and what it brings and costs."""

import time

from lambdalab.quiz import names as ll
from lambdalab.quiz.declaring import claim, question, remedy


@question(
    "cost",
    lesson="09",
    text="A function with 512 MB computes on one thread for 3 s; it waits for nobody. What happens when "
    "its memory is set to 1,024 MB?",
    options=(
        claim(
            "It takes as long, and costs twice as much", lambda s: s.faster < 1.1 and s.dearer > 1.9
        ),
        claim("It takes as long, and costs the same", lambda s: s.faster < 1.1 and s.dearer < 1.1),
        claim(
            "It takes half as long, and costs about the same",
            lambda s: s.faster > 1.9 and s.dearer < 1.1,
        ),
        claim(
            "It takes half as long, and costs twice as much",
            lambda s: s.faster > 1.9 and s.dearer > 1.9,
        ),
    ),
    explain="It took {before:,.0f} ms with 512 MB and {after:,.0f} ms with 1,024 MB; a run cost "
    "{dearer:.2f} times as much. The share of a processor grows with the memory, up to a whole one at "
    "1,769 MB: less time, at a higher price for each millisecond.",
    rules=("memory_of_one_vcpu", "price_gb_second"),
    source="dg/configuration-memory",
)
def twice_the_memory(lab):
    def resize(event, context):
        ll.compute(0.868)

    for memory in (512, 1024):
        lab.create_function(f"resize-{memory}", resize, memory_size=memory, timeout=30)
        lab.invoke(f"resize-{memory}")
    before, after = lab.trace.attempts.duration_ms
    cheap, dear = lab.trace.attempts.cost_usd
    return {
        "before": float(before), "after": float(after),
        "faster": float(before / after), "dearer": float(dear / cheap),
    }  # fmt: skip


@question(
    "cost",
    lesson="09",
    text="A function with 2,048 MB asks a partner's API and waits 2 s for the answer; its own work "
    "takes next to nothing, and the log says `Max Memory Used: 36 MB`. The bill must fall by half at "
    "least, and answers may not become slower. What should the developer do?",
    options=(
        remedy("Lower the memory to 256 MB", memory_size=256),
        remedy("Raise the memory to 4,096 MB, so that it ends sooner", memory_size=4096),
        remedy("Change the architecture to `arm64`", architecture="arm64"),
        remedy("Lower the timeout from 10 s to 3 s", timeout=3),
    ),
    goal=lambda s: s.dollars <= s.before / 2 and s.median < 2.1,
    shows="{dollars:.2f} USD for a million calls, each {median:.2f} s",
    explain="With less memory a million calls cost {dollars:.2f} USD in place of {before:.2f}, and took "
    "{median:.2f} s as before: waiting needs no processor. `arm64` costs about a fifth less; a timeout "
    "that is never reached changes nothing.",
    rules=("price_gb_second", "price_request"),
    source="dg/configuration-memory",
)
def waiting_for_a_partner(lab, memory_size=2048, architecture="x86_64", timeout=10):
    def ask(event, context):
        ll.compute(0.001)
        time.sleep(2)

    lab.create_function("before", ask, memory_size=2048, timeout=10)
    lab.create_function(
        "ask", ask, memory_size=memory_size, architecture=architecture, timeout=timeout
    )
    for name in ("before", "ask"):
        lab.drive(name, ll.Every(5), count=8)
    lab.run()
    runs = lab.trace.attempts.groupby("function")
    dollars = runs.cost_usd.mean() * 1_000_000
    median = runs.duration_ms.median()["ask"] / 1000
    return {
        "dollars": float(dollars["ask"]), "before": float(dollars["before"]), "median": float(median),
    }  # fmt: skip


@question(
    "cost",
    lesson="09",
    text="A warm invocation runs for 101.3 ms. For how long is it billed?",
    options=(
        claim("100 ms", lambda s: s.billed == 100),
        claim("101.3 ms", lambda s: s.billed == 101.3),
        claim("102 ms", lambda s: s.billed == 102),
        claim("200 ms", lambda s: s.billed == 200),
    ),
    in_order=True,
    explain="{billed:.0f} ms: duration is rounded up to the next millisecond.",
    rules=("billing_step",),
    source="aws.amazon.com/lambda/pricing",
)
def next_millisecond(lab):
    lab.create_function("ping", duration=0.1013)
    lab.invoke("ping")
    lab.invoke("ping")
    return {"billed": float(lab.trace.attempts.billed_ms.iloc[-1])}


@question(
    "cost",
    lesson="09",
    text="A function has a timeout of 5 minutes. Most calls take 2 s, but in one of ten a partner's "
    "server never answers, and the bill is far too high. Calls that get an answer must succeed as "
    "before. What should the developer do?",
    options=(
        remedy("Lower the timeout to 5 s", timeout=5),
        remedy("Lower the timeout to 1 s", timeout=1),
        remedy("Raise the memory from 128 MB to 1,024 MB", memory_size=1024),
        remedy("Reserve a concurrency of 1 for the function", reserved_concurrency=1),
    ),
    goal=lambda s: s.billed < 120 and s.succeeded == 36,
    shows="{billed:,.0f} s billed for 40 calls; {succeeded} of 36 answers arrived",
    explain="A run that times out is billed up to its timeout, though it brings nothing. With 5 s the "
    "40 calls were billed {billed:,.0f} s; with 5 minutes it had been {before:,.0f} s. The timeout "
    "belongs a little above the longest run that makes sense.",
    rules=("timeout_default", "timeout_maximum"),
    source="dg/configuration-timeout",
)
def partner_never_answers(lab, timeout=300, **settings):
    waited = lambda event: 1e6 if event["call"] % 10 == 0 else 2  # noqa: E731
    lab.create_function("before", duration=waited, timeout=300)
    lab.create_function("ask", duration=waited, timeout=timeout, **settings)
    for name in ("before", "ask"):
        lab.drive(name, ll.Every(10), count=40, payload=lambda n: {"call": n})
    lab.run()
    runs = lab.trace.attempts
    billed = runs.groupby("function").billed_ms.sum() / 1000
    succeeded = ((runs.function == "ask") & (runs.outcome == "success")).sum()
    return {
        "billed": float(billed["ask"]), "before": float(billed["before"]), "succeeded": int(succeeded),
    }  # fmt: skip


@question(
    "cost",
    lesson="09",
    text="A function with 1,024 MB has a provisioned concurrency of 10 for a whole day. Nobody invokes "
    "it. About how much does the day cost?",
    options=(
        claim("Nothing: only invocations are billed", lambda s: s.dollars == 0),
        claim("Nothing, but for 10 initialisations", lambda s: 0 < s.dollars < 0.01),
        claim(
            "About 3.60 USD, a quarter of what 10 busy environments cost",
            lambda s: 3.2 < s.dollars < 4,
        ),
        claim("About 14.40 USD, as much as 10 busy environments", lambda s: 13 < s.dollars < 16),
    ),
    in_order=True,
    explain="{dollars:.2f} USD: 10 environments of 1 GB for 86,400 s, at a price of their own, a "
    "quarter of that of a run on demand. It is due from when provisioned concurrency is asked for until "
    "it is given back.",
    rules=("price_provisioned_gb_second", "provisioned_billing_step", "price_gb_second"),
    source="aws.amazon.com/lambda/pricing",
    table="environments",
)
def ready_all_day(lab):
    lab.create_function("shop", duration=0.5, memory_size=1024)
    lab.publish_version("shop")
    lab.put_provisioned_concurrency("shop", 1, 10)
    lab.run(until="24h")
    lab.delete_provisioned_concurrency("shop", 1)
    return {"dollars": float(lab.trace.summary().cost_usd.sum())}


@question(
    "cost",
    lesson="09",
    text="Each run of a function behind a queue waits 200 ms for a connection to a database, and then "
    "10 ms for each message. The mapping's batch size is 1. 200 messages that come together cost 128 "
    "millionths of a USD; it should be 40 at most. What should the developer do?",
    options=(
        remedy("Set the batch size to 10", batch_size=10),
        remedy("Set the mapping's maximum concurrency to 2", maximum_concurrency=2),
        remedy("Reserve a concurrency of 5 for the function", reserved_concurrency=5),
        remedy("Raise the memory from 128 MB to 256 MB, so that it ends sooner", memory_size=256),
    ),
    goal=lambda s: s.millionths <= 40,
    shows="{runs} runs, {billed:.0f} s billed, {millionths:.0f} millionths of a USD",
    explain="{runs} runs in place of 200: the connection is paid for once in a batch, and so is the "
    "request. {billed:.0f} s were billed. A limit on how many run at a time makes it slower, not "
    "cheaper; waiting for a database is not made shorter by memory.",
    rules=("mapping_batch_size_default", "price_request", "billing_step"),
    source="dg/with-sqs",
    table="batches",
)
def connection_for_each_message(lab, batch_size=1, maximum_concurrency=None, **settings):
    orders = lab.sqs.create_queue("orders")
    for first in range(0, 200, 10):
        orders.send_batch(range(first, first + 10))
    worked = lambda event: 0.2 + 0.01 * len(event["Records"])  # noqa: E731
    lab.create_function("store", duration=worked, **settings)
    lab.create_event_source_mapping(
        orders, "store", batch_size=batch_size, maximum_concurrency=maximum_concurrency
    )
    lab.run()
    runs = lab.trace.attempts
    billed, millionths = float(runs.billed_ms.sum() / 1000), float(runs.cost_usd.sum() * 1e6)
    return {"runs": len(runs), "billed": billed, "millionths": millionths}


@question(
    "cost",
    lesson="01",
    text="Which of these can be the memory size of a function?",
    options=(
        claim("64 MB", lambda s: 64 in s.accepted),
        claim("150 MB", lambda s: 150 in s.accepted),
        claim("1,769 MB", lambda s: 1769 in s.accepted),
        claim("12,288 MB", lambda s: 12288 in s.accepted),
        claim("16,384 MB", lambda s: 16384 in s.accepted),
    ),
    choose=2,
    in_order=True,
    explain="{told} were accepted: 128 to 10,240 MB, in steps of 1 MB.",
    rules=("memory_minimum", "memory_maximum"),
    source="dg/configuration-memory",
)
def sizes_of_memory(lab):
    accepted = []
    for memory in (64, 150, 1769, 12288, 16384):
        try:
            lab.create_function(f"bill-{memory}", duration=0.1, memory_size=memory)
            accepted.append(memory)
        except ll.LabError:
            pass
    return {"accepted": accepted, "told": " and ".join(f"{size:,} MB" for size in accepted)}
