"""What each tenant's traffic has taught the cache, and its way into the store. Knows no entries and decides nothing."""

import threading
from collections import Counter

import numpy as np

from router.cache.journal import FROM_THE_START, CacheJournal
from router.cache.records import CacheRules
from router.cache.reuse import Reuse
from router.cache.store import CacheStore
from router.cache.verifier import RiskPrior
from router.privacy.leaver import Leaver


class CacheTenants:
    """The Reuse of each tenant. `lock` is the cache's: held while a state is read or changed, never while it is
    written to the store."""

    def __init__(
        self,
        store: CacheStore,
        prior: RiskPrior,
        rules: CacheRules,
        lock: threading.RLock,
        journal: CacheJournal,
        seed: int | None,
    ) -> None:
        self._store, self._prior, self._rules, self._lock, self._journal = store, prior, rules, lock, journal
        self._seeds = np.random.default_rng(seed)
        self._reuse: dict[str, Reuse] = {}
        self._unsaved: Counter[str] = Counter()
        self._due: set[str] = set()
        self._uses: dict[str, Counter[int]] = {}

    def names(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(sorted(self._reuse))

    def knows(self, tenant: str) -> bool:
        """Whether a tenant's is in memory."""
        return tenant in self._reuse

    def reuse(self, tenant: str) -> Reuse:
        """A tenant's, from the store at first sight. Call with the lock held."""
        if tenant not in self._reuse:
            rules = self._rules.tenants.get(tenant, self._rules.budget)
            reuse = Reuse(self._prior, rules, int(self._seeds.integers(2**31)))
            saved = self._store.load_state(tenant)
            if saved is None:
                self._journal.catch_up(tenant, reuse, FROM_THE_START)
            elif reuse.restore(saved) and "journal" in saved:
                self._journal.catch_up(tenant, reuse, saved["journal"])
            self._reuse[tenant] = reuse
        return self._reuse[tenant]

    def forget(self, leaver: Leaver) -> None:
        """A tenant's is not saved any more, and begins anew where it asks again. Call with the lock held."""
        for tenant in leaver.among([*self._reuse, *self._uses, *self._unsaved]):
            self._reuse.pop(tenant, None)
            self._uses.pop(tenant, None)
            self._unsaved.pop(tenant, None)
            self._due.discard(tenant)

    def follow(self) -> None:
        """Tell the other processes what happened here, and do what happened there. Raises StoreError."""
        with self._lock:
            known = dict(self._reuse)
        self._journal.look(known)

    def used(self, tenant: str, answer_id: int) -> None:
        """An answer was served. Call with the lock held."""
        self._uses.setdefault(tenant, Counter())[answer_id] += 1

    def changed(self, tenant: str) -> None:
        """A hit was served, or a truth learnt, that the saved state does not know."""
        with self._lock:
            self._unsaved[tenant] += 1
            # a restart charges `save_every` hits to the budget: half of them, so that the writing has its time
            if 2 * self._unsaved[tenant] >= self.reuse(tenant).control.rules.save_every:
                self._due.add(tenant)

    @property
    def owes(self) -> bool:
        """Whether some tenant's state should be saved now."""
        return bool(self._due)

    def save_due(self) -> None:
        """Save what should be saved. Raises StoreError; it is then due again at the tenant's next change."""
        while self._due:
            self.save(self._due.pop())

    def save(self, tenant: str) -> None:
        with self._lock:
            state, uses = self.reuse(tenant).to_dict(), self._uses.pop(tenant, Counter())
            state["journal"] = self._journal.mark(tenant, self.reuse(tenant))
            unsaved = self._unsaved.pop(tenant, 0)
        try:
            self._store.save_state(tenant, state)
            self._store.count_served(uses)
        except BaseException:
            with self._lock:
                self._unsaved[tenant] += unsaved
                self._uses[tenant] = uses + self._uses.get(tenant, Counter())
            raise
