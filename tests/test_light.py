"""Light: what installing, importing and running a lab must not do. Each in a process of its own."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lambdalab

CORE = {
    *("numpy", "pandas", "matplotlib", "ipywidgets", "anywidget", "greenlet", "orjson", "tqdm"),
    "tzdata",
}
HEAVY = {
    *("greenlet", "matplotlib", "ipywidgets", "anywidget", "traitlets", "IPython", "ipykernel"),
    *(
        "boto3",
        "botocore",
        "moto",
        "uvicorn",
        "werkzeug",
        "samtranslator",
        "cloud_radar",
        "cfn_tools",
        "yaml",
        "dask",
        "tqdm",
        "PIL",
        "sqlite3",
        "asyncio",
        "http",
        "socketserver",
    ),
}
IMPORT_BUDGET = 0.100  # seconds above pandas

# Says what the rest of the program starts, opens or writes.
WATCH = """
import json, os, sys, threading
seen = []
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
STARTS = {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn"}
CHANGES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link"}
def watch(event, args):
    if event == "open":
        if isinstance(args[0], int) or args[0] == os.devnull or not (args[2] or 0) & WRITES:
            return
    elif event not in STARTS | CHANGES and not event.startswith(("socket.", "_thread.start")):
        return
    seen.append([event, repr(args[0]) if args else ""])
"""

MODELLED = """
lab = ll.Lab(seed=7)
lab.create_function("bill", duration=ll.LogNormal(p50=0.12, p99=0.8), failure_rate=0.1)
orders = lab.sqs.create_queue("orders", visibility_timeout=60, dead_letter_queue="orders-dlq",
                              max_receive_count=3)
lab.create_event_source_mapping(orders, "bill", batch_size=10, maximum_batching_window=5)
lab.drive(orders, ll.Poisson(rate=20), duration=60, payload=lambda i: {"order": i})
lab.run(until="2min")
lab.invoke("bill", {}, invocation_type="Event")
lab.run()
assert len(lab.trace.batches) > 100
lab.audit()
"""

REAL = """
import time
lab = ll.Lab(seed=7)
@lab.function(timeout=10)
def put_order(event, context):
    time.sleep(2)
    print("stored", event["order"])
    return {"ok": event["order"]}
assert lab.invoke(put_order, {"order": 1}).payload == {"ok": 1}
lab.invoke(put_order, {"order": 2}, invocation_type="Event")
lab.run()
assert len(lab.trace.attempts) == 2
lab.audit()
"""


def python(program: str, cwd: Path | None = None) -> str:
    """The last line of a program run on its own (-B: Python itself must write no .pyc)."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=cwd,
        env=dict(os.environ, PYTHONPATH=str(Path(lambdalab.__file__).parents[1])),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def modules_after(program: str) -> set[str]:
    """The top-level modules there are after a program."""
    names = json.loads(
        python(f"{program}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))")
    )
    return {name.partition(".")[0] for name in names}


def test_installing_brings_only_the_core() -> None:
    requires = importlib.metadata.requires("lambdalab") or []
    core = {re.split(r"[^\w.-]", line)[0].lower() for line in requires if "extra ==" not in line}
    assert core == CORE


def test_importing_brings_no_greenlet_and_nothing_that_draws() -> None:
    ours = modules_after("import lambdalab") - modules_after("import pandas")
    assert "lambdalab" in ours
    assert not ours & HEAVY


def test_importing_takes_little_more_than_pandas() -> None:
    """Processor time, the best of several alternating runs: others may use this machine too."""
    clock = "import time; t = time.process_time(); import {}; print(time.process_time() - t)"
    ours, pandas = [], []
    for _ in range(12):
        pandas.append(float(python(clock.format("pandas"))))
        ours.append(float(python(clock.format("lambdalab"))))
        if min(ours) - min(pandas) <= IMPORT_BUDGET:
            return
    pytest.fail(f"lambdalab {min(ours):.3f} s, pandas {min(pandas):.3f} s")


def test_modelled_functions_never_import_greenlet() -> None:
    ours = modules_after(f"import lambdalab as ll\n{MODELLED}") - modules_after("import pandas")
    assert not ours & HEAVY


@pytest.mark.parametrize("program", [MODELLED, REAL], ids=["modelled", "real"])
def test_a_lab_starts_nothing_opens_no_socket_and_writes_no_file(
    program: str, tmp_path: Path
) -> None:
    """From the import to the tables; pandas' own import is not ours to watch."""
    report = "print(json.dumps([seen, threading.active_count()]))"
    watched = f"import pandas\n{WATCH}\nsys.addaudithook(watch)\nimport lambdalab as ll\n{program}"
    seen, threads = json.loads(python(f"{watched}\n{report}", tmp_path))
    assert seen == []
    assert threads == 1
    assert list(tmp_path.iterdir()) == []
