"""What came of a decision: kept and settled, judged where a plan waits for it, and taught to the cache.

Knows the order of these steps and their deadline. Knows nothing of HTTP, metrics or SQL.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from router.cache.answers import NewAnswer
from router.cache.records import Learnt
from router.decisions import Decision, Outcome
from router.errors import StoreError, UnknownDecisionError
from router.events import CacheFailed, Hook, Reported, ReportFailed
from router.jobs import within
from router.log.store import LogStore, Recorded, Reserve
from router.outcomes import Pricer
from router.parts import Parts
from router.plans.escalation import Verdict, has_evidence, judge_answer
from router.requests import Request
from router.spend.spending import Spending


@dataclass
class Reporting:
    """Share one between all requests of a process. `parts` are those of the moment; a step takes `seconds` at most;
    `pool` judges answers."""

    store: LogStore | None
    spending: Spending
    parts: Callable[[], Parts]
    price: Pricer
    pool: ThreadPoolExecutor
    seconds: float
    tell: Hook
    clock: Callable[[], datetime]
    # one, because the cache's writes wait for each other, and none of them among decisions
    _learners: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="learn"))

    async def report(self, outcome: Outcome, key: str | None = None) -> Recorded:
        """Keep a report. Raises UnknownDecisionError or InputError; StoreError when it could not be kept in time."""
        try:
            if self.store is None:
                raise StoreError("no store is configured")
            settle = self.spending.settling(self.price)
            recorded = await within(self.seconds, self.store.report(outcome, self.price, key, settle))
        except UnknownDecisionError:
            self.tell(ReportFailed("unknown-decision"))
            raise
        except StoreError:
            self.tell(ReportFailed("store-error"))
            raise
        except TimeoutError as error:
            self.tell(ReportFailed("store-timeout"))
            raise StoreError("the record could not be written in time") from error
        self.tell(Reported(recorded.repeated, bool(recorded.conflicts), float(recorded.added_usd), outcome))
        return recorded

    async def after(self, outcome: Outcome) -> Verdict | None:
        """Whether the reported answer will do, or the next decision, logged. None: no plan, or it cannot be told."""
        policies, store = [one for one in self.parts().policies if one.plans is not None], self.store
        if store is None or not policies or not has_evidence(outcome):
            return None
        try:
            judged = self.pool.submit(judge_answer, policies, store, outcome, self.clock(), self._reserve)
            return await within(self.seconds, judged)
        except Exception:  # the report is kept, and its sender has an answer: escalating is a bonus
            return None

    async def learn(
        self,
        recorded: Recorded,
        outcome: Outcome,
        answer: NewAnswer | None = None,
        verdict: Verdict | None = None,
        *,
        may_write: bool = True,
    ) -> Learnt | None:
        """What a recorded report teaches the cache; None where there is no cache, or nothing in it for the cache.

        An answer that is escalated away from is not stored: the cache awaits the next decision's.
        """
        cache = self.parts().cache
        if cache is None:
            return None
        if verdict is not None and verdict.following is not None:
            following = verdict.following.decision_id
            self._learners.submit(cache.await_instead, outcome.decision_id, following, outcome.tenant)
            return None
        taken = self._learners.submit(cache.take, recorded, outcome, answer, may_write)
        try:
            return await within(self.seconds, taken)
        except TimeoutError:
            self.tell(CacheFailed("learn", "TimeoutError"))
            return Learnt("failed", "the cache did not take it in time")

    def close(self) -> None:
        """Teach the cache what was reported."""
        self._learners.shutdown(wait=True)

    def _reserve(self, decision: Decision, request: Request) -> Reserve:
        return self.spending.reserving(decision, request, self.price, "escalation")
