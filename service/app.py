"""The HTTP service: one function per endpoint. Knows bodies, headers and status codes; decides nothing itself."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from router.access.ring import KeyRing
from router.engine import Engine
from router.errors import InputError
from router.outcomes import read_report
from router.rollout.registry import lags
from router.settings import Settings
from service import problems
from service.access import Guard
from service.answers import frontier_answer, outcome_answer, verdict_answer
from service.bodies import answered, json_answer
from service.caching import add_cache, learnt_answer, may_write
from service.deciding import ShortWay, add_deciding
from service.door import Door, Queue
from service.drifting import Drifting, add_drift
from service.guarding import Guarding
from service.health import access_mode, unready
from service.limits import Bounded
from service.logs import make_logger
from service.metrics import Metrics
from service.middleware import Observed
from service.plan import PLAN_SHAPES, add_plans
from service.policies import add_policies
from service.privacy import add_privacy
from service.schemas import describe, documented
from service.shadowing import add_shadow, hear
from service.spending import add_spending

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
_KEY_CHARS = 255


def create_app(
    engine: Engine,
    settings: Settings,
    metrics: Metrics | None = None,
    logger: Any = None,
    lifespan: Lifespan | None = None,
    ring: KeyRing | None = None,
    guarding: Guarding | None = None,
    drifting: Drifting | None = None,
) -> FastAPI:
    """The service over an engine. `metrics` should be one of the engine's hooks. Without `ring` anybody may call."""
    metrics, logger = metrics or Metrics(), logger or make_logger(settings.log_level)
    app = FastAPI(
        title="Tierwise",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        # our own tell it: the framework's would count every request twice, and ask at each whether it should
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.add_middleware(ShortWay, engine=engine, max_bytes=settings.max_body_bytes)
    app.add_middleware(Bounded, body_seconds=settings.body_seconds, answer_seconds=settings.answer_seconds)
    queue = Queue(settings.max_waiting_requests, settings.shed_after_seconds)
    app.add_middleware(Door, queue=queue, safe=engine.safe, metrics=metrics)
    app.add_middleware(Guard, ring=ring, metrics=metrics, logger=logger)
    app.add_middleware(Observed, metrics=metrics, logger=logger)
    app.add_exception_handler(HTTPException, problems.http_problem)
    store = engine.store
    metrics.watch(lambda: engine.waiting, lambda: store.pending if store else 0)
    metrics.watch_registry(lambda: settings.policy is None and lags(settings))
    metrics.watch_away({"store": lambda: store is None or store.away, "cache": lambda: _cache_is_away(engine)})
    add_deciding(app, engine, settings.max_body_bytes)
    _add_outcomes(app, engine, settings)
    add_cache(app, engine, settings)
    add_plans(app, engine, lambda request, answer: answered(request, settings.max_body_bytes, answer, owned=False))
    add_privacy(app, engine, settings)
    add_spending(app, engine, settings.max_body_bytes)
    add_shadow(app, engine)
    add_drift(app, drifting)
    add_policies(app, engine, settings, dict if guarding is None else guarding.told)
    _add_views(app, engine, metrics, settings.cache, ring)
    describe(app, PLAN_SHAPES)
    return app


def _add_outcomes(app: FastAPI, engine: Engine, settings: Settings) -> None:
    max_bytes = settings.max_body_bytes

    @app.post("/outcomes", **documented("outcomes"))
    async def outcomes(request: Request) -> Response:
        """What came of a decision: late, in parts or repeated. Answered only when it is kept."""

        async def answer(given: dict[str, Any]) -> Response:
            outcome, brought = read_report(given)
            recorded = await engine.reporting.report(outcome, _idempotency_key(request))
            hear(engine, given)
            verdict = await engine.reporting.after(outcome)
            learnt = await engine.reporting.learn(
                recorded, outcome, brought, verdict, may_write=may_write(request, settings)
            )
            told = outcome_answer(recorded) | verdict_answer(verdict)
            return json_answer(told | {"cache": learnt_answer(learnt)})

        return await answered(request, max_bytes, answer)


def _add_views(app: FastAPI, engine: Engine, metrics: Metrics, wants_cache: bool, ring: KeyRing | None) -> None:
    @app.get("/frontier", **documented("frontier"))
    async def frontier() -> Response:
        """The cost and accuracy that the policy's operating points reached in training, and the point it works at."""
        return problems.no_policy_problem() if engine.policy is None else json_answer(frontier_answer(engine.policy))

    @app.get("/healthz", **documented("healthz"))
    async def healthz() -> Response:
        """Alive."""
        return json_answer({"status": "alive", "access": access_mode(ring)})

    @app.get("/readyz", **documented("readyz"))
    async def readyz() -> Response:
        """Whether encoder, policy and store all work; /route answers either way."""
        reasons = await unready(engine, wants_cache)
        told = {"ready": not reasons, "reasons": reasons, "access": access_mode(ring)}
        return json_answer(told, status=503 if reasons else 200)

    @app.get("/metrics", **documented("metrics"))
    async def read_metrics() -> Response:
        """Prometheus text."""
        text = await run_in_threadpool(metrics.render)  # it asks the cache, which may be waiting for its store
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _cache_is_away(engine: Engine) -> bool:
    return engine.cache is not None and engine.cache.away


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= _KEY_CHARS:
        raise InputError("Idempotency-Key", key, "not a key", f"Send 1 to {_KEY_CHARS} characters.")
    return key
