"""The shapes of bodies and answers for the OpenAPI document, with examples.

Descriptions only: bodies are validated by `router.requests` and `router.outcomes`, so that there is one truth.
"""

from collections.abc import Sequence
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
    needs: list[Literal["tools", "vision", "audio", "json"]] | None = None
    min_context: int | None = Field(None, ge=0, description="The least context window, in tokens.")
    max_seconds: float | None = Field(None, ge=0, description="The most seconds that the call may be expected to take.")


class CacheControlsBody(BaseModel):
    """What the caller asks of the cache for this request."""

    model_config = ConfigDict(extra="forbid")

    no_cache: bool = Field(False, description="Neither serve nor store.")
    no_store: bool = Field(False, description="Serve, but do not store the answer.")
    refresh: bool = Field(False, description="Do not serve; the new answer takes the place of an old one.")
    max_age_seconds: float | None = Field(None, ge=0, description="Serve no older answer.")
    scope: Literal["tenant", "user", "session"] = Field("tenant", description="Who may share the answer.")


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
    feature: str | None = Field(None, description="Who pays, beside tenant and user; so are the next three.")
    environment: str | None = None
    cost_centre: str | None = None
    task_id: str | None = Field(None, description="The piece of work that many calls serve: a ticket, an agent's run.")
    tags: dict[str, str] | None = None
    constraints: ConstraintsBody | None = None
    parameters: dict[str, Any] | None = Field(None, description="What the caller will send besides, untouched.")
    value_usd: float | None = Field(None, ge=0, description="What a correct answer is worth, instead of the policy's.")
    objective: Literal["cheapest", "best"] | None = None
    cache: CacheControlsBody | None = None
    can_wait_seconds: float | None = Field(
        None, ge=0, description="The answer may take so long, if that is cheaper: flex from 900, batch from 86,400 on."
    )
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
    upper_usd: float | None = Field(description="At the .95 quantile of the output: what a budget holds for it.")
    input_tokens: float | None = Field(description="Expected, pictures and sounds counted.")
    cached_input_tokens: float | None = Field(description="Of these, how many should be read at the cached rate.")
    output_tokens: float | None
    service_tier: str = Field(description="default, flex or batch: what the price rests on.")
    seconds: float | None


class CachedText(_Shape):
    """A stored answer: its text, and whatever else was reported with it."""

    content: str
    extra: dict[str, Any]


class LookupAnswer(_Shape):
    """What the cache said. After a hit, `answer` serves in place of a call; after a miss or an audit, report the new
    answer to /outcomes."""

    status: Literal["hit", "miss", "audit", "bypass"]
    tier: Literal["exact", "semantic"] | None
    reason: str
    similarity: float | None
    risk: float | None = Field(description="Estimated probability that the neighbour's answer is wrong here.")
    threshold: float | None
    answer: CachedText | None = None
    age_seconds: float | None = None
    neighbour: str | None = Field(None, description="The earlier request whose answer this is.")
    usd_saved: float | None = Field(None, description="What asking had cost.")


class RouteAnswer(OptionAnswer):
    """The decision. `fallback` names what failed when the safe route answered."""

    decision_id: str
    action: Literal["route", "cached", "fallback"]
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
    cache: LookupAnswer | None = Field(description="null: no cache is open, or it failed.")
    budget: dict[str, Any] | None = Field(None, description="The fullest budget that this call was reserved against.")
    shadow: dict[str, Any] | None = Field(
        None, description="Run this route too, use its answer for nothing, and report what came of it as `shadow`."
    )
    plan: dict[str, Any] | None = Field(
        None, description="Look before using the answer: `calls`, and `signals` to report."
    )


class AnswerBody(BaseModel):
    """The model's answer, for the cache to keep."""

    model_config = ConfigDict(extra="forbid")

    content: str
    finish_reason: str | None = Field(None, description="As the provider said; an incomplete answer is not stored.")
    key: str | None = Field(None, description="Names the answer where the caller can tell when two are the same.")
    extra: dict[str, Any] | None = Field(None, description="Kept with the answer and returned with it.")


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
    feedback: Literal["right", "wrong"] | None = Field(
        None, description="On a cached answer. `wrong` removes it and teaches the verifier."
    )
    answer: AnswerBody | str | None = Field(None, description="Kept by the cache; the log keeps its hash.")
    details: dict[str, Any] | None = None
    resolved: bool | None = Field(None, description="Whether the call's task is solved.")
    usage: dict[str, Any] | None = Field(None, description="The provider's usage object, as it came.")
    cache_write_tokens: int | None = Field(None, ge=0, description="Kept for 5 minutes; part of the input.")
    cache_write_1h_tokens: int | None = Field(None, ge=0)
    audio_input_tokens: int | None = Field(None, ge=0)
    audio_output_tokens: int | None = Field(None, ge=0)
    image_input_tokens: int | None = Field(None, ge=0)
    web_searches: int | None = Field(None, ge=0)
    storage_token_hours: float | None = Field(None, ge=0)
    service_tier: Literal["default", "batch", "flex", "priority"] | None = None
    shadow: dict[str, Any] | None = Field(
        None,
        description="What came of the alternative: correct, usage counts, usd, latency_s, status; or answer, reference "
        "and checker (exact, numeric) to score it by.",
    )
    calls: list[dict[str, Any]] | None = Field(
        None, description="Calls that this one caused (kind: retry, fallback, escalation, judge, shadow, …)."
    )


class LearntAnswer(_Shape):
    """What became of the answer in the cache."""

    result: Literal["stored", "refused", "removed", "confirmed", "failed"]
    reason: str
    neighbour_valid: bool | None = Field(description="Whether the nearest stored answer would have served.")


class InvalidateBody(BaseModel):
    """Which of a tenant's answers leave the cache: those that meet every condition given."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"tenant": "acme", "tag": {"product": "a"}, "dry_run": True}]}
    )

    tenant: str
    fingerprint: str | None = None
    tag: dict[str, str] | None = Field(None, description="One tag and its value.")
    older_than_seconds: float | None = Field(None, ge=0)
    like: str | None = Field(None, description="Answers to requests like this text.")
    min_similarity: float = Field(0.9, ge=0, le=1)
    everything: bool = Field(False, description="All of the tenant's answers, where no condition is given.")
    dry_run: bool = Field(True, description="Only say which these are.")


class InvalidateAnswer(_Shape):
    """How many answers were, or would be, removed; `sample` shows the beginning of some."""

    tenant: str
    answers: int
    dry_run: bool
    sample: list[str]


class OutcomeAnswer(_Shape):
    """A report as it was taken; `usd` is the exact bill of the decision so far, as text. `escalate` comes with the
    `next` decision, which answers like /route."""

    status: Literal["done", "escalate"]
    next: dict[str, Any] | None = None
    p_correct: float | None = Field(None, description="Of the answer, in the light of the evidence reported.")
    reason: str | None = None
    decision_id: str
    recorded: bool
    repeated: bool
    conflicts: dict[str, Any] = Field(description="Fields that contradict an earlier report: before and now.")
    usd: str | None
    cache: LearntAnswer | None


class Problem(_Shape):
    """An RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    value: Any = None
    cure: str | None = None


class CostBody(BaseModel):
    """A call or a charge that no decision stands behind: a judge, an embedding job, storage."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"id": "judge-881", "kind": "judge", "task_id": "t-12", "usd": "0.0021"}]},
    )

    id: str = Field(description="Booked once, however often it is sent.")
    kind: Literal["retry", "fallback", "escalation", "judge", "shadow", "embedding", "storage", "other"] = "other"
    tenant: str = "default"
    user: str | None = None
    feature: str | None = None
    environment: str | None = None
    cost_centre: str | None = None
    task_id: str | None = None
    tags: dict[str, str] | None = None
    model: str | None = None
    effort: str | None = None
    usd: float | str | None = None
    usage: dict[str, Any] | None = Field(None, description="The provider's usage object, as it came.")
    input_tokens: int | None = Field(None, ge=0)
    output_tokens: int | None = Field(None, ge=0)
    cached_input_tokens: int | None = Field(None, ge=0)


class CostAnswer(_Shape):
    """A cost as it was booked; `repeated` when it had been."""

    id: str
    usd: str
    repeated: bool


class ForgetBody(BaseModel):
    """Whom to forget: a tenant, or one of its users."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"tenant": "acme", "user": "u-17"}]})

    tenant: str | None = Field(None, description="A key of one tenant needs not name it.")
    user: str | None = None


class ForgetAnswer(_Shape):
    """What was removed: rows by table. `everywhere`: every process has said that nothing is left in its memory."""

    tenant: str
    user: str | None
    removed: dict[str, int]
    everywhere: bool


_SHAPES = (
    *(RouteBody, RouteAnswer, OutcomeBody, OutcomeAnswer, InvalidateBody, InvalidateAnswer, CostBody, CostAnswer),
    *(ForgetBody, ForgetAnswer),
    Problem,
)
_DONE: dict[str, Any] = {"description": "Done", "content": {"application/json": {"schema": {"type": "object"}}}}


def documented(name: str) -> dict[str, Any]:
    """What the decorator of an endpoint is told: nothing is validated or serialised from it."""
    extra: dict[str, Any] = {"responses": _answers(name)}
    bodies: dict[str, type[BaseModel]] = {
        "route": RouteBody,
        "outcomes": OutcomeBody,
        "cache_invalidate": InvalidateBody,
        "costs": CostBody,
        "privacy_forget": ForgetBody,
    }
    if name in bodies:
        content = {"application/json": {"schema": _ref(bodies[name])}}
        extra["requestBody"] = {"required": True, "content": content}
    return {"openapi_extra": extra, "response_model": None, "operation_id": name}


def describe(app: FastAPI, more: Sequence[type[BaseModel]] = ()) -> None:
    """Let /openapi.json hold the shapes above, and `more`."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            known: tuple[type[BaseModel], ...] = (*_SHAPES, *more)
            shapes = models_json_schema([(shape, "validation") for shape in known], ref_template=_REF)[1]["$defs"]
            document["components"] = {"schemas": shapes}
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _answers(name: str) -> dict[str, Any]:
    answers: dict[str, type[BaseModel]] = {
        "route": RouteAnswer,
        "outcomes": OutcomeAnswer,
        "cache_invalidate": InvalidateAnswer,
        "costs": CostAnswer,
        "privacy_forget": ForgetAnswer,
    }
    if name == "metrics":
        return {"200": {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    if name == "readyz":
        return {"200": _DONE, "503": {**_DONE, "description": "Not ready, with reasons"}}
    if name == "frontier":
        return {"200": _DONE, "404": _problem("No policy is loaded")}
    if name == "cache":
        return {"200": _DONE, "404": _problem("No cache is open")}
    if name not in answers:
        return {"200": _DONE}
    told = {"200": {"description": "Done", "content": {"application/json": {"schema": _ref(answers[name])}}}}
    told |= {"400": _problem("Not JSON"), "413": _problem("Too large"), "422": _problem("A wrong value, or a conflict")}
    if name == "route":
        told |= {
            "402": _problem("A budget is exhausted"),
            "403": _problem("Not granted"),
            "429": _problem("As 402, or too many decisions wait: then it carries `safe_route`"),
        }
    if name == "outcomes":
        told |= {"404": _problem("Unknown decision"), "503": _problem("Not recorded; send it again")}
    if name == "cache_invalidate":
        told |= {"403": _problem("The write token is missing"), "404": _problem("No cache is open")}
    return told


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/problem+json": {"schema": _ref(Problem)}}}


def _ref(shape: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=shape.__name__)}
