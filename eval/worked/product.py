"""Chapters on products: cost per user and margin, sensitivity, batch, methods, budgets, and routing at scale."""

from eval.worked.prices import HAIKU, O3, OPUS, SONNET
from eval.worked.row import D, Figure, ends, offer, usd
from router.economics.commercial import task_budget
from router.economics.methods import Method, break_even_calls
from router.economics.mix import Leg, Mix, MixSaving, mix_saving
from router.economics.product import Product, ProductCost, product_cost
from router.economics.requests import Rounds
from router.economics.waiting import Waiting, waiting_saving

_PRICE = D("9.99")
_CALLS = 10_000_000


def figures() -> dict[str, Figure]:
    return {
        **_examples(),
        **_more_examples(),
        **_sensitivity(),
        **_waiting(),
        **_methods(),
        **_classifier(),
        **_budgets(),
        **_routing(),
    }


def chat(model: str = SONNET, **changes: object) -> ProductCost:
    """The SaaS chat example, with changes."""
    meters = offer(model).meters
    given = {
        "messages_per_user_month": 50,
        "input_tokens": 800,
        "output_tokens": 300,
        "usd_per_million_input_tokens": meters.usd_per_million_input_tokens,
        "usd_per_million_output_tokens": meters.usd_per_million_output_tokens,
        "usd_per_million_cached_input_tokens": meters.usd_per_million_cached_input_tokens,
        "price_usd_per_user_month": _PRICE,
    }
    return product_cost(Product.read({**given, **changes}))


def _examples() -> dict[str, Figure]:
    base = chat()
    ticket = sum((usd(offer(SONNET), 2000, 500) for _ in range(Rounds(count=5).count)), D(0))
    query = usd(offer(O3), 1000, 0, 5000)
    return {
        "12.01": base.usd_per_message,
        "12.02": base.usd_per_user_month,
        "12.03": 100 * (base.margin or D(0)),
        "12.04": ticket,
        "12.05": ticket * 10**6,
        "12.06": query,
        "12.07": query * 100,
        "12.08": 100 * (99 - query * 100) / 99,
    }


def _more_examples() -> dict[str, Figure]:
    vision = usd(offer("openai/gpt-4o-vision"), 1030, 200)
    action = usd(offer(SONNET), 500, 200)
    actions, revenue = 1000 * 100 * 200, D(1000 * 100 * 50)
    return {
        "12.09": vision,
        "12.10": vision * 10**6,
        "12.11": D(actions) / 10**6,
        "12.12": action,
        "12.13": action * actions,
        "12.14": revenue,
        "12.15": 100 * (1 - action * actions / revenue),
    }


def _sensitivity() -> dict[str, Figure]:
    free = chat(paid_share=D("0.05"))
    o3 = D(50) * usd(offer(O3), 800, 300, 3500)
    changed = {
        20: chat(HAIKU),
        22: chat(OPUS),
        24: chat(cached_input_share=D("0.7")),
        26: chat(messages_per_user_month=100),
        28: chat(messages_per_user_month=500),
    }
    found: dict[str, Figure] = {}
    for first, one in changed.items():
        moved = 100 * (chat().usd_per_user_month - one.usd_per_user_month) / _PRICE
        found |= {f"12.{first}": one.usd_per_user_month, f"12.{first + 1}": moved}
    return found | {
        "12.30": o3,
        "12.31": free.free_users_per_paid,
        "12.32": free.free_usd_per_paid_user_month,
    }


def _waiting() -> dict[str, Figure]:
    query = usd(offer(SONNET), 1500, 300)
    batch = waiting_saving(Waiting(usd_per_day=query, batch_share=D(1))).usd_per_day_waiting
    third = waiting_saving(Waiting(usd_per_day=D(1), batch_share=D("0.3")))
    return {"14.01": batch, "14.02": (query - batch) * 10**6, "14.03": 100 * third.saved_share}


def _methods() -> dict[str, Figure]:
    examples, context = usd(offer(SONNET), 5 * 200, 0), usd(offer(SONNET), 2000, 0)
    return {
        "11.01": D(sum(Rounds(count=10, added_tokens_per_round=1500).input_tokens(1500))) / 1500,
        "11.02": ends(2, 5),
        "15.01": examples,
        "15.02": examples * 10**6,
        "15.03": 10**6 * D("0.0001"),
        "15.04": context,
        "15.05": context * 10**6,
        "15.06": D(70) / 13,
    }


def _classifier() -> dict[str, Figure]:
    """Ten million tickets a year; prompting and retrieval read 1,500 tokens at GPT-4o's input price."""
    gpt4o = offer("openai/gpt-4o").meters.usd_per_million_input_tokens or D(0)
    prompting = Method(name="prompting", usd_per_million_input_tokens=gpt4o, input_tokens=1500)
    retrieval = prompting.model_copy(update={"name": "retrieval", "usd_per_month": D(500)})
    tuned = Method(
        name="fine-tuned",
        usd_per_million_input_tokens=D("0.10"),
        input_tokens=500,
        setup_usd=D(5000),
    )
    year = {one.name: one.usd(D(_CALLS), D(12)) for one in (prompting, retrieval, tuned)}
    return {
        "15.07": year["prompting"],
        "15.08": year["retrieval"],
        "15.09": year["fine-tuned"],
        "15.10": year["prompting"] / year["fine-tuned"],
    }


def _budgets() -> dict[str, Figure]:
    chats, tasks = (task_budget(D(5000), D("0.10"), D(calls)) for calls in (50, 10))
    return {
        "25.01": D(3 * 30),
        "29.14": chats.usd_per_year,
        "29.15": chats.usd_per_day,
        "29.16": chats.usd_per_call,
        "29.17": tasks.usd_per_call,
        "29.18": break_even_calls(D(5000), D("0.005")) / 10**6,
    }


def _mixed(middle_usd: str) -> MixSaving:
    legs = (("easy", "0.70", "0.0005"), ("medium", "0.25", middle_usd), ("hard", "0.05", "0.05"))
    mix = Mix(
        legs=tuple(Leg(name=name, share=D(share), usd_per_call=D(cost)) for name, share, cost in legs),
        baseline_usd_per_call=D("0.005"),
        calls_per_day=D(100 * 10**6),
    )
    return mix_saving(mix)


def _routing() -> dict[str, Figure]:
    usual, aggressive = _mixed("0.005"), _mixed("0.002")
    return {
        "37.01": usual.baseline_usd_per_day / 1000,
        "37.02": usual.usd_per_day / 1000,
        "37.03": 100 * usual.saved_share,
        "37.04": aggressive.usd_per_day / 1000,
        "37.05": 100 * aggressive.saved_share,
        "37.06": aggressive.saved_usd_per_year / 10**6,
    }
