import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.plans.answer_evidence import SIGNALS, AnswerEvidence, joint

SHARE = st.floats(0.01, 0.99)


@pytest.fixture
def evidence() -> AnswerEvidence:
    """Two routes; agreement of the first one tells right (bins 1, 2) from wrong (bin 0)."""
    shape = (2, len(SIGNALS))
    weights = np.zeros(shape)
    weights[:, 0] = 1.0
    right, wrong = np.tile([0.1, 0.3, 0.6], (2, 1)), np.tile([0.7, 0.2, 0.1], (2, 1))
    edges = np.tile([0.5, 0.9], (2, 1))
    return AnswerEvidence(
        np.ones(2, bool), np.full(2, 3.0), np.zeros(shape), np.ones(shape), weights, edges, right, wrong,
        np.array([[1.0, 6.0], [6.0, 1.0]]),
    )  # fmt: skip


def signals(agreement: float) -> np.ndarray:
    return np.array([[agreement, *[np.nan] * (len(SIGNALS) - 1)]])


@given(SHARE, SHARE, st.floats(0.05, 50))
def test_a_joint_distribution_keeps_its_margins_and_its_odds_ratio(p, q, odds):
    both = float(joint(np.array(p), np.array(q), np.array(odds)))
    cells = both, p - both, q - both, 1 - p - q + both
    assert min(cells) >= -1e-9
    assert (cells[0] * cells[3]) == pytest.approx(odds * cells[1] * cells[2], rel=1e-4, abs=1e-7)


def test_the_mean_over_what_may_be_seen_is_what_was_believed(evidence):
    p = np.array([[0.6, 0.8], [0.2, 0.5]])
    chances = evidence.chances(0, p[:, 0])
    after = [evidence.update(p, 0, np.full(2, found)) for found in range(evidence.bins)]
    assert sum(chances[:, [k]] * one for k, one in enumerate(after)) == pytest.approx(p)


def test_disagreement_lowers_the_answer_and_what_goes_with_it(evidence):
    p = np.array([[0.6, 0.8]])
    low = evidence.update(p, 0, evidence.bin_of(0, signals(1 / 3)))
    high = evidence.update(p, 0, evidence.bin_of(0, signals(1.0)))
    assert low[0, 0] < 0.6 < high[0, 0] and low[0, 1] < 0.8 < high[0, 1]
    assert high[0, 0] - low[0, 0] > high[0, 1] - low[0, 1]


def test_no_evidence_changes_nothing(evidence):
    found = evidence.bin_of(0, np.full((1, len(SIGNALS)), np.nan))
    p = np.array([[0.6, 0.8]])
    assert found[0] == -1 and np.array_equal(evidence.update(p, 0, found), p)
