"""``%load_ext lambdalab``: ``%lambdalab on`` and ``%lambdalab off`` in a notebook.

Between the two, every client of boto3 talks to the lab, and cells live in the lab's time as they run; from
one cell to the next the machine's time goes on.
"""

from __future__ import annotations

from typing import Any

from lambdalab.aws.connection import Connection
from lambdalab.errors import InvalidSetting
from lambdalab.lab import Lab

USAGE = "'on', 'on NAME' (of a lab in the notebook) or 'off'"
_NAME = "lab"


class Magic:
    """The state of ``%lambdalab`` in one IPython ``shell``."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._connection: Connection | None = None

    def __call__(self, line: str) -> None:
        """Connect this notebook's boto3 to a lab: ``%lambdalab on [NAME]``, ``%lambdalab off``.

        Without a name it is the lab called ``lab``; where there is none, one is made and called so.
        """
        verb, *rest = line.split() or [""]
        if verb == "on" and len(rest) <= 1:
            self.on(*rest)
        elif verb == "off" and not rest:
            self.off()
        else:
            raise InvalidSetting("%lambdalab", line, USAGE)

    def on(self, name: str = _NAME) -> None:
        """Connect to the lab of that name."""
        lab, names = self._shell.user_ns.get(name), self._shell.user_ns
        if name == _NAME and (not isinstance(lab, Lab) or lab._closed):
            lab = Lab()
            self._shell.push({_NAME: lab})
        if not isinstance(lab, Lab):
            known = sorted(each for each, value in names.items() if isinstance(value, Lab))
            there = f" (there are {', '.join(known)})" if known else ""
            raise InvalidSetting("%lambdalab on", name, f"the name of a lab{there}")
        lab._check_open()
        self._leave()
        connection = Connection(lab)
        connection.on()
        self._connection = connection
        events = self._shell.events
        events.register("pre_run_cell", self._before)
        events.register("post_run_cell", self._after)
        print(
            f"boto3 and the clock of each cell are those of {name!r}, {lab.now:%Y-%m-%d %H:%M:%S}"
        )

    def off(self) -> None:
        """The real boto3 and the real time again."""
        if self._connection is None:
            print("%lambdalab is off")
            return
        self._leave()
        print("boto3 and the clock are the real ones")

    def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._shell.events.unregister("pre_run_cell", self._before)
            self._shell.events.unregister("post_run_cell", self._after)
            connection.off()

    def _before(self, *_: object) -> None:
        """A cell is about to run."""
        if self._connection is not None and self._connection.time is not None:
            self._connection.time.on()

    def _after(self, *_: object) -> None:
        """It is over."""
        if self._connection is not None and self._connection.time is not None:
            self._connection.time.off()


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext lambdalab`` calls."""
    magic = Magic(shell)
    shell.register_magic_function(magic, "line", "lambdalab")
    shell.lambdalab_magic = magic


def unload_ipython_extension(shell: Any) -> None:
    """What ``%unload_ext lambdalab`` calls."""
    magic: Magic | None = shell.__dict__.pop("lambdalab_magic", None)
    if magic is not None:
        magic._leave()
        shell.magics_manager.magics["line"].pop("lambdalab", None)
