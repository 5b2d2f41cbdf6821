"""A ledger of many simulated calls, written at once: for measuring how long reports take."""

import random
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from router.log.store import LogStore
from router.spend.ledger import milliseconds
from router.spend.ledger_days import DAY_MS
from router.spend.ledger_tables import DAY_DIMENSIONS, calls

BATCH = 20_000
TOKENS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
MONTH_MS = 30 * DAY_MS


def fill_million(store: LogStore, since: datetime, rows: int, seed: int = 0) -> None:
    """`rows` settled calls spread over a month: 200 tenants, 5,000 users, three models, tasks of four calls."""
    rng, start = random.Random(seed), milliseconds(since)
    for first in range(0, rows, BATCH):
        batch = [
            _call(rng, number, start + number * MONTH_MS // rows) for number in range(first, min(first + BATCH, rows))
        ]
        store.write(lambda connection, batch=batch: _insert(connection, batch)).result(120)  # type: ignore[misc]
    store.write(_sum_days).result(120)


def _insert(connection: Connection, batch: list[dict[str, Any]]) -> None:
    connection.execute(calls.insert(), batch)


def _call(rng: random.Random, number: int, at_ms: int) -> dict[str, Any]:
    spent = int(rng.lognormvariate(0, 1) * 1e9)
    model = rng.choice(("gpt-4o", "gpt-4o-mini", "o3-mini"))
    names = {"kind": "call", "state": "settled", "environment": "prod", "cost_centre": "c1", "effort": "none"}
    amounts = {"expected": spent, "held": 2 * spent, "spread2": 1e-6, "spent": spent, "strongest": 3 * spent}
    counts = {"input_tokens": 500, "cached_input_tokens": 100, "output_tokens": 200, "reasoning_tokens": 0}
    return {
        **names,
        **amounts,
        **counts,
        "call_id": f"{number:032x}",
        "at_ms": at_ms,
        "tenant": f"tenant-{int(rng.paretovariate(1)) % 200}",
        "user": f"user-{rng.randrange(5000)}",
        "feature": rng.choice(("chat", "agent", "search")),
        "task_id": f"task-{number // 4}",
        "tags": {},
        "model": model,
        "tier": "standard",
        "provider": "openai",
        "same_model": spent,
        "correct": 1.0,
        "charges": [],
    }


def _sum_days(connection: Connection) -> None:
    """The sums by day that booking keeps as it goes, at once."""
    names = ", ".join(f"coalesce({name}, '')" for name in DAY_DIMENSIONS)
    sums = {
        "calls": "count(*)",
        "counterfactual": "sum(strongest)",
        "decided_spent": "sum(spent)",
        "judged": "count(correct)",
        **{name: f"sum({name})" for name in ("spent", "same_model", "expected", "correct")},
        **{
            name: f"sum({name})"
            for name in ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
        },
        **dict.fromkeys(("held", "estimated", "caused", "caused_calls", "failed", "cache_hits", "unreported"), "0"),
        **dict.fromkeys(("saved_cache", "saved_prefix"), "0"),
    }
    groups = ", ".join(str(place) for place in range(1, len(DAY_DIMENSIONS) + 2))
    connection.execute(
        text(
            f"INSERT INTO ledger_days (day, {', '.join(DAY_DIMENSIONS)}, {', '.join(sums)})"
            f" SELECT at_ms / {DAY_MS}, {names}, {', '.join(sums.values())} FROM ledger_calls GROUP BY {groups}"
        )
    )
