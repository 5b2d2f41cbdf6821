"""What a policy decides for a file of queries, at every operating point. The same estimates and choice as `/route`."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from router.constraints import feasible_routes
from router.embedding_cache import embed_cached
from router.encoders import Encoder
from router.errors import InputError
from router.estimate.estimators import Estimates
from router.estimate.linear_algebra import one_blas_thread
from router.offers import changes_price
from router.policy import Policy, write_value
from router.requests import Request
from router.tables import read_table

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Queries:
    """Queries to decide on, and nothing that tells an outcome."""

    ids: tuple[str, ...]
    requests: tuple[Request, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(request.text for request in self.requests)


@dataclass(frozen=True)
class Sweep:
    """Decisions of one policy: a route column per query and operating point, with the estimates behind them."""

    queries: Queries
    values: np.ndarray
    chosen: np.ndarray
    estimates: Estimates
    usd: np.ndarray


def read_queries(path: Path) -> Queries:
    """Read `query_id, prompt | messages` and, where given, `task`. Raises InputError naming row and column."""
    table = read_table(path, "queries")
    if "query_id" not in table:
        raise InputError("query_id", list(table.columns), "column missing", "Give every query an id.")
    table = table.drop_duplicates("query_id")
    known = [column for column in ("prompt", "messages", "task") if column in table]
    requests = []
    for row, record in enumerate(table[known].to_dict("records"), 1):
        given = {str(key): value for key, value in record.items() if isinstance(value, (str, list, np.ndarray))}
        try:
            requests.append(Request.from_mapping(_one_of_the_two(given)))
        except InputError as error:
            raise InputError(error.field, error.value, error.problem, error.cure, row=row) from error
    return Queries(tuple(map(str, table["query_id"])), tuple(requests))


def decide(
    policy: Policy,
    encoder: Encoder,
    queries: Queries,
    values: Sequence[float] | np.ndarray,
    at: datetime,
    cache: Path,
    progress: Progress = lambda stage, share: None,
) -> Sweep:
    """Decide every query at every value of a correct answer. Raises EncoderMismatchError."""
    policy.check_encoder(encoder.identity)
    vectors = embed_cached(
        encoder, queries.texts, cache, lambda done, total: progress("embedding prompts", done / max(total, 1))
    )
    progress("deciding", 0.0)
    chars = np.array([request.context_chars for request in queries.requests])
    with one_blas_thread():
        estimates = policy.estimate(queries.texts, vectors, [request.task for request in queries.requests], chars)
    usd, feasible = _offered(policy, queries, estimates, at)
    chosen = policy.sweep_choices(estimates, usd, values, feasible)
    progress("deciding", 1.0)
    return Sweep(queries, np.asarray(values), chosen, estimates, usd)


def _offered(policy: Policy, queries: Queries, estimates: Estimates, at: datetime) -> tuple[np.ndarray, np.ndarray]:
    """USD and feasibility (n, R). Only pictures and sounds make a query of a file cost more than its text, or exclude
    a route. Raises InputError for a query that no route can take."""
    usd = policy.usd(estimates, at)
    feasible = np.ones(usd.shape, dtype=bool)
    for i, request in enumerate(queries.requests):
        if changes_price(request):
            one = estimates.row(i)
            offers = policy.offers(request, one, at)
            usd[i] = offers.usd
            feasible[i] = feasible_routes(request, policy.routes, policy.specs, offers, one.p[0])
    return usd, feasible


def decisions_table(policy: Policy, sweep: Sweep) -> pd.DataFrame:
    """One row per operating point and query, in the format of DESIGN: `point` runs from the cheapest to the best."""
    n, points = sweep.chosen.shape
    rows = np.tile(np.arange(n), points)
    columns = sweep.chosen.T.ravel()
    models = np.array([route.model for route in policy.routes], dtype=object)
    efforts = np.array([route.effort for route in policy.routes], dtype=object)
    values = [write_value(value) for value in sweep.values]
    return pd.DataFrame(
        {
            "point": np.repeat(np.arange(points), n),
            "query_id": np.array(sweep.queries.ids, dtype=object)[rows],
            "model": models[columns],
            "effort": efforts[columns],
            "p_correct": sweep.estimates.p[rows, columns],
            "expected_usd": sweep.usd[rows, columns],
            "value_usd": np.repeat(np.array([str(value) for value in values], dtype=object), n),
        }
    )


def _one_of_the_two(given: dict[str, Any]) -> dict[str, Any]:
    messages = given.pop("messages", None)
    if messages is not None and "prompt" not in given:
        try:
            given["messages"] = json.loads(messages) if isinstance(messages, str) else list(messages)
        except json.JSONDecodeError as error:
            raise InputError("messages", messages, "not JSON", "Give a list of messages, or its JSON text.") from error
    return given
