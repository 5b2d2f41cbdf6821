"""Chapters on products: methods, unit economics with a tornado, a year ahead, hidden costs, and contracts."""

from decimal import Decimal

from pydantic import Field

from router.economics.commercial import (
    Allocation,
    Commitment,
    RateLimit,
    customary_discount,
    head_room,
    task_budget,
)
from router.economics.inputs import Amount, Inputs, Positive, Share, Utilisation, refuse
from router.economics.methods import MethodPlan, compare_methods
from router.economics.overhead import Overhead, overhead_usd_per_year
from router.economics.plan import Chart, Figure, Plan, Table, money, plain, share
from router.economics.priced import Model, source_note
from router.economics.product import Forecast, Product, ProductCost, forecast, product_cost, tornado

_HALF, _DOUBLE = Decimal("0.5"), Decimal(2)
_USUAL_SWINGS = {
    "messages_per_user_month": (_HALF, _DOUBLE),
    "input_tokens": (_HALF, _DOUBLE),
    "output_tokens": (_HALF, _DOUBLE),
    "usd_per_million_input_tokens": (_HALF, _DOUBLE),
    "usd_per_million_output_tokens": (_HALF, _DOUBLE),
}
_HEALTHY_COST_PER_REVENUE = Decimal("0.15")


class Swings(Inputs):
    """Factors by which an input of the product may be lower or higher."""

    low: Positive = _HALF
    high: Positive = _DOUBLE


class ProductScenario(Inputs):
    """What a product's average user costs and leaves. A model fills in prices that the product does not type."""

    model: Model | None = None
    product: dict[str, object]
    swings: dict[str, Swings] = Field(default_factory=dict)


def plan_product(scenario: ProductScenario) -> Plan:
    given = dict(scenario.product)
    notes: tuple[str, ...] = ()
    if scenario.model is not None:
        quote = scenario.model.quote()
        named = (name for name in Product.model_fields if name.startswith("usd_per_million"))
        looked_up = {name: getattr(quote.meters, name) for name in named}
        given = {**{name: usd for name, usd in looked_up.items() if usd is not None}, **given}
        notes = (source_note(quote),)
    product = Product.read(given, "product")
    cost = product_cost(product)
    factors = {name: (one.low, one.high) for name, one in scenario.swings.items()} or _USUAL_SWINGS
    wrong = next((name for name in factors if name not in Product.model_fields), None)
    if wrong is not None:
        raise refuse(f"swings.{wrong}", wrong, "no input of the product", f"Use one of {', '.join(_USUAL_SWINGS)}.")
    swings = tornado(product, factors)
    table = Table(
        "What moves the cost of a user",
        ("input", "low USD", "high USD", "low margin share", "high margin share"),
        tuple((one.name, one.low_usd, one.high_usd, one.low_margin, one.high_margin) for one in swings),
    )
    chart = Chart(
        "Sensitivity of a user's month",
        "tornado",
        tuple(one.name for one in swings),
        (("low", tuple(float(one.low_usd) for one in swings)), ("high", tuple(float(one.high_usd) for one in swings))),
        "USD per user and month",
        middle=float(cost.usd_per_user_month),
    )
    return Plan(
        "product", "Product economics", _product_answer(cost), _product_figures(cost), (table,), (chart,), notes
    )


def _product_answer(cost: ProductCost) -> str:
    answer = f"A user costs {money(cost.usd_per_user_month)} a month"
    if cost.margin is None or cost.margin_with_free is None or cost.cost_per_revenue_dollar is None:
        return answer + "."
    answer += f", a margin of {share(cost.margin)}"
    if cost.free_users_per_paid:
        answer += f", {share(cost.margin_with_free)} with {plain(cost.free_users_per_paid)} free users each"
    healthy = cost.cost_per_revenue_dollar <= _HEALTHY_COST_PER_REVENUE
    return answer + ("." if healthy else f"; {share(cost.cost_per_revenue_dollar)} of revenue goes to inference.")


def _product_figures(cost: ProductCost) -> tuple[Figure, ...]:
    return (
        Figure("message", cost.usd_per_message, "USD"),
        Figure("user", cost.usd_per_user_month, "USD a month"),
        Figure("margin", cost.margin, "share"),
        Figure("free users per paying one", cost.free_users_per_paid),
        Figure("free users' cost", cost.free_usd_per_paid_user_month, "USD a month per paying user"),
        Figure("margin with free users", cost.margin_with_free, "share"),
        Figure("inference per revenue", cost.cost_per_revenue_dollar, "share"),
        Figure("all users", cost.usd_per_month, "USD a month"),
        Figure("revenue", cost.revenue_usd_per_month, "USD a month"),
    )


class MethodsScenario(Inputs):
    """Prompting, retrieval or fine-tuning for one task."""

    plan: MethodPlan


def plan_methods(scenario: MethodsScenario) -> Plan:
    costs = compare_methods(scenario.plan)
    months = scenario.plan.months
    first = scenario.plan.methods[0].name
    rows = tuple((one.name, one.usd_per_call, one.usd, one.break_even_calls) for one in costs)
    columns = ("method", "USD a call", f"USD over {months} months", f"break-even calls against {first}")
    answer = f"{costs[0].name} is cheapest over {months} months: {money(costs[0].usd)}."
    if costs[0].break_even_calls:
        answer += f" It overtakes {first} after {plain(costs[0].break_even_calls)} calls."
    values = tuple(float(one.usd) for one in costs)
    chart = Chart(f"Over {months} months", "bars", tuple(one.name for one in costs), (("USD", values),), "USD")
    figures = tuple(Figure(one.name, one.usd, "USD", f"{money(one.usd_per_call)} a call") for one in costs)
    return Plan(
        "methods", "Prompting, retrieval, fine-tuning", answer, figures, (Table("Methods", columns, rows),), (chart,)
    )


class ForecastScenario(Inputs):
    """A year ahead of today's spend."""

    forecast: Forecast


def plan_forecast(scenario: ForecastScenario) -> Plan:
    months = forecast(scenario.forecast)
    year = sum((one.usd for one in months), Decimal(0))
    with_reserves = sum((one.usd_with_reserves for one in months), Decimal(0))
    rows = tuple((one.month, one.traffic, one.price_level, one.usd, one.usd_with_reserves) for one in months)
    columns = ("month", "traffic × today", "price level × today", "USD", "USD with reserves")
    chart = Chart(
        "Spend by month",
        "lines",
        tuple(str(one.month) for one in months),
        (
            ("expected", tuple(float(one.usd) for one in months)),
            ("with reserves", tuple(float(one.usd_with_reserves) for one in months)),
        ),
        "USD a month",
        "month",
    )
    figures = (Figure("expected", year, "USD"), Figure("with reserves", with_reserves, "USD"))
    answer = f"{len(months)} months cost {money(year)}, {money(with_reserves)} with reserves."
    return Plan("forecast", "Forecast", answer, figures, (Table("By month", columns, rows),), (chart,))


class OverheadScenario(Inputs):
    """The costs beside the price page."""

    overhead: Overhead


def plan_overhead(scenario: OverheadScenario) -> Plan:
    lines = overhead_usd_per_year(scenario.overhead)
    total = sum(lines.values(), Decimal(0))
    inference = scenario.overhead.inference_usd_per_year
    extra = total / inference if inference else None
    rows = tuple(sorted(lines.items(), key=lambda one: -one[1]))
    figures = (Figure("hidden costs", total, "USD a year"), Figure("on top of inference", extra, "share"))
    on_top = "" if extra is None else f", {share(extra)} on top of inference"
    answer = f"Hidden costs add {money(total)} a year{on_top}; the largest is {rows[0][0]}."
    chart = Chart(
        "Hidden costs",
        "bars",
        tuple(one[0] for one in rows),
        (("USD", tuple(float(one[1]) for one in rows)),),
        "USD a year",
    )
    return Plan(
        "overhead", "Hidden costs", answer, figures, (Table("By line", ("line", "USD a year"), rows),), (chart,)
    )


class Contract(Inputs):
    """What inference may cost of a contract's yearly value."""

    usd_per_year: Positive
    inference_share: Share = Decimal("0.10")
    calls_per_day: Positive


class Reserved(Inputs):
    """Capacity at a fixed price, against paying per token at full use of it."""

    usd_per_month: Amount
    usd_per_month_on_demand_when_full: Positive
    utilisation: Utilisation


class CommercialScenario(Inputs):
    """Commitments, reserved capacity, rate limits, budgets of contracts and shared bills: whichever is given."""

    commitment: Commitment | None = None
    reserved: Reserved | None = None
    rate_limit: RateLimit | None = None
    contract: Contract | None = None
    allocation: Allocation | None = None


def plan_commercial(scenario: CommercialScenario) -> Plan:
    answers: list[str] = []
    figures: list[Figure] = []
    tables: tuple[Table, ...] = ()
    if scenario.commitment:
        _commitment(scenario.commitment, answers, figures)
    if scenario.reserved:
        _reserved(scenario.reserved, answers, figures)
    if scenario.rate_limit:
        _rate_limit(scenario.rate_limit, answers, figures)
    if scenario.contract:
        given = scenario.contract
        budget = task_budget(given.usd_per_year, given.inference_share, given.calls_per_day)
        figures.append(Figure("inference may cost", budget.usd_per_call, "USD a call"))
        answers.append(f"The contract bears {money(budget.usd_per_call)} a call.")
    if scenario.allocation:
        rows = tuple(scenario.allocation.usd_by_tenant().items())
        tables = (Table("Who pays for the cluster", ("tenant", "USD"), rows),)
        answers.append(f"{max(rows, key=lambda one: one[1])[0]} bears the most of the cluster.")
    if not answers:
        cure = "Give [commitment], [reserved], [rate_limit], [contract] or [allocation]."
        raise refuse("commitment", None, "nothing to plan", cure)
    return Plan("commercial", "Contracts", " ".join(answers), tuple(figures), tables)


def _commitment(given: Commitment, answers: list[str], figures: list[Figure]) -> None:
    usd, low_high = given.usd_per_month(), customary_discount(given.on_demand_usd_per_month)
    saved = given.on_demand_usd_per_month - usd
    figures += [
        Figure("with the commitment", usd, "USD a month"),
        Figure("saved", saved, "USD a month"),
        Figure("customary discount", f"{share(low_high[0], 0)} to {share(low_high[1], 0)}", "", "at this spend"),
    ]
    answers.append(f"The commitment saves {money(saved)} a month.")


def _reserved(given: Reserved, answers: list[str], figures: list[Figure]) -> None:
    least = given.usd_per_month / given.usd_per_month_on_demand_when_full
    figures.append(Figure("utilisation that pays", least, "share", "reserved ÷ on demand when full"))
    pays = "pays" if given.utilisation >= least else "does not pay"
    answers.append(f"Reserved capacity pays from {share(least)} utilisation: at {share(given.utilisation)} it {pays}.")


def _rate_limit(given: RateLimit, answers: list[str], figures: list[Figure]) -> None:
    room = head_room(given)
    figures += [
        Figure("allowed", room.most_requests_per_minute, "requests a minute", f"bound by {room.binding}"),
        Figure("head-room", room.head_room, "× the peak"),
    ]
    enough = "enough" if room.head_room >= 1 else "too little"
    answers.append(f"The limits carry {plain(room.head_room)} times the peak, which is {enough} ({room.binding} bind).")
