"""Which routes a request allows. Knows constraints and what routes can do; knows nothing of which is best."""

import difflib
from collections.abc import Mapping, Sequence

import numpy as np

from router.catalog import RouteSpec
from router.errors import ConstraintError, InputError, UnknownModelError
from router.estimate.estimators import Estimates
from router.requests import Request
from router.routes import Route


def feasible_routes(
    request: Request, routes: Sequence[Route], specs: Mapping[Route, RouteSpec], estimates: Estimates, usd: np.ndarray
) -> np.ndarray:
    """A boolean per route. `estimates` and `usd` (R,) are those of this request.

    Raises ConstraintError when none is left; it names the constraint that excluded the last routes and what would do.
    """
    allowed = np.ones(len(routes), dtype=bool)
    for name, mask, cure in _masks(request, routes, specs, estimates, usd):
        left = allowed & mask
        if not left.any():
            others = f" of the {int(allowed.sum())} left by the other constraints" if not allowed.all() else ""
            raise ConstraintError(name, _value(request, name), f"no route{others} satisfies it", cure)
        allowed = left
    return allowed


def _masks(
    request: Request, routes: Sequence[Route], specs: Mapping[Route, RouteSpec], estimates: Estimates, usd: np.ndarray
) -> list[tuple[str, np.ndarray, str]]:
    """The constraints that apply, as (field, mask, cure), those that name routes first and soft numbers last."""
    asked, facts = request.constraints, [specs[route] for route in routes]
    masks = []
    if asked.models is not None:
        known = {route.model for route in routes}
        _all_known("constraints.models", asked.models, known)
        masks.append(("constraints.models", np.array([r.model in asked.models for r in routes]), "Allow other models."))
    if asked.routes is not None:
        _all_known("constraints.routes", asked.routes, {route.key for route in routes})
        masks.append(("constraints.routes", np.array([r.key in asked.routes for r in routes]), "Allow other routes."))
    needs = asked.needs | ({"vision"} if request.images else frozenset())
    for need in sorted(needs):
        can = np.array([getattr(spec, need) for spec in facts])
        masks.append(("constraints.needs", can, f"Declare `{need} = true` for a route that can, in the routes file."))
    masks += _limits(request, facts, estimates, usd)
    return masks


def _limits(
    request: Request, facts: Sequence[RouteSpec], estimates: Estimates, usd: np.ndarray
) -> list[tuple[str, np.ndarray, str]]:
    asked, masks = request.constraints, []
    room = np.array([spec.context_window or np.inf for spec in facts])
    wanted = estimates.input_tokens[0] + estimates.output_tokens[0]
    if asked.min_context is not None:
        wanted = np.maximum(wanted, asked.min_context)
    if (room < wanted).any():
        masks.append(("constraints.min_context", room >= wanted, f"The largest window is {room.max():,.0f} tokens."))
    if asked.min_quality is not None:
        p = estimates.p[0]
        masks.append(("constraints.min_quality", p >= asked.min_quality, f"The best estimate is {p.max():.3f}."))
    if asked.max_seconds is not None:
        known = np.array([spec.seconds or 0.0 for spec in facts])
        seconds = np.where(estimates.seconds[0] > 0, estimates.seconds[0], known)
        masks.append(
            ("constraints.max_seconds", seconds <= asked.max_seconds, f"The fastest takes {seconds.min():.2f} s.")
        )
    if asked.max_usd is not None:
        masks.append(("constraints.max_usd", usd <= float(asked.max_usd), f"The cheapest costs ${usd.min():.6f}."))
    return masks


def _value(request: Request, name: str) -> object:
    if name == "constraints.needs":
        return sorted(request.constraints.needs) or "the request carries an image"
    return getattr(request.constraints, name.rpartition(".")[2])


def _all_known(field: str, named: Sequence[str], known: set[str]) -> None:
    for one in named:
        if one not in known:
            near = difflib.get_close_matches(one, sorted(known), n=3, cutoff=0.0)
            if field == "constraints.models":
                raise UnknownModelError(one, near, field=field)
            raise InputError(field, one, "not a route of this policy", f"Nearest: {', '.join(near)}.")
