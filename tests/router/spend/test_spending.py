"""From request to settled cost: what the engine decides, holds and books under spending rules."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from router.encoders import HashingEncoder
from router.engine import Engine, Limits
from router.errors import BudgetExceededError, LedgerDownError, NotGrantedError
from router.events import Decided
from router.log.store import LogStore
from router.outcomes import read_outcome
from router.policy import Policy
from router.requests import Request
from router.safe_route import SafeRoute
from router.spend.budgets import Budget
from router.spend.governance import Governance, Grant
from router.spend.ledger_books import imbalances
from router.spend.ledger_tables import calls
from router.spend.spending import Spending
from router.spend.spending_file import LedgerRules, SpendingRules

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEAR, CHEAP = "gpt-4o|none", "gpt-4o-mini|none"
Make = Callable[..., Engine]


@pytest.fixture
def make(safe: SafeRoute, store: LogStore, tiny_policy: Policy) -> Iterator[Make]:
    """An engine that would always choose the dear route, under the given budgets."""
    made: list[Engine] = []

    def build(*budgets: Budget, policy: bool = True, **rules: Any) -> Engine:
        spending = Spending(lambda: SpendingRules(budgets=budgets, **rules))
        engine = Engine(safe, store, encoder=HashingEncoder(), clock=lambda: AT, spending=spending)
        if policy:
            engine.swap(tiny_policy)
        made.append(engine)
        return engine

    yield build
    for engine in made:
        engine.close()


def budget(limit: str | None, mode: str = "hard", **more: Any) -> Budget:
    given = {"scope": {"tenant": "*"}, "period": "day", **more}
    return Budget("b", limit_usd=Decimal(limit) if limit else None, mode=mode, **given)  # type: ignore[arg-type]


def route(engine: Engine, **body: Any) -> Decided:
    return asyncio.run(engine.route(Request.from_mapping({"prompt": "What is 2 + 2?", **body})))


def report(engine: Engine, decided: Decided, **said: Any) -> None:
    given = {"decision_id": decided.decision.decision_id, **said}
    asyncio.run(engine.reporting.report(read_outcome(given)))


def rows(engine: Engine) -> list[dict[str, Any]]:
    assert engine.store is not None
    with engine.store.reading() as connection:
        assert imbalances(connection) == []
        return [dict(row) for row in connection.execute(select(calls).order_by(calls.c.kind)).mappings()]


def chosen(decided: Decided) -> str:
    return decided.decision.chosen.route.key


def test_a_decision_is_booked_with_its_owner_and_its_counterfactual(make: Make) -> None:
    engine = make()
    decided = route(engine, user="ann", feature="chat", task_id="t1", tags={"team": "red", "cost_centre": "c9"})
    [row] = rows(engine)
    names = ("tenant", "user", "feature", "cost_centre", "task_id", "tags", "state", "model", "provider")
    assert [row[name] for name in names] == [
        *("default", "ann", "chat", "c9", "t1", {"team": "red"}, "reserved", "gpt-4o", "openai"),
    ]
    assert row["strongest"] == row["expected"] == row["same_model"] > 0
    assert row["held"] > row["expected"]
    assert decided.decision.chosen.upper_usd * 1e12 == pytest.approx(row["held"])


def test_a_report_settles_and_what_it_caused_is_booked_on_the_same_task(make: Make) -> None:
    engine = make(budget("1"))
    decided = route(engine, task_id="t1")
    caused = [{"kind": "retry", "status": "error", "usd": "0.01"}, {"kind": "judge", "model": "gpt-4o-mini"}]
    caused[1] |= {"input_tokens": 1_000_000, "output_tokens": 0}
    report(engine, decided, input_tokens=1000, output_tokens=100, cached_input_tokens=400, resolved=True, calls=caused)
    found = {row["kind"]: row for row in rows(engine)}
    spent = {kind: Decimal(row["spent"]) / 10**12 for kind, row in found.items()}
    # 600 × $2.50 + 400 × $1.25 + 100 × $10, per million
    assert spent == {"call": Decimal("0.003"), "retry": Decimal("0.01"), "judge": Decimal("0.15")}
    assert {row["task_id"] for row in found.values()} == {"t1"}
    assert (found["call"]["resolved"], found["retry"]["failed"]) == (1, 1)
    assert found["call"]["saved_prefix"] == 400 * 1_250_000


def test_a_repeated_report_books_nothing_twice_and_a_later_one_corrects(make: Make) -> None:
    engine = make(budget("1"))
    decided = route(engine)
    for _ in range(2):
        report(engine, decided, usd="0.02", calls=[{"kind": "retry", "usd": "0.01"}])
    report(engine, decided, usd="0.05")
    assert {row["kind"]: row["spent"] for row in rows(engine)} == {"call": 5 * 10**10, "retry": 10**10}


def test_a_failed_call_without_usage_was_not_billed(make: Make) -> None:
    engine = make()
    report(engine, route(engine), status="error", error="timeout")
    [row] = rows(engine)
    assert (row["state"], row["spent"], row["failed"]) == ("settled", 0, 1)


def test_a_report_without_a_cost_leaves_the_reservation(make: Make) -> None:
    engine = make()
    report(engine, route(engine), correct=1)
    [row] = rows(engine)
    assert (row["state"], row["correct"]) == ("reserved", 1.0)


def test_a_hard_budget_refuses_and_nothing_is_logged(make: Make) -> None:
    engine = make(budget("0.000001"))
    with pytest.raises(BudgetExceededError):
        route(engine)
    assert rows(engine) == [] and engine.store.counts() == (0, 0)


def test_a_throttled_budget_takes_the_cheaper_route_and_says_so(make: Make) -> None:
    engine = make(budget("0.0005", "throttle", throttle_at=0.1))
    found = [route(engine) for _ in range(6)]
    assert chosen(found[0]) == DEAR or found[0].decision.ceiling_usd is not None
    assert [chosen(one) for one in found[2:]] == [CHEAP] * 4
    assert "throttled budget allows" in found[-1].decision.reason
    assert found[-1].charged.standings[0].share > 0.1


def test_a_models_own_budget_leaves_the_other_models(make: Make) -> None:
    engine = make(budget("0.000001", scope={"model": "gpt-4o"}))
    assert chosen(route(engine)) == CHEAP
    every = make(budget("0.0000001", scope={"model": "*"}))
    with pytest.raises(BudgetExceededError):
        route(every)


def test_what_is_not_granted_is_not_chosen(make: Make) -> None:
    rules = Governance(models=("gpt-4o-mini",), grants=(Grant(("vip",), models=("gpt-4o",)),))
    engine = make(governance=rules)
    assert [chosen(route(engine, tenant=tenant)) for tenant in ("acme", "vip")] == [CHEAP, DEAR]
    with pytest.raises(NotGrantedError, match="a grant of model gpt-4o"):
        route(engine, constraints={"models": ["gpt-4o"]})


def test_the_safe_route_is_reserved_at_its_cap(make: Make) -> None:
    engine = make(budget("1", strict=True), policy=False)
    decided = route(engine)
    [row] = rows(engine)
    assert (decided.decision.action, row["model"]) == ("fallback", "gpt-4o-mini")
    assert row["held"] >= 1024 * 600_000  # its output cap at $0.60 a million


def test_a_strict_budget_holds_more_than_the_quantile(make: Make) -> None:
    engine = make(budget("1", strict=True))
    decided = route(engine)
    [row] = rows(engine)
    assert row["held"] > decided.decision.chosen.upper_usd * 1e12


def test_steps_of_a_task_are_counted_across_calls(make: Make) -> None:
    engine = make(budget(None, max_calls=2, period="task", scope={"task_id": "*"}))
    for _ in range(2):
        route(engine, task_id="loop")
    with pytest.raises(BudgetExceededError, match="2 calls of 2 calls"):
        route(engine, task_id="loop")
    route(engine, task_id="another")


@pytest.mark.parametrize(
    "when_down, strict, refused", [("closed", True, True), ("closed", False, False), ("open", True, False)]
)
def test_a_broken_ledger_breaks_only_what_asked_for_it(
    safe: SafeRoute, tiny_policy: Policy, when_down: str, strict: bool, refused: bool
) -> None:
    rules = SpendingRules(LedgerRules(when_down=when_down), (budget("1", strict=strict),))  # type: ignore[arg-type]
    engine = Engine(
        safe, None, encoder=HashingEncoder(), limits=Limits(), clock=lambda: AT, spending=Spending(lambda: rules)
    )
    engine.swap(tiny_policy)
    if refused:
        with pytest.raises(LedgerDownError):
            route(engine)
    else:
        assert route(engine).decision.logged is False
    engine.close()


def test_a_sessions_prefix_is_followed(make: Make) -> None:
    engine = make()
    history = [{"role": "system", "content": "Be brief. Today is 2026-03-01."}, {"role": "user", "content": "Hi"}]
    for messages in (history, [*history, {"role": "user", "content": "And?"}]):
        route(engine, prompt=None, session="s", messages=messages)
    assert sorted(row["prefix"] for row in rows(engine)) == ["first", "kept"]


def test_expiry_follows_the_rules(make: Make) -> None:
    engine = make(budget("1"), ledger=LedgerRules(expire_seconds=1, unreported="charge"))
    route(engine)
    assert engine.store.write(engine.spending.expiring()).result(5) == 1
    [row] = rows(engine)
    assert (row["state"], row["spent"], row["estimated"]) == ("expired", row["expected"], 1)
