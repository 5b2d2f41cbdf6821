"""Measures what a candidate beside the incumbent costs the caller: the same prompts with and without it, in one run."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from router.encoders import Encoder
from router.engine import Engine
from router.log.store import LogStore
from router.policy import Policy
from router.requests import Request
from router.rollout.stages import Trial
from router.safe_route import SafeRoute
from router.shadow.beside import Shadow

Row = tuple[str, str, int, str]
ROUNDS, BLOCK, WARM_UP = 3, 5, 30


def shadow_rows(
    incumbent: Policy, candidate: Policy, prompts: Sequence[str], encoder: Encoder, scratch: Path
) -> Iterator[Row]:
    """The median of the paired differences per prompt, in blocks with and without the candidate, one client."""
    with closing(LogStore(f"sqlite:///{scratch}/shadow.db", timeout_seconds=30.0)) as store:
        engine = Engine(SafeRoute.from_key("gpt-4o-mini|none", 1024), store, encoder=encoder)
        engine.swap(incumbent)
        engine.try_policy(Trial(candidate, 0.0))
        shadow = Shadow(store)
        shadow.use(candidate)
        shadow.start()
        try:
            asyncio.run(_ask(engine, prompts[:WARM_UP]))
            beside, alone = zip(*(asyncio.run(_paired(engine, shadow, prompts)) for _ in range(ROUNDS)))
        finally:
            shadow.close()
            engine.close()
    with_shadow, without = 1e3 * np.median(beside, axis=0), 1e3 * np.median(alone, axis=0)
    added = with_shadow - without
    draws = np.random.default_rng(0).choice(added, (1000, len(added)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    value = f"{np.median(added):+.3f} ms [{low:+.3f}, {high:+.3f}]; medians {np.median(with_shadow):.2f} and "
    value += (
        f"{np.median(without):.2f} ms, p99 {np.percentile(with_shadow, 99):.1f} and {np.percentile(without, 99):.1f} ms"
    )
    yield (
        "time that a shadow adds to a decision, median of paired differences",
        value,
        len(added),
        "medagents, 10–60 words",
    )


async def _paired(engine: Engine, shadow: Shadow, prompts: Sequence[str]) -> tuple[list[float], list[float]]:
    """Seconds per prompt with and without the shadow, block by block in turn; what waits is decided in between."""
    beside: list[float] = []
    alone: list[float] = []
    for start in range(0, len(prompts), BLOCK):
        block = prompts[start : start + BLOCK]
        # who goes first changes from block to block: the second finds warmer caches
        for with_shadow in (True, False) if (start // BLOCK) % 2 else (False, True):
            engine.watcher = shadow if with_shadow else None
            (beside if with_shadow else alone).extend(await _ask(engine, block))
            while shadow.waiting:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.02)
    return beside, alone


async def _ask(engine: Engine, prompts: Sequence[str]) -> list[float]:
    seconds = []
    for prompt in prompts:
        started = time.perf_counter()
        await engine.route(Request.from_prompt(prompt))
        seconds.append(time.perf_counter() - started)
    return seconds
