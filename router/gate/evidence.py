"""What is known of two policies on the same requests, in one shape for every source. Judges nothing.

A row is a request with what either policy's answer cost and whether it was right: as observed, or as a figure from the
log whose mean is the truth (a doubly robust one, say), which may lie outside 0..1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pandas as pd

from router.errors import InputError
from router.gate.difficulty import UNKNOWN, bands_of

SHADOW_COLUMNS = (
    "incumbent_model",
    "incumbent_effort",
    "candidate_model",
    "candidate_effort",
    "incumbent_correct",
    "incumbent_billed_usd",
    "candidate_correct",
    "candidate_billed_usd",
)
SLICED_BY = ("task", "tenant", "difficulty")


@dataclass(frozen=True)
class Evidence:
    """`usd` and `correct` are (n, 2): incumbent, then candidate. `weight` (n,) is how many requests a row stands for,
    `count` (n,) how many rows were exactly so.

    `requests` counts the traffic behind the rows; `differ` (n,) tells where the policies took different routes.
    `live` evidence is of the traffic itself and grows with it; labels are neither. `note` is for the reader.
    """

    source: str
    usd: np.ndarray = field(repr=False)
    correct: np.ndarray = field(repr=False)
    weight: np.ndarray = field(repr=False)
    count: np.ndarray = field(repr=False)
    differ: np.ndarray = field(repr=False)
    task: np.ndarray = field(repr=False)
    tenant: np.ndarray = field(repr=False)
    difficulty: np.ndarray = field(repr=False)
    requests: int
    live: bool = True
    note: str = ""

    @property
    def n(self) -> int:
        return int(self.count.sum())

    @property
    def stands_for(self) -> np.ndarray:
        """(n,): the requests that each row and its like stand for."""
        return np.asarray(self.weight * self.count)

    def of(self, kind: str, name: str) -> "Evidence":
        """The rows of one slice."""
        mask = getattr(self, kind) == name
        cut = {one.name: getattr(self, one.name) for one in fields(self)}
        cut |= {key: value[mask] for key, value in cut.items() if isinstance(value, np.ndarray)}
        share = float(self.stands_for[mask].sum() / max(self.stands_for.sum(), 1e-300))
        return Evidence(**cut | {"requests": round(self.requests * share)})

    def names(self, kind: str) -> Iterator[tuple[str, float]]:
        """The slices of a kind, each with its share of the traffic, the largest first."""
        found, which = np.unique(getattr(self, kind).astype(str), return_inverse=True)
        shares = np.bincount(which, self.stands_for, len(found)) / max(self.stands_for.sum(), 1e-300)
        for i in np.argsort(-shares, kind="stable"):
            if found[i]:
                yield str(found[i]), float(shares[i])


def from_shadow(frame: pd.DataFrame) -> Evidence:
    """What shadow running observed. Raises InputError for a column that is missing.

    Where both took the same route its outcome counts for both. Where they differ, only executed comparisons tell; they
    stand for all that differ, so it is right to execute those alone.
    """
    for column in SHADOW_COLUMNS:
        if column not in frame:
            raise InputError("shadow", list(frame.columns), f"column {column} missing", "Export it with the service.")
    same = ((frame["incumbent_model"] == frame["candidate_model"]).to_numpy()) & (
        (frame["incumbent_effort"] == frame["candidate_effort"]).to_numpy()
    )
    usd, correct = (_pair(frame, same, name) for name in ("billed_usd", "correct"))
    known = ~np.isnan(usd).any(axis=1) & ~np.isnan(correct).any(axis=1)
    if "executed" in frame:  # the fair sample: what somebody reported of his own accord may not be one
        known &= same | frame["executed"].to_numpy(bool)
    weight = np.zeros(len(frame))
    texts = {name: _texts(frame, name) for name in ("task", "tenant")}
    if "incumbent_p_correct" in frame:
        texts["difficulty"] = bands_of(frame["incumbent_p_correct"].to_numpy(float)).astype(str)
    else:
        texts["difficulty"] = np.full(len(frame), UNKNOWN)
    # the observed rows stand for the others of their kind: same route, or not
    kind = same.astype(int)
    seen, all_of = np.bincount(kind[known], minlength=2), np.bincount(kind, minlength=2)
    weight[known] = (all_of / np.maximum(seen, 1))[kind[known]]
    note = f"{int((known & ~same).sum())} executed comparisons where the policies differ, of {int((~same).sum())}"
    return Evidence(
        "shadow",
        usd[known],
        correct[known],
        weight[known],
        np.ones(int(known.sum())),
        ~same[known],
        **{name: text[known] for name, text in texts.items()},
        requests=len(frame),
        note=note,
    )


def from_pairs(
    source: str,
    usd: np.ndarray,
    correct: np.ndarray,
    differ: np.ndarray,
    names: Mapping[str, Any],
    *,
    live: bool,
    count: np.ndarray | None = None,
    note: str = "",
) -> Evidence:
    """Evidence of rows that stand for themselves; `names` may give `task`, `tenant` and `difficulty` per row."""
    n = len(usd)
    texts = {name: np.asarray(names.get(name, np.full(n, ""))).astype(str) for name in SLICED_BY}
    counts = np.ones(n) if count is None else count
    requests = int(counts.sum())
    return Evidence(source, usd, correct, np.ones(n), counts, differ, **texts, requests=requests, live=live, note=note)


def _pair(frame: pd.DataFrame, same: np.ndarray, name: str) -> np.ndarray:
    pair = frame[[f"incumbent_{name}", f"candidate_{name}"]].to_numpy(float)
    return np.where(same[:, None], pair[:, :1], pair)


def _texts(frame: pd.DataFrame, name: str) -> np.ndarray:
    if name not in frame:
        return np.full(len(frame), "", dtype=object).astype(str)
    return frame[name].fillna("").to_numpy(object).astype(str)
