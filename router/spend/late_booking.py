"""The booking of a decision that no budget binds: it can refuse nothing, so the answer need not wait for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from router.log.late import Deferred
from router.spend import ledger
from router.spend.admission import Charged
from router.spend.budgets import Estimate
from router.spend.ledger import NewCall, Settlement
from router.spend.ownership import Owner
from router.spend.prefix_cache import Turn


@dataclass(frozen=True)
class LateBooking(Deferred):
    """Books a call, once: its estimate is held for so many `seconds`; without them it is a stored answer, which costs
    nothing. `result` is what a caller is told of it."""

    call: NewCall
    seconds: float | None = None

    @property
    def result(self) -> Charged:
        return Charged(prefix=self.call.prefix.cause if self.call.prefix else None)

    def __call__(self, connection: Connection) -> Charged:
        if self.seconds is None:
            ledger.add(connection, self.call, Settlement(0), ())
        else:
            ledger.reserve(connection, self.call, (), self.seconds)
        return self.result

    @classmethod
    def run_all(cls, connection: Connection, several: Sequence["LateBooking"]) -> None:
        ledger.open_unbound(connection, [(one.call, one.seconds) for one in several])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON. Amounts are picodollars, whole numbers."""
        call = self.call
        parts: dict[str, Any] = {"at": call.at.isoformat(), "owner": vars(call.owner), "estimate": vars(call.estimate)}
        parts |= {"prefix": vars(call.prefix) if call.prefix else None, "seconds": self.seconds}
        return {**vars(call), **parts}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "LateBooking":
        """Reads also what was written when only stored answers were kept so, without `seconds`."""
        call = {name: value for name, value in kept.items() if name != "seconds"}
        call |= {"at": datetime.fromisoformat(kept["at"]), "owner": Owner(**kept["owner"])}
        call |= {"estimate": Estimate(**kept["estimate"]), "prefix": Turn(**kept["prefix"]) if kept["prefix"] else None}
        return cls(NewCall(**call), kept.get("seconds"))
