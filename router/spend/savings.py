"""What caching, routing and effort saved, and what one task, user or revenue dollar costs: arithmetic on sums of calls.

Each figure has its definition beside it; reports print both.
"""

from dataclasses import dataclass
from decimal import Decimal

from router.money import to_usd
from router.spend.query import SpendRow

DEFINITIONS = {
    "spent": "what settled calls cost: as billed, else priced from their tokens at the prices of their moment; with "
    "retries, fallbacks, escalations, judges and shadows",
    "held": "estimates of calls whose outcome is not known yet; no part of spent",
    "counterfactual": "what the strongest feasible route (highest estimated P(correct)) was expected to cost for each "
    "decided call that settled, plus what asking again would have cost for each cached answer; an estimate, not a bill",
    "by_routing": "strongest route less the chosen model at its own highest offered effort, both as estimated",
    "by_effort": "the chosen model at its highest offered effort less the chosen effort, both as estimated",
    "by_cache": "what the stored answers that were served had cost when they were asked for",
    "by_prefix_cache": "settled calls as if no input token had been cached or written to a provider's cache, less "
    "their price; no part of the counterfactual's difference",
    "estimate_error": "expected less paid for the decided calls: what the estimates got wrong",
    "caused": "what retries, fallbacks, escalations, judges and shadows cost; the counterfactual has none",
    "saved": "counterfactual less what was spent on the same requests: by_routing + by_effort + by_cache + "
    "estimate_error − caused",
}


@dataclass(frozen=True)
class Savings:
    """Picodollars; see DEFINITIONS. `saved` is the sum of its parts."""

    counterfactual: int
    by_routing: int
    by_effort: int
    by_cache: int
    by_prefix_cache: int
    estimate_error: int
    caused: int

    @property
    def saved(self) -> int:
        return self.by_routing + self.by_effort + self.by_cache + self.estimate_error - self.caused

    @classmethod
    def of(cls, row: SpendRow) -> "Savings":
        return cls(
            counterfactual=row.counterfactual + row.saved_cache,
            by_routing=row.counterfactual - row.same_model,
            by_effort=row.same_model - row.expected,
            by_cache=row.saved_cache,
            by_prefix_cache=row.saved_prefix,
            estimate_error=row.expected - row.decided_spent,
            caused=row.caused,
        )


@dataclass(frozen=True)
class UnitCosts:
    """USD per unit; None where nothing was counted. A task is resolved when one of its calls was reported so."""

    per_call: Decimal | None
    per_task: Decimal | None
    per_resolved_task: Decimal | None
    per_user: Decimal | None
    per_correct: Decimal | None
    per_revenue_dollar: Decimal | None

    @classmethod
    def of(cls, row: SpendRow, revenue_usd: Decimal | None = None) -> "UnitCosts":
        spent = to_usd(row.spent)

        def per(count: Decimal | float | None) -> Decimal | None:
            return spent / Decimal(str(count)) if count else None

        return cls(
            per(row.calls), per(row.tasks), per(row.tasks_resolved), per(row.users), per(row.correct), per(revenue_usd)
        )
