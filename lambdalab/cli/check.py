"""`lambdalab check` looks for what is wrong with the wiring, each finding shown by a run."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from lambdalab.cli.sources import SOURCES, function_name, lab_options, opened, read_payload
from lambdalab.cli.words import FAILED, OK, Commands, answer, command, json_option, pair

if TYPE_CHECKING:
    from lambdalab.advice import Checked
    from lambdalab.lab import Lab

DESCRIPTION = f"""\
Look for what is wrong with the wiring of a template or of a lab: a visibility timeout that is too short,
a dead-letter queue that loses what it should keep, a handler that does things twice ... Each finding has
been shown by a run of a small lab. Also tells what of the template a lab cannot build.

{SOURCES}"""
EXAMPLES = """\
examples:
  lambdalab check template.yaml
  lambdalab check template.yaml --parameter Stage=prod --strict
  lambdalab check shop.py --event bill=@events/order.json      is the handler idempotent?
  lambdalab check shop.py --json | jq -r '.findings[].advice'

It prints
  template.yaml: 7 built · 2 ignored
  1 finding: 21 rules looked at, shown by a run (.example)
   1. visibility timeout · orders->bill: ...

exit code: 0 nothing found; 1 there are findings, or, with --strict, something was left out or not decided;
2 wrong words"""


def add(commands: Commands) -> None:
    """The subcommand's words."""
    parser = command(
        commands, "check", "find what is wrong with a template or a lab", DESCRIPTION, EXAMPLES
    )
    parser.add_argument("source", metavar="TEMPLATE|SCRIPT", help="a template, or a Python file")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="fail too where something of the template cannot be built, or could not be decided",
    )
    parser.add_argument(
        "--event",
        metavar="FUNCTION=JSON",
        type=pair,
        action="append",
        default=[],
        help="an event to try a function's handler with: JSON or @file; can be repeated",
    )
    parser.add_argument(
        "--record-size",
        metavar="BYTES",
        type=int,
        help="of a message or record, where none was seen",
    )
    lab_options(parser)
    json_option(parser)
    parser.set_defaults(run=check)


def check(given: argparse.Namespace) -> int:
    """Run the command."""
    events = {name: json.loads(read_payload(text, "--event")) for name, text in given.event}
    with opened(given.source, given) as lab:
        known = {name: event for name, event in events.items() if function_name(lab, name)}
        found: Checked = lab.check(record_size=given.record_size, events=known)  # type: ignore[assignment]
        if given.json:
            answer(_facts(given.source, lab, found))
        else:
            _print(lab, found)
        template = lab.template
    open_ends = found.looked.left_out or (template and (template.left_out or template.warnings))
    return FAILED if found or (given.strict and open_ends) else OK


def _print(lab: Lab, found: Checked) -> None:
    from lambdalab.advice import Advice  # brings pandas

    if lab.template is not None:
        print(lab.template.report(), end="\n\n")
    print(repr(found))
    for number, each in enumerate(found, start=1):
        if isinstance(each, Advice):
            print(f"\n{number:>2}. shown by: {each.example!r}")


def _facts(source: str, lab: Lab, found: Checked) -> dict[str, Any]:
    template = lab.template
    built = {}
    if template is not None:
        built = {
            "built": sorted(template.names),
            "left_out": [_unbuilt(each) for each in template.left_out],
            "ignored": [_unbuilt(each) for each in template.ignored],
            "warnings": list(template.warnings),
        }
    findings = [
        {
            name: getattr(each, name, "")
            for name in ("severity", "kind", "subject", "advice", "rule")
        }
        | {"proof": each.rows.astype(str).to_dict("records")}
        for each in found
    ]
    looked = {"rules": found.looked.rules, "not_decided": list(found.looked.left_out)}
    return {"source": source, "template": built or None, "findings": findings, **looked}


def _unbuilt(each: Any) -> dict[str, str]:
    return {name: getattr(each, name) for name in ("resource", "type", "property", "why")}
