"""What changes the price of a call besides its length, and that the decision follows."""

import base64
import io
import math
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from PIL import Image

from router.catalog import build_specs
from router.encoders import EncoderIdentity
from router.estimate.estimators import Estimates
from router.meters import Meters
from router.policy import Policy, Sweep
from router.prices import PriceBook, Usage
from router.requests import Message, Request, Warm
from router.routes import Route

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINI, PRO, FIVE = Route("gpt-4o-mini", "none"), Route("gemini-2.5-pro", "none"), Route("gpt-5", "low")
ROUTES = (MINI, PRO, FIVE)
VECTOR = np.ones(64, np.float32)
BOOK = PriceBook()


class Known:
    """An estimator whose estimates are given; four characters a token."""

    routes = ROUTES

    def predict(self, texts, vectors, tasks, context_chars):
        n = len(texts)
        p = np.tile([0.6, 0.8, 0.9], (n, 1))
        tokens, made = (
            np.tile(np.asarray(context_chars, float)[:, None] / 4, (1, 3)),
            np.tile([100.0, 100, 600], (n, 1)),
        )
        return Estimates(p, p, p, tokens, made, 2 * made, np.ones((n, 3)), np.zeros(n), tuple(tasks))


@pytest.fixture(scope="module")
def policy() -> Policy:
    sweep = Sweep(np.array([0, math.inf]), *2 * [np.array([1, 2]) / 1e3, np.array([0.6, 0.8])])
    identity = EncoderIdentity("hashing", 64, "hashing-64", "fp32", "hashing")
    manifest = {"version": "v1", "operating_point": {"value_usd": 0.01}, "encoder": identity.as_dict()}
    return Policy(Known(), build_specs(ROUTES), sweep, manifest)


def decide(policy: Policy, request: Request):
    return policy.decide(request, VECTOR, AT)


def options(decision) -> dict:
    return {one.route: one for one in (decision.chosen, *decision.alternatives)}


def exact(route: Route, given: float, made: float, cached: float = 0, **meters) -> float:
    return float(BOOK.usd(route, Usage(round(given), round(made), round(cached), meters=Meters(**meters)), AT))


@pytest.mark.parametrize("tokens", [200_000, 200_001])
def test_a_context_past_the_tier_costs_the_tier_s_price_as_it_will_be_billed(policy: Policy, tokens: int) -> None:
    request = Request.from_mapping({"prompt": "x" * (4 * tokens), "constraints": {"models": [PRO.model]}})
    assert decide(policy, request).chosen.expected_usd == pytest.approx(exact(PRO, tokens, 100), rel=1e-12)


def test_a_long_context_sends_a_request_elsewhere() -> None:
    routes = (MINI, Route("gpt-4.1", "none"), PRO)

    class Two(Known):
        def predict(self, *given):
            estimates = super().predict(*given)
            p = np.tile([0.1, 0.8, 0.81], (len(given[0]), 1))
            return replace(estimates, p=p, p_low=p, p_high=p)

    estimator = Two()
    estimator.routes = routes
    identity = EncoderIdentity("hashing", 64, "hashing-64", "fp32", "hashing").as_dict()
    policy = Policy(
        estimator,
        build_specs(routes),
        Sweep(*np.zeros((5, 2))),
        {"version": "v", "operating_point": {"value_usd": 9.0}, "encoder": identity},
    )
    short, long = (decide(policy, Request.from_prompt("x" * 4 * n)).chosen.route for n in (199_000, 230_000))
    assert (short, long) == (PRO, Route("gpt-4.1", "none"))  # $1.25 against $2.00 a million, then $2.50


def test_a_warm_prefix_costs_the_cached_rate(policy: Policy) -> None:
    request = Request.from_prompt("x" * 400_000)
    assert options(decide(policy, request))[MINI].cached_input_tokens == 0
    warm = decide(policy, replace(request, warm={MINI.model: Warm(0.99, 1.0)}))
    held = options(warm)[MINI]
    assert held.cached_input_tokens == pytest.approx(99_000)
    assert held.expected_usd == pytest.approx(exact(MINI, 100_000, 100, 99_000), rel=1e-9)


def test_switching_is_weighed_against_a_warm_model(policy: Policy) -> None:
    request = replace(Request.from_prompt("x" * 400_000), value_usd=0.6)
    assert decide(policy, request).chosen.route == FIVE
    stays = decide(policy, replace(request, value_usd=0.6, warm={PRO.model: Warm(0.99, 0.9)}))
    assert stays.chosen.route == PRO and "should be read from the provider's cache" in stays.reason
    dear = decide(policy, replace(request, value_usd=3.0, warm={PRO.model: Warm(0.99, 0.9)}))
    assert dear.chosen.route == FIVE  # the better answer is worth leaving the warm model


def test_a_short_prefix_is_not_kept_by_any_provider(policy: Policy) -> None:
    warm = replace(Request.from_prompt("x" * 4_000), warm={PRO.model: Warm(1.0, 1.0)})
    assert options(decide(policy, warm))[PRO].cached_input_tokens == 0


def test_who_can_wait_pays_flex_or_batch_and_is_told(policy: Policy) -> None:
    body = {"prompt": "x" * 4_000, "constraints": {"models": [FIVE.model]}}
    now = decide(policy, Request.from_mapping(body)).chosen
    soon, later = (
        decide(policy, Request.from_mapping(body | {"can_wait_seconds": seconds})) for seconds in (900, 90_000)
    )
    assert soon.chosen.service_tier == "flex" and soon.parameters["service_tier"] == "flex"
    assert soon.chosen.expected_usd == pytest.approx(exact(FIVE, 1000, 600, service_tier="flex"))
    assert soon.chosen.expected_usd == pytest.approx(now.expected_usd / 2) and soon.chosen.seconds == 900
    assert "flex tier" in soon.reason and later.chosen.service_tier == "flex"  # no dearer than a batch, and sooner
    limited = decide(policy, Request.from_mapping(body | {"can_wait_seconds": 900, "constraints": {"max_seconds": 60}}))
    assert limited.chosen.service_tier == "default"


def test_a_batch_cannot_count_on_a_warm_prefix(policy: Policy) -> None:
    mini = {"models": [MINI.model]}
    body = {"prompt": "x" * 40_000, "can_wait_seconds": 90_000, "constraints": mini}
    batch = decide(policy, replace(Request.from_mapping(body), warm={MINI.model: Warm(1.0, 1.0)}))
    assert batch.chosen.cached_input_tokens == 0 if batch.chosen.service_tier == "batch" else True
    assert batch.chosen.expected_usd == pytest.approx(
        min(exact(MINI, 10_000, 100, service_tier="batch"), exact(MINI, 10_000, 100, 10_000))
    )


def test_a_picture_counts_as_the_tokens_that_each_model_makes_of_it(policy: Policy) -> None:
    target = io.BytesIO()
    Image.new("RGB", (1024, 1024)).save(target, "PNG")
    url = "data:image/png;base64," + base64.b64encode(target.getvalue()).decode()
    parts = [{"type": "text", "text": "x" * 400}, {"type": "image_url", "image_url": {"url": url}}]
    found = options(decide(policy, Request.from_mapping({"messages": [{"role": "user", "content": parts}]})))
    assert {route: one.input_tokens for route, one in found.items()} == {
        MINI: 100 + 25_501,
        PRO: 100 + 4 * 258,
        FIVE: 100 + 630,
    }
    assert found[MINI].expected_usd == pytest.approx(exact(MINI, 25_601, 100))


def test_a_sound_is_heard_only_by_who_can_hear_it(policy: Policy) -> None:
    parts = [{"type": "input_audio", "input_audio": {"id": "unknown"}}]  # a minute, as nothing tells
    decision = decide(policy, Request.from_mapping({"messages": [{"role": "user", "content": parts}]}))
    assert decision.chosen.route == PRO and not decision.alternatives
    assert decision.chosen.input_tokens == pytest.approx(60 * 32, abs=1)


def test_a_service_tier_discounts_a_price_of_our_own_too() -> None:
    from router.prices import Price

    own = PriceBook({FIVE: Price("labels", usd_per_query=Decimal("0.01"))})
    assert own.usd(FIVE, Usage(meters=Meters(service_tier="batch")), AT) == Decimal("0.005")
    assert own.usd(FIVE, Usage(), AT) == Decimal("0.01")


def test_earlier_turns_count_into_the_warm_share(policy: Policy) -> None:
    turns = (Message("system", "y" * 8_000), Message("user", "x" * 8_000))
    warm = Request(turns, warm={PRO.model: Warm(0.5, 1.0)})
    assert options(decide(policy, warm))[PRO].cached_input_tokens == pytest.approx(2_000)
