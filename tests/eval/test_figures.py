import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.figures import compare
from eval.sweeps import Sweep, sweep_of_picks


def world(seed: int, n: int = 40, routes: int = 4) -> tuple[np.ndarray, np.ndarray, Sweep]:
    rng = np.random.default_rng(seed)
    correct = (rng.random((n, routes)) < rng.random(routes)).astype(float)
    costs = rng.lognormal(-7, 1, (n, routes)) * 10.0 ** np.arange(routes)
    return correct, costs, sweep_of_picks("router", "Router", rng.integers(0, routes, (n, 6)), correct, costs)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_the_oracle_bounds_every_frontier(seed: int) -> None:
    correct, costs, router = world(seed)
    figures = {one.name: one.figures for one in compare(router, [], correct, costs, replicates=0).policies}
    for key in ("aiq", "logaiq"):
        # the oracle's frontier is drawn through sixty values, so a chord may pass just below the truth
        assert figures["router"][key].value <= figures["oracle"][key].value + 0.005
    for share in ("95%", "100%"):
        reached = figures["router"][f"usd_for_{share}"].value
        if reached is not None:
            assert figures["oracle"][f"usd_for_{share}"].value <= reached * 1.02


def test_paired_difference_with_itself_is_zero_in_every_world() -> None:
    correct, costs, router = world(3)
    twin = Sweep("twin", "Twin", router.usd, router.correct, router.picks)
    found = next(one for one in compare(router, [twin], correct, costs, 50).policies if one.name == "twin")
    for key in ("closed", "aiq", "logaiq"):
        assert (found.router_minus[key].low, found.router_minus[key].high) == (0.0, 0.0)


def test_more_queries_narrow_the_intervals() -> None:
    widths = []
    for n in (60, 1500):
        correct, costs, router = world(5, n)
        found = compare(router, [], correct, costs, 100).policies[0].figures["aiq"]
        widths.append(found.high - found.low)
    assert widths[1] < 0.5 * widths[0]


def test_the_band_encloses_the_frontier() -> None:
    correct, costs, router = world(2, 200)
    band = compare(router, [], correct, costs, 200).band
    assert (np.array(band.low) <= np.array(band.high)).all()
    # the bootstrap of a maximum leans upwards, so the frontier may touch the lower edge
    assert np.mean((np.array(band.low) <= band.accuracy) & (np.array(band.accuracy) <= band.high)) > 0.9


def test_two_route_figures_exist_for_two_routes_only() -> None:
    for routes, expected in ((2, True), (3, False)):
        correct, costs, router = world(1, routes=routes)
        assert ("apgr" in compare(router, [], correct, costs, 5).policies[0].figures) is expected
