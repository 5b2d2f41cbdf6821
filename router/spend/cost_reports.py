"""Costs that no decision stands behind: read, priced, and booked on their owner and budgets, once per id."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from router.errors import InputError
from router.money import to_pico
from router.outcomes import Pricer, billed, read_outcome
from router.prices import find_model
from router.requests import OWNING_TAGS, Request
from router.routes import Route
from router.spend import ledger
from router.spend.budgets import Estimate, applying
from router.spend.caused_calls import CAUSED_KINDS
from router.spend.ledger import NewCall, Settlement
from router.spend.ownership import Owner
from router.spend.spending_file import SpendingRules

_OWNER = ("tenant", "user", "tags", *OWNING_TAGS)


@dataclass(frozen=True)
class Cost:
    """A cost as it will be booked."""

    call: NewCall
    found: Settlement


def read_cost(given: Mapping[str, Any], at: datetime, price: Pricer) -> Cost:
    """Validate a cost and price it. Raises InputError naming the field."""
    name, kind = given.get("id"), given.get("kind", "other")
    if not isinstance(name, str) or not 0 < len(name) <= 200 or not name.isprintable():
        raise InputError("id", name, "not an id", "Name every cost once, with 1 to 200 printable characters.")
    if kind not in CAUSED_KINDS:
        raise InputError("kind", kind, "unknown kind", f"Use one of {', '.join(CAUSED_KINDS)}.")
    owner = Owner.of(Request.from_mapping({"prompt": "-", **{key: given.get(key) for key in _OWNER}}))
    route = Route.parse(f"{given.get('model') or '(none)'}|{given.get('effort') or 'none'}", "model")
    stated = {key: one for key, one in given.items() if key not in ("id", "kind", "effort", *_OWNER)}
    outcome = read_outcome({**stated, "decision_id": name, "tenant": owner.tenant})
    usd = billed(outcome, route, at, price)
    if usd is None:
        raise InputError("usd", None, "the cost is not known", "Send usd, or model and token counts that have a price.")
    found = find_model(route.model)
    call_id = f"cost:{hashlib.sha256(f'{owner.tenant}|{name}'.encode()).hexdigest()[:40]}"
    provider = found[0].id if found else None
    call = NewCall(call_id, at, owner, route.model, route.effort, "", Estimate(0, 0, 0), provider, kind=kind)
    tokens = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
    return Cost(call, Settlement(to_pico(usd), facts={key: getattr(outcome, key) for key in tokens}))


def book_cost(connection: Connection, cost: Cost, rules: SpendingRules) -> bool:
    """Book it on every budget that binds its owner. False when its id is booked already."""
    call = cost.call
    route = Route(call.model, call.effort)
    bound = applying(rules.budgets, call.owner, call.task_id, call.at, route, call.tier)
    return ledger.add(connection, call, cost.found, bound)
