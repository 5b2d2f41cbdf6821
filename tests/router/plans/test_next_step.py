import math

import numpy as np

from router.plans.next_step import next_step

P, USD = np.array([[0.5, 0.9]]), np.array([[0.001, 0.05]])


def test_a_telling_answer_is_looked_at_and_a_mute_one_is_not(telling, evidence_of):
    assert next_step(telling, P, USD, 0.2).look[0]
    assert not next_step(evidence_of([0.5, 0.5], [0.5, 0.5]), P, USD, 0.2).look[0]


def test_looking_is_not_worth_any_number_of_calls(evidence_of):
    assert not next_step(evidence_of([0.05, 0.95], [0.95, 0.05], calls=40.0), P, USD, 0.2).look[0]


def test_after_the_answer_a_probably_wrong_one_is_escalated(telling):
    bad, good = telling.update(P, 0, np.array([0])), telling.update(P, 0, np.array([1]))
    assert next_step(telling, bad, USD, 0.2, last=0, depth=0).route[0] == 1
    assert next_step(telling, good, USD, 0.2, last=0, depth=0).route[0] == -1


def test_without_looking_a_step_is_the_best_single_route(telling):
    assert next_step(telling, P, USD, 0.0, depth=0).route[0] == 0
    assert next_step(telling, P, USD, math.inf, depth=0).route[0] == 1


def test_what_is_not_allowed_is_never_called(telling):
    step = next_step(telling, P, USD, 0.2, allowed=np.array([[False, True]]))
    assert step.route[0] == 1 and not step.look[0]
