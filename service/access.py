"""Who may call what: every request's key is checked here, before anything else looks at the request.

A path that is not named below needs an admin key of every tenant, so that a new endpoint is closed until somebody
opens it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from router.access.ring import ANYBODY, Caller, KeyRing
from router.errors import AccessError, ForbiddenError, StoreError
from service import problems
from service.metrics import Metrics

_CALLER = "tierwise.caller"


@dataclass(frozen=True)
class Need:
    """The scope that a call needs; `every_tenant`: it shows or changes what all tenants share."""

    scope: str
    every_tenant: bool = False


OPEN_PATHS = frozenset({"/healthz", "/readyz", "/openapi.json"})
NEEDS = {
    ("POST", "/route"): Need("route"),
    ("POST", "/outcomes"): Need("outcomes"),
    ("POST", "/costs"): Need("outcomes"),
    ("GET", "/cache"): Need("read"),
    ("POST", "/cache/invalidate"): Need("admin"),
    ("POST", "/privacy/forget"): Need("admin"),
    ("GET", "/spend"): Need("read"),
    ("GET", "/budgets"): Need("read"),
    ("GET", "/prefix-cache"): Need("read"),
    ("GET", "/frontier"): Need("read"),
    ("GET", "/policies"): Need("read", every_tenant=True),
    ("GET", "/shadow"): Need("read", every_tenant=True),
    ("GET", "/alerts"): Need("read", every_tenant=True),
    ("GET", "/metrics"): Need("read", every_tenant=True),
}
_BELOW = {("POST", "/plan/"): Need("read"), ("GET", "/prices/"): Need("read")}
_ADMIN = Need("admin", every_tenant=True)


class Guard:
    """Plain ASGI, inside the layer that counts and times. Without a ring anybody may call."""

    def __init__(self, app: ASGIApp, ring: KeyRing | None, metrics: Metrics, logger: Any) -> None:
        self._app, self._ring, self._metrics, self._logger = app, ring, metrics, logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or self._ring is None:
            await self._app(scope, receive, send)
            return
        try:
            scope[_CALLER] = self._admit(scope, self._ring)
        except (AccessError, StoreError) as refused:
            self._metrics.refused_access(refused)
            await refusal(refused)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope, ring: KeyRing) -> Caller:
        caller, need = ring.caller(bearer(scope)), need_of(scope["method"], scope["path"])
        caller.require(need.scope, need.every_tenant)
        if need.scope == "admin" and caller.key_id is not None:  # who did it can be asked later
            self._logger.info("admin call", key=caller.key_id, path=scope["path"])
        return caller


def need_of(method: str, path: str) -> Need:
    """What a call needs; an admin of every tenant where nobody said."""
    found = NEEDS.get((method, path))
    if found is not None:
        return found
    return next((need for (verb, start), need in _BELOW.items() if method == verb and path.startswith(start)), _ADMIN)


def caller_of(request: Request) -> Caller:
    """Who sent a request that the guard let through."""
    return caller_in(request.scope)


def caller_in(scope: Scope) -> Caller:
    found: Caller = scope.get(_CALLER, ANYBODY)
    return found


def own_query(request: Request) -> dict[str, str]:
    """The query's parameters, about the caller's own tenant. Raises ForbiddenError where they name another."""
    return caller_of(request).own(request.query_params)


def own_measured(caller: Caller, asked: Any) -> Any:
    """What a plan asks of the log, about the caller's own tenant: one period, or several by name."""
    if caller.tenant is None or not isinstance(asked, Mapping):
        return asked
    return caller.own({name: caller.own(one) if isinstance(one, Mapping) else one for name, one in asked.items()})


def bearer(scope: Scope) -> str | None:
    """The token of `Authorization: Bearer …`; None where there is none, or more than one."""
    found = [value for name, value in scope["headers"] if name == b"authorization"]
    kind, _, token = (found[0] if len(found) == 1 else b"").decode("latin-1").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def refusal(refused: AccessError | StoreError) -> Any:
    """The problem document of a caller who was not let in."""
    if isinstance(refused, StoreError):
        return problems.store_problem(refused)
    if isinstance(refused, ForbiddenError):
        return problems.forbidden_problem(str(refused))
    return problems.access_problem(refused)
