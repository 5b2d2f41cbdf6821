"""Only what a report says anew becomes a number, and only where the policy decided."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from math import log

import numpy as np

from router.drift.prices import PriceWatch
from router.drift.sources import INPUTS, report_values, request_numbers
from router.encoders import HashingEncoder
from router.log.feed import Known
from router.policy import Policy
from router.prices import Price, PriceBook
from router.requests import Request
from router.seen import Seen

AT = datetime(2026, 3, 1, tzinfo=UTC)
OPTION = {"p_correct": 0.8, "expected_usd": 0.002, "seconds": 2.0}
KNOWN = Known("d", AT, "acme", "sums", "v", "route", "m|none", OPTION, {"correct": 1.0, "usd": 0.004, "latency_s": 1.0})


def test_residuals_per_tenant_and_task_costs_and_latencies_per_route() -> None:
    found = {(one.kind, one.unit): one.value for one in report_values(replace(KNOWN, fresh=frozenset(KNOWN.facts)))}
    assert found["calibration", "acme"] == found["calibration", "sums"] == 1.0 - 0.8
    assert found["cost", "m|none"] == log(2.0) and found["latency", "m|none"] == log(0.5)


def test_what_was_known_before_says_nothing_again() -> None:
    assert list(report_values(KNOWN)) == []


def test_a_cached_answer_and_a_failed_call_say_nothing_of_costs() -> None:
    assert list(report_values(replace(KNOWN, action="cached", fresh=frozenset({"correct"})))) == []
    failed = replace(KNOWN, facts={**KNOWN.facts, "status": "error"}, fresh=frozenset({"usd"}))
    assert list(report_values(failed)) == []


def test_a_request_is_its_features_and_the_embeddings_axes(tiny_policy: Policy) -> None:
    request = Request.from_prompt("What is 2 + 2?")
    vector = HashingEncoder().encode([request.text])[0]
    seen = Seen(request, vector, tiny_policy.decide(request, vector, AT))
    found = request_numbers([seen, seen], tiny_policy.estimator.representation)
    assert found.shape == (2, len(INPUTS)) and np.isfinite(found).all() and (found[0] == found[1]).all()


def test_a_changed_price_is_told_once(tiny_policy: Policy, monkeypatch) -> None:
    watch = PriceWatch()
    assert watch.look(tiny_policy, AT) == [] and watch.look(tiny_policy, AT) == []
    route = tiny_policy.routes[0]
    dearer = PriceBook({route: Price("a test", usd_per_query=Decimal(1))})
    monkeypatch.setattr(tiny_policy, "book", dearer)
    changed = watch.look(tiny_policy, AT)
    assert [one.route for one in changed] == [route.key] and changed[0].now == 1
    assert watch.look(tiny_policy, AT) == []
