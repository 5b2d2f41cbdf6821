"""One request's decision in a thread: what the cache says, its vector, then the choice of whoever's turn it is.

In three steps, so that several requests can take the first and the last one in a row. Knows neither deadlines nor the
log.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

import numpy as np

from router.cache.guarded import cached_decision
from router.cache.records import CacheLookup
from router.decisions import Decision, new_decision_id
from router.events import Decided, Event, Undecided
from router.exploration import Explorer
from router.jobs import Job
from router.parts import Parts
from router.policy import Policy
from router.requests import Request
from router.spend.spending import Spending
from router.steps import StepError, choose, choose_among_all, encode
from router.undisguised import undisguised


@dataclass(frozen=True)
class Decider:
    """Share one between threads. Raises StepError, or the caller's InputError or SpendingError."""

    parts: Callable[[], Parts]
    spending: Spending
    explorer: Callable[[], Explorer | None]
    tell: Callable[[Event], None]
    clock: Callable[[], datetime]

    def at_once(self, request: Request, job: Job) -> Decided | None:
        """A byte-identical answer that is at hand: it waits for no thread."""
        parts, started = self.parts(), perf_counter()
        if parts.cache is None or job.lookup is not None:
            return None
        job.lookup = parts.cache.look_up_at_once(request, new_decision_id(), job.key)
        if job.lookup is None:
            return None
        return Decided(self._cached(parts, job.lookup, request), 0.0, perf_counter() - started)

    def begin(self, request: Request, job: Job) -> bool:
        """Look up what needs no vector; whether the decision needs one."""
        job.parts = parts = self.parts()
        if parts.policy is None and parts.cache is None:
            raise StepError("no-policy")
        started = perf_counter()
        if parts.cache is not None and job.lookup is None:  # a request that is decided again was looked up before
            found = parts.cache.begin(request, new_decision_id())
            if isinstance(found, CacheLookup):
                job.lookup = found
            else:
                job.begun = found
        job.cache_seconds = perf_counter() - started
        if job.is_hit or (parts.policy is None and not _compares(job)):
            return False
        undisguised(request.text)  # encoder and policy will ask for it
        return True

    def encode(self, request: Request, job: Job) -> None:
        """Make the vector."""
        job.stage, started = "encoder", perf_counter()
        job.vector = encode(job.parts.encoder, request)
        job.encode_seconds = perf_counter() - started

    def conclude(self, request: Request, job: Job) -> Decided:
        """The decision for a request that was begun, with its vector where it needs one."""
        parts, vector, started = job.parts, job.vector, perf_counter()
        if parts.cache is not None and job.begun is not None:
            job.lookup = parts.cache.finish(job.begun, vector if _compares(job) else None)
        choosing = perf_counter()
        job.cache_seconds += choosing - started
        if job.lookup is not None and job.is_hit:
            return Decided(self._cached(parts, job.lookup, request), job.encode_seconds, job.cache_seconds)
        if parts.policy is None or vector is None:
            raise StepError("no-policy")
        job.stage = "policy"
        decision, policy = self._choose(parts, request, vector)
        decision, explorer = job.claim(decision), self.explorer()
        if explorer is not None:
            decision = explorer(decision, request, policy, job.again)
        seconds = perf_counter() - choosing
        return Decided(decision, job.encode_seconds, job.cache_seconds, seconds, vector=vector)

    def __call__(self, request: Request, job: Job) -> Decided:
        """Every step, in this thread."""
        if self.begin(request, job):
            self.encode(request, job)
        return self.conclude(request, job)

    def _cached(self, parts: Parts, lookup: CacheLookup, request: Request) -> Decision:
        serving = parts.deciding(request)
        return cached_decision(lookup, request, "none" if serving is None else serving.version, self.clock())

    def _choose(self, parts: Parts, request: Request, vector: np.ndarray) -> tuple[Decision, Policy]:
        """The decision of whoever's turn it is. A candidate that cannot decide leaves it to the incumbent."""
        assert parts.policy is not None
        chooser = choose if self.explorer() is None else choose_among_all
        policy = parts.deciding(request) or parts.policy
        if policy is parts.policy:
            return self.spending.choose(chooser, policy, request, vector, self.clock()), policy
        with suppress(Exception):
            return self.spending.choose(chooser, policy, request, vector, self.clock()), policy
        decision = self.spending.choose(chooser, parts.policy, request, vector, self.clock())
        self.tell(Undecided(policy.version, "incumbent"))  # what neither could decide is the request's fault
        return decision, parts.policy


def _compares(job: Job) -> bool:
    """Whether the cache compares the request's vector with those of its entries."""
    return job.begun is not None and job.begun.key.semantic
