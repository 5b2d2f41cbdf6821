"""The semantic cache as the engine meets it: what fails inside is told to the hooks and means a miss, never an error.

Knows what a report means to the cache. Knows no threads, deadlines or HTTP.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any, TypeVar

import numpy as np

from router.breaker import Breaker
from router.cache.answers import NewAnswer
from router.cache.key import CacheKey
from router.cache.records import Begun, CacheLookup, Learnt
from router.cache.repeats import Known, Said
from router.cache.semantic import SemanticCache
from router.decisions import Decision, Option, Outcome
from router.errors import InputError, StoreError
from router.events import AnswerTaken, CacheFailed, Hook, tell
from router.log.store import Recorded
from router.prices import now
from router.privacy.leaver import Leaver
from router.requests import Request
from router.routes import Route

T = TypeVar("T")
_UNKNOWN = Route("unknown", "default")
_YOUNG, _PATIENCE_SECONDS = timedelta(seconds=3), 0.6
SLOW_SECONDS = 0.5
_MOST_SERVED = 10_000


class GuardedCache:
    """Share one between all requests of a process.

    A cache whose store fails, or takes longer than `slow_seconds`, several times in a row is not asked again but once a
    second: decisions share the threads that lookups wait in.
    """

    def __init__(self, cache: SemanticCache, hooks: Sequence[Hook] = (), slow_seconds: float = SLOW_SECONDS) -> None:
        self.cache, self._hooks, self._slow = cache, tuple(hooks), slow_seconds
        self._asking, self._teaching = Breaker(), Breaker()
        self._settling, self._reading = Lock(), Lock()
        self._unsearched = 0
        self._served: set[int] = set()  # hashes of texts that were served: who was never served need not be tried

    @property
    def away(self) -> bool:
        """Whether lookups are skipped."""
        return self._asking.is_open

    def repeated(self, said: Said) -> Known | None:
        """How a request was read that was sent before in the same words, and served its own stored answer."""
        return self.cache.repeats.get(said)

    def note(self, said: Said, request: Request) -> None:
        """A request was served its own stored answer: should it come again, it is known."""
        key = self.cache.key(request)
        if isinstance(key, CacheKey):
            self.cache.repeats.keep(said, Known(request, key))

    def look_up_at_once(self, request: Request, decision_id: str, key: CacheKey | None = None) -> CacheLookup | None:
        """A byte-identical hit that takes no disk and no waiting; None says nothing. Never blocks, raises nothing.
        `key`: the request's, where it is known already."""
        if (key is None and hash(request.text) not in self._served) or self._asking.is_open:
            return None
        try:
            return self.cache.lookup_at_once(request, decision_id, key)
        except Exception as error:
            tell(self._hooks, CacheFailed("lookup", type(error).__name__))
            return None

    def begin(self, request: Request, decision_id: str) -> CacheLookup | Begun | None:
        """What the cache says without the request's vector, or what `finish` goes on with; None where it failed or is
        not asked. Raises nothing."""
        if not self._asking.allows():
            tell(self._hooks, CacheFailed("skipped", "away"))
            return None
        found = self._asked(lambda: self.cache.begin(request, decision_id))
        if isinstance(found, CacheLookup):
            if found.tier == "exact":
                self._remember(hash(request.text))
            self._look_after()
        return found

    def finish(self, begun: Begun, vector: np.ndarray | None) -> CacheLookup | None:
        """What the cache says in the end. `vector` (d,): where `begun.key.semantic`. Raises nothing."""
        found = self._asked(lambda: self.cache.finish(begun, vector), begun.seconds)
        if found is not None:
            self._look_after()
        return found

    def _asked(self, step: Callable[[], T], before: float = 0.0) -> T | None:
        """The outcome of a step, or of the last of two, the first of which took `before` seconds."""
        started = monotonic()
        try:
            found = step()
        except Exception as error:
            if isinstance(error, (StoreError, OSError)):  # one odd request must not close the cache to all
                self._asking.failed()
            tell(self._hooks, CacheFailed("lookup", type(error).__name__))
            return None
        if isinstance(found, Begun):  # it is judged by its end
            return found
        if before + monotonic() - started > self._slow:
            self._asking.failed()
            tell(self._hooks, CacheFailed("lookup", "slow"))
        else:
            self._asking.worked()
        return found

    def _look_after(self) -> None:
        """Tell what the store was too slow for, and start what no look-up should wait for."""
        slow, self._unsearched = self.cache.warming.unsearched - self._unsearched, self.cache.warming.unsearched
        for _ in range(slow):
            tell(self._hooks, CacheFailed("lookup", "not searched in time"))
        if self.cache.warming.wants and self._reading.acquire(blocking=False):
            Thread(target=self._read, name="cache-read", daemon=True).start()
        if self.cache.owes and self._settling.acquire(blocking=False):
            Thread(target=self._settle, name="cache-settle", daemon=True).start()

    def _remember(self, text: int) -> None:
        if len(self._served) >= _MOST_SERVED:
            self._served.clear()
        self._served.add(text)

    def _read(self) -> None:
        try:
            self.cache.warming.read_wanted()
        except Exception as error:
            tell(self._hooks, CacheFailed("open", type(error).__name__))
            sleep(self._slow)
        finally:
            self._reading.release()

    def _settle(self) -> None:
        """In a thread of its own, one at a time: no lookup waits for a write."""
        try:
            self.cache.settle()
        except Exception as error:
            tell(self._hooks, CacheFailed("learn", type(error).__name__))
            sleep(self._slow)
        finally:
            self._settling.release()

    def take(self, recorded: Recorded, outcome: Outcome, answer: NewAnswer | None, may_write: bool) -> Learnt | None:
        """What a report teaches; None where it has nothing for the cache."""
        if not self._teaching.allows():
            tell(self._hooks, CacheFailed("skipped", "away"))
            return Learnt("failed", "the cache's store does not answer")
        try:
            learnt = self._take(recorded, outcome, answer, may_write)
        except Exception as error:
            if isinstance(error, StoreError):
                self._teaching.failed()
            tell(self._hooks, CacheFailed("learn", type(error).__name__))
            return Learnt("failed", "the cache could not take it")
        self._teaching.worked()
        if learnt is not None:
            tell(self._hooks, AnswerTaken(learnt.result))
        return learnt

    def await_instead(self, decision_id: str, following_id: str, tenant: str) -> None:
        """The answer of another decision is the one to keep."""
        try:
            self.cache.await_instead(decision_id, following_id, tenant=tenant)
        except Exception as error:
            tell(self._hooks, CacheFailed("learn", type(error).__name__))

    def forget(self, leaver: Leaver) -> None:
        """Forget a tenant in memory. What fails is raised: whoever must forget is told so again."""
        self.cache.forget(leaver)
        self._served.clear()

    def close(self) -> None:
        """Save what was learnt, as far as the store takes it."""
        try:
            self.cache.close()
        except Exception as error:
            tell(self._hooks, CacheFailed("learn", type(error).__name__))

    def _take(self, recorded: Recorded, outcome: Outcome, answer: NewAnswer | None, may_write: bool) -> Learnt | None:
        decision_id, tenant, row = outcome.decision_id, outcome.tenant, recorded.decision
        wrong, right = _verdict(outcome)
        if not may_write and (answer is not None or wrong):
            return Learnt("refused", "this caller may not write")
        if row["action"] == "cached":
            return None if recorded.repeated else self._feedback(decision_id, tenant, row, wrong, right)
        if wrong:
            removed = self.cache.retract(decision_id, tenant=tenant)
            return Learnt("removed" if removed else "refused", "the answer was wrong")
        if answer is None:
            return None
        answer = replace(
            answer,
            model=f"{outcome.model}|default" if outcome.model else row["route"],
            usd=_usd(recorded),
            failed=outcome.status == "error" or outcome.error is not None,
        )
        # another process may have decided this a moment ago, and not have said so yet
        young = not recorded.repeated and abs(now() - row["at"]) < _YOUNG
        patience = _PATIENCE_SECONDS if young else 0.0
        return self.cache.learn(decision_id, answer, tenant=tenant, patience_seconds=patience)

    def _feedback(
        self, decision_id: str, tenant: str, row: Mapping[str, Any], wrong: bool, right: bool
    ) -> Learnt | None:
        if wrong:
            served = row["cache"] or {}
            known = self.cache.report_wrong(
                decision_id, tenant=tenant, answer_id=served.get("answer_id"), risk=served.get("risk")
            )
            return Learnt("removed" if known else "refused", "the cached answer was wrong", False)
        if right and self.cache.report_right(decision_id, tenant=tenant):
            return Learnt("confirmed", "the cached answer was right", True)
        return None


def cached_decision(lookup: CacheLookup, request: Request, policy: str, at: datetime) -> Decision:
    """A hit as a decision: `chosen` is the route that gave the answer then, which costs nothing now."""
    nan, answer = math.nan, lookup.answer
    try:
        route = Route.parse(answer.model) if answer is not None else _UNKNOWN
    except InputError:
        route = _UNKNOWN
    return Decision(
        decision_id=lookup.lookup_id,
        action="cached",
        chosen=Option(route, "cached", nan, nan, nan, 0.0, 0.0, 0, 0.0),
        alternatives=(),
        value_usd=None,
        propensity=lookup.propensity,
        policy=policy,
        reason=f"cached answer ({lookup.tier}): {lookup.reason}; saves ${lookup.usd_saved:.6f}.",
        parameters={},
        at=at,
        unlike=nan,
        task=request.task,
        lookup=lookup,
    )


def _verdict(outcome: Outcome) -> tuple[bool, bool]:
    """(wrong, right), as far as the report says either."""
    wrong = outcome.feedback == "wrong" or (outcome.correct is not None and outcome.correct < 0.5)
    right = outcome.feedback == "right" or (outcome.correct is not None and outcome.correct >= 0.5)
    return wrong, right and not wrong


def _usd(recorded: Recorded) -> float:
    """What asking cost: as billed or priced, else as it was expected."""
    if recorded.usd is not None:
        return float(recorded.usd)
    expected = recorded.decision["options"][0]["expected_usd"]
    return 0.0 if expected is None else float(expected)
