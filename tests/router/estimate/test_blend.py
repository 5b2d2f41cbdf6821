"""Blending and intervals by hand-made numbers."""

import numpy as np
import pytest

from router.estimate.blend import Blend, Evidence, Familiarity, wilson


def test_level_and_contrast_are_weighed_apart() -> None:
    members = np.array([[1.0, 3.0]])
    blend = Blend(np.array([1.0]), np.array([0.0]), np.zeros(2), np.ones(2))
    assert blend.log_odds(np.zeros(2), members) == pytest.approx([2.0, 2.0])
    blend = Blend(np.array([0.0]), np.array([1.0]), np.zeros(2), np.ones(2))
    assert blend.log_odds(np.zeros(2), members) == pytest.approx([-1.0, 1.0])


def test_more_labels_narrow_the_interval() -> None:
    widths = [np.subtract(*wilson(np.array([0.5]), np.array([float(n)]))[::-1])[0] for n in (4, 40, 400)]
    assert widths[0] > widths[1] > widths[2] > 0


def test_an_interval_holds_the_estimate_and_what_labels_showed() -> None:
    evidence = Evidence(np.linspace(0, 1, 3), np.full((1, 3), 0.4), np.full((1, 3), 50.0))
    low, high = evidence.interval(np.array([0.6]), 0.0)
    assert low[0] < 0.4 and high[0] > 0.6
    far_low, far_high = evidence.interval(np.array([0.6]), 1.0)
    assert far_low[0] < low[0] and far_high[0] > high[0]


def test_less_similar_is_more_unlike() -> None:
    familiarity = Familiarity(5.0, -10.0)
    assert familiarity.unlike(0.9) < 0.1 < 0.9 < familiarity.unlike(0.1)
