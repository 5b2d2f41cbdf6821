"""A tenant's answers that are like a vector: found by the database where it searches vectors itself, else by us.

Knows where vectors are kept; what becomes of the answers is the caller's.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, text

# the comparison only where the encoder is the same: vectors of two lengths cannot be compared
_ALIKE = text(
    "SELECT DISTINCT e.answer_id FROM cache_entries e JOIN cache_answers a ON a.answer_id = e.answer_id "
    "WHERE a.tenant = :tenant AND CASE WHEN e.encoder = :encoder AND e.embedding IS NOT NULL "
    "THEN 1 - (e.embedding <=> CAST(:vector AS vector)) >= :least ELSE FALSE END"
)
_KEEP = text("UPDATE cache_entries SET embedding = CAST(:vector AS vector) WHERE entry_id = :entry_id")


def alike_in_database(connection: Connection, tenant: str, encoder: str, vector: np.ndarray, least: float) -> set[int]:
    """Answers with a wording whose cosine to a unit `vector` is at least `least`, by pgvector."""
    values = {"tenant": tenant, "encoder": encoder, "vector": as_literal(vector), "least": least}
    return {row[0] for row in connection.execute(_ALIKE, values)}


def nearest_in_database(query: Select[Any], vector: np.ndarray, count: int) -> Select[Any]:
    """The `count` entries of a query that are nearest to a unit `vector`, the nearest first, by pgvector: exactly, for
    within one partition an index over all of them would have to be searched much too widely."""
    order = text("cache_entries.embedding <=> CAST(:vector AS vector)").bindparams(vector=as_literal(vector))
    return query.where(text("cache_entries.embedding IS NOT NULL")).order_by(order).limit(count)


def alike_among(
    vectors: Iterable[tuple[int, np.ndarray | None, str]], encoder: str, vector: np.ndarray, least: float
) -> set[int]:
    """The same, of (answer_id, vector, encoder)."""
    return {
        answer_id
        for answer_id, other, made_by in vectors
        if other is not None and made_by == encoder and float(other @ vector) >= least
    }


def keep_in_database(connection: Connection, entry_id: int, vector: np.ndarray) -> None:
    """Let pgvector find an entry too."""
    connection.execute(_KEEP, {"vector": as_literal(vector), "entry_id": entry_id})


def as_literal(vector: np.ndarray) -> str:
    """A vector in pgvector's spelling; nine digits give every float32 back."""
    return "[" + ",".join(f"{x:.9g}" for x in vector.tolist()) + "]"
