"""A lab behind the endpoint in a process of its own: ``python served.py [--alone] [--allow-code]``.

``--alone``: in a network namespace that has nothing but a loopback, which is brought up first. When it
is interrupted it runs the lab to its end, audits it, and says so.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
from typing import Any

import lambdalab as ll
from lambdalab.aws.endpoint import serve

_SET_FLAGS, _UP = 0x8914, 0x1  # SIOCSIFFLAGS, IFF_UP: linux/sockios.h, linux/if.h
AUDITED = "the books balance"


def make_lab() -> ll.Lab:
    """The lab that the tests know."""
    lab = ll.Lab(seed=7)

    @lab.function(name="testFunction", memory_size=256)
    def test_function(event: Any, context: Any) -> Any:
        print("got", event)
        if "fail" in event:
            raise ValueError(event["fail"])
        return {"echo": event, "price": 1.50, "text": "a snowman: ☃"}

    lab.eventbridge["default"].put_rule("orders", event_pattern={"source": ["shop"]}).put_target(
        test_function
    )
    return lab


def bring_up_loopback() -> None:
    """What ``ip link set lo up`` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sH22x", b"lo", _UP))


if __name__ == "__main__":
    if "--alone" in sys.argv:
        bring_up_loopback()
    lab = make_lab()
    serve(lab, port=0, allow_code="--allow-code" in sys.argv)
    lab.run()
    lab.audit()
    print(AUDITED)
