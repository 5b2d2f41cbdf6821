"""The answer when anything inside fails: one configured route, marked as such. Knows no policy, encoder or store."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from router.catalog import RouteSpec, build_specs, price_book, with_tiers
from router.constraints import needs_of
from router.decisions import Decision, Option, new_decision_id
from router.prices import now
from router.provider_parameters import provider_parameters
from router.requests import Request
from router.routes import Route

Cause = Literal[
    "no-policy", "policy-error", "policy-timeout", "encoder-error", "encoder-timeout", "price-error", "overload"
]
CAUSES: dict[Cause, str] = {
    "no-policy": "no policy is loaded",
    "policy-error": "the policy failed",
    "policy-timeout": "the policy took too long",
    "encoder-error": "the encoder failed or is not loaded",
    "encoder-timeout": "the encoder took too long",
    "price-error": "a route of the policy could not be priced",
    "overload": "too many decisions were waiting",
}


@dataclass(frozen=True)
class SafeRoute:
    """The configured route with its facts and the token cap that goes with it."""

    spec: RouteSpec
    max_output_tokens: int

    @classmethod
    def from_key(cls, key: str, max_output_tokens: int) -> "SafeRoute":
        """Read `model|effort`. Raises InputError; a model that nobody prices is still a safe route."""
        route = Route.parse(key, field="safe_route")
        specs = build_specs([route])
        return cls(with_tiers(specs, price_book(specs), now())[route], max_output_tokens)

    def decision(self, request: Request, cause: Cause, at: datetime) -> Decision:
        """The safe route as a decision. What was not estimated is NaN, which is `null` in every record and answer."""
        nan, route = math.nan, self.spec.route
        chosen = Option(route, self.spec.tier or "standard", nan, nan, nan, nan, nan, self.max_output_tokens, nan)
        return Decision(
            decision_id=new_decision_id(),
            action="fallback",
            chosen=chosen,
            alternatives=(),
            value_usd=None,
            propensity=1.0,
            policy="safe-route",
            reason=f"{route.key}: the configured safe route, because {CAUSES[cause]}; {self._warning(request)}.",
            parameters=provider_parameters(self.spec, self.max_output_tokens),
            at=at,
            unlike=nan,
            task=request.task,
            fallback=cause,
        )

    def _warning(self, request: Request) -> str:
        """Which constraints this route breaks, as far as anybody can tell without a policy."""
        asked, route = request.constraints, self.spec.route
        broken = [f"needs {need}" for need in sorted(needs_of(request)) if not getattr(self.spec, need)]
        if asked.models is not None and route.model not in asked.models:
            broken.append("models")
        if asked.routes is not None and route.key not in asked.routes:
            broken.append("routes")
        if broken:
            return f"it does not satisfy these constraints of the request: {', '.join(broken)}"
        return "nothing was estimated, so limits on cost, quality and time were not checked"
