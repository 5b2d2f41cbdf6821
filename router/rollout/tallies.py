"""What came of a policy's requests in /route: how many it decided, failed at or was late for, and how long that took.

Counts only: those of several processes add up in one table, and a later count less an earlier one is what came between.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Column, Connection, String, Table, delete, inspect, select

from router.log.database import put
from router.log.tables import UtcTime, metadata

_LOG_BIN = math.log(1.05)  # durations are told apart where they differ by 5 %
_LEAST_SECONDS = 1e-5
KEPT = timedelta(days=90)  # of a policy that decides nothing any more

tallies = Table(
    "policy_tallies",
    metadata,
    Column("version", String(64), primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("tally", JSON, nullable=False),
)


def bin_of(seconds: float) -> int:
    """The number of a duration's bin; a longer duration has no smaller one."""
    return math.floor(math.log(max(seconds, _LEAST_SECONDS)) / _LOG_BIN)


def seconds_of(number: int) -> float:
    """The upper edge of a bin."""
    return math.exp((number + 1) * _LOG_BIN)


@dataclass(frozen=True)
class Tally:
    """A policy failed at `undecided` requests, and did not decide `late` ones in time. `seconds` counts those that it
    decided between routes, and the late ones, by the bin of their time in /route."""

    decided: int = 0
    undecided: int = 0
    late: int = 0
    seconds: Counter[int] = field(default_factory=Counter)

    @property
    def timed(self) -> int:
        return self.seconds.total()

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.decided + other.decided,
            self.undecided + other.undecided,
            self.late + other.late,
            self.seconds + other.seconds,
        )

    def __sub__(self, earlier: "Tally") -> "Tally":
        """What came after an earlier count of the same; nothing is less than none."""
        return Tally(
            max(self.decided - earlier.decided, 0),
            max(self.undecided - earlier.undecided, 0),
            max(self.late - earlier.late, 0),
            self.seconds - earlier.seconds,
        )

    def slower_than(self, number: int) -> int:
        return sum(count for one, count in self.seconds.items() if one > number)

    def quantile(self, share: float) -> int | None:
        """The smallest bin with this share of the decisions in it or below; None without any."""
        below = 0
        for one in sorted(self.seconds):
            below += self.seconds[one]
            if below >= share * self.timed:
                return one
        return None

    def as_dict(self) -> dict[str, Any]:
        seconds = {str(one): count for one, count in self.seconds.items()}
        return {"decided": self.decided, "undecided": self.undecided, "late": self.late, "seconds": seconds}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "Tally":
        seconds = Counter({int(one): int(count) for one, count in told["seconds"].items()})
        decided, undecided, late = (int(told.get(name, 0)) for name in ("decided", "undecided", "late"))
        return cls(decided, undecided, late, seconds)


NONE = Tally()


def add(connection: Connection, news: Mapping[str, Tally], at: datetime) -> None:
    """Add what a process counted since it last did, by version. In a writing transaction."""
    known = read(connection, news)
    for version, tally in news.items():
        whole = known.get(version, NONE) + tally
        put(connection, tallies, {"version": version}, {"at": at, "tally": whole.as_dict()})
    connection.execute(delete(tallies).where(tallies.c.at < at - KEPT))


def read(connection: Connection, versions: Iterable[str]) -> dict[str, Tally]:
    """What all processes counted of these versions, those without any left out."""
    if not inspect(connection).has_table(tallies.name):
        return {}
    asked = select(tallies.c.version, tallies.c.tally).where(tallies.c.version.in_(list(versions)))
    return {row.version: Tally.from_dict(row.tally) for row in connection.execute(asked)}
