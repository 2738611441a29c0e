"""What a handler finds: its context, its variables, its processor and its memory."""

from __future__ import annotations

import time
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import LabError

VARIABLES = "import os\ndef lambda_handler(event, context): return dict(os.environ)"


def variables(lab: ll.Lab, **settings: Any) -> dict[str, str]:
    lab.create_function("f", VARIABLES, **settings)
    found: dict[str, str] = lab.invoke("f").payload
    return found


def test_the_variables_about_the_function(lab: ll.Lab) -> None:
    found = variables(lab, memory_size=512)
    assert found["AWS_LAMBDA_FUNCTION_NAME"] == "f"
    assert found["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert found["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/f"
    assert found["AWS_LAMBDA_LOG_STREAM_NAME"] == lab.trace.environments["log_stream"].iloc[0]
    assert found["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"


def test_the_variables_about_the_account(lab: ll.Lab) -> None:
    found = variables(lab)
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == "us-east-1"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        assert found[name]


def test_the_variables_about_the_runtime(lab: ll.Lab) -> None:
    found = variables(lab)
    assert found["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert found["_HANDLER"] == "lambda_function.lambda_handler"
    assert found["LAMBDA_TASK_ROOT"] == found["PWD"] == "/var/task"
    assert found["LAMBDA_RUNTIME_DIR"] == "/var/runtime"
    assert (found["TZ"], found["LANG"]) == (":UTC", "en_US.UTF-8")
    assert "/var/runtime" in found["PYTHONPATH"]
    for name in ("AWS_LAMBDA_RUNTIME_API", "PATH", "LD_LIBRARY_PATH"):
        assert found[name]


def test_the_variables_about_tracing(lab: ll.Lab) -> None:
    found = variables(lab)
    assert found["AWS_XRAY_CONTEXT_MISSING"] == "LOG_ERROR"
    assert found["AWS_XRAY_DAEMON_ADDRESS"]
    assert found["_X_AMZN_TRACE_ID"].startswith("Root=1-")


@pytest.mark.parametrize("name", ["AWS_REGION", "_HANDLER", "LAMBDA_TASK_ROOT"])
def test_reserved_names_cannot_be_set(lab: ll.Lab, name: str) -> None:
    with pytest.raises(LabError, match=name):
        lab.create_function("f", VARIABLES, environment={name: "mine"})


def test_there_is_no_tenant(lab: ll.Lab) -> None:
    lab.create_function("f", "def lambda_handler(event, context): return context.tenant_id")
    assert lab.invoke("f").body == b"null"


# ---- processor


COMPUTE = """
import threading
import lambdalab as ll
def lambda_handler(event, context):
    threads = [threading.Thread(target=ll.compute, args=(1,)) for _ in range(event)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def computing(memory: int, threads: int) -> float:
    """Seconds of Duration for so many threads that need a vCPU-second each."""
    lab = ll.Lab()
    lab.create_function("f", COMPUTE, memory_size=memory, timeout=60)
    lab.invoke("f", threads)
    return float(lab.trace.attempts["duration_ms"].iloc[0]) / 1000


@pytest.mark.parametrize(
    ("memory", "seconds"), [(128, 1769 / 128), (512, 1769 / 512), (1769, 1), (10_240, 1)]
)
def test_the_processor_follows_the_memory(memory: int, seconds: float) -> None:
    assert computing(memory, 1) == pytest.approx(seconds, rel=1e-4)


def test_a_second_core_helps_parallel_work_only() -> None:
    assert computing(2 * 1769, 1) == pytest.approx(1, rel=1e-4)
    assert computing(2 * 1769, 2) == pytest.approx(1, rel=1e-4)
    assert computing(1769, 2) == pytest.approx(2, rel=1e-4)


def test_about_six_vcpus_at_most() -> None:
    assert computing(10_240, 12) == pytest.approx(12 / (10_240 / 1769), rel=1e-4)


def test_the_init_has_the_whole_processor(lab: ll.Lab) -> None:
    text = "import lambdalab as ll\nll.compute(1)\ndef lambda_handler(event, context): ..."
    lab.create_function("f", text, init=0)
    lab.invoke("f")
    assert lab.trace.attempts["init_ms"].tolist() == pytest.approx([1000], rel=1e-4)


def test_python_code_takes_no_time_unless_told(lab: ll.Lab) -> None:
    lab.create_function("f", "def lambda_handler(event, context): return sum(range(200_000))")
    lab.invoke("f")
    assert lab.trace.attempts["duration_ms"].tolist() == [0]


def test_measured_time_is_scaled_like_the_rest() -> None:
    """The same work at a quarter of the memory takes about four times as long."""

    def work(event: Any, context: Any) -> None:
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass

    took = []
    for memory in (1769, 442):
        lab = ll.Lab()
        lab.create_function("f", work, memory_size=memory, cpu="measured", timeout=60)
        lab.invoke("f")
        took.append(lab.trace.attempts["duration_ms"].iloc[0] / 1000)
    assert took[0] == pytest.approx(0.1, rel=0.5)
    assert took[1] == pytest.approx(0.4, rel=0.5)


# ---- memory


def test_max_memory_used_is_the_environments_high_water_mark(lab: ll.Lab) -> None:
    text = """
    import lambdalab as ll
    def lambda_handler(event, context):
        for mb in event:
            ll.allocate(mb).free()
    """
    lab.create_function("f", text, memory_size=512)
    for held in ([50], [200, 20], [10]):
        lab.invoke("f", held)
    own = lab.rules.max_memory_used["python3.13"]
    assert lab.trace.attempts["max_memory_mb"].tolist() == [50 + own, 200 + own, 200 + own]


def test_more_than_there_is_ends_the_process(lab: ll.Lab) -> None:
    text = """
    import lambdalab as ll
    held = []
    def lambda_handler(event, context):
        try:
            held.append(ll.allocate(event))
        finally:
            print("never")
    """
    lab.create_function("f", text, memory_size=256)
    assert lab.invoke("f", 100).function_error is None
    assert lab.invoke("f", 150).payload["errorType"] == "Runtime.ExitError"
    assert lab.trace.logs["message"].tolist().count("never") == 1
    assert lab.invoke("f", 100).function_error is None, "a new process holds nothing"
