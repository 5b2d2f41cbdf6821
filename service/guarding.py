"""Watches a policy that was given traffic, and takes it back when it does harm. Decides nothing itself: guardrails do.

Knows pointers, reports and counts. Every process of a service watches for itself; the first to see harm acts for all.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from router.current_policy import CANDIDATE, read_current
from router.errors import InputError, PolicyFileError, StoreError
from router.events import CandidateFailed, Decided, Event, Hook, PolicyChanged, tell
from router.log.feed import Known
from router.log.store import LogStore
from router.moments import parse_moment
from router.prices import now
from router.rollout import history
from router.rollout.arms import ArmBook
from router.rollout.guardrails import Arm, GuardRules, Trip, find_trips
from router.rollout.history import Change
from router.rollout.promotion import roll_back
from router.rollout.stages import share_of
from router.settings import Settings
from router.spend.alert_rules import Alert

WATCHED = timedelta(hours=24)  # how long a promoted policy can still fall back by itself
STORE_SECONDS = 5.0
Announce = Callable[[Sequence[Alert]], object]


def guard_rules(settings: Settings) -> GuardRules:
    """How much worse is harm, as the settings say."""
    wrong = settings.cache_max_wrong if settings.cache else 0.0
    return GuardRules(settings.guard_error_rate, settings.guard_usd_per_correct, wrong)


class DecisionCounts:
    """A hook: how many requests each policy decided, and how many a candidate left undone, in this process."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = Lock()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Decided) and event.decision.fallback is None:
            self._count("decided", event.decision.policy)
        elif isinstance(event, CandidateFailed):
            self._count("undecided", event.version)

    def of(self, version: str) -> tuple[int, int]:
        return self._counts["decided", version], self._counts["undecided", version]

    def _count(self, what: str, version: str) -> None:
        with self._lock:
            self._counts[what, version] += 1


@dataclass(frozen=True)
class Watched:
    """The policy under watch, the one to compare it with, and since when."""

    version: str
    baseline: str
    since: datetime
    share: float


class Guarding:
    """Call `take` with every report and `look` now and then, from one thread."""

    def __init__(
        self,
        models_dir: Path,
        store: LogStore,
        rules: GuardRules,
        counts: DecisionCounts,
        hooks: Sequence[Hook] = (),
        clock: Callable[[], datetime] = now,
        announce: Announce = lambda alerts: None,
    ) -> None:
        self._announce = announce
        self._models_dir, self._store, self._rules, self._counts = models_dir, store, rules, counts
        self._hooks, self._clock = tuple(hooks), clock
        self._book = ArmBook()
        self._started: tuple[Watched, tuple[int, int]] | None = None
        self.readings: Mapping[str, Any] = {}

    def take(self, known: Known) -> None:
        self._book.take(known)

    def look(self) -> Change | None:
        """Take the watched policy back where it does harm; what was done. Raises nothing that a file may cause."""
        watched = self._watched()
        if watched is None:
            self.readings, self._started = {}, None
            return None
        tried, baseline = self._arms(watched)
        self.readings = {
            "watched": watched.version,
            "since": watched.since.isoformat(timespec="seconds"),
            "share": watched.share,
            "policy": tried.as_dict(),
            "baseline": baseline.as_dict(),
        }
        trips = find_trips(tried, baseline, self._rules)
        return self._act(watched, trips) if trips else None

    def _watched(self) -> Watched | None:
        """A staged candidate, else a policy that was promoted lately and has one to fall back to."""
        try:
            current, candidate = read_current(self._models_dir), read_current(self._models_dir, CANDIDATE)
            if current is None:
                return None
            if candidate is not None and share_of(candidate.facts) > 0:
                since = parse_moment(candidate.facts.get("since"))
                return Watched(candidate.version, current.version, since, share_of(candidate.facts))
            previous = current.facts.get("previous")
            since = parse_moment(current.facts.get("since"))
            if isinstance(previous, Mapping) and self._clock() - since < WATCHED:
                return Watched(current.version, str(previous["version"]), since, 1.0)
        except (PolicyFileError, InputError, KeyError, TypeError):
            return None
        return None

    def _arms(self, watched: Watched) -> tuple[Arm, Arm]:
        counts = self._counts.of(watched.version)
        if self._started is None or self._started[0] != watched:
            self._started = watched, counts
            self._book.keep_only({watched.version, watched.baseline})
        decided, undecided = (now - then for now, then in zip(counts, self._started[1]))
        return self._book.arm(watched.version, watched.since, decided, undecided), self._book.arm(watched.baseline)

    def _act(self, watched: Watched, trips: Sequence[Trip]) -> Change | None:
        evidence = {"guards": {trip.guard: dict(trip.evidence) for trip in trips}, **self.readings}
        reason = "; ".join(f"{trip.guard}: {trip.message}" for trip in trips)
        try:
            change = roll_back(
                self._models_dir,
                reason=reason,
                by="guardrails",
                at=self._clock(),
                evidence=evidence,
                only=watched.version,
            )
        except (InputError, PolicyFileError):  # somebody else changed what serves in this very moment
            return None
        keep_change(self._store, change)
        tell(self._hooks, PolicyChanged(change))
        said = f"{change.policy} ({change.version}) lost its traffic: {reason}"
        self._announce([Alert("rollback", change.version, change.at, said, evidence)])
        return change


def keep_change(store: LogStore, change: Change) -> bool:
    """Keep what was done; the pointers hold all the same where the store is away."""
    with suppress(StoreError, TimeoutError):
        store.write(lambda connection: history.keep(connection, change)).result(STORE_SECONDS)
        return True
    return False
