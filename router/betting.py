"""Finite-sample tests for the mean of bounded outcomes, by betting against the hypothesis. Knows numbers only."""

import math

import numpy as np

MOST_BET = 0.9


def p_values(outcomes: np.ndarray, least: float, level: float) -> np.ndarray:
    """P-values (K,) of "the mean is at most `least`" for each column of outcomes (n, K) within [0, 1].

    Valid at any n for independent draws in an order that does not depend on them: the capital of a gambler who bets on
    a larger mean, with stakes chosen from past draws only, exceeds 1 / p with probability at most p when the hypothesis
    is true (Waudby-Smith & Ramdas 2024, section 4). `level` tunes the stakes for the level at which they are read.
    """
    n = len(outcomes)
    if not n:
        return np.ones(outcomes.shape[1])
    count = np.arange(1, n + 1)[:, None]
    mean = (0.5 + np.cumsum(outcomes, axis=0)) / (count + 1)
    spread = (0.25 + np.cumsum((outcomes - mean) ** 2, axis=0)) / (count + 1)
    before = np.vstack([np.full((1, outcomes.shape[1]), 0.25), spread[:-1]])
    stake = np.minimum(np.sqrt(2 * math.log(1 / level) / (n * before)), MOST_BET / max(least, 1e-9))
    capital = np.cumsum(np.log1p(stake * (outcomes - least)), axis=0).max(axis=0)
    return np.exp(-np.maximum(capital, 0.0))


def draws_needed(outcomes: np.ndarray, least: float, level: float) -> int | None:
    """About how many draws like these would show that the mean exceeds `least`; None where it does not seem to.

    The best constant stake grows the capital by a fixed rate per draw; half as many again allow for luck.
    """
    if outcomes.mean() <= least:
        return None
    stakes = np.linspace(0, MOST_BET / max(least, 1e-9), 200)[1:]
    growth = max(float(np.log1p(stake * (outcomes - least)).mean()) for stake in stakes)
    return math.ceil(1.5 * math.log(1 / level) / growth) if growth > 0 else None
