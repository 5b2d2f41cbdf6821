"""What came of both sides is joined to the comparison, and what is unknown stays unknown."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from router.decisions import Outcome
from router.encoders import HashingEncoder
from router.log.store import LogStore
from router.policy import Policy
from router.requests import Request
from router.shadow.comparison import Comparison
from router.shadow.frame import COLUMNS, read_shadows
from router.shadow.summary import summarise
from router.shadow.tables import shadows
from router.spend.spending import Spending

AT = datetime(2026, 3, 1, tzinfo=UTC)


class Log:
    """A log with one comparison per call of `decide`."""

    def __init__(self, store: LogStore, incumbent: Policy, candidate: Policy) -> None:
        self.store, self.incumbent, self.candidate, self.spending = store, incumbent, candidate, Spending()

    def decide(self, sampled: bool = True, instead: Policy | None = None, **given: object) -> str:
        request = Request.from_mapping({"prompt": "What is 2 + 2?", **given})
        vector = HashingEncoder().encode([request.text])[0]
        taken = self.incumbent.decide(request, vector, AT)
        other = (instead or self.candidate).decide(request, vector, AT)
        self.store.append(taken, request, self.spending.reserving(taken, request, self.price)).result(5)
        row = Comparison(request.tenant, taken, other, sampled).row()
        self.store.write(lambda connection: connection.execute(shadows.insert(), [row])).result(5)
        return taken.decision_id

    def price(self, route, usage, at):
        return self.incumbent.book.usd(route, usage, at)

    def report(self, decision_id: str, key: str | None = None, **said: object) -> None:
        outcome = Outcome(decision_id, **said)
        self.store.report(outcome, self.price, key, self.spending.settling(self.price)).result(5)

    def table(self) -> pd.DataFrame:
        return read_shadows(self.store)


@pytest.fixture
def log(store: LogStore, tiny_policy: Policy, write_policy: Callable[..., object]) -> Log:
    return Log(store, tiny_policy, Policy.load(write_policy("next", seed=1, value_usd=0.0)))


def test_a_log_without_shadows_is_an_empty_table(store: LogStore) -> None:
    assert list(read_shadows(store).columns) == list(COLUMNS)
    assert summarise(store, "none") == []


def test_both_outcomes_and_both_bills_are_joined(log: Log) -> None:
    one = log.decide()
    log.report(one, correct=1.0, usd=Decimal("0.002"))
    log.report(one, shadow={"correct": 0.0, "input_tokens": 1_000_000, "output_tokens": 0, "scored_by": "label"})
    row = log.table().iloc[0]
    assert (row.executed, row.incumbent_correct, row.candidate_correct) == (True, 1.0, 0.0)
    assert row.incumbent_billed_usd == 0.002
    assert row.candidate_billed_usd == pytest.approx(0.15)  # the candidate's model, not the incumbent's


def test_an_alternative_is_booked_once_as_a_shadow(log: Log) -> None:
    one = log.decide()
    log.report(one, shadow={"usd": "0.5"})
    log.report(one, shadow={"usd": "0.5", "correct": 1.0})
    with log.store.reading() as connection:
        booked = connection.exec_driver_sql("SELECT kind, model, spent FROM ledger_calls WHERE kind = 'shadow'").all()
    assert [tuple(row) for row in booked] == [("shadow", "gpt-4o-mini", 5 * 10**11)]


def test_where_both_chose_the_same_one_call_tells_of_both(log: Log) -> None:
    one = log.decide(instead=log.incumbent)
    log.report(one, correct=1.0, usd=Decimal("0.002"))
    row = log.table().iloc[0]
    assert row.executed and row.candidate_correct == 1.0 and row.candidate_billed_usd == 0.002


def test_a_failed_alternative_answers_nothing_right(log: Log) -> None:
    one = log.decide()
    log.report(one, correct=1.0)
    log.report(one, shadow={"status": "error"})
    row = log.table().iloc[0]
    assert row.executed and row.candidate_correct == 0.0 and np.isnan(row.candidate_billed_usd)


def test_what_was_not_sampled_or_not_reported_is_unknown(log: Log) -> None:
    log.report(log.decide(sampled=False), correct=1.0)
    log.report(log.decide(), correct=1.0)
    assert not log.table()["executed"].any() and log.table()["candidate_correct"].isna().all()


def test_a_judge_replaces_the_label_on_both_sides(log: Log) -> None:
    one = log.decide()
    log.report(one, correct=1.0)
    log.report(one, shadow={"correct": 1.0, "incumbent_correct": 0.0, "scored_by": "judge m"})
    row = log.table().iloc[0]
    assert (row.incumbent_correct, row.candidate_correct) == (0.0, 1.0)


def test_the_summary_holds_before_anything_was_run_on_both_sides(log: Log) -> None:
    log.decide(sampled=False)
    whole = summarise(log.store, log.candidate.version)[0]
    assert (whole.name, whole.n, whole.executed) == ("all", 1, 0) and np.isnan(whole.correct.value)


def test_the_summary_adds_up_slices(log: Log) -> None:
    for tenant, task, right in (("a", "x", 1.0), ("a", "y", 0.0), ("b", None, 1.0)):
        one = log.decide(tenant=tenant, **({"task": task} if task else {}))
        log.report(one, tenant=tenant, correct=1.0)
        log.report(one, tenant=tenant, shadow={"correct": right})
    log.decide(sampled=False, instead=log.candidate)
    slices = {(one.kind, one.name): one for one in summarise(log.store, log.candidate.version)}
    whole = slices["all", "all"]
    assert (whole.n, whole.executed, whole.agreement.value) == (4, 3, 0.0)
    assert whole.correct.value == pytest.approx(-1 / 3) and whole.correct.low < -0.5 < whole.correct.high
    assert whole.predicted_usd.value < 0 and whole.predicted_correct.value == pytest.approx(-0.3)
    assert slices["tenant", "a"].n == 2 and slices["task", "(no task)"].executed == 1
    assert sum(one.n for (kind, _), one in slices.items() if kind == "difficulty") == 4
    only_b = summarise(log.store, log.candidate.version, tenant="b")
    assert only_b[0].n == 1 and {one.name for one in only_b if one.kind == "tenant"} == {"b"}
