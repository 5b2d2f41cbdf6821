"""What a set of (usd, accuracy) points is worth: hulls, areas, parity. Knows neither queries nor policies.

All functions take a batch: row b of `usd` and `accuracy` (shape (B, P)) is one world, for example one bootstrap
replicate, and the result has one number per row. NaN means "not defined here": a target that no point reaches, a range
of no width.
"""

from dataclasses import dataclass

import numpy as np

# An area has a step at the cheapest point, so it depends a little on its grid; fixed, so that reports can be compared.
GRID = 400
PARITY_SHARE = 0.99
FLOOR_SHARE = 0.95
# Sums in another order differ in the last bits; the cheapest point must not fall off the grid for that.
_SAME = 1e-9


@dataclass(frozen=True)
class Hulls:
    """Corners of non-decreasing concave hulls, shape (B, K), from the cheapest to the best; the last corner repeats."""

    usd: np.ndarray
    accuracy: np.ndarray

    def at(self, usd: np.ndarray, below: float | None = None) -> np.ndarray:
        """Accuracy reached for (B, G) usd; `below` is what counts left of the cheapest point (None: that point)."""
        lines = zip(usd, self.usd, self.accuracy)
        found = np.array([np.interp(x, xs, ys) for x, xs, ys in lines]).reshape(usd.shape)
        if below is not None:
            found[usd < self.usd[:, :1] * (1 - _SAME)] = below
        return found

    def usd_for(self, accuracy: np.ndarray) -> np.ndarray:
        """The least usd (B,) that reaches the accuracy (B,), mixing neighbours at random; NaN where nothing does."""
        lines = zip(accuracy, self.accuracy, self.usd)
        found = np.array([np.interp(a, ys, xs) for a, ys, xs in lines])
        return np.where(accuracy > self.accuracy[:, -1] * (1 + _SAME), np.nan, found)


def upper_hulls(usd: np.ndarray, accuracy: np.ndarray) -> Hulls:
    """Walk from the cheapest point (the best of equals) along the steepest way up, in every world at once."""
    rows = np.arange(len(usd))
    here = np.lexsort((-accuracy, usd), axis=-1)[:, 0]
    corners = [here]
    while True:
        run = usd - usd[rows, here, None]
        rise = accuracy - accuracy[rows, here, None]
        slope = np.divide(rise, run, out=np.full(usd.shape, -np.inf), where=(run > 0) & (rise > 0))
        top = slope.max(axis=1)
        onward = np.isfinite(top)
        if not onward.any():
            break
        # of points on one line the farthest is the corner
        farthest = np.where(slope == top[:, None], usd, -np.inf).argmax(axis=1)
        here = np.where(onward, farthest, here)
        corners.append(here)
    picked = np.stack(corners, axis=1)
    return Hulls(np.take_along_axis(usd, picked, axis=1), np.take_along_axis(accuracy, picked, axis=1))


def area(hulls: Hulls, low: np.ndarray, high: np.ndarray, log: bool = False) -> np.ndarray:
    """Mean accuracy of the hull between two spends (RouterBench's AIQ), evenly over usd or over log10(usd).

    Left of the hull's cheapest point nothing is answered: it counts 0.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        defined = (high > low) & (low > 0) if log else high > low
    area_ = np.full(len(low), np.nan)
    if defined.any():
        low, high = low[defined], high[defined]
        grid = (np.geomspace if log else np.linspace)(low, high, GRID, axis=-1)
        held = Hulls(hulls.usd[defined], hulls.accuracy[defined]).at(grid, below=0.0)
        x = np.log10(grid) if log else grid
        area_[defined] = np.trapezoid(held, x, axis=1) / (x[:, -1] - x[:, 0])
    return area_


def best_single(usd: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Column of the most accurate route per world, the cheapest of equals."""
    return np.lexsort((usd, -accuracy), axis=-1)[:, 0]


def parity(hulls: Hulls, best_usd: np.ndarray, best_accuracy: np.ndarray, share: float = PARITY_SHARE) -> np.ndarray:
    """Spend that keeps `share` of the best single route's accuracy, over that route's spend: .6 saves 40 %."""
    return ratio(hulls.usd_for(share * best_accuracy), best_usd)


def usd_per_correct(usd: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """USD per correct answer; NaN where nothing was right."""
    return ratio(usd, accuracy)


def cheapest_usd_per_correct(usd: np.ndarray, accuracy: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """The least USD per correct answer among points with at least the floor's accuracy. Without the floor
    the cheapest route wins nearly always, however bad its answers."""
    price = np.where(accuracy >= floor[:, None], usd_per_correct(usd, accuracy), np.inf).min(axis=1)
    return np.where(np.isfinite(price), price, np.nan)


def closed(router: np.ndarray, mix: np.ndarray, oracle: np.ndarray) -> np.ndarray:
    """Share of the gap between the best static mix of single routes and the oracle that is closed, in log areas."""
    return ratio(router - mix, oracle - mix)


@dataclass(frozen=True)
class TwoRoutes:
    """RouteLLM's figures: calls to the stronger route (%) that recover 50 or 80 % of the gap, and the mean recovery."""

    cpt50: np.ndarray
    cpt80: np.ndarray
    apgr: np.ndarray


def two_routes(strong_share: np.ndarray, accuracy: np.ndarray, weak: np.ndarray, strong: np.ndarray) -> TwoRoutes:
    """From the share of calls (B, P) that each point of the sweep sends to the stronger of two routes."""
    order = np.argsort(strong_share, axis=1, kind="stable")
    share = _between_ends(np.take_along_axis(strong_share, order, axis=1), np.zeros(len(weak)), np.ones(len(weak)))
    reached = _between_ends(np.take_along_axis(accuracy, order, axis=1), weak, strong)
    gap = (strong - weak)[:, None]
    recovered = ratio(reached - weak[:, None], gap)
    so_far = recovered.copy()
    # a sweep that dips is cut off at its best so far; its ends stay the single routes
    so_far[:, 1:-1] = np.maximum.accumulate(recovered[:, 1:-1], axis=1)
    cpt = [100 * np.array([np.interp(q, g, s) for g, s in zip(so_far, share)]) for q in (0.5, 0.8)]
    undefined = ~(gap[:, 0] > 0)
    return TwoRoutes(*(np.where(undefined, np.nan, x) for x in (*cpt, np.trapezoid(recovered, share, axis=1))))


def _between_ends(inner: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    return np.concatenate([first[:, None], inner, last[:, None]], axis=1)


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, NaN instead of a division by nothing."""
    above, below = np.broadcast_arrays(above, below)
    with np.errstate(invalid="ignore"):
        return np.divide(above, below, out=np.full(above.shape, np.nan), where=np.abs(below) > 0)
