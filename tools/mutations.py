"""Rules of the service, each with a small change that breaks it and the test that must notice.

`tools/break.py` applies them one at a time to a copy of the package; `tests/test_break.py` checks
that each still fits its file.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One rule, broken.

    `file` is relative to the package, `old` must stand in it exactly once and is replaced by `new`;
    `test` is the pytest node id, from the root, that must then fail.
    """

    name: str
    file: str
    old: str
    new: str
    test: str


MUTATIONS: list[Mutation] = [
    Mutation(
        "the second wait is one minute, not two",
        "rules.py",
        '_rule("retry_waits", (60, 120)',
        '_rule("retry_waits", (60, 60)',
        "tests/acceptance/test_event_journeys.py::test_an_event_whose_function_always_fails",
    ),
    Mutation(
        "a retry is not looked ahead to",
        "invocation/event_queue.py",
        "return age + delay > self._function",
        "return age > self._function",
        "tests/invocation/test_event_queue.py::test_the_look_ahead_gives_an_event_up_that_would_grow_too_old",
    ),
    Mutation(
        "a throttle uses up a retry",
        "invocation/event_queue.py",
        "        call.throttles += 1\n",
        "        call.throttles += 1\n        call.attempts += 1\n",
        "tests/acceptance/test_event_journeys.py::test_an_event_that_finds_room_in_time_has_used_up_no_retry",
    ),
    Mutation(
        "back-off grows past five minutes",
        "rules.py",
        '_rule("throttle_backoff_maximum", 300',
        '_rule("throttle_backoff_maximum", 3000',
        "tests/acceptance/test_event_journeys.py::test_throttled_events_come_back_ever_later_up_to_five_minutes",
    ),
    Mutation(
        "the dead letter is not the event",
        "invocation/event_queue.py",
        "letters.deliver(call.payload,",
        'letters.deliver(b"{}",',
        "tests/invocation/test_event_queue.py::test_a_dead_letter_is_the_event_unchanged",
    ),
    Mutation(
        "an asynchronous payload of exactly the limit is refused",
        "invocation/front_door.py",
        "if len(payload) <= self._largest_event:",
        "if len(payload) < self._largest_event:",
        "tests/acceptance/test_limits.py::test_an_event_at_its_limit_and_one_byte_more",
    ),
    Mutation(
        "a response may be one byte too large",
        "functions/runner.py",
        "if len(response) > self._largest_response:",
        "if len(response) > self._largest_response + 1:",
        "tests/acceptance/test_limits.py::test_a_response_of_6_mb_passes_and_one_byte_more_is_an_error",
    ),
    Mutation(
        "the environment idle for longest serves first",
        "functions/environments.py",
        "return self.idle.pop(), False",
        "return self.idle.popleft(), False",
        "tests/functions/test_environments.py::test_the_environment_idle_for_the_shortest_time_serves_first",
    ),
    Mutation(
        "idle environments stay for an hour",
        "rules.py",
        '"idle_expiry", 600,',
        '"idle_expiry", 3600,',
        "tests/functions/test_environments.py::test_cold_then_warm_then_cold_again_after_ten_minutes",
    ),
    Mutation(
        "a crashed runtime costs no second init",
        "functions/function.py",
        "            duration += self.draw_init(None)\n",
        "",
        "tests/functions/test_runner.py::test_after_a_timeout_the_init_runs_again_inside_the_next_call",
    ),
    Mutation(
        "billing rounds down",
        "functions/billing.py",
        "return -(-some // self._step_us) * self._step_us // 1000",
        "return some // self._step_us * self._step_us // 1000",
        "tests/functions/test_billing.py::test_duration_is_rounded_up_to_whole_milliseconds",
    ),
    Mutation(
        "reserved concurrency lets one more run",
        "functions/capacity.py",
        "if function.fleet.busy < reserved:",
        "if function.fleet.busy <= reserved:",
        "tests/functions/test_capacity.py::test_reserved_concurrency_is_a_ceiling_and_a_guarantee",
    ),
    Mutation(
        "the unreserved hundred can be reserved",
        "functions/capacity.py",
        "if reserved and others + reserved > self.account - rules.unreserved_minimum:",
        "if reserved and others + reserved > self.account:",
        "tests/acceptance/test_bad_input.py::test_the_account_keeps_a_hundred_unreserved",
    ),
    Mutation(
        "the window begins with the first record",
        "sources/collector.py",
        "                batch.window_opened_at = completed_at\n",
        "                batch.window_opened_at = now\n",
        "tests/sources/test_mapping_batches.py::test_the_next_window_begins_when_the_previous_invocation_completed",
    ),
    Mutation(
        "an empty window is not begun anew",
        "sources/collector.py",
        "if completed_at >= 0 and completed_at + window_us > now:",
        "if completed_at >= 0 and completed_at + 2 * window_us > now:",
        "tests/sources/test_mapping_batches.py::test_a_window_that_ends_empty_begins_anew_with_the_next_record",
    ),
    Mutation(
        "a batch may pass 6 MB",
        "sources/batch.py",
        "return self.size + SEPARATOR + len(record.json) <= self.payload_limit",
        "return True",
        "tests/sources/test_mapping_batches.py::test_a_batch_closes_before_it_passes_6_mb",
    ),
    Mutation(
        "a window does not lengthen the visibility timeout",
        "sources/collector.py",
        "if window_us and needed > queue_us:",
        "if window_us and needed < 0:",
        "tests/sources/test_mapping_batches.py::test_the_effective_visibility_timeout",
    ),
    Mutation(
        "a message dies one receive too late",
        "sources/store.py",
        "return message.receive_count - message.received_elsewhere >= policy[0]",
        "return message.receive_count - message.received_elsewhere > policy[0]",
        "tests/sources/test_mapping_outcomes.py::test_a_failing_function_gets_a_message_max_receive_count_times",
    ),
    Mutation(
        "receives are not counted",
        "sources/store.py",
        "            message.receive_count += 1\n",
        "            message.receive_count = 1\n",
        "tests/sources/test_sqs_events.py::test_a_second_receive",
    ),
    Mutation(
        "an unknown identifier fails nobody",
        "sources/responses.py",
        "            return None\n        failed[name] = None",
        "            continue\n        failed[name] = None",
        "tests/sources/test_mapping_responses.py::test_a_wrong_answer_fails_the_whole_batch",
    ),
]
