"""``logging`` inside a handler: each environment has its own settings, its root starts as on Lambda.

Loggers are shared objects that libraries make early, so the loggers stay and their settings are kept
apart. Root begins with one handler that writes to the environment's log and the level WARNING (with
JSON logs the function's application log level, INFO unless set). Other loggers begin with the level and
filters they have in the process (what a library set when it was imported) and no handlers. Sources:
dg/python-logging, dg/monitoring-cloudwatchlogs-log-level, AWS's Python runtime client.
"""

from __future__ import annotations

import functools
import json
import logging
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import ref

from lambdalab.kernel.shims.environ import here, outside
from lambdalab.kernel.shims.modules import shown_path

if TYPE_CHECKING:
    from lambdalab.kernel.surroundings import Surroundings

LEVELS = {
    "TRACE": logging.DEBUG, "DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING,
    "ERROR": logging.ERROR, "FATAL": logging.CRITICAL,
}  # fmt: skip
"""Application log levels and what the runtime client makes of them."""

_MANAGER = "_disable"  # what logging.disable() sets, on the manager of all loggers
_MARKS = "marks"
_ABSENT = object()


class Logs:
    """Keeps logging settings apart, and shows files in tracebacks as Lambda would."""

    def __init__(self) -> None:
        self._properties = {name: _apart(name) for name in _DEFAULTS if name != _MANAGER}
        self._disable = _apart(_MANAGER)
        self._clear = _clear_cache(logging.Manager._clear_cache)  # type: ignore[attr-defined]
        self._real_clear = logging.Manager._clear_cache  # type: ignore[attr-defined]
        self._real_format = traceback.StackSummary.format_frame_summary
        self._format = _format_frame(self._real_format)

    def on(self) -> None:
        """Dispatch."""
        for name, value in self._properties.items():
            setattr(logging.Logger, name, value)
        setattr(logging.Manager, _MANAGER, self._disable)
        logging.Logger.__setattr__, logging.Logger.__getattr__ = _mark, _marked  # type: ignore
        logging.Manager._clear_cache = self._clear  # type: ignore[attr-defined]
        traceback.StackSummary.format_frame_summary = self._format  # type: ignore[method-assign]

    def off(self) -> None:
        """Stop."""
        traceback.StackSummary.format_frame_summary = self._real_format  # type: ignore[method-assign]
        logging.Manager._clear_cache = self._real_clear  # type: ignore[attr-defined]
        delattr(logging.Manager, _MANAGER)
        for name in (*self._properties, "__setattr__", "__getattr__"):
            delattr(logging.Logger, name)


def _first_level(surroundings: Surroundings, logger: Any) -> Any:
    if logger is logging.root:
        in_json = surroundings.log_format == "JSON"
        return LEVELS[surroundings.log_level] if in_json else logging.WARNING
    return vars(logger).get("level", logging.NOTSET)


def _first_handlers(surroundings: Surroundings, logger: Any) -> Any:
    return [outside(LambdaHandler, surroundings)] if logger is logging.root else []


def _first_filters(_surroundings: Surroundings, logger: Any) -> Any:
    return [] if logger is logging.root else list(vars(logger).get("filters", ()))


# Setting -> (value in an environment that has not touched it, value in the process of a logger
# that a handler made).
_DEFAULTS: dict[str, tuple[Callable[[Surroundings, Any], Any], Callable[[], Any]]] = {
    "level": (_first_level, lambda: logging.NOTSET),
    "handlers": (_first_handlers, list),
    "filters": (_first_filters, list),
    "propagate": (lambda _, logger: vars(logger).get("propagate", True), lambda: True),
    "disabled": (lambda _, logger: False, lambda: False),
    "_cache": (lambda _, logger: {}, dict),
    _MANAGER: (lambda _, manager: 0, lambda: 0),
}


_LOGGERS = (logging.Logger, logging.RootLogger)
_PLAIN = {*_DEFAULTS, "name", "parent"}
"""What every logger has: settings with a property, and what it is."""


def fresh_settings() -> dict[str, dict[Any, Any]]:
    """The settings of an environment that has touched none: name -> logger -> value."""
    return {name: {} for name in (*_DEFAULTS, _MARKS)}


def _apart(name: str) -> property:
    """A setting of loggers, the environment's in a task and the logger's own elsewhere."""
    first, default = _DEFAULTS[name]

    def get(self: Any) -> Any:
        surroundings = here()
        if surroundings is not None:
            values = surroundings.logging[name]
            value = values.get(self, _ABSENT)
            if value is _ABSENT:
                value = values[self] = first(surroundings, self)
            return value
        own = self.__dict__
        if name not in own:
            own[name] = default()
        return own[name]

    def put(self: Any, value: Any) -> None:
        surroundings = here()
        if surroundings is None:
            self.__dict__[name] = value
        else:
            surroundings.logging[name][self] = value
            self.__dict__.setdefault(name, default())

    return property(get, put)


def _mark(self: logging.Logger, name: str, value: Any) -> None:
    """An attribute of a library's own: Powertools marks a logger that it has given a handler.

    Handlers are the environment's, so such marks are; classes of loggers keep theirs for all.
    """
    surroundings = None if name in _PLAIN or type(self) not in _LOGGERS else here()
    if surroundings is None:
        object.__setattr__(self, name, value)
    else:
        surroundings.logging[_MARKS].setdefault(self, {})[name] = value


def _marked(self: logging.Logger, name: str) -> Any:
    surroundings = here()
    marks = {} if surroundings is None else surroundings.logging[_MARKS].get(self, {})
    if name not in marks:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
    return marks[name]


def _clear_cache(real: Callable[[Any], None]) -> Callable[[Any], None]:
    """Forgets which levels are enabled: in a task only what that environment knows."""

    @functools.wraps(real)
    def clear(self: Any) -> None:
        surroundings = here()
        if surroundings is None:
            real(self)
        else:
            for cache in surroundings.logging["_cache"].values():
                cache.clear()

    return clear


def _format_frame(real: Callable[..., str]) -> Callable[..., str]:
    """One frame of a traceback, for a handler: paths as on Lambda, none of the lab's own frames."""

    @functools.wraps(real)
    def format_frame_summary(self: Any, frame: Any, **options: Any) -> Any:
        surroundings = here()
        if surroundings is None:
            return real(self, frame, **options)
        shown = shown_path(frame.filename, surroundings.code)
        if shown is None:
            return None
        return real(self, frame, **options).replace(frame.filename, shown, 1)

    return format_frame_summary


class LambdaHandler(logging.Handler):
    """Writes records to the environment's log; root's handler on Lambda."""

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__()
        self._surroundings = ref(surroundings)
        self.setFormatter(JsonFormatter() if surroundings.log_format == "JSON" else TextFormatter())
        self.addFilter(self._complete)

    def _complete(self, record: logging.LogRecord) -> bool:
        """What the runtime adds to a record: formats of the user's own may name it."""
        surroundings = self._surroundings()
        # Pythons differ in how they cut milliseconds off the float; the clock counts whole microseconds
        record.msecs = round(record.created * 1_000_000) // 1_000 % 1_000
        if surroundings is not None:
            record.aws_request_id = surroundings.request_id
            record.pathname = shown_path(record.pathname, surroundings.code) or record.pathname
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; Lambda drops what is below the function's level, whatever the loggers'."""
        surroundings = self._surroundings()
        if surroundings is None:
            return
        if surroundings.log_format == "JSON" and record.levelno < LEVELS[surroundings.log_level]:
            return
        try:
            surroundings.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)
        if surroundings.record is not None:
            surroundings.record(record)


class TextFormatter(logging.Formatter):
    """``[LEVEL]``, the time in milliseconds, the request id and the message, with tabs between."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("[%(levelname)s]\t%(asctime)s\t%(aws_request_id)s\t%(message)s")


_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "aws_request_id", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a record, with the fields of ``extra=`` beside Lambda's own.

    The time is in whole seconds and the level in Python's own five (recorded in 2024 and 2026).
    """

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%SZ")

    def format(self, record: logging.LogRecord) -> str:
        """Lambda's members in Lambda's order; those without a value are left out."""
        error = record.exc_info if record.exc_info and record.exc_info[0] else None
        members: dict[str, Any] = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": logging.getLevelName(min(50, max(0, record.levelno)) // 10 * 10),
            "message": record.getMessage(),
            "logger": record.name,
            "stackTrace": traceback.format_tb(error[2]) if error else None,
            "errorType": error[0].__name__ if error and error[0] else None,
            "errorMessage": str(error[1]) if error else None,
            "requestId": getattr(record, "aws_request_id", None),
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if error else None,
        }
        for name, value in vars(record).items():
            if name not in _STANDARD:
                members.setdefault(name, value)
        present = {name: value for name, value in members.items() if value is not None}
        return json.dumps(present, ensure_ascii=False)
