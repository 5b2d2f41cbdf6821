"""The series remembers eight days and forgets the rest."""

import numpy as np

from router.spend.series import KEPT, SpendSeries

KEY = ("usd", "")


def test_windows_and_history() -> None:
    series = SpendSeries()
    for bucket in range(100, 110):
        series.put(bucket, {KEY: float(bucket)})
    assert series.last(KEY, 110, 2) == 108 + 109
    assert series.history(KEY, 110, 1000).tolist() == list(range(100, 110))
    assert series.history(("usd", "nobody"), 110, 5).size == 0
    assert series.history(KEY, 100, 5).size == 0


def test_a_bucket_put_again_is_replaced_and_a_gap_is_nothing() -> None:
    series = SpendSeries()
    series.put(5, {KEY: 1.0, ("tenant_usd", "a"): 1.0})
    series.put(8, {KEY: 2.0})
    series.put(5, {KEY: 4.0})
    assert series.history(KEY, 9, 4).tolist() == [4.0, 0.0, 0.0, 2.0]
    assert series.last(("tenant_usd", "a"), 9, 4) == 0
    assert series.names("tenant_usd") == ["a"]


def test_what_is_too_old_is_forgotten() -> None:
    series = SpendSeries()
    for bucket in range(2 * KEPT):
        series.put(bucket, {KEY: 1.0})
    series.put(3, {KEY: 99.0})
    assert series.history(KEY, 2 * KEPT, 3 * KEPT).sum() == KEPT
    series.put(5 * KEPT, {KEY: 7.0})
    assert np.count_nonzero(series.history(KEY, 5 * KEPT + 1, KEPT)) == 1
