"""What a report settles: the bill of the call that was held, what its provider's cache saved, the calls it caused.

Knows outcomes and prices; the ledger does the booking.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from router.decisions import Outcome
from router.money import to_pico
from router.outcomes import TOKENS, Pricer, meters
from router.prices import Usage, find_model
from router.routes import Route
from router.spend import ledger
from router.spend.caused_calls import caused_id
from router.spend.ledger import Settlement

_KEPT_TOKENS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")


def settlement(
    outcome: Outcome, usd: Decimal | None, call: Mapping[str, Any], route: Route, at: datetime, price: Pricer
) -> Settlement:
    """A report as the ledger books it. `usd` is its bill, None where nobody can price it; `call` is what was held."""
    facts = {name: getattr(outcome, name) for name in _KEPT_TOKENS}
    written = (outcome.cache_write_tokens or 0) + (outcome.cache_write_1h_tokens or 0)
    facts |= {"correct": outcome.correct, "cache_write_tokens": written or None}
    facts |= {"resolved": None if outcome.resolved is None else int(outcome.resolved)}
    failed, counted = outcome.status == "error", outcome.input_tokens is not None and outcome.output_tokens is not None
    if usd is not None:
        return Settlement(
            to_pico(usd), saved_prefix=_saved_prefix(outcome, usd, route, at, price), failed=failed, facts=facts
        )
    if counted:  # a model that nobody prices costs what was held for it
        return Settlement(max(call["expected"], call["spent"]), estimated=True, failed=failed, facts=facts)
    # a failed call of which no usage is known was not billed; anything else stays held until more is known
    return Settlement(call["spent"] if failed else None, failed=failed, facts=facts)


def _saved_prefix(outcome: Outcome, usd: Decimal, route: Route, at: datetime, price: Pricer) -> int:
    """What the provider's prefix cache saved: the same call without any cached or written token, less its price."""
    if outcome.usd is not None or not (outcome.cached_input_tokens or outcome.cache_write_tokens):
        return 0
    plain = replace(meters(outcome), cache_write_tokens=0, cache_write_1h_tokens=0)
    usage = Usage(outcome.input_tokens or 0, outcome.output_tokens or 0, 0, outcome.reasoning_tokens or 0, plain)
    uncached = price(replace(route, model=outcome.model) if outcome.model else route, usage, at)
    return 0 if uncached is None else to_pico(uncached - usd)


def book_caused(
    connection: Connection, cause: Mapping[str, Any], said: Mapping[str, Any], mark: str, at: datetime, price: Pricer
) -> None:
    """One call inside a report, priced like the report's own call."""
    route = Route(said.get("model", cause["model"]), said.get("effort", cause["effort"]))
    tokens = {name: said.get(name) for name in TOKENS}
    outcome = Outcome(cause["call_id"], service_tier=said.get("service_tier"), **tokens)  # type: ignore[arg-type]
    usd = Decimal(said["usd"]) if "usd" in said else None
    if usd is None and outcome.input_tokens is not None and outcome.output_tokens is not None:
        cached = min(outcome.cached_input_tokens or 0, outcome.input_tokens)
        usd = price(route, Usage(outcome.input_tokens, outcome.output_tokens, cached, 0, meters(outcome)), at)
    facts = {name: tokens[name] for name in _KEPT_TOKENS if tokens[name] is not None}
    found = Settlement(to_pico(usd or 0), usd is None, failed=said.get("status") == "error", facts=facts)
    provider = find_model(route.model)
    call = {"kind": said["kind"], "model": route.model, "effort": route.effort, "provider": provider and provider[0].id}
    ledger.add_caused(connection, cause, caused_id(cause["call_id"], mark), call, found)
