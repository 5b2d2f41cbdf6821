import math

import numpy as np

from router.plans.answer_evidence import SIGNALS, AnswerEvidence
from router.plans.next_step import next_step

P, USD = np.array([[0.5, 0.9]]), np.array([[0.001, 0.05]])


def evidence(right: list[float], wrong: list[float], calls: float = 3.0) -> AnswerEvidence:
    shape = (2, len(SIGNALS))
    return AnswerEvidence(
        np.array([True, False]), np.array([calls, 1.0]), np.zeros(shape), np.ones(shape), np.zeros(shape),
        np.full((2, 1), np.inf), np.tile(right, (2, 1)), np.tile(wrong, (2, 1)), np.ones((2, 2)),
    )  # fmt: skip


TELLING, MUTE = evidence([0.05, 0.95], [0.95, 0.05]), evidence([0.5, 0.5], [0.5, 0.5])


def test_a_telling_answer_is_looked_at_and_a_mute_one_is_not():
    assert next_step(TELLING, P, USD, 0.2).look[0]
    assert not next_step(MUTE, P, USD, 0.2).look[0]


def test_looking_is_not_worth_any_number_of_calls():
    assert not next_step(evidence([0.05, 0.95], [0.95, 0.05], calls=40.0), P, USD, 0.2).look[0]


def test_after_the_answer_a_probably_wrong_one_is_escalated():
    bad, good = TELLING.update(P, 0, np.array([0])), TELLING.update(P, 0, np.array([1]))
    assert next_step(TELLING, bad, USD, 0.2, last=0, depth=0).route[0] == 1
    assert next_step(TELLING, good, USD, 0.2, last=0, depth=0).route[0] == -1


def test_without_looking_a_step_is_the_best_single_route():
    assert next_step(TELLING, P, USD, 0.0, depth=0).route[0] == 0
    assert next_step(TELLING, P, USD, math.inf, depth=0).route[0] == 1


def test_what_is_not_allowed_is_never_called():
    step = next_step(TELLING, P, USD, 0.2, allowed=np.array([[False, True]]))
    assert step.route[0] == 1 and not step.look[0]
