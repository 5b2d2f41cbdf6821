"""What is saved by letting work wait: batch and flex discounts, and off-peak hours. Stacks with caching."""

from dataclasses import dataclass
from decimal import Decimal

from router.economics.inputs import DAYS_PER_YEAR, Amount, Inputs, Share, refuse


class Waiting(Inputs):
    """A day's spend and the shares of it that may wait. Shares are of USD at list price and must not overlap."""

    usd_per_day: Amount
    batch_share: Share = Decimal(0)
    batch_discount: Share = Decimal("0.5")
    flex_share: Share = Decimal(0)
    flex_discount: Share = Decimal("0.5")
    off_peak_share: Share = Decimal(0)
    off_peak_discount: Share = Decimal("0.5")
    cached_saved_share: Share = Decimal(0)

    def model_post_init(self, context: object) -> None:
        total = self.batch_share + self.flex_share + self.off_peak_share
        if total > 1:
            raise refuse("batch_share", total, "the shares that wait add up to more than 1", "They must not overlap.")


@dataclass(frozen=True)
class WaitingSaving:
    """USD a day: at list price, after caching, and after waiting on top of it."""

    usd_per_day: Decimal
    usd_per_day_cached: Decimal
    usd_per_day_waiting: Decimal
    saved_by: dict[str, Decimal]

    @property
    def saved_share(self) -> Decimal:
        return 1 - self.usd_per_day_waiting / self.usd_per_day if self.usd_per_day else Decimal(0)

    @property
    def saved_usd_per_year(self) -> Decimal:
        return (self.usd_per_day - self.usd_per_day_waiting) * DAYS_PER_YEAR


def waiting_saving(waiting: Waiting) -> WaitingSaving:
    """Each share saves share × discount of what caching left: the discounts multiply, as the providers bill them."""
    cached = waiting.usd_per_day * (1 - waiting.cached_saved_share)
    saved = {
        "batch": cached * waiting.batch_share * waiting.batch_discount,
        "flex": cached * waiting.flex_share * waiting.flex_discount,
        "off-peak": cached * waiting.off_peak_share * waiting.off_peak_discount,
    }
    return WaitingSaving(waiting.usd_per_day, cached, cached - sum(saved.values()), saved)
