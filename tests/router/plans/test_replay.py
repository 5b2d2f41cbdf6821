import numpy as np
import pytest

from router.plans.replay import play

P, USD = np.array([[0.5, 0.9]]), np.array([[0.001, 0.05]])


def test_a_plan_pays_every_call_and_its_last_route_answers(telling):
    p, usd = np.repeat(P, 2, axis=0), np.repeat(USD, 2, axis=0)
    played = play(telling, p, usd, 0.2, np.array([[0, -1], [1, -1]]))
    assert played.answering.tolist() == [1, 0]
    assert played.paid(usd) == pytest.approx([3 * 0.001 + 0.05, 3 * 0.001])


def test_plans_of_one_request_do_not_depend_on_the_others(telling):
    p, usd = np.tile(P, (5, 1)), np.tile(USD, (5, 1))
    bins = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [1, 1]])
    together = play(telling, p, usd, 0.2, bins)
    for row in range(5):
        alone = play(telling, p[[row]], usd[[row]], 0.2, bins[[row]])
        assert alone.answering[0] == together.answering[row]
        assert alone.paid(usd[[row]])[0] == together.paid(usd)[row]


def test_what_is_believed_of_an_answer_counts_what_looking_showed(telling):
    played = play(telling, P, USD, 0.2, np.array([[1, -1]]))
    assert played.answering.tolist() == [0]
    assert played.believed[0] == pytest.approx(0.95) and played.p[0, 0] == 0.5
