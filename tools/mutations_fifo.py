"""FIFO queues, what is once and in order; and redrive, from which messages come as new ones."""

from __future__ import annotations

from mutations_base import Mutation

MUTATIONS: list[Mutation] = [
    # ---- groups
    Mutation(
        "the newest message of a group comes first",
        "fifo-in-flight-group",
        "sources/sqs/fifo_store.py",
        "            entry = heappop(group.ready)\n",
        "            entry = group.ready.pop()\n",
        "tests/fidelity/test_queues.py::test_one_group_is_worked_on_one_by_one_in_one_environment",
    ),
    Mutation(
        "a group of which one is in flight is handed out",
        "",
        "sources/sqs/fifo_store.py",
        "            heappush(available, (ready[0][0], name))\n        return None\n",
        "            heappush(available, (ready[0][0], name))\n"
        "        return next((group for group in self._groups.values() if group.visible), None)\n",
        "tests/sources/test_sqs_fifo.py::test_a_group_waits_while_one_of_it_is_in_flight",
    ),
    Mutation(
        "what failed goes behind the rest of its group",
        "fifo-failed",
        "sources/sqs/fifo_store.py",
        "        held = message.standing == IN_FLIGHT\n",
        "        held = message.standing == IN_FLIGHT\n"
        "        self._last += 1\n"
        "        message.sequence = self._last  # type: ignore[attr-defined]\n",
        "tests/fidelity/test_queues.py::test_the_rest_of_a_group_waits_for_a_message_that_failed",
    ),
    Mutation(
        "a batch held several groups at any date",
        "dated-fifo-batch",
        "sources/sqs/fifo_store.py",
        "single = self._single_group_polls and cause == Cause.POLLED",
        "single = self._single_group_polls and cause != Cause.POLLED",
        "tests/fidelity/test_queues.py::test_until_2024_a_batch_held_one_group",
    ),
    Mutation(
        "a batch of a FIFO queue holds one group",
        "fifo-groups",
        "sources/sqs/fifo_store.py",
        "while more and len(taken) < most and not (taken and single):",
        "while more and len(taken) < most and not taken:",
        "tests/fidelity/test_queues.py::test_a_batch_holds_several_groups_in_order_within_each",
    ),
    Mutation(
        "messages left over from a batch overtake others of their group",
        "",
        "sources/mappings/fifo_rules.py",
        "            self.full = EMPTY_PAYLOAD + sum(records) > self._limit\n",
        "            self.full = False\n",
        "tests/sources/test_mapping_fifo.py::test_nothing_of_a_group_is_left_over_for_a_second_batch",
    ),
    Mutation(
        "what comes after the first failure stays, listed or not",
        "report-fifo",
        "sources/mappings/delivery.py",
        "done = [record for record in batch.records if id(record) not in stay]",
        "done = batch.records[: batch.records.index(failed[0])]",
        "tests/fidelity/test_queues.py::test_messages_of_a_fifo_queue_that_are_not_listed_are_deleted_too",
    ),
    Mutation(
        "a FIFO queue may have a window",
        "esm-window-fifo",
        "sources/mappings/fifo_rules.py",
        "    if settings.maximum_batching_window:\n",
        "    if settings.maximum_batching_window < 0:\n",
        "tests/fidelity/test_mappings.py::test_a_fifo_queue_has_no_window",
    ),
    # ---- deduplication
    Mutation(
        "a message is known for half of its five minutes",
        "fifo-deduplication",
        "sources/sqs/fifo_store.py",
        "(self._scheduler.now + self._interval_us, key)",
        "(self._scheduler.now + self._interval_us // 2, key)",
        "tests/sources/test_sqs_fifo.py::test_it_is_known_for_five_minutes_whatever_becomes_of_it",
    ),
    Mutation(
        "a message that is deleted is known no more",
        "fifo-deduplication",
        "sources/sqs/fifo_store.py",
        "        return self._recent.get(key)\n",
        "        found = self._recent.get(key)\n"
        "        return found if found is not None and found.store is self else None\n",
        "tests/sources/test_sqs_fifo.py::test_it_is_known_for_five_minutes_whatever_becomes_of_it",
    ),
    # ---- dead letters and redrive
    Mutation(
        "a dead letter of a FIFO queue keeps its age",
        "",
        "sources/sqs/fifo_store.py",
        "        message.sent_at = self._scheduler.now\n",
        "",
        "tests/sources/test_sqs_fifo.py::test_a_spent_message_goes_and_its_group_goes_on",
    ),
    Mutation(
        "a redriven message keeps its id",
        "",
        "sources/sqs/queue.py",
        "        made.chain, made.trace_header = message.chain, message.trace_header\n"
        "        self.store.put(made, Cause.REDRIVE",
        "        made.message_id = message.message_id\n        self.store.put(made, Cause.REDRIVE",
        "tests/sources/test_sqs_redrive.py::test_messages_go_back_to_their_source_as_new_ones",
    ),
    Mutation(
        "redrive moves everything at once",
        "queue-move-task",
        "sources/sqs/redrive.py",
        "at = self._began_at + self.moved * US // self.max_messages_per_second",
        "at = self._began_at",
        "tests/sources/test_sqs_redrive.py::test_the_rate",
    ),
]
