"""Does a serving process's memory grow with the requests it has answered? A long run of cheap ones, and its slope.

Half of the requests are byte-identical to one that was answered, half are new: caches that fill up level off, what is
kept for ever does not. Knows the service as a command and as HTTP.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import numpy as np
import psutil

from eval.bench_load import Load
from eval.flood import closed_loop
from eval.ledger_race import Row

REQUESTS, CLIENTS, PIECE_SECONDS, KNOWN = 400_000, 8, 4.0, 50


def memory_rows(policy: Path, environment: Mapping[str, str], scratch: Path, requests: int = REQUESTS) -> Iterator[Row]:
    """The slope over the last half of the requests, 200,000, when what is bounded has had time to fill."""
    load = Load(policy, environment, (), scratch)
    with load.served("memory") as service:
        texts, points = itertools.cycle(answered(service.url)), [(0, _resident(service.process.pid))]
        both = (text for pair in zip(texts, fresh()) for text in pair)
        while points[-1][0] < requests:
            found = closed_loop(service.url, both, CLIENTS, PIECE_SECONDS)
            done = points[-1][0] + len(found.good) + found.fallbacks
            points.append((done, _resident(service.process.pid)))
    yield "memory per 1,000 requests, last half", slope(points), points[-1][0], "half byte-identical, half new"


def fresh() -> Iterator[str]:
    """A million prompts of the same few hundred words: caches of words fill early, as they do under real traffic."""
    for one, two, three in itertools.product(range(100), repeat=3):
        yield f"how many of {one} sheep and {two} goats does herd {three} lose by night"


def answered(url: str) -> list[str]:
    """Prompts whose answers the cache has."""
    texts = [f"what is the capital of country number {number}" for number in range(KNOWN)]
    with httpx.Client(base_url=url, timeout=30) as client:
        for text in texts:
            decided = client.post("/route", json={"prompt": text}).raise_for_status().json()
            report = {"decision_id": decided["decision_id"], "answer": "Known."}
            client.post("/outcomes", json=report).raise_for_status()
    return texts


def slope(points: Sequence[tuple[int, float]]) -> str:
    """MB per 1,000 requests by least squares over the last half of (requests, MB), with the 95 % interval of a
    bootstrap of blocks: what is resident now says much about what is next."""
    late = np.array(points[len(points) // 2 :], dtype=float)
    late[:, 0] /= 1000
    rng, size = np.random.default_rng(0), max(2, len(late) // 6)
    starts = rng.integers(0, max(1, len(late) - size + 1), (1000, max(2, len(late) // size)))
    draws = [late[np.concatenate([np.arange(one, one + size) for one in some])] for some in starts]
    low, high = np.percentile([_fitted(draw) for draw in draws if np.ptp(draw[:, 0]) > 0], [2.5, 97.5])
    levels = f"{points[0][1]:.1f} MB at the start, {late[0, 1]:.1f} at the half, {late[-1, 1]:.1f} at the end"
    return f"{_fitted(late):+.4f} MB [{low:+.4f}, {high:+.4f}]; {levels}"


def _fitted(points: np.ndarray) -> float:
    return float(np.polyfit(points[:, 0], points[:, 1], 1)[0])


def _resident(pid: int) -> float:
    """MB."""
    return float(psutil.Process(pid).memory_info().rss / 2**20)
