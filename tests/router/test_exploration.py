"""Exploration keeps its bounds, logs exact propensities, and can be replayed from the log alone."""

import asyncio
from collections import Counter
from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decisions import Decision, Option
from router.encoders import HashingEncoder
from router.engine import Engine
from router.exploration import ExploreLimits, Explorer, Left, draw, drawn, explorer_of, lottery, replays
from router.log.rows import decision_row
from router.log.store import LogStore
from router.policy import SHOWN_ALTERNATIVES, Policy
from router.requests import Request
from router.routes import Route
from router.safe_route import SafeRoute
from router.settings import Settings

AT = datetime(2026, 3, 1, tzinfo=UTC)
ENDLESS = Left(1e9, 1e9)
REQUEST = replace(Request.from_prompt("What is 2 + 2?"), tenant="acme")
WIDE = ExploreLimits(0.2, 1, 1, 100, 1, daily_usd=1e9, daily_wrong=1e9)


def option(name: str, p: float, usd: float) -> Option:
    return Option(Route(name, "none"), "standard", p, p - 0.1, p + 0.1, usd, 100.0, 256, 1.0)


some_options = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.01)), min_size=1, max_size=6)


@given(some_options, st.floats(0.001, 0.5), st.floats(0, 0.2), st.floats(0, 0.05))
def test_probabilities_add_up_and_the_expected_burden_keeps_its_bounds(given_options, epsilon, extra, risk):
    options = [option(f"m{i}", p, usd) for i, (p, usd) in enumerate(given_options)]
    limits = ExploreLimits(epsilon, 0.005, 0.3, extra, risk)
    found = lottery(options, limits, ENDLESS)
    best, by_key = options[0], {one.route.key: one for one in options}
    assert sum(found.values()) == pytest.approx(1.0)
    assert found[best.route.key] >= 1 - epsilon - 1e-12
    more = {key: max(0, by_key[key].expected_usd - best.expected_usd) for key in found}
    less = {key: max(0, best.p_correct - by_key[key].p_correct) for key in found}
    assert all(more[key] <= 0.005 and less[key] <= 0.3 for key in found)
    assert sum(found[key] * more[key] for key in found) <= extra * best.expected_usd + 1e-9
    assert sum(found[key] * less[key] for key in found) <= risk + 1e-9


def test_draws_follow_the_probabilities():
    chances = {"a": 0.7, "b": 0.2, "c": 0.1}
    counts = Counter(drawn(chances, draw(7, f"id-{i}")) for i in range(20_000))
    assert all(abs(counts[key] / 20_000 - chance) < 0.015 for key, chance in chances.items())


@pytest.fixture
def decided(tiny_policy: Policy) -> Decision:
    return tiny_policy.decide(REQUEST, HashingEncoder().encode([REQUEST.text])[0], AT)


def many(explorer: Explorer, decided: Decision, policy: Policy, n: int = 200) -> list[Decision]:
    return [explorer(replace(decided, decision_id=f"d{i}"), REQUEST, policy) for i in range(n)]


def test_every_explored_decision_replays_from_its_row(decided, tiny_policy):
    made = many(Explorer(WIDE, seed=3), decided, tiny_policy)
    rows = [decision_row(one, REQUEST, keep_text=False) for one in made]
    assert {row["route"] for row in rows} == {"gpt-4o|none", "gpt-4o-mini|none"}
    assert all(replays(row) for row in rows)
    assert not any(replays(row | {"propensity": row["propensity"] / 2}) for row in rows)
    assert len({row["route"] for row in rows if replays(row | {"decision_id": "another"})}) == 1


def test_an_explored_route_carries_its_own_parameters_and_says_so(decided, tiny_policy):
    one = next(d for d in many(Explorer(WIDE), decided, tiny_policy) if d.chosen.route != decided.chosen.route)
    assert one.parameters["model"] == one.chosen.route.model
    assert one.propensity == pytest.approx(0.2) and one.reason.startswith("Explores gpt-4o-mini|none")
    assert decided.chosen in one.alternatives and one.chosen not in one.alternatives


def test_a_tenants_day_ends_its_exploring(decided, tiny_policy):
    risk = decided.chosen.p_correct - decided.alternatives[0].p_correct
    made = many(Explorer(replace(WIDE, daily_wrong=3.5 * risk)), decided, tiny_policy)
    explored = [one for one in made if one.chosen.route != decided.chosen.route]
    assert len(explored) == 3
    assert made[-1].propensity == 1.0 and replays(decision_row(made[-1], REQUEST, False))


def test_tenants_have_bounds_of_their_own(decided, tiny_policy):
    explorer = Explorer(WIDE, tenants={"acme": ExploreLimits()})
    assert many(explorer, decided, tiny_policy) == [replace(decided, decision_id=f"d{i}") for i in range(200)]


@pytest.mark.parametrize(
    "changed", [{"plan": {"calls": 2}}, {"ceiling_usd": Decimal("0.1")}, {"action": "fallback"}], ids=str
)
def test_what_is_bound_otherwise_is_not_explored(decided, tiny_policy, changed):
    bound = replace(decided, **changed)
    assert all(one.exploration is None for one in many(Explorer(WIDE), bound, tiny_policy))


def test_what_is_decided_again_says_that_its_propensity_cannot_be_told(decided, tiny_policy):
    assert Explorer(WIDE)(decided, REQUEST, tiny_policy, again=True).exploration == {"again": True}


def test_the_engine_logs_what_it_explored(safe: SafeRoute, store: LogStore, tiny_policy: Policy):
    engine = Engine(safe, store, encoder=HashingEncoder(), clock=lambda: AT, explorer=Explorer(WIDE))
    engine.swap(tiny_policy)
    made = [asyncio.run(engine.route(REQUEST)).decision for _ in range(30)]
    rows = [store.decision(one.decision_id, "acme") for one in made]
    engine.close()
    assert {row["propensity"] for row in rows} <= {0.2, 0.8}
    assert all(replays(row) for row in rows)


def test_off_by_default_and_bounds_of_tenants_extend_the_common_ones():
    assert explorer_of(Settings()) is None
    made = explorer_of(Settings(explore_tenants={"acme": {"epsilon": 0.1}}))
    assert made is not None and asdict(made.tenants["acme"]) == asdict(ExploreLimits(epsilon=0.1))


def test_whoever_explores_is_shown_every_route(safe: SafeRoute, tiny_policy: Policy, monkeypatch: pytest.MonkeyPatch):
    asked, decide = [], Policy.decide

    def spy(self, request, vector, at, shown=None):
        asked.append(shown)
        return decide(self, request, vector, at, shown)

    monkeypatch.setattr(Policy, "decide", spy)
    for explorer in (None, Explorer(WIDE)):
        engine = Engine(safe, encoder=HashingEncoder(), clock=lambda: AT, explorer=explorer)
        engine.swap(tiny_policy)
        asked.clear()
        engine.decide(REQUEST)
        engine.close()
        assert asked == [SHOWN_ALTERNATIVES if explorer is None else None]
