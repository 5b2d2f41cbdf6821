"""Shadow traffic over HTTP, and its parts as the settings ask for them. Knows answers; compares nothing itself."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from router.engine import Engine
from router.errors import InputError, StoreError
from router.events import Decided, Hook
from router.log.store import LogStore
from router.moments import parse_moment
from router.outcomes import Pricer
from router.settings import Settings
from router.shadow.beside import Shadow, ShadowRules
from router.shadow.daily_cap import DailyCap
from router.shadow.summary import summarise
from router.spend.spending import Spending
from router.steps import choose
from service import problems
from service.bodies import json_answer
from service.endpoint import Endpoint
from service.schemas import documented
from service.shadow_runs import ShadowRuns


def make_runs(
    settings: Settings, store: LogStore, spending: Spending, price: Pricer, hooks: Sequence[Hook]
) -> ShadowRuns | None:
    """What runs alternatives here; None where callers are asked to."""
    if settings.shadow_endpoint is None:
        return None
    key = None if settings.shadow_api_key is None else settings.shadow_api_key.get_secret_value()
    endpoint = Endpoint(settings.shadow_endpoint, key, settings.shadow_timeout_seconds)
    cap = DailyCap(settings.shadow_usd_per_day, store)
    return ShadowRuns(endpoint, cap, store, price, lambda: spending.settling(price), settings.shadow_judge, hooks)


def make_shadow(
    settings: Settings, store: LogStore, spending: Spending, hooks: Sequence[Hook], runs: ShadowRuns | None
) -> Shadow:
    """The candidate decides under the same grants and ceilings as the incumbent."""
    rules = ShadowRules(settings.shadow_share, settings.shadow_execute, settings.shadow_waiting)
    return Shadow(
        store, rules, hooks, lambda *given: spending.choose(choose, *given), None if runs is None else runs.run
    )


def asked_besides(decided: Decided) -> dict[str, Any]:
    """What /route asks the caller to run besides: nothing, most of the time."""
    return {} if decided.shadow is None else {"shadow": decided.shadow}


def hear(engine: Engine, report: Mapping[str, Any]) -> None:
    """Let the watchers take note of a report that was kept. Whatever fails there costs its sender nothing."""
    if engine.watcher is not None:
        with suppress(Exception):
            engine.watcher.hear(report)


def add_shadow(app: FastAPI, engine: Engine) -> None:
    @app.get("/shadow", **documented("shadow"))
    async def shadow(request: Request) -> Response:
        """The candidate beside the incumbent: agreement, paired differences by slice. ?tenant=acme&since=2026-11-01"""
        asked = request.query_params
        try:
            since = parse_moment(asked["since"], "since") if "since" in asked else None
            named = asked.get("candidate"), asked.get("tenant")
            return json_answer(await run_in_threadpool(_summary, engine, *named, since))
        except StoreError as error:
            return problems.store_problem(error)
        except InputError as error:
            return problems.input_problem(error)


def _summary(engine: Engine, candidate: str | None, tenant: str | None, since: Any) -> dict[str, Any]:
    trial = engine.trial
    version = candidate or (None if trial is None else trial.policy.version)
    incumbent = None if engine.policy is None else engine.policy.version
    told = {"incumbent": incumbent, "candidate": version, "share": None if trial is None else trial.share}
    if version is None or engine.store is None:
        return told | {
            "slices": [],
            "note": "no candidate: point models/candidate.json at one (POST /policies/promote)",
        }
    slices = summarise(engine.store, version, incumbent, tenant, since)
    note = "differences are candidate minus incumbent, paired; intervals are for one look: `eval compare` decides"
    return told | {"slices": [one.as_dict() for one in slices], "note": note}
