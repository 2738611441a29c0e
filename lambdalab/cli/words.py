"""What the commands share: how they are described, what is an error, what goes to which stream."""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
else:
    Commands = Any

OK, FAILED, USAGE, STOPPED = 0, 1, 2, 130
"""Exit codes: done; what was asked for failed, or has findings; wrong words; Ctrl-C."""


class Usage(Exception):
    """What was typed cannot be: told with the command's name, exit code 2."""


class Failed(Exception):
    """What was asked for could not be done: told in a line, exit code 1."""


def command(
    commands: Commands, name: str, short: str, description: str, examples: str
) -> argparse.ArgumentParser:
    """A subcommand with its teaching ``--help``; every one of them has ``--debug``."""
    made = commands.add_parser(
        name,
        help=short,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--debug", action="store_true", help="show a traceback with an error")
    return made


def json_option(parser: argparse.ArgumentParser) -> None:
    """``--json``, of every command that answers something."""
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document; notes, and what your code prints, go to stderr",
    )


def note(said: object) -> None:
    """Say something that is not the answer."""
    print(said, file=sys.stderr)


def answer(document: dict[str, Any]) -> None:
    """Print the one document of ``--json``."""
    print(json.dumps(plain(document), indent=2, ensure_ascii=False))


def plain(value: Any) -> Any:
    """A value as JSON has it: no NaN, no type of pandas or numpy."""
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if hasattr(value, "item"):  # a scalar of numpy
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return None if value != value or str(value) == "<NA>" else str(value)  # NaT, pandas' NA


def pair(text: str) -> tuple[str, str]:
    """``NAME=VALUE``, as argparse wants to be told."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r}: give it as NAME=VALUE")
    return name, value
