"""Random labs by the hundred: ``python -m tests.world --n 500 --seed S [--world I]``.

Each is played, audited and reckoned anew (:mod:`tests.world.worlds`). A difference names its world;
``--world I`` plays that one alone. At the end: which documented causes were reached.
"""

from __future__ import annotations

import argparse
import sys
import time

from lambdalab.trace.causes import CAUSES
from lambdalab.trace.codes import Cause
from tests.world.elsewhere import ELSEWHERE
from tests.world.many import results

MANY = 500  # so many worlds reach what can be reached


def main() -> int:
    """Play the worlds asked for; 1 if any went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.world", description=__doc__)
    parser.add_argument("--n", type=int, default=500, help="how many worlds")
    parser.add_argument("--seed", default="0", help="any text; it decides everything")
    parser.add_argument("--world", type=int, help="play only this one")
    parser.add_argument("--jobs", type=int, default=1, help="in so many processes")
    args = parser.parse_args()
    numbers = range(args.n) if args.world is None else [args.world]
    began, reached, wrong = time.monotonic(), set(), 0
    for number, causes, problem in results(args.seed, numbers, args.jobs):
        reached |= causes
        if problem:
            wrong += 1
            print(f"---- world {number} of seed {args.seed}\n{problem}")
            print(f"again: python -m tests.world --seed {args.seed} --world {number}", flush=True)
            if wrong >= 10:
                break
    seconds = time.monotonic() - began
    print(f"{len(numbers)} worlds of seed {args.seed} in {seconds:.1f} s, {wrong} wrong")
    return int(wrong > 0) | (missed(reached) if len(numbers) >= MANY and not wrong else 0)


def missed(reached: set[tuple[str, str]]) -> int:
    """Say which documented causes were reached; 1 where one was neither reached nor is shown elsewhere."""
    left: list[str] = []
    for table, codes in CAUSES.items():
        words = [Cause.names[code] for code in codes]
        others = [word for word in words if (table, word) not in reached]
        print(
            f"{table}: {len(words) - len(others)} of {len(words)} causes; not {', '.join(others)}"
        )
        left += [f"{table}: {word}" for word in others if (table, word) not in ELSEWHERE]
    print(f"shown neither here nor elsewhere: {', '.join(left) or 'none'}")
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
