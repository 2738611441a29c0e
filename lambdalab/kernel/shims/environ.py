"""``os.environ`` of the running environment; and :class:`Names`, how each shim takes its places.

A shim replaces a name once per run and dispatches at each call: inside a task it serves the task's
surroundings, everywhere else it calls what stood there before. A stand-in that survives somewhere
(``from os import listdir`` in a module first imported during a run) is therefore harmless.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from _thread import get_ident
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from lambdalab.kernel.current import running
from lambdalab.kernel.shims.outsiders import really

if TYPE_CHECKING:
    from lambdalab.kernel.surroundings import Surroundings

T = TypeVar("T")
Inside = Callable[..., Any]


_ABSENT = object()


class Names:
    """The names one shim replaces while it is on.

    A name that somebody else has replaced (a test's mock) is left alone: their stand-in is what the
    handler gets. Real functions that a namespace bound before (``from random import choice``) are
    replaced there too once :func:`adopt` has been told of the namespace.
    """

    stand_ins: ClassVar[dict[int, Any]] = {}
    """Of all shims: id of a real function -> its stand-in (which keeps the real one alive)."""
    awaiting: ClassVar[list[Names]] = []
    """Those that wait for a module to be imported."""

    def __init__(self) -> None:
        self._places: list[tuple[Any, Mapping[str, Any], str, Any, Any]] = []
        self._awaited: list[tuple[str, str, Callable[[Any], Any]]] = []
        self._active = False

    def put(self, owner: Any, name: str, stand_in: Any) -> None:
        """Replace ``owner.name`` (a module's or a class's) from the next :meth:`on`."""
        real = vars(owner).get(name, _ABSENT)
        self._places.append((owner, vars(owner), name, real, stand_in))
        if not isinstance(owner, type):
            Names.stand_ins[id(real)] = stand_in

    def dispatch(self, owner: Any, names: str, inside: Inside) -> None:
        """Replace functions by ones that call ``inside(surroundings, ...)`` in a task.

        ``names`` is a text of names; those that this platform lacks are passed over.
        """
        for name in names.split():
            if hasattr(owner, name):
                self.put(owner, name, dispatching(getattr(owner, name), inside))

    def put_when_imported(self, place: str, make: Callable[[Any], Any]) -> None:
        """Replace ``module.name``, which need not be imported yet, by ``make(real)``."""
        module, _, name = place.rpartition(".")
        self._awaited.append((module, name, make))
        if self not in Names.awaiting:
            Names.awaiting.append(self)

    def catch_up(self) -> None:
        """Take the places in modules that have been imported since the last look."""
        for entry in [entry for entry in self._awaited if entry[0] in sys.modules]:
            self._awaited.remove(entry)
            owner, (_, name, make) = sys.modules[entry[0]], entry
            real = getattr(owner, name, None)
            if real is not None and (stand_in := make(real)) is not real:
                self.put(owner, name, stand_in)
                if self._active:
                    setattr(owner, name, stand_in)
        if not self._awaited:
            Names.awaiting.remove(self)

    def on(self) -> None:
        """Put the stand-ins in place."""
        if self._awaited:
            self.catch_up()
        for owner, present, name, real, stand_in in self._places:
            if present.get(name, _ABSENT) is real:
                setattr(owner, name, stand_in)
        self._active = True

    def off(self) -> None:
        """Put the real ones back."""
        self._active = False
        for owner, present, name, real, stand_in in reversed(self._places):
            if present.get(name) is stand_in:
                if real is _ABSENT:
                    delattr(owner, name)
                else:
                    setattr(owner, name, real)


def here(
    _running: dict[int, Any] = running, _ident: Callable[[], int] = get_ident
) -> Surroundings | None:
    """The surroundings of the handler's task running in this thread; None outside handlers."""
    task = _running.get(_ident()) if _running else None
    return None if task is None or task.visitor else task.surroundings


def dispatching(real: Callable[..., T], inside: Inside) -> Callable[..., T]:
    """A function that is ``inside(surroundings, ...)`` in a task and ``real(...)`` elsewhere."""

    @functools.wraps(real)
    def call(*args: Any, **kwargs: Any) -> Any:
        surroundings = here()
        if surroundings is None:
            return real(*args, **kwargs)
        return inside(surroundings, *args, **kwargs)

    return call


def outside(function: Callable[..., T], *args: Any) -> T:
    """Call a function as the process, not as the task that runs here."""
    thread = get_ident()
    task = running.pop(thread, None)
    try:
        return function(*args)
    finally:
        if task is not None:
            running[thread] = task


class Adopted:
    """Namespaces outside the environments' own modules in which real functions were found bound.

    A handler written in a notebook has the notebook's globals. What it took from ``random`` or ``os``
    by name is replaced there while a run is on, and comes back after it.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], tuple[dict[str, Any], str, Any, Any]] = {}
        self._active = False

    def adopt(self, namespace: dict[str, Any]) -> None:
        """Look a namespace through, at once if a run is on and at each later run."""
        for name, value in list(namespace.items()):
            stand_in = Names.stand_ins.get(id(value))
            if stand_in is not None and stand_in is not value:
                self._found[id(namespace), name] = namespace, name, value, stand_in
                if self._active:
                    namespace[name] = stand_in

    def on(self) -> None:
        """Replace what was found, where it still stands."""
        self._active = True
        for namespace, name, real, stand_in in self._found.values():
            if namespace.get(name) is real:
                namespace[name] = stand_in

    def off(self) -> None:
        """Put the real functions back."""
        self._active = False
        for namespace, name, real, stand_in in self._found.values():
            if namespace.get(name) is stand_in:
                namespace[name] = real


adopted = Adopted()
adopt = adopted.adopt


class Environ:
    """Gives each environment variables of its own, in ``os`` and in child processes.

    ``os.environ`` stays the object it is (libraries hold it); its class becomes a subclass whose data
    depends on who asks. What a handler sets never reaches the process: a child of the handler gets
    the variables as its ``env=``, because it would inherit those of the C library otherwise.
    """

    def __init__(self) -> None:
        self._class = type(os.environ)
        self._ours = _environ_class(self._class)
        self._objects = [os.environ, *([os.environb] if hasattr(os, "environb") else [])]
        self._names = names = Names()
        names.dispatch(os, "putenv", _put)
        names.dispatch(os, "unsetenv", _unset)
        names.dispatch(os, "system", _system)
        names.dispatch(os, "reload_environ", lambda surroundings: None)
        process: Any = subprocess.Popen
        names.put(process, "__init__", _popen(process.__init__))
        for name in ("wait", "communicate"):
            names.put(process, name, really(getattr(process, name)))

    def on(self) -> None:
        """Dispatch, and let the :data:`adopted` namespaces follow."""
        adopted.on()
        for environ in self._objects:
            environ.__class__ = self._ours
        self._names.on()

    def off(self) -> None:
        """Give ``os`` back as it was."""
        self._names.off()
        for environ in self._objects:
            environ.__class__ = self._class
        adopted.off()


def encoded(variables: Iterable[tuple[str, str]]) -> dict[Any, Any]:
    """Variables as ``os.environ`` keeps them (bytes on POSIX)."""
    key, value = cast(Any, os.environ).encodekey, cast(Any, os.environ).encodevalue
    return {key(name): value(text) for name, text in variables}


def _environ_class(base: type) -> type:
    def get(self: Any) -> Any:
        surroundings = here()
        return self.__dict__["_data"] if surroundings is None else surroundings.environ

    def put(self: Any, data: Any) -> None:
        self.__dict__["_data"] = data

    def delete(self: Any, key: str) -> None:
        surroundings = here()
        if surroundings is None:
            base.__delitem__(self, key)  # type: ignore[attr-defined]
        elif surroundings.environ.pop(self.encodekey(key), None) is None:
            raise KeyError(key)

    return type(base.__name__, (base,), {"_data": property(get, put), "__delitem__": delete})


def _put(surroundings: Surroundings, name: Any, value: Any) -> None:
    surroundings.environ[os.fsencode(name)] = os.fsencode(value)


def _unset(surroundings: Surroundings, name: Any) -> None:
    surroundings.environ.pop(os.fsencode(name), None)


def _system(surroundings: Surroundings, command: str) -> int:
    status = subprocess.call(command, shell=True)
    return -status if status < 0 else status << 8


_POPEN = ("cwd", 9), ("env", 10)  # the arguments that change, and their places after self


def _popen(real: Callable[..., None]) -> Callable[..., None]:
    """A child gets the handler's variables, and the directory that its working directory really is."""

    @functools.wraps(real)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        surroundings = here()
        if surroundings is None:
            return real(self, *args, **kwargs)
        given = list(args)
        files = surroundings.files
        for name, place in _POPEN:
            value = given[place] if len(given) > place else kwargs.get(name)
            if name == "cwd":
                value = files.real(value) if value is not None else files.real_directory()
            elif value is None:
                value = dict(os.environ)
            if len(given) > place:
                given[place] = value
            else:
                kwargs[name] = value
        return real(self, *given, **kwargs)

    return init
