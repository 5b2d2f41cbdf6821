"""Numbers taken from a real (tiny) log: what was measured replaces what would be assumed, with its sample size."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from router.decisions import Decision, Option, Outcome
from router.economics.chapters import plan_scenario
from router.economics.measured import Measured, Period, asks, fill, measure, measure_periods
from router.economics.scenarios import example
from router.errors import InputError
from router.log.store import LogStore
from router.requests import Request
from router.routes import Route

AT = datetime(2026, 7, 1, tzinfo=UTC)
D = Decimal
Log = Callable[..., None]


@pytest.fixture
def log(store: LogStore) -> Log:
    """Writes decisions an hour apart, each with an outcome."""

    def write(count: int, tenant: str = "acme", route: str = "gpt-4o|none", **said) -> None:
        chosen = Option(Route.parse(route), "standard", 0.9, 0.8, 1.0, 0.001, 100.0, 500, 1.0)
        for i in range(count):
            decision_id = f"{tenant}-{route}-{i}"
            decision = Decision(decision_id, "route", chosen, (), 1.0, 1.0, "p", "r", {}, AT + timedelta(hours=i))
            store.append(decision, Request.from_mapping({"prompt": "hello", "tenant": tenant})).result()
            given = {name: value(i) if callable(value) else value for name, value in said.items()}
            store.report(replace(Outcome(decision_id, tenant), **given), lambda *_: None).result()

    return write


def test_everything_that_outcomes_say_is_measured(store: LogStore, log: Log) -> None:
    log(
        40,
        input_tokens=lambda i: 1000 + i,
        output_tokens=lambda i: 200 + (i % 7),
        cached_input_tokens=500,
        reasoning_tokens=50,
        correct=lambda i: float(i % 4 != 0),
        status=lambda i: "error" if i % 10 == 0 else "ok",
        usd=lambda i: (3 * D(1000 + i) + 15 * D(200 + i % 7)) / 10**6,
    )
    found = measure(store, Period(tenant="acme"))
    assert found["input_tokens"].value == D("1019.5")
    assert found["output_tokens"].value == D(sum(150 + i % 7 for i in range(40))) / 40  # what is seen
    assert found["cache_hit_rate"].value == D(500) / D("1019.5")
    assert (found["failure_rate"].value, found["failure_rate"].n) == (D("0.1"), 40)
    assert found["p_correct"].value == D("0.75")
    assert found["p_correct"].low < 0.75 < found["p_correct"].high
    assert found["calls_per_day"].value == pytest.approx(D(40 * 24) / 39, abs=D("0.001"))
    assert found["usd_per_million_input_tokens"].value == pytest.approx(D(3), abs=D("0.001"))
    assert found["usd_per_million_output_tokens"].value == pytest.approx(D(15), abs=D("0.001"))
    assert found["model"].value == "gpt-4o"


def test_a_scenario_takes_measured_numbers_and_says_so(store: LogStore, log: Log) -> None:
    log(30, input_tokens=2000, output_tokens=100, status="ok")
    given = example("request") | {"measured": {"tenant": "acme"}}
    given["request"] = {"call": {"input_tokens": "measured", "output_tokens": "measured"}}
    given["request"]["retries"] = {"failure_rate": "measured"}
    given["requests_per_day"] = "measured.calls_per_day"
    given["images"] = []
    plan = plan_scenario(given, measure_periods(store, given["measured"]))
    assert next(one.value for one in plan.figures if one.name == "expected cost") == D("0.0075")
    assert any(note.startswith("request.call.input_tokens: input_tokens measured: 2000") for note in plan.notes)


def test_named_periods_measure_one_route_each(store: LogStore, log: Log) -> None:
    log(30, route="gpt-4o-mini|none", usd=D("0.001"))
    log(30, route="gpt-4o|none", usd=D("0.01"))
    periods = {"tenant": "acme", "cheap": {"route": "gpt-4o-mini|none"}, "dear": {"route": "gpt-4o|none"}}
    cascade = {
        "cheap_usd_per_call": "measured.cheap",
        "dear_usd_per_call": "measured.dear.usd_per_call",
        "escalated_share": 0.2,
    }
    plan = plan_scenario({"chapter": "routing", "cascade": cascade}, measure_periods(store, periods))
    assert plan.figures[0].value == D("0.003")


def test_a_tenant_never_measures_anothers_calls(store: LogStore, log: Log) -> None:
    log(30, tenant="acme", input_tokens=1000, output_tokens=1)
    with pytest.raises(InputError, match="too few outcomes") as caught:
        measure(store, Period(tenant="other"))
    assert caught.value.value == 0


def test_a_period_bounds_what_is_measured(store: LogStore, log: Log) -> None:
    log(40, input_tokens=lambda i: i, output_tokens=1)
    found = measure(store, Period(tenant="acme", since=AT + timedelta(hours=30), least_outcomes=5))
    assert (found["input_tokens"].value, found["input_tokens"].n) == (D("34.5"), 10)


def test_calls_too_much_alike_tell_no_prices(store: LogStore, log: Log) -> None:
    log(30, input_tokens=1000, output_tokens=100, usd=D("0.004"))
    assert "usd_per_million_input_tokens" not in measure(store, Period(tenant="acme"))


def test_what_is_not_measured_is_refused_by_its_field() -> None:
    with pytest.raises(InputError) as caught:
        fill({"a": {"searches": "measured"}}, {"input_tokens": Measured(D(1), 1)})
    assert caught.value.field == "a.searches"
    assert "input_tokens" in caught.value.cure


def test_only_the_word_itself_asks() -> None:
    assert asks({"a": [{"b": "measured"}]})
    assert not asks({"name": "measuredly", "b": 1})
