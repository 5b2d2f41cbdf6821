"""How difficult a request is, by what the incumbent expects of the route that it takes. Knows estimates, no outcomes.

The edges are fixed, so that a band is the same in every report; a policy that expects little of everything has most of
its traffic in the hard one.
"""

import numpy as np

BANDS = (("hard (P < 0.5)", 0.5), ("middle (0.5 ≤ P < 0.8)", 0.8), ("easy (P ≥ 0.8)", 1.1))
UNKNOWN = ""


def band_of(p_correct: float) -> str:
    """The band of one request; empty where nothing was estimated."""
    return next((name for name, below in BANDS if p_correct < below), UNKNOWN)


def bands_of(p_correct: np.ndarray) -> np.ndarray:
    """(n,): the band of each request by its P(correct) (n,); empty for NaN."""
    return np.array([band_of(one) for one in p_correct.tolist()], dtype=object)
