from datetime import UTC, datetime

import numpy as np
import pytest

from router.encoders import HashingEncoder
from router.errors import InputError
from router.labels import LabelMatrix, build_labels
from router.prices import PriceBook
from router.routes import Route
from training.estimators import fit_estimator
from training.new_models import MOST_LABELS, _firmness, base_prior, choose_routes, most_telling
from training.outcomes import BASE_PRIOR
from training.simulate import simulate

AT = datetime(2026, 11, 1, tzinfo=UTC)
NEW = Route("gpt-4o", "none")


@pytest.fixture(scope="module")
def data() -> LabelMatrix:
    found = build_labels(simulate(120, seed=2))
    return found.with_routes(found.routes[:4])


def test_a_route_that_nobody_ran_is_believed_by_its_price(data) -> None:
    wider = choose_routes(data, (NEW,), ())
    prior = base_prior(wider, PriceBook(), AT)
    assert prior is not None and wider.routes.index(NEW) >= 0
    assert np.isnan(wider.correct[:, wider.routes.index(NEW)]).all()
    assert 0.05 < prior.mean[wider.routes.index(NEW)] < 0.99


def test_dearer_routes_are_believed_to_be_no_worse(data) -> None:
    dear, cheap = Route("gpt-4", "none"), Route("gpt-4.1-nano", "x")
    prior = base_prior(choose_routes(data, (dear, cheap), ()), PriceBook(), AT)
    routes = choose_routes(data, (dear, cheap), ()).routes
    assert prior is not None and prior.mean[routes.index(dear)] >= prior.mean[routes.index(cheap)]


def test_a_prior_is_as_firm_as_routes_lie_near_the_line_of_their_prices() -> None:
    prices = np.array([-9.0, -8.0, -7.0, -6.0, -5.0])
    near = _firmness(prices, np.array([0.55, 0.60, 0.64, 0.69, 0.73]))
    far = _firmness(prices, np.array([0.75, 0.30, 0.80, 0.35, 0.70]))
    assert BASE_PRIOR <= far < near <= MOST_LABELS


def test_routes_with_labels_enough_need_no_prior(data) -> None:
    assert base_prior(data, PriceBook(), AT) is None


def test_retiring_leaves_the_others(data) -> None:
    gone = data.routes[0].key
    assert [route.key for route in choose_routes(data, (), (gone,)).routes] == [r.key for r in data.routes[1:]]


@pytest.mark.parametrize("wrong", [((), ("gpt-9",)), ((Route("x", "y"),), ("gpt-9",))])
def test_what_is_not_there_cannot_be_retired(data, wrong) -> None:
    with pytest.raises(InputError, match="gpt-9"):
        choose_routes(data, *wrong)


def test_the_last_route_cannot_be_retired(data) -> None:
    with pytest.raises(InputError, match="no route would be left"):
        choose_routes(data, (), tuple(route.key for route in data.routes))


def test_a_labelled_route_is_not_new(data) -> None:
    with pytest.raises(InputError, match="has labels of it already"):
        choose_routes(data, (data.routes[0],), ())


def test_queries_to_ask_are_distinct_and_reach_further_than_chance(data) -> None:
    vectors = HashingEncoder().encode(data.texts)
    estimator = fit_estimator(data, vectors).estimator
    chosen = most_telling(estimator, data.texts, vectors, 20)
    assert len(set(chosen.tolist())) == 20
    axes = np.stack([row.axes for row in estimator.representation.rows(data.texts, vectors)])
    random = np.random.default_rng(0).permutation(data.n)[:20]
    assert (
        np.linalg.slogdet(axes[chosen].T @ axes[chosen] + np.eye(axes.shape[1]))[1]
        > (np.linalg.slogdet(axes[random].T @ axes[random] + np.eye(axes.shape[1]))[1])
    )
