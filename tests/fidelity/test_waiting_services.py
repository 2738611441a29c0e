"""Load balancers, Cognito, Firehose and CloudFront: services that wait for a function's answer."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting, ServiceError

MB = 1024 * 1024


def answering(lab: ll.Lab, result: Any, name: str = "f", **settings: Any) -> Any:
    """A function that returns this, or raises it."""

    def handler(event: Any, context: Any) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return lab.create_function(name, handler, **settings)


# ---------------------------------------------------------------------- load balancers


def test_a_load_balancer_waits_for_one_function(lab: ll.Lab) -> None:
    answering(lab, {"statusCode": 200, "body": "hi"})
    balancer = lab.elb.create_load_balancer("shop", "f")
    assert balancer.get("/").text == "hi"
    assert list(lab.trace.invocations.invocation_type) == ["RequestResponse"]
    answering(lab, {"statusCode": 200}, "other")
    with pytest.raises(InvalidSetting):
        lab.elb.target_groups["shop"].register_targets("other")


def test_bodies_of_1_mb(lab: ll.Lab) -> None:
    """The request's body; of the answer, the whole JSON."""
    frame = len(json.dumps({"statusCode": 200, "body": ""}))

    def handler(event: Any, context: Any) -> Any:
        return {"statusCode": 200, "body": "x" * (MB - frame + int(event["path"][1:]))}

    lab.create_function("f", handler)
    balancer = lab.elb.create_load_balancer("shop", "f")
    assert [balancer.get(path).status_code for path in ("/0", "/1")] == [200, 502]
    told = [balancer.post("/0", "x" * size).status_code for size in (MB, MB + 1)]
    assert told == [200, 413]
    assert len(lab.trace.invocations) == 3, "Lambda never hears of the last"


def test_a_websocket_is_a_400(lab: ll.Lab) -> None:
    balancer = lab.elb.create_load_balancer("shop", answering(lab, {"statusCode": 200}))
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert balancer.get("/", headers=headers).status_code == 400


def test_what_a_load_balancer_takes_for_a_response(lab: ll.Lab) -> None:
    result = {
        "statusCode": 201, "statusDescription": "201 Created", "isBase64Encoded": True,
        "headers": {"X-A": "a"}, "body": "aGk=",
    }  # fmt: skip
    reply = lab.elb.create_load_balancer("shop", answering(lab, result)).get("/")
    assert (reply.status_code, reply.text, reply.headers["x-a"]) == (201, "hi", "a")


def test_several_values_both_ways(lab: ll.Lab) -> None:
    seen: list[Any] = []

    def handler(event: Any, context: Any) -> Any:
        seen.append(event["multiValueHeaders"]["x-a"])
        return {"statusCode": 200, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}}

    lab.create_function("f", handler)
    balancer = lab.elb.create_load_balancer("shop", "f", multi_value_headers=True)
    reply = balancer.get("/", headers={"X-A": ["1", "2"]})
    assert (seen, reply.headers["set-cookie"]) == ([["1", "2"]], "a=1, b=2")


@pytest.mark.parametrize("result", ["text", {}, {"body": "no status"}, ValueError("no")], ids=repr)
def test_what_fails_behind_a_load_balancer_is_a_502(lab: ll.Lab, result: Any) -> None:
    balancer = lab.elb.create_load_balancer("shop", answering(lab, result))
    assert balancer.get("/").status_code == 502
    assert len(lab.trace.attempts) == 1


def test_a_call_that_is_refused_behind_a_load_balancer_is_a_502(lab: ll.Lab) -> None:
    balancer = lab.elb.create_load_balancer("shop", answering(lab, {"statusCode": 200}))
    lab.remove_permission("f")
    assert balancer.get("/").status_code == 502
    lab.delete_function("f")
    assert balancer.get("/").status_code == 502


@pytest.mark.parametrize(("quotas", "status"), [({}, 502), (503, 503)])
def test_a_throttle_behind_a_load_balancer_is_a_502_or_a_503(quotas: Any, status: int) -> None:
    given = {"load_balancer_throttled_status": quotas} if quotas else {}
    lab = ll.Lab(seed=7, quotas=given)
    balancer = lab.elb.create_load_balancer("shop", answering(lab, {"statusCode": 200}))
    lab.put_function_concurrency("f", 0)
    assert balancer.get("/").status_code == status


def test_health_checks_are_billed_calls_and_off_by_default(lab: ll.Lab) -> None:
    answering(lab, {"statusCode": 200})
    lab.elb.create_load_balancer("quiet", "f")
    lab.run(until="10min")
    assert len(lab.trace.attempts) == 0
    lab.elb.create_load_balancer("shop", "f", health_check=True)
    lab.run(until="20min")
    assert len(lab.trace.attempts) == 18, "one every 35 s"
    assert (lab.trace.attempts.billed_ms > 0).all()


# ---------------------------------------------------------------------- Cognito


def test_a_user_pool_waits_five_seconds_three_times(lab: ll.Lab) -> None:
    def handler(event: Any, context: Any) -> Any:
        time.sleep(6)
        return event

    pool = lab.cognito.create_user_pool(
        "people", pre_sign_up=lab.create_function("slow", handler, timeout=30)
    )
    with pytest.raises(ServiceError):
        pool.sign_up("ann")
    assert lab.elapsed == 15
    lab.run()
    assert list(lab.trace.invocations.invocation_type) == ["RequestResponse"] * 3
    assert list(lab.trace.attempts.outcome) == ["success"] * 3, "each runs to its end"
    assert "ann" not in pool.users


def test_its_five_seconds_are_fixed(lab: ll.Lab) -> None:
    for setting in ("timeout", "trigger_timeout"):
        with pytest.raises(TypeError):
            lab.cognito.create_user_pool("people", **{setting: 10})
    assert (lab.rules.cognito_timeout, lab.rules.cognito_tries) == (5, 3)


def test_a_custom_sender_is_not_waited_for(lab: ll.Lab) -> None:
    lab.create_function("send", duration=9, timeout=20)
    pool = lab.cognito.create_user_pool("people", custom_email_sender="send")
    pool.sign_up("ann", {"email": "a@b.c"})
    assert lab.elapsed == 0
    lab.run()
    assert list(lab.trace.invocations.invocation_type) == ["Event"]


# ---------------------------------------------------------------------- Firehose


def judging(lab: ll.Lab, *results: str, name: str = "judge") -> Any:
    """A function that gives these results to the records of a batch, in turn."""

    def handler(event: Any, context: Any) -> Any:
        records = event["records"]
        return {
            "records": [
                {"recordId": record["recordId"], "result": results[number % len(results)],
                 "data": record["data"]}
                for number, record in enumerate(records)
            ]
        }  # fmt: skip

    return lab.create_function(name, handler, timeout=60)


def of(name: str, value: Any) -> dict[str, Any]:
    return {name: value}


def test_hints_of_a_buffer(lab: ll.Lab) -> None:
    judging(lab, "Ok")
    stream = lab.firehose.create_delivery_stream("d", "judge")
    assert (stream.settings.buffer_size, stream.settings.buffer_interval) == (1, 60)
    hints = {"buffer_size": ((0.2, 3), (0.19, 3.01)), "buffer_interval": ((0, 900), (-1, 901))}
    for hint, (good, bad) in hints.items():
        for value in good:
            lab.firehose.create_delivery_stream(f"{hint}{value}", "judge", **of(hint, value))
        for value in bad:
            with pytest.raises(InvalidSetting, match=hint):
                lab.firehose.create_delivery_stream("bad", "judge", **of(hint, value))


def test_a_buffer_goes_when_it_is_full_or_old(lab: ll.Lab) -> None:
    judging(lab, "Ok")
    stream = lab.firehose.create_delivery_stream("d", "judge")
    for _ in range(11):
        stream.put_record(b"x" * 100_000)
    lab.advance(1)
    assert len(lab.trace.invocations) == 1, "a megabyte is full"
    lab.run(until=59)
    assert len(lab.trace.invocations) == 1
    lab.run()
    assert len(lab.trace.invocations) == 2
    assert sum(map(len, stream.delivered)) == 1_100_000
    assert set(lab.trace.invocations.invocation_type) == {"RequestResponse"}


def test_three_results_by_record_id(lab: ll.Lab) -> None:
    bucket = lab.s3.create_bucket("lake")
    judging(lab, "Ok", "Dropped", "ProcessingFailed")
    stream = lab.firehose.create_delivery_stream("d", "judge", bucket)
    stream.put_record_batch(["good ", "gone", "bad", "good"])
    lab.run()
    bodies = {str(each.key).partition("/")[0]: each.body for each in bucket.objects}
    failed = bodies.pop("processing-failed")
    assert list(bodies.values()) == [b"good good"]
    assert base64.b64decode(json.loads(failed)["rawData"]) == b"bad"


@pytest.mark.parametrize("wrong", [{"recordId": "other"}, {"data": "!"}, {"result": "ok"}])
def test_a_record_that_is_answered_wrongly_has_failed(lab: ll.Lab, wrong: dict[str, str]) -> None:
    def handler(event: Any, context: Any) -> Any:
        return {"records": [{**record, "result": "Ok", **wrong} for record in event["records"]]}

    lab.create_function("odd", handler)
    stream = lab.firehose.create_delivery_stream("d", "odd")
    stream.put_record("x")
    lab.run()
    assert (stream.delivered, len(stream.processing_failed)) == ([], 1)


def test_after_three_retries_the_batch_is_skipped(lab: ll.Lab) -> None:
    judging(lab, "Ok")
    bucket = lab.s3.create_bucket("lake")
    stream = lab.firehose.create_delivery_stream("d", "judge", bucket)
    lab.put_function_concurrency("judge", 0)
    stream.put_record_batch(["a", "b"])
    lab.run()
    assert len(lab.trace.invocations) == 4
    lab.put_function_concurrency("judge", 1)
    stream.put_record("c")
    lab.run()
    assert [str(each.key).partition("/")[0] for each in bucket.objects].count(
        "processing-failed"
    ) == 1
    assert [each.body for each in bucket.objects if not each.key.startswith("p")] == [b"c"]


def test_a_transformation_has_five_minutes(lab: ll.Lab) -> None:
    def handler(event: Any, context: Any) -> Any:
        time.sleep(301 if event["records"][0]["data"] == "c2xvdw==" else 299)
        return {"records": [{**record, "result": "Ok"} for record in event["records"]]}

    lab.create_function("f", handler, timeout=900)
    stream = lab.firehose.create_delivery_stream("d", "f", buffer_interval=0, retries=0)
    for text in ("slow", "quick"):
        stream.put_record(text)
        lab.run()
    assert stream.delivered == [b"quick"]
    assert len(stream.processing_failed) == 1


def test_a_transformation_has_6_mb_each_way(lab: ll.Lab) -> None:
    sizes: list[int] = []

    def handler(event: Any, context: Any) -> Any:
        sizes.append(len(json.dumps(event)))
        large = len(event["records"]) == 3
        data = base64.b64encode(b"x" * (2_000_000 if large else 1)).decode()
        return {"records": [{**each, "result": "Ok", "data": data} for each in event["records"]]}

    lab.create_function("f", handler, timeout=60)
    stream = lab.firehose.create_delivery_stream("d", "f", buffer_size=3, retries=0)
    stream.put_record_batch(["x"] * 3)
    lab.run()
    assert (stream.delivered, len(stream.processing_failed)) == ([], 3), "8 MB of an answer"
    for _ in range(6):
        stream.put_record_batch([b"x" * 1_000] * 500)
    lab.run()
    assert max(sizes) <= 6 * MB


# ---------------------------------------------------------------------- CloudFront


def version_of(lab: ll.Lab, name: str, handler: Any = None, **settings: Any) -> Any:
    lab.create_function(
        name, handler or (lambda event, context: event["Records"][0]["cf"]["request"]), **settings
    )
    return lab.publish_version(name)


def test_viewer_functions_are_small_and_origin_functions_are_not(lab: ll.Lab) -> None:
    site = lab.cloudfront.create_distribution("site", {"/": "hello"})
    large, slow = version_of(lab, "large", memory_size=129), version_of(lab, "slow", timeout=6)
    for version in (large, slow):
        with pytest.raises(ServiceError):
            site.associate("viewer-request", version)
        site.associate("origin-request", version)
    site.associate("viewer-request", version_of(lab, "most", memory_size=128, timeout=5))
    site.associate("origin-request", version_of(lab, "long", memory_size=10_240, timeout=30))
    with pytest.raises(ServiceError, match="30"):
        site.associate("origin-request", version_of(lab, "longer", timeout=31))


@pytest.mark.parametrize(("kind", "most"), [("viewer-request", 40 * 1024), ("origin-request", MB)])
def test_generated_responses_are_limited(lab: ll.Lab, kind: str, most: int) -> None:
    site = lab.cloudfront.create_distribution("site", {"/": "hello"})

    def handler(event: Any, context: Any) -> Any:
        size = int(event["Records"][0]["cf"]["request"]["querystring"][2:])
        return {"status": "200", "body": "x" * size}

    site.associate(kind, version_of(lab, "f", handler))
    assert site.get(f"/?n={most - 100}").status_code == 200
    assert site.get(f"/?n={most + 1}").status_code == 502


def test_only_numbered_versions_without_extras_run_at_the_edge(lab: ll.Lab) -> None:
    site = lab.cloudfront.create_distribution("site", {"/": "hello"})
    version_of(lab, "f")
    lab.create_alias("f", "live", "1")
    for given in ("f", "f:$LATEST", "f:live"):
        with pytest.raises(ServiceError):
            site.associate("viewer-request", given)
    with pytest.raises(ServiceError, match="environment variables"):
        site.associate("viewer-request", version_of(lab, "env", environment={"A": "1"}))
    lab.put_provisioned_concurrency("f", "1", 1)
    with pytest.raises(ServiceError, match="rovisioned"):
        site.associate("viewer-request", "f:1")
