"""`eval offline` on a log on disk: figures where it can answer, a plain sentence where it cannot, prompts by hash."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from eval.__main__ import main
from router.decisions import Outcome
from router.encoders import HashingEncoder
from router.engine import Engine, Limits
from router.exploration import ExploreLimits, Explorer
from router.log.store import LogStore
from router.policy import Policy
from router.privacy.text_rule import TextRule
from router.requests import Request
from router.safe_route import SafeRoute

AT = datetime(2026, 3, 1, tzinfo=UTC)
PROMPTS = [f"What is {i} + {j}?" for i in range(20) for j in range(20)]


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.parquet"
    pd.DataFrame({"query_id": range(len(PROMPTS)), "prompt": PROMPTS}).astype({"query_id": str}).to_parquet(path)
    return path


@pytest.fixture
def serve(safe: SafeRoute, store_url: str, tiny_policy: Policy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Logs the prompts, with outcomes: the dear route is right, the cheap one wrong."""
    monkeypatch.setenv("TIERWISE_ENCODER_BACKEND", "hashing")
    monkeypatch.setenv("TIERWISE_MODELS_DIR", str(tmp_path / "m"))

    def run(epsilon: float, keep_text: bool = False, most: int = len(PROMPTS)) -> str:
        store = LogStore(store_url, keep_text=TextRule(keep_text))
        explorer = Explorer(ExploreLimits(epsilon, 1, 1, 100, 1, 1e9, 1e9))
        engine = Engine(
            safe, store, encoder=HashingEncoder(), clock=lambda: AT, explorer=explorer, limits=Limits(60, 60)
        )
        engine.swap(tiny_policy)

        async def one(text: str) -> None:
            made = (await engine.route(Request.from_prompt(text))).decision
            right = float(made.chosen.route.model == "gpt-4o")
            await engine.reporting.report(Outcome(made.decision_id, correct=right, usd=Decimal("0.001")))

        async def everything() -> None:
            for start in range(0, most, 50):
                await asyncio.gather(*map(one, PROMPTS[start : start + 50]))

        asyncio.run(everything())
        engine.close()
        return store_url

    return run


def offline(policy: Path, log: str, *more: str) -> int:
    return main(["offline", "--policy", str(policy), "--log", log, "--replicates", "50", *more])


def test_another_policy_is_judged_on_texts_found_by_their_hash(serve, prompts, write_policy, capsys, tmp_path):
    cheap = write_policy("cheap", seed=1, value_usd=0.0)
    out = tmp_path / "said.json"
    assert offline(cheap, serve(0.4), "--prompts", str(prompts), "--out", str(out)) == 0
    assert "The log answers" in capsys.readouterr().out
    said = json.loads(out.read_text())
    robust = next(one for one in said["accuracy"] if one["estimator"] == "DR")
    assert robust["value"] == pytest.approx(0.0, abs=0.15)
    assert said["coverage"]["effective"] == pytest.approx(0.4 * len(PROMPTS), rel=0.25)


def test_a_log_without_exploration_is_said_to_be_mute(serve, write_policy, capsys):
    assert offline(write_policy("cheap", seed=1, value_usd=0.0), serve(0.0, keep_text=True, most=50)) == 0
    assert "cannot answer" in capsys.readouterr().out


def test_a_log_without_texts_asks_for_them(serve, write_policy, capsys):
    assert offline(write_policy("cheap", seed=1), serve(0.0, most=50)) == 2
    assert "--prompts" in capsys.readouterr().err
