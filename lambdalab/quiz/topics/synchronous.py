"""Questions about a caller who waits."""

import json
import time

from lambdalab.quiz import names as ll
from lambdalab.quiz.declaring import claim, question, remedy


@question(
    "synchronous",
    lesson="02",
    text="A developer runs `aws lambda invoke --function-name quote out.json`, without "
    "`--invocation-type`. The function takes 2 seconds. What happens?",
    options=(
        claim("The command waits for the function; `out.json` holds its result",
              lambda s: s.status == 200 and s.waited >= 2 and s.payload == "ok"),
        claim("The command returns at once with status 202; `out.json` is empty",
              lambda s: s.status == 202 and s.waited < 2),
        claim("Lambda checks the request and runs nothing: status 204", lambda s: s.status == 204),
        claim("Lambda refuses the request, because the type is missing", lambda s: s.status >= 400),
    ),
    explain="RequestResponse is the default: the command came back after {waited:.2f} s with "
    "status {status} and the result {payload!r}.",
    source="botocore Invoke",
    table="invocations",
)  # fmt: skip
def no_invocation_type(lab):
    @lab.function
    def quote(event, context):
        time.sleep(2)
        return "ok"

    reply = lab.invoke(quote)
    return {"status": reply.status_code, "payload": reply.payload, "waited": lab.elapsed}


@question(
    "synchronous",
    lesson="01",
    text="A new function with default settings calls a partner's server, which needs 5 seconds "
    "to answer today. What does the caller of the function get?",
    options=(
        claim(
            "A timeout error after 3 seconds", lambda s: s.outcome == "timeout" and s.seconds == 3
        ),
        claim("The result after 5 seconds", lambda s: s.outcome == "success"),
        claim(
            "A timeout error after 29 seconds", lambda s: s.outcome == "timeout" and s.seconds == 29
        ),
        claim(
            "A timeout error after 15 minutes",
            lambda s: s.outcome == "timeout" and s.seconds == 900,
        ),
    ),
    explain="The run ended as {outcome} after {seconds:g} s: the timeout that a function has "
    "until somebody sets another.",
    rules=("timeout_default",),
    in_order=True,
)
def default_timeout(lab):
    @lab.function
    def ask_partner(event, context):
        time.sleep(5)

    lab.invoke(ask_partner)
    run = lab.trace.attempts.iloc[0]
    return {"outcome": run.outcome, "seconds": float(run.duration_ms / 1000)}


@question(
    "synchronous",
    lesson="01",
    text="A nightly conversion needs 12 minutes and is stopped each time. Its timeout is 5 "
    "minutes. What should the developer do?",
    options=(
        remedy("Set the function's timeout to 15 minutes", timeout=900),
        remedy("Set the function's timeout to 1 hour, to be safe", timeout=3600),
        remedy("Keep the timeout, and let Lambda retry the event twice", maximum_retry_attempts=2),
        remedy(
            "Keep the timeout, and reserve concurrency for the function", reserved_concurrency=10
        ),
    ),
    goal=lambda s: s.converted,
    shows="{told}",
    explain="With this setting: {told}. 900 seconds is the longest timeout, so what takes longer "
    "must be cut into parts. A retry begins from the start.",
    rules=("timeout_maximum",),
)
def twelve_minutes(lab, timeout=300, maximum_retry_attempts=0, **others):
    try:
        lab.create_function(
            "convert",
            lambda event, context: time.sleep(12 * 60),
            timeout=timeout,
            maximum_retry_attempts=maximum_retry_attempts,
            **others,
        )
    except ll.LabError as error:
        return {"converted": False, "told": f"refused: {error}"}
    lab.invoke("convert", invocation_type="Event")
    lab.run()
    ends = list(lab.trace.attempts.outcome)
    return {"converted": "success" in ends, "told": f"ended as {', '.join(ends)}"}  # fmt: skip


@question(
    "synchronous",
    lesson="02",
    text="`GET /report` of a REST API has a Lambda proxy integration with default settings. The "
    "function's timeout is 60 seconds, and today it needs 40. What happens?",
    options=(
        claim("The client gets 504 after 29 seconds; the function runs on to its end and is billed for 40",
              lambda s: s.status == 504 and s.waited == 29 and s.billed == 40),
        claim("The client gets 504 after 29 seconds; the function is stopped and billed for 29",
              lambda s: s.status == 504 and s.billed == 29),
        claim("The client gets the report after 40 seconds", lambda s: s.status == 200),
        claim("The client gets 504 after 60 seconds, when the function times out",
              lambda s: s.status == 504 and s.waited == 60),
    ),
    explain="Status {status} after {waited:g} s. API Gateway stopped waiting, and Lambda knows "
    "nothing of that: the run ended as {outcome} and was billed for {billed:g} s.",
    rules=("api_gateway_rest_timeout",),
    source="dg/services-apigateway-errors",
)  # fmt: skip
def forty_seconds_behind_an_api(lab):
    lab.create_function("report", duration=40, timeout=60)
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/report", "report")
    answer = api.get("/report")
    lab.run()
    run = lab.trace.attempts.iloc[0]
    return {"status": answer.status_code, "waited": round(answer.latency_ms / 1000),
            "outcome": run.outcome, "billed": float(run.billed_ms / 1000)}  # fmt: skip


@question(
    "synchronous",
    lesson="02",
    text="An API makes a PDF that takes 45 seconds of waiting for other systems. Clients get "
    "504. They only need to know that the job was taken; the PDF goes out by e-mail. What should "
    "the developer do?",
    options=(
        remedy(
            "Use a non-proxy integration with the header `X-Amz-Invocation-Type: 'Event'`",
            event=True,
        ),
        remedy("Raise the function's timeout to 900 seconds", timeout=900),
        remedy("Give the function 10,240 MB of memory", memory_size=10_240),
        remedy("Let the client send the request up to three times", tries=3),
    ),
    goal=lambda s: s.status < 300 and s.mails == 1,
    shows="status {status} after {waited:.0f} s, e-mails sent: {mails}",
    explain="The client got {status} after {waited:.1f} s; e-mails sent: {mails}. The 29 seconds "
    "are API Gateway's, and no setting of the function moves them. A client that tries again "
    "gets another 504, and one more e-mail.",
    rules=("api_gateway_rest_timeout",),
    source="apigw/set-up-lambda-integration-async",
)
def pdf_behind_an_api(lab, event=False, tries=1, timeout=60, memory_size=128):
    @lab.function(timeout=timeout, memory_size=memory_size)
    def make_pdf(event, context):
        time.sleep(45)
        print("e-mail sent")

    api = lab.api_gateway.create_rest_api("shop")
    header = {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}
    settings = {"proxy": False, "request_parameters": header} if event else {}
    api.route("POST", "/pdf", make_pdf, **settings)
    began = lab.elapsed
    for _ in range(tries):
        answer = api.post("/pdf", {"order": 1})
    waited = lab.elapsed - began
    lab.run()
    mails = list(lab.trace.logs.message).count("e-mail sent")
    return {"status": answer.status_code, "waited": waited, "mails": mails}


@question(
    "synchronous",
    lesson="02",
    text="A client invokes a function synchronously and sends a scanned document in the event. "
    "What is the largest event that Lambda takes?",
    options=(
        claim("256 KB", lambda s: s.kb == 256),
        claim("1 MB", lambda s: s.kb == 1024),
        claim("6 MB", lambda s: s.kb == 6 * 1024),
        claim("10 MB", lambda s: s.kb == 10 * 1024),
    ),
    explain="The largest that got through had {kb:,} KB; the next larger one was answered with "
    "{refused}, and nothing ran. Larger documents go to S3, and the event carries their key.",
    rules=("synchronous_payload",),
    in_order=True,
    table="invocations",
)
def largest_synchronous_event(lab):
    lab.create_function("scan", duration=0.1)
    largest = refused = 0
    for kb in (256, 1024, 6 * 1024, 10 * 1024):
        try:
            lab.invoke("scan", json.dumps("x" * (kb * 1024 - 2)).encode())
            largest = kb
        except ll.ServiceError as error:
            refused = refused or error.status_code
    return {"kb": largest, "refused": refused}


@question(
    "synchronous",
    lesson="02",
    text="A program calls `Invoke` synchronously. The function's code raises an exception. How "
    "does the program learn of it?",
    options=(
        claim("Status 200, with `FunctionError` set and the error in the payload",
              lambda s: s.status == 200 and s.error == "Unhandled"),
        claim("Status 500: Internal Server Error", lambda s: s.status == 500),
        claim("Status 502: Bad Gateway", lambda s: s.status == 502),
        claim("Status 200 with the payload `null`; only the log tells of the error",
              lambda s: s.status == 200 and not s.error),
    ),
    explain="Status {status}, FunctionError {error!r}, error type {kind!r}. The status says that "
    "Lambda has run the function; whether the function did well stands beside it.",
    source="botocore Invoke",
    table="invocations",
)  # fmt: skip
def error_of_the_function(lab):
    @lab.function
    def price(event, context):
        raise KeyError("no such article")

    reply = lab.invoke(price, {"article": "horn"})
    kind = reply.payload["errorType"] if reply.payload else ""
    return {"status": reply.status_code, "error": reply.function_error, "kind": kind}


@question(
    "synchronous",
    lesson="02",
    text="A Python program invokes a function synchronously through an AWS SDK with default "
    "retries. The function raises an exception each time. How often does it run for one call of "
    "the program?",
    options=(
        claim("Once", lambda s: s.runs == 1),
        claim("Twice", lambda s: s.runs == 2),
        claim("Three times", lambda s: s.runs == 3),
        claim("Five times", lambda s: s.runs == 5),
    ),
    explain="Runs: {runs}. Lambda does not retry what somebody waits for, and for the SDK the "
    "answer is a success: its status is {status}. The retry has to stand in the program's own "
    "code.",
    source="dg/invocation-retries",
    in_order=True,
)
def retries_of_a_synchronous_call(lab):
    lab.create_function("price", duration=0.2, failure_rate=1)
    reply = lab.invoke("price", caller=ll.SdkClient())
    lab.run()
    return {"runs": len(lab.trace.attempts), "status": reply.status_code}


@question(
    "synchronous",
    lesson="02",
    text="A function behind a REST API (Lambda proxy integration) runs without an error, and yet "
    'each client gets 502. It returns `{"total": 9}`. What should the developer change?',
    options=(
        remedy("Return a `statusCode`, and the result as a JSON text in `body`", shape="proxy"),
        remedy("Return the result as a JSON text", shape="text"),
        remedy("Put the result into a `result` key beside a `statusCode`", shape="other key"),
        remedy("Raise the function's timeout", shape="plain", timeout=60),
    ),
    goal=lambda s: s.status == 200 and s.body == {"total": 9},
    shows="status {status}",
    explain="With a result in that form the client got {status} and {body}. API Gateway answers "
    "502 to any result that is not in the proxy format, however well the function ran.",
    source="dg/services-apigateway-errors",
    table="requests",
)
def result_without_a_status(lab, shape, timeout=3):
    total = {"total": 9}
    results = {
        "plain": total,
        "text": json.dumps(total),
        "other key": {"statusCode": 200, "result": total},
        "proxy": {"statusCode": 200, "body": json.dumps(total)},
    }
    lab.create_function("sum", lambda event, context: results[shape], timeout=timeout)
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/total", "sum")
    answer = api.get("/total")
    return {"status": answer.status_code, "body": answer.json() if answer.text else None}
