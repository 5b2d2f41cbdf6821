"""The thread that keeps processes in step goes on after failures, and tells of them."""

import time
from collections.abc import Callable

from router.cache.follower import CacheFollower
from router.errors import StoreError
from router.events import CacheFailed


class Scripted:
    def __init__(self) -> None:
        self.flushed = self.followed = self.read = 0

    def flush(self) -> None:
        self.flushed += 1

    def read_ahead(self) -> None:
        self.read = self.flushed

    def follow(self) -> None:
        self.followed += 1
        if self.followed == 1:
            raise StoreError("away")


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_goes_on_after_a_failure(monkeypatch) -> None:
    monkeypatch.setattr("router.cache.follower.AGAIN_SECONDS", 0.01)
    cache, told = Scripted(), []
    follower = CacheFollower(cache, [told.append])  # type: ignore[arg-type]
    follower.start()
    until(lambda: cache.followed >= 2 and cache.flushed > cache.followed and cache.read > 0)
    follower.stop()
    assert told == [CacheFailed("follow", "StoreError")]
    count = cache.flushed
    time.sleep(0.15)
    assert cache.flushed == count
