"""What a product earns on inference: cost per user, margin, free tier, which input moves it, and a year ahead."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pydantic import Field

from router.economics.inputs import MILLION, Amount, Inputs, Positive, Share, Tokens

_MONTHS = 12


class Product(Inputs):
    """A product by its average user. `retry_factor` multiplies calls; `other_usd_per_user_month` is what is not
    inference; with a free tier, `paid_share` of all users pay."""

    messages_per_user_month: Amount
    input_tokens: Tokens
    output_tokens: Tokens
    usd_per_million_input_tokens: Amount
    usd_per_million_output_tokens: Amount
    cached_input_share: Share = Decimal(0)
    usd_per_million_cached_input_tokens: Amount | None = None
    calls_per_message: Positive = Decimal(1)
    retry_factor: Decimal = Field(default=Decimal(1), ge=1, le=100)
    price_usd_per_user_month: Amount = Decimal(0)
    other_usd_per_user_month: Amount = Decimal(0)
    users: Amount = Decimal(0)
    paid_share: Share = Decimal(1)
    free_usage_share: Amount = Decimal(1)


@dataclass(frozen=True)
class ProductCost:
    """USD per message and user; margins are shares of the price, None where nothing is charged."""

    usd_per_message: Decimal
    usd_per_user_month: Decimal
    margin: Decimal | None
    free_users_per_paid: Decimal
    free_usd_per_paid_user_month: Decimal
    margin_with_free: Decimal | None
    cost_per_revenue_dollar: Decimal | None
    usd_per_month: Decimal
    revenue_usd_per_month: Decimal


def product_cost(product: Product) -> ProductCost:
    """users × messages × (input tokens × price + output tokens × price) × retry factor, and what it leaves."""
    message = _usd_per_message(product)
    user = message * product.messages_per_user_month
    price, paid = product.price_usd_per_user_month, product.paid_share
    free = (1 - paid) / paid if paid else Decimal(0)
    free_usd = free * user * product.free_usage_share
    revenue = product.users * paid * price
    spent = product.users * paid * (user + free_usd) if paid else product.users * user * product.free_usage_share
    return ProductCost(
        usd_per_message=message,
        usd_per_user_month=user,
        margin=_margin(price, user + product.other_usd_per_user_month),
        free_users_per_paid=free,
        free_usd_per_paid_user_month=free_usd,
        margin_with_free=_margin(price, user + free_usd + product.other_usd_per_user_month),
        cost_per_revenue_dollar=(user + free_usd) / price if price else None,
        usd_per_month=spent,
        revenue_usd_per_month=revenue,
    )


@dataclass(frozen=True)
class Swing:
    """How far one input moves the cost of a user, all else as it is."""

    name: str
    low_usd: Decimal
    high_usd: Decimal
    low_margin: Decimal | None
    high_margin: Decimal | None

    @property
    def width(self) -> Decimal:
        return abs(self.high_usd - self.low_usd)


def tornado(product: Product, factors: Mapping[str, tuple[Decimal, Decimal]]) -> tuple[Swing, ...]:
    """Each named input multiplied by its low and its high factor, widest swing first. Raises InputError."""
    swings = []
    for name, (low, high) in factors.items():
        ends = [product_cost(_scaled(product, name, factor)) for factor in (low, high)]
        swings.append(
            Swing(name, ends[0].usd_per_user_month, ends[1].usd_per_user_month, ends[0].margin, ends[1].margin)
        )
    return tuple(sorted(swings, key=lambda one: one.width, reverse=True))


def _scaled(product: Product, name: str, factor: Decimal) -> Product:
    value = getattr(product, name, None)
    given = {**product.model_dump(), name: value}
    if value is not None:
        scaled = value * factor
        given[name] = round(scaled) if isinstance(value, int) else scaled
    return Product.read(given)


class Forecast(Inputs):
    """Twelve months from today's spend: traffic grows, prices fall, and something is kept for what nobody foresaw."""

    usd_per_month: Amount
    monthly_growth: Decimal = Field(default=Decimal(0), ge=-1, le=10)
    yearly_price_decline: Decimal = Field(default=Decimal(0), ge=0, lt=1)
    growth_reserve: Share = Decimal("0.25")
    hidden_cost_reserve: Share = Decimal("0.10")
    months: int = Field(default=_MONTHS, ge=1, le=60)


@dataclass(frozen=True)
class ForecastMonth:
    month: int
    traffic: Decimal
    price_level: Decimal
    usd: Decimal
    usd_with_reserves: Decimal


def forecast(plan: Forecast) -> tuple[ForecastMonth, ...]:
    """Month m: spend × (1 + growth)^m × (1 − decline)^(m/12); the reserves are added, not compounded."""
    rows = []
    reserve = 1 + plan.growth_reserve + plan.hidden_cost_reserve
    for month in range(1, plan.months + 1):
        traffic = (1 + plan.monthly_growth) ** month
        level = (1 - plan.yearly_price_decline) ** (Decimal(month) / _MONTHS)
        usd = plan.usd_per_month * traffic * level
        rows.append(ForecastMonth(month, traffic, level, usd, usd * reserve))
    return tuple(rows)


def _usd_per_message(product: Product) -> Decimal:
    cached_price = product.usd_per_million_cached_input_tokens
    if cached_price is None:
        cached_price = product.usd_per_million_input_tokens
    share = product.cached_input_share
    input_price = (1 - share) * product.usd_per_million_input_tokens + share * cached_price
    call = product.input_tokens * input_price + product.output_tokens * product.usd_per_million_output_tokens
    return call / MILLION * product.calls_per_message * product.retry_factor


def _margin(price: Decimal, cost: Decimal) -> Decimal | None:
    return (price - cost) / price if price else None
