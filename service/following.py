"""Follows what comes back, report by report, and hands it to those who watch: guardrails and drift."""

import logging
from collections.abc import Sequence
from typing import Protocol

from router.log.feed import Known, ReportFeed
from router.privacy.leaver import Leaver


class Taker(Protocol):
    """Takes reports in, then looks at what they come to."""

    def take(self, known: Known) -> None: ...

    def look(self) -> object: ...


class Following:
    """Call `look` from one thread. A watcher that fails is logged, and looks again at its next turn."""

    def __init__(self, feed: ReportFeed, takers: Sequence[Taker]) -> None:
        self._feed, self._takers = feed, tuple(takers)

    def forget(self, leaver: Leaver) -> None:
        """A tenant's decisions are remembered no longer; what they came to, counted over many, stays."""
        self._feed.forget(leaver)

    def look(self) -> None:
        """Read what is new, let everybody take it, then let everybody look. Raises StoreError."""
        while reports := self._feed.read():
            for taker in self._takers:
                for known in reports:
                    taker.take(known)
        for taker in self._takers:
            try:
                taker.look()
            except Exception:
                logging.getLogger(__name__).exception("%s failed", type(taker).__name__)
