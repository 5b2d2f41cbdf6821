"""Replays request rates through the alert rules: how often they cry on quiet days, how fast they find a runaway.

The rates are real; the arrivals within five minutes and every runaway are simulated, and every request costs the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from router.spend.alert_rules import Alert, find_alerts
from router.spend.series import BUCKET_SECONDS, DAY, KEPT, SpendSeries

USD_PER_REQUEST = 0.001
SILENCE_BUCKETS = 72  # six hours
FIRST = 20_000 * DAY  # some midnight
RUNAWAY_BUCKETS = 7  # looked at after it began


@dataclass(frozen=True)
class Rates:
    """Spend (USD) per five-minute bucket and client, (buckets, clients)."""

    clients: tuple[str, ...]
    usd: np.ndarray


@dataclass(frozen=True)
class Cried:
    """An alert: on which day of the trace, and what it said."""

    day: float
    rule: str
    subject: str
    message: str


def read_servegen(path: Path, seed: int = 0) -> Rates:
    """Ten-minute rates as two five-minute buckets each, with the noise of independent arrivals."""
    table = pd.read_parquet(path)
    rates = table.pivot(index="window_start_s", columns="client", values="requests_per_s").fillna(0.0)
    requests = np.repeat(rates.to_numpy(), 2, axis=0) * BUCKET_SECONDS
    drawn = np.random.default_rng(seed).poisson(requests)
    return Rates(tuple(map(str, rates.columns)), drawn * USD_PER_REQUEST)


def quiet_days(rates: Rates) -> list[Cried]:
    """Every alert on the trace as it is, one that lasts or comes back within six hours counted once."""
    return [_cried(bucket, alert) for bucket, alert in _replay(rates, 0, len(rates.usd), 0)]


def plant_runaways(rates: Rates, size: float, count: int, seed: int = 0) -> list[float | None]:
    """Minutes until a tenant's runaway is found, None where it is not; it adds `size` × the usual spend of all."""
    rng, usual = np.random.default_rng(seed), rates.usd.sum(axis=1).mean()
    found: list[float | None] = []
    for _ in range(count):
        client, start = int(rng.integers(len(rates.clients))), int(rng.integers(2 * DAY, len(rates.usd) - 12))
        usd = rates.usd[: start + RUNAWAY_BUCKETS].copy()
        usd[start:, client] += size * usual
        cried = _replay(Rates(rates.clients, usd), max(0, start - KEPT), len(usd), start)
        hits = [bucket for bucket, alert in cried if alert.subject == rates.clients[client]]
        found.append((hits[0] + 1 - start) * BUCKET_SECONDS / 60 if hits else None)
    return found


def _replay(rates: Rates, start: int, stop: int, speak: int) -> list[tuple[int, Alert]]:
    """Alerts from bucket `speak` on, looked for at the end of every bucket."""
    series, cried = SpendSeries(), []
    last: dict[tuple[str, str], int] = {}
    for bucket in range(start, stop):
        row = rates.usd[bucket]
        series.put(FIRST + bucket, {("usd", ""): float(row.sum())} | _by_client(rates.clients, row))
        for alert in find_alerts(series, FIRST + bucket + 1) if bucket >= speak else ():
            key = alert.rule, alert.subject
            if bucket - last.get(key, -SILENCE_BUCKETS) >= SILENCE_BUCKETS:
                cried.append((bucket, alert))
            last[key] = bucket
    return cried


def _by_client(clients: Sequence[str], row: np.ndarray) -> dict[tuple[str, str], float]:
    return {("tenant_usd", client): float(usd) for client, usd in zip(clients, row) if usd > 0}


def _cried(bucket: int, alert: Alert) -> Cried:
    return Cried(bucket / DAY, alert.rule, alert.subject, alert.message)
