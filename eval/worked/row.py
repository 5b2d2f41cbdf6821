"""One worked example: the guide's figure as printed, ours, whether they agree, and who is right where they do not."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, Literal

from router.economics.meters import Call, Quote, bill
from router.economics.price_file import table_quote

Agreement = Literal["agrees", "close", "differs"]
Right = Literal["both", "guide", "ours", "neither"]
Figure = Decimal | tuple[Decimal, Decimal]
D = Decimal  # the tables of figures are read as tables
# what rounding of intermediate results explains
CLOSE = Decimal("0.05")


@dataclass(frozen=True)
class Row:
    """A figure of the guide beside ours. Ranges have two ends; `printed` is how the guide prints the figure.

    `right`: `guide` or `ours` where the other erred, `both` where they differ by rounding or answer differently stated
    questions, `neither` where the inputs do not decide it. `bound`: it is a bound, or a range that others are in.
    """

    key: str
    what: str
    inputs: str
    printed: str
    guide: tuple[str, ...]
    ours: tuple[Decimal, ...]
    unit: str
    how: str
    right: Right = "both"
    why: str = ""
    bound: bool = False

    @property
    def chapter(self) -> int:
        return int(self.key.partition(".")[0])

    @property
    def agreement(self) -> Agreement:
        """`agrees`: the same in the digits that the guide prints; where the guide states a bound, or our inputs are a
        range, one range holds the other's figures. `close`: within 5 %. Else `differs`."""
        if len(self.guide) == len(self.ours):
            if all(as_printed(one, text) == Decimal(text) for text, one in zip(self.guide, self.ours)):
                return "agrees"
            if all(_near(Decimal(text), one) for text, one in zip(self.guide, self.ours)):
                return "close"
        guide = tuple(Decimal(one) for one in self.guide)
        return "agrees" if self.bound and (_holds(guide, self.ours) or _holds(self.ours, guide)) else "differs"


def make_row(key: str, given: Mapping[str, Any], ours: Figure) -> Row:
    """A row from its line of the file and what was computed."""
    told = dict(given)
    guide = told.pop("guide")
    return Row(
        key=key,
        guide=(guide,) if isinstance(guide, str) else tuple(guide),
        ours=ours if isinstance(ours, tuple) else (ours,),
        **told,
    )


def as_printed(value: Decimal, text: str) -> Decimal:
    """Rounded half up to as many decimals as `text` has."""
    return value.quantize(Decimal(1).scaleb(-len(text.partition(".")[2])), ROUND_HALF_UP)


@lru_cache(maxsize=256)
def offer(model: str, table: str = "tear-down") -> Quote:
    """The guide's own price, from the table that the example uses."""
    return table_quote(model, table)


def usd(quote: Quote, tokens_in: int, tokens_out: int, thinking: int = 0) -> Decimal:
    """What one call costs."""
    return bill(quote, Call(input_tokens=tokens_in, output_tokens=tokens_out, thinking_tokens=Decimal(thinking))).usd


def ends(low: Decimal | int | str, high: Decimal | int | str) -> tuple[Decimal, Decimal]:
    return Decimal(low), Decimal(high)


def _near(guide: Decimal, ours: Decimal) -> bool:
    return abs(ours - guide) <= CLOSE * abs(guide)


def _holds(range_: tuple[Decimal, ...], figures: tuple[Decimal, ...]) -> bool:
    return len(range_) == 2 and all(range_[0] <= one <= range_[1] for one in figures)
