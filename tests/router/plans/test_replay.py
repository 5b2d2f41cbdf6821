import numpy as np
import pytest

from router.plans.answer_evidence import SIGNALS, AnswerEvidence
from router.plans.replay import play

P, USD = np.array([[0.5, 0.9]]), np.array([[0.001, 0.05]])


def evidence(right: list[float], wrong: list[float], calls: float = 3.0) -> AnswerEvidence:
    shape = (2, len(SIGNALS))
    return AnswerEvidence(
        np.array([True, False]), np.array([calls, 1.0]), np.zeros(shape), np.ones(shape), np.zeros(shape),
        np.full((2, 1), np.inf), np.tile(right, (2, 1)), np.tile(wrong, (2, 1)), np.ones((2, 2)),
    )  # fmt: skip


TELLING = evidence([0.05, 0.95], [0.95, 0.05])


def test_a_plan_pays_every_call_and_its_last_route_answers():
    p, usd = np.repeat(P, 2, axis=0), np.repeat(USD, 2, axis=0)
    played = play(TELLING, p, usd, 0.2, np.array([[0, -1], [1, -1]]))
    assert played.answering.tolist() == [1, 0]
    assert played.paid(usd) == pytest.approx([3 * 0.001 + 0.05, 3 * 0.001])


def test_plans_of_one_request_do_not_depend_on_the_others():
    p, usd = np.tile(P, (5, 1)), np.tile(USD, (5, 1))
    bins = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [1, 1]])
    together = play(TELLING, p, usd, 0.2, bins)
    for row in range(5):
        alone = play(TELLING, p[[row]], usd[[row]], 0.2, bins[[row]])
        assert alone.answering[0] == together.answering[row]
        assert alone.paid(usd[[row]])[0] == together.paid(usd)[row]


def test_what_is_believed_of_an_answer_counts_what_looking_showed():
    played = play(TELLING, P, USD, 0.2, np.array([[1, -1]]))
    assert played.answering.tolist() == [0]
    assert played.believed[0] == pytest.approx(0.95) and played.p[0, 0] == 0.5
