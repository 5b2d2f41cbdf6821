"""What the gate says is asked before a policy gets traffic."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from router.current_policy import CANDIDATE, read_current
from router.errors import InputError
from router.gate.evidence import from_shadow
from router.gate.verdict import Verdict, weigh
from router.log.store import LogStore
from router.rollout.gatekeeper import shadow_gate
from router.rollout.promotion import promote


def verdict(correct: float, usd: float) -> Verdict:
    """On 2,000 executed comparisons in which the candidate always differs."""
    n, rng = 2_000, np.random.default_rng(0)
    frame = pd.DataFrame({"decision_id": [str(i) for i in range(n)], "at": pd.Timestamp("2026-11-01", tz="UTC")})
    frame = frame.assign(tenant="t", task="", incumbent="a", candidate="b", executed=True)
    for who, p, price in (("incumbent", 0.8, 0.01), ("candidate", correct, usd)):
        frame[f"{who}_model"], frame[f"{who}_effort"] = who, "none"
        frame[f"{who}_p_correct"], frame[f"{who}_usd"] = p, price
        frame[f"{who}_correct"], frame[f"{who}_billed_usd"] = (rng.random(n) < p).astype(float), price
    return weigh([from_shadow(frame)])


@pytest.fixture
def models(tmp_path: Path, write_policy: Callable[..., Path]) -> Path:
    write_policy("old")
    write_policy("new", seed=1, value_usd=0.0)
    promote(tmp_path / "models", "old", 1.0)
    return tmp_path / "models"


def test_what_the_gate_rejects_gets_traffic_by_force_only(models: Path) -> None:
    worse = verdict(0.4, 0.01)
    assert worse.decision == "reject"
    with pytest.raises(InputError, match="the gate rejects it"):
        promote(models, "new", 0.1, gate=lambda *_: worse)
    assert read_current(models, CANDIDATE) is None
    assert promote(models, "new", 0.0, gate=lambda *_: worse).action == "watch"
    assert promote(models, "new", 0.1, gate=lambda *_: worse, force=True).evidence["forced"] is True


def test_what_the_gate_says_is_kept_with_the_change(models: Path) -> None:
    better = verdict(0.95, 0.001)
    change = promote(models, "new", gate=lambda *_: better)
    assert change.evidence["gate"] == better.decision == "promote" and change.evidence["reasons"]


def test_a_store_without_comparisons_says_nothing(models: Path, store: LogStore) -> None:
    assert shadow_gate(store)("b", "a") is None and shadow_gate(None)("b", "a") is None
    change = promote(models, "new", gate=shadow_gate(store))
    assert change.evidence == {"gate": "no request was run with both policies"}
