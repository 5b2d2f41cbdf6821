"""The shapes of what the service answers, for the OpenAPI document.

Descriptions only: answers are made by `service.answers`.
"""

from typing import Any, Literal

from pydantic import Field

from service.body_shapes import Shape


class Interval(Shape):
    """An estimate with its 95 % interval; null where nothing was estimated."""

    value: float | None
    low: float | None
    high: float | None


class OptionAnswer(Shape):
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


class CachedText(Shape):
    """A stored answer: its text, and whatever else was reported with it."""

    content: str
    extra: dict[str, Any]


class LookupAnswer(Shape):
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


class LearntAnswer(Shape):
    """What became of the answer in the cache."""

    result: Literal["stored", "refused", "removed", "confirmed", "failed"]
    reason: str
    neighbour_valid: bool | None = Field(description="Whether the nearest stored answer would have served.")


class OutcomeAnswer(Shape):
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


class InvalidateAnswer(Shape):
    """How many answers were, or would be, removed; `sample` shows the beginning of some."""

    tenant: str
    answers: int
    dry_run: bool
    sample: list[str]


class CostAnswer(Shape):
    """A cost as it was booked; `repeated` when it had been."""

    id: str
    usd: str
    repeated: bool


class ForgetAnswer(Shape):
    """What was removed: rows by table. `everywhere`: every process has said that nothing is left in its memory."""

    tenant: str
    user: str | None
    removed: dict[str, int]
    everywhere: bool


class Problem(Shape):
    """An RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    value: Any = None
    cure: str | None = None
