"""Errors: few, named, of the right built-in kind, and telling what to do."""

from __future__ import annotations

import inspect
import pickle

import pytest

from lambdalab import errors
from lambdalab.errors import InvalidSetting, LabError, ServiceError, UnknownName, suggestion

ALL = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, Exception) and found.__module__ == errors.__name__
]
SERVICE = [found for found in ALL if issubclass(found, ServiceError) and found is not ServiceError]


@pytest.mark.parametrize("error", ALL)
def test_all_are_lab_errors_and_say_what_they_are(error: type[Exception]) -> None:
    assert issubclass(error, LabError)
    assert error.__doc__


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.InvalidSetting, ValueError),
        (errors.UnknownName, LookupError),
        (errors.UnknownSetting, TypeError),
        (errors.HandlerError, ValueError),
        (errors.NetworkRefused, OSError),
        (errors.AuditError, AssertionError),
        (errors.ResourceNotFoundException, LookupError),
        (errors.RequestTooLargeException, ValueError),
    ],
)
def test_they_are_of_the_builtin_kind_one_would_catch(
    error: type[Exception], builtin: type[Exception]
) -> None:
    assert issubclass(error, builtin)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("InvalidRequestContentException", 400),
        ("InvalidParameterValueException", 400),
        ("ResourceNotFoundException", 404),
        ("ResourceConflictException", 409),
        ("RequestTooLargeException", 413),
        ("TooManyRequestsException", 429),
        ("ServiceException", 500),
    ],
)
def test_the_services_exceptions_have_its_names_and_statuses(name: str, status: int) -> None:
    error = getattr(errors, name)("words")
    assert (error.code, error.status_code, error.message) == (name, status, "words")


def test_a_hint_is_told_but_is_no_part_of_the_services_message() -> None:
    error = errors.TooManyRequestsException("Rate Exceeded.", "; wait", Reason="Busy")
    assert str(error) == "Rate Exceeded. (Busy); wait"
    assert error.message == "Rate Exceeded."
    assert error.fields == {"Reason": "Busy"}


def test_an_invalid_setting_tells_which_value_limit_and_source() -> None:
    error = InvalidSetting("timeout", 0, "1 to 900 s", "dg/x")
    assert str(error) == "timeout=0: must be 1 to 900 s (dg/x)"
    assert str(InvalidSetting("timeout", 0, "more")) == "timeout=0: must be more"


@pytest.mark.parametrize(
    ("name", "known", "told"),
    [
        ("batching_window", ["batch_size", "maximum_batching_window"], "'maximum_batching_window'"),
        ("visibility", ["delay", "visibility_timeout"], "'visibility_timeout'"),
        ("memmory_size", ["memory_size", "timeout"], "'memory_size'"),
        ("bil", ["bill", "orders"], "'bill'"),
    ],
)
def test_the_nearest_name_is_suggested(name: str, known: list[str], told: str) -> None:
    assert suggestion(name, known) == f"; did you mean {told}?"


@pytest.mark.parametrize(
    ("name", "known", "told"),
    [
        ("hash_key", ["partition_key", "sort_key"], "'partition_key'"),
        ("range_key", ["partition_key", "sort_key"], "'sort_key'"),
    ],
)
def test_the_words_of_others_are_known(name: str, known: list[str], told: str) -> None:
    assert suggestion(name, known) == f"; did you mean {told}?"


def test_where_a_name_is_missing_is_told_after_it() -> None:
    error = UnknownName("queue in this trace", "ordes", ["orders"])
    assert str(error) == "there is no queue 'ordes' in this trace; did you mean 'orders'?"


def test_where_nothing_is_near_all_names_are_told() -> None:
    assert suggestion("zzz", ["bill", "orders"]) == "; there are 'bill', 'orders'"
    assert suggestion("zzz", []) == "; there are none yet"
    error = UnknownName("queue", "zzz", ["orders", "bill"])
    assert str(error) == "there is no queue 'zzz'; there are 'bill', 'orders'"
    assert error.known == ["bill", "orders"]


@pytest.mark.parametrize("error", SERVICE)
def test_one_except_catches_whatever_the_service_refuses(error: type[ServiceError]) -> None:
    with pytest.raises(ServiceError):
        raise error("no")


MADE: dict[type[LabError], LabError] = {
    InvalidSetting: InvalidSetting("timeout", 0, "1 to 900 s", "dg/x"),
    UnknownName: UnknownName("queue", "zzz", ["orders", "bill"]),
    errors.UnknownSetting: errors.UnknownSetting("create_function", "timeot", ["timeout"]),
    errors.NetworkRefused: errors.NetworkRefused("no network"),
    errors.TooManyRequestsException: errors.TooManyRequestsException(
        "Rate Exceeded.", "; wait", Reason="Busy"
    ),
}


@pytest.mark.parametrize("kind", ALL)
def test_errors_travel_between_processes(kind: type[LabError]) -> None:
    """Sweeps run on executors that pickle what goes wrong."""
    error = MADE.get(kind) or kind("what went wrong")
    error.add_note("a note")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))


def test_a_value_that_cannot_travel_goes_as_its_repr() -> None:
    value = lambda: None  # noqa: E731
    error = InvalidSetting("code", value, "a text")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.value) == (str(error), repr(value))
