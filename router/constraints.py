"""Which routes a request allows, and which of its constraints exclude each other. Knows nothing of which is best."""

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np

from router.catalog import RouteSpec
from router.errors import Conflicting, ConstraintError, InputError, UnknownModelError
from router.offers import Offers
from router.requests import Request
from router.routes import Route

Relax = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Bound:
    """One constraint: the routes that it `allows` (R,), and how it gives way: `relax` tells the nearest value that
    would allow one of some routes (a mask), `cure` what else would help."""

    field: str
    value: Any
    allows: np.ndarray
    relax: Relax | None = None
    cure: str = ""


def feasible_routes(
    request: Request, routes: Sequence[Route], specs: Mapping[Route, RouteSpec], offers: Offers, p: np.ndarray
) -> np.ndarray:
    """A boolean per route. `offers` and `p` (R,) are those of this request.

    Raises ConstraintError when none is left; it names a smallest set of constraints that exclude each other, and which
    value of each would do.
    """
    bounds = _bounds(request, routes, specs, offers, p)
    allowed = np.ones(len(routes), dtype=bool)
    for bound in bounds:
        allowed &= bound.allows
    if not allowed.any():
        raise _conflict(bounds, [route.key for route in routes])
    return allowed


def _bounds(
    request: Request, routes: Sequence[Route], specs: Mapping[Route, RouteSpec], offers: Offers, p: np.ndarray
) -> list[Bound]:
    """The constraints that apply, those that name routes first and numbers last."""
    asked, keys = request.constraints, [route.key for route in routes]
    bounds = []
    if asked.models is not None:
        models = [route.model for route in routes]
        _all_known("constraints.models", asked.models, set(models))
        allows = np.array([model in asked.models for model in models])
        bounds.append(Bound("constraints.models", list(asked.models), allows, _names(models)))
    if asked.routes is not None:
        _all_known("constraints.routes", asked.routes, set(keys))
        allows = np.array([key in asked.routes for key in keys])
        bounds.append(Bound("constraints.routes", list(asked.routes), allows, _names(keys)))
    for need, where in needs_of(request).items():
        able = np.array([getattr(specs[route], need) for route in routes])
        cure = f"Declare `{need} = true` for a route that can, in the routes file."
        bounds.append(Bound(where, need, able, cure=cure))
    return bounds + _limits(request, [specs[route] for route in routes], offers, p)


def needs_of(request: Request) -> dict[str, str]:
    """Capabilities that a route must have for it, and the field that asks for each."""
    carried = {"vision": bool(request.images), "audio": bool(request.sounds)}
    told = dict.fromkeys(sorted(request.constraints.needs), "constraints.needs")
    return told | {need: "messages" for need, there in carried.items() if there}


def _limits(request: Request, facts: Sequence[RouteSpec], offers: Offers, p: np.ndarray) -> list[Bound]:
    asked, bounds = request.constraints, []
    room = np.array([spec.context_window or np.inf for spec in facts])
    wanted = np.maximum(offers.input_tokens + offers.output_tokens, asked.min_context or 0)
    if (room < wanted).any():
        if asked.min_context is None:
            cure = "Send less, or use a route with a larger context window."
            bounds.append(Bound("messages", f"about {wanted.max():,.0f} tokens", room >= wanted, cure=cure))
        else:
            bounds.append(Bound("constraints.min_context", asked.min_context, room >= wanted, _most(room, 0)))
    if asked.min_quality is not None:
        bounds.append(Bound("constraints.min_quality", asked.min_quality, p >= asked.min_quality, _most(p, 4)))
    if asked.max_seconds is not None:
        seconds = offers.seconds
        allows = seconds <= asked.max_seconds
        bounds.append(Bound("constraints.max_seconds", asked.max_seconds, allows, _least(seconds, 2)))
    if asked.max_usd is not None:
        allows = offers.usd <= float(asked.max_usd)
        bounds.append(Bound("constraints.max_usd", asked.max_usd, allows, _least(offers.usd, 8)))
    return bounds


def _names(names: Sequence[str]) -> Relax:
    return lambda left: sorted(set(compress(names, left)))


def _most(values: np.ndarray, digits: int) -> Relax:
    """The largest among the routes left, rounded down: what it would take to be allowed."""
    return lambda left: -_rounded_up(-float(values[left].max()), digits)


def _least(values: np.ndarray, digits: int) -> Relax:
    return lambda left: _rounded_up(float(values[left].min()), digits)


def _rounded_up(value: float, digits: int) -> float:
    rounded = math.ceil(value * 10**digits) / 10**digits
    return rounded if rounded >= value else rounded + 10**-digits  # the product may have been rounded down


def _conflict(bounds: Sequence[Bound], keys: Sequence[str]) -> ConstraintError:
    """The error of bounds that leave no route. Every bound that can be spared is dropped, the first ones first, so what
    is left is a smallest conflict: numbers, which are easier to move, are kept rather than names."""
    kept = list(bounds)
    for bound in bounds:
        others = [one for one in kept if one is not bound]
        if others and not _together(others).any():
            kept = others
    found, cures = [], []
    for bound in kept:
        others = [one for one in bounds if one is not bound]
        left = _together(others) if others else np.ones(len(keys), dtype=bool)
        relaxed = bound.relax(left) if bound.relax and left.any() else None
        found.append(Conflicting(bound.field, bound.value, tuple(compress(keys, bound.allows)), relaxed))
        if relaxed is not None:
            cures.append(f"{bound.field} {_written(relaxed)} would do.")
        elif bound.cure and left.any():
            cures.append(bound.cure)
    return ConstraintError(found, " ".join(cures) or "Several constraints exclude each other: leave some out.")


def _together(bounds: Sequence[Bound]) -> np.ndarray:
    return np.logical_and.reduce([one.allows for one in bounds])


def _written(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else f"{value:.12g}"


def _all_known(field: str, named: Sequence[str], known: set[str]) -> None:
    for one in named:
        if one not in known:
            near = difflib.get_close_matches(one, sorted(known), n=3, cutoff=0.0)
            if field == "constraints.models":
                raise UnknownModelError(one, near, field=field)
            raise InputError(field, one, "not a route of this policy", f"Nearest: {', '.join(near)}.")
