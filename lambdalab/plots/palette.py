"""What each word of the books looks like: an Okabe-Ito colour, and a hatch and marker beside it.

The eight colours of Okabe and Ito are told apart under the common colour-vision deficiencies. No
meaning rests on colour alone: each look has a hatch (bars, areas) and a marker (points) of its own.
Text is written in ``INK`` or ``MUTED`` only, both well above a contrast of 4.5 to 1 on white.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
INK, MUTED, PALE, FAINT = "#1A1A1A", "#555555", "#D9D9D9", "#ECECEC"


@dataclass(frozen=True, slots=True)
class Look:
    """How one thing is drawn: ``colour`` first, ``hatch`` or ``marker`` as the second channel.

    ``label`` is what the legend says.
    """

    label: str
    colour: str
    hatch: str = ""
    marker: str = "o"

    def patch(self) -> Patch:
        """The legend's entry for bars and areas."""
        return Patch(
            facecolor=self.colour, hatch=self.hatch, edgecolor=INK, linewidth=0.5, label=self.label
        )

    def point(self) -> Line2D:
        """The legend's entry for points."""
        return Line2D(
            [], [], linestyle="none", marker=self.marker, markersize=7, markerfacecolor=self.colour,
            markeredgecolor=INK, markeredgewidth=0.5, label=self.label,
        )  # fmt: skip


#: Making an environment and the function's own initialisation: the cold part of an attempt.
INIT = Look("cold start: set-up and init", YELLOW, "////")

#: How an attempt ended (``attempts.outcome``). What went wrong is never plain.
OUTCOMES: dict[str, Look] = {
    "success": Look("success", BLUE, "", "o"),
    "error": Look("error", VERMILLION, "xx", "X"),
    "timeout": Look("timeout", ORANGE, "\\\\", "s"),
    "exit": Look("process ended", PURPLE, "++", "P"),
    "out_of_memory": Look("out of memory", PURPLE, "oo", "h"),
    "init_error": Look("init failed", VERMILLION, "..", "*"),
    "response_too_large": Look("response too large", ORANGE, "--", "D"),
    "killed": Look("killed", MUTED, "xx", "v"),
    "running": Look("still running", FAINT, "||", ">"),
}

#: Why a batch was handed over (``batches.cause``).
BATCH_CAUSES: dict[str, Look] = {
    "batch_size": Look("batch_size: full", ORANGE, "//", "s"),
    "batching_window": Look("batching_window: time was up", SKY, "", "o"),
    "payload_size": Look("payload_size: 6 MB", VERMILLION, "xx", "D"),
    "no_window": Look("no_window: sent at once", GREEN, "..", "^"),
    "long_poll": Look("long_poll: the poll ended", PURPLE, "\\\\", "v"),
    "tumbling_window": Look("tumbling_window: it was over", YELLOW, "--", "P"),
}

#: What became of a batch once it was handed over (``batches.outcome``): grey, for causes have the colours.
BATCH_RUNS: dict[str, Look] = {
    "success": Look("run: success", PALE, ""),
    "partial": Look("run: partial failure", PALE, "\\\\"),
    "failure": Look("run: failure", MUTED, "xxxx"),
    "throttled": Look("throttled: never run", "#FFFFFF", "...."),
    "in_flight": Look("not over yet", FAINT, "||"),
}

#: Where the messages of a queue are.
DEPTHS: dict[str, Look] = {
    "in_flight": Look("in flight: received, not yet deleted", ORANGE, "//"),
    "visible": Look("visible: waiting to be received", BLUE, ""),
    "delayed": Look("delayed: not to be seen yet", PALE, ".."),
}

#: What lies in a stream itself, which knows nothing of who has read it.
KEPT = Look("kept in the stream, read or not", BLUE, "")

#: How a message of a queue ended, from the bottom of a pile.
FATES: dict[str, Look] = {
    "deleted": Look("dealt with", GREEN, ""),
    "failed": Look("dead letter: a run of it failed", PURPLE, "xx"),
    "healthy": Look("dead letter: no run of it failed", VERMILLION, "////"),
    "lost": Look("lost: too old, or given up", BLACK, ""),
}

#: What is still in the queue, by how often it has been received: never, once, twice, more often.
RECEIVED: tuple[Look, ...] = (
    Look("", "#E4EEF5", ""),
    Look("", SKY, ""),
    Look("", YELLOW, ".."),
    Look("", ORANGE, "\\\\"),
)

#: Whose environment ran an invocation (``attempts.init_type``).
INIT_TYPES: dict[str, Look] = {
    "provisioned": Look("in provisioned environments", GREEN, "//"),
    "on_demand": Look("in on-demand environments", SKY, ""),
}

#: Which limit refused a request (``scaling.cause`` of throttles).
THROTTLES: dict[str, Look] = {
    "throttled_account": Look("account limit", VERMILLION, "", "v"),
    "throttled_reserved": Look("reserved concurrency", ORANGE, "", "s"),
    "throttled_scaling": Look("scaling rate", PURPLE, "", "^"),
    "throttled_provisioned": Look("all provisioned", YELLOW, "", "P"),
    "throttled_rate": Look("request rate", BLUE, "", "D"),
    "throttled_reserved_rate": Look("reserved request rate", SKY, "", "d"),
    "throttled_caller_rate": Look("caller's request rate", GREEN, "", "<"),
    "zero_reserved_concurrency": Look("reserved concurrency 0", BLACK, "", "X"),
    "throttled_shard": Look("shard limit", VERMILLION, "", ">"),
    "injected": Look("injected", MUTED, "", "*"),
}

WAIT = Look("waiting", PALE, "")
CLIENT = Look("the client waits", PALE, "")
QUEUED = Look("in Lambda's queue", SKY, "")
#: Of a call from outside: who waits for whom, and what nobody waits for any more.
ASKED = Look("the caller waits", PALE, "")
AWAY = Look("the caller's wait before another try", "#FFFFFF", "....")
FRONT = Look("the service in front waits", GREEN, "")
RAN_ON = Look("ran on: nobody waits, and it is billed", BLUE, "////")

NEXT = Look("next function's handler", GREEN, "..")
THROTTLE = Look("throttled (429)", ORANGE, "", "v")
DEAD_LETTER = Look("dead letter", PURPLE, "", "X")
LOST = Look("given up", BLACK, "", "X")
ANSWER = Look("success", GREEN, "", "o")


def patches(looks: Iterable[Look]) -> list[Patch]:
    """Legend entries for bars."""
    return [look.patch() for look in looks]
