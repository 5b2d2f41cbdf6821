"""The spend command: for a person, as tables, as FOCUS, as a page; from a ledger filled through its own verbs."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from eval.__main__ import main
from eval.spend_export import FOCUS_BY, focus_columns, focus_table
from eval.spend_page import render_page
from router.log.store import LogStore
from router.money import to_pico
from router.spend import ledger
from router.spend.budgets import Estimate
from router.spend.ledger import NewCall, Settlement
from router.spend.ownership import Owner
from router.spend.query import SpendAsk, SpendRow, spend
from router.spend.report import build_report
from router.spend.spending_file import Chargeback

START = datetime(2026, 3, 1, tzinfo=UTC)
ASK = SpendAsk(START, datetime(2026, 4, 1, tzinfo=UTC), units=True)
# as FOCUS 1.2 has them
MANDATORY = """
BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodStart BillingPeriodEnd ChargeCategory
ChargeClass ChargeDescription ChargePeriodStart ChargePeriodEnd ContractedCost EffectiveCost InvoiceIssuerName
ListCost PricingQuantity PricingUnit ProviderName PublisherName ServiceCategory ServiceName ConsumedQuantity
ConsumedUnit ListUnitPrice SkuId SkuMeter SubAccountId Tags
""".split()  # noqa: SIM905


@pytest.fixture
def filled(store: LogStore, monkeypatch: pytest.MonkeyPatch, store_url: str) -> LogStore:
    monkeypatch.setenv("TIERWISE_STORE_URL", store_url)

    def fill(connection: Any) -> None:
        for i in range(6):
            owner = Owner(f"<b>t{i % 2}", f"u{i}", feature="chat", task_id=f"task{i // 2}")
            estimate = Estimate(to_pico("0.01"), to_pico("0.02"), to_pico("0.04"))
            at = START + timedelta(days=i, hours=i)
            call = NewCall(
                str(i), at, owner, "gpt-4o", "none", "standard", estimate, "openai", strongest=to_pico("0.05")
            )
            ledger.reserve(connection, call, (), 60)
            facts = {"input_tokens": 100, "output_tokens": 50, "resolved": 1}
            settlement = Settlement(to_pico("0.012345678901"), saved_prefix=to_pico("0.001"), facts=facts)
            ledger.settle(connection, str(i), settlement, START)

    store.write(fill).result(10)
    return store


def run(*arguments: str) -> int:
    return main(["spend", "--since", "2026-03-01", "--until", "2026-04-01", *arguments])


def test_the_terminal_says_who_spent_what_and_what_it_saved(
    filled: LogStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--revenue-usd", "10") == 0
    said = capsys.readouterr().out
    assert "$0.074074 spent on 6 calls" in said
    assert re.search(r"<b>t0 +0\.037037 +50\.0% +3 +0\.112963", said)
    assert "saved $0.225926: routing $0.240000, effort $0.00" in said
    assert "a resolved task $0.024691 (n = 3)" in said and "a revenue dollar $0.0074" in said


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_a_table_has_every_digit(filled: LogStore, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"spend{ending}"
    assert run("--by", "tenant,day", "--out", str(out)) == 0
    read = {
        ".csv": pd.read_csv,
        ".parquet": pd.read_parquet,
        ".jsonl": lambda path, **_: pd.read_json(path, lines=True, dtype=False),
    }
    table = read[ending](out, **({"dtype": str} if ending == ".csv" else {}))
    assert sum(map(Decimal, table["spent_usd"])) == Decimal("0.074074073406")
    assert list(table.columns[:2]) == ["tenant", "day"]


def test_focus_has_its_columns_and_the_same_money(filled: LogStore, tmp_path: Path) -> None:
    out = tmp_path / "focus.csv"
    assert run("--format", "focus", "--out", str(out)) == 0
    table = pd.read_csv(out, dtype=str)
    assert set(MANDATORY) <= set(table.columns)
    assert [name for name in table.columns if name not in focus_columns()] == []
    assert sum(map(Decimal, table["BilledCost"])) == Decimal("0.074074073406")
    assert sum(map(Decimal, table["ListCost"])) == Decimal("0.080074073406")
    first = table.iloc[0]
    assert (first["ChargePeriodStart"], first["BillingPeriodEnd"]) == ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")
    assert (first["ConsumedQuantity"], first["ConsumedUnit"]) == ("150.000000000000", "Tokens")
    assert json.loads(first["Tags"]) == {"effort": "none", "feature": "chat"}
    assert Decimal(first["PricingQuantity"]) * Decimal(first["ListUnitPrice"]) == pytest.approx(
        Decimal(first["ListCost"])
    )


def test_the_page_holds_plots_and_definitions_and_escapes_names(filled: LogStore, tmp_path: Path) -> None:
    out = tmp_path / "spend.html"
    assert run("--by", "tenant", "--out", str(out)) == 0
    page = out.read_text()
    assert page.count("<svg") >= 2 and "&lt;b&gt;t0" in page and "<b>t0" not in page
    assert "what settled calls cost" in page and "http" not in page.replace("http://www.w3.org", "")


def test_chargeback_shows_the_markup(filled: LogStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = tmp_path / "spending.toml"
    rules.write_text("[chargeback]\nmarkup = 2\nshared_usd = 10\n")
    assert run("--spending", str(rules)) == 0
    assert "chargeback USD" in capsys.readouterr().out
    with filled.reading() as connection:
        report = build_report(connection, ASK, START, Chargeback(Decimal(2), Decimal(10)))
    assert sum(one.chargeback for one in report.shares) == 2 * (report.total.spent + to_pico(10))
    assert "Showback and chargeback" in render_page(report, "command")


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--by", "colour"], "by: not a dimension"),
        (["--where", "tenant"], "where: not a condition"),
        (["--out", "x.docx"], "out: unknown file ending"),
        (["--store", "sqlite:///nowhere.db"], "store: no such database"),
    ],
)
def test_what_cannot_be_asked_is_told(
    filled: LogStore, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert told in capsys.readouterr().err


def test_a_row_without_tokens_is_counted_in_requests() -> None:
    names = dict.fromkeys(FOCUS_BY) | {"day": "2026-03-01", "tenant": "t", "kind": "storage"}
    row = replace(SpendRow(tuple(names.values())), calls=3, spent=to_pico(6))
    [one] = focus_table([row]).to_dict("records")
    assert (one["ConsumedUnit"], one["ConsumedQuantity"], one["ListUnitPrice"]) == ("Requests", 3, 2)


def test_the_questions_of_exports_are_answered(filled: LogStore) -> None:
    with filled.reading() as connection:
        assert len(spend(connection, replace(ASK, by=FOCUS_BY, units=False))) == 6
