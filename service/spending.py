"""Spend over HTTP: what was spent, where budgets stand, and costs that no decision stands behind."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import orjson
from fastapi import FastAPI, Request
from starlette.responses import Response

from router.access.ring import ANYBODY, Caller
from router.engine import Engine
from router.errors import AccessError, InputError, StoreError
from router.events import Decided
from router.log.store import LogStore
from router.moments import parse_moment
from router.money import usd_text
from router.prices import now
from router.spend import alert_log
from router.spend.admission import Standing, read_standings
from router.spend.budgets import EACH, applying
from router.spend.cost_reports import book_cost, read_cost
from router.spend.ledger_book import Book
from router.spend.ownership import Owner
from router.spend.prefix_advice import PrefixReport, advise, prefix_prices, read_prefix_sums
from router.spend.query import SpendAsk, month_of
from router.spend.report import build_report
from service import problems
from service.access import caller_of, own_query, refusal
from service.bodies import answered, json_answer
from service.metrics import ALERT_RULES
from service.schemas import documented

_ASKED = ("by", "since", "until", "units")


def add_spending(app: FastAPI, engine: Engine, max_bytes: int) -> None:
    """Add /spend, /budgets, /costs and /alerts."""
    _add_alerts(app, engine, max_bytes)
    _add_prefix_cache(app, engine)

    @app.get("/spend", **documented("spend"))
    async def spend(request: Request) -> Response:
        """Sums of the ledger by any dimensions and period: ?by=tenant,model&since=2026-11-01&until=2026-12-01."""
        return await _answered(lambda: _spend(engine, own_query(request), caller_of(request)))

    @app.get("/budgets", **documented("budgets"))
    async def budgets(request: Request) -> Response:
        """Where the budgets of an owner stand: ?tenant=acme&user=…; without one, those that bind everybody."""
        return await _answered(lambda: _budgets(engine, own_query(request), caller_of(request)))

    @app.post("/costs", **documented("costs"))
    async def costs(request: Request) -> Response:
        """Book a call or a charge that no decision stands behind, once per id."""
        return await answered(request, max_bytes, _in_thread(engine, _cost))


def _add_prefix_cache(app: FastAPI, engine: Engine) -> None:
    """Add /prefix-cache."""

    @app.get("/prefix-cache", **documented("prefix-cache"))
    async def prefix_cache(request: Request) -> Response:
        """How much of prompts the providers' caches read, why not more, and what to do: ?tenant=acme&since=…"""
        return await _answered(lambda: _prefix(engine, own_query(request)))


def _add_alerts(app: FastAPI, engine: Engine, max_bytes: int) -> None:
    """Add /alerts."""

    @app.get("/alerts", **documented("alerts"))
    async def alerts() -> Response:
        """What was announced lately, with its evidence."""
        return await _answered(lambda: _read_alerts(engine))

    @app.post("/alerts/silences", **documented("silences"))
    async def silences(request: Request) -> Response:
        """Do not send an alert for a while: {rule, subject, minutes}; 0 minutes takes a silence back."""
        return await answered(request, max_bytes, _in_thread(engine, _silence))


def budget_answer(decided: Decided, caller: Caller = ANYBODY) -> dict[str, Any]:
    """What /route says of budgets: the one that is fullest, or null where none binds the call."""
    standings = decided.charged.standings if decided.charged else ()
    if not standings:
        return {"budget": None}
    ceiling = decided.decision.ceiling_usd
    fullest = max(standings, key=lambda one: one.share) if len(standings) > 1 else standings[0]
    return {"budget": standing_answer(fullest, caller) | {"ceiling_usd": None if ceiling is None else f"{ceiling:f}"}}


def standing_answer(one: Standing, caller: Caller = ANYBODY) -> dict[str, Any]:
    """A budget and its counter. What several tenants spend together is told to nobody who speaks for one of them."""
    told = _standing(one)
    if caller.tenant is None or "tenant" in one.applied.budget.scope:
        return told
    return {name: told[name] for name in ("name", "mode", "period", "resets_at")}


def _standing(one: Standing) -> dict[str, Any]:
    budget, balance, resets = one.applied.budget, one.balance, one.applied.resets_at
    return {
        "name": budget.name,
        "counter": one.applied.key,
        "mode": budget.mode,
        "period": budget.period,
        "limit_usd": None if budget.limit_usd is None else f"{budget.limit_usd:f}",
        "max_calls": budget.max_calls,
        "spent_usd": usd_text(balance.spent),
        "held_usd": usd_text(budget.committed(balance) - balance.spent),
        "calls": balance.calls,
        "share": round(one.share, 6),
        "resets_at": None if resets is None else resets.isoformat(),
    }


async def _answered(work: Callable[[], Any]) -> Response:
    """Run blocking work in a thread, and put every foreseen failure into a problem document."""
    try:
        return Response(orjson.dumps(await asyncio.to_thread(work)), media_type="application/json")
    except InputError as error:
        return problems.input_problem(error)
    except StoreError as error:
        return problems.store_problem(error)
    except TimeoutError:
        return problems.store_problem(StoreError("the record could not be written in time"))
    except AccessError as error:
        return refusal(error)


def _in_thread(engine: Engine, work: Callable[[Engine, dict[str, Any]], Mapping[str, Any]]) -> Any:
    async def answer(given: dict[str, Any]) -> Response:
        return json_answer(await asyncio.to_thread(work, engine, given))

    return answer


def _spend(engine: Engine, asked: dict[str, str], caller: Caller) -> dict[str, Any]:
    moment = now()
    month = month_of(moment)
    since = parse_moment(asked["since"], "since") if "since" in asked else month[0]
    until = parse_moment(asked["until"], "until") if "until" in asked else max(month[1], since + timedelta(days=1))
    by = tuple(one for one in asked.get("by", "tenant").split(",") if one)
    where = {name: one for name, one in asked.items() if name not in _ASKED}
    ask = SpendAsk(since, until, by, where, asked.get("units", "") in ("1", "true", "yes"))
    # shares of what all tenants use can only be told where all of them are seen
    chargeback = engine.spending.rules().chargeback if caller.tenant is None else None
    with _store(engine).reading() as connection:
        return build_report(connection, ask, moment, chargeback).as_dict()


def _budgets(engine: Engine, asked: dict[str, str], caller: Caller) -> dict[str, Any]:
    known = ("tenant", "user", "feature", "environment", "cost_centre", "task_id")
    wrong = [name for name in asked if name not in known]
    if wrong:
        raise InputError(wrong[0], asked[wrong[0]], "not an owner", f"Use any of {', '.join(known)}.")
    owner = Owner(asked.pop("tenant", "default"), **asked)  # type: ignore[arg-type]
    at, rules = now(), engine.spending.rules()
    bound = applying(rules.budgets, owner, owner.task_id or "", at)
    with _store(engine).reading() as connection:
        standings = read_standings(Book(connection), bound) if bound else ()
    return {
        "owner": {name: one for name, one in vars(owner).items() if one},
        "budgets": _all(standings, caller),
        "at": at.isoformat(timespec="seconds"),
    }


def _all(standings: tuple[Standing, ...], caller: Caller) -> list[dict[str, Any]]:
    return [standing_answer(one, caller) | {"each": EACH in one.applied.budget.scope.values()} for one in standings]


def _prefix(engine: Engine, asked: dict[str, str]) -> dict[str, Any]:
    moment = now()
    since = parse_moment(asked.pop("since", None) or month_of(moment)[0].isoformat(), "since")
    until = parse_moment(asked.pop("until", None) or (moment + timedelta(days=1)).isoformat(), "until")
    with _store(engine).reading() as connection:
        sums = read_prefix_sums(connection, SpendAsk(since, until, (), asked))
    found = [advise(tenant, model, one, prefix_prices(model, moment)) for (tenant, model), one in sums.items()]
    return {"since": since.isoformat(), "until": until.isoformat(), "sessions": [_prefix_answer(one) for one in found]}


def _prefix_answer(one: PrefixReport) -> dict[str, Any]:
    causes = {cause: vars(sums) for cause, sums in one.causes.items()}
    advice = [{"what": each.what, "usd": round(each.usd, 6), "why": each.why} for each in one.advice]
    return {"tenant": one.tenant, "model": one.model, "hit_rate": one.hit_rate, "causes": causes, "advice": advice}


def _read_alerts(engine: Engine) -> dict[str, Any]:
    with _store(engine).reading() as connection:
        return {"alerts": alert_log.recent(connection)}


def _silence(engine: Engine, given: dict[str, Any]) -> dict[str, Any]:
    rule, subject, minutes = (given.get(name) for name in ("rule", "subject", "minutes"))
    if rule not in ALERT_RULES:
        raise InputError("rule", rule, "unknown rule", f"Use one of {', '.join(ALERT_RULES)}.")
    if not isinstance(subject, str) or not 0 < len(subject) <= 200:
        raise InputError("subject", subject, "not a subject", "Copy it from /alerts.")
    if not isinstance(minutes, (int, float)) or isinstance(minutes, bool) or not 0 <= minutes <= 527_040:
        raise InputError("minutes", minutes, "out of range", "Send 0 to 527040 (a year).")
    until = now() + timedelta(minutes=minutes)
    kept = _store(engine).write(lambda connection: alert_log.silence(connection, rule, subject, until))
    kept.result(engine.limits.store_seconds)
    return {"rule": rule, "subject": subject, "until": until.isoformat(timespec="seconds")}


def _store(engine: Engine) -> LogStore:
    if engine.store is None:
        raise StoreError("no store is configured")
    return engine.store


def _cost(engine: Engine, given: dict[str, Any]) -> Mapping[str, Any]:
    cost = read_cost(given, now(), engine.price)
    rules = engine.spending.rules()
    booked = _store(engine).write(lambda connection: book_cost(connection, cost, rules))
    fresh = booked.result(engine.limits.store_seconds)
    return {"id": given["id"], "usd": usd_text(cost.found.spent or 0), "repeated": not fresh}
