"""Which blend is chosen, and that every loss is of rows it did not see."""

import numpy as np

from router.estimate.members import MEMBERS, expit
from training.blend import Said, choose_blend, group_factor


def said_of(n: int, skilled: int | None, seed: int = 0) -> tuple[Said, np.ndarray]:
    """One member knows the truth, the others guess; three routes."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n, 3)) * 1.5
    members = rng.normal(size=(n, len(MEMBERS), 3)) * 0.8
    if skilled is not None:
        members[:, skilled] = truth
    correct = (rng.random((n, 3)) < expit(truth)).astype(float)
    return Said(np.zeros((n, 3)), members, correct, np.ones((n, 3), dtype=bool)), truth


def test_the_member_that_knows_gets_the_weight() -> None:
    said, _ = said_of(300, skilled=2)
    blend = choose_blend(said, np.arange(300) % 5, np.arange(300)).blend
    assert blend.level.argmax() == 2 and blend.contrast.argmax() == 2
    assert blend.contrast[2] > 0.7 and blend.contrast[[0, 1, 3]].max() < 0.25


def test_when_nobody_knows_base_rates_win_or_weights_vanish() -> None:
    said, _ = said_of(300, skilled=None)
    chosen = choose_blend(said, np.arange(300) % 5, np.arange(300))
    assert np.abs(expit(chosen.held_out) - 0.5).mean() < 0.08


def test_queries_that_share_a_group_tell_less() -> None:
    assert group_factor(np.arange(200)) == 1.0
    assert group_factor(np.arange(200) % 20) < group_factor(np.arange(200) % 5)
