"""Replays simulated traffic through the drift detectors: how often they cry while nothing changes, how soon they find a
planted change.

Arrival rates are real; which query arrives when, and every change, is simulated. Queries, estimates and outcomes are a
policy's on a label set's test part, so that its own errors of calibration, cost and latency are in.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from router.drift.monitor import Drift, DriftMonitor, Value
from router.drift.shared_inputs import MOST_TAKEN, Inputs
from router.drift.sources import AXES, FEATURES, INPUTS
from router.drift.stream import THRESHOLD, RankStream, ResidualStream
from router.embedding_cache import embed_cached
from router.encoders import Encoder
from router.estimate.features import FEATURE_NAMES, text_features
from router.labels import LabelMatrix
from router.policy import Policy

SAMPLED = 0.01  # of requests have their correctness reported
SCALE = 1 / 2000  # of the trace's rates
LOOKS = 10  # per ten-minute window of the trace
BLOCK = 10  # outcomes per look in the search for planted changes
QUIET = 1000  # outcomes before a change


@dataclass(frozen=True)
class Pool:
    """What may arrive, one row per query: what was predicted for the route taken, and what came of it."""

    tasks: np.ndarray
    routes: np.ndarray
    p: np.ndarray
    correct: np.ndarray
    log_cost: np.ndarray
    log_latency: np.ndarray
    inputs: np.ndarray

    def __len__(self) -> int:
        return len(self.p)


def make_pool(policy: Policy, labels: LabelMatrix, encoder: Encoder, cache: Path, at: datetime) -> Pool:
    """A policy's decisions on labelled queries, those whose chosen route was labelled."""
    vectors = embed_cached(encoder, labels.texts, cache)
    tasks: list[str | None] = list(labels.tasks) if labels.tasks is not None else [None] * len(labels.texts)
    estimates = policy.estimate(labels.texts, vectors, tasks, labels.context_chars)
    usd = policy.usd(estimates, at)
    chosen = policy.sweep_choices(estimates, usd, [policy.value_usd])[:, 0]
    columns = {route: j for j, route in enumerate(labels.routes)}
    label_column = np.array([columns.get(policy.routes[j], -1) for j in chosen])
    rows = np.arange(len(labels.texts))
    correct = np.where(label_column >= 0, labels.correct[rows, label_column], np.nan)
    tokens = labels.output_tokens[rows, label_column], labels.input_tokens[rows, label_column]
    rates = [policy.book.rates(policy.routes[j], at) for j in chosen]
    billed = np.array([float(rate.usd(np.array([i]), np.array([o]))[0]) for rate, o, i in zip(rates, *tokens)])
    seconds = labels.latency_s[rows, label_column]
    with np.errstate(divide="ignore", invalid="ignore"):
        log_cost = np.log(billed / usd[rows, chosen])
        log_latency = np.log(
            seconds / np.where(estimates.seconds[rows, chosen] > 0, estimates.seconds[rows, chosen], 1)
        )
    keep = np.isfinite(correct)
    return Pool(
        tasks=np.array([one or "" for one in tasks], dtype=object)[keep],
        routes=np.array([policy.routes[j].key for j in chosen], dtype=object)[keep],
        p=estimates.p[rows, chosen][keep],
        correct=correct[keep],
        log_cost=log_cost[keep],
        log_latency=log_latency[keep],
        inputs=_inputs(policy, labels, vectors, estimates.unlike)[keep],
    )


def _inputs(policy: Policy, labels: LabelMatrix, vectors: np.ndarray, unlike: np.ndarray) -> np.ndarray:
    columns = [FEATURE_NAMES.index(name) for name in FEATURES]
    named = np.stack([text_features(text)[columns] for text in labels.texts])
    representation = policy.estimator.representation
    axes = (vectors - representation.vector_mean) @ representation.axes[:AXES].T
    return np.column_stack([unlike, named, axes])


@dataclass(frozen=True)
class Quiet:
    """What 14 days without any change brought."""

    days: float
    requests: int
    outcomes: int
    alarms: tuple[Drift, ...]


def quiet_days(trace: Path, pool: Pool, seed: int = 0, scale: float = SCALE) -> Quiet:
    """Every alarm on stationary traffic: each request draws its query at random, whoever sends it."""
    rng, monitor = np.random.default_rng(seed), DriftMonitor()
    table = pd.read_parquet(trace)
    rates = table.pivot(index="window_start_s", columns="client", values="requests_per_s").fillna(0.0)
    clients, alarms, requests, outcomes = list(map(str, rates.columns)), [], 0, 0
    for row in rates.to_numpy():
        for counts in rng.poisson(row * 600 * scale / LOOKS, (LOOKS, len(row))):
            drawn = rng.integers(len(pool), size=int(counts.sum()))
            tenants = np.repeat(np.arange(len(clients)), counts)
            sampled = rng.random(len(drawn)) < SAMPLED
            alarms += monitor.feed(_values(pool, drawn, [clients[i] for i in tenants], sampled))
            requests, outcomes = requests + len(drawn), outcomes + int(sampled.sum())
    return Quiet(len(rates) * 600 / 86_400, requests, outcomes, tuple(alarms))


def _values(pool: Pool, drawn: np.ndarray, tenants: list[str], sampled: np.ndarray) -> Iterator[Value]:
    """The numbers of one look, as the service takes them: usage of every call, correctness of the sampled ones."""
    for place, (i, tenant) in enumerate(zip(drawn.tolist(), tenants)):
        yield Value("cost", "by route", pool.routes[i], pool.log_cost[i])
        yield Value("latency", "by route", pool.routes[i], pool.log_latency[i])
        if sampled[place]:
            yield Value("calibration", "by tenant", tenant, pool.correct[i] - pool.p[i])
            yield Value("calibration", "by task", pool.tasks[i], pool.correct[i] - pool.p[i])
    for i, tenant in list(zip(drawn.tolist(), tenants))[-MOST_TAKEN:]:
        for name, value in zip(INPUTS, pool.inputs[i].tolist()):
            yield Value("inputs", name, tenant, value)


def busy_days(pool: Pool, per_minute: int, tenants: int = 7, days: float = 14.0, seed: int = 0) -> list[Drift]:
    """Every alarm of inputs where so many stationary requests are looked at a minute, tenants being of unequal size."""
    rng, monitor, alarms = np.random.default_rng(seed), DriftMonitor(), []
    sizes = rng.dirichlet(np.ones(tenants))
    for _ in range(round(days * 1_440)):
        counts = rng.multinomial(per_minute, sizes)
        drawn = np.split(pool.inputs[rng.integers(len(pool), size=per_minute)], np.cumsum(counts)[:-1])
        told = [Inputs("", f"tenant {number}", numbers) for number, numbers in enumerate(drawn)]
        alarms += monitor.feed((), [column for one in told for column in one.columns()])
    return alarms


def outcomes_until_found(
    stream: Callable[[], RankStream | ResidualStream],
    before: np.ndarray,
    after: np.ndarray,
    repetitions: int,
    most: int,
    seed: int = 0,
) -> np.ndarray:
    """How many values after a change were needed, per repetition; infinite where `most` did not do. An alarm before the
    change begins the repetition anew."""
    rng, found = np.random.default_rng(seed), np.full(repetitions, math.inf)
    for one in range(repetitions):
        following = _settled(stream, before, rng)
        for n in range(BLOCK, most + 1, BLOCK):
            following.feed(rng.choice(after, BLOCK))
            if following.detector.log_evidence > THRESHOLD:
                found[one] = n
                break
    return found


def _settled(
    stream: Callable[[], RankStream | ResidualStream], before: np.ndarray, rng: np.random.Generator
) -> RankStream | ResidualStream:
    while True:
        made = stream()
        for block in rng.choice(before, (QUIET // BLOCK, BLOCK)):
            made.feed(block)
        if made.detector.log_evidence <= THRESHOLD:
            return made


def worse(pool: Pool, points: float, rng: np.random.Generator) -> Pool:
    """The same pool with right answers turned wrong at random, `points` (a share) fewer of them on average."""
    turned = rng.random(len(pool)) < points / pool.correct.mean()
    return replace(pool, correct=np.where(turned, 0.0, pool.correct))
