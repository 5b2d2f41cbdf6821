"""Decisions and reports as OpenTelemetry spans: GenAI conventions where they have a name, tierwise.* where they do not.

A span is made of what happened, afterwards: nothing is wrapped, and nothing waits. Off unless TIERWISE_TRACES says
where spans go. No span carries prompt text.
"""

import math
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from router.decisions import Decision, Outcome
from router.errors import InputError
from router.events import Decided, Event, Reported, SpendingRefused
from router.prices import find_model

# The caller's W3C trace, set by the middleware for the request that is being answered.
CALLERS_TRACE: ContextVar[str | None] = ContextVar("traceparent", default=None)
_PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "google": "gcp.gemini", "azure": "azure.ai.openai"}


class Tracing:
    """A hook that turns events into finished spans."""

    def __init__(self, exporter: SpanExporter, version: str) -> None:
        self._provider = TracerProvider(resource=Resource({"service.name": "tierwise", "service.version": version}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("tierwise", version)

    def __call__(self, event: Event) -> None:
        match event:
            case Decided():
                seconds = event.encode_seconds + event.cache_seconds + event.decide_seconds + event.log_seconds
                self._span("route", decision_attributes(event), seconds, event.failure)
            case Reported(outcome=outcome) if outcome is not None:
                attributes = outcome_attributes(outcome, event.usd)
                name = f"chat {outcome.model}" if outcome.model else "chat"
                failed = (outcome.error or "error")[:80] if outcome.status == "error" else None
                self._span(name, attributes, outcome.latency_s or 0.0, failed, SpanKind.CLIENT)
            case SpendingRefused():
                attributes = {"tierwise.refusal": type(event.refusal).__name__, "tierwise.tenant": event.tenant}
                self._span("route", attributes, 0.0, type(event.refusal).__name__)

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()

    def _span(
        self,
        name: str,
        attributes: Mapping[str, Any],
        seconds: float,
        failure: str | None,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> None:
        said = CALLERS_TRACE.get()
        context = TraceContextTextMapPropagator().extract({"traceparent": said}) if said else None
        end = time.time_ns()
        start = end - int(seconds * 1e9)
        span = self._tracer.start_span(name, context, kind, attributes=dict(attributes), start_time=start)
        if failure is not None:
            span.set_attribute("error.type", failure)
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)


def make_exporter(where: str) -> SpanExporter | None:
    """Where spans go: none, console, or otlp (as the OTEL_EXPORTER_OTLP_… variables say). Raises InputError."""
    if where == "none":
        return None
    if where == "console":
        return ConsoleSpanExporter()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        cure = "Install tierwise[otlp], or set TIERWISE_TRACES=none."
        raise InputError("traces", where, "the OTLP exporter is not installed", cure) from error
    return OTLPSpanExporter()


def decision_attributes(event: Decided) -> dict[str, Any]:
    """What is said of a decision. Estimates that were not made are left out."""
    decision, chosen = event.decision, event.decision.chosen
    found = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider_name(chosen.route.model),
        "gen_ai.request.model": chosen.route.model,
        "gen_ai.request.max_tokens": chosen.max_output_tokens,
        "gen_ai.request.reasoning.level": chosen.route.effort,
        "tierwise.decision.id": decision.decision_id,
        "tierwise.decision.action": decision.action,
        "tierwise.decision.tier": chosen.tier,
        "tierwise.decision.propensity": decision.propensity,
        "tierwise.decision.p_correct": chosen.p_correct,
        "tierwise.decision.expected_usd": chosen.expected_usd,
        "tierwise.decision.logged": decision.logged,
        "tierwise.policy.version": decision.policy,
        "tierwise.fallback.cause": decision.fallback,
        "tierwise.encode.seconds": event.encode_seconds,
        "tierwise.cache.seconds": event.cache_seconds,
        "tierwise.cache.action": None if decision.lookup is None else decision.lookup.action,
        "tierwise.decide.seconds": event.decide_seconds,
        "tierwise.log.seconds": event.log_seconds,
        **_budget(event, decision),
    }
    return {name: value for name, value in found.items() if _known(value)}


def outcome_attributes(outcome: Outcome, usd: float) -> dict[str, Any]:
    """What is said of a finished call."""
    writes = [outcome.cache_write_tokens, outcome.cache_write_1h_tokens]
    found = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider_name(outcome.model) if outcome.model else None,
        "gen_ai.response.model": outcome.model,
        "gen_ai.usage.input_tokens": outcome.input_tokens,
        "gen_ai.usage.output_tokens": outcome.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": outcome.cached_input_tokens,
        "gen_ai.usage.cache_creation.input_tokens": sum(one or 0 for one in writes) if any(writes) else None,
        "gen_ai.usage.reasoning.output_tokens": outcome.reasoning_tokens,
        "gen_ai.evaluation.name": None if outcome.correct is None else "correct",
        "gen_ai.evaluation.score.value": outcome.correct,
        "tierwise.decision.id": outcome.decision_id,
        "tierwise.outcome.usd": usd,
        "tierwise.outcome.service_tier": outcome.service_tier,
    }
    return {name: value for name, value in found.items() if _known(value)}


def provider_name(model: str) -> str | None:
    """The provider in the conventions' words."""
    found = find_model(model)
    return None if found is None else _PROVIDERS.get(found[0].id, found[0].id)


def _budget(event: Decided, decision: Decision) -> dict[str, Any]:
    standings = event.charged.standings if event.charged else ()
    if not standings:
        return {}
    fullest = max(standings, key=lambda one: one.share)
    ceiling = None if decision.ceiling_usd is None else float(decision.ceiling_usd)
    return {
        "tierwise.budget.name": fullest.applied.budget.name,
        "tierwise.budget.share": fullest.share,
        "tierwise.budget.ceiling_usd": ceiling,
    }


def _known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))
