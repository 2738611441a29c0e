"""`lambdalab serve`: the lab that it serves, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lambdalab.cli import serve
from lambdalab.errors import MissingExtra
from lambdalab.lab import Lab
from tests.cli.conftest import Cli


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Lab, dict[str, Any], bool]]:
    """Each lab that would have been served, how, and whether it had functions."""
    seen: list[tuple[Lab, dict[str, Any], bool]] = []

    def server(lab: Lab, **how: Any) -> None:
        assert not lab._closed
        seen.append((lab, how, bool(lab._lambda.functions)))

    monkeypatch.setattr(serve, "_server", lambda: server)
    return seen


def test_an_empty_lab(cli: Cli, served: list[Any]) -> None:
    assert cli("serve", "--seed", 7, "--rules", "latest").code == 0
    ((lab, how, filled),) = served
    assert (lab.seed, filled, lab._closed) == (7, False, True)
    assert how == {
        "host": "127.0.0.1", "port": 4566, "speed": None, "allow_code": False, "allow_remote": False,
        "names": [],
    }  # fmt: skip


def test_the_lab_of_a_file(cli: Cli, files: Path, served: list[Any]) -> None:
    words = ("--host", "0.0.0.0", "--port", 0, "--speed", 60, "--allow-code", "--allow-remote")
    done = cli("serve", "shop.py", *words, "--name", "lab", "--name", "aws")
    assert done.code == 0, done.err
    ((lab, how, filled),) = served
    assert (lab.seed, filled) == (7, True)
    assert how == {
        "host": "0.0.0.0", "port": 0, "speed": 60, "allow_code": True, "allow_remote": True,
        "names": ["lab", "aws"],
    }  # fmt: skip
    assert cli("serve", "app.py:handler", "--timeout", 5).code == 0
    assert cli("serve", "template.yaml").code == 0


def test_without_a_source_there_is_nothing_to_set(cli: Cli, served: list[Any]) -> None:
    done = cli("serve", "--timeout", 5)
    assert (done.code, "--timeout has no meaning without SOURCE" in done.err) == (2, True)
    assert served == []


def test_what_the_server_refuses_is_wrong_words(cli: Cli) -> None:
    pytest.importorskip("uvicorn")
    done = cli("serve", "--host", "0.0.0.0")
    assert (done.code, "--allow-remote" in done.err) == (2, True)


def test_without_the_extra_it_says_what_to_install(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lambdalab.aws.endpoint.server", None)
    with pytest.raises(ModuleNotFoundError):
        serve._server()  # of ours, that is a mistake of ours
    missing = ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")

    def gone(*args: Any, **named: Any) -> Any:
        if args[0] == "lambdalab.aws.endpoint.server":
            raise missing
        return real(*args, **named)

    real = __import__
    monkeypatch.setattr("builtins.__import__", gone)
    with pytest.raises(MissingExtra, match="pip install"):
        serve._server()
