"""The real AWS CLI, version 2, against a served lab, with no route to the outside."""

from __future__ import annotations

import base64
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import lambdalab as ll
from lambdalab.aws.endpoint import running
from tests.aws.endpoint.shell import Shell, aws_cli, cannot_run, room, shell

#: The two commands of the course's page on invocation types, as they are printed there.
SYNCHRONOUS = """
aws lambda invoke \\
	--function-name testFunction \\
	--invocation-type RequestResponse \\
	--cli-binary-format raw-in-base64-out \\
	--payload '{ "input" : "input_value" }' response.json
"""
ASYNCHRONOUS = SYNCHRONOUS.replace("RequestResponse", "Event")
DEFAULT = SYNCHRONOUS.replace("\t--invocation-type RequestResponse \\\n", "")
assert "--invocation-type" not in DEFAULT

ANSWER = '{"echo": {"input": "input_value"}, "price": 1.5, "text": "a snowman: ☃"}'.encode()
LOGS = "aws logs tail /aws/lambda/testFunction --since 2025-01-07 --format short"
RAW = "--cli-binary-format raw-in-base64-out"


@pytest.fixture(scope="module", autouse=True)
def cli() -> None:
    if not aws_cli():
        cannot_run()


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """One server for all of these tests; each has things of its own in it."""
    with shell(tmp_path_factory.mktemp("cli"), "--allow-code") as beside:
        yield beside


def test_there_is_no_route_to_the_outside(beside: Shell) -> None:
    if not room()[0]:
        pytest.skip("no right to make a network namespace: only the proxy keeps the CLI inside")
    go = "import socket; socket.create_connection(('192.0.2.1', 443), 5)"
    tried = beside.run(f'"{sys.executable}" -c "{go}"')
    assert "Network is unreachable" in tried.stderr


# ---- invoke ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [SYNCHRONOUS, DEFAULT], ids=["as printed", "by default"])
def test_a_synchronous_invocation(beside: Shell, command: str) -> None:
    assert beside.json(command) == {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
    assert (beside.folder / "response.json").read_bytes() == ANSWER


def test_an_asynchronous_invocation(beside: Shell) -> None:
    (beside.folder / "response.json").write_text("what was there before")
    assert beside.json(ASYNCHRONOUS) == {"StatusCode": 202}
    assert (beside.folder / "response.json").read_bytes() == b""


def test_it_runs_when_time_passes_and_the_log_tells(beside: Shell) -> None:
    """`logs tail` reads the group from a time on: the lab's clock is not the one on the wall."""
    event = '{"made": "asynchronously"}'
    invoke = f"aws lambda invoke --function-name testFunction {RAW}"
    beside.json(f"{invoke} --invocation-type Event --payload '{event}' queued.json")
    told = beside.run(LOGS)
    assert (told.returncode, told.stderr) == (0, "")
    lines = told.stdout.splitlines()
    assert [line for line in lines if line.endswith("got {'made': 'asynchronously'}")]
    assert lines[0].startswith("2025-01-07T00:00:0")
    assert "INIT_START" in lines[0]
    assert "REPORT RequestId: " in lines[-1]


def test_a_payload_in_base64_and_the_log_tail(beside: Shell) -> None:
    """Without --cli-binary-format version 2 takes and gives base64."""
    payload = base64.b64encode(b'{"input": "input_value"}').decode()
    asked = f"aws lambda invoke --function-name testFunction --log-type Tail --payload {payload}"
    answer = beside.json(f"{asked} response.json")
    assert (beside.folder / "response.json").read_bytes() == ANSWER
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert "got {'input': 'input_value'}\n" in tail
    assert "Memory Size: 256 MB" in tail


def test_a_functions_error_is_an_answer(beside: Shell) -> None:
    asked = f"""aws lambda invoke --function-name testFunction {RAW} --payload '{{"fail": "no"}}'"""
    answer = beside.json(f"{asked} failed.json")
    assert answer["FunctionError"] == "Unhandled"
    assert (
        '"errorMessage": "no", "errorType": "ValueError"'
        in (beside.folder / "failed.json").read_text()
    )


@pytest.mark.parametrize(
    ("command", "status", "told"),
    [
        ("aws lambda invoke --function-name nobody x.json", 254,
         "(ResourceNotFoundException) when calling the Invoke operation: Function not found: "
         "arn:aws:lambda:us-east-1:123456789012:function:nobody"),
        (f"aws lambda invoke --function-name testFunction {RAW} --payload '{{' x.json", 254,
         "(InvalidRequestContentException) when calling the Invoke operation"),
        ("""aws lambda invoke --function-name testFunction --payload '{"a": 1}' x.json""", 255,
         'Invalid base64: "{"a": 1}"'),
        ("AWS_SECRET_ACCESS_KEY=another aws sts get-caller-identity", 254, "(SignatureDoesNotMatch)"),
    ],
    ids=["no such function", "no JSON", "no base64", "another key"],
)  # fmt: skip
def test_what_is_refused(beside: Shell, command: str, status: int, told: str) -> None:
    done = beside.run(command)
    assert (done.returncode, done.stdout) == (status, "")
    assert told in done.stderr
    assert not (beside.folder / "x.json").exists()


# ---- functions ------------------------------------------------------------------------------------------


def zipped(folder: Path) -> None:
    """`zip hello.zip app.py`."""
    with zipfile.ZipFile(folder / "hello.zip", "w") as archive:
        archive.writestr(
            "app.py", "def handler(event, context):\n    return 'hello ' + event['who']\n"
        )


CREATE = (
    "aws lambda create-function --function-name hello --runtime python3.13 --handler app.handler "
    "--role arn:aws:iam::123456789012:role/any --zip-file fileb://hello.zip"
)


def test_a_function_from_a_zip(beside: Shell) -> None:
    zipped(beside.folder)
    made = beside.json(CREATE)
    assert (made["FunctionName"], made["Handler"]) == ("hello", "app.handler")
    assert beside.json("aws lambda wait function-active --function-name hello") is None
    beside.json(
        f"""aws lambda invoke --function-name hello {RAW} --payload '{{"who": "you"}}' h.json"""
    )
    assert (beside.folder / "h.json").read_bytes() == b'"hello you"'
    listed = beside.json(
        "aws lambda list-functions --max-items 1 --query '[NextToken, Functions[].Handler]'"
    )
    assert listed[0]
    assert len(listed[1]) == 1
    paged = beside.run(
        "aws lambda list-functions --page-size 1 --query 'Functions[].FunctionName' --output text"
    )
    assert sorted(paged.stdout.split()) == ["hello", "testFunction"]
    again = beside.run(CREATE)
    assert again.returncode == 254
    assert "(ResourceConflictException)" in again.stderr


def test_code_is_not_taken_unless_the_server_was_told_to(tmp_path: Path) -> None:
    zipped(tmp_path)
    with ll.Lab() as lab:
        with running(lab) as server:
            done = subprocess.run(
                [aws_cli(), "--endpoint-url", server.url, *CREATE.split()[1:]], cwd=tmp_path,
                check=False, capture_output=True, text=True, env=server.environment(),
            )  # fmt: skip
        assert done.returncode == 254
        assert "(AccessDeniedException)" in done.stderr
        assert "--allow-code" in done.stderr
        assert lab.list_functions() == []


# ---- other services -------------------------------------------------------------------------------------


def test_a_queue(beside: Shell) -> None:
    url = beside.json("aws sqs create-queue --queue-name orders")["QueueUrl"]
    assert url == f"{beside.url}/123456789012/orders"
    sent = beside.json(
        f"""aws sqs send-message --queue-url {url} --message-body '{{"order": "☃"}}'"""
    )
    (got,) = beside.json(f"aws sqs receive-message --queue-url {url} --attribute-names All")[
        "Messages"
    ]
    assert got["Body"] == '{"order": "☃"}'
    assert got["MessageId"] == sent["MessageId"]
    assert got["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert got["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_bucket(beside: Shell) -> None:
    (beside.folder / "photo.jpg").write_bytes(bytes(range(256)))
    assert beside.run("aws s3 mb s3://photos").stdout == "make_bucket: photos\n"
    up = beside.run("aws s3 cp photo.jpg 's3://photos/in/a cat.jpg'")
    assert up.returncode == 0, up
    listed = beside.run("aws s3 ls s3://photos/in/").stdout
    assert listed.endswith("256 a cat.jpg\n")
    assert beside.run("aws s3 cp 's3://photos/in/a cat.jpg' copy.jpg").returncode == 0
    assert (beside.folder / "copy.jpg").read_bytes() == bytes(range(256))


def test_a_table(beside: Shell) -> None:
    beside.json(
        "aws dynamodb create-table --table-name orders --billing-mode PAY_PER_REQUEST "
        "--key-schema AttributeName=id,KeyType=HASH "
        "--attribute-definitions AttributeName=id,AttributeType=S"
    )
    item = '{"id": {"S": "7"}, "price": {"N": "1.50"}}'
    assert beside.json(f"aws dynamodb put-item --table-name orders --item '{item}'") is None
    key = '{"id": {"S": "7"}}'
    got = beside.json(f"aws dynamodb get-item --table-name orders --key '{key}'")
    assert got == {"Item": {"id": {"S": "7"}, "price": {"N": "1.5"}}}


def test_an_event_that_a_rule_sends_to_a_function(beside: Shell) -> None:
    detail = r"{\"order\": \"of a rule\"}"
    entry = f'[{{"Source": "shop", "DetailType": "paid", "Detail": "{detail}"}}]'
    put = beside.json(f"aws events put-events --entries '{entry}'")
    assert put["FailedEntryCount"] == 0
    assert put["Entries"][0]["EventId"]
    group = "--log-group-name /aws/lambda/testFunction"
    found = beside.json(f"""aws logs filter-log-events {group} --filter-pattern '"of a rule"'""")
    (event,) = found["events"]
    assert event["message"].startswith("got {'version': '0', ")
