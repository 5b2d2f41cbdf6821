"""What vectors say is learnt from pairs, and rows are scored by fits that did not see them."""

import numpy as np

from training.pair_vectors import fit_pair_vectors, out_of_fold


def pairs(n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Only the first dimension tells whether two are the same; the others differ at random."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, n, 6))
    same = np.abs(first[:, 0] - second[:, 0]) < 1.0
    return first, second, same.astype(int)


def test_the_dimension_that_tells_weighs_most() -> None:
    first, second, same = pairs()
    fitted = fit_pair_vectors(first, second, same, np.ones(len(same)), "enc")
    assert int(np.abs(fitted.weights[1]).argmax()) == 0 and fitted.weights[1, 0] < 0
    assert fitted.encoder == "enc"


def test_scores_out_of_fold_tell_and_are_not_those_of_a_fit_on_all() -> None:
    first, second, same = pairs()
    weight = np.ones(len(same))
    scores = out_of_fold(first, second, same, weight, np.arange(len(same)) // 2)
    assert scores[same == 1].mean() > scores[same == 0].mean()
    assert not np.allclose(scores, fit_pair_vectors(first, second, same, weight).of_pairs(first, second))
