"""`lambdalab run` runs a Python file that makes labs, lets them come to their end, and tells of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambdalab.cli import scripts
from lambdalab.cli.words import OK, Commands, Usage, answer, command, json_option, note, plain
from lambdalab.errors import EndlessRun

if TYPE_CHECKING:
    from lambdalab.lab import Lab

DESCRIPTION = """\
Run a Python file as python would, and then tell of every lab that it made: what it is, its key figures,
and advice. A lab with something still in flight first runs to its end, in virtual time."""
EXAMPLES = """\
examples:
  lambdalab run scenario.py
  lambdalab run scenario.py --save build/trace --flow flow.html
  lambdalab run scenario.py --json -- --rate 20             what follows -- is the file's own

It prints, after what the file itself prints,
  Lab(seed=7) · 2025-01-07 00:03:25 (205.6 s) · rules of 2025-01-07
  name  invocations  succeeded  errors  throttles  cold_starts  p95_ms
  bill          120        118       2          0            3   812.0
  ...
   1. timeouts · bill: 2 attempts timed out, and 6.0 s were billed for nothing. ...

exit code: 0 the file ran; 1 it raised an error, or ended with another status than 0; 2 wrong words"""


def add(commands: Commands) -> None:
    """The subcommand's words."""
    parser = command(
        commands, "run", "run a Python file and tell of the labs it made", DESCRIPTION, EXAMPLES
    )
    parser.add_argument(
        "scenario",
        metavar="SCENARIO.py",
        type=Path,
        help="the Python file; words after -- are its own, in sys.argv",
    )
    parser.add_argument(
        "--no-run", action="store_true", help="leave a lab where the file left it, whatever is in flight"
    )  # fmt: skip
    parser.add_argument(
        "--save",
        metavar="FOLDER",
        type=Path,
        help="write the trace: all tables, and for Trace.load",
    )
    parser.add_argument(
        "--flow", metavar="FILE.html", type=Path, help="write one page that plays the lab's wiring"
    )
    json_option(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Run the command."""
    with scripts.beside(given.scenario, given.arguments):
        labs = scripts.run(given.scenario, scripts.MAIN, to_stderr=given.json)
        if not labs and (given.save or given.flow):
            raise Usage(f"{given.scenario} made no lab: nothing to save")
        told = [_finish(name, lab, given, len(labs)) for name, lab in labs.items()]
    if given.json:
        answer({"scenario": str(given.scenario), "labs": told})
    elif not labs:
        note(f"{given.scenario} made no lab.")
    return OK


def _finish(name: str, lab: Lab, given: argparse.Namespace, count: int) -> dict[str, Any]:
    """Let a lab come to its end, keep what is to be kept, and tell of it."""
    if not given.no_run and not lab._closed and lab._time.pending:
        try:
            lab.run()
        except EndlessRun as endless:
            note(f"{name} was not run to its end: {endless}")
    kept = {}
    if given.save:
        folder = given.save / name.replace(" ", "-") if count > 1 else given.save
        kept["saved"] = str(lab.trace.save(folder))
    if given.flow:
        from lambdalab.widgets import Flow  # brings ipywidgets

        page = given.flow
        page = page.with_stem(f"{page.stem}-{name.replace(' ', '-')}") if count > 1 else page
        kept["flow"] = str(Flow(lab).save(page))
    if not given.json:
        _print(name, lab, kept, count)
    return _facts(name, lab) | kept if given.json else {}


def _facts(name: str, lab: Lab) -> dict[str, Any]:
    rows = plain(lab.trace.summary().astype(object).to_dict("records"))
    rows = [{key: value for key, value in row.items() if value is not None} for row in rows]
    return {
        "name": name,
        "seed": lab.seed,
        "now": lab.now.isoformat(),
        "elapsed_s": lab.elapsed,
        "rules": str(lab.rules.date),
        "in_flight": lab._time.pending,
        "summary": rows,
        "findings": [
            {"kind": found.kind, "subject": found.subject, "advice": found.advice}
            for found in lab.trace.findings()
        ],
        "digest": lab.trace.digest(),
    }


def _print(name: str, lab: Lab, kept: dict[str, str], count: int) -> None:
    from lambdalab.trace.summary import summary_texts  # brings pandas

    print()
    if count > 1:
        print(f"== {name} ==")
    print("\n\n".join([repr(lab), *summary_texts(lab.trace.summary()), repr(lab.trace.findings())]))
    for what, where in kept.items():
        note(f"{what}: {where}")
