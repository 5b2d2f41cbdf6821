"""The ledger's measurements, at a size that a test bears: real processes are killed."""

from pathlib import Path

import pytest

from eval.bench_ledger import kills


@pytest.mark.real
def test_killed_processes_lose_nothing_acknowledged(tmp_path: Path) -> None:
    [(_, value, noted, _)] = kills(tmp_path, 6)
    assert value.startswith("0 acknowledged records lost, 0 imbalances") and noted > 0
