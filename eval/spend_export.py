"""Spend as tables that others read: a plain one, and FOCUS 1.2 (FinOps cost and usage). Asks no ledger."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pandas as pd

from router.money import to_usd
from router.spend.query import SpendAsk, SpendRow, month_of
from router.spend.report import SpendReport, row_dict
from router.spend.savings import Savings

# What a FOCUS row is about; the ledger is asked by day and by these.
FOCUS_BY = ("day", "tenant", "provider", "model", "effort", "feature", "environment", "cost_centre", "kind")


def plain_table(report: SpendReport, revenue_usd: Decimal | None = None) -> pd.DataFrame:
    """One row per group; USD as text, so that no digit is lost in any format."""
    return pd.DataFrame([row_dict(report.ask, row, revenue_usd) for row in report.rows])


def focus_table(rows: Sequence[SpendRow], by: Sequence[str] = FOCUS_BY, account: str = "tierwise") -> pd.DataFrame:
    """FOCUS 1.2 columns, own ones named x_…; a row per day, owner and route. `by` are the names of the rows' groups.

    BilledCost is what was paid. ListCost adds what the provider's prefix cache took off. What caching, routing and
    effort saved against the strongest route is an estimate, no discount, and so in x_ columns only.
    """
    return pd.DataFrame([_focus(dict(zip(by, row.names)), row, account) for row in rows], columns=focus_columns())


def _focus(named: dict[str, str | None], row: SpendRow, account: str) -> dict[str, Any]:
    day = datetime.fromisoformat(f"{named['day']}T00:00:00+00:00")
    month, provider, model = month_of(day), named["provider"] or "unknown", named["model"] or "(none)"
    tokens, spent, listed = (
        row.input_tokens + row.output_tokens,
        to_usd(row.spent),
        to_usd(row.spent + row.saved_prefix),
    )
    unit, quantity = ("Tokens", tokens) if tokens else ("Requests", row.calls)
    saved, tags = Savings.of(row), {name: named[name] for name in _TAGS if named.get(name)}
    listed_price = listed / quantity if quantity else Decimal(0)
    return {
        "AvailabilityZone": None,
        "BilledCost": spent,
        "BillingAccountId": account,
        "BillingAccountName": account,
        "BillingCurrency": "USD",
        "BillingPeriodStart": _iso(month[0]),
        "BillingPeriodEnd": _iso(month[1]),
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ChargeDescription": f"{_KINDS.get(named['kind'] or '', 'Calls')} of {model}, effort {named['effort']}",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": _iso(day),
        "ChargePeriodEnd": _iso(day + timedelta(days=1)),
        "ConsumedQuantity": Decimal(quantity),
        "ConsumedUnit": unit,
        "ContractedCost": spent,
        "ContractedUnitPrice": spent / quantity if quantity else Decimal(0),
        "EffectiveCost": spent,
        "InvoiceIssuerName": provider,
        "ListCost": listed,
        "ListUnitPrice": listed_price,
        "PricingCategory": "Standard",
        "PricingCurrency": "USD",
        "PricingQuantity": Decimal(quantity),
        "PricingUnit": unit,
        "ProviderName": provider,
        "PublisherName": provider,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": model,
        "ServiceSubcategory": "Generative AI",
        "SkuId": f"{provider}/{model}/{named['effort']}",
        "SkuMeter": f"{unit} of {model}",
        "SkuPriceId": f"{provider}/{model}",
        "SubAccountId": named["tenant"],
        "SubAccountName": named["tenant"],
        "Tags": orjson.dumps(tags).decode(),
        "x_Kind": named["kind"],
        "x_Calls": row.calls,
        "x_CacheHits": row.cache_hits,
        "x_InputTokens": row.input_tokens,
        "x_CachedInputTokens": row.cached_input_tokens,
        "x_OutputTokens": row.output_tokens,
        "x_CounterfactualCost": to_usd(saved.counterfactual),
        "x_SavedByRouting": to_usd(saved.by_routing),
        "x_SavedByEffort": to_usd(saved.by_effort),
        "x_SavedByCache": to_usd(saved.by_cache),
        "x_SavedByPrefixCache": to_usd(saved.by_prefix_cache),
    }


_TAGS = ("feature", "environment", "cost_centre", "effort")
_KINDS = {"cache": "Cached answers instead", "call": "Calls", "judge": "Judging calls", "retry": "Retried calls"}


def focus_columns() -> list[str]:
    """The columns in their order."""
    return list(_focus(dict.fromkeys(FOCUS_BY, "2026-01-01"), SpendRow(()), ""))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def focus_ask(since: datetime, until: datetime, where: dict[str, str]) -> SpendAsk:
    """The question whose rows `focus_table` takes."""
    return SpendAsk(since, until, FOCUS_BY, where)
