"""Which policy serves, over HTTP: list, promote in stages, roll back. For operators; knows bodies and answers."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from router.current_policy import CANDIDATE, POINTER, read_current
from router.engine import Engine
from router.errors import InputError, PolicyFileError, StoreError
from router.events import PolicyChanged, tell
from router.log.store import LogStore
from router.rollout import history
from router.rollout.gatekeeper import Gate, shadow_gate
from router.rollout.history import Change
from router.rollout.promotion import policies_in, promote, roll_back, withdraw
from router.rollout.registry import standing
from router.rollout.stages import STAGES, read_share
from router.settings import Settings
from service.answers import policies_answer
from service.bodies import answered, json_answer
from service.guarding import keep_change
from service.schemas import documented

_PROMOTE, _ROLL_BACK = ("policy", "share", "reason", "by", "force"), ("reason", "by", "withdraw")
_TEXT_CHARS = 500
Readings = Callable[[], Mapping[str, Any]]


def add_policies(app: FastAPI, engine: Engine, settings: Settings, readings: Readings = dict) -> None:
    """Add /policies and what changes them. `readings` are the guardrails' latest figures."""

    @app.get("/policies", **documented("policies"))
    async def policies() -> Response:
        """What serves, what is on trial with which share, what could be promoted, what was changed lately, and whether
        the registry's aliases say the same."""
        told = policies_answer(engine.policy, engine.safe.spec.route.key)
        listed = await run_in_threadpool(_listed, engine, settings)
        return json_answer(told | listed | {"guards": await run_in_threadpool(readings)})

    @app.post("/policies/promote", **documented("promote"))
    async def promote_policy(request: Request) -> Response:
        """The next stage for the candidate or a named policy, or the share given: 0 watches, 1 serves. What the gate
        rejects needs `force`."""
        return await _changed(request, engine, settings, partial(_promote, shadow_gate(engine.store)))

    @app.post("/policies/rollback", **documented("rollback"))
    async def roll_policy_back(request: Request) -> Response:
        """A staged candidate stops deciding; without one, the policy before this one serves again."""
        return await _changed(request, engine, settings, _roll_back)


async def _changed(
    request: Request, engine: Engine, settings: Settings, change: Callable[[Settings, Mapping[str, Any]], Change]
) -> Response:
    async def answer(given: dict[str, Any]) -> Response:
        if settings.policy is not None:
            cure = "Start the service without --policy, so that it follows models/current.json."
            raise InputError("policy", str(settings.policy), "this service serves one fixed policy", cure)
        try:
            made = await run_in_threadpool(change, settings, given)
        except PolicyFileError as error:
            raise InputError("policy", given.get("policy"), str(error), "GET /policies lists what there is.") from error
        recorded = engine.store is not None and await run_in_threadpool(keep_change, engine.store, made)
        tell(engine.hooks, PolicyChanged(made))
        return json_answer(made.as_dict() | {"recorded": recorded, "stages": STAGES})

    return await answered(request, settings.max_body_bytes, answer)


def _promote(gate: Gate, settings: Settings, given: Mapping[str, Any]) -> Change:
    _only(given, _PROMOTE)
    policy, share = _text(given, "policy"), given.get("share")
    if policy is not None and policy not in dict(policies_in(settings.models_dir)):
        raise InputError("policy", policy, "no such policy", f"GET /policies lists those in {settings.models_dir}.")
    reason, by = _said(given)
    share = None if share is None else read_share(share)
    force = given.get("force", False)
    if not isinstance(force, bool):
        raise InputError("force", force, "not true or false", "Leave it out, unless the gate is to be overruled.")
    return promote(settings.models_dir, policy, share, reason=reason, by=by, gate=gate, force=force)


def _roll_back(settings: Settings, given: Mapping[str, Any]) -> Change:
    _only(given, _ROLL_BACK)
    reason, by = _said(given)
    if given.get("withdraw") is True:
        return withdraw(settings.models_dir, reason=reason, by=by)
    return roll_back(settings.models_dir, reason=reason, by=by)


def _said(given: Mapping[str, Any]) -> tuple[str, str]:
    """Why, and who says so."""
    return _text(given, "reason") or "", _text(given, "by") or "operator"


def _listed(engine: Engine, settings: Settings) -> dict[str, Any]:
    trial = engine.trial
    candidate = None
    if trial is not None:
        candidate = {"version": trial.policy.version, "folder": str(trial.policy.folder), "share": trial.share}
    return {
        "candidate": candidate,
        "pointers": {name: _pointed(settings, name) for name in (POINTER, CANDIDATE)},
        "available": [{"policy": name, "version": version} for name, version in policies_in(settings.models_dir)],
        "registry": None if settings.policy is not None else standing(settings),
        "changes": [] if engine.store is None else _recent(engine.store),
    }


def _pointed(settings: Settings, name: str) -> dict[str, Any] | None:
    try:
        current = read_current(settings.models_dir, name)
    except PolicyFileError as error:
        return {"problem": str(error)}
    return None if current is None else {"policy": str(current.folder), "version": current.version, **current.facts}


def _recent(store: LogStore) -> list[dict[str, Any]]:
    try:
        with store.reading() as connection:
            return [one.as_dict() for one in history.recent(connection, 20)]
    except StoreError:
        return []  # what serves can be told without it


def _only(given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InputError(unknown[0], given[unknown[0]], "unknown field", f"Known: {', '.join(known)}.")


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= _TEXT_CHARS):
        raise InputError(name, value, "not a short text", f"Send 1 to {_TEXT_CHARS} characters, or leave it out.")
    return value
