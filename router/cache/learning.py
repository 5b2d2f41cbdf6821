"""What ends a lookup: an answer to keep, a truth to learn, a complaint. Keeps the store, memory and each tenant's model
in step.

Knows how an answer is judged against the neighbour's and where it is stored. Knows no keys in the making, no search and
no decision.
"""

import threading
from collections.abc import Callable
from dataclasses import replace

from router.cache.answers import NewAnswer, same_answer
from router.cache.journal import CacheJournal
from router.cache.lessons import complaint, truth
from router.cache.memory import CacheMemory
from router.cache.partition import AnswerRecord, Entry, Record
from router.cache.records import CacheRules, Learnt, Pending
from router.cache.store import CacheStore
from router.cache.stored import Label
from router.cache.tenants import CacheTenants
from router.cache.waiting import Waiting

SERVED = "served:"  # before the name of a lookup whose answer was served, and may be complained of


class CacheLearning:
    """Share one between all threads of a process. `lock` is the cache's: held while memory is read or changed, never
    while the store is written. Raises StoreError."""

    def __init__(
        self,
        store: CacheStore,
        memory: CacheMemory,
        tenants: CacheTenants,
        journal: CacheJournal,
        waiting: Waiting,
        rules: CacheRules,
        lock: threading.RLock,
        clock: Callable[[], float],
    ) -> None:
        self._store, self._memory, self._tenants, self._journal = store, memory, tenants, journal
        self._waiting, self._rules, self._lock, self._clock = waiting, rules, lock, clock

    def learn(self, lookup_id: str, answer: NewAnswer, *, tenant: str, patience_seconds: float = 0.0) -> Learnt:
        """The answer to a miss or an audit. Stores it, and learns whether the neighbour's would have been right.

        A lookup of another tenant is unknown; that of another process is found in the store, where it may have to be
        waited for. The store is written without the lock: no lookup waits for a disk.
        """
        pending = self._waiting.take(lookup_id, tenant, patience_seconds)
        if pending is None:
            return Learnt("refused", "unknown or already learnt")
        refusal = answer.refusal(self._rules.max_answer_bytes)
        if refusal:
            return Learnt("refused", refusal)
        answer = replace(answer, tags={**pending.tags, **answer.tags}, source=lookup_id)
        valid = self._judge(pending, answer)
        stored = self._insert(pending, answer) if pending.may_store else None
        self._teach(pending, valid, stored)
        if stored is None:
            return Learnt("refused", "the caller asked for no store", valid)
        return Learnt("stored", "stored", valid)

    def await_instead(self, lookup_id: str, following_id: str, *, tenant: str) -> None:
        """Another call is made for the same request: its answer is awaited, under another name."""
        pending = self._waiting.take(lookup_id, tenant)
        if pending is not None:
            self._waiting.keep(following_id, pending, self._clock())

    def report_wrong(
        self, lookup_id: str, *, tenant: str, answer_id: int | None = None, risk: float | None = None
    ) -> bool:
        """A served answer was wrong: it leaves the cache, and the loss is charged. False for an unknown lookup.

        `answer_id` and `risk` are what the log says was served, for lookups of before a restart.
        """
        served = self._waiting.take(SERVED + lookup_id, tenant)
        candidate = None if served is None else served.candidate
        answer_id = answer_id if candidate is None else candidate.answer_id
        if answer_id is None:
            return False
        if served is not None:
            risk = None if served.decision is None else served.decision.risk
        with self._lock:
            # the exact tier judged nothing, so the verifier learns nothing from it
            self._tenants.reuse(tenant).report_wrong(None if risk is None else candidate, risk or 0.0)
            self._journal.taught(tenant, complaint(None if risk is None else candidate, risk))
        self.drop(tenant, [answer_id])
        self._tenants.save(tenant)
        return True

    def report_right(self, lookup_id: str, *, tenant: str) -> bool:
        """A served answer was right: its record says so. The budget is not moved: praise is not a random sample."""
        served = self._waiting.take(SERVED + lookup_id, tenant)
        if served is None or served.candidate is None or served.decision is None:
            return False
        with self._lock:
            partition = self._memory.ready(served.key.partition, tenant)
            if partition is not None:
                partition.learn((), served.candidate, 0.0, valid=True)
        return True

    def retract(self, lookup_id: str, *, tenant: str) -> int:
        """What this lookup's own answer said turned out wrong: it must not be stored, or no longer. How many left."""
        self._waiting.take(lookup_id, tenant)
        return self.drop(tenant, [one.answer_id for one in self._store.find(tenant, source=lookup_id)])

    def _judge(self, pending: Pending, answer: NewAnswer) -> bool | None:
        if pending.candidate is None:
            return None
        old = self._store.answer(pending.candidate.answer_id)
        return None if old is None else same_answer(answer, old.digest, old.content, old.answer_key)

    def _insert(self, pending: Pending, answer: NewAnswer) -> int:
        """Keep the wording with its answer, which may be there already. The entry's id."""
        key, now = pending.key, self._clock()
        expires = now + self._rules.ttl_seconds
        answer_id, entry_id = self._store.insert(
            key, answer, pending.text, pending.vector, self._memory.encoder, now, expires
        )
        with self._lock:
            self._memory.renewed(answer_id)
            partition = self._memory.ready(key.partition, key.tenant)  # None: it is read from the store, with this one
            old = None if partition is None else partition.exact(key.exact)
            if partition is not None and (old is None or old.entry_id < entry_id):  # else a newer one came in between
                if old is not None:
                    partition.drop_entry(old.entry_id)
                record = AnswerRecord(usd=answer.usd, used=now, created=now, expires=expires)
                entry = Entry(entry_id, answer_id, pending.text, key.exact, now, Record())
                partition.add(entry, pending.vector, record)
            leaving = self._memory.excess(key.tenant)
        self.drop(key.tenant, leaving)
        return entry_id

    def _teach(self, pending: Pending, valid: bool | None, entry_id: int | None) -> None:
        candidate, decision, tenant = pending.candidate, pending.decision, pending.key.tenant
        if valid is None or candidate is None or decision is None or decision.risk is None:
            return
        places = (candidate.entry_id, *(() if entry_id is None else (entry_id,)))
        with self._lock:
            self._tenants.reuse(tenant).learn(candidate, decision, valid)
            self._journal.taught(tenant, truth(pending.key.partition, places, candidate, decision, valid))
            partition = self._memory.ready(pending.key.partition, tenant)
            if partition is not None:
                partition.learn(places, candidate, decision.risk, valid)
        self._store.learn(Label(places, candidate.answer_id, valid, decision.risk, candidate.cosine))
        self._tenants.changed(tenant)
        self._tenants.save_due()

    def drop(self, tenant: str, answer_ids: list[int]) -> int:
        """Answers leave the store, then memory; how many the store had."""
        if not answer_ids:
            return 0
        removed = self._store.remove(answer_ids)
        with self._lock:
            self._memory.forget_all(tenant, answer_ids)
        return removed
