"""The shapes of what callers send, with examples, for the OpenAPI document.

Descriptions only: bodies are validated by `router.requests` and `router.outcomes`, so that there is one truth.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """A shape that may hold more than it names."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


class MessageBody(Shape):
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


class RouteBody(Shape):
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


class ForgetBody(BaseModel):
    """Whom to forget: a tenant, or one of its users."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"tenant": "acme", "user": "u-17"}]})

    tenant: str | None = Field(None, description="A key of one tenant needs not name it.")
    user: str | None = None
