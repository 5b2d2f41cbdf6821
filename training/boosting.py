"""Fits LightGBM to cells, here or on the processes of a Dask cluster. Knows nothing of what the cells mean."""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np

from router.errors import InputError

# Fewer cells than this for each process are fitted here: splitting them costs more than it saves.
LEAST_CELLS = 1_000
_TREE, _END = re.compile(r"^(?=Tree=\d+$)", re.MULTILINE), "end of trees"


@dataclass(frozen=True)
class Cells:
    """What trees are fitted to: `features` (n, F), `labels` (n,) in [0, 1], `start` (n,) log-odds to begin with, and
    `weight` (n,) where cells count differently; `names` (F,) of the features."""

    features: np.ndarray
    labels: np.ndarray
    start: np.ndarray
    weight: np.ndarray | None
    names: tuple[str, ...]

    def rows(self, part: slice) -> "Cells":
        weight = None if self.weight is None else self.weight[part]
        return Cells(self.features[part], self.labels[part], self.start[part], weight, self.names)


Boost = Callable[[Cells, Mapping[str, Any], int], lgb.Booster]


def boost_here(cells: Cells, parameters: Mapping[str, Any], rounds: int) -> lgb.Booster:
    """The booster of so many rounds, fitted in this process."""
    dataset = lgb.Dataset(
        cells.features,
        cells.labels,
        weight=cells.weight,
        init_score=cells.start,
        feature_name=list(cells.names),
        free_raw_data=False,
    )
    return lgb.train(dict(parameters), dataset, num_boost_round=rounds)


def boost_parts(parts: Iterator[Cells], count: int, parameters: Mapping[str, Any], rounds: int) -> lgb.Booster:
    """The same for cells that come in `count` random parts, no two in memory at once: the rounds are dealt over the
    parts in turn, each part's beginning from the scores of all before.

    Stochastic gradient boosting (Friedman 2002) whose subsamples are disjoint. Each part's trees are a model of their
    own, and their texts are joined: LightGBM 4.7 makes wrong histograms once a booster's training data are replaced.
    """
    booster: lgb.Booster | None = None
    for number, cells in enumerate(parts):
        own = rounds * (number + 1) // count - rounds * number // count
        if booster is not None:
            cells = replace(cells, start=cells.start + booster.predict(cells.features, raw_score=True))
        # another draw of features and cells in every part
        found = boost_here(cells, {**parameters, "seed": parameters["seed"] + number}, own)
        texts = [one.model_to_string() for one in (booster, found) if one is not None]
        # read back from its text, so that a saved estimator and this one are the same to the bit
        booster = lgb.Booster(model_str=joined(texts))
    if booster is None:
        raise ValueError("no cells to fit trees to")
    return booster


def joined(texts: Sequence[str]) -> str:
    """One model of the trees of all, one after the other, in LightGBM's text form (v4)."""
    trees = [tree for text in texts for tree in _TREE.split(text.partition(_END)[0])[1:]]
    numbered = [f"Tree={number}\n{tree.partition(chr(10))[2]}" for number, tree in enumerate(trees)]
    head, tail = _TREE.split(texts[0].partition(_END)[0])[0], texts[0].partition(_END)[2]
    sizes = " ".join(str(len(tree)) for tree in numbered)
    head = re.sub(r"^tree_sizes=.*$", f"tree_sizes={sizes}", head, flags=re.MULTILINE)
    return "".join([head, *numbered, _END, tail])


@contextmanager
def boosting(cluster: str | None) -> Iterator[Boost]:
    """What fits boosters: here (None), on so many local processes ("2"), or on a running cluster ("tcp://host:8786").

    Raises InputError where the extra is not installed or no scheduler answers.
    """
    if cluster is None:
        yield boost_here
        return
    try:
        from dask.distributed import Client, LocalCluster
    except ImportError as error:
        raise InputError("dask", cluster, "Dask is not installed", "pip install 'tierwise[dask]'.") from error
    if cluster.isdecimal() and int(cluster) > 0:
        with (
            LocalCluster(
                n_workers=int(cluster), threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
            ) as local,
            Client(local) as client,
        ):
            yield _boost_on(client)
        return
    try:
        client = Client(cluster, timeout="10s")
    except (OSError, ValueError) as error:
        cure = "Give a number of local processes, or a scheduler's address such as tcp://host:8786."
        raise InputError("dask", cluster, f"no scheduler answers ({error})", cure) from error
    with client:
        yield _boost_on(client)


def _boost_on(client: Any) -> Boost:
    """Each worker holds its part of the cells and they agree on every split (LightGBM's data-parallel learner)."""

    def boost(cells: Cells, parameters: Mapping[str, Any], rounds: int) -> lgb.Booster:
        from dask.array import from_array

        workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        part = -(-len(cells.labels) // workers)
        if workers == 1 or part < LEAST_CELLS:
            return boost_here(cells, parameters, rounds)
        weight = None if cells.weight is None else from_array(cells.weight, chunks=part)
        # the threads of a fit are its worker's
        own = {name: value for name, value in parameters.items() if name not in ("num_threads", "verbose")}
        model = lgb.DaskLGBMRegressor(client=client, n_estimators=rounds, tree_learner="data", verbose=-1, **own)
        with warnings.catch_warnings():
            # every Dask model of LightGBM has an n_jobs, which it then announces that it ignores
            warnings.filterwarnings("ignore", "Parameter n_jobs will be ignored", UserWarning)
            model.fit(
                from_array(cells.features, chunks=(part, -1)),
                from_array(cells.labels, chunks=part),
                sample_weight=weight,
                init_score=from_array(cells.start, chunks=part),
                feature_name=list(cells.names),
            )
        return model.booster_

    return boost
