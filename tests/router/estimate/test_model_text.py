"""Texts that LightGBM's own parser must never see."""

import re

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.estimate.model_text import read_booster, rewritten

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
TEXT = lgb.train(
    {"verbose": -1, "num_leaves": 6, "num_threads": 1}, lgb.Dataset(X, X[:, 0] + X[:, 1] ** 2), num_boost_round=3
).model_to_string()


def test_a_model_that_was_trained_reads_and_predicts_the_same() -> None:
    booster = read_booster(TEXT, "m.txt")
    assert (booster.predict(X[:5]) == lgb.Booster(model_str=TEXT).predict(X[:5])).all()


def test_a_tree_of_one_leaf_is_a_tree() -> None:
    nothing = lgb.Dataset(np.zeros((2, 3)), [0.5, 0.5])
    flat = lgb.train({"verbose": -1, "boost_from_average": False}, nothing, num_boost_round=1)
    rewritten(flat.model_to_string(), "m.txt")


def test_a_split_of_missing_from_everything_else_is_read() -> None:
    some = X.copy()
    some[::2, 0] = np.nan
    data = lgb.Dataset(some, np.isnan(some[:, 0]).astype(float))
    text = lgb.train({"verbose": -1, "num_leaves": 2, "num_threads": 1}, data, num_boost_round=1).model_to_string()
    assert "threshold=inf" in text
    assert (read_booster(text, "m.txt").predict(some[:6]) == lgb.Booster(model_str=text).predict(some[:6])).all()


@pytest.mark.parametrize("name", ["leaf_weight", "leaf_count", "internal_weight", "internal_count"])
def test_counts_may_be_left_out(name: str) -> None:
    left_out = TEXT.replace(f"\n{name}=", f"\n{name[:-1]}_=")  # as long as before: the sizes of trees still hold
    assert (read_booster(left_out, "m.txt").predict(X[:5]) == lgb.Booster(model_str=TEXT).predict(X[:5])).all()


def changed(form: str, to: str) -> str:
    """The text with its first match replaced by as many characters, so that the sizes of trees still hold."""
    found = re.search(form, TEXT)
    assert found
    return TEXT[: found.start()] + to.ljust(len(found[0]))[: len(found[0])] + TEXT[found.end() :]


HARM = {
    "leaves without end": TEXT.replace("num_leaves=6", "num_leaves=2000000000"),
    "fewer leaves than told": changed("num_leaves=6", "num_leaves=9"),
    "a feature that does not exist": changed(r"split_feature=\d", "split_feature=7"),
    "a negative feature": changed(r"split_feature=\d \d", "split_feature=-1 "),
    "a child that does not exist": changed(r"left_child=-?\d+ ", "left_child=9 "),
    "a circle": changed(r"left_child=-?\d+ ", "left_child=0 "),
    "a digit of another alphabet": changed(r"leaf_value=(-?\d)", "leaf_value=\u0663"),
    "a shrinkage in another alphabet": changed(r"shrinkage=\d", "shrinkage=\u0663"),
    "a child with a fraction": changed(r"left_child=(-?\d+) ", r"left_child=\g<1>.0 "),
    "a feature with an exponent": changed(r"split_feature=(\d)", r"split_feature=\g<1>e0"),
    "categories": changed("num_cat=0", "num_cat=9"),
    "a split by category": changed(r"decision_type=\d", "decision_type=1"),
    "sizes that lie": re.sub(r"tree_sizes=\d+", "tree_sizes=999999", TEXT),
    "negative sizes": re.sub(r"tree_sizes=\d+", "tree_sizes=-5", TEXT),
    "no sizes": re.sub(r"tree_sizes=.*\n", "", TEXT),
    "classes without end": TEXT.replace("num_class=1", "num_class=1000000000"),
    "features without end": TEXT.replace("max_feature_idx=2", "max_feature_idx=2000000000"),
    "no end": TEXT[: TEXT.index("end of trees")],
    "no trees": "tree\nversion=v4\n",
    "nothing": "",
}


@pytest.mark.parametrize("name", HARM)
def test_what_would_lead_lightgbm_astray_is_refused(name: str) -> None:
    assert HARM[name] != TEXT
    with pytest.raises(ValueError, match=r"m\.txt"):
        rewritten(HARM[name], "m.txt")


@given(st.integers(0, len(TEXT) - 1), st.text(max_size=3), st.integers(0, 3))
@settings(max_examples=200)
def test_any_change_is_refused_or_harmless(place: int, put: str, cut: int) -> None:
    try:
        booster = read_booster(TEXT[:place] + put + TEXT[place + cut :], "m.txt")
    except ValueError:
        return
    booster.predict(X[:3])
