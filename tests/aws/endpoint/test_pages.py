"""The page at ``/`` without a browser: what it is made of, what it tells, who may press its buttons."""

from __future__ import annotations

import asyncio
import base64
import html
import importlib.util
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.aws.endpoint import pages
from lambdalab.aws.endpoint.desk import Desk
from lambdalab.aws.endpoint.http import TOKEN_HEADER, Request, Response
from lambdalab.aws.endpoint.pages import deeds, drawn

TOKEN = 'a"<token>'
EVIL = "<img src=x onerror=alert(1)>"


class Visitor:
    """Somebody with the page open."""

    def __init__(self, lab: ll.Lab, speed: float | None = None) -> None:
        self.desk = Desk(lab, speed)
        self.desk.start()

    def send(self, request: Request) -> Response:
        return asyncio.run(pages.answer(self.desk, request))

    def get(self, name: str, query: str = "") -> Any:
        answer = self.send(Request("GET", f"/_lambdalab/{name}", query, token=TOKEN))
        assert answer.headers["content-type"] == "application/json"
        return json.loads(answer.body)

    def post(self, name: str, value: Any, token: str = TOKEN) -> tuple[int, Any]:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        sent = Request("POST", f"/_lambdalab/{name}", "", {TOKEN_HEADER: token}, body, TOKEN)
        answer = self.send(sent)
        return answer.status, json.loads(answer.body)

    def invoke(self, function: str, payload: str = "{}", kind: str = "RequestResponse") -> Any:
        asked = {"function": function, "payload": payload, "type": kind}
        return self.post("invoke", asked)


def make_lab() -> ll.Lab:
    lab = ll.Lab(seed=7)

    @lab.function(timeout=5, dead_letter_queue="failed")
    def put(event: Any, context: Any) -> Any:
        print("got", event)
        if "bad" in event:
            raise KeyError(EVIL)
        return {"got": event}

    return lab


@pytest.fixture
def lab() -> Iterator[ll.Lab]:
    with make_lab() as lab:
        yield lab
        lab.audit()


@pytest.fixture
def visitor(lab: ll.Lab) -> Iterator[Visitor]:
    visitor = Visitor(lab)
    yield visitor
    visitor.desk.close()


@pytest.fixture
def patient(lab: ll.Lab) -> Iterator[Visitor]:
    """A visitor in whose lab time passes so slowly that it all but stands still."""
    visitor = Visitor(lab, speed=1e-6)
    yield visitor
    visitor.desk.close()


# ---- what the page is -----------------------------------------------------------------------------------


def test_what_it_is_made_of_is_all_here_and_nothing_else_is_loaded(visitor: Visitor) -> None:
    page = visitor.send(Request("GET", "/", token=TOKEN))
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    found: list[tuple[str, str]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend((name, value or "") for name, value in attrs)

    Reader().feed(page.body.decode())
    links = [value for name, value in found if name in ("src", "href") and value != "#test"]
    assert len(links) >= 4
    for link in links:
        part = visitor.send(Request("GET", link, token=TOKEN))
        assert part.status == 200, link
        assert "text/html" not in part.headers["content-type"]
    assert not [name for name, _ in found if name == "style" or name.startswith("on")]
    assert f'content="{html.escape(TOKEN)}"' in page.body.decode()


def test_scripts_load_nothing_from_elsewhere_and_make_no_markup_of_texts(visitor: Visitor) -> None:
    for name in ("page.js", "viewer.js", "flow.js", "page.css", "viewer.css"):
        text = visitor.send(Request("GET", f"/_lambdalab/{name}", token=TOKEN)).body.decode()
        assert not re.search(r"https?://|url\(|@import", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_the_policy_is_strict(visitor: Visitor) -> None:
    headers = visitor.send(Request("GET", "/", token=TOKEN)).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    for name in ("", "_lambdalab/page.js", "_lambdalab/state", "_lambdalab/no"):
        headers = visitor.send(Request("GET", f"/{name}", token=TOKEN)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_a_script_without_its_style_is_found_out(tmp_path: Path) -> None:
    script = tmp_path / "other.js"
    script.write_text("export default {};")
    with pytest.raises(ValueError, match=r"no style in other\.js"):
        drawn.flow_style(script)


def test_paths_lead_nowhere_else(visitor: Visitor) -> None:
    for path in ("pages.py", "../desk.py", "%2e%2e/desk.py", "__init__.py", "", "page.js/"):
        answer = visitor.send(Request("GET", f"/_lambdalab/{path}", token=TOKEN))
        assert answer.status == 404, path
    assert visitor.send(Request("PUT", "/", token=TOKEN)).status == 405


def test_what_is_the_pages() -> None:
    for path in ("/", "/_lambdalab/state"):
        assert pages.is_page(Request("GET", path))
    for path in (
        "/_lambdalab",
        "/bucket/_lambdalab/",
        "/2015-03-31/functions",
        "//",
        "/%5flambdalab/",
    ):
        assert not pages.is_page(Request("GET", path))


# ---- what it tells --------------------------------------------------------------------------------------


def test_an_empty_lab() -> None:
    with ll.Lab() as lab:
        visitor = Visitor(lab)
        told = visitor.get("state")
        assert (told["functions"], told["queues"], told["parts"], told["latest"]) == (
            [],
            [],
            [],
            [],
        )
        assert (told["now"], told["elapsed_s"]) == ("2025-01-07 00:00:00", 0)
        assert visitor.get("viewer")["values"]["selected"] == ""
        assert visitor.get("flow")["values"]["playing"] is False
        visitor.desk.close()


def test_the_figures_are_those_of_the_books(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=1, failure_rate=0.5, reserved_concurrency=2)
    orders = lab.sqs.create_queue("orders", dead_letter_queue="dead", max_receive_count=3)
    lab.create_event_source_mapping(orders, "bill", batch_size=10, maximum_batching_window=5)
    lab.create_function_url("bill")
    lab.s3.create_bucket("photos")
    lab.drive("bill", ll.Every(0.05), duration=2)
    lab.drive("bill", ll.Every(0.5), duration=2, invocation_type="Event")
    lab.drive(orders, ll.Every(0.5), duration=8)
    lab.run(until=9)
    summary = lab.trace.summary().set_index("name")
    visitor = Visitor(lab, speed=1e-6)
    told = visitor.get("state")
    visitor.desk.close()
    shown = {each["name"]: each for each in told["functions"]}
    for figure, column in (
        ("runs", "invocations"), ("errors", "errors"), ("throttles", "throttles"),
        ("cold_starts", "cold_starts"),
    ):  # fmt: skip
        assert shown["bill"][figure] == summary.loc["bill", column] > 0
        assert shown["put"][figure] == 0
    assert shown["bill"]["running"] == lab.get_function("bill").busy
    assert shown["bill"]["reserved"] == 2
    assert shown["put"]["dead_letters_to"] == "failed"
    queues = {each["name"]: each for each in told["queues"]}
    assert queues["orders"]["visible"] + queues["orders"]["in_flight"] == len(orders.messages)
    assert queues["orders"]["dead_letters_to"] == "dead"
    kinds = {part["kind"]: part["lines"] for part in told["parts"]}
    assert set(kinds) == {"mappings", "function_urls", "s3"}
    assert kinds["mappings"][0].startswith("mapping orders->bill: batch size 10")
    latest = told["latest"]
    assert len(latest) == 30
    assert told["totals"]["invocations"] == len(lab.trace.invocations)
    assert latest[0]["id"] == f"r{len(lab.trace.invocations)}"
    lab.run()


def test_asking_changes_nothing(lab: ll.Lab, visitor: Visitor) -> None:
    visitor.invoke("put")
    before = lab.trace.digest()
    for name in ("state", "events", "viewer", "flow"):
        visitor.get(name)
    assert lab.trace.digest() == before


def test_the_templates_are_what_the_services_send(visitor: Visitor) -> None:
    events = visitor.get("events")
    body = events["SQS message"]["Records"][0]["body"]
    assert json.loads(body) == {"order": 7}
    assert events["API Gateway REST API, proxy"]["pathParameters"] == {"id": "7"}
    assert events["API Gateway HTTP API"]["version"] == "2.0"
    assert events["EventBridge schedule"]["detail-type"] == "Scheduled Event"
    assert events["DynamoDB stream record"]["Records"][0]["dynamodb"]["NewImage"]["id"] == {
        "S": "7"
    }
    assert len(events) == 12


def test_the_viewer_and_the_flow_get_what_their_scripts_need(visitor: Visitor) -> None:
    visitor.invoke("put")
    told = visitor.get("viewer", "select=r1")
    assert told["values"]["selected"] == "r1"
    assert base64.b64decode(told["binary"]["data"])
    assert visitor.get("viewer", "select=r9")["refused"]["code"] == "UnknownName"
    assert base64.b64decode(visitor.get("flow")["binary"]["script"])


def test_no_widget_stays_behind(visitor: Visitor) -> None:
    from ipywidgets.widgets.widget import _instances

    visitor.get("viewer")
    before = len(_instances)
    for _ in range(3):
        visitor.get("viewer")
        visitor.get("flow")
    assert len(_instances) == before


# ---- what its buttons do --------------------------------------------------------------------------------


def test_a_test_of_a_function(lab: ll.Lab, visitor: Visitor) -> None:
    status, told = visitor.invoke("put", '{"order": 7}')
    assert (status, told["status"], told["error"]) == (200, 200, "")
    assert json.loads(told["payload"]) == {"got": {"order": 7}}
    run = lab.trace.attempts.iloc[0]
    assert told["cold"] is True
    assert told["billed_ms"] == run["billed_ms"]
    assert told["init_ms"] == run["setup_ms"] + run["init_ms"]
    assert "got {'order': 7}" in told["log"]
    assert told["request_id"] == lab.trace.invocations["request_id"][0]
    assert told["story"]["lines"] == [
        {"at_s": at, "said": said} for at, said in lab.trace.story("r1").lines
    ]
    assert visitor.invoke("put")[1]["cold"] is False


def test_it_is_the_invocation_that_python_would_make(lab: ll.Lab, visitor: Visitor) -> None:
    visitor.invoke("put", '{"order": 7}')
    with make_lab() as other:
        other.invoke("put", b'{"order": 7}')
        assert lab.trace.digest() == other.trace.digest()


def test_a_function_error_is_an_answer(visitor: Visitor) -> None:
    status, told = visitor.invoke("put", '{"bad": 1}')
    assert (status, told["status"], told["error"]) == (200, 200, "Unhandled")
    assert json.loads(told["payload"])["errorMessage"] == repr(EVIL)


def test_an_event_is_queued_and_then_runs(lab: ll.Lab, visitor: Visitor) -> None:
    _, told = visitor.invoke("put", '{"bad": 1}', "Event")
    assert (told["status"], told["payload"]) == (202, "")
    assert "cold" not in told
    assert len(told["story"]["lines"]) == 2
    looks = (visitor.get("state") for _ in range(100))
    state = next(state for state in looks if not state["pending"])  # the lab comes to rest
    assert state["speed"] is None
    assert state["functions"][0]["errors"] == 3
    assert state["queues"][0]["visible"] == 1
    assert "dead-letter queue" in visitor.get("story", "id=r1")["lines"][-2]["said"]


def test_where_time_passes_slowly_buttons_let_it_pass(lab: ll.Lab, patient: Visitor) -> None:
    patient.invoke("put", '{"bad": 1}', "Event")
    state = patient.get("state")
    assert (state["pending"], state["speed"]) == (True, 1e-6)
    assert state["functions"][0]["waiting"] == 1
    status, ran = patient.post("advance", {"seconds": 30})
    assert (status, ran["told"]) == (200, "ran 30 s, to 2025-01-07 00:00:30")
    assert len(lab.trace.attempts) == 1
    status, ran = patient.post("run", {})
    assert "1 message lies in 'failed'" in ran["told"]
    assert patient.get("state")["pending"] is False


def test_a_dry_run(visitor: Visitor) -> None:
    assert visitor.invoke("put", "{}", "DryRun")[1]["status"] == 204


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"function": "none", "payload": ""}, 404, "ResourceNotFoundException"),
        ({"function": "put", "payload": "{no"}, 400, "InvalidRequestContentException"),
        ({"function": "put", "payload": "{}", "type": "Later"}, 400, "InvalidSetting"),
        ({"function": "put", "payload": {}}, 400, "InvalidSetting"),
        ({"function": ["put"], "payload": "{}"}, 400, "InvalidSetting"),
        ({}, 404, "ResourceNotFoundException"),
    ],
)
def test_what_is_refused_is_told(visitor: Visitor, asked: Any, status: int, code: str) -> None:
    found, told = visitor.post("invoke", asked)
    assert found == told["refused"]["status"] == status
    assert told["refused"]["code"] == code


def test_a_throttled_function(lab: ll.Lab, visitor: Visitor) -> None:
    lab.put_function_concurrency("put", 0)
    status, told = visitor.invoke("put")
    assert (status, told["refused"]["code"]) == (429, "TooManyRequestsException")
    assert visitor.get("state")["latest"][0]["status"] == "throttled"


@pytest.mark.parametrize("seconds", [0, -1, "60", None, True, 1e300])
def test_time_passes_by_a_number_of_seconds(visitor: Visitor, seconds: Any) -> None:
    status, told = visitor.post("advance", {"seconds": seconds})
    assert (status, told["refused"]["code"]) == (400, "InvalidSetting")


def test_a_run_without_an_end_is_refused(lab: ll.Lab, patient: Visitor) -> None:
    lab.drive("put", ll.Every(1))
    status, told = patient.post("run", {})
    assert (status, told["refused"]["code"]) == (400, "EndlessRun")


def test_answers_that_are_no_json_and_halves_of_characters(lab: ll.Lab, visitor: Visitor) -> None:
    def half(event: Any, context: Any) -> None:
        raise ValueError("\ud800")

    lab.create_function("half", half)
    told = visitor.invoke("half")[1]
    assert json.loads(told["payload"])["errorMessage"] == "\ud800"
    assert "ValueError: \ud800" in told["story"]["lines"][2]["said"]
    assert deeds.pretty(b"\xff") == "�"


# ---- who may press them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "guess", "a", TOKEN + "x"])
def test_without_the_pages_token_nothing_is_done(lab: ll.Lab, visitor: Visitor, token: str) -> None:
    for name in deeds.DEEDS:
        status, told = visitor.post(name, {"function": "put", "payload": "{}"}, token)
        assert (status, told["refused"]["code"]) == (403, "Forbidden")
    assert not len(lab.trace.invocations)


def test_a_server_without_a_token_lets_nobody_do_anything(visitor: Visitor) -> None:
    answer = visitor.send(Request("POST", "/_lambdalab/run", "", {TOKEN_HEADER: ""}, b"{}"))
    assert answer.status == 403


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'"run"'])
def test_bodies_that_are_no_object(visitor: Visitor, body: bytes) -> None:
    assert visitor.post("run", body)[1]["refused"]["code"] == "BadRequest"


def test_nothing_is_done_by_reading(lab: ll.Lab, visitor: Visitor) -> None:
    for name in deeds.DEEDS:
        answer = visitor.send(Request("GET", f"/_lambdalab/{name}", token=TOKEN))
        assert answer.status == 404
    answer = visitor.send(
        Request("POST", "/_lambdalab/state", "", {TOKEN_HEADER: TOKEN}, b"{}", TOKEN)
    )
    assert answer.status == 404


def test_the_package_brings_its_files() -> None:
    spec = importlib.util.find_spec("lambdalab.aws.endpoint.pages")
    assert spec is not None
    here = Path(str(spec.origin)).parent
    assert {path.name for path in here.iterdir()} >= {
        "page.css", "page.html", "page.js", "icon.svg",
    }  # fmt: skip
