"""The cache's figures: whether the promise holds in many orders, what it serves, and how fast it is.

Streams are replayed in random orders and their decisions counted; pairs are judged once, on their test part. Knows the
decision core and a real cache over SQLite; knows no HTTP.
"""

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from eval.cache_references import pair_logits, references
from eval.cache_replay import Step, Stream, embed_texts, read_stream, replay
from router.cache.partition import AnswerRecord, Entry, Partition, Record
from router.cache.reuse import Reuse
from router.cache.risk_control import BudgetRules
from router.cache.text_view import TextView
from router.cache.verifier import Verifier
from router.intervals import exact_share

STREAMS, BUDGETS, ORDERS = ("geography", "advising", "clinc150"), (0.005, 0.01, 0.02, 0.05), 20
DRIFTS = (("advising", "clinc150"), ("clinc150", "advising"), ("geography", "advising"))
Embed = Callable[[Sequence[str]], np.ndarray]
Row = tuple[str, str, int, str]  # what, value, n, data


class RememberingVerifier(Verifier):
    """Judges each pair of texts once: twenty orders of one stream ask about the same pairs."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier, self.prior, self.manifest = verifier, verifier.prior, verifier.manifest
        self._views: dict[str, TextView] = {}
        self._by_id: dict[int, TextView] = {}
        self._logits: dict[tuple[int, int], float] = {}

    def view(self, text: str) -> TextView:
        if text not in self._views:
            view = self._views[text] = self._verifier.view(text)
            self._by_id[id(view)] = view
        return self._views[text]

    def packed(self, view: TextView) -> bytes:
        """Its identity, by which pairs are remembered: a view opened anew would be another."""
        return id(view).to_bytes(8)

    def unpacked(self, packed: bytes) -> TextView:
        return self._by_id[int.from_bytes(packed)]

    def alike(self, vector: np.ndarray, others: np.ndarray) -> list[float]:
        return self._verifier.alike(vector, others)

    def logits(
        self,
        request: TextView,
        entries: Sequence[TextView],
        cosines: Sequence[float],
        alike: Sequence[float] | None = None,
    ) -> np.ndarray:
        new = [i for i, entry in enumerate(entries) if (id(request), id(entry)) not in self._logits]
        said = None if alike is None else [alike[i] for i in new]
        logits = self._verifier.logits(request, [entries[i] for i in new], [cosines[i] for i in new], said)
        for i, logit in zip(new, logits):
            self._logits[id(request), id(entries[i])] = float(logit)
        return np.array([self._logits[id(request), id(entry)] for entry in entries])


@dataclass(frozen=True)
class Counts:
    """One replay: shares of the requests, the most wrong answers in any window of 1,000, and the share of all windows
    that hold more of them than was promised."""

    hits: float
    wrong: float
    worst_window: float
    audits: float
    windows_over: float

    @classmethod
    def of(cls, steps: Sequence[Step], max_wrong: float, window: int = 1_000) -> "Counts":
        wrong = np.concatenate([[0], np.cumsum([step.wrong for step in steps])])
        width, n = min(window, len(steps)), len(steps)
        windows = (wrong[width:] - wrong[:-width]) / width
        return cls(
            sum(step.action == "hit" for step in steps) / n,
            wrong[-1] / n,
            float(windows.max()),
            sum(step.action == "audit" for step in steps) / n,
            float((windows > max_wrong).mean()),
        )


def cache_figures(data: Path, verifier: Verifier, embed: Embed) -> Iterator[Row]:
    """Every figure. `data` holds the streams and pairs."""
    streams = {name: read_stream(data / f"stream_{name}.parquet") for name in STREAMS}
    vectors = {name: embed_texts(stream, embed) for name, stream in streams.items()}
    for name, stream in streams.items():
        yield from _promises(name, stream, vectors[name], RememberingVerifier(verifier))
    for first, second in DRIFTS:
        yield _drift(streams[first], streams[second], vectors[first] | vectors[second], verifier, f"{first}→{second}")
    for name in ("question_pairs", "near_miss_pairs"):
        yield from pair_rows(name, read_stream(data / f"{name}.parquet", "test"), verifier, embed)


def _orders(stream: Stream, seed: int) -> Stream:
    return stream.reordered(np.random.default_rng(seed).permutation(len(stream)).tolist())


def _promises(
    name: str, stream: Stream, vectors: dict[str, np.ndarray], verifier: RememberingVerifier
) -> Iterator[Row]:
    """At each budget: hits and wrong answers over all orders, beside what hindsight would have served at 1 %."""
    for budget in BUDGETS:
        rules = BudgetRules(max_wrong=budget)
        done = [
            Counts.of(replay(_orders(stream, seed), vectors, verifier, rules, seed=seed), budget)
            for seed in range(ORDERS)
        ]
        wrong = [one.wrong for one in done]
        value = (
            f"hits {_range([one.hits for one in done])}; wrong {_range(wrong, 2)}, over budget in "
            f"{sum(one > budget for one in wrong)} of {ORDERS} orders; worst 1,000: "
            f"{max(one.worst_window for one in done):.2%}; audits {np.mean([one.audits for one in done]):.1%}"
        )
        yield f"promise {budget:.1%} of requests", value, len(stream) * ORDERS, f"stream_{name}, {ORDERS} orders"
    yield "hits at 1 %", _hindsight(stream, vectors, verifier), len(stream), f"stream_{name}, as given"


def _hindsight(stream: Stream, vectors: dict[str, np.ndarray], verifier: Verifier) -> str:
    """What else could have been done at 1 % wrong of all requests."""
    found = references(stream, vectors, verifier, 0.01, "requests")
    return "; ".join(f"{one.name} {one.hits / max(one.requests, 1):.1%}" for one in found)


def _drift(first: Stream, second: Stream, vectors: dict[str, np.ndarray], verifier: Verifier, name: str) -> Row:
    """The traffic changes half way to another set, whose texts and answers nothing was learnt of."""
    remembering, rules, done = RememberingVerifier(verifier), BudgetRules(max_wrong=0.01), []
    for seed in range(ORDERS):
        one, two = _orders(first, seed), _orders(second, seed)
        half = min(len(one), len(two))
        keys = tuple(f"1 {key}" for key in one.keys[:half]) + tuple(f"2 {key}" for key in two.keys[:half])
        both = Stream(one.texts[:half] + two.texts[:half], keys)
        done.append(Counts.of(replay(both, vectors, remembering, rules, seed=seed), rules.max_wrong))
    over = sum(one.worst_window > 0.01 for one in done)
    value = (
        f"hits {_range([one.hits for one in done])}; wrong {_range([one.wrong for one in done], 2)}; a window of 1,000 "
        f"over budget in {over} of {ORDERS} orders, the worst {max(one.worst_window for one in done):.2%}; "
        f"{np.mean([one.windows_over for one in done]):.2%} of all windows are"
    )
    return "drift at 1 %", value, len(both) * ORDERS, f"{name}, {ORDERS} orders"


def pair_rows(name: str, stream: Stream, verifier: Verifier, embed: Embed) -> Iterator[Row]:
    """The judge alone, and the whole decision with the pairs as a stream in the order of the file."""
    vectors = embed_texts(stream, embed)
    pairs = list(zip(stream.texts, stream.stored or ()))
    cosines = np.array([float(vectors[a] @ vectors[b]) for a, b in pairs])
    logits = pair_logits(pairs, cosines, vectors, verifier)
    same, rows = np.array([key == "same" for key in stream.keys]), f"{name}, test part"
    yield "AUC of the verifier, cosine alone", f"{_auc(same, logits)}, {_auc(same, cosines)}", len(same), rows
    counts = Counts.of(replay(stream, vectors, verifier, BudgetRules(max_wrong=0.01)), 0.01)
    known = {
        one.name: one.hits / max(one.requests, 1) for one in references(stream, vectors, verifier, 0.01, "requests")
    }
    beside = "; ".join(f"{title} {share:.1%}" for title, share in known.items())
    value = f"hits {_share(counts.hits, len(same))}, wrong {_share(counts.wrong, len(same))}; {beside}"
    yield "pairs as a stream, at 1 % of requests", value, len(same), rows


def speed_figures(sizes: Sequence[int], verifier: Verifier, texts: Sequence[str], embed: Embed) -> Iterator[Row]:
    """Search and decision on top of the embedding at each size, and what an entry takes in memory.

    The vectors are those of real texts, each moved a little at random so that there are as many as asked for; texts
    repeat with a number changed.
    """
    base = np.asarray(embed(texts), np.float32)
    data = "question_pairs texts, moved"
    for size in sizes:
        before = _resident_mb()
        started = time.perf_counter()
        partition = _filled(size, base, texts, verifier)
        built, grown = time.perf_counter() - started, _resident_mb() - before
        reuse, spent, worked = Reuse(verifier.prior, BudgetRules()), [], []
        rng = np.random.default_rng(1)
        for i in range(1_000):
            text = f"{texts[i % len(texts)]} {rng.integers(10_000)}"
            vector = _moved(base[i % len(texts)][None, :], rng)[0]
            began, cpu = time.perf_counter(), time.thread_time()
            reuse.decide(partition.candidate(text, vector))
            worked.append(1e3 * (time.thread_time() - cpu))
            spent.append(1e3 * (time.perf_counter() - began))
        low, mid, high = np.percentile(spent, [2.5, 50, 97.5])
        value = (
            f"median {mid:.2f} ms (95 % of lookups {low:.2f} to {high:.2f}), of CPU {np.median(worked):.2f} ms; "
            f"built in {built:.0f} s"
        )
        yield f"lookup and decision, {size:,} entries", value, 1_000, data
        yield (
            f"memory per entry, {size:,} entries",
            f"{1024 * grown / size:.2f} KB",
            size,
            "question_pairs texts, moved",
        )


def _filled(size: int, base: np.ndarray, texts: Sequence[str], verifier: Verifier) -> Partition:
    partition, rng, step = Partition(base.shape[1], "bench", verifier), np.random.default_rng(0), 10_000
    for start in range(0, size, step):
        rows = list(range(start, min(start + step, size)))
        vectors = _moved(base[np.array(rows) % len(base)], rng)
        partition.index.add(rows, vectors)
        for row in rows:
            entry = Entry(row, row, f"{texts[row % len(texts)]} {row}", row.to_bytes(16), 0.0, Record())
            partition.add(entry, None, AnswerRecord())
        for row in partition.views.unread(step):  # as the follower does, a few each moment
            partition.views.keep(row, partition.views.read(partition.entries[row].text))
    return partition


def _moved(vectors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(scale=0.3 / np.sqrt(vectors.shape[1]), size=vectors.shape)
    moved = vectors + noise
    return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _range(values: Sequence[float], digits: int = 1) -> str:
    low, high = min(values), max(values)
    return f"{np.mean(values):.{digits}%} ({low:.{digits}%} to {high:.{digits}%})"


def _share(share: float, n: int) -> str:
    found = exact_share(round(share * n), n)
    return f"{share:.2%} [{found.low:.2%}, {found.high:.2%}]"


def _auc(same: np.ndarray, score: np.ndarray) -> str:
    rng, draws = np.random.default_rng(0), []
    for _ in range(200):
        at = rng.integers(len(same), size=len(same))
        if same[at].min() != same[at].max():
            draws.append(roc_auc_score(same[at], score[at]))
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{roc_auc_score(same, score):.3f} [{low:.3f}, {high:.3f}]"
