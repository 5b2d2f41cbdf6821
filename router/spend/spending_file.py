"""Reads the spending file: budgets, grants, alerts and how costs are charged on. Knows its keys, not what they do.

[ledger]
expire_seconds = 900          # a reservation without an outcome is released after this
unreported = "release"        # or "charge": count its expected cost as spent
when_down = "open"            # or "closed": strict budgets refuse when the ledger does not answer

[[budgets]]
name = "each tenant, each day"
scope = { tenant = "*" }      # tenant, user, feature, environment, cost_centre, task_id, model, tier, tags.NAME
period = "day"                # hour, day, week, month, task, total
limit_usd = "25"
mode = "throttle"             # soft: alerts only; throttle: cheaper routes only; hard: 402 or 429
throttle_at = 0.8

[governance]                  # present: frontier and efforts above medium are off unless granted
[[grants]]
tenants = ["research-*"]
tiers = ["frontier"]
max_effort = "high"
until = 2027-03-31
reason = "approved in review 114"

[alerts]
webhook = "https://hooks.example/tierwise"
month_usd = "4000"
[chargeback]
markup = 1.2
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from router.catalog import TIERS
from router.errors import InputError
from router.routes import effort_rank
from router.spend.budgets import MODES, PERIODS, SCOPES, Budget
from router.spend.governance import OPEN_EFFORT, OPEN_TIERS, Governance, Grant
from router.untrusted import read_toml

_SECTIONS = ("ledger", "budgets", "governance", "grants", "alerts", "chargeback")


@dataclass(frozen=True)
class LedgerRules:
    """How reservations end, what an unpriced call is taken to cost, and what happens when the ledger is down."""

    expire_seconds: float = 900.0
    unreported: Literal["release", "charge"] = "release"
    when_down: Literal["open", "closed"] = "open"
    unpriced_usd: Decimal = Decimal("0.01")


@dataclass(frozen=True)
class AlertSettings:
    """Where alerts go, for how long one that was sent stays silent, and the month's budget to forecast against."""

    webhook: str | None = None
    silence_minutes: float = 360.0
    month_usd: Decimal | None = None


@dataclass(frozen=True)
class Chargeback:
    """`markup` multiplies costs; `shared_usd` a month of own capacity is split by tokens and by peaks."""

    markup: Decimal = Decimal(1)
    shared_usd: Decimal = Decimal(0)
    token_share: Decimal = Decimal("0.7")


@dataclass(frozen=True)
class SpendingRules:
    """Everything that the file says. Without a file nothing is limited and every call is still booked."""

    ledger: LedgerRules = LedgerRules()
    budgets: tuple[Budget, ...] = ()
    governance: Governance | None = None
    alerts: AlertSettings = AlertSettings()
    chargeback: Chargeback = Chargeback()
    source: str = field(default="", compare=False)


def read_spending_file(path: Path) -> SpendingRules:
    """The checked rules of a file. Raises InputError naming the key, its value and the cure."""
    given = read_toml(path, "spending")
    _known("", given, _SECTIONS)
    budgets = tuple(_budget(f"budgets[{i}]", one) for i, one in enumerate(_tables(given, "budgets")))
    names = [one.name for one in budgets]
    for name in names:
        if names.count(name) > 1:
            raise InputError("budgets.name", name, "two budgets share it", "Name every budget differently.")
    return SpendingRules(
        ledger=_ledger(given.get("ledger", {})),
        budgets=budgets,
        governance=_governance(given),
        alerts=_alerts(given.get("alerts", {})),
        chargeback=_chargeback(given.get("chargeback", {})),
        source=str(path),
    )


def _budget(where: str, given: Any) -> Budget:
    known = ("name", "scope", "period", "limit_usd", "mode", "strict", "max_calls", "throttle_at", "alert_at")
    _known(where, given, known)
    name, scope = given.get("name"), given.get("scope", {})
    if not isinstance(name, str) or not 0 < len(name) <= 200 or not name.isprintable() or "|" in name:
        raise InputError(f"{where}.name", name, "not a name", "Give every budget a name without |.")
    if not isinstance(scope, dict) or not all(isinstance(value, str) and value for value in scope.values()):
        raise InputError(f"{where}.scope", scope, "not a scope", 'Write { tenant = "acme" } or { tenant = "*" }.')
    _known(f"{where}.scope", {key: 0 for key in scope if not key.startswith("tags.")}, SCOPES)
    period = _one_of(f"{where}.period", given.get("period", "month"), PERIODS)
    limit = _usd(f"{where}.limit_usd", given["limit_usd"]) if "limit_usd" in given else None
    calls = given.get("max_calls")
    if calls is not None and (type(calls) is not int or calls < 1):
        raise InputError(f"{where}.max_calls", calls, "not a number of calls", "Write a whole number above 0.")
    if limit is None and calls is None:
        raise InputError(where, name, "limits nothing", "Give limit_usd, max_calls or both.")
    mode = _one_of(f"{where}.mode", given.get("mode", "soft"), MODES)
    if mode == "throttle" and limit is None:
        raise InputError(f"{where}.mode", mode, "throttles by money", "Give limit_usd, or use mode hard.")
    strict = _flag(f"{where}.strict", given.get("strict", False))
    if strict and mode != "hard":
        raise InputError(f"{where}.strict", strict, "only a hard budget can be strict", 'Write mode = "hard".')
    shares = given.get("alert_at", [Decimal("0.8"), Decimal(1)])
    if not isinstance(shares, list):
        raise InputError(f"{where}.alert_at", shares, "not a list of shares", "Write [0.5, 0.8, 1.0].")
    return Budget(
        name=name,
        scope=scope,
        period=period,
        limit_usd=limit,
        mode=mode,
        strict=strict,
        max_calls=calls,
        throttle_at=_number(f"{where}.throttle_at", given.get("throttle_at", Decimal("0.8")), 1.0),
        alert_at=tuple(sorted(_number(f"{where}.alert_at", one, 10.0) for one in shares)),
    )


def _governance(given: Mapping[str, Any]) -> Governance | None:
    if "governance" not in given and "grants" not in given:
        return None
    defaults = given.get("governance", {})
    _known("governance", defaults, ("tiers", "max_effort", "models"))
    grants = tuple(_grant(f"grants[{i}]", one) for i, one in enumerate(_tables(given, "grants")))
    return Governance(
        tiers=_tiers("governance.tiers", defaults.get("tiers", list(OPEN_TIERS))),
        max_effort=_effort("governance.max_effort", defaults.get("max_effort", OPEN_EFFORT)),
        models=_names("governance.models", defaults.get("models", ["*"])),
        grants=grants,
    )


def _grant(where: str, given: Any) -> Grant:
    _known(where, given, ("tenants", "tiers", "max_effort", "models", "environments", "until", "reason"))
    until, effort = given.get("until"), given.get("max_effort")
    if until is not None and type(until) is not date:
        raise InputError(f"{where}.until", until, "not a date", "Write 2027-03-31, without quotes.")
    return Grant(
        tenants=_names(f"{where}.tenants", given.get("tenants", [])),
        tiers=_tiers(f"{where}.tiers", given.get("tiers", [])),
        max_effort=None if effort is None else _effort(f"{where}.max_effort", effort),
        models=_names(f"{where}.models", given.get("models", [])),
        environments=_names(f"{where}.environments", given.get("environments", ["*"])),
        until=until,
        reason=str(given.get("reason", "")),
    )


def _ledger(given: Any) -> LedgerRules:
    _known("ledger", given, ("expire_seconds", "unreported", "when_down", "unpriced_usd"))
    base = LedgerRules()
    return LedgerRules(
        expire_seconds=_number("ledger.expire_seconds", given.get("expire_seconds", base.expire_seconds), 3e7),
        unreported=_one_of("ledger.unreported", given.get("unreported", "release"), ("release", "charge")),
        when_down=_one_of("ledger.when_down", given.get("when_down", "open"), ("open", "closed")),
        unpriced_usd=_usd("ledger.unpriced_usd", given.get("unpriced_usd", base.unpriced_usd)),
    )


def _alerts(given: Any) -> AlertSettings:
    _known("alerts", given, ("webhook", "silence_minutes", "month_usd"))
    webhook = given.get("webhook")
    if webhook is not None and not (isinstance(webhook, str) and webhook.startswith(("http://", "https://"))):
        raise InputError("alerts.webhook", webhook, "not a URL", "Write https://….")
    month = given.get("month_usd")
    return AlertSettings(
        webhook=webhook,
        silence_minutes=_number("alerts.silence_minutes", given.get("silence_minutes", 360), 1e6),
        month_usd=None if month is None else _usd("alerts.month_usd", month),
    )


def _chargeback(given: Any) -> Chargeback:
    _known("chargeback", given, ("markup", "shared_usd", "token_share"))
    share = Decimal(str(_number("chargeback.token_share", given.get("token_share", Decimal("0.7")), 1.0)))
    return Chargeback(
        markup=_usd("chargeback.markup", given.get("markup", 1)),
        shared_usd=_usd("chargeback.shared_usd", given.get("shared_usd", 0)),
        token_share=share,
    )


def _known(where: str, given: Any, known: tuple[str, ...]) -> None:
    if not isinstance(given, dict):
        raise InputError(where, given, "not a table", f"Write [{where}] and keys below it.")
    for key, value in given.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.4) or known[:1]
            raise InputError(f"{where}.{key}".lstrip("."), value, "unknown key", f"Nearest known: {near[0]}.")


def _tables(given: Mapping[str, Any], name: str) -> list[Any]:
    tables = given.get(name, [])
    if not isinstance(tables, list):
        raise InputError(name, tables, "not a list of tables", f"Write [[{name}]].")
    return tables


def _one_of(where: str, value: Any, known: tuple[str, ...]) -> Any:
    if value not in known:
        raise InputError(where, value, "unknown", f"Use one of {', '.join(known)}.")
    return value


def _flag(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(where, value, "not a yes or no", "Write true or false.")
    return value


def _usd(where: str, value: Any) -> Decimal:
    try:
        amount = Decimal(str(value)) if type(value) in (int, str, Decimal) else None
    except ArithmeticError:
        amount = None
    if amount is None or not amount.is_finite() or not 0 <= amount <= 9_000_000:
        raise InputError(
            where, value, "not an amount", "Write a number from 0 to 9000000, in quotes to keep every digit."
        )
    return amount


def _number(where: str, value: Any, most: float) -> float:
    if type(value) not in (int, float, Decimal) or not 0 <= value <= most:
        raise InputError(where, value, "out of range", f"Write a number from 0 to {most:g}.")
    return float(value)


def _names(where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise InputError(where, value, "not a list of names", 'Write ["acme", "research-*"].')
    return tuple(value)


def _tiers(where: str, value: Any) -> tuple[str, ...]:
    return tuple(_one_of(where, one, TIERS) for one in _names(where, value))


def _effort(where: str, value: Any) -> str:
    if not isinstance(value, str) or effort_rank(value) is None:
        raise InputError(where, value, "not an effort", "Use none, minimal, low, medium, high, xhigh, max or budget:N.")
    return value
