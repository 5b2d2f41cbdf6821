"""The spending file is read whole, or refused with the key, its value and the cure."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from router.errors import InputError
from router.spend.budgets import Budget
from router.spend.governance import Grant
from router.spend.spending_file import SpendingRules, read_spending_file

WHOLE = """
[ledger]
expire_seconds = 60
unreported = "charge"
when_down = "closed"
[[budgets]]
name = "acme a day"
scope = { tenant = "acme", "tags.team" = "*" }
period = "day"
limit_usd = "12.345678901"
mode = "hard"
strict = true
max_calls = 10
alert_at = [1.0, 0.5]
[governance]
tiers = ["economy"]
[[grants]]
tenants = ["r*"]
tiers = ["frontier"]
until = 2027-01-31
[alerts]
webhook = "https://hooks.example/x"
month_usd = 100
[chargeback]
markup = 1.25
shared_usd = 9
"""


def read(tmp_path: Path, text: str) -> SpendingRules:
    (tmp_path / "spending.toml").write_text(text)
    return read_spending_file(tmp_path / "spending.toml")


def test_everything_is_read(tmp_path: Path) -> None:
    rules = read(tmp_path, WHOLE)
    scope = {"tenant": "acme", "tags.team": "*"}
    budget = Budget("acme a day", scope, "day", Decimal("12.345678901"), "hard", True, 10, 0.8, (0.5, 1.0))
    assert rules.budgets == (budget,)
    assert rules.governance is not None
    assert rules.governance.grants == (Grant(("r*",), ("frontier",), until=date(2027, 1, 31)),)
    assert (rules.governance.tiers, rules.governance.max_effort) == (("economy",), "medium")
    assert (rules.ledger.expire_seconds, rules.ledger.unreported, rules.ledger.when_down) == (60, "charge", "closed")
    assert (rules.alerts.month_usd, rules.chargeback.markup) == (Decimal(100), Decimal("1.25"))


def test_an_empty_file_limits_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "") == SpendingRules()


BUDGET = '[[budgets]]\nname = "b"\n'


@pytest.mark.parametrize(
    "text, field",
    [
        ("[budget]", "budget"),
        ("budgets = 3", "budgets"),
        (BUDGET, "budgets[0]"),
        (BUDGET + "limit_usd = -1", "budgets[0].limit_usd"),
        (BUDGET + "limit_usd = 9000001", "budgets[0].limit_usd"),
        (BUDGET + "limit_usd = nan", "budgets[0].limit_usd"),
        (BUDGET + 'limit_usd = 1\nmode = "firm"', "budgets[0].mode"),
        (BUDGET + 'limit_usd = 1\nperiod = "year"', "budgets[0].period"),
        (BUDGET + "limit_usd = 1\nscope = { who = 'x' }", "budgets[0].scope.who"),
        (BUDGET + "limit_usd = 1\nstrict = true", "budgets[0].strict"),
        (BUDGET + 'max_calls = 3\nmode = "throttle"', "budgets[0].mode"),
        (BUDGET + "max_calls = 0", "budgets[0].max_calls"),
        (BUDGET + "limit_usd = 1\n" + BUDGET + "limit_usd = 1", "budgets.name"),
        (BUDGET + "limit_usd = 1\nalert_at = 0.5", "budgets[0].alert_at"),
        ('[[budgets]]\nname = "a|b"\nlimit_usd = 1', "budgets[0].name"),
        ('[governance]\ntiers = ["top"]', "governance.tiers"),
        ('[governance]\nmax_effort = "huge"', "governance.max_effort"),
        ('[[grants]]\nuntil = "2027-01-01"', "grants[0].until"),
        ("[[grants]]\ntenants = 'acme'", "grants[0].tenants"),
        ('[alerts]\nwebhook = "ftp://x"', "alerts.webhook"),
        ("[ledger]\nexpire_seconds = -1", "ledger.expire_seconds"),
        ("[chargeback]\ntoken_share = 2", "chargeback.token_share"),
        ("x = [", "spending"),
    ],
)
def test_a_wrong_value_names_its_key(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, text)
    assert refused.value.field == field


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_spending_file(tmp_path / "none.toml")
