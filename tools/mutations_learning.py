"""Questions that runs answer, the page of explorers, clocks bound early, and what is kept or let go."""

from __future__ import annotations

from mutations_base import Mutation

_PROVING = "tests/quiz/test_proving.py::"
_QUESTION = "tests/quiz/test_question.py::"
_SITTING = "tests/quiz/test_sitting.py::"
_CARD = "tests/widgets/test_question_card.py::"
_APP = "tests/widgets/test_app.py::"
_EARLY = "tests/functions/test_early.py::"
_EVERYWHERE = (
    "tests/functions/test_early_calls.py::"
    "test_a_clock_bound_before_is_found_wherever_it_is_kept"
)  # fmt: skip
_STREAM_WAITS = (
    "tests/trace/test_findings_waiting.py::"
    "test_records_stay_in_their_stream_and_wait_only_for_a_mapping_that_has_not_taken_them"
)

MUTATIONS: list[Mutation] = [
    # ---- a question and its runs
    Mutation(
        "a run may prove more options than were asked for",
        "",
        "quiz/question.py",
        "if len(proof.right) != self.choose:",
        "if len(proof.right) < self.choose:",
        f"{_QUESTION}test_a_question_with_two_answers",
    ),
    Mutation(
        "the order of options is not the seed's",
        "",
        "quiz/question.py",
        "digest(seed, self.id, option.text)",
        "digest(self.id, option.text)",
        f"{_QUESTION}test_the_order_of_options_comes_from_the_seed",
    ),
    Mutation(
        "options that are steps lose their order",
        "",
        "quiz/question.py",
        "        if self.in_order:\n            return self\n",
        "",
        f"{_QUESTION}test_the_order_of_options_comes_from_the_seed",
    ),
    Mutation(
        "fewer picks than asked for are judged",
        "",
        "quiz/question.py",
        "if len(found) != self.choose:",
        "if len(found) > self.choose:",
        f"{_QUESTION}test_picks_are_letters_or_texts",
    ),
    Mutation(
        "a question's account has the usual quotas where others are given",
        "",
        "quiz/question.py",
        "{**self.quotas, **(quotas or {})}",
        "quotas or self.quotas",
        f"{_PROVING}test_a_question_keeps_its_accounts_quotas_unless_others_are_given",
    ),
    Mutation(
        "a remedy is run without its settings",
        "",
        "quiz/proving.py",
        "Seen(question.setup(lab, **settings))",
        "Seen(question.setup(lab))",
        f"{_QUESTION}test_a_remedy_is_tried_in_a_run_of_its_own",
    ),
    Mutation(
        "all remedies share one run",
        "",
        "quiz/proving.py",
        "key = repr(sorted(option.settings.items()))",
        'key = ""',
        f"{_QUESTION}test_a_remedy_is_tried_in_a_run_of_its_own",
    ),
    Mutation(
        "each claim has a run of its own",
        "",
        "quiz/proving.py",
        "key = repr(sorted(option.settings.items()))",
        "key = letter",
        f"{_PROVING}test_claims_share_one_run",
    ),
    Mutation(
        "a pick that is right in part is right",
        "",
        "quiz/proving.py",
        "correct=chosen == right,",
        "correct=chosen[0] in right,",
        f"{_PROVING}test_two_are_right_only_together",
    ),
    Mutation(
        "why is told of the first option's run",
        "",
        "quiz/proving.py",
        "question.explain.format_map(proof.seen[right[0]])",
        'question.explain.format_map(proof.seen["A"])',
        f"{_PROVING}test_a_verdict_tells_of_the_run_that_is_right",
    ),
    Mutation(
        "a verdict's trace is of what was picked",
        "",
        "quiz/verdict.py",
        "return self.traces[self.right[0]]",
        "return self.traces[self.chosen[0]]",
        f"{_PROVING}test_a_verdict_tells_of_the_run_that_is_right",
    ),
    # ---- a sitting
    Mutation(
        "the score counts questions without an answer",
        "",
        "quiz/sitting.py",
        "self.score, self.answered, len(self.questions)",
        "self.score, len(self.questions), len(self.questions)",
        f"{_SITTING}test_a_sitting_from_begin_to_end",
    ),
    Mutation(
        "every answer counts as right",
        "",
        "quiz/sitting.py",
        "return sum(verdict.correct for verdict in self.verdicts.values())",
        "return len(self.verdicts)",
        f"{_SITTING}test_a_sitting_from_begin_to_end",
    ),
    Mutation(
        "lessons of right answers are to be read again",
        "",
        "quiz/sitting.py",
        "for n, v in self.verdicts.items() if not v.correct}",
        "for n, v in self.verdicts.items()}",
        f"{_SITTING}test_a_sitting_from_begin_to_end",
    ),
    Mutation(
        "a wrong answer can be given anew",
        "",
        "quiz/sitting.py",
        "if at in self.verdicts:",
        "if at in self.verdicts and self.verdicts[at].correct:",
        f"{_SITTING}test_the_first_answer_counts",
    ),
    Mutation(
        "questions are drawn whatever their topics",
        "",
        "quiz/sitting.py",
        "drawn.sort(key=lambda each: rounds[each.id])",
        "drawn.sort(key=lambda each: each.id)",
        f"{_SITTING}test_few_questions_are_of_many_topics",
    ),
    # ---- its card
    Mutation(
        "who has seen the answer picks again",
        "",
        "widgets/question_card.py",
        "return list(self._verdict.chosen)  # who",
        'return sorted(proposal["value"])  # who',
        f"{_CARD}test_who_has_seen_the_answer_picks_no_more",
    ),
    Mutation(
        "picks go along to the next question",
        "",
        "widgets/question_card.py",
        "            self.chosen = []\n",
        "            pass\n",
        f"{_CARD}test_next_and_previous",
    ),
    Mutation(
        "a card does not see an answer given in code",
        "",
        "quiz/sitting.py",
        "            self._card.refresh()\n",
        "            pass\n",
        f"{_CARD}test_card_and_sitting_are_one",
    ),
    Mutation(
        "the run of what was picked is not on show",
        "",
        "widgets/question_card.py",
        "sorted({*verdict.chosen, *verdict.right})",
        "verdict.right",
        f"{_CARD}test_check_judges_what_is_chosen",
    ),
    # ---- the page of explorers
    Mutation(
        "an explorer that is chosen later does not ask first",
        "",
        "widgets/app/__init__.py",
        "EXPLORERS[self.chosen](predict_first=self.predict_first)",
        "EXPLORERS[self.chosen]()",
        f"{_APP}test_one_switch_for_predicting_in_all_of_them",
    ),
    Mutation(
        "an explorer that is chosen again begins anew",
        "",
        "widgets/app/__init__.py",
        "if self.chosen not in self._built:",
        "if self.chosen:",
        f"{_APP}test_only_what_was_chosen_is_built_and_it_stays_as_it_was_left",
    ),
    Mutation(
        "a lesson that is not there is linked",
        "",
        "widgets/app/__init__.py",
        'if not (clone / "notebooks" / f"{lesson}.ipynb").is_file():',
        "if not clone.is_dir():",
        f"{_APP}test_a_link_where_the_server_has_the_lessons",
    ),
    # ---- clocks bound before a handler came in
    Mutation(
        "globals are not looked at for clocks",
        "",
        "functions/early_calls.py",
        "return self.is_plain(names[name])",
        "return True",
        _EVERYWHERE,
    ),
    Mutation(
        "closures are not looked at for clocks",
        "",
        "functions/early_calls.py",
        "held.append(cell.cell_contents)",
        "_ = cell.cell_contents",
        _EVERYWHERE,
    ),
    Mutation(
        "defaults are not looked at for clocks",
        "",
        "functions/early_calls.py",
        "            *(function.__defaults__ or ()),\n",
        "",
        _EVERYWHERE,
    ),
    Mutation(
        "defaults of keywords are not looked at for clocks",
        "",
        "functions/early_calls.py",
        "            *(function.__kwdefaults__ or {}).values(),\n",
        "",
        _EVERYWHERE,
    ),
    Mutation(
        "attributes of functions are not looked at for clocks",
        "",
        "functions/early_calls.py",
        "            *function.__dict__.values(),\n",
        "",
        _EVERYWHERE,
    ),
    Mutation(
        "attributes that lead anywhere hold no clock",
        "",
        "functions/early_calls.py",
        'return name not in self._doors and not name.startswith("__")',
        'return not name.startswith("__")',
        _EVERYWHERE,
    ),
    Mutation(
        "names that lead anywhere hold no clock",
        "",
        "functions/early_calls.py",
        "        if name in self._doors:\n            return False\n",
        "",
        _EVERYWHERE,
    ),
    Mutation(
        "a builtin's bound method is no clock",
        "",
        "functions/early_calls.py",
        "return type(owner) is not type and self.is_plain(owner)",
        "return True",
        _EVERYWHERE,
    ),
    Mutation(
        "functions inside a handler are not looked at for clocks",
        "",
        "functions/early_calls.py",
        "for part in _codes(code)",
        "for part in (code,)",
        _EVERYWHERE,
    ),
    Mutation(
        "what a handler imports while it runs holds no clock",
        "",
        "functions/early_calls.py",
        "return operation not in _IMPORTS or name in self._modules",
        "return True",
        _EVERYWHERE,
    ),
    Mutation(
        "a text that imports other code holds no clock",
        "",
        "functions/early.py",
        "        imported <= _PLAIN\n        and read",
        "        read",
        f"{_EARLY}test_any_other_may",
    ),
    Mutation(
        "a text whose names lead anywhere holds no clock",
        "",
        "functions/early.py",
        "        and not reached & _DOORS\n",
        "",
        f"{_EARLY}test_any_other_may",
    ),
    Mutation(
        "the search for early clocks is left out",
        "",
        "kernel/shims/clocks.py",
        "                self._level.adopt()\n",
        "                pass\n",
        _EVERYWHERE,
    ),
    Mutation(
        "one handler that may hold a clock is not enough for a search",
        "",
        "kernel/shims/clocks.py",
        "any(may_hold() for may_hold in came_in)",
        "all(may_hold() for may_hold in came_in)",
        f"{_EARLY}test_one_that_may_is_enough",
    ),
    # ---- what is kept, and let go
    Mutation(
        "workers without a task outlast the run",
        "",
        "kernel/tasks.py",
        "            self._free.clear()  # while",
        "            pass  # while",
        "tests/kernel/test_tasks.py::test_a_world_whose_run_is_over_can_be_collected",
    ),
    Mutation(
        "what is worked out from a trace is worked out each time",
        "",
        "trace/trace.py",
        "return self._tables.keep(name, build)",
        "return build()",
        "tests/trace/test_trace.py::test_what_is_kept_is_made_anew_when_more_has_happened",
    ),
    Mutation(
        "a stream's records wait although they were taken",
        "",
        "trace/findings_waiting.py",
        "        places = not_taken(tables, places, code)\n",
        "",
        _STREAM_WAITS,
    ),
    Mutation(
        "records from before a mapping's start wait for it",
        "",
        "trace/findings_waiting.py",
        "waits |= ~np.isin(events, taken) & (events > (taken.min() if len(taken) else 0))",
        "waits |= ~np.isin(events, taken)",
        _STREAM_WAITS,
    ),
    Mutation(
        "words stand at whole pixels",
        "",
        "plots/lettering.py",
        "at = _ROOM + text.right / _STEPS, above + text.down / _STEPS",
        "at = _ROOM, above",
        "tests/plots/test_lettering.py::test_texts_that_differ_share_no_piece",
    ),
    Mutation(
        "words are kept whatever their colour",
        "",
        "plots/lettering.py",
        "    right: int\n    down: int\n",
        "    right: int\n    down: int\n\n"
        "    def __hash__(self):\n        return hash(self.letters)\n\n"
        "    def __eq__(self, other):\n"
        "        return self._replace(colour=0)[:] == other._replace(colour=0)[:]\n",
        "tests/plots/test_lettering.py::test_texts_that_differ_share_no_piece",
    ),
    # ---- the services that call Lambda
    Mutation(
        "a name that two services have goes to the first",
        "",
        "triggers/registry.py",
        "if len(found) == 1:",
        "if found:",
        "tests/triggers/test_push.py::test_traffic_finds_topics_buckets_and_buses_by_name",
    ),
    Mutation(
        "the lab shows what nobody has made",
        "",
        "triggers/registry.py",
        'return bool(getattr(thing, "implied", False))',
        "return False",
        "tests/triggers/test_eventbridge.py::test_what_people_see",
    ),
]
