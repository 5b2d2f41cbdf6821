"""Processes that load a ledger for measurements: reserve, wait like a call, settle. What is acknowledged is noted."""

import os
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Lock

from router.errors import BudgetExceededError, StoreError
from router.log.store import LogStore
from router.spend import ledger
from router.spend.budgets import Budget, Estimate, applying
from router.spend.ledger import NewCall, Settlement
from router.spend.ownership import Owner


@dataclass(frozen=True)
class Cost:
    """One call in picodollars: what was estimated, and what it turned out to cost."""

    estimate: Estimate
    actual: int


@dataclass(frozen=True)
class Tried:
    """One request of a caller: when it was answered, whether it was granted, and its true cost."""

    at: float
    granted: bool
    actual: int


def loads_until_killed(url: str, notes: Path, seed: int) -> None:
    """Reserve and settle in four threads, noting each acknowledgement, until somebody kills this process."""
    store, budget = LogStore(url, timeout_seconds=30.0), Budget("all", {"tenant": "*"}, "total", Decimal(1000), "hard")
    with notes.open("ab", buffering=0) as noted, ThreadPoolExecutor(4) as pool:
        for thread in range(4):
            pool.submit(_load, store, budget, noted.fileno(), random.Random(f"{seed}.{thread}"))


def _load(store: LogStore, budget: Budget, noted: int, rng: random.Random) -> None:
    while True:
        call_id = f"{rng.getrandbits(96):024x}"
        spent = rng.randrange(10**6, 10**9)
        reserve(store, budget, call_id, Estimate(spent, 2 * spent, 4 * spent), f"t{rng.randrange(5)}")
        os.write(noted, f"r {call_id}\n".encode())
        if rng.random() < 0.9:
            settle(store, call_id, spent)
            os.write(noted, f"s {call_id} {spent}\n".encode())


def reserve(store: LogStore, budget: Budget, call_id: str, estimate: Estimate, tenant: str = "t") -> None:
    """Reserve one call. Raises BudgetExceededError, StoreError."""
    at = datetime.now(UTC)
    call = NewCall(call_id, at, Owner(tenant), "m", "none", "standard", estimate)
    bound = applying([budget], call.owner, call.task_id, at)
    store.write(lambda connection: ledger.reserve(connection, call, bound, 900.0)).result(60)


def settle(store: LogStore, call_id: str, spent: int) -> None:
    """Settle one call. Raises StoreError."""
    at = datetime.now(UTC)
    store.write(lambda connection: ledger.settle(connection, call_id, Settlement(spent), at)).result(60)


def callers(
    url: str, limit_usd: str, strict: bool, costs: Sequence[Cost], threads: int, seed: int, out: list[Tried]
) -> None:
    """`threads` concurrent callers share these calls; every one reserves, waits about 20 ms, settles."""
    budget = Budget("nearly empty", {}, "total", Decimal(limit_usd), "hard", strict=strict)
    todo, taking = list(enumerate(costs)), Lock()
    with closing(LogStore(url, timeout_seconds=30.0)) as store, ThreadPoolExecutor(threads) as pool:
        for thread in range(threads):
            pool.submit(_caller, store, budget, todo, taking, f"{seed}.{thread}", out)


def _caller(
    store: LogStore, budget: Budget, todo: list[tuple[int, Cost]], taking: Lock, seed: str, out: list[Tried]
) -> None:
    rng = random.Random(seed)
    while True:
        with taking:
            if not todo:
                return
            number, cost = todo.pop()
        call_id = f"{os.getpid()}-{number}"
        try:
            reserve(store, budget, call_id, cost.estimate)
        except BudgetExceededError:
            out.append(Tried(time.time(), False, cost.actual))
            time.sleep(rng.expovariate(1 / 0.02))
            continue
        except StoreError:
            continue
        out.append(Tried(time.time(), True, cost.actual))
        time.sleep(rng.expovariate(1 / 0.02))
        settle(store, call_id, cost.actual)
