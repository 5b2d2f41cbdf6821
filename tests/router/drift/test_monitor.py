"""Slices and what they show together; never more streams than the threshold allows for."""

import math

import numpy as np

from router.drift.monitor import ALL, DriftMonitor, Value
from router.drift.stream import STREAMS, THRESHOLD


def costs(rng: np.random.Generator, n: int, route: str = "m|none", shift: float = 0.0) -> list[Value]:
    return [Value("cost", "by route", route, value + shift) for value in rng.normal(0, 0.3, n).tolist()]


def test_a_drift_names_its_slice_and_size_and_the_stream_begins_anew() -> None:
    rng, monitor, found = np.random.default_rng(0), DriftMonitor(), []
    for look in range(60):
        shift = 0.3 if look >= 30 else 0.0
        found += monitor.feed([*costs(rng, 30, shift=shift), *costs(rng, 30, "quiet|none")])
    assert {one.where for one in found} >= {"m|none"} and "quiet|none" not in {one.where for one in found}
    one = next(one for one in found if one.where == "m|none")
    assert one.side == "up" and one.log_evidence > THRESHOLD and one.now > one.before
    assert len([one for one in found if one.where == "m|none"]) == 1


def test_a_small_shift_everywhere_shows_in_the_pool() -> None:
    rng, monitor, found = np.random.default_rng(1), DriftMonitor(), []
    for look in range(100):
        shift = 0.12 if look >= 60 else 0.0
        found += monitor.feed([value for i in range(10) for value in costs(rng, 10, f"m{i}|none", shift)])
    assert ALL in {one.where for one in found}


def test_another_mix_of_routes_is_no_drift() -> None:
    rng, monitor, found = np.random.default_rng(2), DriftMonitor(), []
    for look in range(100):
        many, few = (50, 5) if look < 50 else (5, 50)
        found += monitor.feed([*costs(rng, many, "cheap|none"), *costs(rng, few, "dear|none", shift=3.0)])
    assert found == []


def test_streams_are_bounded_and_the_busy_ones_are_followed() -> None:
    monitor = DriftMonitor()
    monitor.feed([Value("calibration", "by tenant", f"t{i}", 0.0) for i in range(300)])
    monitor.feed([Value("calibration", "by tenant", "busy", 0.0)] * 50)
    names = {one["slice"] for one in monitor.state()}
    assert len(monitor.state()) <= STREAMS and {"busy", ALL} <= names


def test_what_is_no_number_is_left_out() -> None:
    assert DriftMonitor().feed([Value("inputs", "unlike", "t", math.nan)]) == []
