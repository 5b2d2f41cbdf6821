"""Lets a candidate decide beside the incumbent: in a thread of its own, from a bounded queue, never in anybody's way.

Knows queues and candidates; keeps comparisons through the log's writer. Whatever fails here is counted and costs the
caller nothing.
"""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Any

import numpy as np

from router.decisions import Decision
from router.events import Hook, Shadowed, tell
from router.log.store import LogStore
from router.policy import Policy
from router.privacy.leaver import Leaver, drop_waiting
from router.requests import Request
from router.seen import Seen
from router.shadow.comparison import Comparison
from router.shadow.tables import shadows
from router.steps import choose

Decide = Callable[[Policy, Request, np.ndarray, Any], Decision]
Run = Callable[[Request, Comparison], None]
REST_SECONDS = 0.25  # unsampled requests wait and are decided in one go: most answers then meet an idle interpreter
MOST_AT_ONCE = 64


@dataclass(frozen=True)
class ShadowRules:
    """`share` of requests that the candidate decides too; `execute`, the share of those whose alternative is run."""

    share: float = 1.0
    execute: float = 0.01
    waiting: int = 1000


@dataclass(frozen=True)
class _Job:
    seen: Seen
    candidate: Policy
    asked: Future[Mapping[str, Any] | None] | None  # there where the request is sampled


class Shadow:
    """One candidate beside one engine. `run`, where given, runs alternatives here; else the caller is asked to."""

    def __init__(
        self,
        store: LogStore,
        rules: ShadowRules = ShadowRules(),
        hooks: Sequence[Hook] = (),
        decide: Decide = choose,
        run: Run | None = None,
        seed: int | None = None,
    ) -> None:
        self._store, self.rules, self._hooks, self._decide, self._run = store, rules, tuple(hooks), decide, run
        self._random = random.Random(seed)
        self._candidate: Policy | None = None
        self._queue: Queue[tuple[str, _Job]] = Queue(rules.waiting)
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._loop, name="shadow", daemon=True)

    @property
    def candidate(self) -> Policy | None:
        return self._candidate

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    def use(self, candidate: Policy | None) -> None:
        """Let this policy watch from the next request on, or none."""
        self._candidate = candidate

    def start(self) -> None:
        self._thread.start()

    def offer(self, seen: Seen) -> Future[Mapping[str, Any] | None] | None:
        """Take a request in, without blocking. For a sampled one, the future of what the caller is asked to run."""
        candidate, rules = self._candidate, self.rules
        if candidate is None or seen.decision.action != "route" or seen.decision.policy == candidate.version:
            return None
        drawn = self._random.random()
        if drawn >= rules.share:
            return None
        sampled = drawn < rules.share * rules.execute
        job = _Job(seen, candidate, Future() if sampled else None)
        try:
            self._queue.put_nowait((seen.request.tenant, job))
        except Full:
            tell(self._hooks, Shadowed("dropped"))
            return None
        if sampled:
            self._wake.set()
        return job.asked

    def hear(self, report: Mapping[str, Any]) -> None:
        """Reports are joined in the log; nothing is to be done here."""

    def forget(self, leaver: Leaver) -> None:
        """What waits of a tenant is not compared; a caller that waits for it is asked for nothing."""
        for job in drop_waiting(self._queue, leaver):
            if job.asked is not None and job.asked.set_running_or_notify_cancel():
                job.asked.set_result(None)

    def close(self) -> None:
        """Decide what waits, then stop."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(REST_SECONDS)
            self._wake.clear()
            self.work()

    def work(self) -> None:
        """Decide everything that waits now, and write it down."""
        while jobs := self._taken():
            for job in (one for one in jobs if one.asked is not None):  # a caller waits for these
                self._answer(job)
            rows = [one.row() for job in jobs if job.asked is None and (one := self._compared(job)) is not None]
            if rows:
                self._keep(rows)

    def _taken(self) -> list[_Job]:
        jobs: list[_Job] = []
        try:
            while len(jobs) < MOST_AT_ONCE:
                jobs.append(self._queue.get_nowait()[1])
        except Empty:
            pass
        return jobs

    def _answer(self, job: _Job) -> None:
        """Keep a sampled comparison before anybody can report on it; then ask for the alternative, or have it run."""
        comparison, alternative = self._compared(job), None
        if comparison is not None:
            self._keep([comparison.row()])
            if self._run is None:
                alternative = comparison.alternative()
            else:
                self._run(job.seen.request, comparison)
        # a caller that no longer waits has cancelled it
        if job.asked is not None and job.asked.set_running_or_notify_cancel():
            job.asked.set_result(alternative)

    def _compared(self, job: _Job) -> Comparison | None:
        """Both decisions, unless the candidate fails, which tells against it and harms nobody."""
        seen = job.seen
        try:
            instead = self._decide(job.candidate, seen.request, seen.vector, seen.decision.at)
        except Exception:
            tell(self._hooks, Shadowed("failed"))
            return None
        comparison = Comparison(seen.request.tenant, seen.decision, instead, job.asked is not None)
        tell(self._hooks, Shadowed("agreed" if comparison.agrees else "differed"))
        return comparison

    def _keep(self, rows: list[dict[str, Any]]) -> None:
        def written(done: Future[Any]) -> None:
            if done.cancelled() or done.exception() is not None:
                tell(self._hooks, Shadowed("unlogged", len(rows)))

        try:
            self._store.write(lambda connection: connection.execute(shadows.insert(), rows)).add_done_callback(written)
        except Exception:
            tell(self._hooks, Shadowed("unlogged", len(rows)))
