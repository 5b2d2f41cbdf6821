"""The entries of one partition in memory: who is near a request, and what happened to its neighbours before.

Knows vectors, texts, which answer an entry stands for, and counts. Knows no payloads, budgets or store. An entry is one
wording; several entries may stand for one answer, so that the record of an answer stays whole.
"""

import heapq
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from router.cache.entry_views import EntryViews
from router.cache.index import VectorIndex
from router.cache.risk_model import CONTEXT_FEATURES
from router.cache.verifier import Verifier

NEIGHBOURS = 8
VERIFIED = 3  # of the nearest, how many are compared word by word


@dataclass(slots=True)
class Record:
    """What became of serving, or nearly serving, something: how often right, how often wrong."""

    confirmed: int = 0
    refuted: int = 0

    @property
    def log_odds(self) -> float:
        return _log_odds(self.confirmed, self.refuted)

    def add(self, valid: bool) -> None:
        self.confirmed += valid
        self.refuted += not valid


@dataclass(slots=True)
class AnswerRecord(Record):
    """The record of an answer, and what deciding whether to keep it needs: what it saves and until when it is good."""

    usd: float = 0.0
    served: int = 0
    used: float = 0.0
    created: float = 0.0
    expires: float = math.inf

    def use(self, now: float) -> None:
        """It was served."""
        self.served += 1
        self.used = now

    def worth(self, now: float, half_life: float) -> float:
        """USD that keeping it is expected to save: what one use saves, times its uses, fading while unused."""
        idle = max(0.0, now - self.used) / half_life
        return (self.usd + 1e-6) * (1 + self.served + self.confirmed) * 0.5 ** min(idle, 60.0)


@dataclass(slots=True)
class Entry:
    """One wording. `labels`, `wrong` and `foretold` count the truths seen here and the risks foretold for them;
    `refuted_at` is the highest cosine at which its answer was wrong."""

    entry_id: int
    answer_id: int
    text: str
    exact: bytes
    created: float
    record: Record
    labels: float = 0.0
    wrong: float = 0.0
    foretold: float = 0.0
    refuted_at: float = -1.0


@dataclass(frozen=True)
class Candidate:
    """The entry whose answer may serve, and what speaks for and against it."""

    entry_id: int
    answer_id: int
    text: str
    created: float
    cosine: float
    verifier_logit: float
    features: np.ndarray
    evidence: float


class Partition:
    """Not thread-safe: its owner holds a lock."""

    def __init__(self, dim: int, encoder: str, verifier: Verifier) -> None:
        self.index = VectorIndex(dim, encoder)
        self.entries: dict[int, Entry] = {}
        self.answers: dict[int, AnswerRecord] = {}
        self._of_answer: dict[int, set[int]] = {}
        self._exact: dict[bytes, int] = {}
        self._expiring: list[tuple[float, int]] = []
        self._verifier = verifier
        self.views = EntryViews(verifier)

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, entry: Entry, vector: np.ndarray | None, answer: AnswerRecord | None = None) -> None:
        """A new wording; `vector` is None for one that only the exact tier may find. An answer that is here already
        keeps its history and is renewed by `answer`."""
        self.entries[entry.entry_id] = entry
        fresh = answer or AnswerRecord()
        record = self.answers.setdefault(entry.answer_id, fresh)
        record.usd, record.created, record.expires = fresh.usd, fresh.created, fresh.expires
        record.used = max(record.used, fresh.used)
        self._of_answer.setdefault(entry.answer_id, set()).add(entry.entry_id)
        if record.expires < math.inf:
            heapq.heappush(self._expiring, (record.expires, entry.answer_id))
        self._exact[entry.exact] = entry.entry_id
        if vector is not None and entry.entry_id not in self.index:  # an identifier never gets another vector
            self.index.add([entry.entry_id], vector[None, :])
        if entry.entry_id in self.index:
            self.views.add(entry.entry_id)

    def drop_entry(self, entry_id: int) -> None:
        entry = self.entries.pop(entry_id, None)
        if entry is None:
            return
        self.index.remove(entry_id)
        self.views.drop(entry_id)
        if self._exact.get(entry.exact) == entry_id:
            del self._exact[entry.exact]
        siblings = self._of_answer[entry.answer_id]
        siblings.discard(entry_id)
        if not siblings:
            del self._of_answer[entry.answer_id], self.answers[entry.answer_id]

    def drop_answer(self, answer_id: int) -> int:
        """Forget an answer and every wording of it; how many wordings that were."""
        entries = list(self._of_answer.get(answer_id, ()))
        for entry_id in entries:
            self.drop_entry(entry_id)
        return len(entries)

    def expire(self, now: float) -> list[int]:
        """Forget the answers whose time is over; which those were."""
        gone = []
        while self._expiring and self._expiring[0][0] <= now:
            _, answer_id = heapq.heappop(self._expiring)
            record = self.answers.get(answer_id)
            if record is not None and record.expires <= now:
                self.drop_answer(answer_id)
                gone.append(answer_id)
        return gone

    def exact(self, digest: bytes) -> Entry | None:
        entry_id = self._exact.get(digest)
        return None if entry_id is None else self.entries[entry_id]

    def candidate(
        self, text: str, vector: np.ndarray, allowed: Callable[[Entry], bool] = lambda entry: True
    ) -> Candidate | None:
        """The most plausible of the nearest entries, or None where there is none: its words are then not read."""
        rows, cosines = self.index.search(vector, NEIGHBOURS)
        near = [(self.entries[row], cosine) for row, cosine in zip(rows, cosines) if allowed(self.entries[row])]
        if not near:
            return None
        judged = near[:VERIFIED]
        views = [self.views.of(entry.entry_id, entry.text) for entry, _ in judged]
        alike = self._verifier.alike(vector, self.index.vectors([entry.entry_id for entry, _ in judged]))
        asked = self._verifier.view(text)
        logits = self._verifier.logits(asked, views, [cosine for _, cosine in judged], alike).tolist()
        best = logits.index(max(logits))
        entry, cosine = near[best]
        local = _local(near)
        features = neighbourhood_features(near, logits, best, self.answers[entry.answer_id], local)
        return Candidate(
            entry.entry_id, entry.answer_id, entry.text, entry.created, cosine, logits[best], features, local[0]
        )

    def learn(self, entry_ids: Collection[int], candidate: Candidate, risk: float, valid: bool) -> None:
        """The truth about a candidate has come. `entry_ids`: where it is remembered, the candidate among them."""
        entry = self.entries.get(candidate.entry_id)
        if entry is not None:
            entry.record.add(valid)
            self.answers[entry.answer_id].add(valid)
            if not valid:
                entry.refuted_at = max(entry.refuted_at, candidate.cosine)
        for entry_id in entry_ids:
            place = self.entries.get(entry_id)
            if place is not None:
                place.labels += 1
                place.wrong += not valid
                place.foretold += risk


def neighbourhood_features(
    near: list[tuple[Entry, float]],
    logits: Sequence[float],
    best: int,
    answer: Record,
    local: tuple[float, float, float],
) -> np.ndarray:
    """As CONTEXT_FEATURES. `near` are entries and cosines, the nearest first; `logits` judge the first of them;
    `local` is what `_local` sums up. A lone neighbour gets a small margin: nothing says that others are far."""
    entry, cosine = near[best]
    same = [other.answer_id == entry.answer_id for other, _ in near]
    others = [score for (_, score), ours in zip(near, same) if not ours]
    other_logits = [logit for logit, ours in zip(logits, same) if not ours]
    nearest = near[0][1]
    pulls = [math.exp(25 * (score - nearest)) for _, score in near]
    vote = sum([pull for pull, ours in zip(pulls, same) if ours]) / sum(pulls)
    logit, (labels, wrong, foretold) = logits[best], local
    values = {
        "verifier": logit,
        "nearness": -math.log(1.02 - cosine),
        "margin": cosine - (max(others) if others else near[-1][1] - 0.05),
        "verifier_margin": min(8.0, max(-4.0, logit - max(other_logits, default=-6.0))),
        "vote": math.log(vote / (1.02 - vote)),
        "same_answer": math.log1p(sum(same)),
        "entry_record": entry.record.log_odds,
        "answer_record": answer.log_odds,
        "above_refuted": cosine - entry.refuted_at if entry.refuted_at > 0 else 0.3,
        "local_surprise": _log_odds(labels - wrong, wrong) - _log_odds(labels - foretold, foretold),
        "local_evidence": math.log1p(labels),
        "nearest": float(same[0]),
    }
    return np.array([values[name] for name in CONTEXT_FEATURES])


def _log_odds(right: float, wrong: float) -> float:
    return math.log((max(right, 0.0) + 0.5) / (wrong + 0.5))


def _local(near: list[tuple[Entry, float]]) -> tuple[float, float, float]:
    """Labels, wrong ones and foretold risk around a request; a neighbour counts by how near it is."""
    labels = wrong = foretold = 0.0
    for entry, cosine in near:
        if entry.labels and cosine > 0.5:
            weight = min(1.0, (cosine - 0.5) / 0.5) ** 2
            labels += weight * entry.labels
            wrong += weight * entry.wrong
            foretold += weight * entry.foretold
    return labels, wrong, foretold
