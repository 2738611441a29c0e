"""logging: Lambda's root logger in each environment, the notebook's settings untouched."""

from __future__ import annotations

import json
import logging
import re
import traceback

import pytest

from tests.kernel.surroundings_helper import Place, in_a_run, installed, wait

EARLY = logging.getLogger("tests.early")


def settings(logger: logging.Logger) -> tuple[object, ...]:
    return (
        logger.level,
        list(logger.handlers),
        logger.propagate,
        logger.disabled,
        list(logger.filters),
    )


@in_a_run
def test_root_starts_as_on_lambda() -> None:
    def handler() -> tuple[object, ...]:
        root = logging.getLogger()
        return root.level, len(root.handlers), logging.getLevelName(EARLY.getEffectiveLevel())

    assert Place().run(handler) == (logging.WARNING, 1, "WARNING")
    assert Place(log_format="JSON").run(handler) == (logging.INFO, 1, "INFO")


@in_a_run
def test_text_lines() -> None:
    place = Place()
    place.surroundings.request_id = "00000002-aaaa"

    def handler() -> None:
        logging.info("hidden")
        logging.warning("shown %d", 1)
        EARLY.error("early")

    place.run(handler)
    lines = place.log.splitlines()
    pattern = r"\[WARNING\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t00000002-aaaa\tshown 1"
    assert re.fullmatch(pattern, lines[0])
    assert lines[1].split("\t")[0::3] == ["[ERROR]", "early"]
    assert len(lines) == 2


@in_a_run
def test_the_time_is_utc_in_milliseconds() -> None:
    place = Place()
    record = logging.makeLogRecord({"created": 1_736_208_000.25, "msecs": 250.0, "msg": "x"})
    place.run(lambda: logging.getLogger().handlers[0].handle(record))
    assert place.log == "[Level None]\t2025-01-07T00:00:00.250Z\t\tx\n"


@in_a_run
def test_set_level_in_a_handler_never_touches_the_notebook_or_another_environment() -> None:
    before = settings(logging.root), settings(EARLY)
    one, two = Place("a/e1"), Place("b/e1")

    def configure() -> None:
        logging.getLogger().setLevel(logging.DEBUG)
        EARLY.setLevel(logging.DEBUG)
        EARLY.addHandler(logging.NullHandler())
        EARLY.propagate = True
        EARLY.debug("debug")

    one.run(configure)
    assert "debug" in one.log
    assert one.run(lambda: EARLY.isEnabledFor(logging.DEBUG)) is True
    assert two.run(lambda: EARLY.isEnabledFor(logging.DEBUG)) is False
    assert (settings(logging.root), settings(EARLY)) == before
    assert not EARLY.isEnabledFor(logging.DEBUG)


@in_a_run
def test_interleaved_handlers_keep_their_levels() -> None:
    def handler() -> bool:
        logging.getLogger().setLevel(logging.DEBUG)
        EARLY.isEnabledFor(logging.DEBUG)
        wait()
        return EARLY.isEnabledFor(logging.DEBUG)

    run = Place("a/e1").start(handler)
    run.go()
    assert Place("b/e1").run(lambda: EARLY.isEnabledFor(logging.DEBUG)) is False
    assert run.go() is True


@in_a_run
def test_logging_disable_is_the_environments() -> None:
    one, two = Place("a/e1"), Place("b/e1")
    one.run(lambda: logging.disable(logging.CRITICAL))
    assert one.run(lambda: EARLY.isEnabledFor(logging.ERROR)) is False
    assert two.run(lambda: EARLY.isEnabledFor(logging.ERROR)) is True
    assert EARLY.isEnabledFor(logging.ERROR)


@in_a_run
def test_a_librarys_own_level_is_kept_its_handlers_are_not() -> None:
    library = logging.getLogger("tests.library")
    library.setLevel(logging.ERROR)
    library.addHandler(logging.StreamHandler())
    try:
        place = Place()
        assert place.run(lambda: (library.level, library.handlers)) == (logging.ERROR, [])
    finally:
        library.handlers.clear()
        library.setLevel(logging.NOTSET)


@in_a_run
def test_a_logger_made_by_a_handler_is_an_ordinary_one_afterwards() -> None:
    made = Place().run(lambda: logging.getLogger("tests.made.in.a.handler"))
    assert settings(made) == (0, [], True, False, [])


def test_nothing_of_it_is_left_after_the_run() -> None:
    with installed():
        assert isinstance(vars(logging.Logger)["level"], property)
        made = Place().run(lambda: logging.getLogger("tests.made.too"))
    assert "level" not in vars(logging.Logger)
    assert made.level == 0
    assert made.isEnabledFor(logging.ERROR)


@in_a_run
def test_basic_config_does_nothing_because_root_has_its_handler() -> None:
    place = Place()
    place.run(lambda: logging.basicConfig(level=logging.DEBUG))
    assert place.run(lambda: logging.getLogger().level) == logging.WARNING


@in_a_run
def test_a_format_of_the_users_own() -> None:
    place = Place()
    place.surroundings.request_id = "r-1"

    def handler() -> None:
        form = logging.Formatter("%(aws_request_id)s|%(pathname)s|%(message)s")
        logging.getLogger().handlers[0].setFormatter(form)
        logging.error("mine")

    place.run(handler)
    assert place.log == "r-1|/var/task/test_logs.py|mine\n"


@in_a_run
def test_tracebacks_show_lambdas_paths() -> None:
    place = Place()

    def handler() -> str:
        try:
            raise KeyError("stock")
        except KeyError:
            logging.exception("failed")
            return traceback.format_exc()

    text = place.run(handler)
    assert 'File "/var/task/test_logs.py", line' in text
    assert __file__ not in text
    assert 'raise KeyError("stock")' in place.log
    assert __file__ not in place.log


@in_a_run
class TestJson:
    def test_members_and_their_order(self) -> None:
        place = Place(log_format="JSON")
        place.surroundings.request_id = "r-1"
        place.run(lambda: logging.getLogger("shop").info("café", extra={"order": 7}))
        members = json.loads(place.log)
        assert list(members) == ["timestamp", "level", "message", "logger", "requestId", "order"]
        assert members | {"timestamp": ""} == {
            "timestamp": "", "level": "INFO", "message": "café", "logger": "shop",
            "requestId": "r-1", "order": 7,
        }  # fmt: skip
        assert "café" in place.log
        assert place.log.endswith("}\n")

    def test_debug_is_below_the_default_level(self) -> None:
        place = Place(log_format="JSON")
        place.run(lambda: logging.debug("hidden"))
        assert place.log == ""

    @pytest.mark.parametrize(
        ("level", "kept"),
        [
            ("TRACE", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]),
            ("DEBUG", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]),
            ("INFO", ["INFO", "WARNING", "ERROR", "CRITICAL"]),
            ("WARN", ["WARNING", "ERROR", "CRITICAL"]),
            ("ERROR", ["ERROR", "CRITICAL"]),
            ("FATAL", ["CRITICAL"]),
        ],
    )
    @pytest.mark.parametrize("lowered", [False, True])
    def test_levels(self, level: str, kept: list[str], lowered: bool) -> None:
        """A logger's own level cannot bring back what the function's level drops."""
        place = Place(log_format="JSON", log_level=level)

        def handler() -> None:
            if lowered:
                logging.getLogger().setLevel(1)
            for number in range(10, 51, 10):
                logging.log(number, "x")

        place.run(handler)
        assert [json.loads(line)["level"] for line in place.log.splitlines()] == kept

    def test_levels_between_are_rounded_down_and_the_time_is_in_seconds(self) -> None:
        place = Place(log_format="JSON")
        record = logging.makeLogRecord(
            {"created": 1_736_208_000.75, "msecs": 750.0, "msg": "x", "levelno": 25, "name": "n"}
        )
        place.run(lambda: logging.getLogger().handlers[0].handle(record))
        assert place.log == (
            '{"timestamp": "2025-01-07T00:00:00Z", "level": "INFO", "message": "x", "logger": "n",'
            ' "requestId": ""}\n'
        )

    def test_exceptions(self) -> None:
        place = Place(log_format="JSON")

        def handler() -> None:
            try:
                raise ValueError("bad")
            except ValueError:
                logging.exception("failed")

        place.run(handler)
        members = json.loads(place.log)
        assert (members["errorType"], members["errorMessage"]) == ("ValueError", "bad")
        assert members["location"].startswith("/var/task/test_logs.py:handler:")
        assert members["stackTrace"][0].startswith('  File "/var/task/test_logs.py", line ')


@in_a_run
def test_records_go_to_whoever_wants_them() -> None:
    records: list[logging.LogRecord] = []
    place = Place(record=records.append)
    place.run(lambda: logging.error("one"))
    assert [record.getMessage() for record in records] == ["one"]


@in_a_run
def test_a_record_that_cannot_be_formatted_is_reported_in_the_log() -> None:
    place = Place()
    place.run(lambda: logging.error("%d", "x"))
    assert "--- Logging error ---" in place.log


@in_a_run
def test_what_a_library_notes_at_a_logger_is_the_environments() -> None:
    """Powertools marks a logger that it has given a handler, and takes the handler for granted then."""
    one, two = Place("a/e1"), Place("b/e1")

    def configure() -> tuple[bool, int]:
        logger = logging.getLogger("tests.marked")
        before = getattr(logger, "set_up", False)
        if not before:
            logger.addHandler(logging.NullHandler())
            logger.set_up = True  # type: ignore[attr-defined]
        return before, len(logger.handlers)

    assert [one.run(configure), two.run(configure), two.run(configure)] == [
        (False, 1), (False, 1), (True, 1),
    ]  # fmt: skip
    marked = logging.getLogger("tests.marked")
    assert not hasattr(marked, "set_up")
    with pytest.raises(AttributeError, match="'Logger' object has no attribute 'other'"):
        one.run(lambda: marked.other)  # type: ignore[attr-defined]
    EARLY.mine = 1  # type: ignore[attr-defined]
    assert one.run(lambda: EARLY.mine) == 1  # type: ignore[attr-defined]
    del EARLY.mine  # type: ignore[attr-defined]


@in_a_run
def test_a_class_of_loggers_keeps_its_attributes() -> None:
    class Counting(logging.Logger):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            self.count = 0

    made = Place("a/e1").run(lambda: Counting("tests.counting"))
    assert made.count == 0
    assert Place("b/e1").run(lambda: made.count) == 0
