"""A retraining is started once a day at most, and told about."""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.retraining import Retraining

AT = datetime(2026, 3, 1, tzinfo=UTC)


def test_without_a_command_nothing_is_done() -> None:
    assert Retraining([])("drift") is None


def test_it_starts_with_its_reason_and_not_again_within_a_day(tmp_path: Path) -> None:
    moments, out = [AT], tmp_path / "why"
    words = f"import os; open({str(out)!r}, 'w').write(os.environ['TIERWISE_RETRAIN_REASON'])"
    retraining = Retraining([sys.executable, "-c", words], lambda: moments[-1])
    assert retraining("drift of inputs") == "a retraining was started"
    deadline = time.monotonic() + 20
    while not (out.is_file() and out.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert out.read_text() == "drift of inputs"
    assert retraining._process is not None and retraining._process.wait(20) == 0
    assert "less than a day ago" in str(retraining("again"))
    moments.append(AT + timedelta(days=2))
    assert retraining("again") == "a retraining was started"
    assert retraining._process.wait(20) == 0


def test_a_command_that_is_not_there_is_told() -> None:
    assert "could not be started" in str(Retraining(["/no/such/command"])("drift"))
