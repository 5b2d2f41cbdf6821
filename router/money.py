"""Money in the ledger: whole numbers of picodollars (1e-12 USD), so that sums in SQL are exact and fast.

A price per million tokens with six decimals is a whole number of picodollars per token. What has more digits is rounded
once, half to even, when it enters the ledger.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache

from router.errors import InputError

PICO = 10**12
MOST_USD = Decimal(9_000_000)  # one amount or one balance, so that it fits 64 bits
_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_UNIT = Decimal(1)


@lru_cache(maxsize=4_096, typed=True)  # a float and the Decimal that equals it to the last bit are not one amount
def to_pico(usd: Decimal | float | int | str) -> int:
    """Picodollars of an amount. A float goes through its shortest decimal form. Raises InputError beyond 64 bits."""
    amount = usd if isinstance(usd, Decimal) else Decimal(str(usd))
    if not amount.is_finite() or abs(amount) > MOST_USD:
        raise InputError("usd", str(usd), "not an amount that the ledger can hold", f"Use at most {MOST_USD} USD.")
    return int(_CONTEXT.quantize(_CONTEXT.multiply(amount, Decimal(PICO)), _UNIT))


def to_usd(pico: int) -> Decimal:
    """The exact amount in USD."""
    return _CONTEXT.divide(Decimal(pico), Decimal(PICO))


def usd_text(pico: int) -> str:
    """The exact amount as JSON carries it: a plain decimal number in text."""
    return format(to_usd(pico).normalize() + 0, "f")
