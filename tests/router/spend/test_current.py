"""A changed file changes the rules; a broken one changes nothing and is told."""

from decimal import Decimal
from pathlib import Path

import pytest

from router.errors import InputError
from router.spend import current as current_spending
from router.spend.current import SpendingFile
from router.spend.spending_file import SpendingRules

BUDGET = '[[budgets]]\nname = "b"\nlimit_usd = {}\n'


def test_a_changed_file_is_taken_and_a_broken_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current_spending, "LOOK_SECONDS", 0.0)
    path, told = tmp_path / "spending.toml", []
    path.write_text(BUDGET.format(1))
    rules = SpendingFile(path, told.append)
    limits = []
    for text in (BUDGET.format(22), "broken [", BUDGET.format(333)):
        path.write_text(text)
        limits.append(rules().budgets[0].limit_usd)
    assert limits == [Decimal(22), Decimal(22), Decimal(333)]
    assert [problem is None for problem in told] == [True, False, True]


def test_without_a_file_nothing_is_limited() -> None:
    assert SpendingFile(None)() == SpendingRules()


def test_a_file_that_does_not_read_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="spending"):
        SpendingFile(tmp_path / "none.toml")
