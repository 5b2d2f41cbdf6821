"""Everything that watches a request after it was answered, as the engine sees it: one thing that never blocks."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from router.privacy.leaver import Leaver
from router.seen import Seen, Watcher


class Watching:
    """Offers every answer and every report to each watcher; the first that asks for something is the one that asks."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._watchers = tuple(watchers)

    def offer(self, seen: Seen) -> Future[Mapping[str, Any] | None] | None:
        asked = [one.offer(seen) for one in self._watchers]
        return next((one for one in asked if one is not None), None)

    def forget(self, leaver: Leaver) -> None:
        for one in self._watchers:
            one.forget(leaver)

    def hear(self, report: Mapping[str, Any]) -> None:
        for one in self._watchers:
            one.hear(report)
