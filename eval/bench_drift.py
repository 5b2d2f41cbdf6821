"""Measures drift detection: false alarms on 14 quiet days, and how soon planted changes are found. All simulated."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.stats import chi2

from eval.drift_replay import SAMPLED, SCALE, Pool, busy_days, make_pool, outcomes_until_found, quiet_days, worse
from router.drift.stream import RankStream, ResidualStream
from router.encoders import Encoder
from router.labels import read_labels
from router.policy import Policy

Row = tuple[str, str, int, str]
AT = datetime(2026, 11, 1, tzinfo=UTC)
FORTNIGHTS, REPETITIONS, MOST_OUTCOMES, MOST_CALLS = 3, 200, 10_000, 5_000
FEWER, BUSY = 0.05, 2_000


def drift_rows(
    policy: Policy, labels: Path, trace: Path, encoder: Encoder, cache: Path, scale: float = 1.0
) -> Iterator[Row]:
    """Every figure of drift, in turn, on the labels' test part; `scale` is the share of what is simulated."""
    repetitions = max(1, round(REPETITIONS * scale))
    pool = make_pool(policy, read_labels(labels).part("test"), encoder, cache, AT)
    data = f"simulated: {labels.stem} held out, rates of {trace.stem}"
    yield _quiet(pool, trace, data, SCALE * scale)
    yield _quality(pool, repetitions, data)
    yield from _usage(pool, repetitions, data)


def _quiet(pool: Pool, trace: Path, data: str, scale: float) -> Row:
    """The trace's days over and over, each time with requests of its own."""
    runs = [quiet_days(trace, pool, seed, scale) for seed in range(FORTNIGHTS)]
    alarms = [one for run in runs for one in run.alarms]
    days, requests, outcomes = (sum(getattr(run, name) for run in runs) for name in ("days", "requests", "outcomes"))
    cried = "; ".join(f"{one.kind} {one.where}" for one in alarms) or "none"
    most = most_per_week(len(alarms), days)
    value = f"{len(alarms)} false alarms in {days:.0f} days ({cried}), at most {most:.2f} a week with 95 % confidence; "
    value += f"{outcomes:,} outcomes sampled"
    return "drift, stationary traffic (simulated)", value, requests, f"{data} at 1/{1 / scale:,.0f}"


def busy_row(policy: Policy, labels: Path, encoder: Encoder, cache: Path, days: float = 14.0) -> Row:
    """False alarms where far more requests are looked at than the replay of real rates brings."""
    pool = make_pool(policy, read_labels(labels).part("test"), encoder, cache, AT)
    alarms = [one for seed in range(FORTNIGHTS) for one in busy_days(pool, BUSY, days=days, seed=seed)]
    most = most_per_week(len(alarms), FORTNIGHTS * days)
    value = f"{len(alarms)} false alarms of inputs in {FORTNIGHTS * days:g} days, at most {most:.2f} a week with 95 % "
    value += f"confidence; {BUSY} requests a minute, 7 tenants"
    n = round(FORTNIGHTS * days * 1_440) * BUSY
    return "drift, stationary inputs of many requests (simulated)", value, n, f"simulated: {labels.stem} held out"


def most_per_week(alarms: int, days: float) -> float:
    """The upper 95 % bound of a Poisson rate per week, exact (Garwood 1936)."""
    return float(chi2.ppf(0.95, 2 * (alarms + 1))) / 2 / (days / 7)


def _quality(pool: Pool, repetitions: int, data: str) -> Row:
    """Five points fewer right answers, on outcomes sampled at 1 %."""
    rng = np.random.default_rng(0)
    # the pool's own error of calibration is taken out: it would help to find the drop, or hide it
    usual = pool.correct - pool.p
    own = usual.mean()
    after = np.concatenate([worse(pool, FEWER, rng).correct - pool.p for _ in range(20)])
    before, after = (np.clip(values - own, -1, 1) for values in (usual, after))
    found = outcomes_until_found(lambda: ResidualStream(learn=False), before, after, repetitions, MOST_OUTCOMES)
    return "drift, 5 points fewer right (simulated)", _told(found, 1 / SAMPLED, "requests at 1 %"), repetitions, data


def _usage(pool: Pool, repetitions: int, data: str) -> Iterator[Row]:
    """Bills 20 % above, latencies 50 % above what they were, on the busiest route, every call reported."""
    routes, counts = np.unique(pool.routes, return_counts=True)
    busiest = pool.routes == routes[counts.argmax()]
    for name, values, factor in (("cost + 20 %", pool.log_cost, 1.2), ("latency + 50 %", pool.log_latency, 1.5)):
        usual = values[busiest & np.isfinite(values)]
        if len(usual) < 50:
            continue
        found = outcomes_until_found(RankStream, usual, usual + np.log(factor), repetitions, MOST_CALLS)
        yield f"drift, {name} on one route (simulated)", _told(found, 1.0, "calls"), repetitions, data


def _told(found: np.ndarray, times: float, what: str) -> str:
    known = found[np.isfinite(found)] * times
    share = len(known) / len(found)
    if not len(known):
        return "never found"
    draws = np.random.default_rng(0).choice(known, (500, len(known)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    late = float(np.quantile(known, 0.95))
    middle = f"{np.median(known):,.0f} {what} [{low:,.0f}, {high:,.0f}]"
    return f"found after {middle}, 95 % within {late:,.0f}; {share:.0%} found"
