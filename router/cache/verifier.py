"""Is the answer to one text valid for another? A trained judge of pairs, from words, cosine and vectors.

Knows pair features and the files of a trained verifier; knows no entries, histories or budgets. The folder holds
native LightGBM text, numpy tables and JSON; nothing in it is code, and a file that differs from the manifest is
refused.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from router.cache.entry_views import pack, unpack
from router.cache.pair_vectors import PairVectors
from router.cache.pair_words import PAIR_WORD_NAMES, misspelt, pair_words
from router.cache.text_view import TextView, Viewer
from router.errors import PolicyFileError
from router.estimate.model_text import read_booster
from router.trees import Trees
from router.untrusted import JSON_BYTES, TEXT_BYTES, parse_json, read_array, read_bytes

VERIFIER_VERSION = 2
PAIR_FEATURES = ("cosine", *PAIR_WORD_NAMES, "vectors")
MODEL_FILE, IDF_FILE, VECTORS_FILE, PRIOR_FILE = "pairs.txt", "idf.npy", "vectors.npy", "prior.json"
MANIFEST_FILE = "manifest.json"


def pair_features(request: TextView, entry: TextView, cosine: float, alike: float = math.nan) -> list[float]:
    """One row in the order of PAIR_FEATURES; `alike` is what `PairVectors` says, NaN where nothing does."""
    return [cosine, *pair_words(request, entry), alike]


@dataclass(frozen=True)
class RiskPrior:
    """What the online risk model starts from: standardisation, weights and their variances (last one: intercept)."""

    names: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    variances: np.ndarray

    def as_dict(self) -> dict[str, Any]:
        arrays = {"mean": self.mean, "scale": self.scale, "weights": self.weights, "variances": self.variances}
        return {"names": list(self.names)} | {name: [float(x) for x in array] for name, array in arrays.items()}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> "RiskPrior":
        arrays = [np.asarray(given[name], float) for name in ("mean", "scale", "weights", "variances")]
        return cls(tuple(given["names"]), *arrays)


class Verifier:
    """Scores pairs. Share one per process; `logits` may be called from several threads."""

    def __init__(
        self,
        booster: lgb.Booster,
        idf: np.ndarray,
        prior: RiskPrior,
        manifest: dict[str, Any],
        vectors: PairVectors | None = None,
    ) -> None:
        """Without `vectors`, words and cosine judge alone."""
        self._trees, self._viewer, self.prior, self.manifest = Trees(booster), Viewer(idf), prior, manifest
        self._vectors = vectors

    def view(self, text: str) -> TextView:
        return self._viewer.view(text)

    def forget_words(self) -> None:
        """Words of texts that were read are kept, to read the next ones faster: let go of them."""
        self._viewer.forget_words()
        misspelt.cache_clear()

    def packed(self, view: TextView) -> bytes:
        return pack(view)

    def unpacked(self, packed: bytes) -> TextView:
        return unpack(packed)

    def alike(self, vector: np.ndarray, others: np.ndarray) -> list[float]:
        """For `logits`: what the vector (dim,) of a request and those (n, dim) of entries say beyond the cosine."""
        if self._vectors is None:
            return [math.nan] * len(others)
        return self._vectors.scores(vector, others).tolist()

    def logits(
        self,
        request: TextView,
        entries: Sequence[TextView],
        cosines: Sequence[float],
        alike: Sequence[float] | None = None,
    ) -> np.ndarray:
        """log-odds that each entry's answer is valid for the request, calibrated on pairs like those of training."""
        if not entries:
            return np.zeros(0)
        said = [math.nan] * len(entries) if alike is None else alike
        rows = [pair_features(request, *pair) for pair in zip(entries, cosines, said)]
        flat = np.fromiter(chain.from_iterable(rows), float, len(rows) * len(PAIR_FEATURES))
        return self.logits_of(flat.reshape(len(rows), -1))

    def logits_of(self, rows: np.ndarray) -> np.ndarray:
        return self._trees.raw_scores(rows)

    @classmethod
    def load(cls, folder: Path, encoder: str = "") -> "Verifier":
        """`encoder` is the digest of the encoder's weights: where the verifier was trained on the vectors of another,
        words and cosine judge alone. Raises PolicyFileError for a folder that is missing, damaged or of another
        version."""
        files = _checked_files(folder)
        manifest = json.loads(files[MANIFEST_FILE])
        try:
            booster = read_booster(files[MODEL_FILE].decode(), MODEL_FILE)
            idf = read_array(folder / IDF_FILE)
            prior = RiskPrior.from_dict(parse_json(files[PRIOR_FILE].decode(), PRIOR_FILE))
            vectors = PairVectors.from_array(
                read_array(folder / VECTORS_FILE), manifest["trained"]["encoder"]["weights"]
            )
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise PolicyFileError(f"{folder}: the verifier cannot be read: {error}") from error
        return cls(booster, idf, prior, manifest, vectors if encoder in ("", vectors.encoder) else None)


def save_verifier(
    folder: Path, model: str, idf: np.ndarray, vectors: PairVectors, prior: RiskPrior, trained: dict[str, Any]
) -> dict[str, Any]:
    """Write the files of a verifier; `trained` tells how it was made, for which encoder, and what it measured."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_text(model)
    np.save(folder / IDF_FILE, idf, allow_pickle=False)
    np.save(folder / VECTORS_FILE, vectors.as_array(), allow_pickle=False)
    (folder / PRIOR_FILE).write_text(json.dumps(prior.as_dict(), indent=1) + "\n")
    names = (MODEL_FILE, IDF_FILE, VECTORS_FILE, PRIOR_FILE)
    manifest = {
        "version": VERIFIER_VERSION,
        "features": list(PAIR_FEATURES),
        "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names},
        "trained": trained,
    }
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def _checked_files(folder: Path) -> dict[str, bytes]:
    """The folder's files, each as the manifest says."""
    try:
        manifest_bytes = read_bytes(folder / MANIFEST_FILE, JSON_BYTES)
        manifest = parse_json(manifest_bytes.decode(), MANIFEST_FILE)
        files = {
            name: read_bytes(folder / name, TEXT_BYTES) for name in (MODEL_FILE, IDF_FILE, VECTORS_FILE, PRIOR_FILE)
        }
        expected = {name: manifest["files"][name] for name in files}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PolicyFileError(f"{folder}: not a verifier folder: {error}") from error
    if manifest.get("version") != VERIFIER_VERSION or manifest.get("features") != list(PAIR_FEATURES):
        raise PolicyFileError(f"{folder}: made for other pair features; train it anew")
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != expected[name]:
            raise PolicyFileError(f"{folder / name}: differs from the manifest; restore or train it anew")
    return {**files, MANIFEST_FILE: manifest_bytes}
