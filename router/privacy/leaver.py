"""Whom every process must forget in memory: a tenant, known by its digest, so that the notice writes no name down."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from queue import Queue
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Leaver:
    """`whole`: the tenant leaves; else one of its users does, and what is known of the tenant as such may stay. What
    processes keep in memory is not told apart by user, so the tenant's texts go either way."""

    digest: str
    whole: bool = True

    @classmethod
    def of(cls, tenant: str, user: str | None = None) -> "Leaver":
        return cls(_digest(tenant), user is None)

    def named(self, tenant: str) -> bool:
        """Whether this tenant is meant."""
        return _digest(tenant) == self.digest

    def among(self, tenants: Iterable[str]) -> list[str]:
        """Those of these tenants that are meant."""
        return [one for one in tenants if self.named(one)]


class Forgetful(Protocol):
    """Keeps something of tenants in memory, and can let go of it. Any thread may ask."""

    def forget(self, leaver: Leaver) -> None: ...


def forget_in_each(places: Sequence[Forgetful], leaver: Leaver) -> None:
    """Ask all, though one fails; then raise what failed."""
    failed: Exception | None = None
    for place in places:
        try:
            place.forget(leaver)
        except Exception as error:
            failed = error
    if failed is not None:
        raise failed


def drop_waiting(queue: Queue[tuple[str, T]], leaver: Leaver) -> list[T]:
    """Take out of a queue what waits there under the leaver's name."""
    with queue.mutex:
        gone = [one for tenant, one in queue.queue if leaver.named(tenant)]
        left = [(tenant, one) for tenant, one in queue.queue if not leaver.named(tenant)]
        queue.queue.clear()
        queue.queue.extend(left)
        queue.not_full.notify_all()
    return gone


@lru_cache(maxsize=4_096)
def _digest(tenant: str) -> str:
    return hashlib.sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()
