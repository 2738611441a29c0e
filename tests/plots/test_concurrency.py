"""Concurrency: the steps are the attempts of the table, limits are lines with names, throttles marks."""

from __future__ import annotations

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes

from lambdalab import plots
from lambdalab.errors import UnknownName, UnknownSetting
from lambdalab.plots.concurrency import curve
from lambdalab.plots.palette import INIT_TYPES, THROTTLES
from lambdalab.trace import Recorder, Trace
from lambdalab.trace.causes import CAUSES
from lambdalab.trace.codes import Cause
from lambdalab.trace.schema import (
    AttemptOutcome,
    EnvironmentEnd,
    EnvironmentKind,
    InitType,
    InvocationStatus,
    InvocationType,
    ParentKind,
    ScalingKind,
)

S = 1_000_000
ON_DEMAND, PROVISIONED = InitType.ON_DEMAND, InitType.PROVISIONED


class History:
    """Books written by hand: invocations each in an environment of its own."""

    def __init__(self, limit: int | None = 1000) -> None:
        self.books = Recorder()
        if limit is not None:
            self.books.wired("account", "concurrency", {"limit": limit})
        self.trace = Trace(self.books)

    def run(self, function: str, start: float, end: float, sort: int = ON_DEMAND) -> None:
        books, name = self.books, self.books.name(function)
        began, over = round(start * S), round(end * S)
        kind = EnvironmentKind.PROVISIONED if sort else EnvironmentKind.ON_DEMAND
        home = books.environment(name, kind, began)
        request = books.invocation(
            name, 0, InvocationType.EVENT, books.name("client"), ParentKind.NONE, 0, began, 2
        )
        row = books.attempt(request, 1, home, sort, began, began, False, 128, Cause.FIRST_ATTEMPT)
        if over < 0:
            return
        spent = over - began
        books.attempt_done(row, over, 0, 0, spent, spent // 1000, 40, AttemptOutcome.SUCCESS, 1)
        books.invocation_done(
            request, over, InvocationStatus.SUCCEEDED, 202, 0, 1, 4, Cause.COMPLETED, 0, 0, 0
        )
        books.environment_done(home, over, EnvironmentEnd.IDLE_EXPIRY)

    def scaled(
        self, at: float, subject: str, kind: int, before: int, after: int, cause: int
    ) -> None:
        self.books.scaling(round(at * S), self.books.name(subject), kind, before, after, cause)

    def reserve(self, at: float, function: str, before: int, after: int) -> None:
        self.scaled(at, function, ScalingKind.LIMIT, before, after, Cause.CONFIGURED)

    def provision(self, at: float, subject: str, before: int, after: int) -> None:
        self.scaled(at, subject, ScalingKind.PROVISIONED, before, after, Cause.ALLOCATED)

    def throttle(self, at: float, subject: str, limit: int, cause: int) -> None:
        self.scaled(at, subject, ScalingKind.THROTTLE, limit, limit, cause)


@pytest.fixture
def busy() -> History:
    """Two, then three at once of bill (one of them provisioned), and one of ship."""
    history = History()
    history.reserve(0, "bill", 0, 3)
    history.provision(0, "bill:live", 0, 1)
    history.run("bill", 0, 10, PROVISIONED)
    history.run("bill", 2, 8)
    history.run("bill", 4, 6)
    history.run("ship", 1, 5)
    history.throttle(4.5, "bill", 2, Cause.THROTTLED_RESERVED)
    history.throttle(5.0, "bill", 2, Cause.THROTTLED_RESERVED)
    history.throttle(5.5, "ship", 1000, Cause.THROTTLED_SCALING)
    return history


def height(ax: Axes, gid: str, at: float) -> float:
    """The top of an area just after a moment."""
    top = 0.0
    for artist in ax.collections:
        if str(artist.get_gid()) == gid:
            (path,) = artist.get_paths()
            x, y = path.vertices[:, 0], path.vertices[:, 1]
            spans = zip(x[:-1], x[1:], y[:-1], strict=True)
            top = max(top, *(v for a, b, v in spans if a != b and min(a, b) <= at <= max(a, b)))
    return top


def texts(ax: Axes, gid: str) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_gid() == gid]


# ---- the curve


def test_the_steps_are_the_attempts_of_the_table(busy: History) -> None:
    ax = plots.concurrency(busy.trace, function="bill")
    for at, running in ((1, 1), (3, 2), (5, 3), (7, 2), (9, 1)):
        top = max(height(ax, f"running:{sort}", at) for sort in INIT_TYPES)
        assert top == running
    assert height(ax, "running:provisioned", 5) == 1, "provisioned at the bottom"
    assert "bill: at most 3 at once in 3 environments, 2 throttles" in ax.get_title(loc="left")


def test_all_functions_together(busy: History) -> None:
    ax = plots.concurrency(busy.trace)
    assert height(ax, "running:on_demand", 4.5) == 4
    assert ax.get_title(loc="left") == (
        "2 functions: at most 4 at once in 4 environments, 3 throttles"
    )


def test_a_changed_row_changes_the_picture(busy: History, altered) -> None:
    other = altered(busy.trace, "attempts", 2, "ended_at", 3_500_000)
    tops = [
        height(plots.concurrency(t, function="bill"), "running:on_demand", 9)
        for t in (busy.trace, other)
    ]
    assert tops == [1, 2], "the third runs on to 9.5 s, on top of the provisioned one"


def test_environments_alive_are_a_line(busy: History, read_points) -> None:
    ax = plots.concurrency(busy.trace, function="bill")
    points = dict(read_points(ax, "environments"))
    assert points == {0: 1, 2: 2, 4: 3, 6: 2, 8: 1, 10: 0}
    assert "environments alive" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_large_steps_are_told() -> None:
    history = History()
    for number in range(40):
        history.run("bill", 0 if number < 10 else 20, 60)
    assert texts(plots.concurrency(history.trace), "step") == ["+10", "+30"]
    few = History()
    for number in range(4):
        few.run("bill", number // 2, 60)
    assert not texts(plots.concurrency(few.trace), "step")


def test_what_still_runs_reaches_to_the_end_of_the_books() -> None:
    history = History()
    history.run("bill", 0, -1)
    history.run("bill", 1, 9)
    ax = plots.concurrency(history.trace)
    assert height(ax, "running:on_demand", 8.9) == 2
    assert ax.get_xlim()[1] == pytest.approx(9 * 1.02)


def test_thousands_of_changes_are_thinned_and_pauses_stay() -> None:
    history = History()
    for number in range(2_000):
        history.run("bill", number / 200, number / 200 + 0.003)
    history.run("bill", 10.0, 10.5)
    history.run("bill", 10.2, 10.4)
    history.run("bill", 10.505, 10.51)  # begins and ends within a pixel
    history.run("bill", 90, 91)
    ax = plots.concurrency(history.trace)
    (area,) = ax.collections
    assert len(area.get_paths()[0].vertices) < 2_000
    assert [height(ax, "running:on_demand", at) for at in (5, 10.3, 50, 90.5)] == [1, 2, 0, 1]


TIMES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10), st.integers(0, 1)), max_size=30)


@given(TIMES)
def test_counting_is_that_of_a_loop(spans: list[tuple[int, int, int]]) -> None:
    starts = np.array([start for start, _, _ in spans], float)
    ends = starts + np.array([length for _, length, _ in spans], float)
    found = curve(starts, ends, np.array([sort for *_, sort in spans], np.int64), 2)
    assert sorted({*starts.tolist(), *ends.tolist()}) == found.at.tolist()
    for place, at in enumerate(found.at.tolist()):
        for sort in (0, 1):
            under_way = sum(s <= at < s + n and kind == sort for s, n, kind in spans)
            assert found.count[sort, place] == under_way


# ---- limits


def test_limits_of_a_function_are_lines_with_names(busy: History, read_points) -> None:
    ax = plots.concurrency(busy.trace, function="bill")
    assert {y for _, y in read_points(ax, "limit:reserved")} == {3}
    assert {y for _, y in read_points(ax, "limit:provisioned")} == {1}
    assert texts(ax, "name:reserved") == ["reserved concurrency 3"]
    assert texts(ax, "name:provisioned") == ["provisioned concurrency 1"]
    assert not texts(ax, "name:account"), "a reservation is all that binds"


def test_a_limit_that_changes_is_a_step_and_ends_when_given_back(read_points) -> None:
    history = History()
    history.run("bill", 0, 30)
    history.reserve(0, "bill", 0, 4)
    history.reserve(10, "bill", 4, 2)
    history.scaled(20, "bill", ScalingKind.LIMIT, 2, 0, Cause.RELEASED)
    ax = plots.concurrency(history.trace)
    known = [(x, y) for x, y in read_points(ax, "limit:reserved") if y == y]
    assert known == [(0, 4), (10, 4), (10, 2), (20, 2)]
    (name,) = (text for text in ax.texts if text.get_gid() == "name:reserved")
    assert (name.get_text(), name.xy) == ("reserved concurrency 2", (20, 2))


def test_a_reservation_of_zero_is_a_line_at_zero(read_points) -> None:
    history = History()
    history.reserve(0, "bill", 0, 0)
    history.throttle(5, "bill", 0, Cause.ZERO_RESERVED_CONCURRENCY)
    ax = plots.concurrency(history.trace)
    assert {y for _, y in read_points(ax, "limit:reserved")} == {0}
    assert texts(ax, "name:reserved") == ["reserved concurrency 0"]
    assert "at most 0 at once" in ax.get_title(loc="left")


def test_a_configured_reservation_does_without_rows(read_points) -> None:
    history = History()
    history.books.configured("bill", {"timeout": 3, "reserved_concurrency": 2})
    history.run("bill", 0, 1)
    assert {y for _, y in read_points(plots.concurrency(history.trace), "limit:reserved")} == {2}


def test_the_account_limit_for_all_and_what_others_leave_for_one(read_points) -> None:
    history = History(limit=10)
    history.reserve(0, "ship", 0, 4)
    history.reserve(5, "ship", 4, 6)
    for number in range(3):
        history.run("bill", number, 10)
    history.run("ship", 0, 3)
    ax = plots.concurrency(history.trace)
    assert {y for _, y in read_points(ax, "limit:account")} == {10}
    assert texts(ax, "name:account") == ["account limit 10"]
    ax = plots.concurrency(history.trace, function="bill")
    assert [y for _, y in read_points(ax, "limit:account")] == [10, 10, 6, 6, 4, 4]
    assert texts(ax, "name:account") == ["of the account limit 10, unreserved 4"]


def test_provisioned_concurrency_adds_up_over_versions_and_aliases(read_points) -> None:
    history = History()
    history.run("bill", 0, 30, PROVISIONED)
    history.provision(5, "bill:live", 0, 2)
    history.provision(10, "bill:2", 0, 3)
    history.provision(10, "ship:1", 0, 50)
    history.scaled(20, "bill:live", ScalingKind.PROVISIONED, 2, 0, Cause.CONFIGURED)
    points = read_points(plots.concurrency(history.trace, function="bill"), "limit:provisioned")
    assert points[:5] == [(5, 2), (10, 2), (10, 5), (20, 5), (20, 3)]


def test_a_limit_far_above_is_named_and_does_not_flatten_the_rest(read_points) -> None:
    history = History(limit=1000)
    history.run("bill", 0, 10)
    ax = plots.concurrency(history.trace)
    assert not read_points(ax, "limit:account")
    assert texts(ax, "name:account") == ["↑ account limit 1,000"]
    assert ax.get_ylim()[1] < 2
    history.throttle(5, "bill", 1000, Cause.THROTTLED_ACCOUNT)
    assert read_points(plots.concurrency(history.trace), "limit:account"), "it bound: it is drawn"


def test_names_of_limits_do_not_run_into_each_other() -> None:
    history = History()
    history.reserve(0, "bill", 0, 100)
    history.provision(0, "bill:live", 0, 98)
    for _ in range(60):
        history.run("bill", 0, 10)
    ax = plots.concurrency(history.trace)
    ax.figure.canvas.draw()
    boxes = [t.get_window_extent() for t in ax.texts if str(t.get_gid()).startswith("name:")]
    assert len(boxes) == 2
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


# ---- throttles


def test_throttles_are_marks_in_a_line_for_each_cause(busy: History, read_points) -> None:
    ax = plots.concurrency(busy.trace)
    reserved = read_points(ax, "throttles:throttled_reserved")
    assert [x for x, _ in reserved] == [4.5, 5.0]
    ((at, line),) = read_points(ax, "throttles:throttled_scaling")
    assert at == 5.5
    assert line != reserved[0][1]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "2 throttles: reserved concurrency" in legend
    assert "1 throttle: scaling rate" in legend


def test_marks_lie_above_the_curve_and_its_limits(busy: History) -> None:
    ax = plots.concurrency(busy.trace, function="bill")
    ax.figure.canvas.draw()
    (marks,) = (line for line in ax.lines if str(line.get_gid()).startswith("throttles:"))
    lowest = ax.transAxes.transform((0, np.min(marks.get_ydata())))[1] - 4
    names = [t.get_window_extent().y1 for t in ax.texts if str(t.get_gid()).startswith("name:")]
    assert lowest > max(ax.transData.transform((0, 3))[1], *names)


def test_many_throttles_are_thinned_and_counted(read_points) -> None:
    history = History()
    history.run("bill", 0, 100)
    for number in range(5000):
        history.throttle(number / 50, "bill", 10, Cause.THROTTLED_RESERVED)
    ax = plots.concurrency(history.trace)
    marks = [x for x, _ in read_points(ax, "throttles:")]
    assert 20 < len(marks) <= 61
    assert set(marks) <= {number / 50 for number in range(5000)}, "each mark is a throttle"
    assert "5,000 throttles: reserved concurrency" in [
        text.get_text() for text in ax.get_legend().get_texts()
    ]


def test_marks_do_not_lie_on_each_other(read_points) -> None:
    history = History()
    history.run("bill", 0, 100)
    for at in (1.69, 1.71, 50):  # on both sides of a sixtieth of the picture
        history.throttle(at, "bill", 10, Cause.THROTTLED_RESERVED)
    marks = read_points(plots.concurrency(history.trace), "throttles:")
    assert [x for x, _ in marks] == [1.69, 50]


def test_throttles_alone_are_drawn(read_points) -> None:
    history = History()
    history.throttle(3, "bill", 0, Cause.THROTTLED_SCALING)
    ax = plots.concurrency(history.trace)
    assert [x for x, _ in read_points(ax, "throttles:")] == [3]


def test_every_throttle_of_the_books_has_a_look_of_its_own() -> None:
    known = {Cause.names[code] for code in CAUSES["scaling"]}
    throttles = {name for name in known if name.startswith("throttled_")}
    assert set(THROTTLES) == throttles | {"zero_reserved_concurrency", "injected"}
    looks = [(look.colour, look.marker) for look in THROTTLES.values()]
    assert len({marker for _, marker in looks}) == len(looks), "not by colour alone"
    assert set(INIT_TYPES) == set(InitType.names)
    assert len({look.hatch for look in INIT_TYPES.values()}) == len(INIT_TYPES)


# ---- words, axes, edges


def test_units_and_whole_numbers(busy: History, words_on) -> None:
    ax = plots.concurrency(busy.trace)
    ax.figure.canvas.draw()
    assert "virtual time (s)" in words_on(ax)
    assert ax.get_ylabel() == "running at once"
    assert all(float(tick).is_integer() for tick in ax.get_yticks())


def test_thousands_have_a_comma() -> None:
    history = History(limit=1000)
    history.run("bill", 0, 10)
    history.throttle(5, "bill", 1000, Cause.THROTTLED_ACCOUNT)
    ax = plots.concurrency(history.trace)
    ax.figure.canvas.draw()
    assert "1,000" in [label.get_text() for label in ax.get_yticklabels()]


def test_the_legend_lies_off_the_data(busy: History) -> None:
    ax = plots.concurrency(busy.trace, function="bill")
    ax.figure.canvas.draw()
    legend = ax.get_legend().get_window_extent()
    assert legend.y0 >= ax.get_window_extent().y1 - 1
    assert legend.x1 <= ax.figure.bbox.x1 + 1, "no wider than the figure"


def test_empty_and_one(empty: Trace, words_on) -> None:
    ax = plots.concurrency(empty)
    assert "there is no concurrency to show" in words_on(ax)
    history = History()
    history.run("bill", 0, 1)
    assert "bill: at most 1 at once in 1 environment" in words_on(plots.concurrency(history.trace))


def test_configured_but_never_called(words_on) -> None:
    history = History()
    history.run("bill", 0, 1)
    history.books.configured("ship", {"timeout": 3})
    assert "Nothing has run" in words_on(plots.concurrency(history.trace, function="ship"))


def test_unknown_names(busy: History) -> None:
    with pytest.raises(UnknownName, match="did you mean 'bill'"):
        plots.concurrency(busy.trace, function="bil")
    with pytest.raises(UnknownSetting, match="did you mean 'title'"):
        plots.concurrency(busy.trace, titel="x")


def test_given_axes_are_used_and_a_saved_trace_keeps_the_limit(busy: History, tmp_path) -> None:
    _, ax = plt.subplots()
    again = Trace.load(busy.trace.save(tmp_path / "trace", tables="csv"))
    assert again.plot.concurrency(ax=ax) is ax
    assert texts(ax, "name:account") == ["↑ account limit 1,000"]


def test_side_by_side_on_one_scale(busy: History, read_points) -> None:
    longer = History(limit=4)
    longer.run("bill", 0, 100)
    axes = plots.compare({"a": busy.trace, "b": longer.trace}, plot="concurrency").axes
    assert axes[0].get_xlim() == axes[1].get_xlim()
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert max(x for x, _ in read_points(axes[1], "limit:account")) >= axes[1].get_xlim()[1]
