import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from router.betting import draws_needed, p_values


def test_a_true_hypothesis_is_rejected_at_most_as_often_as_stated():
    rng = np.random.default_rng(0)
    for mean, n in ((0.8, 200), (0.5, 50), (0.05, 400)):
        draws = (rng.random((n, 2000)) < mean).astype(float)
        # 2,000 columns: a rejection rate of .05 has a standard error of .005
        assert (p_values(draws, mean, 0.05) <= 0.05).mean() <= 0.05 + 0.015


def test_more_draws_of_a_larger_mean_convince_more():
    rng = np.random.default_rng(1)
    draws = (rng.random((4000, 1)) < 0.85).astype(float)
    p = [p_values(draws[:n], 0.8, 0.05)[0] for n in (100, 1000, 4000)]
    assert p[0] > p[2] and p[2] < 0.001


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.05, 0.95))
def test_p_values_are_probabilities(values, least):
    p = p_values(np.array(values)[:, None], least, 0.05)
    assert 0 < p[0] <= 1


def test_the_number_of_draws_that_would_do_does():
    rng = np.random.default_rng(2)
    seen = (rng.random(400) < 0.83).astype(float)
    needed = draws_needed(seen, 0.8, 0.05)
    assert needed is not None
    repeated = rng.choice(seen, (needed, 200))
    assert (p_values(repeated, 0.8, 0.05) <= 0.05).mean() > 0.5


def test_no_number_of_draws_shows_what_does_not_seem_so():
    assert draws_needed(np.array([0.0, 1.0, 0.0]), 0.5, 0.05) is None


def test_no_draws_show_nothing():
    assert p_values(np.zeros((0, 3)), 0.5, 0.05).tolist() == [1, 1, 1]
