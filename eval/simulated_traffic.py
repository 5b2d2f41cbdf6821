"""Months of simulated traffic for the gate: requests drawn from labelled queries, explored, shadowed, looked at hourly.

A request is a labelled query drawn at random, so the truth is known: it is the table's. Hours are counts of what was
drawn, which lets ten million requests be looked at in seconds through the same `weigh` that serves.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from router.gate.boundary import half_width
from router.gate.difficulty import bands_of
from router.gate.evidence import SLICED_BY, Evidence, from_pairs
from router.gate.verdict import Rules, Verdict, weigh
from router.off_policy.answer import MOST_UNSUPPORTED, robust_pairs
from router.off_policy.logged import Logged

HOURS = 720
RULES = Rules()


@dataclass(frozen=True)
class Traffic:
    """Q queries over R routes: what each answer is worth and costs, the incumbent's estimates, the columns that either
    policy takes, and the probability (Q, R) with which the incumbent's exploration takes each route."""

    correct: np.ndarray = field(repr=False)
    paid: np.ndarray = field(repr=False)
    p: np.ndarray = field(repr=False)
    usd: np.ndarray = field(repr=False)
    incumbent: np.ndarray = field(repr=False)
    candidate: np.ndarray = field(repr=False)
    probability: np.ndarray = field(repr=False)
    task: np.ndarray = field(repr=False)

    @property
    def n(self) -> int:
        return len(self.incumbent)

    @property
    def unsupported(self) -> float:
        """Share of requests on which the candidate's route is never explored."""
        return float((self.probability[np.arange(self.n), self.candidate] <= 0).mean())

    def executed(self) -> Evidence:
        """A row per query: both answers observed."""
        rows = np.arange(self.n)
        usd, correct = (
            np.column_stack([table[rows, one] for one in (self.incumbent, self.candidate)])
            for table in (self.paid, self.correct)
        )
        names = {"task": self.task, "difficulty": bands_of(self.p[rows, self.incumbent])}
        return from_pairs("shadow", usd, correct, self.incumbent != self.candidate, names, live=True)

    def logged(self) -> tuple[Evidence, np.ndarray, np.ndarray]:
        """A row per query and route that may be taken: doubly robust figures, with the row's query and route."""
        query, route = np.nonzero(self.probability)
        empty = np.full(len(query), "", dtype=object)
        cells = Logged(
            tuple(map(str, range(self.p.shape[1]))),
            route,
            self.incumbent[query],
            self.probability[query],
            self.correct[query, route],
            self.paid[query, route],
            self.p[query],
            self.usd[query],
            self.task[query],
            empty,
            empty,
            empty,
            empty,
            np.zeros(len(query)),
            empty,
            empty,
        )
        return robust_pairs(cells, self.candidate[query]), query, route


@dataclass(frozen=True)
class Decided:
    """How a run ended: the last verdict, after how many requests and hours."""

    verdict: Verdict
    requests: int
    hours: int


def run(traffic: Traffic, seed: int, rules: Rules = RULES, per_hour: int = 10_000, executed: float = 0.01) -> Decided:
    """Look at the evidence every hour of a month until the gate promotes or rejects."""
    shadow, (log, query, route) = traffic.executed(), traffic.logged()
    counts = np.zeros(traffic.n), np.zeros(traffic.probability.shape)
    for hour, (seen, taken) in enumerate(_hours(traffic, seed, per_hour, executed), 1):
        counts[0][:] += seen
        counts[1][:] += taken
        evidence = [_counted(shadow, counts[0])]
        if traffic.unsupported <= MOST_UNSUPPORTED:
            evidence.append(_counted(log, counts[1][query, route]))
        verdict = weigh(evidence, rules)
        if verdict.decision != "keep watching" or hour == HOURS:
            return Decided(verdict, hour * per_hour, hour)
    raise AssertionError("a month has hours")


def _hours(traffic: Traffic, seed: int, per_hour: int, executed: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Per hour: how often each query was executed by both (Q,), and was logged on each route (Q, R)."""
    rng = np.random.default_rng(seed)
    chances = traffic.probability / traffic.probability.sum(axis=1, keepdims=True)
    for _ in range(HOURS):
        asked = rng.multinomial(per_hour, np.full(traffic.n, 1 / traffic.n))
        both = rng.binomial(asked, executed)
        yield both, rng.multinomial(asked - both, chances)


def _counted(one: Evidence, count: np.ndarray) -> Evidence:
    """Evidence of rows that were drawn, with the share of traffic that they are."""
    drawn = np.flatnonzero(count)
    kept = {name: getattr(one, name)[drawn] for name in ("usd", "correct", "weight", "differ", *SLICED_BY)}
    return replace(one, count=count[drawn].astype(float), requests=int(count.sum()), **kept)


def null_pair(at_margin: bool, queries: int = 400, seed: int = 0, rules: Rules = RULES) -> Traffic:
    """Two policies of which the second must not be promoted, on the edge of it.

    Without `at_margin`: as good and as dear, to the last digit, though they differ on 40 % of the queries (every
    difference has its mirror image, as difficult and of the same task). With it: half the price, and worse by exactly
    the margin.
    """
    rng = np.random.default_rng(seed)
    apart = int(0.2 * queries)  # pairs of queries that mirror each other
    p = np.repeat(rng.beta(3, 1, (queries // 2, 1)), 2, axis=0)  # expected alike of both routes, .75 on average
    correct = (rng.random((queries, 2)) < p).astype(float)
    usd = 0.001 * np.exp(rng.normal(0, 0.8, (queries, 2)))
    task = np.repeat(rng.choice(["a", "b", "c"], queries // 2, p=[0.6, 0.3, 0.1]), 2)
    first, second = np.arange(0, 2 * apart, 2), np.arange(1, 2 * apart, 2)
    correct[second], usd[second] = correct[first][:, ::-1], usd[first][:, ::-1]
    choice = np.zeros(queries, dtype=int)
    choice[: 2 * apart] = 1
    if at_margin:
        usd[: 2 * apart, 1] *= 0.5
        right = np.flatnonzero((task == "a") & (choice == 1) & (correct == 1).all(axis=1))
        correct[right[: round(rules.margin * queries)], 1] = 0.0
    greedy = np.eye(2)[np.zeros(queries, dtype=int)]
    return Traffic(correct, usd, np.tile(p, 2), usd, np.zeros(queries, dtype=int), choice, greedy, task)


@dataclass(frozen=True)
class FalsePromotions:
    """Of `runs`, how many were promoted by the gate at any hourly look, and by a plain 95 % interval at any look."""

    runs: int
    hours: int
    gate: int
    plain: int


def false_promotions(
    traffic: Traffic, runs: int = 1_000, hours: int = 336, per_hour: int = 60, rules: Rules = RULES, seed: int = 0
) -> FalsePromotions:
    """Executed comparisons only, looked at every hour. `weigh` is asked where a bound that is surely narrower than its
    own would promote: nowhere else can it."""
    shadow = traffic.executed()
    cells = np.hstack([shadow.usd, shadow.correct])
    gate = plain = 0
    for i in range(runs):
        rng = np.random.default_rng([seed, i])
        counts = np.cumsum(rng.multinomial(per_hour, np.full(traffic.n, 1 / traffic.n), size=hours), axis=0)
        near, naive = _screened(counts.astype(float), cells, rules)
        plain += bool(naive[24:].any())  # a day of data, before anybody would look
        gate += any(weigh([_counted(shadow, counts[hour])], rules).promoted for hour in np.flatnonzero(near))
    return FalsePromotions(runs, hours, gate, plain)


def _screened(counts: np.ndarray, cells: np.ndarray, rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """Hours (H,) at which the overall checks might pass by the gate's boundary, and would by plain intervals."""
    n = counts.sum(axis=1)
    mean = counts @ cells / n[:, None]
    square = (counts @ (cells[:, :, None] * cells[:, None, :]).reshape(len(cells), -1)).reshape(len(n), 4, 4)
    slope = np.column_stack([-1 / mean[:, 0], 1 / mean[:, 1], 1 / mean[:, 2], -1 / mean[:, 3]])
    price = np.log(mean[:, 1] / mean[:, 3]) - np.log(mean[:, 0] / mean[:, 2])
    price_error = np.sqrt(np.einsum("hi,hij,hj->h", slope, square, slope)) / n
    quality = mean[:, 3] - mean[:, 2]
    squares = square[:, 2, 2] + square[:, 3, 3] - 2 * square[:, 2, 3]
    quality_error = np.sqrt(np.maximum(squares - n * quality**2, 0.0)) / n
    found = []
    for width in (lambda error, scale: _widths(error, rules.level / 2, scale), lambda error, scale: 1.96 * error):
        good = quality - width(quality_error, rules.margin) > -rules.margin
        found.append(good & (price + width(price_error, rules.saving) < 0))
    return found[0], found[1]


def _widths(error: np.ndarray, level: float, scale: float) -> np.ndarray:
    return np.array([half_width(float(1 / max(one, 1e-12) ** 2), level, scale) for one in error])
