"""Two policies on the same labelled queries: what is not labelled for both is left out, and flips add up."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eval.paired import Paired, flips, pair_on_labels
from router.encoders import HashingEncoder
from router.errors import InputError
from router.labels import build_labels
from router.policy import Policy

AT = datetime(2026, 3, 1, tzinfo=UTC)
Pair = Callable[[pd.DataFrame], Paired]


def table(n: int = 40) -> pd.DataFrame:
    rows = [
        {"query_id": f"q{i}", "prompt": f"What is {i} + 2?", "task": "ab"[i % 2], "model": model, "effort": "none"}
        | {"correct": float(i % every > 0), "cost_usd": usd}
        for i in range(n)
        for model, usd, every in (("gpt-4o-mini", 0.0001, 2), ("gpt-4o", 0.001, 4))
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def pair(write_policy: Callable[..., Path], tmp_path: Path) -> Pair:
    """The policy that pays for answers against the one that values them at nothing."""
    dear, cheap = Policy.load(write_policy("dear")), Policy.load(write_policy("cheap", seed=1, value_usd=0.0))

    def paired(labels: pd.DataFrame) -> Paired:
        data = build_labels(labels)
        return pair_on_labels(dear, cheap, HashingEncoder(), data, AT, tmp_path / "cache", lambda *told: None)

    return paired


def test_both_are_read_at_what_they_took(pair: Pair) -> None:
    found = pair(table())
    assert found.differ.all() and found.left_out == 0
    assert found.cells(found.data.correct).mean(axis=0).tolist() == [0.75, 0.5]
    dear, cheap = found.cells(found.paid).mean(axis=0)
    assert dear > cheap > 0


def test_what_lacks_a_label_of_either_is_left_out(pair: Pair) -> None:
    whole = table()
    found = pair(whole.drop(index=whole.index[(whole["query_id"] == "q3") & (whole["model"] == "gpt-4o")]))
    assert (found.data.n, found.left_out) == (39, 1)


def test_a_route_without_labels_is_named(pair: Pair) -> None:
    whole = table()
    with pytest.raises(InputError, match="routes of a policy without labels"):
        pair(whole[whole["model"] == "gpt-4o"])


def test_evidence_has_a_row_per_query_with_its_task_and_difficulty(pair: Pair) -> None:
    found = pair(table())
    evidence = found.evidence()
    assert evidence.n == found.data.n and not evidence.live
    assert dict(evidence.names("task")) == {"a": 0.5, "b": 0.5}
    hard = found.cells(found.incumbent.p)[:, 0] < 0.5
    assert np.array_equal([name.startswith("hard") for name in evidence.difficulty], hard)


def test_flips_say_what_leaving_a_route_changes(pair: Pair) -> None:
    (only,) = flips(pair(table()), replicates=50)
    assert (only.leaves, only.takes, only.share) == ("gpt-4o|none", "gpt-4o-mini|none", 1.0)
    assert only.accuracy.value == pytest.approx(-0.25) and only.usd.value < 0
    assert only.because.startswith("value of an answer")
