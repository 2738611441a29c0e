"""``python -m benchmarks``: the table of all benchmarks."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Iterator

from benchmarks import (
    api,
    endpoint,
    events,
    flow,
    growth,
    mappings,
    memory,
    picture,
    speed,
    sweeps,
    tables,
    viewer,
)
from benchmarks.table import Row, show

Family = Callable[[argparse.Namespace], Iterator[Row]]
FAMILIES: dict[str, Family] = {
    "speed": lambda args: speed.rows(args.rounds),
    "memory": lambda args: memory.rows(),
    "tables": lambda args: tables.rows(args.rounds),
    "growth": lambda args: growth.rows(args.full, args.rounds),
    "events": lambda args: events.rows(args.rounds),
    "mappings": lambda args: mappings.rows(args.full, args.rounds),
    "picture": lambda args: picture.rows(args.rounds),
    "flow": lambda args: flow.rows(),
    "viewer": lambda args: viewer.rows(args.full),
    "sweeps": lambda args: sweeps.rows(),
    "api": lambda args: api.rows(args.rounds),
    "endpoint": lambda args: endpoint.rows(args.rounds),
}


def main() -> int:
    """Run the families asked for; exit status 0 whatever was seen: a busy machine is no failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default 5)")
    parser.add_argument(
        "--full", action="store_true", help="growth up to 1,000,000 invocations, messages"
    )
    args = parser.parse_args()
    print(f"Python {platform.python_version()}; quiet minima of {args.rounds} interleaved rounds")
    show(row for name in args.only for row in FAMILIES[name](args))
    return 0


if __name__ == "__main__":
    sys.exit(main())
