"""Events become spans with the conventions' names, under the caller's trace, without prompt text."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from router.decisions import Outcome
from router.errors import InputError, NotGrantedError
from router.events import Decided, Reported, SpendingRefused
from router.policy import Policy
from router.requests import Request
from service.tracing import CALLERS_TRACE, Tracing, make_exporter

SECRET = "my secret question"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[tuple[Tracing, InMemorySpanExporter]]:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter, "1")
    yield tracing, exporter
    tracing.close()


@pytest.fixture
def decided(tiny_policy: Policy) -> Decided:
    decision = tiny_policy.decide(Request.from_prompt(SECRET), np.zeros(64, np.float32), datetime.now(UTC))
    return Decided(decision, encode_seconds=0.5, decide_seconds=0.25, log_seconds=0.25)


def test_a_decision_is_a_span_of_its_length_under_the_callers_trace(spans, decided: Decided) -> None:
    tracing, exporter = spans
    token = CALLERS_TRACE.set(TRACE)
    tracing(decided)
    CALLERS_TRACE.reset(token)
    tracing.close()
    [span] = exporter.get_finished_spans()
    assert (span.name, span.end_time - span.start_time) == ("route", 1_000_000_000)
    assert f"{span.context.trace_id:032x}" == TRACE.split("-")[1] and span.parent is not None
    said = dict(span.attributes or {})
    assert said["gen_ai.provider.name"] == "openai" and said["gen_ai.request.model"] == "gpt-4o"
    assert said["tierwise.decision.propensity"] == 1.0
    assert SECRET not in str(said)


def test_what_was_not_estimated_is_not_said(spans, decided: Decided) -> None:
    tracing, exporter = spans
    unknown = replace(decided.decision.chosen, p_correct=float("nan"))
    tracing(replace(decided, decision=replace(decided.decision, chosen=unknown), failure="ValueError"))
    tracing.close()
    [span] = exporter.get_finished_spans()
    assert "tierwise.decision.p_correct" not in span.attributes
    assert (span.status.status_code, span.attributes["error.type"]) == (StatusCode.ERROR, "ValueError")


def test_a_report_is_a_call_with_its_usage(spans) -> None:
    tracing, exporter = spans
    counts = {"input_tokens": 10, "output_tokens": 5, "cached_input_tokens": 4, "reasoning_tokens": 3}
    outcome = Outcome("d", latency_s=2.0, model="claude-sonnet-4-5", cache_write_tokens=2, correct=1.0, **counts)
    tracing(Reported(False, False, 0.5, outcome))
    tracing(SpendingRefused(NotGrantedError("acme", ["m"], ["x"]), "acme"))
    tracing.close()
    call, refused = exporter.get_finished_spans()
    assert call.name == "chat claude-sonnet-4-5"
    usage = {name.removeprefix("gen_ai.usage."): one for name, one in call.attributes.items() if "usage" in name}
    assert usage == {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read.input_tokens": 4,
        "cache_creation.input_tokens": 2,
        "reasoning.output_tokens": 3,
    }
    assert refused.attributes["tierwise.refusal"] == "NotGrantedError"


def test_nothing_is_exported_unless_asked_for() -> None:
    assert make_exporter("none") is None
    assert make_exporter("console") is not None


def test_a_missing_exporter_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(InputError, match=r"tierwise\[otlp\]"):
        make_exporter("otlp")
