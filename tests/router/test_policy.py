import math
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from router.catalog import build_specs
from router.encoders import EncoderIdentity
from router.errors import ConstraintError, EncoderMismatchError, InputError, UnknownModelError
from router.estimate.estimators import Estimates
from router.policy import Policy, Sweep
from router.prices import Price
from router.requests import Request
from router.routes import Route

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
ROUTES = (Route("gpt-4o-mini", "none"), Route("gpt-4o", "none"), Route("gpt-5", "high"))
IDENTITY = EncoderIdentity("hashing", 64, "hashing-64", "fp32", "hashing")
VECTOR = np.ones(64, np.float32)


class Known:
    """An estimator whose estimates are given: harder the longer the text."""

    routes = ROUTES

    def predict(self, texts, vectors, tasks, context_chars):
        n = len(texts)
        ease = np.exp(-np.array([len(text) for text in texts]) / 200)[:, None]
        p = np.clip(np.array([[0.5, 0.7, 0.6]]) + ease * np.array([[0.4, 0.25, 0.35]]), 0, 1)
        tokens_in = np.tile(np.asarray(context_chars, float)[:, None] / 4, (1, 3))
        tokens = np.tile([100.0, 120.0, 900.0], (n, 1))
        return Estimates(
            p, p - 0.05, p + 0.05, tokens_in, tokens, 2 * tokens, np.ones((n, 3)), np.zeros(n), tuple(tasks)
        )


@pytest.fixture
def policy():
    sweep = Sweep(
        np.array([0, 0.001, 0.01, math.inf]), *2 * [np.array([1, 2, 3, 4]) / 1e3, np.array([0.6, 0.7, 0.8, 0.8])]
    )
    manifest = {"version": "v1", "operating_point": {"value_usd": 0.01}, "encoder": IDENTITY.as_dict()}
    return Policy(Known(), build_specs(ROUTES), sweep, manifest)


def ask(policy, text="What is 2 + 2?", **given):
    return policy.decide(Request.from_mapping({"prompt": text, **given}), VECTOR, AT)


def test_a_decision_carries_what_a_caller_needs(policy):
    decision = ask(policy)
    assert decision.chosen.route in ROUTES and decision.policy == "v1" and decision.propensity == 1.0
    assert decision.parameters["model"] == decision.chosen.route.model
    assert decision.chosen.p_low <= decision.chosen.p_correct <= decision.chosen.p_high
    assert {decision.chosen.route, *(one.route for one in decision.alternatives)} == set(ROUTES)
    assert decision.chosen.route.key in decision.reason and "$" in decision.reason


def test_one_request_is_decided_as_a_file_of_them_is(policy):
    texts = ["x" * n for n in range(1, 900, 60)]
    values = [0.0, 0.0005, 0.003, 0.02, 1.0]
    chars = np.array([len(text) for text in texts])
    estimates = policy.estimate(texts, np.tile(VECTOR, (len(texts), 1)), [None] * len(texts), chars)
    chosen = policy.sweep_choices(estimates, policy.usd(estimates, AT), values)
    alone = [[ROUTES.index(ask(policy, text, value_usd=value).chosen.route) for value in values] for text in texts]
    assert chosen.tolist() == alone
    assert len(np.unique(chosen)) > 1


def test_cheapest_and_best_are_the_ends(policy):
    assert ask(policy, objective="cheapest").chosen.route.model == "gpt-4o-mini"
    best = ask(policy, objective="best")
    assert best.chosen.p_correct == max(one.p_correct for one in (best.chosen, *best.alternatives))


def test_a_price_change_moves_the_decision_without_training(policy):
    before = ask(policy, "x" * 400)
    spec = policy.specs[before.chosen.route]
    dear = {**policy.specs, spec.route: replace(spec, price=Price("routes file", usd_per_query=Decimal(1)))}
    after = ask(Policy(Known(), dear, policy.sweep, policy.manifest), "x" * 400)
    assert after.chosen.route != before.chosen.route


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ({"constraints": {"models": ["gpt-4o"]}}, {"gpt-4o"}),
        ({"constraints": {"routes": ["gpt-5|high"]}}, {"gpt-5"}),
        ({"constraints": {"max_usd": "0.0001"}, "objective": "best"}, {"gpt-4o-mini"}),
        ({"constraints": {"min_quality": 0.93}, "objective": "cheapest"}, {"gpt-4o", "gpt-5"}),
        ({"constraints": {"needs": ["vision", "tools"]}}, {"gpt-4o-mini", "gpt-4o", "gpt-5"}),
    ],
)
def test_constraints_are_kept(policy, given, allowed):
    assert ask(policy, **given).chosen.route.model in allowed


@pytest.mark.parametrize(
    ("constraints", "field"),
    [
        ({"max_usd": 0}, "constraints.max_usd"),
        ({"min_quality": 1.0}, "constraints.min_quality"),
        ({"min_context": 10**8}, "constraints.min_context"),
        ({"max_seconds": 0.1}, "constraints.max_seconds"),
        ({"models": ["gpt-4o-mini"], "min_quality": 0.95}, "constraints.min_quality"),
    ],
)
def test_an_impossible_set_of_constraints_names_the_conflict(policy, constraints, field):
    specs = {route: replace(spec, context_window=128_000) for route, spec in policy.specs.items()}
    strict = Policy(Known(), specs, policy.sweep, policy.manifest)
    with pytest.raises(ConstraintError) as caught:
        ask(strict, **{"constraints": constraints})
    assert caught.value.field == field and caught.value.cure


def test_unknown_models_and_routes_name_their_neighbours(policy):
    with pytest.raises(UnknownModelError, match="gpt-4o"):
        ask(policy, constraints={"models": ["gpt-4"]})
    with pytest.raises(InputError, match=r"gpt-5\|high"):
        ask(policy, constraints={"routes": ["gpt-5|hihg"]})


def test_an_image_needs_a_route_that_sees(policy):
    blind = {route: replace(spec, vision=route.model == "gpt-5") for route, spec in policy.specs.items()}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url"}]}]
    request = Request.from_mapping({"messages": messages})
    decision = Policy(Known(), blind, policy.sweep, policy.manifest).decide(request, VECTOR, AT)
    assert decision.chosen.route.model == "gpt-5"


def test_the_cap_covers_the_high_quantile_and_keeps_the_route_s_limit(policy):
    decision = ask(policy, constraints={"models": ["gpt-5"]})
    assert decision.chosen.max_output_tokens >= 2 * 900
    route = Route("gpt-5", "high")
    limited = {**policy.specs, route: replace(policy.specs[route], max_output_tokens=500)}
    request = Request.from_mapping({"prompt": "a", "constraints": {"models": ["gpt-5"]}})
    capped = Policy(Known(), limited, policy.sweep, policy.manifest).decide(request, VECTOR, AT)
    assert capped.chosen.max_output_tokens == 500 == capped.parameters["max_completion_tokens"]


def test_vectors_of_another_encoder_are_refused(policy):
    policy.check_encoder(replace(IDENTITY, backend="another runtime"))
    for change in ({"weights": "other"}, {"precision": "int8"}, {"dim": 32}):
        with pytest.raises(EncoderMismatchError, match="trained on"):
            policy.check_encoder(replace(IDENTITY, **change))


def test_a_sweep_survives_json(policy):
    back = Sweep.from_dict(policy.sweep.as_dict())
    assert np.array_equal(back.values, policy.sweep.values) and np.array_equal(back.usd, policy.sweep.usd)


class Strange(Known):
    """Everything is wholly unlike the labels."""

    def predict(self, texts, *rest):
        return replace(super().predict(texts, *rest), unlike=np.ones(len(texts)))


def test_a_request_unlike_the_labels_moves_to_the_safe_side_and_is_told(policy):
    careful = Policy(Strange(), policy.specs, policy.sweep, {**policy.manifest, "unlike": {"caution": 16.0}})
    values = [0.0, 0.0003, 0.001, 0.01, math.inf]
    texts = ["x" * n for n in range(1, 900, 100)]
    chars = np.array([len(text) for text in texts])
    estimates = careful.estimate(texts, np.tile(VECTOR, (len(texts), 1)), [None] * len(texts), chars)
    usd = careful.usd(estimates, AT)
    chosen = careful.sweep_choices(estimates, usd, values)
    rows = np.arange(len(texts))[:, None]
    plain = policy.sweep_choices(estimates, usd, values)
    assert (estimates.p[rows, chosen] >= estimates.p[rows, plain]).all() and (chosen != plain).any()
    alone = [
        [ROUTES.index(ask(careful, text, value_usd=value).chosen.route) for value in values[1:-1]] for text in texts
    ]
    assert chosen[:, 1:-1].tolist() == alone
    told = ask(careful, value_usd=0.001)
    assert "unlike the labels (1.00), so a correct answer counts 16.0 times" in told.reason and told.value_usd == 0.016
    assert "unlike" not in ask(policy, value_usd=0.001).reason
