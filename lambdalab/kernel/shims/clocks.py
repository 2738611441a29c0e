"""Clocks in virtual time: ``time``, ``datetime`` and ``sleep``, whoever imported them and when.

Two levels do the same. *re-aim* turns the builtins in place (see :mod:`.reaim`); *adopt* replaces
names (see :mod:`.adopt`) and is used where re-aiming fails its test: PyPy, an unknown build.
"""

from __future__ import annotations

import datetime as dt
import gc
import time
import types
from _thread import get_ident
from collections.abc import Callable, Iterable
from typing import Any

from lambdalab.kernel.current import running
from lambdalab.kernel.outside import outside
from lambdalab.kernel.shims import datetimes
from lambdalab.kernel.shims.reaim import Aim, TypePatch, Unsupported
from lambdalab.kernel.shims.virtual import epoch_us, lab_us, timeout_us

Function = Callable[..., Any]

_CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
_GETTERS = ("clock_gettime", "clock_gettime_ns")
_FORMATS = ("gmtime", "localtime", "asctime", "ctime", "strftime", "mktime")
NAMES = tuple(name for name in ("sleep", *_CLOCKS, *_FORMATS, *_GETTERS) if hasattr(time, name))


def time_shims(real: dict[str, Function]) -> dict[str, Function]:
    """The functions behind the builtins of ``time``, given the real ones."""
    shims = {"sleep": _sleep_shim(real["sleep"])}
    for name in _CLOCKS:
        shims[name] = _clock_shim(name, real[name])
    for name in _GETTERS:
        if name in real:
            shims[name] = _getter_shim(name, real[name])
    shims.update(_calendar_shims(real))
    for name, shim in shims.items():
        shim.__name__ = shim.__qualname__ = name
    return shims


def _sleep_shim(real: Function) -> Function:
    def sleep(seconds: Any, /) -> Any:
        task = running.get(get_ident()) if running else None
        if task is not None:
            return task.tasks.sleep(timeout_us(seconds, "sleep length"))
        time = outside.get(get_ident()) if outside else None
        if time is None:
            return real(seconds)
        time.sleep(timeout_us(seconds, "sleep length"))
        return None

    return sleep


def _clock_shim(name: str, real: Function) -> Function:
    read = epoch_us if name.startswith("time") else lab_us

    def seconds() -> Any:
        us = read()
        return real() if us is None else us / 1_000_000

    def nanoseconds() -> Any:
        us = read()
        return real() if us is None else us * 1_000

    return nanoseconds if name.endswith("_ns") else seconds


def _getter_shim(name: str, real: Function) -> Function:
    since_1970 = ("CLOCK_REALTIME", "CLOCK_TAI")
    since_start = ("CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_BOOTTIME")
    reads = {getattr(time, clock, None): epoch_us for clock in since_1970}
    reads.update({getattr(time, clock, None): lab_us for clock in since_start})
    in_ns = name.endswith("_ns")

    def clock_gettime(clock: Any, /) -> Any:
        us = reads[clock]() if type(clock) is int and clock in reads else None
        if us is None:
            return real(clock)
        return us * 1_000 if in_ns else us / 1_000_000

    return clock_gettime


def _calendar_shims(real: dict[str, Function]) -> dict[str, Function]:
    real_gmtime, real_asctime, real_strftime = real["gmtime"], real["asctime"], real["strftime"]

    def utc(seconds: Any) -> Any:
        """The UTC time tuple of a time, or of now; only inside a task."""
        return real_gmtime((epoch_us() or 0) // 1_000_000 if seconds is None else seconds)

    def struct(seconds: Any) -> Any:
        """The same as the local time, whose zone is called UTC (and not GMT, as the C library has it)."""
        return time.struct_time((*utc(seconds), "UTC", 0))

    def gmtime(seconds: Any = None, /) -> Any:
        return real_gmtime(seconds) if epoch_us() is None else utc(seconds)

    def localtime(seconds: Any = None, /) -> Any:
        return real["localtime"](seconds) if epoch_us() is None else struct(seconds)

    def ctime(seconds: Any = None, /) -> Any:
        return real["ctime"](seconds) if epoch_us() is None else real_asctime(struct(seconds))

    def asctime(*given: Any) -> Any:
        return real_asctime(*given) if given or epoch_us() is None else real_asctime(struct(None))

    def strftime(form: Any, *given: Any) -> Any:
        if epoch_us() is None:
            return real_strftime(form, *given)
        return real_strftime(form, *(_in_utc(given[0]), *given[1:]) if given else (struct(None),))

    def mktime(parts: Any, /) -> Any:
        if epoch_us() is None:
            return real["mktime"](parts)
        real["mktime"](parts)  # for its errors
        return _utc_seconds(*tuple(parts)[:6])

    return {
        "gmtime": gmtime,
        "localtime": localtime,
        "ctime": ctime,
        "asctime": asctime,
        "strftime": strftime,
        "mktime": mktime,
    }


def _in_utc(parts: Any) -> Any:
    """A time tuple that names its zone, lest the C library name the host's."""
    if getattr(parts, "tm_zone", None) is None and isinstance(parts, tuple) and len(parts) == 9:
        return time.struct_time((*parts, "UTC", 0))
    return parts


def _utc_seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> float:
    """Seconds since 1970 of a UTC time; parts out of their range carry over, as in ``mktime``."""
    years, month = divmod(month - 1, 12)
    days = dt.date(year + years, month + 1, 1).toordinal() - 719_163 + day - 1
    return float(((days * 24 + hour) * 60 + minute) * 60 + second)


class ReAim:
    """The clocks re-aimed: no reference to a builtin of ``time`` or to ``datetime`` escapes."""

    level = "re-aim"

    def __init__(self) -> None:
        self._aims: list[Aim] = []
        self._plain: dict[str, Function] = {}  # already Python functions (Pyodide's sleep)
        real: dict[str, Function] = {}
        for name in NAMES:
            function = getattr(time, name)
            if type(function) is types.BuiltinFunctionType:
                self._aims.append(Aim(function))
                real[name] = self._aims[-1].real
            else:
                self._plain[name] = real[name] = function
        self.shims = time_shims(real)
        self.real = real
        for aim in self._aims:
            aim.shim = self.shims[aim.real.__name__]
        self._types = self._type_patches()
        self._bound: list[Aim] = []

    @staticmethod
    def _type_patches() -> list[tuple[type, TypePatch]]:
        moments = TypePatch(dt.datetime, datetimes.DATETIME_NAMES)
        dates = TypePatch(dt.date, datetimes.DATE_NAMES)
        whole = dt.datetime.fromtimestamp
        for patch, made in (
            (moments, datetimes.datetime_shims(moments.real)),
            (dates, datetimes.date_shims(dates.real, Aim(whole).real)),
        ):
            patch.shims = {name: datetimes.as_method(name, made[name]) for name in made}
        return [(dt.datetime, moments), (dt.date, dates)]

    def on(self) -> None:
        """Virtual inside tasks from now on."""
        for aim in self._aims:
            aim.on()
        for aim in self._bound:
            aim.on()
        for name in self._plain:
            setattr(time, name, self.shims[name])
        for _, patch in self._types:
            patch.on()

    def off(self) -> None:
        """Everything as it was."""
        for _, patch in self._types:
            patch.off()
        for name, function in self._plain.items():
            setattr(time, name, function)
        for aim in self._bound:
            aim.off()
        for aim in self._aims:
            aim.off()

    def adopt(self) -> None:
        """Find methods that were bound before: ``now = datetime.now``, ``default_factory=...``."""
        known = {id(aim.function) for aim in self._bound}
        for holder in _bound_builtins(dt.datetime, dt.date):
            owner = holder.__self__
            for kind, patch in self._types:
                method = patch.shims.get(holder.__name__)
                if owner is kind and isinstance(method, classmethod) and id(holder) not in known:
                    shim = types.MethodType(method.__func__, owner)
                    self._bound.append(Aim(holder, shim))


def _bound_builtins(*owners: type) -> Iterable[Any]:
    return [
        found
        for found in gc.get_referrers(*owners)
        if type(found) is types.BuiltinFunctionType
        and any(found.__self__ is owner for owner in owners)
    ]


class Clocks:
    """The clock shims at the best level that passes its test.

    Attributes: ``level``, "re-aim" or "adopt"; ``why``, what failed when it is "adopt".
    """

    def __init__(self) -> None:
        self.why = ""
        self._came_in: list[Callable[[], bool]] = [lambda: True]
        self._level: Any
        try:
            check(ReAim())
            self._level = ReAim()
        except Exception as error:
            from lambdalab.kernel.shims.adopt import Adopt

            self._level, self.why = Adopt(), f"{type(error).__name__}: {error}"
        self.level: str = self._level.level

    def on(self) -> None:
        """Virtual inside tasks from now on."""
        if self._came_in:
            came_in, self._came_in = self._came_in, []
            if self.level == "adopt" or any(may_hold() for may_hold in came_in):
                self._level.adopt()
        self._level.on()

    def off(self) -> None:
        """Everything as it was."""
        self._level.off()

    def handlers_changed(self, may_hold_clocks: Callable[[], bool]) -> None:
        """A handler came in: look for names bound early before the next run, if it may hold one then."""
        self._came_in.append(may_hold_clocks)


def check(clocks: Any) -> None:
    """Prove the clocks in and out of virtual time, through references older than they are.

    Raises :class:`Unsupported`, or whatever went wrong; nothing is left behind.
    """
    early = {name: getattr(time, name) for name in NAMES}
    ident, probe = get_ident(), _Probe()
    outer = running.pop(ident, None)
    clocks.on()
    try:
        _expect(early["time"]() > 1.7e9, "real time outside a task")
        running[ident] = probe  # type: ignore[assignment]
        _check_inside(early, probe)
    finally:
        running.pop(ident, None)
        if outer is not None:
            running[ident] = outer
        clocks.off()
    _expect(early["time"]() > 1.7e9 and time.time is early["time"], "real time after removal")
    _expect(dt.datetime.now().year > 2025, "real datetime after removal")


def _check_inside(early: dict[str, Function], probe: _Probe) -> None:
    early["sleep"](2)
    _expect(early["time"]() == time.time() == 1_736_208_007.0, "time")
    _expect(early["monotonic_ns"]() == 7 * 10**9, "monotonic_ns")
    _expect(dt.datetime.now(dt.timezone.utc).timestamp() == 1_736_208_007.0, "now")  # noqa: UP017
    _expect(dt.datetime.utcnow().second == 7 and dt.date.today().day == 7, "utcnow, today")
    _expect(early["strftime"]("%Y") == "2025", "strftime")
    probe.boom = KeyError("through C")
    try:
        early["sleep"](1)
    except KeyError:
        return
    raise Unsupported("an exception was lost in sleep")


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise Unsupported(f"the test of {what} failed")


class _Probe:
    """Task, tasks and scheduler in one, as far as a clock sees them."""

    def __init__(self) -> None:
        self.tasks = self.scheduler = self
        self.start_us = 1_736_208_000 * 1_000_000
        self.now = 5_000_000
        self.boom: BaseException | None = None

    def sleep(self, us: int) -> None:
        if self.boom is not None:
            raise self.boom
        self.now += us
