"""A trained policy: estimates for every route, today's prices, and the rule that turns them into one choice.

`/route` and `eval decide` share `estimate`, `usd` and `choose`, all row by row, so they agree to the bit. Prices are
not part of what was learned: they are looked up at the moment of the decision.
"""

import hashlib
import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from router.catalog import RouteSpec, price_book
from router.constraints import feasible_routes
from router.decisions import Decision, Option, new_decision_id
from router.encoders import EncoderIdentity
from router.errors import EncoderMismatchError, InputError, PolicyFileError
from router.estimate.estimators import Estimates, Estimator
from router.objective import BEST, CHEAPEST, choose, utility, weighed
from router.offers import Offers, changes_price, special_offers, usual_seconds
from router.operating_points import Sweep, read_value, write_value
from router.plans.files import Plans, read_plans
from router.plans.requests import first_look
from router.policy_files import read_folder
from router.prices import PriceBook, Rates, rates_table
from router.provider_parameters import provider_parameters
from router.requests import Request
from router.routes import Route
from router.service_tiers import DEFAULT, TIER_SECONDS
from router.untrusted import read_json, read_text

__all__ = ["Policy", "Sweep", "read_value", "write_value"]
ROUTES_FILE, SWEEP_FILE, ESTIMATOR_FOLDER = "routes.json", "sweep.json", "estimator"
TRAINED_ON_FILE = "trained_on.txt"  # a digest per training text, so that an evaluation can tell what is held out
# A cap at the expected high quantile would cut one answer in twenty, and a cut answer is paid and wrong. Twice that
# quantile cuts almost none and still bounds a runaway.
CAP_FACTOR, LEAST_CAP, CAP_STEP = 2.0, 256, 64
SHOWN_ALTERNATIVES = 5
TOLD_CAUTION = 1.5
_RatesOfMinute = tuple[tuple[PriceBook, datetime], tuple[list[Rates], np.ndarray | None]]


class Policy:
    """Estimates, prices and an operating point. Immutable after loading; safe to share between threads."""

    def __init__(
        self,
        estimator: Estimator,
        specs: dict[Route, RouteSpec],
        sweep: Sweep,
        manifest: dict[str, Any],
        folder: Path | None = None,
        plans: Plans | None = None,
    ) -> None:
        self.plans = plans
        self.estimator, self.specs, self.sweep, self.manifest, self.folder = estimator, specs, sweep, manifest, folder
        self.routes: tuple[Route, ...] = estimator.routes
        self.book: PriceBook = price_book(specs)
        self._of_minute: _RatesOfMinute | None = None
        self._facts = [specs[route] for route in self.routes]
        self.version: str = manifest["version"]
        self.value_usd: float = read_value(manifest["operating_point"]["value_usd"])
        self.encoder = EncoderIdentity(**manifest["encoder"])
        # how many times a correct answer counts for a request wholly unlike the labels
        self.caution: float = (manifest.get("unlike") or {}).get("caution", 1.0)

    @classmethod
    def load(cls, folder: Path) -> "Policy":
        """Read a policy folder, every file checked. Raises PolicyFileError."""
        manifest = read_folder(folder)
        try:
            specs = [RouteSpec.from_dict(one) for one in read_json(folder / ROUTES_FILE)]
            sweep = Sweep.from_dict(read_json(folder / SWEEP_FILE))
            estimator = Estimator.load(folder / ESTIMATOR_FOLDER)
            plans = read_plans(folder, estimator.routes)
            return cls(estimator, {spec.route: spec for spec in specs}, sweep, manifest, folder, plans)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, InputError) as error:
            raise PolicyFileError(f"{folder}: not a usable policy ({error!r}). Train it again.") from error

    def trained_on(self) -> frozenset[str]:
        """Digests (`text_digest`) of the texts that the policy was trained on."""
        path = self.folder / TRAINED_ON_FILE if self.folder else None
        return frozenset(read_text(path).split()) if path and path.is_file() else frozenset()

    def check_encoder(self, identity: EncoderIdentity) -> None:
        """Raises EncoderMismatchError unless the vectors of this encoder are those the policy was trained on."""
        if not self.encoder.comparable(identity):
            here, there = (f"{one.name} ({one.precision}, {one.weights[:12]})" for one in (identity, self.encoder))
            raise EncoderMismatchError(
                f"the policy was trained on {there}, the encoder is {here}. "
                "Set TIERWISE_ENCODER and TIERWISE_ENCODER_BACKEND as they were, or train again."
            )

    def estimate(
        self, texts: Sequence[str], vectors: np.ndarray, tasks: Sequence[str | None], context_chars: np.ndarray
    ) -> Estimates:
        return self.estimator.predict(texts, vectors, tasks, context_chars)

    def usd(self, estimates: Estimates, at: datetime) -> np.ndarray:
        """Expected USD of each route for each request, (n, R), as text of its length at the prices of a moment."""
        return self._usd(estimates.input_tokens, estimates.output_tokens, *self._rates(at))

    def _usd(self, given: np.ndarray, made: np.ndarray, rates: Sequence[Rates], table: np.ndarray | None) -> np.ndarray:
        if table is not None:  # the same arithmetic, all routes at once
            return table[0] + given * table[1] + made * table[2]
        return np.column_stack([rate.usd(given[:, j], made[:, j]) for j, rate in enumerate(rates)])

    def offers(self, request: Request, estimates: Estimates, at: datetime) -> Offers:
        """What each route offers for one request, whose estimates these are (n = 1)."""
        if changes_price(request):
            return special_offers(request, self.routes, self.specs, self.book, estimates, at)
        given, made, most = estimates.input_tokens, estimates.output_tokens, estimates.output_tokens_high
        seconds = usual_seconds(estimates, self._facts)
        rates = self._rates(at)
        usd, upper = self._usd(given, made, *rates), self._usd(given, most, *rates)
        return Offers(given[0], made[0], np.zeros(given.shape[1]), usd[0], upper[0], seconds[0])

    def _rates(self, at: datetime) -> tuple[list[Rates], np.ndarray | None]:
        """The rates of the minute: no price begins or ends within one."""
        minute, known = (self.book, at.replace(second=0, microsecond=0)), self._of_minute
        if known is None or known[0] != minute:
            rates = [self.book.rates(route, at) for route in self.routes]
            known = self._of_minute = minute, (rates, rates_table(rates))
        return known[1]

    def sweep_choices(
        self,
        estimates: Estimates,
        usd: np.ndarray,
        values: Sequence[float] | np.ndarray,
        feasible: np.ndarray | None = None,
    ) -> np.ndarray:
        """The chosen route's column for each request at each value, (n, points)."""
        counted = self.counted(estimates)
        return np.column_stack([choose(counted, usd, value, feasible) for value in values])

    def counted(self, estimates: Estimates) -> np.ndarray:
        """P(correct) (n, R) as it counts in a choice between routes: more where a request is unlike the labels."""
        return estimates.p if self.caution == 1.0 else weighed(estimates.p, estimates.unlike, self.caution)

    def decide(
        self, request: Request, vector: np.ndarray, at: datetime, shown: int | None = SHOWN_ALTERNATIVES
    ) -> Decision:
        """One request's decision, with the `shown` best alternatives (None: all). Raises ConstraintError when no route
        satisfies its constraints."""
        chars = np.array([request.context_chars])
        estimates = self.estimate([request.text], vector[None, :], [request.task], chars)
        offers = self.offers(request, estimates, at)
        usd = offers.usd[None, :]
        feasible = feasible_routes(request, self.routes, self.specs, offers, estimates.p[0])
        value = self.value_for(request)
        column = int(choose(self.counted(estimates), usd, value, feasible[None, :])[0])
        value *= self.caution ** float(estimates.unlike[0])  # what that choice took a correct answer to be worth
        # plans that did not prove worth their calls in training are for replays only
        proved = (self.manifest.get("plans") or {}).get("worth_it", True)
        look = first_look(self.plans if proved else None, self.routes, request, estimates.p, usd, value, feasible)
        if look is not None:
            column = self.routes.index(look.route)
        order = self._order(estimates, usd, value, feasible, column, shown if look is None else None)
        options = [self._option(j, estimates, offers) for j in order]
        chosen = options[0]
        reason = explain(options, value, int(feasible.sum()), len(self.routes)) if look is None else look.reason
        return Decision(
            decision_id=new_decision_id(),
            action="route",
            chosen=chosen,
            alternatives=tuple(options[1:]),
            value_usd=value,
            propensity=1.0,
            policy=self.version,
            reason=reason + price_remark(chosen) + self._caution_remark(float(estimates.unlike[0])),
            parameters=provider_parameters(self.specs[chosen.route], chosen.max_output_tokens, chosen.service_tier),
            at=at,
            unlike=float(estimates.unlike[0]),
            task=estimates.task[0],
            plan=None if look is None else look.as_dict(),
        )

    def _caution_remark(self, unlike: float) -> str:
        times = self.caution**unlike
        if times < TOLD_CAUTION:
            return ""
        return f" It is unlike the labels ({unlike:.2f}), so a correct answer counts {times:.1f} times."

    def value_for(self, request: Request) -> float:
        """The value of a correct answer that this request asks for, or the policy's operating point."""
        if request.value_usd is not None:
            return request.value_usd
        return {"cheapest": CHEAPEST, "best": BEST, None: self.value_usd}[request.objective]

    def _order(
        self, estimates: Estimates, usd: np.ndarray, value: float, feasible: np.ndarray, column: int, most: int | None
    ) -> list[int]:
        """The chosen column, then at most `most` feasible alternatives of most worth, the strongest one among them."""
        worth = estimates.p[0] if math.isinf(value) else utility(estimates.p, usd, value)[0]
        left = [int(j) for j in np.flatnonzero(feasible) if j != column]
        others = sorted(left, key=lambda j: (-worth[j], usd[0, j]))
        shown = others[:most]
        strongest = max(others, key=lambda j: estimates.p[0, j], default=column)
        if strongest not in (column, *shown):
            shown[-1] = strongest
        return [column, *shown]

    def _option(self, j: int, estimates: Estimates, offers: Offers) -> Option:
        route = self.routes[j]
        spec = self.specs[route]
        cap = max(LEAST_CAP, CAP_STEP * math.ceil(CAP_FACTOR * float(estimates.output_tokens_high[0, j]) / CAP_STEP))
        return Option(
            route=route,
            tier=spec.tier or "standard",
            p_correct=float(estimates.p[0, j]),
            p_low=float(estimates.p_low[0, j]),
            p_high=float(estimates.p_high[0, j]),
            expected_usd=float(offers.usd[j]),
            output_tokens=float(estimates.output_tokens[0, j]),
            max_output_tokens=min(cap, spec.max_output_tokens or cap),
            seconds=float(offers.seconds[j]),
            upper_usd=float(offers.upper_usd[j]),
            input_tokens=float(offers.input_tokens[j]),
            cached_input_tokens=float(offers.cached_tokens[j]),
            service_tier=offers.tiers[j] if offers.tiers else DEFAULT,
        )


def text_digest(text: str) -> str:
    """What stands for a text where the text itself is not to be kept."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def explain(options: Sequence[Option], value: float, feasible: int, routes: int) -> str:
    """One sentence: what won, over what, and by how much."""
    best = options[0]
    chance = f"P(correct) {best.p_correct:.2f} [{best.p_low:.2f}, {best.p_high:.2f}]"
    won = f"{best.route.key}: {chance} for ${best.expected_usd:.6f}"
    if len(options) == 1:
        return f"{won}; the only feasible route of {routes}."
    next_best = options[1]
    rival = f"{next_best.route.key} (P {next_best.p_correct:.2f}, ${next_best.expected_usd:.6f})"
    if value == CHEAPEST:
        return f"{won}; the cheapest of {feasible} feasible routes, before {rival}."
    if math.isinf(value):
        return f"{won}; the most probably correct of {feasible} feasible routes, before {rival}."
    ahead = value * (best.p_correct - next_best.p_correct) - (best.expected_usd - next_best.expected_usd)
    return f"{won}; at ${value:.6g} per correct answer it is worth ${ahead:.6f} more than {rival}."


def price_remark(option: Option) -> str:
    """What else the price of an option rests on, where it rests on anything but its tokens at list price."""
    said = ""
    if option.cached_input_tokens:
        said += (
            f" About {option.cached_input_tokens:,.0f} of its {option.input_tokens:,.0f} input tokens should be read"
        )
        said += " from the provider's cache."
    if option.service_tier != DEFAULT:
        said += f" Priced on the {option.service_tier} tier, which may take {TIER_SECONDS[option.service_tier]:,.0f} s."
    return said
