"""Train the cache's verifier: the judge of pairs, the table of word rarity, and where the online risk model starts.

The pairs' calibrate part and edits of its texts teach the judge, vectors first and the trees that read their verdict
after; template traffic, which the judge never saw, is
replayed with every answer revealed and teaches the prior. The test part is measured once, after everything is fixed.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from router.cache.lexicon import STOP
from router.cache.pair_vectors import PairVectors
from router.cache.partition import Entry, Partition, Record
from router.cache.risk_model import CONTEXT_FEATURES
from router.cache.text_view import TextView, Viewer, fit_idf
from router.cache.verifier import PAIR_FEATURES, RiskPrior, Verifier, pair_features, save_verifier
from router.encoders import Encoder
from router.errors import InputError
from router.tables import read_table
from training.near_misses import Pair, edited_pairs
from training.pair_vectors import fit_pair_vectors, out_of_fold
from training.template_traffic import template_stream

Embed = Callable[[Sequence[str]], np.ndarray]
_TREES = {
    "objective": "binary", "learning_rate": 0.06, "num_leaves": 16, "min_child_samples": 60, "feature_fraction": 0.6,
    "bagging_fraction": 0.8, "bagging_freq": 1, "verbose": -1, "num_threads": 1, "seed": 1, "deterministic": True,
    # a nearer pair, or one that the vectors speak for, is never less likely to be the same, all words being equal
    "monotone_constraints": [1, *[0] * (len(PAIR_FEATURES) - 2), 1],
}  # fmt: skip
_ROUNDS = 220
_EDITS, _EDIT_WEIGHT = 8_000, 0.75
_WITHOUT_VECTORS = 0.25  # rows that also teach what to say where the vectors are of another encoder
_PRIOR_VARIANCE, _INTERCEPT_VARIANCE = 0.25, 1.0
_TRAFFIC = {"trains": 1_500, "library": 900, "kitchen": 1_200, "warehouse": 2_000, "helpdesk": 1_000}


@dataclass(frozen=True)
class PairSet:
    """A file of pairs (cached, incoming, same, split) and what each row weighs in training."""

    path: Path
    weight: float = 1.0


@dataclass
class _Rows:
    features: np.ndarray
    first: np.ndarray
    second: np.ndarray
    same: np.ndarray
    weight: np.ndarray
    group: np.ndarray
    parts: list[dict[str, Any]] = field(default_factory=list)


def fit_verifier(
    sets: Sequence[PairSet],
    encoder: Encoder,
    out: Path,
    *,
    seed: int = 0,
    embed: Embed | None = None,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> dict[str, Any]:
    """Train on the calibrate part of each set, write the folder, and return its manifest."""
    tables = [_read(one.path) for one in sets]
    calibrate = [table[table["split"] == "calibrate"] for table in tables]
    progress("Reading words", 0.0)
    idf = fit_idf(pd.unique(pd.concat([calibrate[0]["cached"], calibrate[0]["incoming"]])))
    look = _Look(Viewer(idf), embed or encoder.encode)
    edits = _edits(calibrate[0], seed)
    progress("Comparing pairs", 0.1)
    rows = _rows(look, [*calibrate, edits], [*(one.weight for one in sets), _EDIT_WEIGHT])
    progress("Cross-validating", 0.3)
    measured = {"cross_validated": _cross_validated(rows, [one.path.stem for one in sets])}
    progress("Fitting", 0.6)
    booster, vectors = _fit(rows)
    model, vectors = booster.model_to_string(), replace(vectors, encoder=encoder.identity.weights)
    draft = Verifier(lgb.Booster(model_str=model), idf, _flat_prior(), {}, vectors)
    progress("Replaying template traffic", 0.7)
    prior = fit_prior(draft, look.embed, seed)
    measured["test"] = [_test(draft, vectors, look, one.path.stem, table) for one, table in zip(sets, tables)]
    progress("Writing", 1.0)
    trained = {
        "encoder": encoder.identity.as_dict(),
        "pairs": [{"file": one.path.name, "rows": len(t), "weight": one.weight} for one, t in zip(sets, calibrate)],
        "edits": {"rows": len(edits), "weight": _EDIT_WEIGHT},
        "template_requests": sum(_TRAFFIC.values()),
        "seed": seed,
        "rounds": _ROUNDS,
        "measured": measured,
    }
    return save_verifier(out, model, idf, vectors, prior, trained)


def fit_prior(verifier: Verifier, embed: Embed, seed: int) -> RiskPrior:
    """Weights of the context features on template traffic whose answers are all revealed."""
    features, valid = [], []
    for i, (world, count) in enumerate(_TRAFFIC.items()):
        stream = template_stream(world, count, seed + 11 + i)
        for row, label in _revealed(verifier, stream, embed):
            features.append(row)
            valid.append(label)
    x = np.array(features)
    mean, scale = x.mean(0), x.std(0) + 1e-6
    model = LogisticRegression(C=0.05, max_iter=1_000).fit(np.clip((x - mean) / scale, -4, 4), valid)
    variances = np.append(np.full(x.shape[1], _PRIOR_VARIANCE), _INTERCEPT_VARIANCE)
    return RiskPrior(CONTEXT_FEATURES, mean, scale, np.append(model.coef_[0], model.intercept_[0]), variances)


def _revealed(verifier: Verifier, stream: list[tuple[str, str]], embed: Embed) -> list[tuple[np.ndarray, bool]]:
    """Features and truth of the candidate of each request, nothing ever served from the cache."""
    texts = list(dict.fromkeys(text for text, _ in stream))
    vectors = dict(zip(texts, embed(texts)))
    partition = Partition(len(next(iter(vectors.values()))), "training", verifier)
    answer_ids: dict[str, int] = {}
    seen: dict[str, int] = {}
    rows = []
    for i, (text, key) in enumerate(stream):
        answer_id = answer_ids.setdefault(key, len(answer_ids))
        candidate = partition.candidate(text, vectors[text])
        if candidate is not None:
            valid = candidate.answer_id == answer_id
            rows.append((candidate.features, valid))
        if text not in seen:
            seen[text] = i
            entry = Entry(i, answer_id, text, text.encode(), 0.0, Record())
            partition.add(entry, vectors[text])
        if candidate is not None:
            risk = 1 / (1 + np.exp(candidate.verifier_logit))
            partition.learn({candidate.entry_id, seen[text]}, candidate, float(risk), valid)
    return rows


def _read(path: Path) -> pd.DataFrame:
    table = read_table(path, "pairs")
    missing = sorted({"cached", "incoming", "same", "split"} - set(table.columns))
    if missing:
        raise InputError("pairs", str(path), f"no column {missing[0]}", "Give cached, incoming, same and split.")
    if not (table["split"] == "calibrate").any():
        raise InputError("pairs", str(path), "no row has split calibrate", "Mark the rows to train on.")
    return table


class _Look:
    """Views and vectors of texts, each made once."""

    def __init__(self, viewer: Viewer, encode: Embed) -> None:
        self._viewer, self._encode = viewer, encode
        self._views: dict[str, TextView] = {}
        self._vectors: dict[str, np.ndarray] = {}

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        new = list(dict.fromkeys(text for text in texts if text not in self._vectors))
        if new:
            self._vectors |= dict(zip(new, self._encode(new)))
        return np.stack([self._vectors[text] for text in texts])

    def view(self, text: str) -> TextView:
        if text not in self._views:
            self._views[text] = self._viewer.view(text)
        return self._views[text]

    def vectors(self, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        return self.embed(list(table["cached"])), self.embed(list(table["incoming"]))

    def features(self, table: pd.DataFrame) -> np.ndarray:
        """As PAIR_FEATURES, the vectors' verdict left open. The incoming text is the request, as where it serves: a
        number that only the request has says other things than one that only the entry has."""
        cosines = np.einsum("ij,ij->i", *self.vectors(table))
        pairs = zip(table["incoming"], table["cached"], cosines.tolist())
        return np.array([pair_features(self.view(a), self.view(b), c) for a, b, c in pairs], np.float32)


def _edits(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    texts = [text for text in pd.unique(pd.concat([table["cached"], table["incoming"]])) if 3 <= len(text.split()) < 15]
    counts = Counter(word for text in texts for word in set(text.replace("?", "").lower().split()))
    common = sorted(word for word, n in counts.items() if n >= 3 and word.isalpha() and word not in STOP)
    partner = dict(zip(table["cached"], table["incoming"])) | dict(zip(table["incoming"], table["cached"]))

    def other_words(text: str, rng: np.random.Generator) -> Sequence[str]:
        """Words of the text it was paired with are of its topic; else any common word."""
        words = partner[text].replace("?", "").split() if rng.random() < 0.5 else []
        fitting = [w for w in words if w.isalpha() and w.lower() not in STOP and w.lower() not in text.lower()]
        return fitting or common

    pairs: list[Pair] = edited_pairs(texts, other_words, _EDITS, seed + 7)
    return pd.DataFrame([vars(pair) for pair in pairs])


def _rows(look: _Look, tables: Sequence[pd.DataFrame], weights: Sequence[float]) -> _Rows:
    groups = _components(tables)
    vectors = [look.vectors(table) for table in tables]
    return _Rows(
        np.concatenate([look.features(table) for table in tables]),
        np.concatenate([first for first, _ in vectors]),
        np.concatenate([second for _, second in vectors]),
        np.concatenate([table["same"].to_numpy(int) for table in tables]),
        np.concatenate([np.full(len(table), weight) for table, weight in zip(tables, weights)]),
        groups,
        [{"rows": len(table)} for table in tables],
    )


def _components(tables: Sequence[pd.DataFrame]) -> np.ndarray:
    """Pairs that share a text, directly or through others, share a number."""
    parent: dict[str, str] = {}

    def root(text: str) -> str:
        while parent.setdefault(text, text) != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    for table in tables:
        for a, b in zip(table["cached"], table["incoming"]):
            parent[root(a)] = root(b)
    roots = [root(text) for table in tables for text in table["cached"]]
    return pd.factorize(pd.Series(roots))[0]


def _fit(rows: _Rows, chosen: np.ndarray | None = None) -> tuple[lgb.Booster, PairVectors]:
    """The vectors' judge on the chosen rows, and trees that read what it says of rows it did not see."""
    at = np.arange(len(rows.same)) if chosen is None else chosen
    first, second, same, weight = rows.first[at], rows.second[at], rows.same[at], rows.weight[at]
    features = _with_vectors(rows.features[at], out_of_fold(first, second, same, weight, rows.group[at]))
    blind = np.random.default_rng(0).random(len(at)) < _WITHOUT_VECTORS
    data = lgb.Dataset(
        np.concatenate([features, rows.features[at][blind]]),
        np.concatenate([same, same[blind]]),
        weight=np.concatenate([weight, weight[blind]]),
        feature_name=list(PAIR_FEATURES),
    )
    return lgb.train(_TREES, data, _ROUNDS), fit_pair_vectors(first, second, same, weight)


def _with_vectors(features: np.ndarray, said: np.ndarray) -> np.ndarray:
    full = features.copy()
    full[:, -1] = said
    return full


def _cross_validated(rows: _Rows, names: Sequence[str]) -> list[dict[str, Any]]:
    """AUC on rows whose connected component was never trained on."""
    scores = np.zeros(len(rows.same))
    for train, held_out in GroupKFold(4).split(scores, groups=rows.group):
        booster, vectors = _fit(rows, train)
        said = vectors.of_pairs(rows.first[held_out], rows.second[held_out])
        scores[held_out] = np.asarray(booster.predict(_with_vectors(rows.features[held_out], said)))
    found, start = [], 0
    for name, part in zip(names, rows.parts):
        at = slice(start, start := start + part["rows"])
        found.append({"pairs": name} | _auc(rows.same[at], scores[at]))
    return found


def _test(verifier: Verifier, vectors: PairVectors, look: _Look, name: str, table: pd.DataFrame) -> dict[str, Any]:
    test = table[table["split"] == "test"]
    if test["same"].nunique() < 2:
        return {"pairs": name, "n": len(test)}
    features = _with_vectors(look.features(test), vectors.of_pairs(*look.vectors(test)))
    same = test["same"].to_numpy(int)
    return {"pairs": name, "cosine_auc": _auc(same, features[:, 0])["auc"]} | _auc(same, verifier.logits_of(features))


def _auc(same: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    """AUC with a bootstrap interval over pairs."""
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(200):
        at = rng.integers(len(same), size=len(same))
        if same[at].min() != same[at].max():
            draws.append(roc_auc_score(same[at], score[at]))
    low, high = np.quantile(draws, [0.025, 0.975])
    return {"n": len(same), "auc": round(float(roc_auc_score(same, score)), 4), "low": round(float(low), 4),
            "high": round(float(high), 4)}  # fmt: skip


def _flat_prior() -> RiskPrior:
    n = len(CONTEXT_FEATURES)
    return RiskPrior(CONTEXT_FEATURES, np.zeros(n), np.ones(n), np.zeros(n + 1), np.ones(n + 1))
