"""The command shows what the log holds, and writes it with the columns that the gate reads."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from eval.__main__ import main
from router.encoders import HashingEncoder
from router.log.store import LogStore
from router.policy import Policy
from router.requests import Request
from router.shadow.comparison import Comparison
from router.shadow.frame import COLUMNS
from router.shadow.tables import shadows


def test_comparisons_are_shown_and_written(
    tmp_path: Path,
    store: LogStore,
    store_url: str,
    tiny_policy: Policy,
    write_policy: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    candidate = Policy.load(write_policy("next", seed=1, value_usd=0.0))
    request = Request.from_prompt("What is 2 + 2?")
    vector, at = HashingEncoder().encode([request.text])[0], datetime(2026, 3, 1, tzinfo=UTC)
    taken, instead = (one.decide(request, vector, at) for one in (tiny_policy, candidate))
    store.append(taken, request).result(5)
    row = Comparison("acme", taken, instead, True).row()
    store.write(lambda connection: connection.execute(shadows.insert(), [row])).result(5)
    out = tmp_path / "shadows.parquet"
    assert main(["shadow", "--log", store_url, "--candidate", candidate.version, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "all all" in said and "agree 0%" in said and "-30.0 points" in said and "1 comparisons, 0 of them" in said
    assert list(pd.read_parquet(out).columns) == list(COLUMNS)


def test_a_log_without_comparisons_is_an_error(store: LogStore, store_url: str, capsys) -> None:
    store.write(lambda connection: None).result(10)  # the file is made at its first use
    assert main(["shadow", "--log", store_url, "--candidate", "none"]) == 2
    assert "no comparisons" in capsys.readouterr().err
