"""Asynchronous events: retries, back-off, ends, records, dead letters, loops."""

from __future__ import annotations

from mutations_base import Mutation

MUTATIONS: list[Mutation] = [
    # ---- retries
    Mutation(
        "the second wait is one minute, not two",
        "async-retry-waits",
        "rules.py",
        '"retry_waits", (60, 120)',
        '"retry_waits", (60, 60)',
        "tests/acceptance/test_event_journeys.py::test_an_event_whose_function_always_fails",
    ),
    Mutation(
        "a retry is not looked ahead to",
        "async-age-look-ahead",
        "invocation/event_queue.py",
        "return age + delay > self.config(call)",
        "return age > self.config(call)",
        "tests/invocation/test_event_queue.py::test_the_look_ahead_gives_an_event_up_that_would_grow_too_old",
    ),
    Mutation(
        "a throttle uses up a retry",
        "async-throttle-returns",
        "invocation/event_queue.py",
        "        call.throttles += 1\n",
        "        call.throttles += 1\n        call.attempts += 1\n",
        "tests/acceptance/test_event_journeys.py::test_an_event_that_finds_room_in_time_has_used_up_no_retry",
    ),
    Mutation(
        "back-off grows past five minutes",
        "async-throttle-series",
        "rules.py",
        '"throttle_backoff_maximum", 300',
        '"throttle_backoff_maximum", 3000',
        "tests/acceptance/test_event_journeys.py::test_throttled_events_come_back_ever_later_up_to_five_minutes",
    ),
    Mutation(
        "a run does not reset the back-off",
        "async-throttle-reset",
        "invocation/event_queue.py",
        "        call.throttles = 0\n        self.in_flight += 1\n",
        "        self.in_flight += 1\n",
        "tests/invocation/test_event_queue.py::test_a_throttle_after_an_attempt_backs_off_from_a_second_again",
    ),
    Mutation(
        "callers may send any number of events",
        "async-caller-rate",
        "invocation/front_door.py",
        "outside = origin.cause not in (Cause.TRIGGERED, Cause.DESTINATION)",
        "outside = False",
        "tests/fidelity/test_scaling.py::test_callers_may_send_ten_events_a_second_for_each_unit",
    ),
    Mutation(
        "every qualifier has the settings of $LATEST",
        "async-config-qualifier",
        "invocation/event_queue.py",
        "configs.get(call.target.qualifier or LATEST, ",
        "configs.get(LATEST, ",
        "tests/fidelity/test_events.py::test_each_qualifier_has_settings_of_its_own",
    ),
    Mutation(
        "a retry stays with the version of the first attempt",
        "alias-retry",
        "invocation/event_queue.py",
        "target.resolve() if target.qualifier",
        "before if target.qualifier",
        "tests/fidelity/test_versions.py::test_a_retry_goes_where_its_alias_leads_by_then",
    ),
    # ---- ends
    Mutation(
        "reserved concurrency 0 lets an event wait first",
        "async-end-zero-at-once",
        "invocation/event_queue.py",
        "if origin.chain is None and function.reserved == 0:",
        "if origin.chain is None and function.reserved == -1:",
        "tests/acceptance/test_event_journeys.py::test_reserved_concurrency_0_drops_an_event_at_once",
    ),
    Mutation(
        "used-up retries have another condition",
        "async-end-exhausted",
        "invocation/event_ends.py",
        'Cause.RETRIES_EXHAUSTED: "RetriesExhausted"',
        'Cause.RETRIES_EXHAUSTED: "RetryAttemptsExhausted"',
        "tests/fidelity/test_events.py::test_the_record_of_retries_used_up",
    ),
    Mutation(
        "throttles count as invocations in the record",
        "async-end-count",
        "invocation/event_ends.py",
        "self._conditions[cause], call.attempts,",
        "self._conditions[cause], call.attempts + call.throttles,",
        "tests/fidelity/test_events.py::test_the_record_of_an_event_that_never_ran",
    ),
    Mutation(
        "the record's ARN is the caller's",
        "record-arn",
        "invocation/event_ends.py",
        "call.target.qualified_arn",
        "call.target.arn",
        "tests/fidelity/test_events.py::test_the_record_of_a_success",
    ),
    Mutation(
        "a record of a success has a functionError too",
        "record-no-error",
        "invocation/destinations.py",
        '{"functionError": "Unhandled"} if ran.failed else {}',
        '{"functionError": "Unhandled" if ran.failed else None}',
        "tests/fidelity/test_events.py::test_the_record_of_a_success",
    ),
    Mutation(
        "the dead letter goes first, then the record",
        "dlq-and-destination-order",
        "invocation/event_queue.py",
        """            if destination is not None:
                self._inform(call, cause, destination)
            if letters is not None:
                problem = self._ends.dead_letter(call, cause, letters)
                told = Cause.DELIVERY_FAILED if problem else cause
                self._note(call, Action.DEAD_LETTERED, told)
""",
        """            if letters is not None:
                problem = self._ends.dead_letter(call, cause, letters)
                told = Cause.DELIVERY_FAILED if problem else cause
                self._note(call, Action.DEAD_LETTERED, told)
            if destination is not None:
                self._inform(call, cause, destination)
""",
        "tests/fidelity/test_events.py::test_a_failed_event_may_have_both_a_dead_letter_and_a_record",
    ),
    Mutation(
        "the dead letter is not the event",
        "dlq-body",
        "invocation/event_ends.py",
        "letters.deliver(call.payload,",
        'letters.deliver(b"{}",',
        "tests/invocation/test_event_queue.py::test_a_dead_letter_is_the_event_unchanged",
    ),
    Mutation(
        "the dead letter's ErrorCode is a String",
        "dlq-attributes",
        "invocation/event_ends.py",
        '("Number", str(code))',
        '("String", str(code))',
        "tests/invocation/test_event_queue.py::test_a_dead_letter_is_the_event_unchanged",
    ),
    Mutation(
        "the dead letter's ErrorMessage has 2 KB",
        "dlq-error-message",
        "rules.py",
        '"dead_letter_error_message", 1 * KB,',
        '"dead_letter_error_message", 2 * KB,',
        "tests/invocation/test_event_queue.py::test_the_error_message_is_cut_at_a_kilobyte",
    ),
    # ---- loops
    Mutation(
        "a function may run once more in a chain",
        "recursion-direct",
        "invocation/recursion.py",
        "chain.get(function, 0) >= self.limit",
        "chain.get(function, 0) > self.limit",
        "tests/fidelity/test_loops.py::test_a_direct_call_is_refused",
    ),
    Mutation(
        "Allow stops a loop too",
        "recursion-allow",
        "invocation/recursion.py",
        " and recursive_loop != ALLOW",
        "",
        "tests/fidelity/test_loops.py::test_it_may_be_allowed",
    ),
    Mutation(
        "messages carry no chain",
        "recursion-sqs",
        "invocation/recursion.py",
        "    return most or None",
        "    return None",
        "tests/fidelity/test_loops.py::test_a_loop_through_a_queue",
    ),
    # ---- metrics
    Mutation(
        "events that grew too old are not counted as dropped",
        "metric-async-dropped",
        "trace/metrics.py",
        "np.isin(action, (Action.DROPPED, Action.EXPIRED))",
        "action == Action.DROPPED",
        "tests/trace/test_metrics.py::test_counts_are_those_of_the_tables",
    ),
    Mutation(
        "an event sent to a dead-letter queue is not dropped",
        "dlq-dropped",
        "trace/metrics.py",
        '("AsyncEventsDropped", np.isin(action, ',
        '("AsyncEventsDropped", np.isin(action, ())), ("Unsent", np.isin(action, ',
        "tests/fidelity/test_events.py::test_a_dead_letter_counts_as_dropped",
    ),
    Mutation(
        "loops that were stopped are not counted",
        "recursion-metric",
        "trace/metrics.py",
        'calls["cause"] == Cause.RECURSIVE_LOOP',
        'calls["cause"] == Cause.RETRIES_EXHAUSTED',
        "tests/fidelity/test_loops.py::test_an_event_ends_as_a_dead_letter",
    ),
]
