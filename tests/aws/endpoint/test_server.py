"""The server: where it listens, what it says, how it ends."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytest.importorskip("boto3")
pytest.importorskip("uvicorn")

from lambdalab.aws.endpoint import running, serve
from lambdalab.errors import InvalidSetting, LabError
from lambdalab.lab import Lab

PROGRAM = """
import lambdalab as ll
from lambdalab.aws.endpoint import serve
lab = ll.Lab(seed=7)
lab.create_function("bill", duration=0.1)
serve(lab, port=0)
lab.audit()
print("afterwards", lab.invoke("bill").status_code)
"""


def test_it_listens_elsewhere_only_when_told_so_twice(lab: Lab) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.com"):
        with pytest.raises(InvalidSetting, match=r"--allow-remote.*without encryption"):
            serve(lab, host=host, port=0)
    with running(lab, host="0.0.0.0", allow_remote=True) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.client("lambda").list_functions()["Functions"] == []


def test_a_port_that_is_taken(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidSetting, match="free here"):
            serve(lab, port=port)
    with pytest.raises(InvalidSetting, match="0-65535"):
        serve(lab, port=70_000)


def test_a_lab_that_is_served_already(lab: Lab) -> None:
    with running(lab), pytest.raises(LabError, match="serv"), running(lab):
        pass


def test_a_running_one_ends_with_its_block(lab: Lab) -> None:
    threads = threading.active_count()
    with running(lab) as server:
        address = server.url.removeprefix("http://")
        assert server.environment()["AWS_ACCESS_KEY_ID"] == server.access_key
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection(address).request("GET", "/")
    assert threading.active_count() == threads
    lab.create_function("bill", duration=0.1)
    assert lab.invoke("bill").status_code == 200


def test_each_start_has_keys_of_its_own(lab: Lab) -> None:
    with running(lab) as server:
        first = server.access_key, server.secret_key
    with running(lab) as server:
        assert not {server.access_key, server.secret_key} & set(first)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 on this machine")
def test_it_listens_on_version_6(lab: Lab) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no loopback of IPv6 on this machine")
    with running(lab, host="::1") as server:
        assert server.url.startswith("http://[::1]:")
        assert server.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_it_says_how_to_reach_it_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    import boto3

    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    while "Ctrl-C" not in said:
        line = process.stdout.readline()
        assert line, process.communicate()
        said += line
    exports = dict(re.findall(r"export (AWS_\w+)=(\S+)", said))
    assert set(exports) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}
    url = re.search(r"aws --endpoint-url (\S+) lambda list-functions", said)
    assert url is not None
    client = boto3.client(
        "lambda", endpoint_url=url[1], region_name=exports["AWS_DEFAULT_REGION"],
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    assert client.invoke(FunctionName="bill")["StatusCode"] == 200
    client.close()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "afterwards 200\n", "\nStopped.\n")
