"""Races for the last dollars of a budget: 100 callers over 4 processes, ours beside other ways to keep a limit."""

import multiprocessing
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import select

from eval.ledger_load import Cost, Tried, callers
from router.log.store import LogStore
from router.money import to_pico
from router.spend.budgets import Estimate
from router.spend.ledger_books import imbalances
from router.spend.ledger_tables import balances

RACES, CALLERS, PROCESSES = 20, 100, 4
Row = tuple[str, str, int, str]  # figure, value, n, data


def race(scratch: Path, costs: Sequence[Cost], data: str, races: int = RACES, only: str = "") -> Iterator[Row]:
    """100 callers over 4 processes compete for a budget that a third of their calls would empty, ours and others.

    `only` the rules whose name holds it.
    """
    upper = float(np.mean([one.actual > one.estimate.upper for one in costs]))
    yield "calls dearer than their reserved .95 quantile", f"{upper:.1%}", len(costs), data
    rules: Mapping[str, tuple[bool, Callable[[Cost], Cost]]] = {
        "quantile of what is out together": (False, lambda one: one),
        "strict: each call's cap": (True, lambda one: one),
        "each call's own quantile": (True, lambda one: Cost(_alone(one.estimate), one.actual)),
        "check, then spend (no reservation)": (True, lambda one: Cost(Estimate(0, 0, 0), one.actual)),
    }
    for name, (strict, changed) in rules.items():
        if only not in name:
            continue
        found = [_race(scratch, [changed(one) for one in costs], strict, seed, name) for seed in range(races)]
        over, denied, alone, used, requests = (np.array(column) for column in zip(*found))
        value = (
            f"overspent in {(over > 0).mean():.0%} of races, by {over.mean():.2%} of the limit on average (most "
            f"{over.max():.2%}); false denials {_with_interval(denied)} of requests (room at the "
            f"moment for {alone.mean():.0%}, many for the same room); {used.mean():.1%} used"
        )
        yield f"race for the last dollars · {name}", value, int(requests.sum()), data


def _alone(estimate: Estimate) -> Estimate:
    return Estimate(estimate.expected, estimate.upper, estimate.upper)


def _race(
    scratch: Path, costs: Sequence[Cost], strict: bool, seed: int, name: str
) -> tuple[float, float, float, float, int]:
    """Overspend as a share of the limit, both shares of false denials, use as a share of the limit, and requests."""
    rng = random.Random(seed)
    drawn = rng.choices(costs, k=CALLERS * 6)
    limit = sum(one.actual for one in drawn) // 3
    url = f"sqlite:///{scratch}/race{abs(hash(name)) % 10**6}-{seed}.db"
    with closing(LogStore(url, timeout_seconds=30.0)) as store:
        store.probe().result(30)
    context = multiprocessing.get_context("forkserver")
    with context.Manager() as manager:
        shared = [manager.list() for _ in range(PROCESSES)]
        share = len(drawn) // PROCESSES
        running = [
            context.Process(
                target=_run_callers,
                args=(url, str(limit / 10**12), strict, drawn[i * share : (i + 1) * share], seed * 10 + i, shared[i]),
            )
            for i in range(PROCESSES)
        ]
        for process in running:
            process.start()
        for process in running:
            process.join()
        tried = sorted((one for each in shared for one in each), key=lambda one: one.at)
    with closing(LogStore(url, timeout_seconds=30.0)) as store, store.reading() as connection:
        spent = connection.execute(select(balances.c.spent)).scalar_one()
        assert not imbalances(connection)
    return max(spent - limit, 0) / limit, *_false_denials(tried, limit), spent / limit, len(tried)


def _run_callers(url: str, limit: str, strict: bool, costs: Sequence[Cost], seed: int, out: Any) -> None:
    found: list[Tried] = []
    callers(url, limit, strict, costs, CALLERS // PROCESSES, seed, found)
    out.extend(found)


def _false_denials(tried: Sequence[Tried], limit: int) -> tuple[float, float]:
    """Shares of the requests: denied calls that, in their order, would all have fit at their true cost into what the
    race left unspent; and denied calls for which there was room at that moment (many may count for the same room)."""
    left = limit - sum(one.actual for one in tried if one.granted)
    wrong = alone = granted = 0
    for one in tried:
        granted += one.actual * one.granted
        alone += not one.granted and granted + one.actual <= limit
        if not one.granted and one.actual <= left:
            left -= one.actual
            wrong += 1
    return wrong / len(tried), alone / len(tried)


def _with_interval(shares: np.ndarray) -> str:
    draws = np.random.default_rng(0).choice(shares, (2000, len(shares))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return f"{shares.mean():.2%} [{low:.2%}, {high:.2%}]"


def label_costs(labels: Path) -> tuple[list[Cost], str]:
    """Calls with estimates from a label set's train part and true costs from its test part, route by route.

    Without a policy the estimate is a route's mean and .95 quantile: what the ledger would hold knowing no request.
    """
    table = pd.read_parquet(labels).dropna(subset=["cost_usd"])
    train, test = table[table["split"] == "train"], table[table["split"] == "test"]
    known = {key: rows["cost_usd"] for key, rows in train.groupby(["model", "effort"])}
    costs = []
    for key, rows in test.groupby(["model", "effort"]):
        mean, high = float(known[key].mean()), float(np.quantile(known[key], 0.95))
        upper = to_pico(max(high, mean))
        estimate = Estimate(to_pico(mean), upper, 4 * upper)
        costs += [Cost(estimate, to_pico(float(usd))) for usd in rows["cost_usd"]]
    return costs, f"{labels.stem}, routes' train means and quantiles"
