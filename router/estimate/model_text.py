"""LightGBM models from texts that others may have made. LightGBM's parser trusts sizes and places: a changed letter
makes it read beside its arrays, or end the process. So it sees a text written anew from the numbers in theirs.

Knows the text's form (version v4), and the kinds of trees that we train; predicts nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from lightgbm import Booster
from lightgbm.basic import LightGBMError

_MOST_LEAVES, _MOST_FEATURES, _MOST_TREES = 1 << 17, 1 << 16, 1 << 16
_OBJECTIVES = frozenset({"cross_entropy", "binary sigmoid:1", "regression", "regression_l1", "quantile"})
_END = "end of trees"
# ASCII: a digit of another alphabet is one to us, and ends LightGBM's process
_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,25})?(?:e[+-]?\d{1,3})?", re.ASCII)
_THRESHOLD = re.compile(rf"(?:{_NUMBER.pattern})|inf", re.ASCII)  # missing on one side, everything else on the other
_WHOLE = re.compile(r"-?\d{1,9}", re.ASCII)  # "1.0" is read as 1 and then as nothing: LightGBM would go round for ever
_FEATURE = re.compile(r"[A-Za-z0-9_]{1,100}")
_PER_LEAF = ("leaf_value", "leaf_weight", "leaf_count")
_WHOLE_NODE = ("split_feature", "decision_type", "left_child", "right_child")
_PER_NODE = (*_WHOLE_NODE, "threshold", "split_gain", "internal_value", "internal_weight", "internal_count")
# in the order in which LightGBM writes them
_WRITTEN = (
    *("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child"),
    *("leaf_value", "leaf_weight", "leaf_count", "internal_value", "internal_weight", "internal_count"),
)


def read_booster(text: str, name: str) -> Booster:
    """Raises ValueError for a text that is no model of ours."""
    try:
        return Booster(model_str=rewritten(text, name))
    except LightGBMError as error:
        raise ValueError(f"{name}: {error}") from error


def rewritten(text: str, name: str) -> str:
    """The model's text, written anew: every tree is a tree, over features that exist, with as many numbers as it says.
    Raises ValueError."""
    try:
        head, _, _ = text.partition("\nTree=")
        top = _pairs(head)
        features = _whole(top, "max_feature_idx", _MOST_FEATURES) + 1
        names, objective = top["feature_names"].split(), top["objective"].strip()
        if len(names) != features or not all(map(_FEATURE.fullmatch, names)) or objective not in _OBJECTIVES:
            raise ValueError("unknown features, or an unknown objective")
        if _whole(top, "num_class", 1) != 1 or _whole(top, "num_tree_per_iteration", 1) != 1:
            raise ValueError("more than one class")
        sizes = [int(size) for size in top["tree_sizes"].split()]
        if not 0 < len(sizes) <= _MOST_TREES:
            raise ValueError(f"{len(sizes)} trees")
        trees = [_written(number, tree, features) for number, tree in enumerate(_trees(text, len(head) + 1, sizes))]
    except (KeyError, ValueError, OverflowError) as error:
        raise ValueError(f"{name}: not a LightGBM model of ours ({error})") from error
    lines = ["tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0"]
    lines += [f"max_feature_idx={features - 1}", f"objective={objective}", f"feature_names={' '.join(names)}"]
    lines += [
        f"feature_infos={' '.join(['none'] * features)}",
        f"tree_sizes={' '.join(str(len(one)) for one in trees)}",
    ]
    return "\n".join(lines) + "\n\n" + "".join(trees) + f"{_END}\n\npandas_categorical:null\n"


def _trees(text: str, start: int, sizes: Sequence[int]) -> Iterator[Mapping[str, str]]:
    """The trees, each where the sizes say that it is."""
    for number, size in enumerate(sizes):
        first = f"Tree={number}\n"
        if size < len(first) or not text.startswith(first, start):
            raise ValueError(f"tree {number} is not where it should be")
        yield _pairs(text[start + len(first) : start + size])
        start += size
    if not text.startswith(_END, start):
        raise ValueError("the trees do not end where they should")


def _pairs(block: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in block.splitlines():
        key, told, value = line.partition("=")
        if told and key in found:
            raise ValueError(f"{key} twice")
        found[key] = value
    return found


def _written(number: int, tree: Mapping[str, str], features: int) -> str:
    leaves = _whole(tree, "num_leaves", _MOST_LEAVES)
    if leaves < 1 or _whole(tree, "num_cat", 0) or tree.get("is_linear", "0") not in ("0", ""):
        raise ValueError("a kind of tree that we never train")
    numbers = {key: _numbers(tree, key, leaves) for key in (*_PER_LEAF, *_PER_NODE)}
    if leaves > 1:
        _check({key: np.array(numbers[key], float) for key in _WHOLE_NODE}, leaves, features)
    shrinkage = tree.get("shrinkage", "1")
    if not _NUMBER.fullmatch(shrinkage):
        raise ValueError(f"shrinkage={shrinkage[:20]}")
    lines = [f"Tree={number}", f"num_leaves={leaves}", "num_cat=0"]
    # what was left out has no line: an empty one ends LightGBM's process
    lines += [f"{key}={' '.join(numbers[key])}" for key in _WRITTEN if numbers[key] or leaves == 1]
    return "\n".join([*lines, "is_linear=0", f"shrinkage={shrinkage}", "", "", ""])


def _numbers(tree: Mapping[str, str], key: str, leaves: int) -> list[str]:
    """As many as are due, each as it was written: a threshold must not lose a digit. Counts may be left out."""
    due, found = leaves if key in _PER_LEAF else leaves - 1, tree.get(key, "").split()
    if len(found) != due and not (not found and (leaves == 1 or key.endswith(("_weight", "_count")))):
        raise ValueError(f"{len(found)} of {key} where {due} are due")
    form = _THRESHOLD if key == "threshold" else _WHOLE if key in _WHOLE_NODE or key.endswith("_count") else _NUMBER
    wrong = [one for one in found if not form.fullmatch(one)]
    if wrong:
        raise ValueError(f"{key}: {wrong[0][:20]!r} is no number")
    return found


def _check(columns: Mapping[str, np.ndarray], leaves: int, features: int) -> None:
    if any((column % 1 != 0).any() for column in columns.values()):
        raise ValueError("places that are no whole numbers")
    split, kinds = columns["split_feature"], columns["decision_type"]
    if not ((split >= 0) & (split < features)).all():
        raise ValueError("a split on a feature that does not exist")
    if not np.isin(kinds, (0, 2, 4, 6, 8, 10)).all():
        raise ValueError("a split of a kind that we never train")
    left_right = np.concatenate([columns["left_child"], columns["right_child"]])
    inner, ends = left_right[left_right >= 0], -left_right[left_right < 0] - 1
    # each node but the first has one parent, of a smaller number; each leaf has one
    if sorted(inner) != list(range(1, leaves - 1)) or sorted(ends) != list(range(leaves)):
        raise ValueError("nodes that make no tree")
    if (inner <= np.tile(np.arange(leaves - 1), 2)[left_right >= 0]).any():
        raise ValueError("nodes that go round in a circle")


def _whole(pairs: Mapping[str, str], key: str, most: int) -> int:
    value = int(pairs[key])
    if not 0 <= value <= most:
        raise ValueError(f"{key}={value}")
    return value
