"""A replay hides what a service would not know, counts what it served, and stands beside its references."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eval.cache_references import references
from eval.cache_replay import Stream, embed_texts, read_stream, replay, summary
from eval.cache_report import ReplayOptions, evaluate_cache, summary_lines
from router.cache.risk_control import BudgetRules
from router.cache.verifier import Verifier
from router.encoders import HashingEncoder
from router.errors import InputError

SHIPPED = Path(__file__).parents[2] / "models" / "verifier"
RULES = BudgetRules(max_wrong=0.05)
WORDINGS = ("how do I {}", "please tell me how to {}", "{} how", "how can I {} please")
TASKS = ("reset my password", "export the report", "close my account", "change the language", "add a colleague")


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier.load(SHIPPED)


@pytest.fixture(scope="module")
def stream() -> Stream:
    rng = np.random.default_rng(0)
    tasks = [f"{TASKS[int(rng.integers(5))]} in area {int(rng.integers(8))}" for _ in range(600)]
    return Stream(tuple(WORDINGS[int(rng.integers(4))].format(task) for task in tasks), tuple(tasks))


@pytest.fixture(scope="module")
def vectors(stream: Stream) -> dict[str, np.ndarray]:
    return embed_texts(stream, HashingEncoder().encode)


def test_the_promise_is_kept_and_hits_are_made(
    stream: Stream, vectors: dict[str, np.ndarray], verifier: Verifier
) -> None:
    found = summary(replay(stream, vectors, verifier, RULES), RULES)
    assert found["hits"]["count"] > 50
    assert found["wrong_of_all"]["share"] <= 0.05
    assert found["wrong_of_all"]["low"] <= found["wrong_of_all"]["share"] <= found["wrong_of_all"]["high"]


def test_what_a_hit_hides_changes_nothing(stream: Stream, vectors: dict[str, np.ndarray], verifier: Verifier) -> None:
    """Give every hit another true answer: the decisions stay the same, because a service never sees it."""
    steps = replay(stream, vectors, verifier, RULES, seed=3)
    keys = tuple(f"other {i}" if step.action == "hit" else key for i, (step, key) in enumerate(zip(steps, stream.keys)))
    again = replay(Stream(stream.texts, keys), vectors, verifier, RULES, seed=3)
    assert [one.action for one in again] == [one.action for one in steps]
    assert all(one.wrong for one in again if one.action == "hit")


def test_a_seed_repeats_the_replay(stream: Stream, vectors: dict[str, np.ndarray], verifier: Verifier) -> None:
    assert repr(replay(stream, vectors, verifier, RULES, 1)) == repr(replay(stream, vectors, verifier, RULES, 1))


def test_the_oracle_bounds_every_rule(stream: Stream, vectors: dict[str, np.ndarray], verifier: Verifier) -> None:
    found = {one.name: one for one in references(stream, vectors, verifier, 0.05, "requests")}
    oracle = found["oracle"]
    assert oracle.hits == len(stream) - len(set(stream.keys)) and oracle.wrong == 0
    assert all(one.hits - one.wrong <= oracle.hits for one in found.values())
    assert found["threshold in hindsight"].wrong <= 0.05 * len(stream)


def test_pairs_are_replayed_too(verifier: Verifier) -> None:
    texts = tuple(f"how do I {TASKS[i % 5]} {i}" for i in range(400))
    pairs = Stream(texts, tuple("same" if i % 2 else "other" for i in range(400)), tuple(f"{one}?" for one in texts))
    vectors = embed_texts(pairs, HashingEncoder().encode)
    assert summary(replay(pairs, vectors, verifier, RULES), RULES)["wrong_of_all"]["share"] <= 0.05
    assert references(pairs, vectors, verifier, 0.05, "hits")[-1].hits == 200


def test_the_command_writes_decisions_summary_and_plot(stream: Stream, verifier: Verifier, tmp_path: Path) -> None:
    path, out = tmp_path / "s.parquet", tmp_path / "out" / "d.parquet"
    pd.DataFrame({"prompt": stream.texts[:200], "answer_key": stream.keys[:200]}).to_parquet(path)
    out.parent.mkdir()
    found = evaluate_cache(ReplayOptions(path, out, 0.05, shuffle=1), verifier, HashingEncoder().encode)
    table = pd.read_parquet(out)
    assert len(table) == 200 and {"prompt", "action", "risk", "wrong"} <= set(table.columns)
    assert json.loads(out.with_suffix(".json").read_text()) == found
    assert out.with_suffix(".png").stat().st_size > 1_000
    assert any("promise kept" in line for line in summary_lines(found))


def test_a_file_that_is_no_stream_is_refused_by_column_and_row(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["a"]}).to_parquet(tmp_path / "s.parquet")
    with pytest.raises(InputError, match="neither a stream nor pairs"):
        read_stream(tmp_path / "s.parquet")
    pd.DataFrame({"prompt": ["a", " "], "answer_key": ["1", "2"]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="row 1, column prompt"):
        read_stream(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="no row of the stream has this split"):
        read_stream(tmp_path / "t.parquet", "test")
