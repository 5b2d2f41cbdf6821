"""A slope of memory tells a leak from caches that fill up."""

from itertools import islice

import numpy as np

from eval.bench_memory import fresh, slope

NOISE = np.random.default_rng(0).normal(scale=0.2, size=60)


def interval(text: str) -> tuple[float, float]:
    low, high = text.split("[")[1].split("]")[0].split(", ")
    return float(low), float(high)


def test_caches_that_filled_up_in_the_first_half_are_no_leak() -> None:
    points = [(1000 * i, 300 + min(i, 25) + noise) for i, noise in enumerate(NOISE)]
    low, high = interval(slope(points))
    assert low < 0 < high < 0.05


def test_a_leak_is_found_with_its_size() -> None:
    points = [(1000 * i, 300 + 0.5 * i + noise) for i, noise in enumerate(NOISE)]
    low, high = interval(slope(points))
    assert 0.4 < low < 0.5 < high < 0.6


def test_new_prompts_differ_and_share_their_words() -> None:
    texts = list(islice(fresh(), 20_000))
    assert len(set(texts)) == 20_000
    assert len({word for text in texts for word in text.split()}) < 150
