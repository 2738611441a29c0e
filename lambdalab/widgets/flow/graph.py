"""The wiring as the books have it: nodes by role, edges by name, at most twelve nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lambdalab.plots.words import count

if TYPE_CHECKING:
    from lambdalab.widgets.flow.books import Books

#: What a node can be, from left to right.
ROLES = ("caller", "front", "push", "events", "queue", "stream", "mapping", "function", "letters")
PLURALS = {
    "caller": "callers", "front": "APIs and URLs", "push": "services", "events": "event queues",
    "queue": "queues", "stream": "streams", "mapping": "mappings", "function": "functions",
    "letters": "dead-letter queues",
}  # fmt: skip
MOST_NODES = 12
_PUSHES = {
    "topic": "topic", "bucket": "bucket", "bus": "event bus", "rule": "rule",
    "schedule": "schedule", "log_group": "log group", "repository": "repository",
    "firehose": "delivery stream", "user_pool": "user pool", "stack": "stack",
}  # fmt: skip


@dataclass(slots=True)
class Node:
    """One box: its name in the script ("function:bill"), role, label, what stands below the label.

    ``settings`` are those of the books that the picture needs; ``members`` the names of the nodes that
    one box stands for, where it stands for several.
    """

    name: str
    role: str
    label: str
    about: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    members: tuple[str, ...] = ()


class Graph:
    """Nodes by name and edges ``(from, to) -> label``, in the order in which they are met."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: dict[tuple[str, str], str] = {}

    def node(self, role: str, label: str, about: str = "", **settings: Any) -> str:
        """The node of that role and label, made where it is not there; its name."""
        kind = "queue" if role == "letters" else role
        name = f"{kind}:{label}"
        known = self.nodes.get(name)
        if known is None:
            self.nodes[name] = Node(name, role, label, about, settings)
            return name
        if role == "letters":
            known.role = "letters"
        known.about = known.about or about
        known.settings |= settings
        return name

    def edge(self, start: str, end: str, label: str = "") -> None:
        """An arrow; the first label it gets stays."""
        if start != end:
            self.edges[start, end] = self.edges.get((start, end)) or label

    def linked(self, start: str, end: str) -> bool:
        """Whether an arrow joins the two, in either direction."""
        return (start, end) in self.edges or (end, start) in self.edges

    def way(self, start: str, end: str) -> list[str]:
        """The nodes from ``start`` to ``end`` along the arrows, or else against them.

        [] where nothing joins the two; the shortest way, and of equals the first.
        """
        return self._way(start, end, False) or self._way(start, end, True)

    def _way(self, start: str, end: str, against: bool) -> list[str]:
        came: dict[str, str] = {start: ""}
        queue = [start]
        for here in queue:
            if here == end:
                found = [end]
                while came[found[-1]]:
                    found.append(came[found[-1]])
                return found[::-1]
            for a, b in self.edges:
                other = b if a == here else a if against and b == here else ""
                if other and other not in came:
                    came[other] = here
                    queue.append(other)
        return []


def wiring(books: Books) -> Graph:
    """What the books know of the lab before anything moves."""
    graph = Graph()
    _functions(books, graph)
    _queues(books, graph)
    _mappings(books, graph)
    _services(books, graph)
    return graph


def function_names(books: Books) -> list[str]:
    """Every function that the books know."""
    trace = books.trace
    named = [name.partition(":")[0] for name in trace.wired("event_invoke_config")]
    targets = [str(m.get("function", "")) for m in trace.wired("mapping").values()]
    routed = [str(r.get("function", "")) for r in trace.wired("route").values()]
    used = [*books.environments["function"], *books.invocations["function"]]
    found = dict.fromkeys([*named, *targets, *routed, *used])
    return [name for name in found if name and trace.settings(name)]


def _functions(books: Books, graph: Graph) -> None:
    trace = books.trace
    asynchronous = set(books.events["queue"][books.events["kind"] == "asynchronous"])
    names = function_names(books)
    for name in names:
        settings = trace.settings(name)
        node = graph.node("function", name, reserved=settings.get("reserved_concurrency"))
        if f"{name} (events)" in asynchronous:
            queue = graph.node("events", f"{name} (events)", "Lambda's own event queue")
            graph.edge(queue, node, "events")
    for name in names:
        settings = trace.settings(name)
        for setting, label in (
            ("dead_letter_queue", "dead letters"), ("on_failure", "on failure"),
            ("on_success", "on success"),
        ):  # fmt: skip
            target = _target(graph, settings.get(setting), asynchronous, setting)
            if target:
                graph.edge(f"function:{name}", target, label)


def _target(graph: Graph, target: Any, asynchronous: set[str], setting: str) -> str:
    """The node of a destination, named as it is or by its ARN; "" where there is none."""
    if not target:
        return ""
    text = str(target)
    name = text.rpartition(":")[2].rpartition("/")[2]
    if ":lambda:" in text:
        return (
            f"events:{name} (events)" if f"{name} (events)" in asynchronous else f"function:{name}"
        )
    if ":sns:" in text or ":events:" in text:
        return graph.node("push", name)
    return graph.node("queue" if setting == "on_success" else "letters", name)


def _queues(books: Books, graph: Graph) -> None:
    known = books.trace.wired("sqs")
    events = books.events
    used = dict.fromkeys(events["queue"][events["kind"] == "sqs"])
    for name in dict.fromkeys([*known, *used]):
        graph.node("queue", name, "SQS queue")
    for name, settings in known.items():
        letters = settings.get("dead_letter_queue")
        if letters:
            most = settings.get("max_receive_count")
            graph.edge(
                f"queue:{name}",
                graph.node("letters", str(letters), "dead-letter queue"),
                count(int(str(most)), "receive") if most else "dead letters",
            )
    for node in graph.nodes.values():
        if node.role == "letters":
            node.about = "dead-letter queue"


def _mappings(books: Books, graph: Graph) -> None:
    trace, batches = books.trace, books.batches
    sources = dict(zip(batches["mapping"], batches["source"], strict=True))
    streams = set(books.events["queue"][books.events["kind"] == "stream"])
    streams |= {*trace.wired("kinesis"), *trace.wired("dynamodb")}
    for name, settings in trace.wired("mapping").items():
        source = str(sources.get(name, settings.get("source", "")))
        size, window = settings.get("batch_size", 0), settings.get("maximum_batching_window", 0)
        said = f"window {window:g} s" if isinstance(window, int | float) and window else "no window"
        node = graph.node("mapping", name, f"up to {size}, {said}", size=size, window=window)
        stream = source in streams or f"{name} (records)" in streams
        graph.edge(graph.node("stream" if stream else "queue", source), node, "polled")
        if stream:
            graph.nodes[f"stream:{source}"].about = "stream"
        graph.edge(node, graph.node("function", str(settings.get("function", ""))), "batches")
        target = _target(graph, settings.get("on_failure"), set(), "on_failure")
        if target:
            graph.edge(node, target, "on failure")


def _services(books: Books, graph: Graph) -> None:
    """Fronts with their routes, and what pushes with whom it pushes to."""
    trace = books.trace
    for settings in trace.wired("route").values():
        if not settings.get("deleted"):
            front = graph.node("front", str(settings["api"]), "API")
            graph.edge(front, f"function:{settings['function']}", "routes")
    for kind, about in _PUSHES.items():
        for name, settings in trace.wired(kind).items():
            ways = settings.get("subscriptions") or settings.get("notifications") or {}
            targets = ways.values() if isinstance(ways, dict) else ()
            if targets or push_of(books, name):
                graph.node("push", name, about)
            for way in targets:
                aim, protocol = str(way.get("target", "")), str(way.get("protocol", ""))
                role = "function" if protocol == "lambda" else "queue"
                events = f"events:{aim} (events)"
                aim = events if events in graph.nodes else f"{role}:{aim}"
                if aim in graph.nodes:
                    graph.edge(f"push:{name}", aim, "pushes")


def push_of(books: Books, name: str) -> str:
    """The service that a queue, a way or a caller of that name stands for; "" where it is none.

    A way from a service to a target is named "service->target" in the books.
    """
    roots = books.known.get("pushes")
    if roots is None:
        events = books.events
        used = events["queue"][events["kind"] == "push"]
        roots = books.known["pushes"] = {str(queue).partition("->")[0] for queue in used}
    root = name.partition("->")[0]
    return root if root in roots else ""


def grouped(graph: Graph, traffic: Counter[str], most: int = MOST_NODES) -> dict[str, str]:
    """What to show each node as, so that at most ``most`` boxes are left; the graph is changed.

    The role with the most boxes gives up its quietest two (they become one, to which the next quietest
    comes), until it is enough. Returns the new name of each old one.
    """
    shown = {name: name for name in graph.nodes}
    while len(graph.nodes) > most:
        roles = Counter(node.role for node in graph.nodes.values())
        role = max(ROLES, key=lambda role: roles[role])
        mine = [node for node in graph.nodes.values() if node.role == role]
        # the group takes in one after another: a second one of that role would have its name
        mine.sort(key=lambda node: (not node.members, _busy(node, traffic), node.name))
        shown = _merge(graph, shown, mine[0], mine[1])
    roles = Counter(node.role for node in graph.nodes.values())
    for node in graph.nodes.values():
        if node.members:
            number = f"{len(node.members)} {PLURALS[node.role]}"
            node.label = f"+ {len(node.members)} more" if roles[node.role] > 1 else number
    return shown


def _busy(node: Node, traffic: Counter[str]) -> int:
    return sum(traffic[name] for name in node.members or (node.name,))


def _merge(graph: Graph, shown: dict[str, str], one: Node, other: Node) -> dict[str, str]:
    members = (*(one.members or (one.name,)), *(other.members or (other.name,)))
    role = one.role
    made = Node(f"{role}:+", role, "", PLURALS[role], members=members)
    made.settings = {k: v for n in (one, other) for k, v in n.settings.items() if k == "size"}
    gone = {one.name, other.name}
    graph.nodes = {n: node for n, node in graph.nodes.items() if n not in gone}
    graph.nodes[made.name] = made
    edges = list(graph.edges.items())
    graph.edges = {}
    for (a, b), label in edges:
        graph.edge(made.name if a in gone else a, made.name if b in gone else b, label)
    return {old: made.name if new in gone else new for old, new in shown.items()}


def bridge(graph: Graph, moves: Iterable[tuple[str, str]]) -> None:
    """Arrows for moves that no wiring explains: callers, nested calls, services."""
    for start, end in moves:
        if start and end and start != end and not graph.way(start, end):
            graph.edge(start, end, "")
