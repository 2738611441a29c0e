"""What `--help` teaches, and that the reference has every word of it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from lambdalab import cli as package
from tests.cli.conftest import Cli

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "command-line.md"


def subcommands() -> dict[str, argparse.ArgumentParser]:
    (action,) = [a for a in package.parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(action.choices)


COMMANDS = subcommands()


def options(parser: argparse.ArgumentParser) -> set[str]:
    return {word for action in parser._actions for word in action.option_strings} - {"-h", "--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches(cli: Cli, name: str) -> None:
    done = cli(name, "--help")
    assert done.code == 0
    assert f"usage: lambdalab {name}" in done.out
    assert re.search(r"^examples?:\n  lambdalab ", done.out, re.MULTILINE)
    if name != "demo":
        assert re.search(r"^exit code: 0 ", done.out, re.MULTILINE)
    for action in COMMANDS[name]._actions:
        assert action.help, f"{action.dest} is explained"


def test_the_first_help_lists_them(cli: Cli) -> None:
    out = cli("--help").out
    for name in COMMANDS:
        assert re.search(rf"^    {name} +\w", out, re.MULTILINE)


def sections() -> dict[str, str]:
    parts = re.split(
        r"^## `lambdalab (\w+)`$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_reference_has_every_command() -> None:
    assert list(sections()) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_has_every_option_and_no_other(name: str) -> None:
    section = sections()[name]
    listed = set(re.findall(r"^\| `(--[\w-]+)", section, re.MULTILINE))
    assert listed == options(COMMANDS[name]) - {"--debug"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_one_that_can_be_typed(name: str) -> None:
    """Examples in the help and in the reference parse."""
    text = f"{COMMANDS[name].epilog}\n{sections()[name]}"
    found = re.findall(rf"^(?: *|.*\| )lambdalab {name}(?: (.*))?$", text, re.MULTILINE)
    assert found
    for line in found:
        words = re.split(r" {2,}| \|", line)[0]
        typed, _, _ = words.partition(" -- ")
        pieces = re.findall(r"'[^']*'|\S+", typed)
        COMMANDS[name].parse_args([piece.strip("'") for piece in pieces])
