"""From decisions in the log to an answer, or to a plain statement that there is none."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from router.decisions import Outcome
from router.encoders import HashingEncoder
from router.engine import Engine
from router.exploration import ExploreLimits, Explorer
from router.gate.verdict import weigh
from router.log.store import LogStore
from router.off_policy.answer import answer, evidence_from
from router.off_policy.logged import Logged, read_logged
from router.policy import Policy
from router.requests import Request
from router.safe_route import SafeRoute

AT = datetime(2026, 3, 1, tzinfo=UTC)


def simulated(n: int, epsilon: float, seed: int = 0) -> Logged:
    """The incumbent takes route a (right .6, $2), and with `epsilon` b (right .8, $1)."""
    rng = np.random.default_rng(seed)
    taken = (rng.random(n) < epsilon).astype(int)
    empty = np.full(n, "", dtype=object)
    return Logged(
        ("a", "b"),
        taken,
        np.zeros(n, dtype=int),
        np.tile([1 - epsilon, epsilon], (n, 1)),
        (rng.random(n) < np.array([0.6, 0.8])[taken]).astype(float),
        np.array([2.0, 1.0])[taken],
        np.tile([0.6, 0.7], (n, 1)),
        np.tile([2.0, 1.5], (n, 1)),
        *[empty] * 2,
        np.array([f"d{i}" for i in range(n)], dtype=object),
        *[empty] * 2,
        np.zeros(n),
        np.full(n, AT, dtype=object),
        empty,
    )


def test_an_explored_log_answers_for_another_policy():
    said = answer(simulated(20_000, 0.1), np.ones(20_000, dtype=int), replicates=100)
    assert said.answers and said.coverage.effective == pytest.approx(2_000, rel=0.1)
    robust = {one.estimator: one for one in said.accuracy}["DR"]
    assert all(low < 0.8 < high for low, high in (robust.interval, robust.bootstrap))
    assert said.usd_per_correct == pytest.approx(1.25, rel=0.1)


def test_a_log_without_exploration_says_that_it_cannot_answer():
    said = answer(simulated(500, 0.0), np.ones(500, dtype=int), replicates=10)
    assert not said.answers and "EXPLORE" in said.statement and said.coverage.unsupported == 1.0
    assert evidence_from(simulated(500, 0.0), np.ones(500, dtype=int)).n == 0


def test_a_route_that_the_log_never_mentions_is_out_of_reach():
    assert answer(simulated(500, 0.1), np.full(500, -1), replicates=10).coverage.unsupported == 1.0


def test_wrong_propensities_are_noticed():
    log = simulated(20_000, 0.1)
    forged = replace(log, probability=np.tile([0.7, 0.3], (20_000, 1)))
    assert "cannot be trusted" in answer(forged, np.ones(20_000, dtype=int), replicates=10).statement


def test_unreported_outcomes_leave_nothing_to_go_by():
    log = simulated(100, 0.1)
    said = answer(replace(log, correct=np.full(100, np.nan)), log.taken, replicates=10)
    assert not said.answers and said.accuracy == ()


def test_the_gate_promotes_from_an_explored_log_alone():
    log = simulated(20_000, 0.1)
    assert weigh([evidence_from(log, np.ones(20_000, dtype=int))]).promoted
    left = evidence_from(log, np.ones(20_000, dtype=int), without=frozenset(f"d{i}" for i in range(5_000)))
    assert left.n == 15_000


def test_evidence_of_the_log_is_sliced_by_what_was_expected_of_the_incumbent_s_route():
    log = simulated(20_000, 0.1)
    p = np.where(np.arange(20_000)[:, None] % 2, [0.9, 0.2], [0.6, 0.7])
    p[:100, 0] = np.nan
    found = evidence_from(replace(log, p=p), np.ones(20_000, dtype=int))
    assert [name for name, _ in found.names("difficulty")] == ["easy (P ≥ 0.8)", "middle (0.5 ≤ P < 0.8)"]
    assert set(found.difficulty[:100]) == {""}
    for name, share in found.names("difficulty"):
        cut = found.of("difficulty", name)
        assert share == pytest.approx(0.4975)
        assert (cut.correct[:, 1] - cut.correct[:, 0]).mean() == pytest.approx(0.2, abs=0.1)


def test_the_log_is_read_as_it_was_written(safe: SafeRoute, store: LogStore, tiny_policy: Policy):
    limits = ExploreLimits(0.3, 1, 1, 100, 1)
    engine = Engine(safe, store, encoder=HashingEncoder(), clock=lambda: AT, explorer=Explorer(limits))
    engine.swap(tiny_policy)

    async def serve() -> None:
        for i in range(40):
            request = replace(Request.from_prompt(f"What is {i} + 2?"), tenant="acme" if i % 2 else "lab", task="sums")
            made = (await engine.route(request)).decision
            if i % 4:
                await engine.reporting.report(
                    Outcome(made.decision_id, request.tenant, correct=1.0, usd=Decimal("0.001"))
                )

    asyncio.run(serve())
    found = read_logged(store)
    engine.close()
    assert found.n == 40 and set(found.tenant) == {"acme", "lab"} and set(found.task) == {"sums"}
    assert np.isnan(found.correct).sum() == 10
    assert found.probability.sum(axis=1) == pytest.approx(np.ones(40))
    assert set(np.round(found.propensity, 6)) <= {0.7, 0.3} and len(set(found.taken)) == 2
    assert not np.isnan(found.p).any() and len(set(found.best)) == 1
