"""The costs that no price page shows: each line of the catalogue from its own volume and price, and their sum."""

from decimal import Decimal

from router.economics.inputs import DAYS_PER_YEAR, MILLION, Amount, Count, Inputs, Share, Tokens

_GIGABYTE = Decimal(10**9)


class Overhead(Inputs):
    """A product's hidden costs. Volumes are per day unless they say otherwise; what is not given costs nothing."""

    inference_usd_per_year: Amount
    calls_per_day: Count = 0
    bytes_out_per_call: Count = 0
    usd_per_gigabyte_egress: Amount = Decimal("0.09")
    logged_share: Share = Decimal(1)
    usd_per_logged_call: Amount = Decimal(0)
    logged_bytes_per_call: Count = 0
    usd_per_gigabyte_logged: Amount = Decimal(0)
    eval_calls_per_release: Count = 0
    releases_per_year: Count = 0
    usd_per_eval_call: Amount = Decimal(0)
    judge_calls_per_release: Count = 0
    usd_per_judge_call: Amount = Decimal(0)
    guarded_calls_per_day: Count = 0
    guarded_tokens_per_call: Tokens = 0
    usd_per_million_guarded_tokens: Amount = Decimal(0)
    retry_overhead: Amount = Decimal(0)
    gateway_usd_per_thousand_calls: Amount = Decimal(0)
    compliance_usd_per_year: Amount = Decimal(0)
    migrations_per_year: Amount = Decimal(0)
    usd_per_migration: Amount = Decimal(0)


def overhead_usd_per_year(overhead: Overhead) -> dict[str, Decimal]:
    """USD per year by line of the catalogue, in its order; `retries` is a share of the inference itself."""
    calls = Decimal(overhead.calls_per_day * DAYS_PER_YEAR)
    logged = calls * overhead.logged_share
    guarded = Decimal(overhead.guarded_calls_per_day * DAYS_PER_YEAR)
    releases = overhead.releases_per_year
    judged = overhead.judge_calls_per_release * releases * overhead.usd_per_judge_call
    stored = overhead.logged_bytes_per_call / _GIGABYTE * overhead.usd_per_gigabyte_logged
    return {
        "egress": egress_usd(calls, overhead.bytes_out_per_call, overhead.usd_per_gigabyte_egress),
        "observability": logged * (overhead.usd_per_logged_call + stored),
        "evaluation": overhead.eval_calls_per_release * releases * overhead.usd_per_eval_call + judged,
        "guardrails": guarded * overhead.guarded_tokens_per_call * overhead.usd_per_million_guarded_tokens / MILLION,
        "retries": overhead.inference_usd_per_year * overhead.retry_overhead,
        "gateway": calls * overhead.gateway_usd_per_thousand_calls / 1000,
        "compliance": overhead.compliance_usd_per_year,
        "migrations": overhead.migrations_per_year * overhead.usd_per_migration,
    }


def egress_usd(calls: Decimal, bytes_per_call: int, usd_per_gigabyte: Decimal) -> Decimal:
    """Decimal gigabytes, as clouds bill them."""
    return calls * bytes_per_call / _GIGABYTE * usd_per_gigabyte


def inertia_premium(price_drop: Decimal) -> Decimal:
    """What staying costs over switching when a competitor's price falls by a share: 1 ÷ (1 − drop) − 1."""
    return 1 / (1 - price_drop) - 1


def fallback_cost(primary_success: Decimal, secondary_success: Decimal) -> tuple[Decimal, Decimal]:
    """(paid calls per request, share of requests answered) when a failed call is paid and a second provider tried."""
    failed = 1 - primary_success
    return 1 + failed, 1 - failed * (1 - secondary_success)
