"""Which tenants may use which models, tiers and efforts. What is not granted is off. Knows no money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from router.catalog import TIERS, RouteSpec
from router.errors import NotGrantedError
from router.routes import Route, effort_rank

# Off unless granted: the frontier tier, and efforts above medium.
OPEN_TIERS, OPEN_EFFORT = tuple(tier for tier in TIERS if tier != "frontier"), "medium"


@dataclass(frozen=True)
class Grant:
    """What some tenants may use beyond the defaults, and until when. Patterns are shell-style."""

    tenants: tuple[str, ...]
    tiers: tuple[str, ...] = ()
    max_effort: str | None = None
    models: tuple[str, ...] = ()
    environments: tuple[str, ...] = ("*",)
    until: date | None = None
    reason: str = ""

    def holds(self, tenant: str, environment: str | None, on: date) -> bool:
        """Whether it speaks for this tenant on this day; its last day counts."""
        named = any(fnmatchcase(tenant, one) for one in self.tenants)
        there = any(fnmatchcase(environment or "", one) for one in self.environments)
        return named and there and (self.until is None or on <= self.until)


@dataclass(frozen=True)
class Governance:
    """What every tenant may use, and the grants beyond that. `models` are those open to all (default: every model)."""

    tiers: tuple[str, ...] = OPEN_TIERS
    max_effort: str = OPEN_EFFORT
    models: tuple[str, ...] = ("*",)
    grants: tuple[Grant, ...] = ()

    def refusal(self, route: Route, tier: str, tenant: str, environment: str | None, on: date) -> str | None:
        """The grant that this route would need, or None where it is allowed."""
        grants = [one for one in self.grants if one.holds(tenant, environment, on)]
        if tier not in self.tiers and not any(tier in one.tiers for one in grants):
            return f"a grant of tier {tier}"
        rank = effort_rank(route.effort)
        highest = [
            effort_rank(one) or 0.0 for one in [self.max_effort, *(g.max_effort for g in grants if g.max_effort)]
        ]
        if rank is not None and rank > max(highest):
            return f"a grant of effort {route.effort}"
        open_models = [*self.models, *(pattern for one in grants for pattern in one.models)]
        if not any(fnmatchcase(route.model, pattern) for pattern in open_models):
            return f"a grant of model {route.model}"
        return None

    def allowed(
        self,
        routes: Sequence[Route],
        specs: Mapping[Route, RouteSpec],
        tenant: str,
        environment: str | None,
        on: date,
    ) -> tuple[str, ...]:
        """The keys of the routes that this tenant may use. Raises NotGrantedError when there are none."""
        refused = {
            route: self.refusal(route, specs[route].tier or "standard", tenant, environment, on) for route in routes
        }
        allowed = tuple(route.key for route, why in refused.items() if why is None)
        if not allowed:
            missing = sorted({why for why in refused.values() if why})
            raise NotGrantedError(tenant, [route.key for route in routes], missing)
        return allowed
