"""The same estimates under other prices: which decisions flip, from where to where, and what that saves."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from router.catalog import PRICE_KEYS, read_routes_file
from router.embedding_cache import embed_cached
from router.encoders import Encoder
from router.errors import InputError, listed
from router.estimate.estimators import Estimates
from router.labels import read_labels
from router.moments import parse_moment
from router.objective import choose
from router.policy import Policy
from router.prices import Price


@dataclass(frozen=True)
class Flips:
    """Queries whose decision moves from one route to another; USD are means over them, at the other prices."""

    before: str
    after: str
    queries: int
    usd_kept: float
    usd_moved: float


@dataclass(frozen=True)
class OtherPrices:
    """A policy under the other prices, and the moment at which they count."""

    policy: Policy
    at: datetime
    told: str


def other_prices(policy: Policy, given: str, at: datetime) -> OtherPrices:
    """Read `at=DATE`, or a routes file whose prices replace the policy's. Raises InputError."""
    if given.startswith("at="):
        return OtherPrices(policy, parse_moment(given.removeprefix("at=")), given)
    return OtherPrices(repriced(policy, read_routes_file(Path(given))), at, given)


def repriced(policy: Policy, settings: Mapping[str, Mapping[str, Any]]) -> Policy:
    """The policy with the prices that a routes file gives; what was learned stays as it is."""
    unknown = [key for key in settings if not any(key in (route.model, route.key) for route in policy.routes)]
    if unknown:
        cure = f"There are: {listed([route.key for route in policy.routes])}."
        raise InputError("prices", unknown[0], "not a route of this policy", cure)
    specs = dict(policy.specs)
    for route, spec in policy.specs.items():
        told = {**settings.get(route.model, {}), **settings.get(route.key, {})}
        amounts = {key: told[key] for key in PRICE_KEYS if key in told}
        if amounts:
            specs[route] = replace(spec, price=Price("routes file", **amounts))
    return Policy(policy.estimator, specs, policy.sweep, policy.manifest, policy.folder, policy.plans)


def flips_on(
    policy: Policy, other: OtherPrices, labels: Path, at: datetime, encoder: Encoder, cache: Path
) -> list[Flips]:
    """The moves on the held-out queries of a label set."""
    policy.check_encoder(encoder.identity)
    data = read_labels(labels).part("test")
    vectors = embed_cached(encoder, data.texts, cache)
    return flipped(policy, other, policy.estimate(data.texts, vectors, [None] * data.n, data.context_chars), at)


def flipped(policy: Policy, other: OtherPrices, estimates: Estimates, at: datetime) -> list[Flips]:
    """Every move between routes at the policy's operating point, the most frequent first."""
    usd = other.policy.usd(estimates, other.at)
    before = choose(policy.counted(estimates), policy.usd(estimates, at), policy.value_usd)
    after = choose(policy.counted(estimates), usd, policy.value_usd)
    moved = np.flatnonzero(before != after)
    pairs, which = np.unique(np.column_stack([before[moved], after[moved]]), axis=0, return_inverse=True)
    found = []
    for number, (one, two) in enumerate(pairs):
        rows = moved[which.ravel() == number]
        keys = policy.routes[one].key, policy.routes[two].key
        found.append(Flips(*keys, len(rows), float(usd[rows, one].mean()), float(usd[rows, two].mean())))
    return sorted(found, key=lambda flip: -flip.queries)


def flip_lines(found: list[Flips], queries: int, told: str) -> list[str]:
    """What a person reads of it."""
    moved = sum(flip.queries for flip in found)
    lines = [f"Under {told}: {moved} of {queries} decisions flip ({moved / max(queries, 1):.1%})."]
    lines += [
        f"  {flip.queries:5d}  {flip.before} → {flip.after}: ${flip.usd_moved:.6f} instead of ${flip.usd_kept:.6f}"
        for flip in found
    ]
    return lines


def flips_json(found: list[Flips]) -> list[dict[str, Any]]:
    return [asdict(flip) for flip in found]
