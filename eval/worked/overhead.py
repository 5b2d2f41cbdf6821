"""Chapters on hidden costs: egress, logging, evaluation, guardrails, retries, and what staying costs."""

from eval.worked.row import D, Figure, ends
from router.economics.hosting import break_even, mixed_price
from router.economics.methods import embedding_usd
from router.economics.overhead import Overhead, egress_usd, fallback_cost, inertia_premium, overhead_usd_per_year
from router.economics.requests import Retries

_DAILY = 100 * 10**6


def figures() -> dict[str, Figure]:
    return {**_surprises(), **_vectors(), **_retries(), **_catalogue(), **_embedding(), **_pair()}


def _surprises() -> dict[str, Figure]:
    once = Retries(failure_rate=D(1), most=1, kind="persistent")
    ten = Retries(failure_rate=D(1), most=10, kind="persistent")
    release = 1000 * D("0.05")
    return {
        "11.03": 100 * 10**6 * D("0.0001"),
        "11.04": release,
        "11.05": 100 * release,
        "11.06": once.paid_attempts(),
        "11.07": 5 * ten.paid_attempts(),
    }


def _vectors() -> dict[str, Figure]:
    clips = egress_usd(D(100_000), 10 * 10**6, D("0.09"))
    calls = 500 * 3 * 4 * 100
    guarded = Overhead(
        inference_usd_per_year=D(0),
        guarded_calls_per_day=200 * 10**6,
        guarded_tokens_per_call=500,
        usd_per_million_guarded_tokens=D("0.75"),
    )
    evaluated = Overhead(
        inference_usd_per_year=D(0),
        eval_calls_per_release=calls // 100,
        releases_per_year=100,
        usd_per_eval_call=D("0.01"),
    )
    judged = Overhead(
        inference_usd_per_year=D(0),
        judge_calls_per_release=calls // 100,
        releases_per_year=100,
        usd_per_judge_call=D("0.05"),
    )
    return {
        "21.01": clips,
        "21.02": clips * 365 / 1000,
        "21.03": D(10 * 10**6 * 1000) / 10**9,
        "21.04": D("1.27") * 10,
        "21.05": D(50_000 * 10 * 10**6) / 10**9 * D("0.10"),
        "21.06": D(calls) / 1000,
        "21.07": overhead_usd_per_year(evaluated)["evaluation"] / 1000,
        "21.08": overhead_usd_per_year(judged)["evaluation"] / 1000,
        # the volume is a year's, so one day of it
        "21.09": overhead_usd_per_year(guarded)["guardrails"] / 365 / 1000,
    }


def _retries() -> dict[str, Figure]:
    one_per_cent = D("0.01")
    paid, answered = fallback_cost(D("0.995"), D("0.995"))
    return {
        "21.10": _added(Retries(failure_rate=one_per_cent, most=1)),
        "21.11": _added(Retries(failure_rate=one_per_cent, most=3)),
        "21.12": _added(Retries(failure_rate=one_per_cent, most=10, kind="persistent")),
        "21.13": paid,
        "21.14": 100 * answered,
        "21.15": 100 * inertia_premium(D("0.30")),
        "36.10": ends(*(_added(Retries(failure_rate=rate, most=2)) for rate in (one_per_cent, D("0.05")))),
    }


def _added(retries: Retries) -> D:
    return 100 * (retries.paid_attempts() - 1)


def _catalogue() -> dict[str, Figure]:
    low, high = (egress_usd(D(_DAILY), 15_000, D(rate)) for rate in ("0.05", "0.12"))
    logged = [_DAILY * D(rate) / 1000 for rate in ("0.0001", "0.001")]
    weekly = 3000 * 4
    return {
        "36.01": D(_DAILY * 15_000) / 10**12,
        "36.02": ends(low, high),
        "36.03": ends(low * 365 / 1000, high * 365 / 1000),
        "36.04": ends(*logged),
        "36.05": ends(*(one * 365 / 10 for one in logged)),
        "36.06": D(weekly),
        "36.07": weekly * D("0.01"),
        "36.08": weekly * D("0.01") * 52 / 1000,
        "36.09": ends(*logged),
        "36.11": ends(5 * D("0.10"), 5 * D("0.25")),
    }


def _embedding() -> dict[str, Figure]:
    shapes = [(10, 1), (3, 1)]
    doubled = [100 * D(15 * out) / (3 * into + 15 * out) for into, out in shapes]
    return {
        "28.03": ends(*(embedding_usd(10**6, 500, D(rate)) for rate in ("0.02", "0.12"))),
        "28.04": ends(*doubled),
        "29.02": ends(D(8000) / 500, D(20_000) / 500),
        "29.11": D(5000 * 86_400) / 10**6,
        "29.12": D(6 * 24),
        "29.13": D("0.10") / D("0.005"),
    }


def _pair() -> dict[str, Figure]:
    groq = mixed_price(D("0.59"), D("0.79"), 70, 30)
    even = break_even(D(20_000), groq, D(10) ** 12)
    return {"29.19": even.tokens_per_year / 10**9, "29.20": ends(2 * 20, 2 * 28)}
