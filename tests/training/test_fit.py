import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from router.encoders import HashingEncoder
from router.errors import InputError, LabelSetError, UnpricedRoutesError
from router.policy import Policy, text_digest
from router.settings import Settings
from training.fit import FitOptions, fit
from training.operating_point import Objective
from training.simulate import simulate

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "l.parquet"
    simulate(160, seed=5).to_parquet(path)
    return path


def train(labels, out, **changes):
    settings = Settings(models_dir=out.parent, encoder_backend="hashing")
    options = FitOptions(**({"labels": labels, "out": out, "at": AT} | changes))
    return fit(options, settings, encoder=HashingEncoder())


@pytest.fixture(scope="module")
def trained(labels, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "p"
    return train(labels, out), out


def test_a_training_leaves_a_policy_that_decides(trained):
    result, out = trained
    policy = Policy.load(out)
    assert policy.version == result.manifest["version"] and len(policy.routes) == 11
    point = result.manifest["operating_point"]
    assert 0 < point["out_of_fold_accuracy"] <= 1 and point["out_of_fold_usd"] > 0


def test_only_the_train_part_is_learned_from(trained, labels):
    table = pd.read_parquet(labels).drop_duplicates("query_id")
    known = Policy.load(trained[1]).trained_on()
    seen = table["prompt"].map(lambda text: text_digest(text) in known)
    assert seen[table["split"] == "train"].all() and not seen[table["split"] == "test"].any()


def test_the_same_labels_and_seed_give_the_same_bytes(trained, labels, tmp_path):
    again = train(labels, tmp_path / "q")
    assert again.manifest == trained[0].manifest


def test_a_policy_does_not_carry_prompts(trained):
    words = trained[0].data.texts[0].encode()[:40]
    assert not any(words in one.read_bytes() for one in trained[1].rglob("*") if one.is_file())


@pytest.mark.parametrize("break_", ["correct", "price"])
def test_wrong_input_writes_nothing(labels, tmp_path, break_):
    table = pd.read_parquet(labels)
    if break_ == "correct":
        table.loc[7, "correct"] = -1
    else:
        table["model"] = "own-" + table["model"]
        table = table.drop(columns="cost_usd")
    table.to_parquet(tmp_path / "bad.parquet")
    with pytest.raises((LabelSetError, UnpricedRoutesError)):
        train(tmp_path / "bad.parquet", tmp_path / "models" / "p")
    assert not (tmp_path / "models" / "p").exists()


@pytest.mark.real
def test_ctrl_c_in_the_middle_leaves_the_old_policy(labels, tmp_path):
    first = train(labels, tmp_path / "m" / "p").manifest

    def interrupt(stage, share):
        if stage == "writing policy":
            raise KeyboardInterrupt

    settings = Settings(models_dir=tmp_path / "m", encoder_backend="hashing")
    options = FitOptions(labels=labels, out=tmp_path / "m" / "p", at=AT, seed=9)
    with pytest.raises(KeyboardInterrupt):
        fit(options, settings, interrupt, HashingEncoder())
    assert json.loads((tmp_path / "m" / "p" / "manifest.json").read_text()) == first


@pytest.mark.parametrize("kind", ["one query", "one route", "all right", "all wrong", "two queries"])
def test_degenerate_label_sets_train(labels, tmp_path, kind):
    table = pd.read_parquet(labels)
    first = table["query_id"].unique()
    if kind in ("one query", "two queries"):
        table = table[table["query_id"].isin(first[: 1 if kind == "one query" else 2])].assign(split="train")
    elif kind == "one route":
        table = table[(table["model"] == "gpt-5") & (table["effort"] == "low")]
    else:
        table = table[table["query_id"].isin(first[:60])].assign(correct=float(kind == "all right"))
    table.to_parquet(tmp_path / "l.parquet")
    result = train(tmp_path / "l.parquet", tmp_path / "p", objective=Objective(value_usd=0.01))
    estimates = result.fitted.out_of_fold
    assert np.isfinite(estimates.p).all() and result.notes
    if kind in ("all right", "all wrong"):
        assert abs(estimates.p.mean() - (kind == "all right")) < 0.1


@pytest.fixture(scope="module")
def streamed(labels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("streamed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.large_labels.BATCH", 300)
        patch.setattr("training.sorted_labels.PART_ROWS", 400)
        rows = pd.read_parquet(labels)
        rows.sample(frac=1.0, random_state=2).to_parquet(folder / "l.parquet", row_group_size=200)
        result = train(folder / "l.parquet", folder / "p", most_labels=900, objective=Objective(value_usd=0.01))
        again = train(labels, folder / "q", most_labels=900, objective=Objective(value_usd=0.01))
    return result, again, folder


def test_of_more_labels_than_may_be_held_all_teach_and_a_part_judges(streamed, trained):
    result, _, folder = streamed
    told, whole = result.manifest["labels"], trained[0].manifest["labels"]
    assert (told["queries"], told["labels"]) == (whole["queries"], whole["labels"])
    assert told["queries_that_judge"] == result.fitted.out_of_fold.p.shape[0] < 0.5 * told["queries"]
    assert (
        "streamed" in result.notes[0] and Policy.load(folder / "p").trained_on() == Policy.load(trained[1]).trained_on()
    )
    assert not list(folder.glob(".*labels*"))


def test_a_stream_teaches_what_labels_in_memory_teach(streamed, trained):
    policy, whole = (Policy.load(one).estimator for one in (streamed[2] / "p", trained[1]))
    known = {route.key: rate for route, rate in zip(whole.routes, whole.members.base)}
    assert policy.members.base == pytest.approx([known[route.key] for route in policy.routes], abs=1e-12)
    assert policy.members.tasks.names == whole.members.tasks.names
    data = trained[0].data
    vectors = HashingEncoder().encode(data.texts)
    one, two = (each.predict(data.texts, vectors, data.tasks, data.context_chars) for each in (policy, whole))
    assert np.corrcoef(one.p.ravel(), two.p.ravel())[0, 1] > 0.9
    assert np.corrcoef(one.output_tokens.ravel(), two.output_tokens.ravel())[0, 1] > 0.9


def test_the_order_of_rows_does_not_change_a_byte(streamed):
    assert streamed[0].manifest == streamed[1].manifest


@pytest.mark.parametrize("queries", [1, 2])
def test_a_handful_of_queries_streams_or_is_refused(labels, tmp_path, queries):
    table = pd.read_parquet(labels)
    table = table[table["query_id"].isin(table["query_id"].unique()[:queries])].assign(split="train")
    table.to_parquet(tmp_path / "l.parquet")
    options = {"most_labels": 4, "objective": Objective(value_usd=0.01)}
    if queries == 1:
        with pytest.raises(InputError, match="most-labels"):
            train(tmp_path / "l.parquet", tmp_path / "p", **options)
        return
    result = train(tmp_path / "l.parquet", tmp_path / "p", **options)
    assert np.isfinite(result.fitted.out_of_fold.p).all() and result.manifest["labels"]["queries"] == queries
