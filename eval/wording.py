"""Numbers as a lead reads them: dollars per 1,000, per cent, points of accuracy, intervals. Knows no policies."""

import math
from collections.abc import Callable

from eval.bootstrap import Estimate

ABSENT = "–"
_NOTHING = 1e-9  # dollars; what is left of a difference of equal sums
_THIN = "\u202f"  # narrow space at which no line breaks


def dollars(usd: float | None, per: int = 1) -> str:
    """`dollars(0.00061, 1000)` is $0.61; small sums keep two digits, so that cheap routes can be told apart."""
    if usd is None:
        return ABSENT
    amount = abs(usd) * per
    sign = "−" if usd < 0 else ""
    if amount < _NOTHING:
        return "$0"
    # two decimals from ten cents on, one more for each further zero
    digits = 0 if amount >= 1000 else max(2, 1 - math.floor(math.log10(amount) + 1e-9))
    return f"{sign}${amount:,.{digits}f}"


def per_cent(share: float | None, digits: int = 1) -> str:
    return ABSENT if share is None else f"{_rounded(100 * share, digits):.{digits}f}{_THIN}%".replace("-", "−")


def points(share: float | None, signed: bool = True) -> str:
    """A difference of accuracies in points."""
    if share is None:
        return ABSENT
    rounded = _rounded(100 * share, 1)
    text = f"{rounded:+.1f}" if signed else f"{abs(rounded):.1f}"
    return text.replace("-", "−")


def figure(value: float | None, digits: int = 3) -> str:
    return ABSENT if value is None else f"{_rounded(value, digits):.{digits}f}".replace("-", "−")


def _rounded(value: float, digits: int) -> float:
    return round(value, digits) + 0.0  # no minus before a zero


def interval(one: Estimate, show: Callable[[float], str] = points) -> str:
    """`−0.8 to +1.4` by the given way of showing numbers."""
    if one.low is None or one.high is None:
        return "no interval"
    return f"{show(one.low)} to {show(one.high)}"
