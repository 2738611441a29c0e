"""The command line: ``lambdalab demo | invoke | run | check | explore | serve``.

Exit codes: 0 done; 1 what was asked for failed, or has findings; 2 wrong words; 130 Ctrl-C. With
``--json`` stdout is one JSON document with stable keys. An error is one line; ``--debug`` shows where it
came from.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from lambdalab._version import __version__
from lambdalab.cli import check, demo, explore, invoke, run, serve
from lambdalab.cli.words import FAILED, STOPPED, USAGE, Failed, Usage, note
from lambdalab.errors import LabError

DESCRIPTION = "AWS Lambda's invocation system in one process, in virtual time."
EXAMPLES = """\
begin with
  lambdalab demo                                            an order service, and all that happens in it
  lambdalab invoke app.py:handler --payload '{"order": 1}'  a handler of yours
  lambdalab check template.yaml                             what is wrong with a design
  lambdalab COMMAND --help                                  what a command does, with examples

exit codes: 0 done; 1 what was asked for failed, or has findings; 2 wrong words; 130 Ctrl-C"""
COMMANDS = (demo, invoke, run, check, explore, serve)


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    made = argparse.ArgumentParser(
        prog="lambdalab",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"lambdalab {__version__}")
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for each in COMMANDS:
        each.add(commands)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Wrong words end with :class:`SystemExit`, code 2 and the usage, as argparse does.
    """
    words, own = _split(sys.argv[1:] if arguments is None else list(arguments))
    made = parser()
    given = made.parse_args(words)
    if own is not None and given.command != "run":
        made.error("only `run` takes arguments after --")
    given.arguments = own or []
    try:
        return int(given.run(given))
    except KeyboardInterrupt:
        note("stopped")
        return STOPPED
    except BrokenPipeError:  # whoever read what we print has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more
        return FAILED
    except Exception as error:
        if given.debug:
            traceback.print_exc()
        note(f"lambdalab {given.command}: {_line(error)}")
        return USAGE if isinstance(error, Usage) else FAILED


def _split(words: list[str]) -> tuple[list[str], list[str] | None]:
    """Our words, and those after ``--`` (None: there is none), which are a scenario's own."""
    if "--" not in words:
        return words, None
    at = words.index("--")
    return words[:at], words[at + 1 :]


def _line(error: Exception) -> str:
    """One clear line for what is meant for people; of anything else, how to find out more."""
    if isinstance(error, (Usage, Failed, LabError)):
        return str(error)
    return f"{type(error).__name__}: {error} (--debug shows where)"
