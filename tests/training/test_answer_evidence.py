import numpy as np
import pytest

from router.plans.answer_evidence import SIGNALS
from training.answer_evidence import Seen, fit_answer_evidence


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Agreement that speaks the truth of route 0 nine times in ten; route 1 is right when route 0 is, mostly."""
    rng = np.random.default_rng(0)
    right = (rng.random(800) < 0.6).astype(float)
    other = np.where(rng.random(800) < 0.8, right, 1 - right)
    signals = np.full((800, 2, len(SIGNALS)), np.nan)
    signals[:, 0, 0] = np.where(rng.random(800) < 0.9, right, 1 - right)
    return Seen(signals, np.column_stack([right, other]), np.full((800, 2), [0.6, other.mean()]))


def test_the_evidence_is_believed_as_far_as_it_is_true(seen):
    evidence = fit_answer_evidence(seen, np.array([3.0, 1.0]))
    assert evidence.known.tolist() == [True, False]
    found = evidence.bin_of(0, seen.signals[:, 0])
    after = evidence.update(seen.p, 0, found)
    for said in (0.0, 1.0):
        rows = seen.signals[:, 0, 0] == said
        assert after[rows].mean(axis=0) == pytest.approx(seen.correct[rows].mean(axis=0), abs=0.05)


def test_too_few_answers_teach_nothing(seen):
    few = seen.subset(np.arange(20))
    assert not fit_answer_evidence(few, np.ones(2)).known.any()
