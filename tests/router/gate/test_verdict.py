"""The gate promotes what is proved better, rejects what is proved worse, and else says how much is missing."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from router.errors import InputError
from router.gate.comparison import price_difference
from router.gate.evidence import Evidence, from_pairs
from router.gate.verdict import Rules, weigh


def traffic(n: int, better: float = 0.0, cheaper: float = 1.0, source: str = "shadow", seed: int = 0) -> Evidence:
    """Policies differ on half of the requests; task b is a fifth of them, and `better` is the change of accuracy
    where they differ."""
    rng = np.random.default_rng(seed)
    differ = rng.random(n) < 0.5
    right = (rng.random((n, 2)) < np.array([0.7, 0.7 + better])).astype(float)
    usd = 0.001 * np.exp(rng.normal(0, 0.5, (n, 2))) * np.array([1.0, cheaper])
    right[~differ, 1], usd[~differ, 1] = right[~differ, 0], usd[~differ, 0]
    return from_pairs(source, usd, right, differ, {"task": np.where(rng.random(n) < 0.2, "b", "a")}, live=True)


def test_cheaper_and_as_good_is_promoted():
    verdict = weigh([traffic(30_000, better=0.02, cheaper=0.5)])
    assert verdict.promoted and verdict.more == 0
    assert {check.status for check in verdict.checks} == {"shown", "watched"}


def test_worse_is_rejected_with_the_reason():
    verdict = weigh([traffic(20_000, better=-0.2, cheaper=0.5)])
    assert verdict.decision == "reject"
    assert "all requests: quality" in verdict.reasons[0] and "proved worse" in verdict.reasons[0]


def test_dearer_for_the_same_is_rejected():
    assert weigh([traffic(20_000, cheaper=1.5)]).decision == "reject"


def test_too_little_is_watched_and_the_missing_requests_are_about_right():
    few = weigh([traffic(4_000, better=0.02, cheaper=0.5)])
    assert few.decision == "keep watching" and few.more is not None
    assert weigh([traffic(2 * (4_000 + few.more), better=0.02, cheaper=0.5)]).promoted


def test_one_bad_slice_rejects_what_is_better_overall():
    one = traffic(40_000, better=0.05, cheaper=0.5)
    bad = (one.task == "b") & one.differ
    one.correct[bad, 1] *= np.random.default_rng(1).random(int(bad.sum())) < 0.6
    verdict = weigh([one])
    assert verdict.decision == "reject" and verdict.reasons[0].startswith("task b")


def test_a_slice_of_less_than_a_twentieth_is_not_asked():
    one = traffic(10_000)
    one.task[:] = "a"
    one.task[:400] = "rare"
    assert {check.slice for check in weigh([one]).checks} == {"all requests", "a"}


def test_the_same_decisions_have_nothing_to_gain():
    one = traffic(1_000)
    one.differ[:] = False
    assert weigh([one]).decision == "reject"


def test_sources_add_up_and_contradictions_are_not_averaged():
    alone, other = traffic(5_000, 0.1, 0.5), traffic(5_000, 0.1, 0.5, source="log", seed=1)
    both = weigh([alone, other]).checks[0].difference
    assert both.information > 1.8 * weigh([alone]).checks[0].difference.information
    torn = weigh([alone, traffic(5_000, -0.1, 0.5, source="log", seed=1)])
    assert torn.checks[0].difference.contradictory and "contradict" in torn.reasons[0]


def test_the_price_is_compared_by_the_log_of_its_ratio():
    one = traffic(5_000, 0.1, 0.5)
    usd, right = one.usd.mean(axis=0), one.correct.mean(axis=0)
    found = price_difference(one)
    assert found is not None
    assert found.value == pytest.approx(math.log(usd[1] / right[1] / (usd[0] / right[0])))
    draws = pd.Series([price_difference(traffic(5_000, 0.1, 0.5, seed=i)).value for i in range(60)])
    assert found.information**-0.5 == pytest.approx(draws.std(), rel=0.3)


def test_nothing_to_go_by_is_an_error():
    with pytest.raises(InputError, match="evidence"):
        weigh([])


def test_rules_outside_their_range_are_refused():
    with pytest.raises(InputError, match="margin"):
        Rules(margin=0.0)


def test_worse_on_hard_requests_is_rejected_though_better_overall():
    """The source that knows the difficulty is asked, whether or not it comes first."""
    blind, one = traffic(2_000, cheaper=0.5, seed=1), traffic(40_000, better=0.05, cheaper=0.5)
    hard = np.random.default_rng(2).random(one.n) < 0.2
    one = replace(one, difficulty=np.where(hard, "hard", "easy"))
    one.correct[hard & one.differ, 1] *= np.random.default_rng(1).random(int((hard & one.differ).sum())) < 0.6
    verdict = weigh([blind, one])
    assert verdict.decision == "reject" and verdict.reasons[0].startswith("difficulty hard")
