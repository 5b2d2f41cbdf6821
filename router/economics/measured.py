"""What the decision log and the ledger know of the numbers that a scenario would else assume: token mix, retries,
cache hits, success, prices, spend. Knows the log; knows no chapters.

A scenario writes "measured" where the field's own name is measured, or "measured.NAME"; with several named periods
"measured.PERIOD" or "measured.PERIOD.NAME". Every value comes with its sample size and, where it is a mean or a share,
its 95 % interval (normal for means, Wilson for shares).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from pydantic import Field

from router.decisions import Outcome
from router.economics.inputs import MILLION, Inputs
from router.economics.measured_ledger import ledger_numbers
from router.errors import InputError
from router.estimate.blend import wilson
from router.log.store import LogStore
from router.routes import Route

WORD = "measured"
_Z = 1.959964
_SECONDS_PER_DAY = 86_400
_LEAST_PRICED = 20
_DIGITS = 12
_SAME = {
    "usd_per_query": "usd_per_call",
    "cheap_usd_per_call": "usd_per_call",
    "dear_usd_per_call": "usd_per_call",
    "baseline_usd_per_call": "usd_per_call",
    "requests_per_day": "calls_per_day",
    "tokens": "thinking_tokens",
    "cached_input_share": "cache_hit_rate",
    "inference_usd_per_year": "usd_per_year",
    "on_demand_usd_per_month": "usd_per_month",
    "name": "model",
}
Joined = Sequence[tuple[Mapping[str, Any], Outcome | None]]


class Period(Inputs):
    """Whose decisions to measure, and which."""

    tenant: str = "default"
    since: datetime | None = None
    until: datetime | None = None
    route: str | None = None
    task: str | None = None
    least_outcomes: int = Field(default=30, ge=1)


@dataclass(frozen=True)
class Measured:
    """A measured number. The interval is None where it would say nothing."""

    value: Decimal | str
    n: int
    low: float | None = None
    high: float | None = None

    def note(self, name: str) -> str:
        spread = "" if self.low is None or self.high is None else f" [{self.low:.4g}, {self.high:.4g}]"
        value = self.value if isinstance(self.value, str) else f"{float(self.value):.6g}"
        return f"{name} measured: {value}{spread}, n = {self.n:,}"


def measure(store: LogStore, period: Period) -> dict[str, Measured]:
    """Everything that the log of a period tells. Raises InputError where it holds too few outcomes, StoreError."""
    found = store.joined(period.tenant, period.since, period.until)
    kept = [
        (row, outcome)
        for row, outcome in found
        if (period.route is None or row["route"] == period.route)
        and (period.task is None or row["task"] == period.task)
    ]
    outcomes = [outcome for _, outcome in kept if outcome is not None]
    if len(outcomes) < period.least_outcomes:
        cure = f"Lower least_outcomes ({period.least_outcomes}), or measure a longer period."
        raise InputError("measured", len(outcomes), "too few outcomes in the log", cure)
    values = {**_tokens(outcomes), **_shares(outcomes), **_money(outcomes), **_traffic(kept)}
    known = {name: value for name, value in values.items() if value is not None}
    return {**known, **_ledger(store, period, kept)}


def fill(given: Any, measured: Mapping[str, Measured], path: str = "") -> tuple[Any, list[str]]:
    """The scenario with every "measured" replaced, and a note per replacement. Raises InputError by the field."""
    if isinstance(given, Mapping):
        done = {name: fill(value, measured, f"{path}.{name}".lstrip(".")) for name, value in given.items()}
        return {name: one[0] for name, one in done.items()}, [note for one in done.values() for note in one[1]]
    if isinstance(given, list):
        listed = [fill(value, measured, f"{path}.{i}") for i, value in enumerate(given)]
        return [one[0] for one in listed], [note for one in listed for note in one[1]]
    if not isinstance(given, str) or (given != WORD and not given.startswith(f"{WORD}.")):
        return given, []
    field = path.rpartition(".")[2]
    own = _SAME.get(field, field)
    name = given.partition(".")[2] or own
    name = f"{name}.{own}" if f"{name}.{own}" in measured else name
    if name not in measured:
        raise InputError(path, given, "not measured by this log", f"Measured are: {', '.join(sorted(measured))}.")
    value = measured[name].value
    whole = isinstance(value, Decimal) and (field.endswith("tokens") or field in ("calls_per_day", "requests_per_day"))
    return (round(value) if whole and isinstance(value, Decimal) else value), [measured[name].note(f"{path}: {name}")]


def measure_periods(store: LogStore, given: Mapping[str, Any]) -> dict[str, Measured]:
    """What [measured] asks for: one period, or several as named tables in it, whose names prefix the values'."""
    named = {name: one for name, one in given.items() if isinstance(one, Mapping)}
    shared = {name: one for name, one in given.items() if name not in named}
    if not named:
        return measure(store, Period.read(shared, "measured"))
    found: dict[str, Measured] = {}
    for name, one in named.items():
        values = measure(store, Period.read({**shared, **one}, f"measured.{name}"))
        found |= {f"{name}.{key}": value for key, value in values.items()}
    return found


def asks(given: Any) -> bool:
    """Whether a scenario takes anything from the log."""
    if isinstance(given, Mapping):
        return any(asks(one) for one in given.values())
    if isinstance(given, list):
        return any(asks(one) for one in given)
    return isinstance(given, str) and (given == WORD or given.startswith(f"{WORD}."))


def _ledger(store: LogStore, period: Period, kept: Joined) -> dict[str, Measured]:
    """The ledger keeps no task of ours, so a period of one task is told by its outcomes alone."""
    if period.task is not None:
        return {}
    since, until = period.since or kept[0][0]["at"], period.until or kept[-1][0]["at"]
    model = None if period.route is None else Route.parse(period.route).model
    found = ledger_numbers(store, period.tenant, since, until, model)
    return {name: Measured(round(one.value, _DIGITS), one.calls) for name, one in found.items()}


def _tokens(outcomes: Sequence[Outcome]) -> dict[str, Measured | None]:
    whole = [one for one in outcomes if one.input_tokens is not None]
    read = sum(one.input_tokens or 0 for one in whole)
    cached = sum(min(one.cached_input_tokens or 0, one.input_tokens or 0) for one in whole)
    hits = Measured(Decimal(cached) / read, len(whole)) if read else None  # a ratio of sums: tokens are not independent
    return {
        "input_tokens": _mean([one.input_tokens for one in outcomes]),
        "cached_input_tokens": _mean([one.cached_input_tokens for one in outcomes]),
        "output_tokens": _mean([_visible(one) for one in outcomes]),
        "thinking_tokens": _mean([one.reasoning_tokens for one in outcomes]),
        "cache_hit_rate": hits,
    }


def _visible(outcome: Outcome) -> int | None:
    """Reported output includes the reasoning; the calculators count them apart."""
    if outcome.output_tokens is None:
        return None
    return max(0, outcome.output_tokens - (outcome.reasoning_tokens or 0))


def _shares(outcomes: Sequence[Outcome]) -> dict[str, Measured | None]:
    failed = [float(one.status == "error") for one in outcomes if one.status is not None]
    correct = [one.correct for one in outcomes if one.correct is not None]
    return {"failure_rate": _share(failed), "p_correct": _share(correct)}


def _money(outcomes: Sequence[Outcome]) -> dict[str, Measured | None]:
    billed = [one for one in outcomes if one.usd is not None]
    usd = [one.usd for one in billed if one.usd is not None]
    found: dict[str, Measured | None] = {"usd_per_call": _mean(usd)}
    counted = [one for one in billed if one.input_tokens is not None and one.output_tokens is not None]
    if len(counted) >= _LEAST_PRICED:
        found |= _prices(counted)
    return found


def _prices(counted: Sequence[Outcome]) -> dict[str, Measured | None]:
    """The prices per million that explain the bills best (least squares); None where the calls are too much alike."""
    tokens = np.array([[one.input_tokens, one.output_tokens] for one in counted], dtype=np.float64)
    usd = np.array([float(one.usd or 0) for one in counted])
    solved, _, rank, _ = np.linalg.lstsq(tokens, usd, rcond=None)
    if rank < 2 or (solved < 0).any():
        return {}
    names = ("usd_per_million_input_tokens", "usd_per_million_output_tokens")
    return {name: Measured(round(Decimal(float(one)) * MILLION, 6), len(counted)) for name, one in zip(names, solved)}


def _traffic(kept: Joined) -> dict[str, Measured | None]:
    routes = [Route.parse(row["route"]).model for row, _ in kept]
    seconds = (kept[-1][0]["at"] - kept[0][0]["at"]).total_seconds()
    per_day = Decimal(len(kept)) * _SECONDS_PER_DAY / Decimal(seconds) if seconds > 0 else None
    return {
        "calls_per_day": None if per_day is None else Measured(round(per_day, 3), len(kept)),
        "model": Measured(max(sorted(set(routes)), key=routes.count), len(routes)),
    }


def _mean(values: Sequence[int | Decimal | None]) -> Measured | None:
    known = [Decimal(one) for one in values if one is not None]
    if not known:
        return None
    mean = sum(known, Decimal(0)) / len(known)
    if len(known) < 2:
        return Measured(mean, 1)
    spread = _Z * float(np.std([float(one) for one in known], ddof=1)) / math.sqrt(len(known))
    return Measured(round(mean, _DIGITS), len(known), float(mean) - spread, float(mean) + spread)


def _share(values: Sequence[float]) -> Measured | None:
    """Wilson's interval, which holds near 0 and 1 too."""
    if not values:
        return None
    n, p = len(values), sum(values) / len(values)
    low, high = wilson(np.array([p]), np.array([n]))
    return Measured(round(Decimal(p), _DIGITS), n, float(low[0]), float(high[0]))
