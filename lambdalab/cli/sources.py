"""What SOURCE may be: a Python file that makes a lab, a template, or one handler of a file."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lambdalab.cli import scripts
from lambdalab.cli.words import Usage, pair
from lambdalab.errors import suggestion
from lambdalab.lab import Lab

SOURCES = """\
SOURCE is one of
  shop.py            a Python file that makes a lab: `lab = ll.Lab()`, `@lab.function` ...
  template.yaml      a template of SAM or CloudFormation (.yaml, .yml, .json)
  app.py:handler     a handler function, as AWS runs it: nothing else is needed"""

_TEMPLATES = (".yaml", ".yml", ".json", ".template")
_LABS_OWN = ("seed", "start", "rules")


def lab_options(parser: argparse.ArgumentParser) -> None:
    """Options for what makes a lab of SOURCE."""
    parser.add_argument(
        "--lab", metavar="NAME", help="which lab, where the Python file makes several"
    )
    parser.add_argument(
        "--parameter",
        metavar="NAME=VALUE",
        type=pair,
        action="append",
        default=[],
        help="a parameter of the template; can be repeated",
    )
    parser.add_argument("--seed", help="the lab's seed (0): the same seed gives the same run")
    parser.add_argument("--start", metavar="DATE", help="the lab's date (2025-01-07)")
    parser.add_argument("--rules", metavar="DATE", help='AWS\'s rules of this date, or "latest"')


def handler_options(parser: argparse.ArgumentParser) -> None:
    """Options for a handler that is given by itself."""
    parser.add_argument("--timeout", type=int, help="of a bare handler, in seconds (3)")
    parser.add_argument("--memory-size", type=int, help="of a bare handler, in MB (128)")
    parser.add_argument(
        "--env",
        metavar="NAME=VALUE",
        type=pair,
        action="append",
        default=[],
        help="an environment variable of a bare handler; can be repeated",
    )


@contextmanager
def opened(source: str, given: argparse.Namespace) -> Iterator[Lab]:
    """The lab that SOURCE stands for, while the block lasts; then it is closed.

    Raises :class:`Usage` for what it cannot be, and what making the lab raises.
    """
    path, handler = split(source)
    if not path.is_file():
        raise Usage(f"there is no file {path}")
    settings = lab_settings(given)
    with scripts.beside(path), contextlib.ExitStack() as closing:
        if handler:
            lab = _of_handler(path, handler, settings, given)
        elif path.suffix in _TEMPLATES:
            _check_unused(given, source, "timeout", "memory_size", "env", "lab")
            parameters = dict(given.parameter)
            lab = Lab.from_template(path, parameters=parameters, **settings)
        elif path.suffix == ".py":
            unused = ("timeout", "memory_size", "env", "parameter", *_LABS_OWN)
            _check_unused(given, source, *unused)
            lab = _of_script(path, given)
        else:
            raise Usage(f"{source} is none of these:\n\n{SOURCES}")
        closing.callback(lab.close)
        yield lab


def lab_settings(given: argparse.Namespace) -> dict[str, Any]:
    """The settings of a lab that were typed."""
    settings = {name: v for name in _LABS_OWN if (v := getattr(given, name, None)) is not None}
    if str(settings.get("seed", "")).isdecimal():
        settings["seed"] = int(settings["seed"])
    return settings


def split(source: str) -> tuple[Path, str]:
    """Path and handler: ``app.py:handler`` has both, of all else the second is ""."""
    file, colon, handler = source.rpartition(":")
    return (Path(file), handler) if colon and file.endswith(".py") else (Path(source), "")


def _of_handler(
    path: Path, handler: str, settings: dict[str, Any], given: argparse.Namespace
) -> Lab:
    """A lab with one function, which runs this handler beside the modules of its folder."""
    _check_unused(given, f"{path}:{handler}", "parameter", "lab")
    own = {"timeout": getattr(given, "timeout", None)}
    own["memory_size"] = getattr(given, "memory_size", None)
    lab = Lab(**settings)
    lab.create_function(
        handler,
        code=path.resolve().parent,
        handler=f"{path.stem}.{handler}",
        environment=dict(getattr(given, "env", [])),
        **{name: value for name, value in own.items() if value is not None},
    )
    return lab


def _of_script(path: Path, given: argparse.Namespace) -> Lab:
    labs = scripts.run(path, scripts.NOT_MAIN, to_stderr=True)
    labs = {name: lab for name, lab in labs.items() if not lab._closed}
    if not labs:
        raise Usage(
            f"{path} makes no lab that is still open; {path}:NAME runs its function NAME as a handler"
        )
    if given.lab is not None:
        if given.lab not in labs:
            raise Usage(f"{path} has no lab {given.lab!r}{suggestion(given.lab, labs)}")
        return labs[given.lab]
    if len(labs) > 1 and "lab" not in labs:
        raise Usage(f"{path} makes several labs: --lab one of {', '.join(labs)}")
    return labs.get("lab") or next(iter(labs.values()))


def _check_unused(given: argparse.Namespace, source: str, *names: str) -> None:
    """Raise for an option that has no meaning for this source, rather than leave it aside."""
    for name in names:
        if getattr(given, name, None):
            raise Usage(f"--{name.replace('_', '-')} has no meaning for {source}")


def function_name(lab: Lab, asked: str | None) -> str:
    """The function that was asked for; where none was, the only one there is."""
    known = list(lab._lambda.functions)
    if asked is None:
        if len(known) != 1:
            which = f"; there are {', '.join(known)}" if known else ", and there are none"
            raise Usage(f"name a FUNCTION{which}")
        return known[0]
    name, _ = lab._functions.named(asked)
    if name not in known:
        raise Usage(f"there is no function {asked!r}{suggestion(asked, known)}")
    return asked


def read_payload(text: str, option: str) -> bytes:
    """An event's bytes, from the words, a file or stdin; raises :class:`Usage` for what is no JSON."""
    if text == "-":
        data = sys.stdin.read().encode()
    elif text.startswith("@"):
        try:
            data = Path(text[1:]).read_bytes()
        except OSError as error:
            raise Usage(f"{option} {text}: {error.strerror}") from error
    else:
        data = text.encode()
    try:
        json.loads(data)
    except ValueError as error:
        raise Usage(f"{option} {text[:40]} is not JSON: {error}") from error
    return data
