"""The endpoint: synchronous invokes a second, by clients in other processes over kept connections."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.table import Row
from benchmarks.timing import ROOT, clock

CALLS, LEAST = 1_000, 500
CLIENTS = {"one connection": 1, "two connections": 2}


def rows(rounds: int) -> Iterator[Row]:
    """The lines of the table: boto3's clients, one and two at once."""
    import lambdalab as ll
    from lambdalab.aws.endpoint import running

    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=0.1)
    own = min(clock(lambda: [lab.invoke("bill", b"{}") for _ in range(CALLS)]) for _ in range(3))
    with running(lab) as server:
        given = server.url, server.access_key, server.secret_key
        for name, clients in CLIENTS.items():
            rate = max(together(clients, given) for _ in range(rounds))
            seen = f"{rate:,.0f}/s; {1e6 / rate:.0f} us each, the lab's own work {own / CALLS * 1e6:.0f}"
            yield Row(f"endpoint: invokes by boto3, {name}", f">= {LEAST}/s", seen, rate >= LEAST)
    lab.audit()
    lab.close()


def together(clients: int, given: tuple[str, str, str]) -> float:
    """Invokes a second of so many clients at once, from when all are ready until the last has done."""
    command = [sys.executable, "-m", "benchmarks.endpoint", *given]
    running = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for _ in range(clients)
    ]
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for each in running:
        assert each.stdin is not None
        each.stdin.write("go\n")
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == "done\n"
    took = time.perf_counter() - began
    for each in running:
        each.communicate()
    return clients * CALLS / took


def client(url: str, access_key: str, secret_key: str) -> None:
    """One client: it invokes once, says it is ready, and goes when it is told."""
    import boto3

    made = boto3.client(
        "lambda", endpoint_url=url, region_name="us-east-1", aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
    )  # fmt: skip
    made.invoke(FunctionName="bill", Payload=b"{}")
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(CALLS):
        made.invoke(FunctionName="bill", Payload=b"{}")["Payload"].read()
    print("done", flush=True)


if __name__ == "__main__":
    client(*sys.argv[1:])
