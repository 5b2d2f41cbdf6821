import numpy as np
import pytest

from router.errors import InputError
from training.boosting import Cells, boost_here, boost_parts, boosting
from training.members import TREE_PARAMETERS, TREES


def world(n, seed):
    """Labels whose log-odds are a step and a product of two of six features."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 6))
    p = 1 / (1 + np.exp(-(features[:, 0] + features[:, 1] * features[:, 2])))
    labels = (rng.random(n) < p).astype(float)
    return Cells(features, labels, np.full(n, 0.1), np.ones(n), tuple("abcdef"))


def loss(booster, cells):
    raw = booster.predict(cells.features, raw_score=True) + cells.start
    return float((np.logaddexp(0, raw) - cells.labels * raw).mean())


def test_here_is_the_default_and_needs_no_cluster():
    cells = world(400, 0)
    with boosting(None) as boost:
        assert boost is boost_here
        booster = boost(cells, TREE_PARAMETERS, 5)
    assert booster.num_trees() == 5 and booster.feature_name() == list("abcdef")


def test_one_part_is_what_is_fitted_here():
    cells, parameters = world(300, 0), TREE_PARAMETERS | {"seed": 3}
    whole, part = boost_here(cells, parameters, 4), boost_parts(iter([cells]), 1, parameters, 4)
    assert (whole.predict(cells.features, raw_score=True) == part.predict(cells.features, raw_score=True)).all()


def test_rounds_are_dealt_over_parts_and_all_of_them_teach():
    """As many rounds on eight parts are nearer to all cells at once than to one part alone."""
    parts, held_out, parameters = (
        [world(500, seed) for seed in range(8)],
        world(4000, 99),
        TREE_PARAMETERS | {"seed": 0},
    )
    booster = boost_parts(iter(parts), 8, parameters, TREES)
    assert booster.num_trees() == TREES and booster.feature_name() == list("abcdef")
    names = ("features", "labels", "start", "weight")
    every = Cells(*(np.concatenate([getattr(part, name) for part in parts]) for name in names), parts[0].names)
    alone, streamed, whole = (
        loss(one, held_out)
        for one in (boost_here(parts[0], parameters, TREES), booster, boost_here(every, parameters, TREES))
    )
    assert whole < streamed < (whole + alone) / 2


@pytest.mark.parametrize("given", ["0", "nonsense"])
def test_what_is_no_cluster_is_refused(given):
    with pytest.raises(InputError, match="tcp://host:8786"), boosting(given):
        pass


@pytest.mark.real
@pytest.mark.timeout(300)
def test_two_processes_fit_what_one_fits():
    """The held-out loss differs by less than it does from one seed to the next."""
    cells, held_out, seeds = world(4000, 0), world(4000, 1), range(4)
    here = [loss(boost_here(cells, TREE_PARAMETERS | {"seed": seed}, TREES), held_out) for seed in seeds]
    with boosting("2") as boost:
        there = [loss(boost(cells, TREE_PARAMETERS | {"seed": seed}, TREES), held_out) for seed in seeds[:2]]
        few = boost(world(300, 2), TREE_PARAMETERS, 5)
    assert few.num_trees() == 5, "few cells are fitted here"
    assert max(here) < 0.66 and here[:2] != there
    assert np.abs(np.subtract(here[:2], there)).max() < np.std(here, ddof=1)
