"""SQS queues and event source mappings: windows, batches, receives, dead letters."""

from __future__ import annotations

from mutations_base import Mutation

MUTATIONS: list[Mutation] = [
    Mutation(
        "the window begins with the first record",
        "batch-window-next",
        "sources/mappings/collector.py",
        "                batch.window_opened_at = completed_at\n",
        "                batch.window_opened_at = now\n",
        "tests/sources/test_mapping_batches.py::test_the_next_window_begins_when_the_previous_invocation_completed",
    ),
    Mutation(
        "an empty window is not begun anew",
        "",
        "sources/mappings/collector.py",
        "if completed_at >= 0 and completed_at + window_us > now:",
        "if completed_at >= 0 and completed_at + 2 * window_us > now:",
        "tests/sources/test_mapping_batches.py::test_a_window_that_ends_empty_begins_anew_with_the_next_record",
    ),
    Mutation(
        "a batch may pass 6 MB",
        "",
        "sources/mappings/batch.py",
        "if size > self.payload_limit or len(records) >= self.limit:",
        "if len(records) >= self.limit:",
        "tests/sources/test_mapping_batches.py::test_a_batch_closes_before_it_passes_6_mb",
    ),
    Mutation(
        "a window does not lengthen the visibility timeout",
        "",
        "sources/mappings/collector.py",
        "if window_us and needed > queue_us:",
        "if window_us and needed < 0:",
        "tests/sources/test_mapping_batches.py::test_the_effective_visibility_timeout",
    ),
    Mutation(
        "a message dies one receive too late",
        "",
        "sources/sqs/store.py",
        "return message.receive_count - message.received_elsewhere >= policy[0]",
        "return message.receive_count - message.received_elsewhere > policy[0]",
        "tests/sources/test_mapping_outcomes.py::test_a_failing_function_gets_a_message_max_receive_count_times",
    ),
    Mutation(
        "receives are not counted",
        "",
        "sources/sqs/store.py",
        "        message.receive_count += 1\n",
        "        message.receive_count = 1\n",
        "tests/sources/test_sqs_events.py::test_a_second_receive",
    ),
    Mutation(
        "an unknown identifier fails nobody",
        "",
        "sources/mappings/responses.py",
        "            return None\n        failed[name] = None",
        "            continue\n        failed[name] = None",
        "tests/sources/test_mapping_responses.py::test_a_wrong_answer_fails_the_whole_batch",
    ),
]
