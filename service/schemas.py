"""The shapes of bodies and answers for the OpenAPI document, with examples.

Descriptions only: bodies are validated by `router.requests` and `router.outcomes`, so that there is one truth.
"""

from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

_REF = "#/components/schemas/{model}"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="allow", protected_namespaces=())


class MessageBody(_Shape):
    """An OpenAI-style message."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = Field(None, description="Text, or typed parts (text, image_url).")


class ConstraintsBody(BaseModel):
    """What the caller will not bend on."""

    model_config = ConfigDict(extra="forbid")

    models: list[str] | None = Field(None, description="Only these models.")
    routes: list[str] | None = Field(None, description="Only these routes, model|effort.")
    max_usd: float | str | None = Field(None, ge=0, description="The most that the call may be expected to cost.")
    min_quality: float | None = Field(None, ge=0, le=1, description="The least P(correct).")
    needs: list[Literal["tools", "vision", "json"]] | None = None
    min_context: int | None = Field(None, ge=0, description="The least context window, in tokens.")
    max_seconds: float | None = Field(None, ge=0, description="The most seconds that the call may be expected to take.")


class RouteBody(_Shape):
    """A request before any model has seen it: exactly one of prompt and messages."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"prompt": "Which enzyme is deficient in phenylketonuria?", "tenant": "clinic"},
                {
                    "messages": [{"role": "user", "content": "Prove that the square root of 2 is irrational."}],
                    "constraints": {"max_usd": "0.01"},
                    "value_usd": 0.05,
                },
            ]
        }
    )

    prompt: str | None = None
    messages: list[MessageBody] | None = None
    tenant: str = "default"
    session: str | None = None
    user: str | None = None
    task: str | None = None
    tags: dict[str, str] | None = None
    constraints: ConstraintsBody | None = None
    parameters: dict[str, Any] | None = Field(None, description="What the caller will send besides, untouched.")
    value_usd: float | None = Field(None, ge=0, description="What a correct answer is worth, instead of the policy's.")
    objective: Literal["cheapest", "best"] | None = None
    plan: bool = Field(False, description="The caller reports evidence about the answer and may be told to escalate.")


class Interval(_Shape):
    """An estimate with its 95 % interval; null where nothing was estimated."""

    value: float | None
    low: float | None
    high: float | None


class OptionAnswer(_Shape):
    """A route as it was weighed."""

    route: str
    model: str
    effort: str
    tier: str
    max_output_tokens: int
    p_correct: Interval
    expected_usd: float | None
    output_tokens: float | None
    seconds: float | None


class RouteAnswer(OptionAnswer):
    """The decision. `fallback` names what failed when the safe route answered."""

    decision_id: str
    action: Literal["route", "fallback"]
    parameters: dict[str, Any] = Field(description="Ready-made for the model's provider: forward them untouched.")
    alternatives: list[OptionAnswer]
    value_usd: float | Literal["best"] | None
    propensity: float
    policy: str
    reason: str
    fallback: str | None
    logged: bool = Field(description="false: no record was kept, so no outcome can be joined.")
    task: str | None
    unlike: float | None
    plan: dict[str, Any] | None = Field(
        None, description="Look before using the answer: `calls`, and `signals` to report."
    )


class OutcomeBody(BaseModel):
    """What happened after a decision, in whole or in part. A later report's fields win over an earlier one's."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"decision_id": "0f3c…", "correct": 1, "input_tokens": 412, "output_tokens": 96, "latency_s": 1.7}
            ]
        },
    )

    decision_id: str
    tenant: str = "default"
    correct: float | bool | None = Field(None, ge=0, le=1)
    input_tokens: int | None = Field(None, ge=0)
    output_tokens: int | None = Field(None, ge=0, description="Reasoning tokens included.")
    cached_input_tokens: int | None = Field(None, ge=0)
    reasoning_tokens: int | None = Field(None, ge=0)
    usd: float | str | None = Field(None, description="As billed; text keeps every digit. Else priced from tokens.")
    latency_s: float | None = Field(None, ge=0)
    confidence: float | None = Field(None, ge=0, le=1)
    agreement: float | None = Field(None, ge=0, le=1)
    status: Literal["ok", "error"] | None = None
    error: str | None = None
    model: str | None = Field(None, description="The model that answered, where it was another one.")
    details: dict[str, Any] | None = None


class OutcomeAnswer(_Shape):
    """A report as it was taken; `usd` is the exact bill of the decision so far, as text."""

    status: Literal["done"]
    decision_id: str
    recorded: bool
    repeated: bool
    conflicts: dict[str, Any] = Field(description="Fields that contradict an earlier report: before and now.")
    usd: str | None


class Problem(_Shape):
    """An RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    value: Any = None
    cure: str | None = None


_SHAPES = (RouteBody, RouteAnswer, OutcomeBody, OutcomeAnswer, Problem)
_DONE: dict[str, Any] = {"description": "Done", "content": {"application/json": {"schema": {"type": "object"}}}}


def documented(name: str) -> dict[str, Any]:
    """What the decorator of an endpoint is told: nothing is validated or serialised from it."""
    extra: dict[str, Any] = {"responses": _answers(name)}
    bodies: dict[str, type[BaseModel]] = {"route": RouteBody, "outcomes": OutcomeBody}
    if name in bodies:
        content = {"application/json": {"schema": _ref(bodies[name])}}
        extra["requestBody"] = {"required": True, "content": content}
    return {"openapi_extra": extra, "response_model": None, "operation_id": name}


def describe(app: FastAPI) -> None:
    """Let /openapi.json hold the shapes above."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            shapes = models_json_schema([(shape, "validation") for shape in _SHAPES], ref_template=_REF)[1]["$defs"]
            document["components"] = {"schemas": shapes}
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _answers(name: str) -> dict[str, Any]:
    answers: dict[str, type[BaseModel]] = {"route": RouteAnswer, "outcomes": OutcomeAnswer}
    if name == "metrics":
        return {"200": {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    if name == "readyz":
        return {"200": _DONE, "503": {**_DONE, "description": "Not ready, with reasons"}}
    if name == "frontier":
        return {"200": _DONE, "404": _problem("No policy is loaded")}
    if name not in answers:
        return {"200": _DONE}
    told = {"200": {"description": "Done", "content": {"application/json": {"schema": _ref(answers[name])}}}}
    told |= {"400": _problem("Not JSON"), "413": _problem("Too large"), "422": _problem("A wrong value, or a conflict")}
    if name == "outcomes":
        told |= {"404": _problem("Unknown decision"), "503": _problem("Not recorded; send it again")}
    return told


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/problem+json": {"schema": _ref(Problem)}}}


def _ref(shape: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=shape.__name__)}
