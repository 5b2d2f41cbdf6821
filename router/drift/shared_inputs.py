"""The numbers of requests that each process saw, kept until the one that looks for drift takes them.

Knows rows; no statistics.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, select

from router.drift.monitor import Key
from router.drift.sources import INPUTS
from router.drift.tables import inputs

KEPT_SECONDS = 600.0  # what nobody took by then tells of another time
MOST_TAKEN = 4_000  # requests in one look, of all processes


@dataclass(frozen=True)
class Inputs:
    """`numbers` (n, 8) of n requests of a tenant that `policy` decided, a column for each of INPUTS."""

    policy: str
    tenant: str
    numbers: np.ndarray

    def columns(self) -> Iterator[tuple[Key, np.ndarray]]:
        """The same by stream, within the tenant."""
        for name, column in zip(INPUTS, self.numbers.T):
            yield ("inputs", name, self.tenant), column


def put(connection: Connection, at: float, seen: Sequence[Inputs]) -> None:
    """Leave them for whoever looks; what is too old goes. `at` is in seconds. In a writing transaction."""
    connection.execute(delete(inputs).where(inputs.c.at < at - KEPT_SECONDS))
    rows = [
        {"at": at, "policy": one.policy, "tenant": one.tenant}
        | {"numbers": [[float(f"{number:.6g}") for number in row] for row in one.numbers.tolist()]}
        for one in seen
    ]
    if rows:
        connection.execute(inputs.insert(), rows)


def take(connection: Connection, policy: str, most: int = MOST_TAKEN) -> list[Inputs]:
    """What is there of a policy's requests, oldest first: the latest `most` of them. It is there no more, nor is
    another policy's: each is handed out once, whoever takes it. In a writing transaction."""
    rows = connection.execute(select(inputs).order_by(inputs.c.input_id.desc())).mappings().all()
    if rows:
        connection.execute(delete(inputs).where(inputs.c.input_id <= rows[0]["input_id"]))
    return list(_latest([dict(row) for row in rows if row["policy"] == policy], most))[::-1]


def _latest(rows: Sequence[Mapping[str, Any]], most: int) -> Iterator[Inputs]:
    """Rows of other columns are another release's."""
    for row in rows:
        numbers = np.array(row["numbers"], dtype=float)[-most:] if most else np.zeros(0)
        if numbers.ndim == 2 and numbers.shape[1] == len(INPUTS):
            most -= len(numbers)
            yield Inputs(row["policy"], row["tenant"], numbers)
