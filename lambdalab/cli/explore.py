"""`lambdalab explore` opens the explorers as a page, with Voila."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import socket
import subprocess
import sys
import time
import webbrowser
from pathlib import Path
from urllib.parse import urlencode

from lambdalab.cli.words import (
    OK,
    Commands,
    Failed,
    Usage,
    answer,
    command,
    json_option,
    note,
)
from lambdalab.errors import suggestion

DESCRIPTION = """\
Open the explorers in a browser: a question each about what Lambda does, with sliders; every move runs a
simulation. Served by Voila on this machine until Ctrl-C; no code is shown."""
EXAMPLES = """\
examples:
  lambdalab explore                       the menu
  lambdalab explore batching              begin with this one
  lambdalab explore --list                their names and questions
  lambdalab explore --no-browser --port 9000

It needs Voila: pip install "lambdalab[lab]".

exit code: 0 ended by Ctrl-C, or listed; 1 Voila is missing or failed; 2 wrong words, or a port in use"""
PORT, HOST = 8866, "127.0.0.1"
_WAIT = 60  # seconds until the page is there
_PAUSE = 0.2


def add(commands: Commands) -> None:
    """The subcommand's words."""
    parser = command(
        commands, "explore", "open the explorers in a browser (Voila)", DESCRIPTION, EXAMPLES
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="the explorer to begin with")
    parser.add_argument("--list", action="store_true", help="list them, and open nothing")
    parser.add_argument(
        "--port", type=int, default=PORT, help=f"where to serve ({PORT}); 0: a free one"
    )
    parser.add_argument("--no-browser", action="store_true", help="serve, and open no browser")
    json_option(parser)
    parser.set_defaults(run=explore)


def explore(given: argparse.Namespace) -> int:
    """Run the command."""
    if given.list:
        return _list(given.json)
    if given.json:
        raise Usage("--json goes with --list")
    from lambdalab.widgets import EXPLORERS  # brings ipywidgets

    if given.name is not None and given.name not in EXPLORERS:
        raise Usage(f"there is no explorer {given.name!r}{suggestion(given.name, EXPLORERS)}")
    port = free_port(given.port)
    if importlib.util.find_spec("voila") is None:
        raise Failed('explore needs Voila: pip install "lambdalab[lab]"')
    return _serve(given.name, port, browser=not given.no_browser)


def _list(as_json: bool) -> int:
    from lambdalab.widgets import EXPLORERS

    if as_json:
        explorers = [{"name": name, "question": e.heading} for name, e in EXPLORERS.items()]
        answer({"explorers": explorers})
        return OK
    width = max(map(len, EXPLORERS))
    for name, explorer in EXPLORERS.items():
        print(f"{name:<{width}}  {explorer.heading}")
    return OK


def free_port(port: int) -> int:
    """This port, or for 0 one that is free; raises :class:`Usage` where it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise Usage(f"--port {port}: {error}") from error
        return int(probe.getsockname()[1])


def voila(port: int) -> list[str]:
    """The command that serves the page of explorers."""
    from lambdalab.widgets.app import PAGE

    words = ["--no-browser", f"--port={port}", f"--Voila.ip={HOST}", "--Voila.port_retries=0"]
    return [sys.executable, "-m", "voila", str(PAGE), *words]


def _serve(name: str | None, port: int, *, browser: bool) -> int:
    """Serve the page until Ctrl-C, and open it once it is there."""
    address = f"http://{HOST}:{port}/" + (f"?{urlencode({'explore': name})}" if name else "")
    with subprocess.Popen(voila(port), cwd=Path.cwd()) as server:
        try:
            _until_there(server, port)
            note(f"The explorers are at {address}; Ctrl-C ends them.")
            if browser:
                webbrowser.open(address)
            server.wait()
        except KeyboardInterrupt:
            return OK
        finally:
            server.terminate()
    raise Failed(f"Voila ended with status {server.returncode}")


def _until_there(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait until Voila listens; raises :class:`Failed` where it ends, or never does."""
    for _ in range(round(_WAIT / _PAUSE)):
        if server.poll() is not None:
            raise Failed(f"Voila ended with status {server.returncode}")
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=_PAUSE):
            return
        time.sleep(_PAUSE)
    raise Failed(f"Voila has not answered for {_WAIT} s")
