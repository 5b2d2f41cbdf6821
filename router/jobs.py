"""One decision in the making: how far it has come, what the cache said of it, and its record on the way to the log."""

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Literal, TypeVar

import numpy as np

from router.cache.key import CacheKey
from router.cache.records import Begun, CacheLookup
from router.decisions import Decision
from router.events import Decided
from router.parts import Parts
from router.safe_route import Cause
from router.spend.admission import Charged

T = TypeVar("T")


@dataclass(frozen=True)
class Unlogged:
    """A decision whose record was handed to the store at `since`; it is in the log once `written` is done."""

    decided: Decided
    written: Future[Charged]
    since: float


class Job:
    """How far a decision in another thread has come, so that a missed deadline can say where."""

    stage: Literal["queued", "encoder", "policy"] = "queued"
    abandoned = False
    parts = Parts()  # with what it is decided
    begun: Begun | None = None  # a lookup that waits for the vector
    vector: np.ndarray | None = None
    unlogged: Unlogged | None = None  # what it came to
    cache_seconds = encode_seconds = 0.0

    def __init__(
        self,
        lookup: CacheLookup | None = None,
        again: bool = False,
        since: float | None = None,
        key: CacheKey | None = None,
    ) -> None:
        """`lookup` is what the cache said already, of a request that came at `since` and is decided `again`; `key` the
        request's in the cache, where it is known already."""
        self.lookup, self.again, self.key = lookup, again, key
        self.since = perf_counter() if since is None else since

    @property
    def is_hit(self) -> bool:
        """Whether a stored answer serves."""
        return self.lookup is not None and self.lookup.action == "hit"

    def claim(self, decision: Decision) -> Decision:
        """The decision under the name by which the cache awaits this request's answer; a hit awaits none."""
        if self.lookup is None or self.is_hit:
            return decision
        return replace(decision, decision_id=self.lookup.lookup_id, lookup=self.lookup)

    @property
    def late(self) -> Cause:
        late: dict[str, Cause] = {"queued": "overload", "encoder": "encoder-timeout", "policy": "policy-timeout"}
        return late[self.stage]


async def within(seconds: float, future: Future[T]) -> T:
    """A future's result. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        return await asyncio.wrap_future(future)
