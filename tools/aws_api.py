"""docs/aws-api.md: which operations of AWS's APIs a lab answers.

python tools/aws_api.py            # does the page say what the code does?
python tools/aws_api.py --update   # write it
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path

from lambdalab.aws import operations

PAGE = Path(__file__).resolve().parents[1] / "docs" / "aws-api.md"
HEAD = """\
# Operations of AWS's APIs

`lab.client("sqs")`, `lab.session()` and `with lab.aws():` give real clients of boto3, whose calls a lab
answers in this process. Which operations it answers stands here; `python tools/aws_api.py --update`
writes this page, and a test holds it against the code and against botocore's own models.

Any other operation of these services raises `OperationNotSimulated`, which names it. So does every
operation of a service that a lab has, and whose API is not connected yet: {waiting}. Those are used by the
lab's own verbs (`lab.dynamodb`, `lab.kinesis` ...). Other services are answered by
[moto](https://docs.getmoto.org), where moto knows them; nothing ever leaves the process.
"""


def listed() -> dict[str, list[str]]:
    """For each service the operations that a lab answers."""
    found = {}
    for name in sorted(operations.MODULES):
        known = operations.service(name)
        assert known is not None
        found[name] = sorted(known.operations)
    return found


def page() -> str:
    """The page as it has to be."""
    waiting = ", ".join(f"`{name}`" for name in sorted(operations.WAITING))
    parts = [
        "\n".join(textwrap.wrap(part, 110)) for part in HEAD.format(waiting=waiting).split("\n\n")
    ]
    services = listed()
    rows = [f"| [{name}](#{name}) | {len(here)} |" for name, here in services.items()]
    parts.append("\n".join(["| service | operations |", "|---|---|", *rows]))
    parts += [f"## {name}\n\n{_lines(here)}" for name, here in services.items()]
    return "\n\n".join(parts) + "\n"


def _lines(names: list[str]) -> str:
    words = ", ".join(f"`{name}`" for name in names) + "."
    return "\n".join(textwrap.wrap(words, 110, break_on_hyphens=False))


def main() -> int:
    """Write the page, or say whether it is true."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--update", action="store_true", help="write the page")
    if parser.parse_args().update:
        PAGE.write_text(page(), encoding="utf-8")
    good = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
    print(f"docs/{PAGE.name}: {'as the code is' if good else 'not what the code does: --update'}")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
