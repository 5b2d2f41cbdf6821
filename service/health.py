"""Whether the service does its whole job. /route answers either way; this says with what."""

import asyncio

from router.access.ring import KeyRing
from router.engine import Engine
from router.errors import StoreError


async def unready(engine: Engine, wants_cache: bool = False) -> list[str]:
    """What is missing, one sentence each; empty when nothing is."""
    reasons = []
    if engine.encoder is None:
        reasons.append("the encoder is not loaded")
    if engine.policy is None:
        reasons.append("no policy is loaded: /route answers with the safe route")
    if wants_cache and engine.cache is None:
        reasons.append("the cache is not open: every request is asked of a model")
    elif wants_cache and engine.cache is not None and engine.cache.cache.warming.misses:
        reasons.append("the cache is read into memory: until then it answers the byte-identical only")
    if engine.hung is not None:
        reasons.append(f"every decision hangs ({engine.hung.late}): restart the process")
    problem = await _store_problem(engine)
    return [*reasons, problem] if problem else reasons


def access_mode(ring: KeyRing | None) -> str:
    """`keys`, or who may call because there are none."""
    return "keys" if ring is not None and not ring.open else "open: anyone who reaches this address may call"


async def _store_problem(engine: Engine) -> str | None:
    if engine.store is None:
        return "no store is configured: decisions are not logged"
    try:
        await asyncio.wait_for(asyncio.wrap_future(engine.store.probe()), engine.limits.store_seconds)
    except TimeoutError:
        return "the store does not write in time"
    except StoreError as error:
        return str(error)
    return None
