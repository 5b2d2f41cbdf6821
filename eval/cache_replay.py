"""Replay a stream through the cache's decision: what it would have served, and how often wrongly.

As in service, the true answer of a request becomes known only when it is not served: on a miss or an audit. The truth
of hits is used for the report alone. Knows the decision core; knows no HTTP and no database.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from router.cache.partition import Candidate, Entry, Partition, Record, neighbourhood_features
from router.cache.reuse import Reuse, ReuseDecision
from router.cache.risk_control import BudgetRules
from router.cache.verifier import Verifier
from router.errors import InputError
from router.intervals import exact_share
from router.tables import read_table


@dataclass(frozen=True)
class Stream:
    """Requests in order, or pairs of a stored and an incoming text. `keys[i]` names the right answer of request i;
    two requests may share an answer exactly when their keys are equal. `stored` is None for a stream."""

    texts: tuple[str, ...]
    keys: tuple[str, ...]
    stored: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def reordered(self, order: Sequence[int]) -> "Stream":
        stored = None if self.stored is None else tuple(self.stored[i] for i in order)
        return Stream(tuple(self.texts[i] for i in order), tuple(self.keys[i] for i in order), stored)


@dataclass(frozen=True)
class Step:
    """What happened to one request. `valid` is whether the candidate's answer was right, None without a candidate."""

    action: str
    neighbour: int
    similarity: float
    risk: float
    threshold: float
    valid: bool | None
    exact: bool = False

    @property
    def wrong(self) -> bool:
        return self.action == "hit" and self.valid is False


def read_stream(path: Path, part: str | None = None) -> Stream:
    """A table with prompt and answer_key, or with cached, incoming and same. `part` keeps the rows of one split."""
    table = read_table(path, "stream")
    if part is not None:
        if "split" not in table.columns or not (table["split"] == part).any():
            raise InputError("part", part, "no row of the stream has this split", "Leave it out, or check the file.")
        table = table[table["split"] == part]
    if {"prompt", "answer_key"} <= set(table.columns):
        return Stream(tuple(_texts(table, "prompt")), tuple(_texts(table, "answer_key")))
    if {"cached", "incoming", "same"} <= set(table.columns):
        keys = ["same" if same else "other" for same in table["same"]]
        return Stream(tuple(_texts(table, "incoming")), tuple(keys), tuple(_texts(table, "cached")))
    cure = "Give prompt and answer_key, or cached, incoming and same."
    raise InputError("stream", str(path), "neither a stream nor pairs", cure)


def _texts(table: pd.DataFrame, column: str) -> list[str]:
    values = table[column].tolist()
    for row, value in enumerate(values):
        if not isinstance(value, str) or not value.strip():
            raise InputError(column, value, "not a text", "Every row needs one.", row=row)
    return values


def embed_texts(stream: Stream, embed: Callable[[Sequence[str]], np.ndarray]) -> dict[str, np.ndarray]:
    """The vector of each text of the stream."""
    texts = list(dict.fromkeys([*stream.texts, *(stream.stored or ())]))
    return dict(zip(texts, embed(texts)))


def replay(
    stream: Stream, vectors: dict[str, np.ndarray], verifier: Verifier, rules: BudgetRules, seed: int = 0
) -> list[Step]:
    """The cache's decisions on the stream, in order. Deterministic for a seed (it draws the audits)."""
    source = _pairs if stream.stored is not None else _requests
    return list(source(stream, vectors, verifier, Reuse(verifier.prior, rules, seed)))


def _requests(stream: Stream, vectors: dict[str, np.ndarray], verifier: Verifier, reuse: Reuse) -> Iterator[Step]:
    partition = Partition(len(next(iter(vectors.values()))), "replay", verifier)
    answer_ids: dict[str, int] = {}
    for i, (text, key) in enumerate(zip(stream.texts, stream.keys)):
        answer_id = answer_ids.setdefault(key, len(answer_ids))
        known = partition.exact(text.encode())
        candidate = partition.candidate(text, vectors[text])
        decision = reuse.decide(candidate)
        yield _step(decision, candidate, answer_id, known is not None)
        if decision.action == "hit":
            continue
        if known is None:
            partition.add(Entry(i, answer_id, text, text.encode(), 0.0, Record()), vectors[text])
        elif known.answer_id != answer_id:
            partition.drop_entry(known.entry_id)
            partition.add(Entry(i, answer_id, text, text.encode(), 0.0, Record()), vectors[text])
        if candidate is not None and decision.risk is not None:
            valid = candidate.answer_id == answer_id
            reuse.learn(candidate, decision, valid)
            own = partition.exact(text.encode())
            partition.learn({candidate.entry_id, own.entry_id if own else -1}, candidate, decision.risk, valid)


def _pairs(stream: Stream, vectors: dict[str, np.ndarray], verifier: Verifier, reuse: Reuse) -> Iterator[Step]:
    """Each request meets one given entry; what earlier pairs taught about either text is its neighbourhood."""
    places: dict[str, _PairPlace] = {}
    for text, key, stored in zip(stream.texts, stream.keys, stream.stored or ()):
        ours, theirs = places.setdefault(text, _PairPlace()), places.setdefault(stored, _PairPlace())
        candidate = _pair_candidate(verifier, text, stored, vectors, ours, theirs)
        decision = reuse.decide(candidate)
        valid = key == "same"
        yield Step(
            decision.action,
            -1,
            candidate.cosine,
            float(decision.risk or 0.0),
            decision.threshold,
            valid,
            text == stored,
        )
        if decision.action != "hit" and decision.risk is not None:
            reuse.learn(candidate, decision, valid)
            for place in (ours, theirs):
                place.entry.record.add(valid)
                place.learn(candidate.cosine, decision.risk, valid)


class _PairPlace:
    """A partition of one entry without a vector: only its history counts."""

    def __init__(self) -> None:
        self.entry = Entry(0, 0, "", b"", 0.0, Record())

    def learn(self, cosine: float, risk: float, valid: bool) -> None:
        self.entry.labels += 1
        self.entry.wrong += not valid
        self.entry.foretold += risk
        if not valid:
            self.entry.refuted_at = max(self.entry.refuted_at, cosine)


def _pair_candidate(
    verifier: Verifier,
    text: str,
    stored: str,
    vectors: dict[str, np.ndarray],
    ours: _PairPlace,
    theirs: _PairPlace,
) -> Candidate:
    cosine = float(min(1.0, vectors[text] @ vectors[stored]))
    alike = verifier.alike(vectors[text], vectors[stored][None, :])
    logit = verifier.logits(verifier.view(text), [verifier.view(stored)], [cosine], alike)
    both = Record(
        ours.entry.record.confirmed + theirs.entry.record.confirmed,
        ours.entry.record.refuted + theirs.entry.record.refuted,
    )
    entry = Entry(
        0, 0, stored, b"", 0.0, theirs.entry.record,
        ours.entry.labels + theirs.entry.labels,
        ours.entry.wrong + theirs.entry.wrong,
        ours.entry.foretold + theirs.entry.foretold,
        theirs.entry.refuted_at,
    )  # fmt: skip
    local = (entry.labels, entry.wrong, entry.foretold)
    features = neighbourhood_features([(entry, cosine)], logit.tolist(), 0, both, local)
    return Candidate(0, 0, stored, 0.0, cosine, float(logit[0]), features, entry.labels)


def _step(decision: ReuseDecision, candidate: Candidate | None, answer_id: int, exact: bool) -> Step:
    if candidate is None:
        return Step(decision.action, -1, float("nan"), float("nan"), decision.threshold, None)
    valid = candidate.answer_id == answer_id
    risk = float(decision.risk if decision.risk is not None else "nan")
    return Step(decision.action, candidate.entry_id, candidate.cosine, risk, decision.threshold, valid, exact)


def decisions_table(stream: Stream, steps: Sequence[Step]) -> pd.DataFrame:
    """One row per request, as `eval cache` writes it. `neighbour` is the row whose answer would serve."""
    table = pd.DataFrame([asdict(step) for step in steps])
    table.insert(0, "request", range(len(steps)))
    table.insert(1, "prompt", list(stream.texts))
    table["wrong"] = [step.wrong for step in steps]
    return table


def summary(steps: Sequence[Step], rules: BudgetRules) -> dict[str, Any]:
    """Hits, audits, and wrong answers of all and of hits with Clopper-Pearson intervals; the worst window."""
    hits, wrong = [step.action == "hit" for step in steps], [step.wrong for step in steps]
    counts = np.concatenate([[0], np.cumsum(wrong)])
    width = min(rules.window, len(steps))
    return {
        "requests": len(steps),
        "hits": _share(sum(hits), len(steps)),
        "audits": sum(step.action == "audit" for step in steps),
        "wrong_of_all": _share(sum(wrong), len(steps)),
        "wrong_of_hits": _share(sum(wrong), sum(hits)),
        "expected_wrong": round(sum(step.risk for step in steps if step.action == "hit"), 2),
        "worst_window": {"requests": width, "wrong": int((counts[width:] - counts[:-width]).max())},
        "promise": {"max_wrong": rules.max_wrong, "per": rules.per},
    }


def _share(count: int, of: int) -> dict[str, float]:
    """A share with its 95 % Clopper-Pearson interval."""
    found = exact_share(count, of)
    return {"count": count, "of": of, "share": count / max(of, 1), "low": found.low, "high": found.high}
