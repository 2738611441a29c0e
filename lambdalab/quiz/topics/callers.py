"""Questions about who calls a function: those who wait, those who do not, and those who are polled."""

import time

from lambdalab.quiz import names as ll
from lambdalab.quiz.declaring import claim, question, remedy


@question(
    "triggers",
    lesson="50",
    text="Which two of these services invoke a function synchronously?",
    options=(
        claim("Application Load Balancer", lambda s: s.load_balancer == "RequestResponse"),
        claim("Amazon Cognito", lambda s: s.cognito == "RequestResponse"),
        claim("Amazon S3", lambda s: s.s3 == "RequestResponse"),
        claim("Amazon SNS", lambda s: s.sns == "RequestResponse"),
        claim("Amazon EventBridge", lambda s: s.eventbridge == "RequestResponse"),
    ),
    choose=2,
    explain="Somebody waits behind the load balancer ({load_balancer}) and behind Cognito "
    "({cognito}). S3, SNS and EventBridge only tell that something has happened ({s3}).",
    source="dg/lambda-services",
    table="invocations",
)
def two_that_wait(lab):
    f = lab.create_function("f", duration=0.1)
    lab.elb.create_load_balancer("front", f).get("/")
    lab.cognito.create_user_pool("people", pre_sign_up=f).sign_up("ann")
    bucket, topic = lab.s3.create_bucket("photos"), lab.sns.create_topic("news")
    bucket.notify(f)
    topic.subscribe(f)
    bus = lab.eventbridge["default"]
    bus.put_rule("paid", event_pattern={"source": ["shop"]}).put_target(f)
    bucket.put_object("cat.jpg", b"...")
    lab.run()
    topic.publish("a sale")
    lab.run()
    bus.put_event(source="shop", detail_type="paid", detail={})
    lab.run()
    services = ("load_balancer", "cognito", "s3", "sns", "eventbridge")
    return dict(zip(services, lab.trace.invocations.invocation_type, strict=True))


@question(
    "triggers",
    lesson="50",
    text="Which three of these services invoke a function asynchronously?",
    options=(
        claim("Amazon API Gateway (proxy integration)", lambda s: s.api_gateway == "Event"),
        claim("Amazon Data Firehose", lambda s: s.firehose == "Event"),
        claim("Amazon CloudFront (Lambda@Edge)", lambda s: s.cloudfront == "Event"),
        claim("AWS CodeCommit", lambda s: s.codecommit == "Event"),
        claim("Amazon CloudWatch Logs", lambda s: s.logs == "Event"),
        claim("AWS Config", lambda s: s.config == "Event"),
    ),
    choose=3,
    explain="CodeCommit ({codecommit}), CloudWatch Logs ({logs}) and Config ({config}) do not need "
    "an answer. API Gateway, Firehose and CloudFront need one before they can go on ({firehose}).",
    source="dg/lambda-services",
    table="invocations",
)
def three_that_do_not_wait(lab):
    f = lab.create_function("f", duration=0.1)
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/", f)
    api.get("/")
    lab.firehose.create_delivery_stream("hose", f).put_record("click")
    lab.run()
    site = lab.cloudfront.create_distribution("site", {"/": "hello"})
    site.associate("viewer-request", lab.publish_version(f))
    site.get("/")
    repository = lab.codecommit.create_repository("website")
    repository.put_trigger("ci", f)
    repository.push("main")
    lab.run()
    lab.create_function("noisy", duration=0.1)
    lab.logs.put_subscription_filter("/aws/lambda/noisy", f, filter_pattern="REPORT")
    lab.invoke("noisy")
    lab.run()
    lab.config.put_config_rule("tags", f, resource_types=["AWS::S3::Bucket"])
    lab.config.record("AWS::S3::Bucket", "photos")
    lab.run()
    calls = lab.trace.invocations.query("function == 'f'")
    services = ("api_gateway", "firehose", "cloudfront", "codecommit", "logs", "config")
    return dict(zip(services, calls.invocation_type, strict=True))


@question(
    "triggers",
    lesson="50",
    text="For which two of these sources does Lambda run pollers, in an event source mapping, "
    "because the source itself calls nobody?",
    options=(
        claim("Amazon SQS", lambda s: "orders" in s.polled),
        claim("Amazon Kinesis Data Streams", lambda s: "clicks" in s.polled),
        claim("Amazon SNS", lambda s: "news" in s.polled),
        claim("Amazon S3", lambda s: "photos" in s.polled),
        claim("AWS CloudFormation", lambda s: "shop" in s.polled),
    ),
    choose=2,
    explain="The function got {events} events. Those that came as batches of a poller were from "
    "{told}; the others called it themselves.",
    source="dg/invocation-eventsourcemapping",
    table="batches",
)
def two_that_are_polled(lab):
    f = lab.create_function("f", duration=0.1)
    orders, clicks = lab.sqs.create_queue("orders"), lab.kinesis.create_stream("clicks")
    lab.create_event_source_mapping(orders, f)
    lab.create_event_source_mapping(clicks, f, starting_position="TRIM_HORIZON")
    news, photos = lab.sns.create_topic("news"), lab.s3.create_bucket("photos")
    news.subscribe(f)
    photos.notify(f)
    orders.send({"order": 1})
    clicks.put_record(b"click", partition_key="1")
    news.publish("a sale")
    photos.put_object("cat.jpg", b"...")
    seed = {"Seed": {"Type": "Custom::Seed", "ServiceToken": f}}
    lab.cloudformation.create_stack("shop", seed, service_timeout=60, disable_rollback=True)
    lab.run()
    polled, events = sorted(set(lab.trace.batches.source)), len(lab.trace.invocations)
    return {"polled": polled, "told": " and ".join(polled), "events": events}


@question(
    "triggers",
    lesson="50",
    text="A function makes a report that takes a minute. It must run once a week, and nothing "
    "else of the company runs on AWS. What does this?",
    options=(
        remedy("An EventBridge rule with the schedule `rate(7 days)`", how="rule"),
        remedy("An SQS queue whose messages are delayed by 7 days", how="queue"),
        remedy("A function that sleeps for 7 days when it is done, and begins again", how="sleep"),
        remedy("A reserved concurrency of 1, so that it runs once at a time", how="reserved"),
    ),
    goal=lambda s: s.reports == 4,
    shows="reports in four weeks: {reports}{note}",
    explain="Reports in four weeks: {reports}. The rule invokes the function asynchronously. A "
    "message is delayed by 15 minutes at most, and a function runs for 15 minutes at most; a "
    "reservation invokes nothing.",
    rules=("sqs_delay_maximum", "timeout_maximum"),
    table="invocations",
)
def once_a_week(lab, how):
    week, note = 7 * 24 * 3600, ""

    @lab.function(timeout=900, reserved_concurrency=1 if how == "reserved" else None)
    def report(event, context):
        time.sleep(60)
        print("report")
        time.sleep(week if how == "sleep" else 0)

    try:
        if how == "rule":
            rule = lab.eventbridge["default"].put_rule("weekly", schedule_expression="rate(7 days)")
            rule.put_target(report)
        if how == "queue":
            lab.sqs.create_queue("weekly", delay=week)
        if how == "sleep":
            lab.invoke(report, invocation_type="Event")
    except ll.LabError:
        note = " (refused)"
    lab.run(until=4 * week + 3600)
    return {"reports": list(lab.trace.logs.message).count("report"), "note": note}
