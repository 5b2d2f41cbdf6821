import numpy as np
import pandas as pd
import pytest

from eval.__main__ import main
from eval.decide import read_queries
from router.errors import InputError
from router.policy import Policy
from router.requests import Request
from training.__main__ import main as train


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A policy on simulated labels, and where its files are."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIERWISE_ENCODER_BACKEND", "hashing")
        patch.setenv("TIERWISE_MODELS_DIR", str(folder / "models"))
        train(["simulate", "--queries", "150", "--seed", "3", "--out", str(folder / "l.parquet")])
        arguments = ["--labels", str(folder / "l.parquet"), "--out", str(folder / "p"), "--at", "2026-11-01"]
        assert train(["fit", *arguments, "--simulated", "--no-tracking"]) == 0
        yield folder


def run(world, *arguments):
    return main([*arguments, "--policy", str(world / "p"), "--at", "2026-11-01"])


def test_decisions_run_from_the_cheapest_to_the_best(world):
    out = world / "d.parquet"
    assert run(world, "decide", "--queries", str(world / "l.parquet"), "--points", "7", "--out", str(out)) == 0
    table = pd.read_parquet(out)
    assert list(table.columns[:6]) == ["point", "query_id", "model", "effort", "p_correct", "expected_usd"]
    assert len(table) == 7 * 150 and table["point"].nunique() == 7
    cost = table.groupby("point")["expected_usd"].mean()
    assert (cost.diff().dropna() >= -1e-12).all()


def test_a_file_is_decided_as_single_requests_are(world):
    from datetime import UTC, datetime

    from router.encoders import HashingEncoder

    out, value = world / "one.parquet", 0.004
    arguments = ("--queries", str(world / "l.parquet"), "--value", str(value), "--out", str(out))
    assert run(world, "decide", *arguments) == 0
    table = pd.read_parquet(out).set_index("query_id")
    policy, encoder, at = Policy.load(world / "p"), HashingEncoder(), datetime(2026, 11, 1, tzinfo=UTC)
    rows = pd.read_parquet(world / "l.parquet").drop_duplicates("query_id").head(60)
    for query, prompt, task in zip(rows["query_id"], rows["prompt"], rows["task"]):
        request = Request.from_mapping({"prompt": prompt, "task": task, "value_usd": value})
        chosen = policy.decide(request, encoder.encode([prompt])[0], at).chosen
        asked = table.loc[query]
        assert f"{asked['model']}|{asked['effort']}" == chosen.route.key
        assert (asked["p_correct"], asked["expected_usd"]) == (chosen.p_correct, chosen.expected_usd)


def test_messages_and_prompts_are_both_queries(tmp_path):
    messages = '[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]'
    pd.DataFrame({"query_id": ["a", "b"], "messages": [messages, None], "prompt": [None, "Ho"]}).to_parquet(
        tmp_path / "q.parquet"
    )
    queries = read_queries(tmp_path / "q.parquet")
    assert queries.texts == ("Hi", "Ho") and queries.requests[0].context_chars == 11


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"prompt": ["a"]}, "query_id: column missing"),
        ({"query_id": ["a", "b"], "prompt": ["x", ""]}, "row 2, column prompt"),
        ({"query_id": ["a"], "messages": ['[{"role": "robot"}]']}, "row 1, column messages"),
        ({"query_id": ["a"], "messages": ["{"]}, "not JSON"),
        ({"query_id": ["a"]}, "row 1, column prompt"),
    ],
)
def test_a_bad_query_is_named(tmp_path, table, message):
    pd.DataFrame(table).to_parquet(tmp_path / "q.parquet")
    with pytest.raises(InputError, match=message):
        read_queries(tmp_path / "q.parquet")


def test_another_encoder_is_refused_with_2(world, monkeypatch, capsys):
    path = world / "p" / "manifest.json"
    assert path.is_file()
    monkeypatch.setattr("router.encoders.HashingEncoder.__init__.__defaults__", (32,))
    code = run(world, "decide", "--queries", str(world / "l.parquet"), "--out", str(world / "never.parquet"))
    assert code == 2 and "trained on" in capsys.readouterr().err
    assert not (world / "never.parquet").exists()


@pytest.mark.parametrize(
    ("said", "told"), [(("--value", "nan"), "value: not an amount"), (("--out", "d.xyz"), "out: unknown file ending")]
)
def test_what_is_wrong_is_told_before_anything_is_decided(world, capsys, said, told):
    asked = ["decide", "--queries", "nowhere.parquet", "--out", "d.parquet", *said]
    assert run(world, *asked) == 2 and told in capsys.readouterr().err


def test_the_frontier_report_is_written_and_says_simulated(world, capsys):
    out = world / "report"
    assert run(world, "frontier", "--labels", str(world / "l.parquet"), "--out", str(out), "--replicates", "50") == 0
    assert {one.name for one in out.iterdir()} == {"frontier.html", "frontier.png", "frontier.json"}
    assert "simulated" in (out / "frontier.html").read_text().lower()
    assert "$" in capsys.readouterr().out


def test_the_report_explains_a_few_requests_and_every_ladder_ascends(world, tmp_path):
    import json

    assert (
        run(world, "frontier", "--labels", str(world / "l.parquet"), "--out", str(tmp_path), "--replicates", "20") == 0
    )
    explained = json.loads((tmp_path / "frontier.json").read_text())["explained"]
    assert 3 <= len(explained) <= 5 and "A few requests explained" in (tmp_path / "frontier.html").read_text()
    for one in explained:
        assert one["route"] in one["reason"] and one["interval"][0] <= one["interval"][1]
        assert len(one["neighbours"]) == 5 and one["features"] and any("would go to" in flip for flip in one["flips"])
    policy = Policy.load(world / "p")
    manifest = policy.manifest["estimator"]["effort_order"]
    assert manifest["models"] >= 1 and len(policy.estimator.blends.ladders) == (
        manifest["models"] if manifest["kept"] else 0
    )


def test_what_was_trained_on_is_counted(world, tmp_path):
    import json

    table = pd.read_parquet(world / "l.parquet")
    table[table["split"] == "train"].assign(split=np.nan).drop(columns="split").to_parquet(tmp_path / "t.parquet")
    assert run(world, "frontier", "--labels", str(tmp_path / "t.parquet"), "--out", str(tmp_path / "r")) == 0
    report = json.loads((tmp_path / "r" / "frontier.json").read_text())
    assert report["notes"]["overlap"] == report["n"] + report["left_out"]
