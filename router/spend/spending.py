"""Spending rules around a decision: what may be chosen, what is held for it, what its reports settle.

Knows rules, decisions and outcomes; the ledger does the booking. What it keeps in memory is only a hint (where
throttling budgets stood after this process's last reservation): the ledger alone admits.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from threading import Lock
from typing import Any

import numpy as np
from sqlalchemy import Connection

from router.decisions import Decision, Outcome
from router.errors import BudgetExceededError, ConstraintError, LedgerDownError, PriceCeilingError, SpendingError
from router.money import to_usd
from router.outcomes import Pricer
from router.policy import Policy
from router.prices import now
from router.privacy.leaver import Leaver
from router.requests import Request
from router.routes import Route
from router.shadow.booking import SHADOW_MARK, shadow_call
from router.spend import ledger
from router.spend.admission import Charged, Standing, read_standings
from router.spend.budgets import Applied, applying
from router.spend.holding import held, new_call
from router.spend.late_booking import LateBooking
from router.spend.ledger import Kind, NewCall, Settlement
from router.spend.ledger_book import Book
from router.spend.ownership import Owner
from router.spend.settling import book_caused, settlement
from router.spend.spending_file import SpendingRules
from router.spend.warm_prefix import Sessions

Chooser = Callable[[Policy, Request, np.ndarray, datetime], Decision]
MOST_HINTS = 10_000


class Spending:
    """Governance, budgets and the ledger for one engine. `rules` is asked at every request, so it may change."""

    def __init__(self, rules: Callable[[], SpendingRules] = SpendingRules) -> None:
        self.rules = rules
        self._hints: OrderedDict[str, Standing] = OrderedDict()
        self._hinting = Lock()
        self._sessions = Sessions()

    def choose(self, chooser: Chooser, policy: Policy, request: Request, vector: np.ndarray, at: datetime) -> Decision:
        """The policy's decision among the routes that are granted, under the ceiling of a throttling budget.

        Where no route is that cheap, the cheapest one. Raises NotGrantedError, and whatever `chooser` raises.
        """
        rules, owner = self.rules(), Owner.of(request)
        asked = _granted(rules, policy, self._sessions.warmed(request, policy, at), owner, at)
        ceiling = self._ceiling(rules, request, owner, at)
        if ceiling is None:
            return chooser(policy, asked, vector, at)
        own = asked.constraints.max_usd
        limits = replace(asked.constraints, max_usd=ceiling if own is None else min(own, ceiling))
        try:
            decision = chooser(policy, replace(asked, constraints=limits), vector, at)
        except ConstraintError:
            decision = chooser(policy, replace(asked, value_usd=None, objective="cheapest"), vector, at)
        reason = f"{decision.reason} A throttled budget allows ${ceiling:.6f} a call."
        return replace(decision, ceiling_usd=ceiling, reason=reason)

    def forget(self, leaver: Leaver) -> None:
        """A tenant's sessions, and where budgets were seen to stand: their names may hold users; they are read anew."""
        self._sessions.forget(leaver)
        with self._hinting:
            self._hints.clear()

    def reserving(
        self, decision: Decision, request: Request, price: Pricer, kind: Kind = "call"
    ) -> Callable[[Connection], Charged]:
        """The reservation of a decision, to run in the transaction that logs it. Raises SpendingError there. Where no
        budget binds it can raise nothing, and may run later: a LateBooking. A call of another `kind` is a cost of the
        task that caused it."""
        rules, owner = self.rules(), Owner.of(request)
        chosen, call = decision.chosen, new_call(decision, request, owner)
        if kind != "call":
            call = replace(call, kind=kind, strongest=None, same_model=None)
        bound = self._bound(rules, owner, call.task_id, decision)
        if decision.action == "cached":
            return LateBooking(call) if not bound else lambda connection: _booked(connection, call, bound)
        estimate = held(decision, request, rules, bound, price)
        turn, sent = self._sessions.turn(decision, request)
        call = replace(call, estimate=estimate, prefix=turn)
        seconds = max(rules.ledger.expire_seconds, chosen.seconds if math.isfinite(chosen.seconds) else 0.0)
        if not bound:
            sent()  # nothing can refuse it
            return LateBooking(call, seconds)
        forced = decision.ceiling_usd is not None or decision.action == "fallback"

        def reserve(connection: Connection) -> Charged:
            charged = ledger.reserve(connection, call, bound, seconds, forced)
            sent()  # what a budget refuses never is
            return charged

        return reserve

    def settling(self, price: Pricer) -> Callable[..., None]:
        """What a report's transaction does to the books."""

        def settle(
            connection: Connection, row: Mapping[str, Any], said: Outcome, merged: Outcome, usd: Any, report_key: str
        ) -> None:
            call = ledger.call_of(connection, row["decision_id"])
            if call is None:
                return
            route = Route.parse(row["route"])
            ledger.settle(connection, call["call_id"], settlement(merged, usd, call, route, row["at"], price), now())
            self._sessions.learn(call, said)
            for i, caused in enumerate(said.calls or ()):
                book_caused(connection, call, caused, f"{report_key}:{i}", row["at"], price)
            alternative = shadow_call(connection, row["decision_id"], said.shadow)
            if alternative is not None:
                book_caused(connection, call, alternative, SHADOW_MARK, row["at"], price)

        return settle

    def expiring(self) -> Callable[[Connection], int]:
        """Release what never reported."""
        charge = self.rules().ledger.unreported == "charge"
        return lambda connection: ledger.expire(connection, ledger.milliseconds(now()), charge)

    def note(self, charged: Charged) -> None:
        """Remember where throttling budgets stood, so that the next request is decided under the ceiling at once."""
        for one in charged.standings:
            if one.applied.budget.mode == "throttle":
                with self._hinting:
                    self._hints[one.applied.key] = one
                    self._hints.move_to_end(one.applied.key)
                    if len(self._hints) > MOST_HINTS:
                        self._hints.popitem(last=False)

    def again(self, refused: SpendingError, decision: Decision, request: Request, policy: Policy | None) -> Request:
        """The request to decide once more after a refusal: under a price ceiling, or without the models or tiers whose
        own budget is spent. Raises the refusal where deciding again cannot help."""
        if isinstance(refused, PriceCeilingError) and request.ceiling_usd is None:
            return replace(request, ceiling_usd=refused.ceiling_usd)
        if not isinstance(refused, BudgetExceededError) or not refused.by_route or policy is None:
            raise refused
        if decision.action != "route":
            raise refused
        chosen, scope = decision.chosen, refused.facts["scope"]
        spent = {
            route.key
            for route in policy.routes
            if ("model" not in scope or route.model == chosen.route.model)
            and ("tier" not in scope or policy.specs[route].tier == chosen.tier)
        }
        before = request.constraints.routes or tuple(route.key for route in policy.routes)
        left = tuple(key for key in before if key not in spent)
        if not left or len(left) == len(before):
            raise refused
        return replace(request, constraints=replace(request.constraints, routes=left))

    def check_unlogged(self, decision: Decision, request: Request) -> None:
        """Raises LedgerDownError for an unbooked decision that falls under a strict budget, where the rules say so."""
        rules = self.rules()
        owner = Owner.of(request)
        if rules.ledger.when_down == "closed":
            bound = self._bound(rules, owner, owner.task_id or decision.decision_id, decision)
            strict = [one.budget.name for one in bound if one.budget.strict]
            if strict:
                raise LedgerDownError(f"the ledger did not answer, and budget {strict[0]!r} is strict")

    def _ceiling(self, rules: SpendingRules, request: Request, owner: Owner, at: datetime) -> Decimal | None:
        ceilings = [] if request.ceiling_usd is None else [request.ceiling_usd]
        throttling = tuple(one for one in rules.budgets if one.mode == "throttle")
        if throttling and self._hints:
            for applied in applying(throttling, owner, owner.task_id or "", at):
                hint = self._hints.get(applied.key)
                if hint is not None and hint.share > applied.budget.throttle_at:
                    ceilings.append(to_usd(applied.ceiling(hint.balance, at)))
        return min(ceilings, default=None)

    def _bound(self, rules: SpendingRules, owner: Owner, task_id: str, decision: Decision) -> tuple[Applied, ...]:
        if not rules.budgets:
            return ()
        chosen = decision.chosen
        return applying(rules.budgets, owner, task_id, decision.at, chosen.route, chosen.tier)


def _granted(rules: SpendingRules, policy: Policy, request: Request, owner: Owner, at: datetime) -> Request:
    """The request, limited to the routes that its tenant may use."""
    if rules.governance is None:
        return request
    asked = request.constraints
    named = [
        route
        for route in policy.routes
        if (asked.routes is None or route.key in asked.routes) and (asked.models is None or route.model in asked.models)
    ]
    if not named:
        return request  # names that the policy does not know: its own error says so
    allowed = rules.governance.allowed(named, policy.specs, owner.tenant, owner.environment, at.date())
    if len(allowed) == len(policy.routes):
        return request
    return replace(request, constraints=replace(asked, routes=allowed))


def _booked(connection: Connection, call: NewCall, bound: tuple[Applied, ...]) -> Charged:
    """A cached answer costs nothing and saves what asking would have cost."""
    ledger.add(connection, call, Settlement(0), bound)
    return Charged(read_standings(Book(connection), bound) if bound else ())
