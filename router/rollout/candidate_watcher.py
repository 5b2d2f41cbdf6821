"""Follows `candidate.json`: which policy is on trial, and with which share of traffic."""

from collections.abc import Callable, Sequence
from pathlib import Path

from router.current_policy import CANDIDATE, Current, PolicyWatcher
from router.events import Hook
from router.policy import Policy
from router.rollout.stages import Trial, share_of


class CandidateWatcher(PolicyWatcher):
    """Tells `try_policy` of the trial that the pointer asks for; None when there is none, or it cannot be used."""

    pointer = CANDIDATE

    def __init__(
        self,
        models_dir: Path,
        try_policy: Callable[[Trial | None], None],
        hooks: Sequence[Hook] = (),
        poll_seconds: float = 0.5,
        known: Callable[[str], Policy | None] = lambda version: None,
    ) -> None:
        super().__init__(models_dir, lambda policy: None, hooks, poll_seconds, known)
        self._try = try_policy

    def _follow(self, current: Current | None) -> None:
        try:
            trial = None if current is None else Trial(self._load(current), share_of(current.facts))
            self._try(trial)
        except Exception:
            self._try(None)  # a candidate that cannot be used decides nothing, not even what it decided before
            raise
