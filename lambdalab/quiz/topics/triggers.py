"""Questions about services that call a function: what they hear, and what goes wrong."""

import time

from lambdalab.quiz import names as ll
from lambdalab.quiz.declaring import claim, question, remedy


@question(
    "triggers",
    lesson="50",
    text="A bucket notifies a function of each upload. One file is broken, and the function "
    "raises an exception whenever it reads it. Who tries again, and how often does the function "
    "run for this file?",
    options=(
        claim("Lambda; 3 times in all", lambda s: s.runs == 3 and s.calls == 1),
        claim("S3; 3 times in all", lambda s: s.runs == 3 and s.calls == 3),
        claim("S3; until the function succeeds, for up to 6 hours", lambda s: s.calls > 3),
        claim("Nobody; once", lambda s: s.runs == 1),
    ),
    explain="Calls by S3: {calls}, answered with {status}; with that S3 was done. Runs: {runs}. "
    "The retries are those of asynchronous invocation, whoever sent the event.",
    rules=("maximum_retry_attempts",),
)
def broken_file(lab):
    lab.create_function("read", duration=1, failure_rate=1)
    uploads = lab.s3.create_bucket("uploads")
    uploads.notify("read")
    uploads.put_object("broken.csv", b"...")
    lab.run()
    calls = lab.trace.requests
    return {
        "runs": len(lab.trace.attempts),
        "calls": len(calls),
        "status": int(calls.status_code.iloc[0]),
    }


@question(
    "triggers",
    lesson="04",
    text="Somebody deleted the permission that lets an SNS topic invoke a function, and the "
    "messages of a day are lost. Where does a dead-letter queue have to be, so that it keeps "
    "them next time?",
    options=(
        remedy("On the topic's subscription", on_subscription=True),
        remedy("On the function", on_function=True),
        remedy("On the function, together with an on-failure destination", on_function=True,
               on_failure="kept"),
        remedy("Nowhere: raise the function's retry attempts to 2", maximum_retry_attempts=2),
    ),
    goal=lambda s: s.kept == 1,
    shows="messages kept: {kept}",
    explain="Messages kept: {kept}. SNS was answered with {status}, so Lambda never had the "
    "event, and nothing that is set at the function can have it. Each who hands events on has "
    "its own dead-letter queue.",
    source="snsdg/sns-message-delivery-retries",
    table="requests",
)  # fmt: skip
def permission_deleted(lab, on_subscription=False, on_function=False, **settings):
    kept = lab.sqs.create_queue("kept")
    if on_function:
        settings["dead_letter_queue"] = kept
    lab.create_function("bill", duration=1, **settings)
    news = lab.sns.create_topic("news")
    news.subscribe("bill", dead_letter_queue=kept if on_subscription else None)
    lab.remove_permission("bill")
    news.publish("a sale")
    lab.run()
    status = lab.trace.requests.status_code.iloc[0]
    return {"kept": len(kept.messages), "status": int(status)}


@question(
    "triggers",
    lesson="50",
    text="A Cognito user pool has a `PreSignUp` function that asks another company and needs 6 "
    "seconds, with a timeout of 30. Sign-up fails. What helps?",
    options=(
        remedy(
            "Make the function answer faster: ask the other company later, asynchronously",
            seconds=1,
        ),
        remedy("Raise the function's timeout to 60 seconds", timeout=60),
        remedy("Give the function a dead-letter queue", dead_letter_queue="failed"),
        remedy("Set the function's retry attempts to 2", maximum_retry_attempts=2),
    ),
    goal=lambda s: s.signed_up,
    shows="{told}, calls: {calls}",
    explain="{told}, calls: {calls}. Cognito waits 5 seconds for a trigger, and nobody can "
    "change that. It calls three times, and then the sign-up fails.",
    rules=("cognito_timeout", "cognito_tries"),
    table="requests",
)
def slow_sign_up(lab, seconds=6, timeout=30, **settings):
    @lab.function(timeout=timeout, **settings)
    def check(event, context):
        time.sleep(seconds)
        return event

    pool = lab.cognito.create_user_pool("customers", pre_sign_up=check)
    try:
        pool.sign_up("ann", {"email": "ann@example.com"})
        signed_up = True
    except ll.ServiceError:
        signed_up = False
    lab.run()
    told = "signed up" if signed_up else "sign-up failed"
    return {"signed_up": signed_up, "told": told, "calls": len(lab.trace.attempts)}


@question(
    "triggers",
    lesson="50",
    text="Clients of a REST API (proxy integration) get `500 Internal server error` at noon. The "
    "function's `Errors` metric is 0 all day. What is the most likely cause?",
    options=(
        claim("The function is throttled", lambda s: s.throttled == (500, 0)),
        claim("The function raises an exception", lambda s: s.raises == (500, 0)),
        claim(
            "The function returns a result that API Gateway cannot read",
            lambda s: s.shape == (500, 0),
        ),
        claim("The function needs more than 29 seconds", lambda s: s.slow == (500, 0)),
    ),
    explain="Status and errors of each: throttled {throttled}, an exception {raises}, an "
    "unreadable result {shape}, too slow {slow}. What Lambda refuses is a 500 of the API and a "
    "`Throttles` of the function.",
    source="dg/services-apigateway-errors",
    table="requests",
)
def five_hundred_without_errors(lab):
    def fail(event, context):
        raise KeyError("no such article")

    lab.create_function("throttled", duration=1, reserved_concurrency=0)
    lab.create_function("raises", fail)
    lab.create_function("shape", lambda event, context: "hello")
    lab.create_function("slow", lambda event, context: time.sleep(40), timeout=60)
    api = lab.api_gateway.create_rest_api("shop")
    seen = {}
    for name in ("throttled", "raises", "shape", "slow"):
        api.route("GET", f"/{name}", name)
        status = api.get(f"/{name}").status_code
        lab.run()
        runs = lab.trace.attempts.query("function == @name")
        seen[name] = (status, int((runs.outcome != "success").sum()))
    return seen


@question(
    "triggers",
    lesson="50",
    text="A function returns PDF files of 2 MB to browsers. Behind an Application Load Balancer "
    "each answer is a 502. Which two fronts could take its place?",
    options=(
        claim("An API Gateway REST API", lambda s: s.rest_api == 200),
        claim("A Lambda function URL", lambda s: s.url == 200),
        claim(
            "Another Application Load Balancer, with a longer idle timeout",
            lambda s: s.balancer == 200,
        ),
        claim(
            "CloudFront, with the file as a response generated by Lambda@Edge",
            lambda s: s.edge == 200,
        ),
    ),
    choose=2,
    explain="REST API {rest_api}, function URL {url}, load balancer {balancer}, Lambda@Edge "
    "{edge}. A load balancer takes 1 MB from a function, a viewer request at the edge 40 KB; the "
    "others 6 MB.",
    rules=("load_balancer_response", "edge_viewer_response"),
    table="requests",
)
def two_megabytes(lab):
    pdf = "x" * 2 * 1024**2
    lab.create_function("pdf", lambda event, context: {"statusCode": 200, "body": pdf})
    lab.create_function("edge", lambda event, context: {"status": "200", "body": pdf})
    api = lab.api_gateway.create_rest_api("files")
    api.route("GET", "/", "pdf")
    balancer = lab.elb.create_load_balancer("files", "pdf", idle_timeout=600)
    site = lab.cloudfront.create_distribution("files", {"/": ""})
    site.associate("viewer-request", lab.publish_version("edge"))
    fronts = {"rest_api": api, "url": lab.create_function_url("pdf"), "balancer": balancer,
              "edge": site}  # fmt: skip
    return {name: front.get("/").status_code for name, front in fronts.items()}


@question(
    "triggers",
    lesson="50",
    text="A function makes a thumbnail of each object in the bucket `photos`, and writes it into "
    "the same bucket. The bill is alarming. What should the developer do?",
    options=(
        remedy("Write the thumbnails into another bucket", other_bucket=True),
        remedy("Reserve a concurrency of 1 for the function", reserved_concurrency=1),
        remedy("Set the function's retry attempts to 0", maximum_retry_attempts=0),
        remedy("Lower the function's timeout to 1 second", timeout=1),
    ),
    goal=lambda s: s.runs == 1,
    shows="runs for one photo: {runs}",
    explain="Runs for one photo: {runs}. Each thumbnail in the same bucket is an upload again. "
    "Lambda stops such a chain after about 16 runs, which is a safety net and no design; a "
    "notification with a prefix (`in/`) helps as well.",
    rules=("recursion_limit", "s3_recursion"),
)
def thumbnails_of_thumbnails(lab, other_bucket=False, **settings):
    photos, thumbnails = lab.s3.create_bucket("photos"), lab.s3.create_bucket("thumbnails")
    target = thumbnails if other_bucket else photos

    @lab.function(**settings)
    def shrink(event, context):
        key = event["Records"][0]["s3"]["object"]["key"]
        target.put_object(f"small-{key}", b"...")

    photos.notify(shrink)
    photos.put_object("cat.jpg", b"a photo")
    lab.run()
    return {"runs": len(lab.trace.attempts)}


@question(
    "triggers",
    lesson="50",
    text="A stack of CloudFormation has a custom resource. Its function runs without an error in "
    "2 seconds, and yet the stack stands at `CREATE_IN_PROGRESS` for an hour, and fails. What "
    "was forgotten?",
    options=(
        remedy("The function must send its result to the event's `ResponseURL`", respond=True),
        remedy("The function must return `SUCCESS`", result="SUCCESS"),
        remedy("The function needs a longer timeout", timeout=900),
        remedy("The function needs an on-success destination", on_success="done"),
    ),
    goal=lambda s: s.status == "CREATE_COMPLETE",
    shows="{status} after {seconds:,.0f} s",
    explain="{status} after {seconds:.1f} s. CloudFormation invokes asynchronously: nobody reads "
    "what the function returns, so it has to call back.",
    rules=("cloudformation_service_timeout",),
    table="invocations",
)
def stack_in_progress(lab, respond=False, result=None, **settings):
    lab.sqs.create_queue("done")

    @lab.function(**settings)
    def seed(event, context):
        time.sleep(2)
        if respond:
            lab.cloudformation.respond(event)
        return result

    made = {"Seed": {"Type": "Custom::Seed", "ServiceToken": seed}}
    stack = lab.cloudformation.create_stack("shop", made, disable_rollback=True)
    lab.run()
    return {"status": stack.status, "seconds": lab.elapsed}
