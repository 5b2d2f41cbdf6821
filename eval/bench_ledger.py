"""Measures the ledger: its time per call, kills, a race for the last dollars, a million rows, alerts, prefix caches."""

import multiprocessing
import os
import random
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import select

from eval.alert_replay import plant_runaways, quiet_days, read_servegen
from eval.ledger_fill import fill_million
from eval.ledger_load import loads_until_killed
from eval.ledger_race import Row, label_costs, race
from router import intervals
from router.log.store import LogStore
from router.spend import ledger
from router.spend.budgets import Budget, Estimate, applying
from router.spend.ledger import NewCall, Settlement
from router.spend.ledger_books import imbalances
from router.spend.ledger_tables import calls
from router.spend.ownership import Owner
from router.spend.prefix_advice import PrefixPrices
from router.spend.prefix_replay import ExpectedShare, replay
from router.spend.query import SpendAsk, spend

KILLS = 200


def ledger_rows(labels: Path, traffic: Path, scratch: Path) -> Iterator[Row]:
    """Every figure of the ledger, in turn."""
    yield from per_call(scratch)
    yield from kills(scratch)
    yield from race(scratch, *label_costs(labels / "medagents.parquet"))
    yield from million(scratch)
    yield from alerts(traffic)
    yield from prefixes(traffic)


def per_call(scratch: Path) -> Iterator[Row]:
    """Reserve and settle through the log's writer, one after the other: the work itself, and with its commits."""
    budgets = [
        Budget("tenant", {"tenant": "*"}, "day", Decimal(1000), "hard"),
        Budget("user", {"user": "*"}, "month", Decimal(1000), "throttle"),
        Budget("model", {"model": "*"}, "total", Decimal(1000), "soft"),
    ]
    for bound in ([], budgets):
        with closing(LogStore(f"sqlite:///{scratch}/time{len(bound)}.db", timeout_seconds=30.0)) as store:
            store.probe().result(30)
            work, whole = zip(*(_timed_call(store, bound, number) for number in range(3000)))
        value = f"{_median(work)} work, {_median(whole)} with both commits"
        yield f"reserve + settle, {len(bound)} budgets", value, 3000, "SQLite, one at a time"


def _timed_call(store: LogStore, budgets: Sequence[Budget], number: int) -> tuple[float, float]:
    at, owner = datetime.now(UTC), Owner(f"t{number % 20}", f"u{number % 50}")
    call = NewCall(f"c{number}", at, owner, "gpt-4o", "none", "standard", Estimate(10**9, 3 * 10**9, 9 * 10**9))
    spent: list[float] = []

    def timed(work: Callable[[Any], object]) -> Callable[[Any], None]:
        def run(connection: Any) -> None:
            started = time.perf_counter()
            work(connection)
            spent.append(1e3 * (time.perf_counter() - started))

        return run

    started = time.perf_counter()
    bound = applying(budgets, owner, call.task_id, at)
    store.write(timed(lambda connection: ledger.reserve(connection, call, bound, 900.0))).result(30)
    store.write(timed(lambda connection: ledger.settle(connection, call.call_id, Settlement(10**9), at))).result(30)
    return sum(spent), 1e3 * (time.perf_counter() - started)


def kills(scratch: Path, count: int = KILLS) -> Iterator[Row]:
    """SIGKILL two loading processes in turn; then look for every acknowledged record, and whether the books balance."""
    url, rng = f"sqlite:///{scratch}/kills.db", random.Random(0)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["eval.ledger_load"])
    notes = [scratch / f"notes{i}" for i in range(2)]
    alive = [_loader(context, url, note, i) for i, note in enumerate(notes)]
    for kill in range(count):
        place = kill % 2
        size = _size(notes[place])
        _wait(lambda place=place, size=size: _size(notes[place]) > size)  # type: ignore[misc]
        time.sleep(rng.uniform(0.0, 0.1))
        os.kill(alive[place].pid or 0, signal.SIGKILL)
        alive[place].join()
        alive[place] = _loader(context, url, notes[place], kill + 2)
    for one in alive:
        os.kill(one.pid or 0, signal.SIGKILL)
        one.join()
    told = [line.split() for note in notes for line in note.read_text().split("\n") if line]
    lost, problems, settled = _lost(url, told)
    value = f"{lost} acknowledged records lost, {problems} imbalances; {settled:,} settled"
    yield f"{count} SIGKILLs, two processes on one store", value, len(told), "SQLite"


def _loader(context: Any, url: str, notes: Path, seed: int) -> Any:
    process = context.Process(target=loads_until_killed, args=(url, notes, seed), daemon=True)
    process.start()
    return process


def _lost(url: str, told: Sequence[Sequence[str]]) -> tuple[int, int, int]:
    with closing(LogStore(url, timeout_seconds=30.0)) as store, store.reading() as connection:
        kept = {row.call_id: row for row in connection.execute(select(calls.c.call_id, calls.c.state, calls.c.spent))}
        lost = 0
        for kind, call_id, *spent in told:
            row = kept.get(call_id)
            lost += row is None or (kind == "s" and (row.state, row.spent) != ("settled", int(spent[0])))
        settled = sum(row.state == "settled" for row in kept.values())
        return lost, len(imbalances(connection)), settled


def million(scratch: Path, rows: int = 1_000_000) -> Iterator[Row]:
    """A month's report by tenant, from a ledger of a million calls."""
    url = f"sqlite:///{scratch}/million.db"
    since = datetime(2026, 11, 1, tzinfo=UTC)
    with closing(LogStore(url, timeout_seconds=60.0)) as store:
        fill_million(store, since, rows)
        until = since + timedelta(days=30)
        for name, ask in {
            "by tenant": SpendAsk(since, until),
            "by tenant, day and model": SpendAsk(since, until, ("tenant", "day", "model")),
            "by tenant, with tasks and users": SpendAsk(since, until, units=True),
        }.items():
            seconds = []
            for _ in range(5):
                with store.reading() as connection:
                    started = time.perf_counter()
                    spend(connection, ask)
                    seconds.append(time.perf_counter() - started)
            yield f"a month's report {name}", f"{statistics.median(seconds):.2f} s", rows, "simulated calls"


def alerts(traffic: Path) -> Iterator[Row]:
    """Days without a planted fault, then runaways of several sizes at random moments and clients."""
    table = read_servegen(traffic / "servegen_m_small_14d.parquet")
    found = quiet_days(table)
    said = "; ".join(f"day {one.day:.1f}: {one.message}" for one in found) or "none"
    yield "spend alerts on 14 days, per week", f"{len(found) / 2:.1f} ({said})", 14, "servegen, spend ∝ requests"
    for size in (0.25, 0.5, 1.0, 2.0):
        planted = plant_runaways(table, size, 100)
        delays = [one for one in planted if one is not None]
        in_time = sum(one <= 15 for one in delays)
        seen = intervals.share(in_time, len(planted))
        value = f"{seen.value:.0%} [{seen.low:.0%}, {seen.high:.0%}] within 15 minutes, median {np.median(delays):.0f}"
        yield f"runaways of {size:.0%} of all spend (simulated)", value, len(planted), "servegen + planted"


def prefixes(traffic: Path) -> Iterator[Row]:
    """What a provider's cache would have read on a real trace, and whether a session's next share is foreseen."""
    table = pd.read_parquet(traffic / "mooncake_conversation.parquet")
    columns = table["milliseconds"] / 1000, table["input_tokens"], table["hash_ids"]
    requests = [(float(at), int(tokens), list(map(int, blocks))) for at, tokens, blocks in zip(*columns)]
    prices = PrefixPrices(3e-6, 0.3e-6, 3.75e-6, 6e-6)
    fresh = sum(tokens for _, tokens, _ in requests) * prices.fresh
    for name, seconds in (("5-minute", 300.0), ("1-hour", 3600.0)):
        found = replay(requests, seconds)
        usd = found.usd(prices, seconds > 300)
        against = f"${usd:,.0f} against ${fresh:,.0f} uncached ({usd / fresh - 1:+.0%})"
        value = f"{found.hit_rate:.1%} of input tokens read, {against}"
        yield f"{name} prefix cache", value, len(requests), "mooncake, Claude Sonnet's prices"
    yield _foreseen(requests)


def _foreseen(requests: Sequence[tuple[float, int, Sequence[int]]]) -> Row:
    expected, errors, plain = ExpectedShare(), [], []
    last: dict[int, float] = {}
    seen: list[float] = []
    for (at, _, blocks), share in zip(requests, replay(requests, 300.0).shares):
        session = blocks[1] if len(blocks) > 1 else None  # the first block is everybody's
        pause = at - last[session] if session in last else None
        errors.append(share - expected.expect(pause))
        plain.append(share - (sum(seen[-1000:]) / len(seen[-1000:]) if seen else 0.0))
        expected.learn(pause, share)
        seen.append(share)
        if session is not None:
            last[session] = at
    off, naive = np.abs(errors), np.abs(plain)
    value = f"off by {off.mean():.3f} on average, bias {np.mean(errors):+.3f}; the running mean {naive.mean():.3f}"
    return "a session's next cached share, foreseen", value, len(requests), "mooncake, one pass"


def _median(values: Sequence[float]) -> str:
    draws = np.random.default_rng(0).choice(values, (500, len(values)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    return f"{statistics.median(values):.3f} ms [{low:.3f}, {high:.3f}]"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _wait(done: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("the loading process acknowledged nothing")
        time.sleep(0.005)
