"""Remembers the requests that this process answered, and tells their numbers to whichever process looks for drift."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from router.drift import shared_inputs
from router.drift.shared_inputs import Inputs
from router.drift.sources import request_numbers
from router.engine import Engine
from router.errors import StoreError
from router.privacy.leaver import Leaver
from router.seen import Seen
from service.counting import STORE_SECONDS

PUBLISH_EVERY_SECONDS = 60.0
REQUESTS_PER_MINUTE = 500  # the latest ones; the others are not looked at


class SeenInputs:
    """A watcher of requests. Call `publish` once a minute, from one thread."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock
        self._requests: deque[Seen] = deque(maxlen=REQUESTS_PER_MINUTE)

    def offer(self, seen: Seen) -> None:
        self._requests.append(seen)

    def forget(self, leaver: Leaver) -> None:
        """A tenant's requests are not looked at any more; means over many stay."""
        self._requests.extend([one for one in self._drained() if not leaver.named(one.request.tenant)])

    def hear(self, report: Mapping[str, Any]) -> None:
        """Reports say nothing of inputs."""

    def publish(self) -> None:
        """What the serving policy decided since the last time. Raises StoreError where it was not told: it is not told
        again, for the next minute will do as well."""
        policy, store = self._engine.policy, self._engine.store
        by_tenant: defaultdict[str, list[Seen]] = defaultdict(list)
        for one in self._drained():
            if policy is not None and one.decision.policy == policy.version:
                by_tenant[one.request.tenant].append(one)
        if policy is None or store is None or not by_tenant:
            return
        told = [
            Inputs(policy.version, tenant, request_numbers(mine, policy.estimator.representation))
            for tenant, mine in by_tenant.items()
        ]
        at = self._clock()
        try:
            store.write(lambda connection: shared_inputs.put(connection, at, told)).result(STORE_SECONDS)
        except TimeoutError as error:
            raise StoreError("the numbers of requests were not told in time") from error

    def _drained(self) -> list[Seen]:
        """Everything that is remembered; two that drain at once share it."""
        found: list[Seen] = []
        with suppress(IndexError):
            while True:
                found.append(self._requests.popleft())
        return found
