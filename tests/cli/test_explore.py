"""`lambdalab explore`: the list, and the server that it starts and ends."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.cli import explore
from lambdalab.widgets import EXPLORERS
from tests.cli.conftest import Cli


def test_the_list(cli: Cli) -> None:
    done = cli("explore", "--list")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == list(EXPLORERS)
    found = cli("explore", "--list", "--json").json["explorers"]
    assert found[0] == {"name": "sync_vs_async", "question": EXPLORERS["sync_vs_async"].heading}


def test_wrong_words(cli: Cli) -> None:
    done = cli("explore", "batchin")
    assert (done.code, "did you mean 'batching'?" in done.err) == (2, True)
    assert cli("explore", "--json").code == 2
    with socket.socket() as taken:
        taken.bind((explore.HOST, 0))
        taken.listen()
        done = cli("explore", "--port", taken.getsockname()[1])
    assert (done.code, "in use" in done.err) == (2, True)
    assert cli("explore", "--port", 70000).code == 2


def test_without_voila_it_says_what_to_install(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "voila" else find(name, *more),
    )
    done = cli("explore")
    assert (done.code, 'pip install "lambdalab[lab]"' in done.err) == (1, True)


def test_what_serves_is_voila_with_the_page_for_this_machine_only() -> None:
    words = explore.voila(8866)
    assert words[:3] == [sys.executable, "-m", "voila"]
    assert Path(words[3]).name == "explorers.ipynb"
    assert Path(words[3]).is_file()
    assert {"--port=8866", "--Voila.ip=127.0.0.1", "--no-browser"} <= set(words)


LISTENS = "import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"


def stand_in(monkeypatch: pytest.MonkeyPatch, program: str) -> list[str]:
    """Let another program stand for Voila; returns the addresses that were opened."""
    opened: list[str] = []
    monkeypatch.setattr(
        explore, "voila", lambda port: [sys.executable, "-c", program.format(port=port)]
    )
    monkeypatch.setattr(explore.webbrowser, "open", opened.append)
    return opened


def test_the_page_is_opened_once_it_is_there_and_ended_by_ctrl_c(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = stand_in(monkeypatch, LISTENS)

    def interrupted(server: Any, *args: Any) -> None:
        if opened:
            monkeypatch.undo()
            raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    done = cli("explore", "batching", "--port", 0)
    assert done.code == 0
    assert opened[0].startswith("http://127.0.0.1:")
    assert opened[0].endswith("/?explore=batching")
    assert "The explorers are at http://127.0.0.1:" in done.err


def test_a_server_that_ends_by_itself_is_exit_code_1(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stand_in(monkeypatch, "raise SystemExit(3)") == []
    done = cli("explore", "--port", 0, "--no-browser")
    assert (done.code, done.err) == (1, "lambdalab explore: Voila ended with status 3\n")


@pytest.mark.slow
def test_voila_itself() -> None:
    pytest.importorskip("voila")
    program = """
import signal, sys
from lambdalab.cli import explore, main
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started this may ignore it
sys.exit(main(["explore", "batching", "--port", "0", "--no-browser"]))
"""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=dict(os.environ, PYTHONPATH=str(Path(ll.__file__).parents[1])),
    ) as running:  # fmt: skip
        assert running.stderr is not None
        try:
            for line in running.stderr:
                if "The explorers are at" in line:
                    break
            else:
                pytest.fail("it has not come up")
            os.killpg(running.pid, signal.SIGINT)
            running.stderr.read()
            assert running.wait(timeout=30) == 0
        finally:
            if running.poll() is None:
                running.kill()
