"""A request that was answered, as those see it who only watch: shadows and drift."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from router.decisions import Decision
from router.privacy.leaver import Leaver
from router.requests import Request


@dataclass(frozen=True)
class Seen:
    """A request with its vector, and the decision as it was logged."""

    request: Request
    vector: np.ndarray
    decision: Decision


class Watcher(Protocol):
    """Sees every logged decision after it was answered, and every report. Must not block; the future of what a caller
    is asked to run besides is waited for briefly."""

    def offer(self, seen: Seen) -> Future[Mapping[str, Any] | None] | None: ...

    def forget(self, leaver: Leaver) -> None:
        """Let go of what is kept of a tenant's requests."""

    def hear(self, report: Mapping[str, Any]) -> None:
        """Take note of a report that was validated and kept, as its sender wrote it."""
