"""Watches a policy that was given traffic, and takes it back when it does harm. Decides nothing itself: guardrails do.

Knows pointers, and what all processes reported and counted. One process watches for all; the next goes on where it was.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from router.current_policy import CANDIDATE, read_current
from router.errors import InputError, PolicyFileError, StoreError
from router.events import Hook, PolicyChanged, tell
from router.log.feed import Known
from router.log.store import LogStore
from router.moments import parse_moment
from router.prices import now
from router.rollout import guard_standing, history, tallies
from router.rollout.arms import ArmBook
from router.rollout.guardrails import Arm, GuardRules, Trip, find_trips
from router.rollout.history import Change
from router.rollout.promotion import roll_back
from router.rollout.route_time import LEAST_BASELINE, NOTHING_TIMED, RouteTime
from router.rollout.stages import share_of
from router.rollout.tallies import NONE, Tally
from router.settings import Settings
from router.spend.alert_rules import Alert
from service.counting import STORE_SECONDS

WATCHED = timedelta(hours=24)  # how long a promoted policy can still fall back by itself
Announce = Callable[[Sequence[Alert]], object]


def guard_rules(settings: Settings) -> GuardRules:
    """How much worse is harm, as the settings say."""
    wrong = settings.cache_max_wrong if settings.cache else 0.0
    errors, usd, slow = settings.guard_error_rate, settings.guard_usd_per_correct, settings.guard_route_seconds
    return GuardRules(errors, usd, wrong, route_seconds=slow)


@dataclass(frozen=True)
class Watched:
    """The policy under watch, the one to compare it with, and since when."""

    version: str
    baseline: str
    since: datetime
    share: float

    @property
    def name(self) -> str:
        """Tells one watch from another: every stage is watched anew."""
        return f"{self.version} beside {self.baseline} at {self.share} since {self.since.isoformat()}"


@dataclass(frozen=True)
class Progress:
    """How far a watch has come: the counts of both policies when it `began`, and those that `route_time` has seen."""

    watch: str
    began: Mapping[str, Tally]
    timed: Mapping[str, Tally]
    route_time: RouteTime = NOTHING_TIMED

    def as_dict(self) -> dict[str, Any]:
        began, timed = ({version: one.as_dict() for version, one in each.items()} for each in (self.began, self.timed))
        return {"watch": self.watch, "began": began, "timed": timed, "route_time": self.route_time.as_dict()}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "Progress":
        began, timed = (
            {version: Tally.from_dict(one) for version, one in told[each].items()} for each in ("began", "timed")
        )
        return cls(told["watch"], began, timed, RouteTime.from_dict(told["route_time"]))

    def after(self, version: str, baseline: str, counted: Mapping[str, Tally], floor_seconds: float) -> "Progress":
        """With what was counted by now. Where one of the two has decided nothing since, the other's decisions wait."""
        tried, usual = (counted[one] - self.timed[one] for one in (version, baseline))
        earlier = self.timed[baseline] - self.began[baseline]
        seen = self.route_time.after(tried, usual, earlier, floor_seconds)
        waits = seen is self.route_time and earlier.timed >= LEAST_BASELINE
        return self if waits else replace(self, timed=counted, route_time=seen)


class Guarding:
    """Call `take` with every report and `look` now and then, from one thread."""

    def __init__(
        self,
        models_dir: Path,
        store: LogStore,
        rules: GuardRules,
        hooks: Sequence[Hook] = (),
        clock: Callable[[], datetime] = now,
        announce: Announce = lambda alerts: None,
    ) -> None:
        self._announce = announce
        self._models_dir, self._store, self._rules = models_dir, store, rules
        self._hooks, self._clock = tuple(hooks), clock
        self._book = ArmBook()
        self._watch = ""

    def take(self, known: Known) -> None:
        self._book.take(known)

    def look(self) -> Change | None:
        """Take the watched policy back where it does harm; what was done. Raises StoreError, and nothing that a file
        may cause."""
        with self._store.reading() as connection:
            told, before = guard_standing.read(connection)
        watched = self._watched()
        if watched is None:
            if before:
                self._keep({}, {})
            return None
        if self._watch != watched.name:
            self._watch = watched.name
            self._book.keep_only({watched.version, watched.baseline})
        counted = self._counted(watched)
        progress = self._progress(watched, told, counted)
        tried, baseline = self._arms(watched, progress.began, counted)
        readings = {
            "watched": watched.version,
            "since": watched.since.isoformat(timespec="seconds"),
            "share": watched.share,
            "policy": tried.as_dict(),
            "baseline": baseline.as_dict(),
            "route_time": progress.route_time.readings(),
        }
        self._keep(progress.as_dict(), readings)
        trips = find_trips(tried, baseline, self._rules, progress.route_time)
        return self._act(watched, trips, readings) if trips else None

    def told(self) -> Mapping[str, Any]:
        """The latest figures, whichever process looked; empty where none is watched, or the store is away."""
        with suppress(StoreError), self._store.reading() as connection:
            return guard_standing.read(connection)[1]
        return {}

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

    def _counted(self, watched: Watched) -> dict[str, Tally]:
        both = watched.version, watched.baseline
        with self._store.reading() as connection:
            found = tallies.read(connection, both)
        return {version: found.get(version, NONE) for version in both}

    def _progress(self, watched: Watched, told: Mapping[str, Any], counted: Mapping[str, Tally]) -> Progress:
        """What the last look told, and what was counted since. A new watch begins here."""
        if told.get("watch") != watched.name:
            return Progress(watched.name, counted, counted)
        before = Progress.from_dict(told)
        return before.after(watched.version, watched.baseline, counted, self._rules.route_seconds)

    def _arms(self, watched: Watched, began: Mapping[str, Tally], counted: Mapping[str, Tally]) -> tuple[Arm, Arm]:
        tried, usual = (counted[version] - began[version] for version in (watched.version, watched.baseline))
        return self._book.arm(watched.version, watched.since, tried), self._book.arm(watched.baseline, None, usual)

    def _keep(self, progress: Mapping[str, Any], readings: Mapping[str, Any]) -> None:
        at = self._clock()
        with suppress(StoreError, TimeoutError):
            self._store.write(lambda connection: guard_standing.keep(connection, at, progress, readings)).result(
                STORE_SECONDS
            )

    def _act(self, watched: Watched, trips: Sequence[Trip], readings: Mapping[str, Any]) -> Change | None:
        evidence = {"guards": {trip.guard: dict(trip.evidence) for trip in trips}, **readings}
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
