"""Whom a budget binds, for how long, and how much one more call commits."""

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.routes import Route
from router.spend.budgets import KEY_CHARS, Applied, Balance, Budget, Estimate, applying, span
from router.spend.ownership import Owner

AT = datetime(2026, 3, 15, 18, 30, tzinfo=UTC)  # a Sunday
LOW = Route("m", "low")
ACME = Owner("acme", user="ann", feature="chat", tags={"team": "red"})


def keys(*budgets: Budget, owner: Owner = ACME, route: Route | None = LOW) -> list[str]:
    return [one.key for one in applying(budgets, owner, "task", AT, route, "economy")]


@pytest.mark.parametrize(
    "scope, key",
    [
        ({}, "b|2026-03-15"),
        ({"tenant": "acme"}, "b|tenant=acme|2026-03-15"),
        ({"tenant": "*", "user": "*"}, "b|tenant=acme|user=ann|2026-03-15"),
        ({"tags.team": "*"}, "b|tags.team=red|2026-03-15"),
        ({"model": "m"}, "b|model=m|2026-03-15"),
        ({"tier": "economy"}, "b|tier=economy|2026-03-15"),
        ({"tenant": "other"}, None),
        ({"cost_centre": "*"}, None),
        ({"tags.region": "*"}, None),
        ({"model": "other"}, None),
    ],
)
def test_a_scope_binds_its_owners_and_routes(scope: dict[str, str], key: str | None) -> None:
    assert keys(Budget("b", scope, "day", Decimal(1))) == ([] if key is None else [key])


def test_a_routes_budget_waits_for_the_route() -> None:
    assert keys(Budget("b", {"model": "*"}, "day", Decimal(1)), route=None) == []


def test_long_names_make_short_keys_of_their_own() -> None:
    owners = [Owner("x" * 190 + end, "y" * 200, "z" * 200, tags={}) for end in "ab"]
    budget = Budget("b", {"tenant": "*", "user": "*", "feature": "*"}, "day", Decimal(1))
    one, two = (keys(budget, owner=owner)[0] for owner in owners)
    assert one != two and len(one) <= KEY_CHARS


@pytest.mark.parametrize(
    "period, start, end, label",
    [
        ("hour", "2026-03-15T18:00", "2026-03-15T19:00", "2026-03-15T18"),
        ("day", "2026-03-15", "2026-03-16", "2026-03-15"),
        ("week", "2026-03-09", "2026-03-16", "2026-W11"),
        ("month", "2026-03-01", "2026-04-01", "2026-03"),
    ],
)
def test_a_period_begins_and_ends_in_utc(period: str, start: str, end: str, label: str) -> None:
    found = span(period, AT)  # type: ignore[arg-type]
    assert found == (*(datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (start, end)), label)


def test_december_ends_in_january() -> None:
    assert span("month", datetime(2026, 12, 31, 23, tzinfo=UTC))[1] == datetime(2027, 1, 1, tzinfo=UTC)


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)), min_size=1, max_size=30))
def test_what_is_committed_lies_between_the_expectations_and_the_quantiles(calls: list[tuple[int, int]]) -> None:
    budget, balance = Budget("b", {}, "total", Decimal(1)), Balance()
    for expected, spread in calls:
        balance = budget.with_call(balance, Estimate(expected, expected + spread, 10**13))
    committed, slack = budget.committed(balance), len(calls) + 1e-6 * 10**12
    assert sum(one for one, _ in calls) - slack <= committed <= sum(map(sum, calls)) + slack


def test_one_call_alone_commits_its_quantile_and_strictly_its_cap() -> None:
    call = Estimate(10, 10 + 10**9, 5 * 10**9)
    for strict, committed in ((False, call.upper), (True, call.cap)):
        budget = Budget("b", {}, "total", Decimal(1), "hard", strict=strict)
        assert budget.committed(budget.with_call(Balance(), call)) == pytest.approx(committed, abs=1)


@given(st.lists(st.tuples(st.integers(0, 10**12), st.floats(0, 1)), max_size=50))
def test_a_strict_budget_is_never_overspent_by_calls_within_their_caps(calls: list[tuple[int, float]]) -> None:
    budget, balance, spent = Budget("b", {}, "total", Decimal(2), "hard", strict=True), Balance(), 0
    for cap, used in calls:
        call = Estimate(0, 0, cap)
        after = budget.with_call(balance, call)
        if budget.fits(after, call):
            balance, spent = after, spent + round(cap * used)
    assert spent <= budget.limit


def test_the_pace_leaves_the_rest_for_the_calls_to_come() -> None:
    """A quarter of the day is left: 90 calls so far, 30 more to be expected."""
    budget = Budget("b", {}, "day", Decimal(1), "throttle")
    applied = Applied(budget, "b", *span("day", AT)[:2])
    at = datetime(2026, 3, 15, 18, tzinfo=UTC)
    assert applied.ceiling(Balance(spent=7 * 10**11, calls=90), at) == 10**10
    assert applied.ceiling(Balance(spent=2 * 10**12, calls=90), at) == 0


def test_a_limit_of_nothing_is_full_at_once() -> None:
    assert math.isinf(Budget("b", {}, "day", Decimal(0)).share(Balance()))
