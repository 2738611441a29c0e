"""``with lab.aws():`` who talks to which lab, whose time it is, and that nothing of it stays or leaves."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from lambdalab.errors import LabClosed, LabError
from lambdalab.lab import Lab

pytest.importorskip("boto3")

import boto3
from botocore.client import BaseClient
from botocore.exceptions import ClientError, WaiterError

from lambdalab.aws.connection import ENVIRONMENT
from lambdalab.aws.dispatch import OperationNotSimulated
from lambdalab.kernel import outside
from tests.aws.checked import checked, not_called

START = 1_736_208_000.0
REAL_CALL = BaseClient._make_api_call
ANYBODY = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "y"}


@pytest.fixture(autouse=True)
def nothing_leaves_and_nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A socket that reaches out fails the test; afterwards all is as it was."""

    def refuse(*given: Any) -> None:
        raise AssertionError(f"something reached for the network: {given}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session())
    environment, session = variables(), boto3.DEFAULT_SESSION
    yield
    assert BaseClient._make_api_call is REAL_CALL
    assert variables() == environment
    assert boto3.DEFAULT_SESSION is session
    assert not outside.outside
    assert time.time() > 1.7e9 + 6e7
    assert dt.datetime.now().year > 2025


def variables() -> dict[str, str]:
    """The environment, but for what pytest notes there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}


def send(lab: Lab, queue: str = "q") -> None:
    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody="x")


def lying(lab: Lab, queue: str = "q") -> int:
    return len(lab.sqs[queue].messages)


@pytest.fixture
def labs() -> Iterator[tuple[Lab, Lab]]:
    """Two labs with a queue each."""
    with Lab(seed=1) as one, Lab(seed=2) as two:
        one.sqs.create_queue("q")
        two.sqs.create_queue("q")
        yield one, two


class TestWhoTalksToWhom:
    def test_clients_made_before_and_within(self, labs: tuple[Lab, Lab]) -> None:
        lab, _ = labs
        early = boto3.client("sqs", **ANYBODY)
        with lab.aws() as given:
            assert given is lab
            early.send_message(QueueUrl="q", MessageBody="x")
            boto3.client("sqs").send_message(QueueUrl="q", MessageBody="x")
            boto3.Session().resource("sqs").Queue("https://q/q").send_message(MessageBody="x")
            boto3.resource("sqs").get_queue_by_name(QueueName="q").send_message(MessageBody="x")
        assert lying(lab) == 4

    def test_clients_in_handlers(self, labs: tuple[Lab, Lab]) -> None:
        lab, _ = labs
        lab.function(lambda event, context: send(lab), name="h", timeout=30)  # type: ignore[call-overload]
        with lab.aws():
            lab.invoke("h", {})
            boto3.client("lambda").invoke(FunctionName="h")
        assert lying(lab) == 2

    def test_nested_blocks(self, labs: tuple[Lab, Lab]) -> None:
        one, two = labs
        with one.aws():
            with two.aws():
                send(two)
                with one.aws():
                    send(one)
                send(two)
                two.advance(5)
                assert time.time() == START + 5
            send(one)
            assert time.time() == START
        assert (lying(one), lying(two)) == (2, 2)

    def test_a_handler_talks_to_its_own_lab(self, labs: tuple[Lab, Lab]) -> None:
        one, two = labs

        @two.function(timeout=30)
        def h(event: Any, context: Any) -> None:
            send(two)
            time.sleep(1)
            send(two)

        with one.aws():
            two.invoke(h, {})
            send(one)
            two.reset()  # its tasks are others from now on
            two.invoke(h, {})
        assert (lying(one), lying(two)) == (1, 2)

    def test_a_labs_own_client_whatever_block_is_on(self, labs: tuple[Lab, Lab]) -> None:
        one, two = labs
        with one.aws():
            two.client("sqs").send_message(QueueUrl="q", MessageBody="x")
            two.session().client("sqs").send_message(QueueUrl="q", MessageBody="x")
        assert (lying(one), lying(two)) == (0, 2)

    def test_a_block_within_a_handler(self, labs: tuple[Lab, Lab]) -> None:
        one, _ = labs

        @one.function(timeout=30)
        def h(event: Any, context: Any) -> float:
            with one.aws():
                send(one)
                time.sleep(2)
                return time.monotonic()

        assert one.invoke(h, {}).payload == pytest.approx(one.elapsed, abs=0.1)
        assert lying(one) == 1

    def test_outside_the_block_a_client_is_amazons(self, labs: tuple[Lab, Lab]) -> None:
        lab, _ = labs
        with lab.aws():
            kept = boto3.client("sqs")
        sent: list[Any] = []
        kept.meta.events.register(
            "before-send", lambda request, **_: sent.append(request.url) or 1 / 0
        )
        with pytest.raises(ZeroDivisionError):
            kept.send_message(QueueUrl="https://sqs.us-east-1.amazonaws.com/1/q", MessageBody="x")
        assert sent
        assert lying(lab) == 0


class TestNothingStays:
    def test_after_an_exception(self, labs: tuple[Lab, Lab]) -> None:
        with pytest.raises(ZeroDivisionError), labs[0].aws(), labs[1].aws():
            raise ZeroDivisionError

    def test_the_environment(self, lab: Lab) -> None:
        with mock.patch.dict(os.environ, AWS_PROFILE="mine", AWS_ACCESS_KEY_ID="real"):
            self.check_the_environment(lab)

    def check_the_environment(self, lab: Lab) -> None:
        before = dict(os.environ)
        with lab.aws():
            found = {name: os.environ.get(name) for name in ENVIRONMENT}
            assert found == ENVIRONMENT
            assert "AWS_PROFILE" not in os.environ
            assert boto3.Session().region_name == "us-east-1"
            os.environ["ANOTHER"] = "stays"
        assert dict(os.environ) == before | {"ANOTHER": "stays"}

    def test_a_lab_that_is_closed(self) -> None:
        lab = Lab()
        lab.close()
        with pytest.raises(LabClosed):
            lab.aws()
        with Lab() as other, other.aws():
            client = boto3.client("sqs")
            other.close()
            with pytest.raises(LabClosed):
                client.create_queue(QueueName="q")
            with pytest.raises(LabClosed):
                time.sleep(1)

    def test_freezegun_is_refused_and_nothing_is_left(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api = pytest.importorskip("freezegun.api")
        # as while it freezes; itself it would look into every module here, and not all bear it
        with monkeypatch.context() as frozen:
            frozen.setattr(api, "freeze_factories", [object()])
            with pytest.raises(LabError, match="freezegun is active"), lab.aws():
                pass
        with lab.aws():
            assert dt.datetime.now() == dt.datetime(2025, 1, 7)


class TestTime:
    def test_clocks_and_sleeps(self, lab: Lab) -> None:
        real, sleep, now = time.time(), time.sleep, dt.datetime.now
        with lab.aws():
            assert time.time() == START
            assert now() == dt.datetime(2025, 1, 7)
            assert time.monotonic() == time.perf_counter() == 0
            sleep(300)
            assert (lab.elapsed, time.monotonic(), time.time_ns()) == (
                300,
                300,
                (1736208300) * 10**9,
            )
            assert now(dt.UTC) == lab.now
            assert dt.date.today() == dt.date(2025, 1, 7)
            lab.run(until=400)
            assert time.monotonic() == 400
        assert time.time() - real < 60

    def test_a_start_within_a_second(self) -> None:
        with Lab(start="2025-03-01T00:00:00.250") as lab, lab.aws():
            assert time.time() == dt.datetime(2025, 3, 1, tzinfo=dt.UTC).timestamp() + 0.25

    def test_what_a_sleep_lets_happen(self, lab: Lab) -> None:
        lab.create_function("bill", duration=0.5)
        with lab.aws():
            url = boto3.client("sqs").create_queue(QueueName="orders")["QueueUrl"]
            lab.create_event_source_mapping("orders", "bill")
            for _ in range(10):
                boto3.client("sqs").send_message(QueueUrl=url, MessageBody="x")
            time.sleep(60)
            assert lying(lab, "orders") == 0
            assert len(lab.trace.invocations) > 0

    def test_threads_live_in_it_too(self, lab: Lab) -> None:
        seen: list[float] = []
        with lab.aws():
            thread = threading.Thread(target=lambda: time.sleep(5) or seen.append(time.time()))
            thread.start()
            assert not seen
            thread.join()
            assert seen == [time.time()] == [START + 5]

    def test_asyncio(self, lab: Lab) -> None:
        async def wait() -> list[float]:
            await asyncio.gather(asyncio.sleep(300), asyncio.sleep(200))
            both = time.monotonic()
            await asyncio.to_thread(bool)
            return [both, asyncio.get_running_loop().time()]

        with lab.aws():
            assert asyncio.run(wait()) == [300, 300]

    def test_a_loop_that_runs_already_keeps_real_time(self, lab: Lab) -> None:
        async def cell() -> float:
            loop = asyncio.get_running_loop()
            before = loop.time()
            with lab.aws():
                await asyncio.sleep(0.01)
                assert time.monotonic() == 0
                return loop.time() - before

        assert 0.005 < asyncio.run(cell()) < 30

    def test_waiters(self, lab: Lab) -> None:
        lab.create_function("f", duration=0.1)
        lab.client("lambda").get_waiter("function_active_v2").wait(FunctionName="f")
        with lab.aws():
            boto3.client("lambda").get_waiter("function_active_v2").wait(FunctionName="f")

    def test_a_waiter_waits_in_the_labs_time(self, lab: Lab) -> None:
        s3 = lab.client("iam")  # in no block
        with pytest.raises(WaiterError):
            s3.get_waiter("user_exists").wait(
                UserName="nobody", WaiterConfig={"Delay": 100, "MaxAttempts": 4}
            )
        assert lab.elapsed == 300

    def test_progress_bars_keep_real_time(self, lab: Lab) -> None:
        from lambdalab import progress

        with lab.aws():
            assert progress.monotonic() > 1
            before = progress.monotonic()
            time.sleep(1000)
            assert progress.monotonic() - before < 60
            assert time.monotonic() == 1000

    def test_a_guard_keeps_real_time(self, lab: Lab) -> None:
        @lab.function(timeout=900)
        def sleepy(event: Any, context: Any) -> int:
            for _ in range(100):
                time.sleep(8)
            return 1

        with lab.aws():
            assert lab.invoke(sleepy, {}).payload == 1


class TestWhatTheLabHasNot:
    def test_unknown_operations_are_named(self, lab: Lab) -> None:
        with lab.aws(), pytest.raises(OperationNotSimulated) as caught:
            boto3.client("sqs").add_permission(
                QueueUrl="q", Label="x", AWSAccountIds=["1"], Actions=["*"]
            )
        assert "sqs AddPermission is not simulated; of sqs there are" in str(caught.value)
        assert (caught.value.service, caught.value.operation) == ("sqs", "AddPermission")
        with pytest.raises(OperationNotSimulated, match="braket SearchDevices is not simulated"):
            lab.client("braket").search_devices(filters=[])

    def test_others_answer_in_the_labs_time(self, lab: Lab) -> None:
        early = boto3.client("ssm", **ANYBODY)
        with lab.aws():
            time.sleep(90)
            early.put_parameter(Name="a", Value="1", Type="String")
            secret = boto3.client("secretsmanager").create_secret(Name="s", SecretString="v")
            assert secret["ARN"].startswith(
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:s-"
            )
            with pytest.raises(ClientError) as caught:
                early.get_parameter(Name="b")
            assert type(caught.value).__name__ == "ParameterNotFound"
        found = lab.client("ssm").get_parameter(Name="a")["Parameter"]
        assert found["LastModifiedDate"].timestamp() == START + 90

    def test_each_lab_has_a_world_of_its_own(self, labs: tuple[Lab, Lab]) -> None:
        for lab in labs:
            lab.client("ssm").put_parameter(Name="seed", Value=str(lab.seed), Type="String")
        found = [lab.client("ssm").get_parameter(Name="seed")["Parameter"]["Value"] for lab in labs]
        assert found == ["1", "2"]

    def test_the_same_seed_gives_the_same_ids(self) -> None:
        def role() -> str:
            with Lab(seed=5) as lab:
                role = lab.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
                return str(role["Role"]["RoleId"])

        assert role() == role()

    def test_in_a_handler(self, lab: Lab) -> None:
        lab.client("ssm").put_parameter(Name="a", Value="1", Type="String")

        @lab.function(timeout=30)
        def h(event: Any, context: Any) -> Any:
            return boto3.client("ssm").get_parameter(Name="a")["Parameter"]["Value"]

        with lab.aws():
            assert lab.invoke(h, {}).payload == "1"

    def test_a_mock_of_somebodys_own_keeps_its_world(self, lab: Lab) -> None:
        moto = pytest.importorskip("moto")
        with moto.mock_aws():
            boto3.client("ssm", **ANYBODY).put_parameter(Name="a", Value="1", Type="String")
            with lab.aws():
                assert boto3.client("ssm").get_parameter(Name="a")["Parameter"]["Value"] == "1"


def test_who_am_i(lab: Lab) -> None:
    found = checked(lab.client("sts")).get_caller_identity()
    assert found["Arn"] == "arn:aws:iam::123456789012:user/lambdalab"
    assert not_called("sts") == set()


class TestMagic:
    @pytest.fixture
    def shell(self) -> Iterator[Any]:
        shells = pytest.importorskip("IPython.core.interactiveshell")
        shell = shells.InteractiveShell()
        cell(shell, "%load_ext lambdalab")
        yield shell
        cell(shell, "%unload_ext lambdalab")
        shells.InteractiveShell.clear_instance()

    def test_cells_live_in_the_labs_time(self, shell: Any) -> None:
        cell(shell, "%lambdalab on\nimport time, boto3\nassert time.time() == 1736208000")
        assert time.time() > START + 1e7  # between cells
        cell(shell, "time.sleep(300)\nassert time.time() == 1736208300")
        cell(shell, "boto3.client('sqs').create_queue(QueueName='q')")
        with pytest.raises(ZeroDivisionError):
            cell(shell, "1 / 0")
        assert time.time() > START + 1e7
        lab = shell.user_ns["lab"]
        assert "q" in lab.sqs
        assert lab.elapsed == 300
        cell(shell, "%lambdalab off\nassert time.time() > 1736208000 + 1e7")
        cell(shell, "assert time.time() > 1736208000 + 1e7")
        cell(shell, "%lambdalab off")

    def test_a_lab_of_ones_own(self, shell: Any, labs: tuple[Lab, Lab]) -> None:
        shell.push({"mine": labs[0]})
        cell(shell, "%lambdalab on mine\n%lambdalab on mine")
        cell(shell, "import time; time.sleep(5)")
        assert labs[0].elapsed == 5
        with pytest.raises(ValueError, match=r"the name of a lab \(there are mine\)"):
            cell(shell, "%lambdalab on yours")
        with pytest.raises(ValueError, match="'on', 'on NAME'"):
            cell(shell, "%lambdalab maybe")


def cell(shell: Any, code: str) -> None:
    """Run a cell; what goes wrong is raised."""
    shell.showtraceback = lambda *given, **named: None
    shell.run_cell(code).raise_error()
