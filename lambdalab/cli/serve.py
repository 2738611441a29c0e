"""`lambdalab serve` serves a lab to the AWS CLI and the SDKs of any language."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lambdalab.cli.sources import SOURCES, handler_options, lab_options, lab_settings, opened
from lambdalab.cli.words import OK, Commands, Usage, command
from lambdalab.errors import InvalidSetting, MissingExtra
from lambdalab.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Callable

DESCRIPTION = f"""\
Serve a lab as an endpoint of AWS, for the AWS CLI and the SDKs of other languages, until Ctrl-C. Time is
virtual: a synchronous invoke answers at once, when its reply is there in the lab's time. A page at the
endpoint's address shows the lab.

{SOURCES}
Without SOURCE the lab is empty: clients make what they need."""
EXAMPLES = """\
examples:
  lambdalab serve
  lambdalab serve template.yaml --port 5000
  lambdalab serve shop.py --speed 1            in real time; --speed 60: an hour in a minute

It prints the credentials that it has made; then, in another terminal (after its `export` lines),
  aws --endpoint-url http://127.0.0.1:4566 lambda invoke --function-name bill out.json

Who can reach it: only this machine, and only requests signed with those credentials. --allow-remote
lets others reach it; --allow-code lets clients upload functions, which means to run any code here.

exit code: 0 ended by Ctrl-C; 1 a library is missing; 2 wrong words, or a port in use"""


def add(commands: Commands) -> None:
    """The subcommand's words."""
    parser = command(
        commands, "serve", "serve a lab to the AWS CLI and SDKs", DESCRIPTION, EXAMPLES
    )
    parser.add_argument("source", metavar="SOURCE", nargs="?", help="what makes the lab")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1)")
    parser.add_argument(
        "--port", type=int, default=4566, help="where to listen (4566); 0: a free one"
    )
    parser.add_argument(
        "--speed",
        type=float,
        metavar="N",
        help="seconds of the lab in a second of yours; without it time is virtual",
    )
    parser.add_argument(
        "--allow-code", action="store_true", help="let clients upload code: they can then run any"
    )
    parser.add_argument(
        "--allow-remote", action="store_true", help="let --host be one that other machines reach"
    )
    parser.add_argument(
        "--name",
        metavar="HOST",
        action="append",
        default=[],
        help="another name by which it is called, such as its container's; can be repeated",
    )
    lab_options(parser)
    handler_options(parser)
    parser.set_defaults(run=serve)


def serve(given: argparse.Namespace) -> int:
    """Run the command."""
    server = _server()
    with _lab(given) as lab:
        try:
            server(
                lab,
                host=given.host,
                port=given.port,
                speed=given.speed,
                allow_code=given.allow_code,
                allow_remote=given.allow_remote,
                names=given.name,
            )
        except InvalidSetting as wrong:
            raise Usage(str(wrong)) from wrong
    return OK


def _lab(given: argparse.Namespace) -> AbstractContextManager[Lab]:
    """The lab of SOURCE, or an empty one with the settings that were given."""
    if given.source is not None:
        return opened(given.source, given)
    for name in ("lab", "parameter", "timeout", "memory_size", "env"):
        if getattr(given, name):
            raise Usage(f"--{name.replace('_', '-')} has no meaning without SOURCE")
    return Lab(**lab_settings(given))


def _server() -> Callable[..., None]:
    """What serves; raises :class:`~lambdalab.errors.MissingExtra` where a library is not there."""
    try:
        from lambdalab.aws.endpoint.server import serve as server
    except ModuleNotFoundError as missing:
        if str(missing.name).startswith("lambdalab"):
            raise
        raise MissingExtra(
            f'serve needs {missing.name}, which an extra brings: pip install "lambdalab[serve]"'
        ) from missing
    return server
