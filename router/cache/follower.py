"""A thread that keeps one process's cache in step with the others', and has it read entries before requests meet them.

Knows when; the cache knows what there is to do.
"""

import time
from collections.abc import Callable, Sequence
from threading import Event, Thread

from router.cache.semantic import SemanticCache
from router.events import CacheFailed, Hook, tell

FLUSH_SECONDS, FOLLOW_SECONDS, AGAIN_SECONDS = 0.1, 0.4, 2.0


class CacheFollower:
    """What fails is told to the hooks and done again at the next turn."""

    def __init__(self, cache: SemanticCache, hooks: Sequence[Hook] = ()) -> None:
        self._cache, self._hooks = cache, tuple(hooks)
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="cache-follower", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def _run(self) -> None:
        followed = time.monotonic()
        while not self._stopping.wait(FLUSH_SECONDS):
            self._try(self._cache.flush)
            self._try(self._cache.read_ahead)
            if time.monotonic() - followed >= FOLLOW_SECONDS:
                followed = time.monotonic()
                self._try(self._cache.follow)

    def _try(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as error:
            tell(self._hooks, CacheFailed("follow", type(error).__name__))
            self._stopping.wait(AGAIN_SECONDS)
