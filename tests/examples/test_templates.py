"""The templates to try: they load, run and pass the check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("samtranslator")

import lambdalab as ll
from lambdalab.errors import UnknownName
from lambdalab.examples import templates

JPEG = b"\xff\xd8"


def orders_api(lab: ll.Lab) -> None:
    api = lab.api_gateway["Shop"]
    assert api.put("/orders/7", body={"article": "bell"}).json() == {"article": "bell", "id": "7"}
    assert api.get("/orders/7").json()["article"] == "bell"
    assert api.get("/orders/8").status_code == 404
    assert lab.dynamodb["Orders"].get_item({"id": "7"})


def thumbnails(lab: ll.Lab) -> None:
    bucket = lab.s3["pictures-123456789012"]
    bucket.put_object("cat.jpg", JPEG + b"x" * 500)
    bucket.put_object("dog.jpg", b"GIF")
    bucket.put_object("note.txt", b"x")
    lab.run()
    assert [(each.key, each.size) for each in lab.s3["thumbnails"].list_objects()] == [
        ("cat.jpg", 64)
    ]
    assert (lab.sqs["Shown"].store.visible, lab.sqs["NotMade"].store.visible) == (1, 1)
    assert sorted(lab.trace.invocations["attempts"]) == [1, 2]


def billing(lab: ll.Lab) -> None:
    for number in range(12):
        lab.sqs["Orders"].send({"id": str(number % 10), "amount": number})
    lab.run()
    assert len(lab.dynamodb["Ledger"]) == 10
    assert lab.sqs["OrdersDead"].store.visible == 1, "the order of nothing"


RUNS: dict[str, Callable[[ll.Lab], None]] = {
    "billing": billing, "orders_api": orders_api, "thumbnails": thumbnails
}  # fmt: skip


@pytest.mark.parametrize("name", templates.NAMES)
def test_it_loads_runs_and_passes_the_check(name: str) -> None:
    lab = ll.Lab.from_template(templates.path(name), seed=7, strict=True)
    assert lab.template is not None
    assert (lab.template.left_out, lab.template.warnings) == ((), ())
    with lab.aws():
        assert len(lab.check()) == 0
        RUNS[name](lab)
        assert len(lab.check()) == 0
    lab.audit()


def test_what_its_parameters_change() -> None:
    live: Any = ll.Lab.from_template(templates.path("orders_api"), parameters={"Stage": "live"})
    assert live.get_function("PutOrder").settings.reserved_concurrency == 50
    assert live.template.outputs["Url"].endswith("/live/orders")
    mail = {"AlarmEmail": "a@b.example"}
    lab = ll.Lab.from_template(templates.path("billing"), parameters=mail)
    assert lab.template is not None
    assert [each.resource for each in lab.template.left_out] == ["AlarmsByMail"]


def test_names() -> None:
    assert set(RUNS) == set(templates.NAMES)
    with pytest.raises(UnknownName, match="did you mean 'billing'"):
        templates.path("biling")
