"""The semantic cache: may a stored answer serve this request, and what does the new answer teach?

Knows how key, entries, reuse decision and store work together. Knows no HTTP, no encoder and no models: the caller
brings the vector, and brings the new answer after a miss.
"""

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic, time
from typing import Literal

import numpy as np

from router.cache.answers import NewAnswer
from router.cache.controls import CacheControls
from router.cache.journal import CacheJournal
from router.cache.journal_store import JournalStore
from router.cache.key import CacheKey, NotCacheable, cache_key, forget_partitions
from router.cache.learning import SERVED, CacheLearning
from router.cache.memory import CacheMemory
from router.cache.partition import AnswerRecord, Candidate, Entry, Partition
from router.cache.reader import PartitionReader
from router.cache.records import Begun, CacheLookup, CacheRules, Invalidation, Learnt, Pending, told
from router.cache.repeats import Repeats
from router.cache.reuse import Reuse
from router.cache.risk_control import Promise
from router.cache.store import CacheStore
from router.cache.stored import StoredAnswer
from router.cache.tenants import CacheTenants
from router.cache.verifier import Verifier
from router.cache.waiting import Waiting
from router.cache.warming import Warming
from router.privacy.leaver import Leaver
from router.requests import Request

Vector = np.ndarray | Callable[[], np.ndarray]
# An entry made later than now by more than this was written under a clock that has since stepped back.
_CLOCK_SLACK_SECONDS = 5.0


class SemanticCache:
    """Share one between all requests of a process; several processes may share a store. Raises StoreError."""

    def __init__(
        self,
        store: CacheStore,
        verifier: Verifier,
        encoder: str,
        dim: int,
        rules: CacheRules | None = None,
        *,
        clock: Callable[[], float] = time,
        seed: int | None = None,
        embed: Callable[[str], np.ndarray] | None = None,
        index_dir: Path | None = None,
    ) -> None:
        """`encoder` names what makes the vectors: those of another are never compared with them. `embed` makes
        vectors anew for entries stored under another encoder; without it these are found by the exact tier only.
        `index_dir` keeps large indexes between runs; what is damaged there is built anew from the store."""
        self.rules = rules or CacheRules()
        self._store, self._verifier, self._clock = store, verifier, clock
        self._reader = PartitionReader(store, verifier, encoder, dim, embed, index_dir)
        self._memory = CacheMemory(store, verifier, encoder, self.rules, clock, self._reader, index_dir)
        self._lock = threading.RLock()
        self._journal = CacheJournal(JournalStore(store), self._memory, self._lock, clock)
        self._tenants = CacheTenants(store, verifier.prior, self.rules, self._lock, self._journal, seed)
        self.warming = Warming(store, self._memory, self._reader, self._lock)
        self._waiting = Waiting(store, self.rules.max_pending)
        self.repeats = Repeats()
        self._learning = CacheLearning(
            store, self._memory, self._tenants, self._journal, self._waiting, self.rules, self._lock, clock
        )

    def lookup(self, request: Request, vector: Vector | None = None, lookup_id: str | None = None) -> CacheLookup:
        """May a stored answer serve? `vector`, or a function that makes it, is used only past the exact tier.

        `lookup_id` is the name by which `learn` and the reports will know this lookup; one is made where none is given.
        A lookup reads the store and never writes it: see `settle`.
        """
        begun = self.begin(request, lookup_id or uuid.uuid4().hex)
        return begun if isinstance(begun, CacheLookup) else self.finish(begun, vector)

    def begin(self, request: Request, lookup_id: str) -> CacheLookup | Begun:
        """All that can be said without the request's vector; else what `finish` goes on with."""
        started, key = monotonic(), self.key(request)
        if isinstance(key, NotCacheable):
            return CacheLookup(lookup_id, request.tenant, "bypass", key.reason)
        with self._lock:
            partition, reuse = self._memory.ready(key.partition, key.tenant), self._tenants.reuse(key.tenant)
            found = None
            if partition is not None and not request.cache.refresh:
                found = self._exact(lookup_id, key, partition, reuse, request.cache)
        if partition is None and not request.cache.refresh:
            equal = self._reader.equal(key)
            with self._lock:
                found = self._exact(lookup_id, key, equal, reuse, request.cache)
        return found or Begun(lookup_id, request, key, reuse, partition is not None, monotonic() - started)

    def finish(self, begun: Begun, vector: Vector | None = None) -> CacheLookup:
        """What a lookup comes to that `begin` left open; `vector` is that of `lookup`."""
        key = begun.key
        made = _made(vector) if key.semantic else None
        near = None if begun.at_hand or made is None else self.warming.near(key, made)
        with self._lock:
            found = self._semantic(begun, made, near)
        if found.action == "hit":
            self._tenants.changed(key.tenant)
        return found

    def key(self, request: Request) -> CacheKey | NotCacheable:
        """Where a request's answers live, or why it has none."""
        return cache_key(request, self.rules.key)

    def lookup_at_once(self, request: Request, lookup_id: str, key: CacheKey | None = None) -> CacheLookup | None:
        """A byte-identical hit, where knowing it takes no disk and no waiting: an event loop may ask. None
        says nothing. `key`: the request's, where it is known already."""
        known = key or self.key(request)
        if isinstance(known, NotCacheable) or request.cache.refresh or not self._lock.acquire(blocking=False):
            return None
        try:
            if not (self._tenants.knows(known.tenant) and self._memory.has_at_hand(known)):
                return None
            partition, reuse = self._memory.partition(known.partition, known.tenant), self._tenants.reuse(known.tenant)
            return self._exact(lookup_id, known, partition, reuse, request.cache)
        finally:
            self._lock.release()

    @property
    def owes(self) -> bool:
        """Whether lookups left something to write."""
        return self._tenants.owes or self._memory.has_expired

    def settle(self) -> None:
        """Write what lookups left: states that are due, and the end of answers whose time is over. Raises StoreError;
        what could not be written is written another time."""
        with self._lock:
            expired = self._memory.take_expired()
        try:
            if expired:
                self._store.remove(expired, expired_by=self._clock())
        except BaseException:
            with self._lock:
                self._memory.give_back(expired)
            raise
        self._tenants.save_due()

    def learn(self, lookup_id: str, answer: NewAnswer, *, tenant: str, patience_seconds: float = 0.0) -> Learnt:
        """The answer to a miss or an audit; see `CacheLearning`, also for what follows."""
        return self._learning.learn(lookup_id, answer, tenant=tenant, patience_seconds=patience_seconds)

    def await_instead(self, lookup_id: str, following_id: str, *, tenant: str) -> None:
        self._learning.await_instead(lookup_id, following_id, tenant=tenant)

    def report_wrong(
        self, lookup_id: str, *, tenant: str, answer_id: int | None = None, risk: float | None = None
    ) -> bool:
        return self._learning.report_wrong(lookup_id, tenant=tenant, answer_id=answer_id, risk=risk)

    def report_right(self, lookup_id: str, *, tenant: str) -> bool:
        return self._learning.report_right(lookup_id, tenant=tenant)

    def retract(self, lookup_id: str, *, tenant: str) -> int:
        return self._learning.retract(lookup_id, tenant=tenant)

    def invalidate(
        self,
        tenant: str,
        *,
        fingerprint: str | None = None,
        tag: tuple[str, str] | None = None,
        older_than_seconds: float | None = None,
        like: np.ndarray | None = None,
        min_similarity: float = 0.9,
        dry_run: bool = True,
    ) -> Invalidation:
        """Remove a tenant's answers that meet every condition given; by default only say which these are."""
        before = None if older_than_seconds is None else self._clock() - older_than_seconds
        chosen = self._store.find(tenant, fingerprint=fingerprint, created_before=before)
        if tag is not None:
            chosen = [one for one in chosen if one.tags.get(tag[0]) == tag[1]]
        if like is not None:
            near = self._memory.alike(tenant, like, min_similarity)
            chosen = [one for one in chosen if one.answer_id in near]
        if not dry_run:
            self._learning.drop(tenant, [one.answer_id for one in chosen])
        return Invalidation(len(chosen), dry_run, tuple(one.content[:200] for one in chosen[:10]))

    def forget(self, leaver: Leaver) -> None:
        """Forget what is in memory of a tenant, and what it waits for; of one that leaves also what it taught."""
        with self._lock:
            self._memory.unload(leaver)
            if leaver.whole:
                self._tenants.forget(leaver)
                self._journal.forget(leaver)
        self._waiting.forget(leaver)
        self.repeats.forget(leaver)
        forget_partitions()

    def promise(self, tenant: str) -> Promise:
        """What this tenant was promised and where it stands."""
        with self._lock:
            return self._tenants.reuse(tenant).promise

    def tenants(self) -> tuple[str, ...]:
        """Tenants that have asked since the start."""
        return self._tenants.names()

    def entries(self, tenant: str) -> int:
        """Entries of a tenant in memory."""
        with self._lock:
            return self._memory.count(tenant)

    def stored(self) -> dict[str, tuple[int, int]]:
        """Answers and characters of their content in the store, per tenant."""
        return self._store.totals()

    def warm(self) -> int:
        """Read everything stored into memory, while requests may be served; how many entries that were."""
        return self.warming.warm()

    def read_ahead(self, count: int = 50) -> int:
        """Read the words of some entries before a request is compared with them; how many. No lookup waits for it."""
        with self._lock:
            unread = self._memory.unread(count)
        packed = [views.read(text) for views, _, text in unread]
        with self._lock:
            for (views, entry_id, _), one in zip(unread, packed):
                views.keep(entry_id, one)
        return len(unread)

    def flush(self) -> None:
        """Let the other processes know which answers are awaited."""
        self._waiting.flush(self._clock())

    def follow(self) -> None:
        """Read what the other processes stored, count what they served and learn what they learnt; tell them what
        happened here. Call about twice a second where several processes share a store."""
        at = self._clock()
        newest, changed = self._store.changed_since(self._memory.newest)
        with self._lock:
            self._memory.follow(newest, changed, at)
        self._tenants.follow()

    def close(self) -> None:
        """Save every tenant's state and the large indexes."""
        self.flush()
        self._tenants.follow()
        for tenant in self._tenants.names():
            self._tenants.save(tenant)
        with self._lock:
            self._memory.save_indexes()
        self._store.close()

    # Serving

    def _exact(
        self, lookup_id: str, key: CacheKey, partition: Partition, reuse: Reuse, controls: CacheControls
    ) -> CacheLookup | None:
        entry = partition.exact(key.exact)
        if entry is None or not self._fresh(partition.answers[entry.answer_id], controls):
            return None
        answer = self._memory.answer(key, entry.answer_id)
        if answer is None:
            return None
        reuse.control.exact_hit()
        candidate = Candidate(entry.entry_id, entry.answer_id, entry.text, entry.created, 1.0, 0.0, np.zeros(0), 0.0)
        pending = Pending(key, entry.text, None, candidate, None, may_store=False)
        partition.answers[answer.answer_id].use(self._clock())
        return self._serve(lookup_id, pending, partition, answer, "exact", "byte-identical request under the same key")

    def _semantic(self, begun: Begun, vector: np.ndarray | None, near: Partition | None) -> CacheLookup:
        lookup_id, request, key, reuse = begun.lookup_id, begun.request, begun.key, begun.reuse
        # looked up again: the lock was open while the vector was made
        found = near or self._memory.ready(key.partition, key.tenant)
        partition = self._reader.empty() if found is None else found
        candidate, controls = None, request.cache
        if vector is not None:

            def fresh(entry: Entry) -> bool:
                return self._fresh(partition.answers[entry.answer_id], controls)

            candidate = partition.candidate(request.text, vector, fresh)
        decision = reuse.decide(candidate, may_serve=not controls.refresh)
        pending = Pending(key, request.text, vector, candidate, decision, not controls.no_store, request.tags)
        if decision.action == "hit" and candidate is not None:
            answer = self._memory.answer(key, candidate.answer_id)
            if answer is not None:
                partition.answers[answer.answer_id].use(self._clock())
                return self._serve(lookup_id, pending, partition, answer, "semantic", decision.reason)
            reuse.control.take_back()
            gone = replace(pending, candidate=None, decision=None)
            return self._wait(lookup_id, gone, "the answer is gone", "miss")
        return self._wait(lookup_id, pending, decision.reason, decision.action)

    def _serve(
        self,
        lookup_id: str,
        pending: Pending,
        partition: Partition,
        answer: StoredAnswer,
        tier: Literal["exact", "semantic"],
        reason: str,
    ) -> CacheLookup:
        judged, now = pending.decision is not None, self._clock()
        served = replace(pending, may_store=False) if pending.may_store else pending
        # of an exact hit, the log knows all that a complaint needs
        self._waiting.keep(SERVED + lookup_id, served, now, shared=judged)
        record = partition.answers[answer.answer_id]
        record.served += 1
        record.used = now
        self._tenants.used(pending.key.tenant, answer.answer_id)
        return told(pending, lookup_id, "hit", reason, tier, answer, now)

    def _wait(
        self, lookup_id: str, pending: Pending, reason: str, action: Literal["hit", "miss", "audit"]
    ) -> CacheLookup:
        self._waiting.keep(lookup_id, pending, self._clock())
        return told(pending, lookup_id, action, reason, None, None, self._clock())

    def _fresh(self, record: AnswerRecord, controls: CacheControls) -> bool:
        """Not expired, not from the future (the clock stepped back), and young enough for this caller."""
        age = self._clock() - record.created
        limit = self.rules.ttl_seconds if controls.max_age_seconds is None else controls.max_age_seconds
        return -_CLOCK_SLACK_SECONDS <= age <= min(limit, self.rules.ttl_seconds) and self._clock() < record.expires


def _made(vector: Vector | None) -> np.ndarray | None:
    return vector() if callable(vector) else vector
