"""The booking of a cached answer that no budget binds: it can refuse nothing, so the answer need not wait for it."""

from collections.abc import Mapping
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

_NOTHING_BINDS = Charged()


@dataclass(frozen=True)
class LateBooking(Deferred):
    """Books a call that costs nothing, once. `result` is what a caller is told of it."""

    call: NewCall

    @property
    def result(self) -> Charged:
        return _NOTHING_BINDS

    def __call__(self, connection: Connection) -> Charged:
        ledger.add(connection, self.call, Settlement(0), ())
        return self.result

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON. Amounts are picodollars, whole numbers."""
        call, owner = self.call, self.call.owner
        return {**vars(call), "at": call.at.isoformat(), "owner": vars(owner), "estimate": vars(call.estimate)}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "LateBooking":
        made = {
            "at": datetime.fromisoformat(kept["at"]),
            "owner": Owner(**kept["owner"]),
            "estimate": Estimate(**kept["estimate"]),
        }
        return cls(NewCall(**{**kept, **made}))
