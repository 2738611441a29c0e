"""The documented causes that random labs reach too rarely or not at all, and what shows them instead.

Each is shown by a test of its own, or can *never* stand in that table: the lists of causes are shared
among tables.
"""

from __future__ import annotations

CAPACITY = (
    "tests/functions/test_capacity.py::test_each_throttle_has_its_reason_and_the_limit_that_bound"
)
PROVISIONED = "tests/functions/test_provisioned.py::"
RECURSION = "tests/invocation/test_recursion.py::"
QUEUED = "tests/invocation/test_event_queue.py::"
FAULTS = "tests/test_faults.py::"
FRONTS = "tests/triggers/test_front.py::"
FIREHOSE = "tests/triggers/test_firehose.py::"
EVENTBRIDGE = "tests/triggers/test_eventbridge.py::"

#: What shows them, the tables, the causes.
_LISTED = (
    (CAPACITY, "invocations scaling",
     "throttled_rate throttled_reserved_rate throttled_caller_rate throttled_provisioned"),
    (f"{PROVISIONED}test_all_that_is_reserved_is_provisioned", "queue_events retries",
     "throttled_provisioned"),
    (f"{PROVISIONED}test_an_init_that_fails_six_times", "scaling", "environment_failed"),
    ("tests/functions/test_target.py::test_two_qualifiers_that_differ", "invocations",
     "invalid_parameter"),
    ("tests/functions/test_environments.py::test_deleting_a_function_ends_its_environments", "scaling",
     "function_deleted"),
    (f"{RECURSION}test_asynchronous_calls_of_oneself_end_at_the_destination_and_the_dead_letter_queue",
     "invocations queue_events", "recursive_loop"),
    (f"{FAULTS}test_an_event_is_retried_until_the_fault_is_over", "queue_events retries", "killed"),
    (f"{FAULTS}test_a_model_is_killed", "invocations", "killed"),
    (f"{FAULTS}test_calls_are_throttled", "invocations scaling", "injected"),
    (f"{FAULTS}test_events_back_off_from_a_throttle", "queue_events retries", "injected"),
    (f"{FAULTS}test_the_service_fails_at_invoke", "invocations", "service_error"),
    (f"{FAULTS}test_an_accepted_event_waits_while_the_service_fails", "queue_events retries",
     "service_error"),
    (f"{FAULTS}test_an_accepted_event_waits_while_the_service_fails", "queue_events attempts",
     "retry_after_service_error"),
    (f"{QUEUED}test_a_duplicate_runs_the_same_event_again", "attempts queue_events", "duplicate"),
    ("tests/sources/test_mapping_responses.py::test_only_the_named_ones_stay", "queue_events retries",
     "partial_batch_failure"),
    ("tests/sources/test_sqs_queue.py::test_purging", "queue_events", "purged"),
    ("tests/sources/test_sqs_queue.py::test_changing_the_visibility", "queue_events retries",
     "visibility_changed"),
    ("tests/invocation/test_destinations.py::test_a_record_too_large_for_a_queue", "queue_events",
     "delivery_failed"),
    ("tests/trace/test_retries.py::test_a_caller_that_tries_again", "retries",
     "throttled server_error client_timeout"),
    (f"{FRONTS}test_the_caller_gets_the_functions_answer", "attempts queue_events", "triggered"),
    (f"{FRONTS}test_without_the_permission_nothing_runs", "invocations", "access_denied"),
    (f"{FIREHOSE}test_a_buffer_is_handed_over_when_it_is_full", "queue_events",
     "buffer_size buffer_interval"),
    (f"{FIREHOSE}test_three_retries_and_the_batch_is_skipped", "queue_events", "throttled"),
    (f"{FIREHOSE}test_an_answer_that_takes_five_minutes", "queue_events", "client_timeout"),
    (f"{FIREHOSE}test_a_function_that_fails_or_answers_nonsense", "queue_events", "malformed_response"),
    (f"{EVENTBRIDGE}test_a_function_that_is_gone", "queue_events requests", "target_gone"),
    (f"{EVENTBRIDGE}test_a_template_that_makes_no_json", "queue_events requests", "target_failed"),
    (f"{EVENTBRIDGE}test_an_event_of_another_bus_goes_to_no_third", "queue_events", "third_bus"),
    ("tests/triggers/test_load_balancer.py::test_without_a_target_it_is_a_503", "requests", "no_target"),
    ("tests/triggers/test_load_balancer.py::test_websockets_are_refused", "requests",
     "invalid_parameter"),
    (f"{FAULTS}test_a_model_is_killed", "requests", "killed"),
    (CAPACITY, "requests",
     "throttled_rate throttled_reserved_rate throttled_caller_rate throttled_provisioned"),
    (f"{RECURSION}test_a_function_that_calls_itself_gets_an_exception_the_seventeenth_time", "requests",
     "recursive_loop"),
    ("tests/sources/test_sqs_queue.py::test_a_message_is_sent_received_and_deleted", "queue_events",
     "received_by_caller deleted_by_caller"),
    ("tests/sources/test_sqs_redrive.py::test_messages_go_back_to_their_source_as_new_ones",
     "queue_events", "redrive"),
    ("tests/sources/test_stream_mapping.py::test_deleted_it_tries_nothing_again", "queue_events",
     "mapping_deleted"),
    ("never: a caller hears of its call, not of what becomes of the function", "requests",
     "function_deleted"),
    ("never: a call under way as a lab is closed has no answer", "requests", "lab_closed"),
    ("tests/sources/test_mapping_throttling.py::test_throttles_halve_the_pollers_and_stop_their_growth",
     "scaling", "recovered"),
    ("tests/sources/test_kinesis_stream.py::test_a_thousand_records_a_second_and_no_more",
     "scaling", "throttled_shard"),
    ("tests/sources/test_mapping_backlog.py::test_a_function_that_is_pending_is_waited_for",
     "queue_events retries", "function_state"),
    ("never: a batch that is too large has failed", "queue_events retries", "payload_too_large"),
    ("never: pollers that slow down are told in scaling", "queue_events retries", "back_off"),
    ("never: a record ends so, no invocation", "invocations", "record_age_exceeded filter_mismatch"),
    ("never: a message ends so, no invocation", "invocations", "max_receive_count retention"),
    ("never: events are bound by concurrency, not by requests a second", "queue_events retries",
     "throttled_rate throttled_reserved_rate throttled_caller_rate"),
    ("never: an event is sent for the reason of its call", "queue_events",
     "accepted event_source_mapping"),
    ("never: a function whose events wait is not deleted", "invocations queue_events",
     "function_deleted"),
    ("never: what waits as a lab is closed stays where it is", "invocations queue_events", "lab_closed"),
    ("tests/invocation/test_registry.py::test_a_deleted_functions_concurrency_is_free", "scaling",
     "released"),
    ("never: a warm start changes no number", "scaling", "warm"),
    ("tests/sources/test_deleting.py::test_a_stream_goes_with_its_records", "queue_events",
     "stream_deleted"),
)  # fmt: skip

#: (table, cause) to what shows it.
ELSEWHERE: dict[tuple[str, str], str] = {
    (table, cause): where
    for where, tables, causes in _LISTED
    for table in tables.split()
    for cause in causes.split()
}
