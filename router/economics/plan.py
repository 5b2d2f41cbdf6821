"""A plan's result: a sentence that answers, the figures behind it, tables and charts. Knows no chapter, draws nothing.

Money stays exact: values are decimals here and text in JSON; only what is shown to a person is rounded.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

_LEAST_SIZE = -30  # powers of ten; below it nobody reads the noughts
_LARGE = (("trillion", 10**12), ("billion", 10**9), ("million", 10**6))
Cell = Decimal | int | float | str | None


@dataclass(frozen=True)
class Figure:
    """One number with its unit and, in a line, how it came about."""

    name: str
    value: Cell
    unit: str = ""
    how: str = ""


@dataclass(frozen=True)
class Table:
    """Rows under columns. A column's name ends in its unit where it has one."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """What to draw: bars or a tornado over labels, or lines over numbers. `low` and `high` are a tornado's ends."""

    title: str
    kind: Literal["bars", "lines", "tornado"]
    labels: tuple[str, ...]
    series: tuple[tuple[str, tuple[float, ...]], ...]
    unit: str
    x_unit: str = ""
    middle: float | None = None


@dataclass(frozen=True)
class Plan:
    """The answer to a scenario."""

    chapter: str
    title: str
    answer: str
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON-able; decimals as text, so that no digit is lost."""
        return {
            "chapter": self.chapter,
            "title": self.title,
            "answer": self.answer,
            "figures": [{**vars(one), "value": exact(one.value)} for one in self.figures],
            "tables": [
                {**vars(one), "rows": [[exact(cell) for cell in row] for row in one.rows]} for one in self.tables
            ],
            "charts": [vars(one) for one in self.charts],
            "notes": list(self.notes),
        }


def exact(value: Cell) -> str | int | float | None:
    """A decimal as plain text, everything else as it is."""
    if not isinstance(value, Decimal):
        return value
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(usd: Decimal | float) -> str:
    """USD for reading: cents from a dollar on, three digits below a cent."""
    amount = abs(Decimal(usd))
    sign = "−" if usd < 0 else ""
    if amount >= 10_000:
        return f"{sign}${amount:,.0f}"
    if amount >= 1 or not amount:
        return f"{sign}${amount:,.2f}"
    if amount and amount.adjusted() < _LEAST_SIZE:
        return f"{sign}${amount:.2E}"
    digits = max(4, 2 - amount.adjusted())
    text = format(amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP), "f")
    whole, _, rest = text.partition(".")
    return f"{sign}${whole}.{rest.rstrip('0').ljust(2, '0')}"


def share(value: Decimal | float, digits: int = 1) -> str:
    """A share as per cent."""
    return f"{100 * value:.{digits}f} %".replace("-", "−")


def plain(value: Decimal | float, digits: int = 4) -> str:
    """A number to so many significant digits, with thousands apart, millions named and no exponent."""
    if not value:
        return "0"
    for name, size in _LARGE:
        if abs(Decimal(value)) >= size:
            return f"{plain(Decimal(value) / size, digits)} {name}"
    size = Decimal(value).adjusted()
    if size < _LEAST_SIZE:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    places = digits - 1 - size
    text = f"{value:,.{max(0, places)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


def shown(value: Cell, unit: str = "") -> str:
    """A value as a person reads it, by its unit: USD, a share, or anything else."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if unit.startswith("USD"):
        return money(value) + unit.removeprefix("USD")
    if unit == "share":
        return share(value)
    number = f"{value:,}" if isinstance(value, int) and abs(value) < 1_000_000 else plain(value)
    return f"{number} {unit}".strip()
