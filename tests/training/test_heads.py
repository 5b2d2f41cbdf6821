"""Ridge heads: what can be learned is, what cannot costs nothing."""

import numpy as np

from training.heads import fit_heads


def test_a_linear_target_is_found_and_noise_is_left_alone() -> None:
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(300, 6))
    targets = np.column_stack([dense @ np.arange(6.0) + 2, rng.normal(size=300)])
    heads = fit_heads(dense, targets, np.arange(300) % 5)
    assert np.allclose(heads.weights[0], np.arange(6.0), atol=0.1) and heads.explained[0] > 0.99
    assert np.abs(heads.weights[1]).max() < 0.2 and heads.explained[1] < 0.05


def test_out_of_fold_never_saw_the_fold() -> None:
    dense = np.eye(20)
    heads = fit_heads(dense, np.random.default_rng(1).normal(size=(20, 1)), np.arange(20))
    # each row is the only one with its feature: held out, nothing but the mean can be said of it
    assert np.allclose(heads.out_of_fold, heads.offset)


def test_tied_targets_share_their_strength() -> None:
    rng = np.random.default_rng(2)
    dense = rng.normal(size=(60, 3))
    targets = np.column_stack([dense[:, 0], rng.normal(size=60)])
    tied = fit_heads(dense, targets, np.arange(60) % 5, tied_from=0)
    assert np.abs(tied.weights[1]).max() > 0
