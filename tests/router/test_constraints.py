"""No returned route ever violates a constraint; what cannot be had is told with the smallest conflict."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.catalog import build_specs
from router.encoders import EncoderIdentity
from router.errors import ConstraintError
from router.estimate.estimators import Estimates
from router.policy import Policy, Sweep
from router.requests import Constraints, Request, Warm
from router.routes import Route

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
ROUTES = tuple(
    Route.parse(key) for key in ("gpt-4o-mini|none", "gpt-4o|none", "gpt-5|low", "gpt-5|high", "o3-mini|low")
)
KEYS, MODELS = [route.key for route in ROUTES], sorted({route.model for route in ROUTES})
SPECS = build_specs(ROUTES)
MANIFEST = {
    "version": "v",
    "operating_point": {"value_usd": 0.01},
    "encoder": EncoderIdentity("hashing", 64, "hashing-64", "fp32", "hashing").as_dict(),
}


class Given:
    routes = ROUTES

    def __init__(self, p, made, seconds):
        self.p, self.made, self.seconds = (np.array([one], float) for one in (p, made, seconds))

    def predict(self, texts, vectors, tasks, context_chars):
        given = np.tile(np.asarray(context_chars, float)[:, None] / 4, (1, len(ROUTES)))
        return Estimates(self.p, self.p, self.p, given, self.made, 2 * self.made, self.seconds, np.zeros(1), (None,))


def numbers(low: float, high: float):
    return st.lists(st.floats(low, high), min_size=len(ROUTES), max_size=len(ROUTES))


LIMITS = st.builds(
    Constraints,
    models=st.none() | st.lists(st.sampled_from(MODELS), min_size=1).map(tuple),
    routes=st.none() | st.lists(st.sampled_from(KEYS), min_size=1).map(tuple),
    max_usd=st.none() | st.floats(0, 0.02).map(lambda one: Decimal(str(one))),
    min_quality=st.none() | st.floats(0, 1),
    needs=st.sets(st.sampled_from(["tools", "vision", "audio", "json"]), max_size=1).map(frozenset),
    min_context=st.none() | st.integers(0, 300_000),
    max_seconds=st.none() | st.floats(0, 2_000),
)
WAITS = st.none() | st.sampled_from([10.0, 900.0, 90_000.0])
WARM = st.dictionaries(st.sampled_from(MODELS), st.builds(Warm, st.floats(0, 1), st.floats(0, 1)), max_size=2)
VALUES = st.none() | st.floats(0, 1)


@settings(deadline=None, max_examples=70)
@given(numbers(0.01, 0.99), numbers(1, 9_000), numbers(0.1, 60), LIMITS, WAITS, WARM, VALUES, st.integers(1, 900_000))
def test_no_returned_route_violates_a_constraint(p, made, seconds, limits, wait, warm, value, chars) -> None:
    policy = Policy(Given(p, made, seconds), SPECS, Sweep(*np.zeros((5, 2))), MANIFEST)
    request = replace(
        Request.from_prompt("x" * chars), constraints=limits, can_wait_seconds=wait, warm=warm, value_usd=value
    )
    try:
        decision = policy.decide(request, np.ones(64, np.float32), AT)
    except ConstraintError as error:
        assert error.conflict and error.cure and error.field == error.conflict[-1].field
        assert not set.intersection(*(set(one.allows) for one in error.conflict))
        return
    for option in (decision.chosen, *decision.alternatives):
        spec = SPECS[option.route]
        assert limits.models is None or option.route.model in limits.models
        assert limits.routes is None or option.route.key in limits.routes
        assert limits.max_usd is None or option.expected_usd <= float(limits.max_usd)
        assert limits.min_quality is None or option.p_correct >= limits.min_quality
        assert all(getattr(spec, need) for need in limits.needs)
        assert limits.max_seconds is None or option.seconds <= limits.max_seconds
        assert option.service_tier == "default" or option.seconds <= (wait or 0)
        room = spec.context_window or math.inf
        assert room >= max(limits.min_context or 0, option.input_tokens + option.output_tokens)


@settings(deadline=None, max_examples=30)
@given(numbers(0.01, 0.99), st.floats(0, 0.02), st.floats(0, 1), st.sampled_from(MODELS))
def test_a_conflict_is_smallest_and_what_would_do_does(p, most, least, model) -> None:
    policy = Policy(Given(p, [300] * 5, [1] * 5), SPECS, Sweep(*np.zeros((5, 2))), MANIFEST)

    def ask(limits: Constraints):
        return policy.decide(replace(Request.from_prompt("x" * 400), constraints=limits), np.ones(64, np.float32), AT)

    limits = Constraints(models=(model,), max_usd=Decimal(str(most)), min_quality=least)
    try:
        ask(limits)
    except ConstraintError as error:
        names = [one.field.removeprefix("constraints.") for one in error.conflict]
        for name in names:  # without any one of them, the others leave a route
            others = {other: getattr(limits, other) for other in names if other != name}
            assert ask(Constraints(**others)).chosen.route in ROUTES
        for one in error.conflict:
            if one.relaxed is not None:
                name = one.field.removeprefix("constraints.")
                wider = tuple(one.relaxed) if name == "models" else Decimal(str(one.relaxed))
                wider = float(wider) if name == "min_quality" else wider
                assert ask(replace(limits, **{name: wider})).chosen.route in ROUTES


def test_the_error_says_who_excludes_whom_and_what_would_do() -> None:
    policy = Policy(Given([0.5, 0.7, 0.8, 0.9, 0.6], [300] * 5, [1] * 5), SPECS, Sweep(*np.zeros((5, 2))), MANIFEST)
    limits = Constraints(models=("gpt-4o-mini", "gpt-5"), min_quality=0.85, max_usd=Decimal("0.001"), max_seconds=60)
    with pytest.raises(ConstraintError) as caught:
        policy.decide(replace(Request.from_prompt("x" * 400), constraints=limits), np.ones(64, np.float32), AT)
    error = caught.value
    assert [one.field for one in error.conflict] == ["constraints.min_quality", "constraints.max_usd"]
    assert error.conflict[0].allows == ("gpt-5|high",) and "gpt-5|high" in str(error)
    assert (
        "constraints.min_quality 0.5 would do" in error.cure and "constraints.max_usd 0.003125 would do" in error.cure
    )
