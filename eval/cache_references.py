"""What else a cache could have done on the same stream: thresholds chosen in hindsight, a rule per entry, an oracle.

Hindsight is not available to a service: it shows what a fixed threshold could reach at best, on this stream.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.cache_replay import Stream
from router.cache.verifier import Verifier

_COSINES = tuple(np.round(np.concatenate([np.arange(0.5, 0.9, 0.02), np.arange(0.9, 1.0, 0.005)]), 3).tolist())
_LOGITS = tuple(np.round(np.arange(-1.0, 8.1, 0.5), 2).tolist())


@dataclass(frozen=True)
class Reference:
    """Hits and wrong answers of one rule; `setting` is its threshold, None where it has none."""

    name: str
    hits: int
    wrong: int
    requests: int
    setting: float | None = None


@dataclass(frozen=True)
class _Meeting:
    """A request meets its nearest entry: (cosine, index of the entry's request), or nothing to meet."""

    cosine: float
    entry: int


def references(
    stream: Stream, vectors: dict[str, np.ndarray], verifier: Verifier, max_wrong: float, per: str, seed: int = 0
) -> list[Reference]:
    """Every rule on the stream, at the budget."""
    if stream.stored is not None:
        return _pair_references(stream, vectors, verifier, max_wrong, per)

    def near(meeting: _Meeting, i: int, least: float) -> bool:
        return meeting.cosine >= least

    cosines = [_threshold(stream, vectors, near, least) for least in _COSINES]
    views = [verifier.view(text) for text in stream.texts]
    known: dict[tuple[int, int], float] = {}

    def judged(meeting: _Meeting, i: int, least: float) -> bool:
        pair = (i, meeting.entry)
        if pair not in known:
            alike = verifier.alike(vectors[stream.texts[i]], vectors[stream.texts[meeting.entry]][None, :])
            known[pair] = float(verifier.logits(views[i], [views[meeting.entry]], [meeting.cosine], alike)[0])
        return known[pair] >= least

    logits = [_threshold(stream, vectors, judged, least) for least in _LOGITS]
    return [
        _best("threshold in hindsight", cosines, max_wrong, per),
        _best("verifier alone, threshold in hindsight", logits, max_wrong, per),
        _per_entry(stream, vectors, max_wrong, seed),
        Reference("oracle", len(stream) - len(set(stream.keys)), 0, len(stream)),
    ]


def _best(name: str, tried: Iterable[Reference], max_wrong: float, per: str) -> Reference:
    """Most hits among the settings that kept the budget."""
    of = (lambda one: one.requests) if per == "requests" else (lambda one: max(one.hits, 1))
    kept = [one for one in tried if one.wrong <= max_wrong * of(one)]
    best = max(kept, key=lambda one: one.hits, default=None)
    return Reference(name, 0, 0, 0) if best is None else Reference(name, *_counts(best), best.setting)


def _counts(one: Reference) -> tuple[int, int, int]:
    return one.hits, one.wrong, one.requests


def _threshold(
    stream: Stream, vectors: dict[str, np.ndarray], serves: Callable[[_Meeting, int, float], bool], setting: float
) -> Reference:
    """Serve the nearest entry where the rule says so, else store the request."""
    hits = wrong = 0
    met = _Nearest(stream, vectors)
    for i, key in enumerate(stream.keys):
        meeting = met.meet(i)
        if meeting is not None and serves(meeting, i, setting):
            hits += 1
            wrong += stream.keys[meeting.entry] != key
        else:
            met.store(i)
    return Reference("", hits, wrong, len(stream), setting)


class _Nearest:
    """Exact nearest neighbour among the stored requests."""

    def __init__(self, stream: Stream, vectors: dict[str, np.ndarray]) -> None:
        self._vectors = np.stack([vectors[text] for text in stream.texts]).astype(np.float32)
        self._stored = np.zeros_like(self._vectors)
        self._of: list[int] = []

    def meet(self, i: int) -> _Meeting | None:
        if not self._of:
            return None
        cosines = self._stored[: len(self._of)] @ self._vectors[i]
        at = int(np.argmax(cosines))
        return _Meeting(float(cosines[at]), self._of[at])

    def store(self, i: int) -> None:
        self._stored[len(self._of)] = self._vectors[i]
        self._of.append(i)


def _per_entry(stream: Stream, vectors: dict[str, np.ndarray], max_wrong: float, seed: int) -> Reference:
    """Each entry earns its own trust: it serves as often as its record at such similarities allows.

    An entry confirmed n times at no higher similarity, and never refuted at a higher one, errs with probability of
    about 1 / (n + 2); serving it with probability max_wrong * (n + 2) keeps the budget.
    """
    rng, met = np.random.default_rng(seed), _Nearest(stream, vectors)
    confirmed: dict[int, list[float]] = {}
    refuted: dict[int, float] = {}
    hits = wrong = 0
    for i, key in enumerate(stream.keys):
        meeting = met.meet(i)
        if meeting is None:
            met.store(i)
            continue
        record = [one for one in confirmed.get(meeting.entry, []) if refuted.get(meeting.entry, -1) < one]
        trust = (
            sum(one <= meeting.cosine + 0.01 for one in record)
            if refuted.get(meeting.entry, -1) < meeting.cosine
            else 0
        )
        valid = stream.keys[meeting.entry] == key
        if trust and rng.random() < max_wrong * (trust + 2):
            hits += 1
            wrong += not valid
        elif valid:
            confirmed.setdefault(meeting.entry, []).append(meeting.cosine)
        else:
            refuted[meeting.entry] = max(refuted.get(meeting.entry, -1.0), meeting.cosine)
            met.store(i)
    return Reference("rule per entry", hits, wrong, len(stream))


def _pair_references(
    stream: Stream, vectors: dict[str, np.ndarray], verifier: Verifier, max_wrong: float, per: str
) -> list[Reference]:
    """Pairs have one entry each, so a threshold is a cut of a sorted list."""
    same = np.array([key == "same" for key in stream.keys])
    pairs = list(zip(stream.texts, stream.stored or ()))
    cosines = np.array([float(vectors[a] @ vectors[b]) for a, b in pairs])
    logits = pair_logits(pairs, cosines, vectors, verifier)
    return [
        _cut("threshold in hindsight", cosines, same, max_wrong, per),
        _cut("verifier alone, threshold in hindsight", logits, same, max_wrong, per),
        Reference("oracle", int(same.sum()), 0, len(same)),
    ]


def pair_logits(
    pairs: Sequence[tuple[str, str]], cosines: np.ndarray, vectors: dict[str, np.ndarray], verifier: Verifier
) -> np.ndarray:
    """What the verifier alone says of each pair (request, stored)."""
    views = {text: verifier.view(text) for pair in pairs for text in pair}
    return np.array(
        [
            verifier.logits(views[a], [views[b]], [c], verifier.alike(vectors[a], vectors[b][None, :]))[0]
            for (a, b), c in zip(pairs, cosines.tolist())
        ]
    )


def _cut(name: str, scores: np.ndarray, same: np.ndarray, max_wrong: float, per: str) -> Reference:
    order = np.argsort(-scores, kind="stable")
    wrong = np.cumsum(~same[order])
    of = len(same) if per == "requests" else np.arange(1, len(same) + 1)
    kept = np.flatnonzero(wrong <= max_wrong * of)
    if not len(kept):
        return Reference(name, 0, 0, len(same))
    at = int(kept[-1])
    return Reference(name, at + 1, int(wrong[at]), len(same), float(scores[order[at]]))
