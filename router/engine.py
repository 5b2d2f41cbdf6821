"""One request becomes one logged decision: encode, decide, write down, answer; and the safe route when a step fails.

Knows the order of the steps, their deadlines and what to do without them. Knows nothing of HTTP, metrics or SQL.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from threading import Lock
from time import perf_counter
from typing import Any

from router.cache.guarded import GuardedCache
from router.cache.key import CacheKey
from router.decider import Decider
from router.decisions import Decision
from router.encoders import Encoder
from router.errors import InputError, SpendingError, StoreError
from router.events import (
    Decided,
    Event,
    Hook,
    PolicySwapped,
    SpendingRefused,
    Undecided,
    tell,
)
from router.explanations import explanation
from router.exploration import Explorer
from router.jobs import Job, Unlogged, within
from router.log.database import forget_statements
from router.log.store import LogStore
from router.parts import Parts
from router.policy import Policy
from router.prices import Usage, now
from router.privacy.leaver import Leaver, forget_in_each
from router.reporting import Reporting
from router.requests import Request
from router.rollout.stages import Trial
from router.routes import Route
from router.safe_route import SafeRoute
from router.seen import Seen, Watcher
from router.spend.admission import Charged
from router.spend.spending import Spending
from router.steps import StepError, encode, try_out
from router.together import Steps, Together
from router.undisguised import forget_texts

ASK_SECONDS = 0.05  # how long the few requests wait whose alternative is to be run too


@dataclass(frozen=True)
class Limits:
    """Seconds that a decision may take before it is logged and that a record may take to be written; threads that
    encode and decide; decisions in the making at once."""

    decide_seconds: float = 2.0
    store_seconds: float = 1.0
    threads: int = 2
    waiting: int = 256


class Engine:
    """Answers every request. Share one between all requests of a process.

    Raises only what the caller can mend: constraints that no route satisfies, or names that do not exist.
    """

    def __init__(
        self,
        safe: SafeRoute,
        store: LogStore | None = None,
        *,
        encoder: Encoder | None = None,
        limits: Limits = Limits(),
        hooks: Sequence[Hook] = (),
        clock: Callable[[], datetime] = now,
        spending: Spending | None = None,
        explorer: Explorer | None = None,
    ) -> None:
        self.explorer = explorer
        self.spending = spending or Spending()
        self.safe, self.store, self.limits, self.hooks, self._clock = safe, store, limits, tuple(hooks), clock
        self._parts = Parts(encoder)
        self.watcher: Watcher | None = None
        self._changing = Lock()  # between those who change the parts; a decision just reads them
        self._waiting = 0
        self._decider = Decider(lambda: self._parts, self.spending, lambda: self.explorer, self._tell, clock)
        steps = Steps(self._decider.begin, self._decider.encode, self._conclude, lambda one: one.written)
        self._together = Together(limits.threads, steps)
        self._pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="engine")
        self.reporting = Reporting(
            store,
            self.spending,
            parts=lambda: self._parts,
            price=self.price,
            pool=self._pool,
            seconds=limits.store_seconds,
            tell=self._tell,
            clock=clock,
        )

    @property
    def policy(self) -> Policy | None:
        return self._parts.policy

    @property
    def trial(self) -> Trial | None:
        return self._parts.trial

    def known(self, version: str) -> Policy | None:
        """The policy of a version, where it decides or is on trial."""
        return self._parts.named(version)

    @property
    def encoder(self) -> Encoder | None:
        return self._parts.encoder

    @property
    def cache(self) -> GuardedCache | None:
        return self._parts.cache

    @property
    def waiting(self) -> int:
        """Decisions in the making."""
        return self._waiting

    @property
    def hung(self) -> Job | None:
        """A decision that is stuck, where every thread has one: an encoder that never returns, say."""
        return self._together.hung(self.limits.decide_seconds)

    def use_encoder(self, encoder: Encoder) -> None:
        """Set the encoder. Raises EncoderMismatchError when the present policy was trained on other vectors."""
        with self._changing:
            if self._parts.policy is not None:
                self._parts.policy.check_encoder(encoder.identity)
            self._parts = replace(self._parts, encoder=encoder)

    def use_cache(self, cache: GuardedCache | None) -> None:
        """Let stored answers serve from the next request on, or no longer."""
        with self._changing:
            self._parts = replace(self._parts, cache=cache)

    def swap(self, policy: Policy) -> None:
        """Let another policy decide from the next request on; decisions in the making end with the one they began with.

        Raises EncoderMismatchError, or PolicyFileError when a trial decision fails; the old policy then stays.
        """
        self._check(policy)
        with self._changing:
            self._parts = replace(self._parts, policy=policy)
        self._tell(PolicySwapped(policy.version, policy.folder))

    def try_policy(self, trial: Trial | None) -> None:
        """Let a candidate decide its share from the next request on, or none. Raises as `swap` does."""
        if trial is not None and (self._parts.trial is None or self._parts.trial.policy is not trial.policy):
            self._check(trial.policy)
        with self._changing:
            self._parts = replace(self._parts, trial=trial)

    def _check(self, policy: Policy) -> None:
        encoder = self._parts.encoder
        if encoder is not None:
            policy.check_encoder(encoder.identity)
            try_out(policy, encoder, self._clock())

    async def route(self, request: Request, key: CacheKey | None = None) -> Decided:
        """The decision for a request, and how it came about. `key`: the request's in the cache, where it is known.
        Raises InputError for what only the caller can mend, and SpendingError for what may not be spent."""
        try:
            answered = await self._answer(request, Job(key=key))
        except SpendingError as refused:
            self._tell(SpendingRefused(refused, request.tenant))
            raise
        # told once the answer is on its way: nobody waits for what is only counted
        asyncio.get_running_loop().call_soon(self._tell, answered)
        return await self._watched(answered, request)

    async def _watched(self, answered: Decided, request: Request) -> Decided:
        """The answer, after those who watch have seen it; with what a shadow asks for, where it is told in time."""
        if self.watcher is None or answered.vector is None or not answered.decision.logged:
            return answered
        try:
            asked = self.watcher.offer(Seen(request, answered.vector, answered.decision))
            return answered if asked is None else replace(answered, shadow=await within(ASK_SECONDS, asked))
        except Exception:  # whoever only watches cannot spoil an answer
            return answered

    async def _answer(self, request: Request, job: Job) -> Decided:
        """Decide, reserve and log; again under narrower terms when a budget asks for them."""
        try:
            unlogged = await self._decide(request, job)
        except StepError as failure:
            self._blame(failure, request, job.since)
            decision = job.claim(self.safe.decision(request, failure.cause, self._clock()))
            unlogged = self._append(Decided(decision, failure=_name(failure.__cause__)), request)
        try:
            answered = await self._logged(unlogged, job.since)
        except SpendingError as refused:
            again = self.spending.again(refused, unlogged.decided.decision, request, self._parts.deciding(request))
            return await self._answer(again, Job(job.lookup, True, job.since))
        if answered.unlogged is not None:
            self.spending.check_unlogged(answered.decision, request)
        return answered

    def _blame(self, failure: StepError, request: Request, came: float) -> None:
        """Tell whose request it was that a policy's failure, or slowness, left to the safe route."""
        policy = self._parts.deciding(request) if failure.cause in ("policy-error", "policy-timeout") else None
        if policy is not None:
            late = perf_counter() - came if failure.cause == "policy-timeout" else None
            self._tell(Undecided(policy.version, "safe-route", late))

    def decide(self, request: Request) -> Decided:
        """Look up, encode and decide in this thread, without deadline and log. Raises StepError, or the caller's
        InputError."""
        return self._decider(request, Job())

    async def explain(self, request: Request, decision: Decision) -> dict[str, Any] | None:
        """Why this decision; None where nothing was estimated, or another policy decides by now."""
        parts = self._parts
        policy = parts.named(decision.policy)
        if policy is None or decision.action != "route":
            return None
        try:
            made = self._pool.submit(_explain, replace(parts, policy=policy), request, decision, self._clock())
            return await within(self.limits.decide_seconds, made)
        except Exception:  # the decision stands without its explanation
            return None

    def price(self, route: Route, usage: Usage, at: datetime) -> Decimal | None:
        """Exact USD of a call; None where nobody prices the model or the price fails: a report is kept all the same."""
        try:
            return self._parts.book(route).usd(route, usage, at)
        except Exception:
            return None

    def forget(self, leaver: Leaver) -> None:
        """Let go of what is in memory of a tenant, everywhere in this process. Raises what fails, after all were
        asked."""
        forgetful = [self._parts.cache, self.spending, self.explorer, self.watcher]
        forget_in_each([one for one in forgetful if one is not None], leaver)
        forget_statements()
        forget_texts()

    def close(self) -> None:
        """Finish what is in the making, then write what waits."""
        self._together.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.reporting.close()
        if self._parts.cache is not None:
            self._parts.cache.close()
        if self.store is not None:
            self.store.close()

    async def _decide(self, request: Request, job: Job) -> Unlogged:
        """The decision, on its way into the log, within the deadline. Raises StepError or InputError."""
        if self._parts.policy is None and self._parts.cache is None:
            raise StepError("no-policy")
        hit = self._decider.at_once(request, job)
        if hit is not None:
            return self._append(hit, request)  # this neither waits: the writer, or its spool, takes it
        if self._waiting >= self.limits.waiting:
            raise StepError("overload")
        hung = self.hung
        if hung is not None:  # nobody is there to take it up, so nobody waits
            raise StepError(hung.late)
        self._waiting += 1
        try:
            return await self._made(request, job)
        except TimeoutError as error:
            raise StepError(job.late) from error
        except (StepError, InputError, SpendingError):
            raise
        except Exception as error:  # the threads were stopped, say
            raise StepError("policy-error") from error
        finally:
            self._waiting -= 1

    async def _made(self, request: Request, job: Job) -> Unlogged:
        """The decision once it is logged, or not logged in time: one turn of the event loop for both, because the
        writer needs the interpreter meanwhile. Raises TimeoutError where it was not made within its deadline."""
        made, came = self._together.start(request, job), perf_counter()
        try:
            while not made.done():
                since, most = came, self.limits.decide_seconds
                if job.unlogged is not None:
                    since, most = job.unlogged.since, self.limits.store_seconds
                left = since + most - perf_counter()
                if left <= 0:
                    break
                await asyncio.wait((made,), timeout=min(left, self.limits.store_seconds))
            if made.done():
                return made.result()
            job.abandoned = True
            if job.unlogged is not None:  # it is in the log, or on its way: no other answer may be given
                return job.unlogged
            raise TimeoutError
        finally:
            made.cancel()

    def _conclude(self, request: Request, job: Job) -> Unlogged:
        """In the thread that decides: the record goes to the writer from here, which saves a turn of the event loop."""
        decided = None if job.abandoned else self._decider.conclude(request, job)
        if decided is None or job.abandoned:  # nobody waits any more: the safe route was answered, and is logged
            raise StepError(job.late)
        job.unlogged = self._append(decided, request)
        return job.unlogged

    def _tell(self, event: Event) -> None:
        tell(self.hooks, event)

    def _append(self, decided: Decided, request: Request) -> Unlogged:
        started = perf_counter()
        try:
            if self.store is None:
                raise StoreError("no store is configured")
            reserve = self.spending.reserving(decided.decision, request, self.price)
            written: Future[Charged] = self.store.append(decided.decision, request, reserve)
        except Exception as error:
            written = Future()
            written.set_exception(error)
        return Unlogged(decided, written, started)

    async def _logged(self, one: Unlogged, came: float) -> Decided:
        """Wait until a decision is logged; one that could not be in time is answered all the same and says so."""
        why, charged = None, None
        try:
            done = one.written.done()  # a turn of the event loop less
            left = self.limits.store_seconds - (perf_counter() - one.since)
            charged = one.written.result() if done else await within(max(left, 0.0), one.written)
            self.spending.note(charged)
        except SpendingError:
            raise
        except TimeoutError:
            why = "store-timeout"
        except Exception:
            why = "store-error"
        ended, told = perf_counter(), one.decided
        log_seconds, seconds = ended - one.since, ended - came
        decision = replace(told.decision, logged=False) if why else told.decision
        return replace(told, decision=decision, log_seconds=log_seconds, seconds=seconds, unlogged=why, charged=charged)


def _explain(parts: Parts, request: Request, decision: Decision, at: datetime) -> dict[str, Any]:
    assert parts.policy is not None
    return explanation(parts.policy, request, encode(parts.encoder, request), decision, at)


def _name(error: BaseException | None) -> str | None:
    return None if error is None else type(error).__name__
