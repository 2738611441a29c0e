"""A shell in which ``aws`` is the AWS CLI, version 2, and talks to one server and to nobody else."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import orjson
import pytest

from tests.aws.endpoint import served

_USUAL = ("/usr/local/bin/aws", "/usr/bin/aws")
_ROOMS = (  # how a namespace of one's own is made and entered: as root, as anybody else
    (["unshare", "--net"], ["nsenter", "--net"]),
    (["unshare", "--user", "--map-root-user", "--net"],
     ["nsenter", "--user", "--preserve-credentials", "--net"]),
)  # fmt: skip
_ALIAS = 'aws() { "$AWS_CLI" --endpoint-url "$ENDPOINT" "$@"; }\n'
_PATIENCE = 60


@cache
def aws_cli() -> str:
    """The AWS CLI, version 2; "" where there is none.

    ``AWS_CLI`` names it. On PATH there may be another one before it: the one from PyPI is version 1.
    """
    named = os.environ.get("AWS_CLI")
    places = [Path(each) / "aws" for each in os.get_exec_path()]
    for path in [named] if named else [*_USUAL, *map(str, places)]:
        if path and shutil.which(path):
            asked = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
            if asked.stdout.startswith("aws-cli/2."):
                return path
    return ""


def cannot_run() -> NoReturn:
    """Fail where the CLI is required, skip elsewhere."""
    why = "no AWS CLI of version 2 (Debian's package awscli has one), or AWS_CLI names another"
    if os.environ.get("CI") or os.environ.get("AWS_CLI_REQUIRED") == "1":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


@cache
def room() -> tuple[list[str], list[str]]:
    """How to start something in a network of its own and how to enter it; nothing where we may not."""
    for begin, enter in _ROOMS:
        if shutil.which(begin[0]) and shutil.which(enter[0]):
            tried = subprocess.run([*begin, "true"], capture_output=True, check=False)
            if tried.returncode == 0:
                return begin, enter
    return [], []


class Shell:
    """A shell beside a server.

    Parameters: what the server printed at start, its process, a ``folder`` to work in.
    """

    def __init__(self, welcome: str, process: subprocess.Popen[str], folder: Path) -> None:
        found = re.search(r"http://\S+?:\d+", welcome)
        assert found, welcome
        self.url, self.folder = found[0], folder
        self.keys = dict(re.findall(r"export (\w+)=(\S+)", welcome))
        _, enter = room()
        self._enter = [*enter, f"--target={process.pid}"] if enter else []

    def environment(self) -> dict[str, str]:
        """Nothing of whoever runs the tests; for all but the server, a proxy where nobody listens."""
        nobody = "http://127.0.0.1:9"
        return {
            "PATH": os.defpath, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "AWS_PAGER": "",
            "AWS_CLI": aws_cli(), "ENDPOINT": self.url, "AWS_EC2_METADATA_DISABLED": "true",
            "HTTP_PROXY": nobody, "HTTPS_PROXY": nobody, "NO_PROXY": "127.0.0.1", **self.keys,
        }  # fmt: skip

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """What a script does; ``variables`` are added to its environment."""
        return subprocess.run(
            [*self._enter, "bash", "-c", _ALIAS + script], cwd=self.folder, capture_output=True,
            text=True, timeout=_PATIENCE, check=False, env=self.environment() | variables,
        )  # fmt: skip

    def json(self, script: str) -> Any:
        """What a script that works prints, parsed."""
        done = self.run(script)
        assert (done.returncode, done.stderr) == (0, ""), done
        return orjson.loads(done.stdout) if done.stdout else None


@contextmanager
def shell(folder: Path, *options: str) -> Iterator[Shell]:
    """A shell beside a server of its own; at the end the lab behind it must pass its audit."""
    begin, _ = room()
    command = [*begin, sys.executable, served.__file__, *(["--alone"] if begin else []), *options]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, f"the server has ended: {said}"
            said += line
        yield Shell(said, process, folder)
        process.send_signal(signal.SIGINT)
        assert served.AUDITED in process.communicate(timeout=_PATIENCE)[0]
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
