"""A policy that slows /route down is found; load, which slows all of them down, is no evidence."""

import math
from collections import Counter

import numpy as np
import pytest

from router.rollout.route_time import NOTHING_TIMED, RouteTime
from router.rollout.tallies import NONE, Tally, bin_of

FAST, SLOW = bin_of(0.06), bin_of(1.0)
TRIPS = math.log(600)


def tally(n: int, slow: int) -> Tally:
    return Tally(n, 0, 0, Counter({FAST: n - slow, SLOW: slow}))


def watched(seed: int, share: float, times: float, looks: int = 40, per_look: int = 200) -> tuple[RouteTime, float]:
    """Looks at traffic whose load makes anything from .3 to 30 % of decisions slow; the policy under watch is slow
    `times` as often. Where it stood at the end, and the strongest evidence on the way."""
    rng, seen, before, most = np.random.default_rng(seed), NOTHING_TIMED, tally(10_000, 0), 0.0
    for _ in range(looks):
        usual = float(np.clip(0.01 * np.exp(rng.normal(0, 1)), 0.003, 0.3))
        tried = rng.binomial(per_look, share)
        ours = tally(tried, rng.binomial(tried, min(times * usual, 1)))
        beside = tally(per_look - tried, rng.binomial(per_look - tried, usual))
        seen = seen.after(ours, beside, before, 0.05)
        most = max(most, seen.log_evidence)
    return seen, most


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("times", [1.0, 3.0])
def test_what_is_borne_hardly_ever_trips(share: float, times: float) -> None:
    assert sum(watched(seed, share, times)[1] > TRIPS for seed in range(10)) == 0


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_ten_times_as_often_is_found(share: float) -> None:
    assert all(watched(seed, share, 10.0)[1] > TRIPS for seed in range(5))


def test_what_is_faster_than_the_floor_is_not_slow() -> None:
    seen = NOTHING_TIMED.after(tally(100, 100), tally(100, 0), tally(1_000, 0), 2.0)
    assert seen.slow == 0 and seen.log_evidence <= 0 and seen.decided == 100


@pytest.mark.parametrize(
    "given",
    [(NONE, tally(9, 0), tally(200, 0)), (tally(9, 9), NONE, tally(200, 0)), (tally(9, 9), tally(9, 0), tally(99, 0))],
)
def test_without_somebody_to_compare_with_nothing_is_seen(given: tuple[Tally, Tally, Tally]) -> None:
    assert NOTHING_TIMED.after(*given, 0.05) is NOTHING_TIMED


def test_it_goes_on_from_what_was_kept() -> None:
    seen = NOTHING_TIMED.after(tally(100, 30), tally(100, 1), tally(1_000, 5), 0.05)
    assert RouteTime.from_dict(seen.as_dict()) == seen and seen.readings()["usual_slow"] == 1
