"""Looks for drift, tells of it, and says what was done about it. Knows sources and consequences; no statistics."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from router.current_policy import read_current
from router.drift import shared_inputs, standing
from router.drift.monitor import Drift, DriftMonitor, Value
from router.drift.prices import PriceChange, PriceWatch
from router.drift.shared_inputs import Inputs
from router.drift.sources import report_values
from router.engine import Engine
from router.errors import InputError, PolicyFileError, StoreError
from router.events import Hook, PolicyChanged, tell
from router.log.feed import Known
from router.moments import parse_moment
from router.prices import now
from router.rollout.promotion import roll_back
from router.spend.alert_rules import Alert
from service.bodies import json_answer
from service.counting import STORE_SECONDS
from service.guarding import WATCHED, Announce, keep_change
from service.schemas import documented

LOOK_EVERY = timedelta(seconds=60)  # one block a minute at most: the detectors' threshold counts on it
TOLD = "it was told; nothing else was changed"
Retrain = Callable[[str], str | None]
_WORDS = {
    "inputs": "requests are not what they were",
    "calibration": "reported correctness left what was predicted",
    "cost": "bills left what was predicted",
    "latency": "calls take another time than before",
}


class Drifting:
    """Takes reports (`take`), and what all processes tell of their requests; call `look` from the thread that calls
    `take`. `retrain` starts a retraining where that is configured, and says so.
    """

    def __init__(
        self,
        engine: Engine,
        models_dir: Path,
        announce: Announce,
        hooks: Sequence[Hook] = (),
        retrain: Retrain = lambda reason: None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._engine, self._models_dir, self._announce, self._hooks = engine, models_dir, announce, tuple(hooks)
        self._retrain, self._clock = retrain, clock
        self._policy: str | None = None
        self._monitor, self._prices = DriftMonitor(), PriceWatch()
        self._values: list[Value] = []
        self._looked: datetime | None = None
        self.alarms: deque[Mapping[str, Any]] = deque(maxlen=standing.MOST_TOLD)
        self.state: Sequence[Mapping[str, Any]] = ()

    def take(self, known: Known) -> None:
        policy = self._engine.policy
        self._begin_anew_for(None if policy is None else policy.version)
        if known.policy == self._policy:
            self._values += report_values(known)

    def look(self) -> list[Alert]:
        """Feed a block and announce what drifted, once a minute."""
        policy, at = self._engine.policy, self._clock()
        if policy is None or (self._looked is not None and at - self._looked < LOOK_EVERY):
            return []
        self._looked = at
        self._begin_anew_for(policy.version)
        values, self._values = self._values, []
        inputs = [column for one in self._inputs(policy.version) for column in one.columns()]
        drifted = self._monitor.feed(values, inputs)
        self.state = self._monitor.state()
        alerts = [self._alert(one, at) for one in drifted]
        alerts += [_price_alert(one, at) for one in self._prices.look(policy, at)]
        alarms = [
            {"rule": one.rule, "slice": one.subject, "at": one.at.isoformat(), "message": one.message}
            | {"evidence": dict(one.evidence)}
            for one in alerts
        ]
        self.alarms.extend(alarms)
        self._keep(at, alarms)
        if alerts:
            self._announce(alerts)
        return alerts

    def _inputs(self, version: str) -> list[Inputs]:
        """What all processes told of their requests since the last look; nothing where the store is away."""
        store = self._engine.store
        if store is not None:
            with suppress(StoreError, TimeoutError):
                return store.write(lambda connection: shared_inputs.take(connection, version)).result(STORE_SECONDS)
        return []

    def told(self) -> Mapping[str, Any]:
        """What the process that looks found last, whichever it is; what this one found where the store is away."""
        if self._engine.store is not None:
            with suppress(StoreError), self._engine.store.reading() as connection:
                if (found := standing.read(connection)) is not None:
                    return found
        at = None if self._looked is None else self._looked.isoformat(timespec="seconds")
        return {"at": at, "streams": list(self.state), "alarms": list(self.alarms)}

    def _keep(self, at: datetime, alarms: Sequence[Mapping[str, Any]]) -> None:
        store, streams = self._engine.store, self.state
        if store is not None:
            with suppress(StoreError, TimeoutError):
                store.write(lambda connection: standing.keep(connection, at, streams, alarms)).result(STORE_SECONDS)

    def _begin_anew_for(self, version: str | None) -> None:
        """Every policy has its own levels."""
        if version != self._policy:
            self._policy, self._monitor, self._values = version, DriftMonitor(), []

    def _alert(self, one: Drift, at: datetime) -> Alert:
        size = f"{one.before:.3f} before, {one.now:.3f} lately"
        done = self._act(one)
        said = f"{_WORDS[one.kind]} ({one.name}, {one.where}): {size}, on {one.n} values; {done}"
        return Alert(f"drift-{one.kind}", f"{one.name}: {one.where}", at, said, {**one.evidence(), "done": done})

    def _act(self, one: Drift) -> str:
        """What is done about a drift, in words: a fresh policy that gets less right than it promised goes back; else a
        retraining starts, where one is configured."""
        if one.kind == "calibration" and one.side == "down" and one.where == "all":
            back = self._back(f"{_WORDS[one.kind]} by {one.now - one.before:+.3f}", one)
            if back is not None:
                return back
        if one.kind in ("calibration", "inputs"):
            return self._retrain(f"drift of {one.kind}: {one.name}, {one.where}") or TOLD
        return TOLD

    def _back(self, reason: str, one: Drift) -> str | None:
        """Roll a policy back that was promoted lately; None where none was."""
        try:
            current = read_current(self._models_dir)
            if current is None or not isinstance(current.facts.get("previous"), Mapping):
                return None
            if self._clock() - parse_moment(current.facts.get("since")) >= WATCHED:
                return None
            change = roll_back(
                self._models_dir,
                only=current.version,
                reason=reason,
                by="drift",
                at=self._clock(),
                evidence=one.evidence(),
            )
        except (InputError, PolicyFileError):
            return None
        if self._engine.store is not None:
            keep_change(self._engine.store, change)
        tell(self._hooks, PolicyChanged(change))
        return f"policy {change.version} was rolled back; {change.serving} serves again"


def _price_alert(one: PriceChange, at: datetime) -> Alert:
    said = f"{one.route} costs ${one.now} for a typical request, ${one.before} before; decisions follow the new price"
    evidence = {"route": one.route, "before_usd": float(one.before), "now_usd": float(one.now)}
    return Alert("drift-prices", one.route, at, said, {**evidence, "done": "decisions follow the new price"})


def add_drift(app: FastAPI, drifting: Drifting | None) -> None:
    @app.get("/drift", **documented("drift"))
    async def drift() -> Response:
        """Every stream that is followed, the most suspicious first, and the latest alarms with what was done."""
        if drifting is None:
            return json_answer({"at": None, "streams": [], "alarms": []})
        return json_answer(dict(await run_in_threadpool(drifting.told)))
