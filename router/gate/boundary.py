"""Intervals that stay valid however often they are looked at. Knows estimates and their information; no policies.

An estimate from a growing sample, times its information (one over its variance), behaves like a Brownian motion with
drift; Robbins' normal mixture bounds all of its path at once (Howard, Ramdas, McAuliffe & Sekhon 2021, eq. 14; for
estimated variances Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024). The mixture over effects is also what an mSPRT
uses. Information of independent samples adds up, so several kinds of evidence share one boundary.
"""

import math


def half_width(information: float, level: float, scale: float) -> float:
    """By how much an estimate may miss at any look, on one side, with probability at most `level`.

    `scale` is the effect of interest, chosen before the data: the boundary is tightest where an effect of that size
    is about to show (its prior variance is scale²).
    """
    if information <= 0:
        return math.inf
    prior = 1.0 / scale**2
    total = information + prior
    return math.sqrt(2.0 * total * math.log1p(math.sqrt(total / prior) / (2.0 * level))) / information


def information_needed(distance: float, level: float, scale: float) -> float:
    """The information at which the half-width has shrunk to `distance`; infinite for a distance of nothing."""
    if distance <= 0:
        return math.inf
    low, high = 1e-12, 1.0
    while half_width(high, level, scale) > distance:
        high *= 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if half_width(middle, level, scale) > distance else (low, middle)
    return high
