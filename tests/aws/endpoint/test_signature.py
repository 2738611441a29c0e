"""Signatures: what botocore signs is let in, and nothing else."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("boto3")
pytest.importorskip("uvicorn")

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lambdalab.aws.endpoint.http import Request
from lambdalab.aws.endpoint.signature import Key, Signed, check, check_sender, signed_by
from lambdalab.aws.operations import ApiError
from lambdalab.rules import Rules

KEY = Key("LABKEY", "a secret")
RULES = Rules.as_of()
SIGNERS = {"s3": (S3SigV4Auth, S3SigV4QueryAuth), "lambda": (SigV4Auth, SigV4QueryAuth)}


def signed(
    service: str = "lambda",
    method: str = "POST",
    url: str = "http://127.0.0.1:4566/2015-03-31/functions/bill/invocations",
    body: bytes = b"{}",
    *,
    presigned: bool = False,
    key: Key = KEY,
    **headers: str,
) -> Request:
    """A request as botocore signs it, and as it arrives."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = AWSRequest(method, url, data=b"" if presigned else body, headers=told)
    credentials = Credentials(key.access_key, key.secret_key)
    SIGNERS[service][presigned](credentials, service, "us-east-1").add_auth(asked)
    parts = urlsplit(asked.url)
    arrived = {name.lower(): value for name, value in asked.headers.items()}
    arrived["host"] = parts.netloc
    return Request(method, parts.path, parts.query, arrived, body)


def facts(request: Request) -> Signed:
    """What a request says of its signature."""
    found = signed_by(request)
    assert found is not None
    return found


def refused(request: Request, key: Key = KEY, *, seconds: float = 0) -> str:
    """The code with which a request is refused, so many seconds after it was signed."""

    def let_in() -> None:
        found = facts(request)
        at = dt.datetime.strptime(found.at, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        check_sender(found, key, RULES, at + dt.timedelta(seconds=seconds))
        check(request, found, key)

    with pytest.raises(ApiError) as caught:
        let_in()
    assert caught.value.status in (400, 403)
    return caught.value.code


NAMES = st.text("abcÄ ~+%'!*()=&;,/-._", min_size=1, max_size=8)


@given(
    service=st.sampled_from(["s3", "lambda"]),
    path=st.lists(NAMES.map(lambda text: text.replace("/", "")).filter(bool), max_size=3),
    query=st.dictionaries(NAMES, NAMES, max_size=3),
    body=st.binary(max_size=20),
    value=st.text("ab  ,;\"'", max_size=8),
)
def test_what_botocore_signs_is_let_in(
    service: str, path: list[str], query: dict[str, str], body: bytes, value: str
) -> None:
    from urllib.parse import quote, urlencode

    place = "/".join(quote(part, safe="~") for part in path)
    url = f"http://localhost:4566/{place}?{urlencode(query, quote_via=quote)}"
    request = signed(service, "PUT", url, body, x_amz_meta_a=value, content_type="a/b")
    check(request, facts(request), KEY)
    assert refused(replace(request, body=body + b"!"))


@pytest.mark.parametrize("service", ["s3", "lambda"])
def test_a_presigned_url(service: str) -> None:
    url = "http://localhost:4566/photos/a%20b?x=1%2B1"
    request = signed(service, "GET", url, b"", presigned=True)
    check(request, facts(request), KEY)
    assert facts(request).seconds == 3600
    assert refused(replace(request, raw_path="/photos/other")) == "SignatureDoesNotMatch"
    assert refused(replace(request, query_string=request.query_string + "&y=1"))


def test_a_presigned_put_takes_any_body_of_s3_and_no_other() -> None:
    request = signed("s3", "PUT", "http://localhost:4566/photos/a", b"any", presigned=True)
    check(request, facts(request), KEY)
    request = signed("lambda", "POST", body=b"any", presigned=True)
    assert refused(request) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"raw_path": "/2015-03-31/functions/other/invocations"},
        {"query_string": "Qualifier=live"},
        {"body": b"[]"},
    ],
    ids=str,
)
def test_a_change_on_the_way_is_seen(change: dict[str, Any]) -> None:
    assert refused(replace(signed(), **change)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("name", ["host", "x-amz-date", "x-amz-log-type"])
def test_a_changed_header_is_seen(name: str) -> None:
    request = signed(x_amz_log_type="Tail")
    other = {"host": "other:4566", "x-amz-date": request.headers["x-amz-date"][:-2] + "9Z"}
    before = request.headers[name]
    changed = other.get(name, "None") if other.get(name) != before else before[:-2] + "8Z"
    request = replace(request, headers=request.headers | {name: changed})
    assert refused(request) == "SignatureDoesNotMatch"


def test_aws_own_headers_have_to_be_signed() -> None:
    request = signed()
    more = replace(request, headers=request.headers | {"x-amz-invocation-type": "Event"})
    assert refused(more) == "SignatureDoesNotMatch"
    check(replace(request, headers=request.headers | {"user-agent": "x"}), facts(request), KEY)
    bare = request.headers["authorization"].replace("host;", "")
    assert refused(replace(request, headers=request.headers | {"authorization": bare}))


def test_a_body_of_lambda_is_never_unsigned() -> None:
    request = signed(x_amz_content_sha256="UNSIGNED-PAYLOAD")
    assert refused(request) == "SignatureDoesNotMatch"


def test_s3_checks_the_digest_that_is_told() -> None:
    request = signed("s3", "PUT", "http://localhost:4566/photos/a", b"abc")
    assert refused(replace(request, body=b"abd")) == "XAmzContentSHA256Mismatch"


def test_another_key() -> None:
    assert refused(signed(key=Key("OTHER", KEY.secret_key))) == "InvalidClientTokenId"
    assert refused(signed(key=Key(KEY.access_key, "other"))) == "SignatureDoesNotMatch"
    photo = ("s3", "GET", "http://localhost:4566/photos/a", b"")
    assert refused(signed(*photo, key=Key("OTHER", "other"))) == "InvalidAccessKeyId"


@pytest.mark.parametrize("seconds", [-901, 901])
def test_a_clock_that_is_a_quarter_of_an_hour_off(seconds: int) -> None:
    assert refused(signed(), seconds=seconds) == "SignatureDoesNotMatch"
    photo = signed("s3", "GET", "http://localhost:4566/photos/a", b"")
    assert refused(photo, seconds=seconds) == "RequestTimeTooSkewed"
    found = facts(photo)
    at = dt.datetime.strptime(found.at, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    check_sender(found, KEY, RULES, at + dt.timedelta(seconds=seconds * 900 / 901))


def test_a_presigned_url_that_is_too_old() -> None:
    request = signed("s3", "GET", "http://localhost:4566/photos/a", b"", presigned=True)
    assert refused(request, seconds=3601) == "AccessDenied"
    found = facts(request)
    at = dt.datetime.strptime(found.at, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    check_sender(found, KEY, RULES, at + dt.timedelta(seconds=3600))
    week = replace(found, seconds=604_801)
    with pytest.raises(ApiError, match="expired"):
        check_sender(week, KEY, RULES, at)
    with pytest.raises(ApiError) as caught:
        check_sender(found, KEY, RULES, at - dt.timedelta(seconds=901))
    assert caught.value.code == "RequestTimeTooSkewed"


GOOD = signed().headers["authorization"]


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic bGFiOmxhYg==",
        "AWS LABKEY:abc",
        GOOD[:-1],
        GOOD.replace("/lambda/", "/"),
        GOOD.replace("aws4_request", "aws5_request"),
        GOOD.replace("Credential=LABKEY/2", "Credential=LABKEY/3"),
        GOOD.replace("SignedHeaders=", "Signed="),
        GOOD.replace("Signature=", "Signature=zz"),
        GOOD + ", Signature=" + 64 * "0",
        GOOD.replace(", ", "\n"),
    ],
)
def test_what_is_no_signature_of_version_4(authorization: str) -> None:
    request = signed()
    request = replace(request, headers=request.headers | {"authorization": authorization})
    assert refused(request).startswith(("IncompleteSignature", "AuthorizationHeader"))


@pytest.mark.parametrize("date", ["", "20260101", "yesterday"])
def test_a_date_that_is_none(date: str) -> None:
    request = signed()
    request = replace(request, headers=request.headers | {"x-amz-date": date})
    found = {"20260101": "IncompleteSignature"}
    with pytest.raises(ApiError) as caught:
        check_sender(facts(request), KEY, RULES, dt.datetime.now(dt.UTC))
    assert caught.value.code == found.get(date, "IncompleteSignature")


@pytest.mark.parametrize("seconds", ["", "0", "-1", "1e3", "12345678", "x"])
def test_a_presigned_url_holds_for_whole_seconds(seconds: str) -> None:
    request = signed("s3", "GET", "http://localhost:4566/a/b", b"", presigned=True)
    query = request.query_string.replace("Expires=3600", f"Expires={seconds}")
    assert query != request.query_string
    with pytest.raises(ApiError) as caught:
        signed_by(replace(request, query_string=query))
    assert caught.value.code in ("IncompleteSignature", "AuthorizationHeaderMalformed")


def test_the_old_presigned_urls_are_refused_in_s3s_words() -> None:
    request = Request("GET", "/photos/a", "AWSAccessKeyId=LABKEY&Signature=x&Expires=9")
    with pytest.raises(ApiError, match="Please use AWS4-HMAC-SHA256"):
        signed_by(request)
    assert signed_by(Request("GET", "/photos/a")) is None


def test_keys_are_others_each_time() -> None:
    keys = {Key.fresh() for _ in range(20)}
    assert len({key.access_key for key in keys} | {key.secret_key for key in keys}) == 40
    assert all(len(key.access_key) == 20 and len(key.secret_key) == 40 for key in keys)
