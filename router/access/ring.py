"""The keys in memory, at most about half a second behind the store, and who a token belongs to.

Checking touches no disk. While the store does not answer, the keys last read hold.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

from router.access.keys import EVERY_TENANT, SCOPES, Key, parse_token
from router.access.rates import Rates
from router.access.store import KeyStore
from router.errors import ForbiddenError, RateLimitedError, StoreError, UnknownKeyError


@dataclass(frozen=True)
class Caller:
    """Who asks. `tenant` None: any tenant may be named. `key_id` None: nobody had to say."""

    tenant: str | None = None
    scopes: frozenset[str] = frozenset(SCOPES)
    key_id: str | None = None

    def require(self, scope: str, every_tenant: bool = False) -> None:
        """Raises ForbiddenError where this caller may not do such a thing."""
        if scope not in self.scopes:
            raise ForbiddenError(f"this call needs a key with the scope {scope}")
        if every_tenant and self.tenant is not None:
            raise ForbiddenError("this call shows or changes what all tenants share: it needs a key of every tenant")

    def own(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What was asked, about the caller's own tenant. Raises ForbiddenError where it names another."""
        said = given.get("tenant")
        if self.tenant is None:
            return dict(given)
        if said is not None and said != self.tenant:
            raise ForbiddenError("this key belongs to another tenant than the one named")
        return {**given, "tenant": self.tenant}


ANYBODY = Caller()


class KeyRing:
    """Share one between all requests of a process. `required`: callers without a key are refused even where no key was
    ever made; else they are refused from the moment on that there is one."""

    def __init__(
        self,
        store: KeyStore,
        *,
        required: bool = True,
        requests_per_second: float | None = None,
        poll_seconds: float = 0.5,
        clock: Callable[[], float] = time.time,
        rates: Rates | None = None,
    ) -> None:
        """`rates`: shared with other processes; else each key's rate is this process's alone."""
        self._store, self._required, self._poll, self._clock = store, required, poll_seconds, clock
        self._default_rate = requests_per_second
        self._keys: Mapping[str, Key] = {}
        self._callers: Mapping[str, Caller] = {}
        self._revision: tuple[int, int] | None = None
        self._rates = rates or Rates()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="key-ring", daemon=True)

    @property
    def open(self) -> bool:
        """Whether anybody may call."""
        return not self._required and not self._keys

    @property
    def known(self) -> bool:
        """Whether the store was read at least once."""
        return self._revision is not None

    def start(self) -> None:
        with suppress(StoreError):
            self.look()
        self._thread.start()
        self._rates.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(self._poll + 5)
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        self._rates.stop()
        self._store.close()

    def look(self) -> None:
        """Read the keys again where any has changed. Raises StoreError."""
        revision = self._store.revision()
        if revision != self._revision:
            self.take(self._store.listed())
            self._revision = revision

    def take(self, keys: Sequence[Key]) -> None:
        self._callers = {key.key_id: _caller(key) for key in keys}
        self._keys = {key.key_id: key for key in keys}

    def caller(self, token: str | None) -> Caller:
        """Whose token this is. Raises UnknownKeyError, RateLimitedError, or StoreError before keys were ever read."""
        if self.open:
            return ANYBODY
        if not self.known and not self._keys:
            raise StoreError("the keys could not be read yet")
        key = self._checked(token)
        rate = key.requests_per_second or self._default_rate
        wait = self._rates.wait_seconds(key.key_id, rate) if rate else 0.0
        if wait:
            raise RateLimitedError(rate or 0.0, wait)
        return self._callers[key.key_id]

    def _checked(self, token: str | None) -> Key:
        if token is None:
            raise UnknownKeyError("no key was sent")
        parsed = parse_token(token)
        key = None if parsed is None else self._keys.get(parsed[0])
        now = self._clock()
        if parsed is None or key is None or not key.matches(parsed[1], now):
            raise UnknownKeyError("this key is not known")
        if key.state(now) != "valid":  # told only to who holds the secret
            raise UnknownKeyError(f"this key is {key.state(now)}")
        return key

    def _run(self) -> None:
        while not self._stop.wait(self._poll):
            with suppress(StoreError):
                self.look()


def _caller(key: Key) -> Caller:
    scopes = frozenset(scope for scope in SCOPES if key.allows(scope))
    return Caller(None if key.tenant == EVERY_TENANT else key.tenant, scopes, key.key_id)
