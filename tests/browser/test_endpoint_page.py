"""The page of a served lab as a person uses it, on a wide screen and on a telephone."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.aws.endpoint import Server, running

if os.environ.get("BROWSER_REQUIRED") != "1":
    pytest.importorskip("playwright")
from playwright.sync_api import expect

SIZES = {"wide": (1400, 900), "narrow": (390, 844)}
TOO_WIDE = "document.documentElement.scrollWidth - window.innerWidth"
FAILED = "Failed to load resource: the server responded with a status of"
EVIL = "<img src=x onerror=window.caught=1><script>window.caught=1</script>"
VIEWER = "document.querySelector('.lambdalab-viewer').viewer"


def shop() -> ll.Lab:
    """A lab with something of most kinds, in which a little has happened."""
    lab = ll.Lab(seed=7)

    @lab.function(name="getOrder", memory_size=512, timeout=10)
    def get_order(event: Any, context: Any) -> Any:
        print("got", event)
        return {"statusCode": 200, "body": event}

    @lab.function(name="putOrder", dead_letter_queue="failed")
    def put_order(event: Any, context: Any) -> Any:
        print(EVIL)
        raise ValueError(EVIL)

    lab.create_function("bill", duration=0.3, failure_rate=0.2, reserved_concurrency=2)
    orders = lab.sqs.create_queue("orders", dead_letter_queue="orders-dlq", max_receive_count=3)
    lab.create_event_source_mapping(orders, "bill", batch_size=10, maximum_batching_window=5)
    lab.kinesis.create_stream("clicks", shard_count=2)
    lab.dynamodb.create_table("customers", partition_key="id")
    lab.sns.create_topic("news").subscribe(orders)
    lab.s3.create_bucket("photos")
    lab.api_gateway.create_rest_api("shop").route("GET", "/orders/{id}", get_order)
    lab.create_function_url("getOrder")
    lab.drive(orders, ll.Every(0.5), duration=12)
    lab.run()
    return lab


class Page:
    """A page of a served lab, and what a person does there."""

    def __init__(self, page: Any, lab: ll.Lab, server: Server, shots: Path) -> None:
        self.page, self.lab, self.server, self._shots = page, lab, server, shots
        self.form = page.locator("#invoke")
        self.outcome = page.locator("#outcome")

    def invoke(self, function: str, event: object = None, kind: str = "RequestResponse") -> None:
        self.form.get_by_label("Function", exact=True).select_option(function)
        self.form.get_by_label("Invocation type").select_option(kind)
        if event is not None:
            self.form.get_by_label("Event (JSON)").fill(json.dumps(event))
        self.form.get_by_role("button", name="Invoke").click()

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def said(self, text: str) -> None:
        expect(self.page.get_by_role("status").first).to_have_text(text)

    def shot(self, name: str) -> None:
        assert self.page.evaluate(TOO_WIDE) <= 0
        self._shots.mkdir(parents=True, exist_ok=True)
        path = self._shots / f"endpoint-{name}.png"
        self.page.screenshot(path=path, full_page=True, animations="disabled")


Open = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """Serves a lab and opens its page; afterwards nothing has failed, and no other server was asked."""
    opened: list[tuple[Any, Any, ll.Lab]] = []
    wrong: list[str] = []

    def notice(text: str, expected: tuple[str, ...]) -> None:
        if not text.startswith(expected or ("-",)):
            wrong.append(text)

    def open_one(
        lab: ll.Lab, size: str = "wide", refused: tuple[int, ...] = (), speed: float | None = None
    ) -> Page:
        serving = running(lab, speed=speed)
        server = serving.__enter__()
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce", locale="en-US"
        )
        opened.append((serving, context, lab))
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        own = tuple(f"{FAILED} {status} " for status in refused)
        page.on("console", lambda told: told.type == "error" and notice(told.text, own))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on("request", lambda sent: sent.url.startswith(server.url) or wrong.append(sent.url))
        page.goto(server.url)
        expect(page.locator("#now")).to_contain_text("UTC")
        return Page(page, lab, server, Path(os.environ.get("SHOTS", tmp_path)))

    yield open_one
    for serving, context, lab in opened:
        context.close()
        serving.__exit__(None, None, None)
        lab.audit()
    assert wrong == []


@pytest.mark.parametrize("size", SIZES)
def test_a_function_is_tested_with_the_form(open_page: Open, size: str) -> None:
    seen = open_page(shop(), size)
    seen.invoke("getOrder", {"order": 7})
    expect(seen.outcome).to_contain_text("200 · the function returned")
    expect(seen.outcome).to_contain_text("cold start")
    answer = json.loads(seen.page.get_by_label("Payload").inner_text())
    assert answer == {"statusCode": 200, "body": {"order": 7}}
    expect(seen.page.get_by_label("Log tail")).to_contain_text("got {'order': 7}")
    expect(seen.page.locator("#answer dl")).to_contain_text("512 MB")
    request = len(seen.lab.trace.invocations)
    story = seen.page.locator("#story-lines li")
    expect(story).to_have_count(len(seen.lab.trace.story(f"r{request}").lines))
    latest = seen.page.locator("#latest tbody tr").first
    expect(latest).to_contain_text(f"r{request}")
    expect(latest).to_contain_text("succeeded")
    expect(seen.page.get_by_label("The command")).to_have_text(
        f"aws --endpoint-url {seen.server.url} lambda invoke \\\n"
        "  --function-name getOrder \\\n  --cli-binary-format raw-in-base64-out \\\n"
        "  --payload '{\"order\": 7}' response.json"
    )
    seen.shot(f"invoked-{size}")
    row = seen.page.locator("#functions tr", has_text="bill")
    expect(row).to_contain_text("reserved 2")
    queue = seen.page.locator("#queues tr", has_text="dead letters to orders-dlq after 3 receives")
    expect(queue).to_contain_text("orders")
    expect(seen.page.locator("#parts h3")).to_have_text([
        "Streams (1)", "Tables (1)", "Event source mappings (1)", "APIs (1)", "Topics (1)",
        "Buckets (1)", "Function URLs (1)",
    ])  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_lab_says_what_to_do(open_page: Open, size: str) -> None:
    seen = open_page(ll.Lab(), size)
    commands = seen.page.get_by_label("Commands to begin with")
    expect(commands).to_contain_text(f"aws --endpoint-url {seen.server.url} sqs create-queue")
    expect(seen.form.get_by_role("button", name="Invoke")).to_be_disabled()
    seen.shot(f"empty-{size}")
    for tab, told in (("Trace viewer", "Nothing has happened yet"), ("Flow", "Nothing happened")):
        seen.tab(tab)
        expect(seen.page.get_by_role("tabpanel")).to_contain_text(told)
    seen.tab("Lab")
    seen.server.client("sqs").create_queue(QueueName="first")
    expect(seen.page.locator("#queues")).to_contain_text("first")
    expect(commands).to_be_hidden()


def test_errors_are_shown_and_markup_stays_text(open_page: Open) -> None:
    """What a handler raises, prints and is given, names and paths: none of it becomes markup."""
    lab = shop()
    lab.api_gateway.create_rest_api(EVIL).route("GET", "/", "putOrder")
    seen = open_page(lab)
    expect(seen.page.locator("#parts")).to_contain_text(f"REST API {EVIL}: stage prod")
    seen.invoke("putOrder", {EVIL: EVIL})
    expect(seen.outcome).to_contain_text("function error: Unhandled")
    expect(seen.outcome).to_have_class("outcome bad")
    expect(seen.page.get_by_label("Payload")).to_contain_text(EVIL)
    expect(seen.page.get_by_label("Log tail")).to_contain_text(EVIL)
    expect(seen.page.locator("#story-lines")).to_contain_text(EVIL)
    seen.shot("error")
    seen.invoke("getOrder", {EVIL: EVIL})
    expect(seen.outcome).to_contain_text("the function returned")
    for tab in ("Trace viewer", "Flow", "Lab"):
        seen.tab(tab)
        expect(seen.page.get_by_role("tabpanel")).to_be_visible()
    assert seen.page.evaluate("window.caught") is None
    assert seen.page.locator("main img, main script").count() == 0


def test_what_the_service_refuses(open_page: Open) -> None:
    lab = shop()
    lab.put_function_concurrency("getOrder", 0)
    seen = open_page(lab, refused=(429, 400))
    seen.invoke("getOrder")
    expect(seen.outcome).to_have_text("✗ 429 · TooManyRequestsException")
    expect(seen.page.locator("#story")).to_be_hidden()
    seen.form.get_by_label("Event (JSON)").fill("{no")
    expect(seen.page.locator("#no-json")).to_contain_text("This is no JSON")
    seen.form.get_by_role("button", name="Invoke").click()
    expect(seen.outcome).to_have_text("✗ 400 · InvalidRequestContentException")


def test_an_event_is_queued_and_its_story_goes_on(open_page: Open) -> None:
    seen = open_page(shop())
    seen.invoke("putOrder", {}, "Event")
    expect(seen.outcome).to_have_text("✓ 202 · queued")
    expect(seen.page.locator("#story-lines li").last).to_contain_text("over: failed")
    expect(seen.page.locator("#queues tr", has_text="failed")).to_contain_text("1")
    expect(seen.page.get_by_role("button", name="Run until idle")).to_be_hidden()
    then = seen.lab.now + dt.timedelta(seconds=30)
    seen.page.get_by_label("Advance by").fill("30")
    seen.page.get_by_label("Advance by").press("Enter")
    seen.said(f"ran 30 s, to {then:%Y-%m-%d %H:%M:%S} · 1 message lies in 'failed'")


def test_where_time_passes_slowly_buttons_let_it_pass(open_page: Open) -> None:
    seen = open_page(shop(), speed=1e-3)
    seen.invoke("putOrder", {}, "Event")
    expect(seen.page.locator("#elapsed")).to_contain_text("× real time · something is in flight")
    story = seen.page.locator("#story-lines li")
    expect(story).to_have_count(2)
    seen.page.get_by_label("Advance by").fill("30")
    seen.page.get_by_role("button", name="Advance").click()
    expect(story).to_have_count(5)  # it has failed once, and waits
    seen.page.get_by_role("button", name="Run until idle").click()
    expect(story.last).to_contain_text("over: failed")
    expect(seen.page.locator("#elapsed")).not_to_contain_text("in flight")


def test_looking_again_does_not_disturb_who_types(open_page: Open) -> None:
    seen = open_page(shop())
    event = seen.form.get_by_label("Event (JSON)")
    seen.form.get_by_label("Function", exact=True).select_option("putOrder")
    event.fill('{"half": ')
    event.press("ArrowLeft")
    place = "document.activeElement.id + document.activeElement.selectionStart"
    before = seen.page.evaluate(place)
    client = seen.server.client("lambda")
    client.invoke(FunctionName="getOrder", Payload=b"{}")
    number = len(seen.lab.trace.invocations)
    expect(seen.page.locator("#latest tbody tr").first).to_contain_text(f"r{number}")
    assert seen.page.evaluate(place) == before == "payload8"
    assert event.input_value() == '{"half": '
    assert seen.form.get_by_label("Function", exact=True).input_value() == "putOrder"
    row = seen.page.locator("#latest").get_by_role("button", name=f"r{number}")
    row.focus()
    client.invoke(FunctionName="getOrder", Payload=b"{}")
    expect(seen.page.locator("#latest tbody tr").first).to_contain_text(f"r{number + 1}")
    expect(row).to_be_focused()
    row.press("Enter")
    expect(seen.page.locator("#story-of")).to_contain_text(f"r{number}: getOrder")


def test_events_to_begin_with(open_page: Open) -> None:
    seen = open_page(shop())
    event, template = (
        seen.form.get_by_label("Event (JSON)"),
        seen.form.get_by_label("Event template"),
    )
    event.fill('{"mine": 1}')
    template.select_option("S3 put")
    assert json.loads(event.input_value())["Records"][0]["eventSource"] == "aws:s3"
    template.select_option("What you typed")
    assert event.input_value() == '{"mine": 1}'
    event.press("Control+Enter")
    expect(seen.outcome).to_contain_text("200")


@pytest.mark.parametrize("size", SIZES)
def test_the_trace_viewer_and_the_flow(open_page: Open, size: str) -> None:
    seen = open_page(shop(), size)
    seen.invoke("getOrder", {"order": 7})
    expect(seen.page.locator("#story")).to_be_visible()
    request = f"r{len(seen.lab.trace.invocations)}"
    seen.page.get_by_role("button", name="Show it in the trace viewer").click()
    expect(seen.page.locator(".lambdalab-viewer .story")).to_contain_text(f"The chain of {request}")
    assert seen.page.evaluate(f"{VIEWER}.books.n") > 50
    seen.shot(f"viewer-{size}")
    seen.page.get_by_role("tab", name="Trace viewer").press("ArrowRight")
    flow = seen.page.locator("#flow-place")
    expect(flow.locator(".ll-caption")).to_have_text("Nothing has been decided yet.")
    assert flow.locator(".ll-flow").evaluate("e => getComputedStyle(e).maxWidth") == "1400px"
    flow.get_by_role("button", name="the next decision").click()
    expect(flow.locator(".ll-caption")).to_contain_text(" s (1 of ")
    seen.shot(f"flow-{size}")
    seen.server.client("lambda").invoke(FunctionName="getOrder", Payload=b"{}")
    expect(seen.page.locator("#flow-note")).to_have_text(
        "The lab has gone on since this was drawn."
    )
    seen.page.get_by_role("button", name="Draw anew").click()
    expect(seen.page.locator("#flow-note")).to_have_text("")


def test_a_server_that_does_not_answer(open_page: Open) -> None:
    seen = open_page(shop(), refused=(503,))
    seen.page.route("**/_lambdalab/state", lambda route: route.fulfill(status=503, body="busy"))
    expect(seen.page.get_by_role("status").first).to_contain_text("does not answer (busy)")
    seen.page.unroute("**/_lambdalab/state")
    seen.said("The server is back.")


def test_with_the_keyboard_alone(open_page: Open) -> None:
    seen = open_page(shop())
    for key in ("Tab", "Enter", "Tab"):  # the link past everything, then into the form
        seen.page.keyboard.press(key)
    expect(seen.form.get_by_label("Function", exact=True)).to_be_focused()
    seen.page.keyboard.press("g")
    for _ in range(3):
        seen.page.keyboard.press("Tab")
    expect(seen.form.get_by_label("Event (JSON)")).to_be_focused()
    seen.page.keyboard.press("Control+Enter")
    expect(seen.outcome).to_contain_text("200 · the function returned")
    expect(seen.form.get_by_label("Event (JSON)")).to_be_focused()
