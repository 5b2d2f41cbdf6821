"""The table of figures: each policy's sweep against single routes and oracle, with paired intervals.

Joins metrics (what points are worth) with the bootstrap (how sure that is). Knows nothing of how a policy was made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.bootstrap import Estimate, draw_weights, estimate
from eval.metrics import (
    FLOOR_SHARE,
    Hulls,
    area,
    best_single,
    cheapest_usd_per_correct,
    closed,
    parity,
    two_routes,
    upper_hulls,
)
from eval.sweeps import Oracle, Sweep, values_to_sweep

QUALITY_SHARES = (0.95, 0.98, 0.99, 1.0)
Worlds = dict[str, np.ndarray]


@dataclass(frozen=True)
class PolicyFigures:
    """Figures of one policy, and the router's minus this one's in the same resampled worlds."""

    name: str
    label: str
    figures: dict[str, Estimate]
    router_minus: dict[str, Estimate]


@dataclass(frozen=True)
class Band:
    """The router's hull over a range of spend with a pointwise 95 % interval."""

    usd: tuple[float, ...]
    accuracy: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    policies: tuple[PolicyFigures, ...]
    band: Band


class _World:
    """Single routes and oracle under a block of query weights: the yardsticks of every policy in those worlds."""

    def __init__(self, weights: np.ndarray, correct: np.ndarray, costs: np.ndarray, oracle: Oracle) -> None:
        total = weights.sum(axis=1, keepdims=True)
        self.weights, self.share = weights, weights / total
        self.usd, self.accuracy = weights @ costs / total, weights @ correct / total
        rows = np.arange(len(weights))
        best = best_single(self.usd, self.accuracy)
        self.best_usd, self.best_accuracy = self.usd[rows, best], self.accuracy[rows, best]
        self.low, self.high = self.usd.min(axis=1), self.usd.max(axis=1)
        self.mix_area = self.log_area(upper_hulls(self.usd, self.accuracy))
        self.oracle = oracle.resampled(weights, values_to_sweep(self.usd))
        self.oracle_area = self.log_area(upper_hulls(*self.oracle))

    def log_area(self, hulls: Hulls) -> np.ndarray:
        return area(hulls, self.low, self.high, log=True)

    def means(self, sweep: Sweep) -> tuple[np.ndarray, np.ndarray]:
        return self.share @ sweep.usd, self.share @ sweep.correct

    def figures(self, usd: np.ndarray, accuracy: np.ndarray) -> Worlds:
        """All figures of a policy whose points cost and reach this, one number per world."""
        hulls = upper_hulls(usd, accuracy)
        log_area = self.log_area(hulls)
        found = {
            "closed": closed(log_area, self.mix_area, self.oracle_area),
            "aiq": area(hulls, self.low, self.high),
            "logaiq": log_area,
            "parity": parity(hulls, self.best_usd, self.best_accuracy),
            "best_usd_per_correct_at_95pct": cheapest_usd_per_correct(usd, accuracy, FLOOR_SHARE * self.best_accuracy),
        }
        for share in QUALITY_SHARES:
            found[f"usd_for_{share:.0%}"] = hulls.usd_for(share * self.best_accuracy)
        return found

    def two_route_figures(self, sweep: Sweep, strong: int) -> Worlds:
        """RouteLLM's figures, for a sweep between exactly two routes."""
        if sweep.picks is None or self.usd.shape[1] != 2:
            return {}
        share = self.share @ (sweep.picks == strong)
        ends = self.accuracy.min(axis=1), self.accuracy.max(axis=1)
        return vars(two_routes(share, self.share @ sweep.correct, *ends))


def compare(
    router: Sweep,
    references: Sequence[Sweep],
    correct: np.ndarray,
    costs: np.ndarray,
    replicates: int = 1000,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
) -> Comparison:
    """Figures of the router, then of each reference, then of the oracle."""
    n, oracle = len(correct), Oracle(correct, costs)
    strong = int(np.argmax(correct.mean(axis=0)))
    grid = _band_grid(router)

    def look(weights: np.ndarray) -> tuple[list[Worlds], np.ndarray]:
        world = _World(weights, correct, costs, oracle)
        seen = [
            world.figures(*world.means(one)) | world.two_route_figures(one, strong) for one in (router, *references)
        ]
        seen.append(world.figures(*world.oracle))
        return seen, upper_hulls(*world.means(router)).at(np.broadcast_to(grid, (len(weights), len(grid))))

    whole, held = look(np.ones((1, n)))
    blocks, bands = [], [np.empty((0, len(grid)))]
    for weights in draw_weights(n, replicates, seed):
        seen, band = look(weights)
        blocks.append(seen)
        bands.append(band)
        progress(sum(map(len, bands)) / replicates)
    names = [(sweep.name, sweep.label) for sweep in (router, *references)] + [("oracle", "Oracle")]
    drawn = [{k: np.concatenate([b[i][k] for b in blocks] or [np.empty(0)]) for k in f} for i, f in enumerate(whole)]
    policies = tuple(_policy(*names[i], whole[0], drawn[0], whole[i], drawn[i]) for i in range(len(names)))
    return Comparison(policies, _band(grid, held[0], np.concatenate(bands)))


def _policy(name: str, label: str, router: Worlds, routers: Worlds, own: Worlds, owns: Worlds) -> PolicyFigures:
    figures = {key: estimate(own[key][0], owns[key]) for key in own}
    if own is router:
        return PolicyFigures(name, label, figures, {})
    minus = {key: estimate(router[key][0] - own[key][0], routers[key] - owns[key]) for key in own}
    return PolicyFigures(name, label, figures, minus)


def _band_grid(router: Sweep, count: int = 120) -> np.ndarray:
    usd = router.usd.mean(axis=0)
    low, high = usd.min(), usd.max()
    return np.geomspace(low, high, count) if low > 0 else np.linspace(low, high, count)


def _band(grid: np.ndarray, held: np.ndarray, drawn: np.ndarray) -> Band:
    low, high = np.percentile(drawn, (2.5, 97.5), axis=0) if len(drawn) else (held, held)
    return Band(*(tuple(map(float, x)) for x in (grid, held, low, high)))
