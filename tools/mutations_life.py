"""The life of an environment: reuse, idle time, init, resets, memory; and what a run costs."""

from __future__ import annotations

from mutations_base import Mutation

MUTATIONS: list[Mutation] = [
    Mutation(
        "the environment idle for longest serves first",
        "life-newest-first",
        "functions/environments.py",
        "return self.idle.pop(), False",
        "return self.idle.popleft(), False",
        "tests/functions/test_environments.py::test_the_environment_idle_for_the_shortest_time_serves_first",
    ),
    Mutation(
        "idle environments stay for an hour",
        "life-idle",
        "rules.py",
        '"idle_expiry", 600,',
        '"idle_expiry", 3600,',
        "tests/functions/test_environments.py::test_cold_then_warm_then_cold_again_after_ten_minutes",
    ),
    Mutation(
        "/tmp is lost with the globals",
        "life-reset-tmp",
        "kernel/surroundings.py",
        "        self.files.restart()\n",
        "        self.files.scrap()\n",
        "tests/fidelity/test_life.py::test_a_reset_loses_globals_and_keeps_tmp",
    ),
    # ---- init
    Mutation(
        "the init has twenty seconds",
        "life-init-limit",
        "rules.py",
        '"init_limit", 10,',
        '"init_limit", 20,',
        "tests/fidelity/test_life.py::test_an_init_of_more_than_ten_seconds_runs_again_in_the_call",
    ),
    Mutation(
        "an init that was too slow is done after all",
        "life-init-again",
        "functions/runner.py",
        "at(begins + limit, over, InitStatus.TIMEOUT)",
        "at(begins + limit, over, InitStatus.SUCCESS)",
        "tests/functions/test_runner.py::test_its_second_try_is_inside_the_invoke",
    ),
    Mutation(
        "an init that fails is ready for the next call",
        "life-init-not-ready",
        "functions/handlers.py",
        "        call.invoke_init_status = InitStatus.TIMEOUT  # until it is over\n",
        "        call.invoke_init_status, environment.ready = InitStatus.TIMEOUT, True\n",
        "tests/fidelity/test_life.py::test_after_it_the_environment_is_not_ready",
    ),
    Mutation(
        "a crashed runtime costs no second init",
        "life-suppressed-init",
        "functions/version.py",
        "            duration += init_us\n",
        "",
        "tests/functions/test_runner.py::test_after_a_timeout_the_init_runs_again_inside_the_next_call",
    ),
    Mutation(
        "a suppressed init is not billed",
        "bill-suppressed",
        "functions/runner.py",
        "duration = now - call.handler_at\n",
        "duration = now - call.handler_at\n"
        "        if call.invoke_init_status == InitStatus.SUCCESS:\n"
        "            duration -= version.draw_init(None)\n",
        "tests/functions/test_runner.py::test_after_a_timeout_the_init_runs_again_inside_the_next_call",
    ),
    Mutation(
        "a run that takes its timeout is in time",
        "error-timeout-moment",
        "functions/runner.py",
        "timed_out = duration == version.timeout_us",
        "timed_out = duration > version.timeout_us",
        "tests/functions/test_runner.py::test_a_run_that_takes_its_timeout_times_out",
    ),
    # ---- what it costs
    Mutation(
        "billing rounds down",
        "bill-step",
        "functions/billing.py",
        "return -(-some // self._step_us) * self._step_us // 1000",
        "return some // self._step_us * self._step_us // 1000",
        "tests/functions/test_billing.py::test_duration_is_rounded_up_to_whole_milliseconds",
    ),
    Mutation(
        "init and duration are each rounded up",
        "bill-init",
        "functions/billing.py",
        "            duration_us += init_us\n",
        "            duration_us += -(-init_us // 1000) * 1000\n",
        "tests/fidelity/test_lines.py::test_the_bill_of_a_cold_call_since_august_2025",
    ),
    Mutation(
        "the init is billed a day late",
        "dated-init-billed",
        "rules.py",
        "d2025_08_01=True",
        "d2025_08_02=True",
        "tests/functions/test_billing.py::test_the_init_of_an_on_demand_environment_is_billed_since_august_2025",
    ),
    Mutation(
        "an init that failed is billed",
        "bill-init-failed",
        "functions/runner.py",
        "init_us if call.init_status == _INIT_DONE else 0",
        "init_us",
        "tests/fidelity/test_life.py::test_the_failed_ten_seconds_are_never_billed",
    ),
    Mutation(
        "a GB is 1,000 MB",
        "bill-gb",
        "functions/billing.py",
        "_PER_NANO = 1000 * 1024 * 10",
        "_PER_NANO = 1000 * 1000 * 10",
        "tests/functions/test_billing.py::test_the_price_is_gb_seconds_and_the_request",
    ),
]
