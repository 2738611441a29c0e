"""Services that call Lambda: fronts that wait, services that push, schedules; and the callers of both."""

from __future__ import annotations

from mutations_base import Mutation

API = "tests/triggers/test_api_gateway.py::"
CUSTOM = "tests/triggers/test_api_gateway_custom.py::"
URL = "tests/triggers/test_function_url.py::"
ALB = "tests/triggers/test_load_balancer.py::"
SNS = "tests/triggers/test_sns.py::"
S3 = "tests/triggers/test_s3.py::"
BUS = "tests/triggers/test_eventbridge.py::"
TICKS = "tests/triggers/test_schedules.py::"
SCHEDULER = "tests/triggers/test_scheduler.py::"
SDK = "tests/traffic/test_sdk_client.py::"

MUTATIONS: list[Mutation] = [
    # ---- fronts
    Mutation(
        "a front waits twice as long as it may",
        "",
        "triggers/front.py",
        "self._token = scheduler.at(scheduler.now + limit_us, self._over)",
        "self._token = scheduler.at(scheduler.now + 2 * limit_us, self._over)",
        f"{API}test_the_caller_hears_504_at_29_seconds_and_the_function_runs_on",
    ),
    Mutation(
        "fronts need no permission",
        "",
        "triggers/front.py",
        "    if principal and not parts.allowed(target, principal, source_arn, action):\n",
        "    if not principal and not parts.allowed(target, principal, source_arn, action):\n",
        "tests/triggers/test_front.py::test_without_the_permission_nothing_runs",
    ),
    Mutation(
        "a REST API says 500 of a function that failed",
        "",
        "triggers/api_gateway/rest.py",
        '"failed": Words(502, _ERROR, _FAULT),',
        '"failed": Words(500, _ERROR, _FAULT),',
        f"{API}test_a_function_error_is_a_502",
    ),
    Mutation(
        "an HTTP API says 504 when it is late",
        "",
        "triggers/api_gateway/http_api.py",
        '"timed_out": Words(503,',
        '"timed_out": Words(504,',
        "tests/triggers/test_api_gateway_http.py::test_no_answer_in_30_seconds_is_a_503",
    ),
    Mutation(
        "an API with a bucket of its own takes nothing from the account's",
        "",
        "triggers/api_gateway/exchange.py",
        "buckets = [self.gateway.tokens] if own is None else [own, self.gateway.tokens]",
        "buckets = [self.gateway.tokens] if own is None else [own]",
        "tests/world/test_triggers.py::test_an_api_takes_of_its_own_and_of_the_accounts_tokens",
    ),
    Mutation(
        "a proxy integration takes keys that it does not know",
        "",
        "triggers/api_gateway/results.py",
        "or not result or (strict and set(result) - _KEYS):",
        "or not result:",
        f"{API}test_a_malformed_response_is_a_502",
    ),
    Mutation(
        "a pattern need only match a part of the error message",
        "",
        "triggers/api_gateway/integration.py",
        "re.fullmatch(self.pattern, message) is not None",
        "re.search(self.pattern, message) is not None",
        f"{CUSTOM}test_integration_responses_are_chosen_by_the_error_message",
    ),
    Mutation(
        "an event that Lambda has queued counts as under way",
        "",
        "triggers/front.py",
        "        cause = Cause.ACCEPTED if call.error is None else call.cause\n",
        "        cause = call.cause\n",
        "tests/world/test_triggers.py::test_a_route_that_does_not_wait_is_told_that_it_is_queued",
    ),
    Mutation(
        "a function URL says 502 of a throttle",
        "",
        "triggers/function_url.py",
        "            if status < 500:\n",
        "            if status < 429:\n",
        f"{URL}test_a_throttled_caller_gets_429",
    ),
    Mutation(
        "a function URL lets in who does not sign",
        "",
        "triggers/function_url.py",
        "            return request.signed\n",
        "            return True\n",
        f"{URL}test_with_aws_iam_only_who_signs_may_come",
    ),
    Mutation(
        "a load balancer waits for ever",
        "",
        "triggers/elb/balancer.py",
        "limit_us = self.idle_timeout * US",
        "limit_us = None",
        f"{ALB}test_after_the_idle_timeout_it_is_a_504_and_the_function_runs_on",
    ),
    Mutation(
        "a load balancer takes an answer without a status",
        "",
        "triggers/elb/payload.py",
        'status_of(result.get("statusCode"))',
        'status_of(result.get("statusCode", 200))',
        f"{ALB}test_a_malformed_response_is_a_502",
    ),
    # ---- pushes
    Mutation(
        "what no try can mend is tried again",
        "",
        "triggers/push.py",
        "        retry = status == 429 or status >= 500\n",
        "        retry = status >= 400\n",
        "tests/triggers/test_push.py::test_what_no_try_can_mend_ends_at_once",
    ),
    Mutation(
        "an event waits beyond its age",
        "",
        "triggers/push.py",
        "        elif limit is not None and now + wait - event.made_at > limit:\n",
        "        elif limit is not None and now - event.made_at > limit:\n",
        "tests/world/test_triggers.py::test_a_push_whose_next_try_would_be_too_late_ends_now",
    ),
    Mutation(
        "a subscription gets what it does not want",
        "",
        "triggers/sns/topic.py",
        "            if wants:\n",
        "            if wants or not wants:\n",
        f"{SNS}test_filtered_deliveries_are_in_the_books",
    ),
    Mutation(
        "SNS waits before it tries again for the first time",
        "",
        "triggers/sns/delivery.py",
        "    place = tries - rules.sns_immediate_tries\n",
        "    place = tries\n",
        f"{SNS}test_a_refusal_is_tried_again_in_four_phases",
    ),
    Mutation(
        "a topic forgets which handler's chain a message belongs to",
        "",
        "triggers/sns/topic.py",
        "number, _body(message, subscription), request=request, chain=chain,",
        "number, _body(message, subscription), request=request,",
        f"{SNS}test_a_function_that_publishes_to_itself_is_stopped",
    ),
    Mutation(
        "S3 waits as long before each retry",
        "",
        "triggers/s3/notifications.py",
        "rules.s3_retry_wait_minimum * 2.0 ** min(tries - 1, _DOUBLINGS)",
        "rules.s3_retry_wait_minimum",
        f"{S3}test_refusals_are_tried_again_with_waits_that_double_for_some_hours",
    ),
    Mutation(
        "notifications heed no prefix",
        "",
        "triggers/s3/notifications.py",
        "            and key.startswith(self.prefix)\n",
        "",
        f"{S3}test_prefix_suffix_and_event_decide_and_the_rest_is_filtered",
    ),
    Mutation(
        "a target is tried once less",
        "",
        "triggers/waits.py",
        "    if tries > maximum_retry_attempts:\n",
        "    if tries >= maximum_retry_attempts:\n",
        f"{BUS}test_a_retry_policy",
    ),
    Mutation(
        "a rule that is disabled matches",
        "",
        "triggers/eventbridge/rule.py",
        "            settings.state == ENABLED\n            and settings.pattern is not None\n",
        "            settings.pattern is not None\n",
        f"{BUS}test_states",
    ),
    Mutation(
        "no permission is worth a day of tries",
        "",
        "triggers/push.py",
        "cause = Cause.PERMISSION_DENIED if status == 403 else call.cause",
        "cause = call.cause",
        f"{BUS}test_no_permission_goes_to_the_letters_at_once",
    ),
    # ---- schedules
    Mutation(
        "a rate fires at its beginning, whoever asks",
        "",
        "triggers/schedules.py",
        "inclusive = first >= now if self._start_us is not None else self._at_once",
        "inclusive = True",
        f"{TICKS}test_a_rate_counts_from_its_beginning",
    ),
    Mutation(
        "a schedule does not fire at its end",
        "",
        "triggers/schedules.py",
        "due > self._end_us):",
        "due >= self._end_us):",
        f"{TICKS}test_start_and_end_are_both_included",
    ),
    Mutation(
        "a firing says nothing of its time",
        "",
        "triggers/scheduler/delivery.py",
        '("scheduled-time", self.scheduled_time),',
        '("scheduled-time", ""),',
        f"{SCHEDULER}test_the_input_and_its_keywords",
    ),
    # ---- other services
    Mutation(
        "Firehose gives a batch up at once",
        "",
        "triggers/firehose/stream.py",
        "        if gone or tries > self.settings.retries:\n",
        "        if gone or tries >= 1:\n",
        "tests/triggers/test_firehose.py::test_three_retries_and_the_batch_is_skipped",
    ),
    Mutation(
        "Cognito asks a trigger again that has raised",
        "",
        "triggers/cognito/calls.py",
        "            if number == tries or not (result.timed_out or busy):\n",
        "            if number == tries or result.good:\n",
        "tests/triggers/test_cognito.py::test_what_the_function_raises_is_final",
    ),
    Mutation(
        "a custom resource is waited for half as long",
        "",
        "triggers/cloudformation/requests.py",
        "parts.now + round(timeout * US), self._late, name)",
        "parts.now + round(timeout / 2 * US), self._late, name)",
        "tests/triggers/test_cloudformation.py::test_a_stack_waits_an_hour_in_vain",
    ),
    Mutation(
        "a trigger hears of every event of its branches",
        "",
        "triggers/codecommit.py",
        '        return named and ("all" in self.events or event in self.events)\n',
        "        return named\n",
        "tests/triggers/test_codecommit.py::test_only_the_branches_and_events_it_wants",
    ),
    # ---- permissions
    Mutation(
        "a statement allows every action",
        "",
        "functions/policy.py",
        '            and self.action in ("*", "lambda:*", action)\n'
        "            and self.source_account in (None, ACCOUNT)\n            and (\n",
        "            and self.source_account in (None, ACCOUNT)\n            and (\n",
        "tests/functions/test_policy.py::test_what_a_statement_allows",
    ),
    Mutation(
        "an alias is let in by what its function allows",
        "",
        "functions/policy.py",
        "        own = self._statements.get(_key(qualifier))\n",
        '        own = self._statements.get("")\n',
        f"{SNS}test_an_alias_is_asked_with_its_own_permission",
    ),
    # ---- callers
    Mutation(
        "an SDK tries once more",
        "",
        "traffic/sdk.py",
        "        if self._tries >= client.most:\n",
        "        if self._tries > client.most:\n",
        f"{SDK}test_each_mode_tries_so_often",
    ),
    Mutation(
        "retries cost nothing",
        "",
        "traffic/sdk.py",
        "            if not client.quota.take(cost):\n",
        "            if not client.quota.take(0):\n",
        f"{SDK}test_the_quota_ends_retries_in_an_outage_and_successes_bring_them_back",
    ),
    Mutation(
        "equal jitter may wait for nothing",
        "",
        "traffic/backoff.py",
        "        yield round(half + uniform() * half)\n",
        "        yield round(uniform() * temp)\n",
        "tests/traffic/test_backoff.py::test_every_wait_is_within_its_bounds",
    ),
    Mutation(
        "nobody writes down an answer that came too late",
        "",
        "traffic/calls.py",
        "        books.front_answered(self._row, now, status, cause)\n",
        "",
        "tests/traffic/test_browser.py::test_it_gives_up_and_the_function_runs_on",
    ),
    Mutation(
        "patience begins while one waits for one's turn",
        "",
        "traffic/calls.py",
        "        if self._held < len(self._turns):\n",
        "        if self._held < 0:\n",
        "tests/traffic/test_calls.py::test_a_caller_that_queues_calls_one_after_the_other",
    ),
    # ---- advice
    Mutation(
        "advice is satisfied with a visibility timeout that is as long as the function's",
        "",
        "advice/visibility.py",
        "        if not window + timeout <= visibility < advised:\n",
        "        if not window + timeout < visibility < advised:\n",
        "tests/advice/test_rules_shown.py::test_visibility",
    ),
]
