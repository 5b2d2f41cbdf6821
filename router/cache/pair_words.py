"""What the words of two requests say about whether one answer serves both.

Compares two `TextView`s: shared words, numbers, units, negation, opposites, order. Knows no vectors, no model and no
entries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from router.cache.lexicon import FRAMING, OPPOSITES
from router.cache.text_view import TextView

PAIR_WORD_NAMES = (
    "idf_jaccard", "idf_cover_a", "idf_cover_b", "trigram_dice", "trigram_cover", "word_dice",
    "length_ratio", "length_gap", "length_min", "content_min",
    "left_max_a", "left_max_b", "left_sum_a", "left_sum_b", "left_min", "core_left_a", "core_left_b", "core_both",
    "shared_max", "shared_sum", "typos", "stop_gap",
    "numbers_differ", "numbers_shared", "numbers_one_side", "amounts_differ", "dates_differ", "units_differ",
    "negation_gap", "extremes_differ", "opposites", "asks_same", "asks_differ",
    "capitals_left_a", "capitals_left_b", "capitals_both", "capitals_shared",
    "inversions", "roles_changed", "swaps", "swap_weight", "swaps_framed", "same_start", "same_end", "same_content",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Meeting:
    """Where the content stems of two texts meet and where they do not; each list in the order of its text."""

    shared: list[str]
    only_a: list[str]
    only_b: list[str]

    @classmethod
    def of(cls, a: TextView, b: TextView) -> "_Meeting":
        theirs, ours = b.weights, a.weights
        shared = [one for one in ours if one in theirs]
        if len(shared) == len(ours) == len(theirs):
            return cls(shared, [], [])
        return cls(shared, [one for one in ours if one not in theirs], [one for one in theirs if one not in ours])


def pair_words(a: TextView, b: TextView) -> list[float]:
    """Features of the ordered pair (request, entry), as PAIR_WORD_NAMES."""
    meeting = _Meeting.of(a, b)
    shared = [a.weights[one] for one in meeting.shared]
    return [*_overlap(a, b, sum(shared)), *_left(a, b, meeting, shared), *_values(a, b), *_order(a, b, meeting)]


def _overlap(a: TextView, b: TextView, shared: float) -> list[float]:
    only_a, only_b = a.weight - shared, b.weight - shared
    trigrams, words = len(a.trigrams & b.trigrams), len(a.words & b.words)
    tri_a, tri_b = len(a.trigrams), len(b.trigrams)
    low, high = (a.length, b.length) if a.length < b.length else (b.length, a.length)
    return [
        shared / (shared + only_a + only_b + 1e-9),
        shared / (shared + only_a + 1e-9),
        shared / (shared + only_b + 1e-9),
        2 * trigrams / (tri_a + tri_b + 1e-9),
        trigrams / (min(tri_a, tri_b) + 1e-9),
        2 * words / (len(a.words) + len(b.words) + 1e-9),
        low / (high + 1e-9),
        high - low,
        low,
        min(len(a.weights), len(b.weights)),
    ]


def _left(a: TextView, b: TextView, meeting: _Meeting, shared: Sequence[float]) -> list[float]:
    """What one text has and the other lacks, misspellings forgiven; how rare, and whether it frames or carries."""
    left_a, left_b, typos = _unmatched(meeting)
    max_a, sum_a, core_a = _burden(left_a, a.weights)
    max_b, sum_b, core_b = _burden(left_b, b.weights)
    return [
        max_a,
        max_b,
        sum_a,
        sum_b,
        sum_a if sum_a < sum_b else sum_b,
        core_a,
        core_b,
        core_a if core_a < core_b else core_b,
        max(shared) if shared else 0.0,
        sum(shared),
        typos,
        len(a.empty ^ b.empty),
    ]


def _burden(left: Sequence[str], weights: Mapping[str, float]) -> tuple[float, float, float]:
    """The rarest word's weight, the sum of all, and the rarest's that frames nothing."""
    if not left:
        return 0.0, 0.0, 0.0
    carried = [weights[one] for one in left]
    core = [weights[one] for one in left if one not in FRAMING]
    return max(carried), sum(carried), max(core) if core else 0.0


def _unmatched(meeting: _Meeting) -> tuple[list[str], list[str], int]:
    if not (meeting.only_a and meeting.only_b):
        return meeting.only_a, meeting.only_b, 0
    left_a, left_b, typos = list(meeting.only_a), list(meeting.only_b), 0
    for one in meeting.only_a:
        for other in left_b:
            if one[0] == other[0] and misspelt(one, other):
                left_a.remove(one)
                left_b.remove(other)
                typos += 1
                break
    return left_a, left_b, typos


@lru_cache(maxsize=65_536)
def misspelt(a: str, b: str) -> bool:
    """Whether two different stems are one word, misspelt or inflected."""
    if abs(len(a) - len(b)) > 3 or min(len(a), len(b)) < 4 or not (a.isalpha() and b.isalpha()):
        return False
    same = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    if same >= 5 or same >= min(len(a), len(b)) - 1:
        return True
    pairs_a = {a[i : i + 2] for i in range(len(a) - 1)}
    pairs_b = {b[i : i + 2] for i in range(len(b) - 1)}
    return 2 * len(pairs_a & pairs_b) / (len(pairs_a) + len(pairs_b)) >= 0.7


def _values(a: TextView, b: TextView) -> list[float]:
    """Numbers, units, dates, negation, extremes, opposites, kind of question and names."""
    opposites = 0
    if a.opposed and b.opposed:
        only_a, only_b = a.opposed - b.opposed, b.opposed - a.opposed
        opposites = sum(not OPPOSITES[one].isdisjoint(only_b) for one in only_a)
    capitals_a = sum([one in a.weights and one not in b.weights for one in a.capitals])
    capitals_b = sum([one in b.weights and one not in a.weights for one in b.capitals])
    return [
        len(a.numbers ^ b.numbers),
        len(a.numbers & b.numbers),
        float(bool(a.numbers - b.numbers) != bool(b.numbers - a.numbers)),
        len(a.amounts ^ b.amounts),
        len(a.dates ^ b.dates),
        len(a.units ^ b.units),
        abs(a.negations - b.negations),
        len(a.extremes ^ b.extremes),
        opposites,
        float(a.asks == b.asks),
        float(a.asks != b.asks and a.asks > 0 and b.asks > 0),
        capitals_a,
        capitals_b,
        float(capitals_a > 0 and capitals_b > 0),
        len(a.capitals & b.capitals),
    ]


def _order(a: TextView, b: TextView, meeting: _Meeting) -> list[float]:
    """Direction and argument order: shared words in another order, under another preposition, or one swapped."""
    at = b.around
    places = [at[one][2] for one in meeting.shared]
    inverted = 0
    if places != sorted(places):
        inverted = sum(x > y for i, x in enumerate(places) for y in places[i + 1 :])
    pairs = len(places) * (len(places) - 1) / 2
    changed = sum([b.roles.get(one, role) != role for one, role in a.roles.items()]) if b.roles else 0
    swaps, weight, framed = _swaps(a, b, meeting)
    return [
        inverted / pairs if pairs else 0.0,
        changed,
        swaps,
        weight,
        framed,
        float(a.ends[0] == b.ends[0]),
        float(a.ends[1] == b.ends[1]),
        float(not (meeting.only_a or meeting.only_b)),
    ]


def _swaps(a: TextView, b: TextView, meeting: _Meeting) -> tuple[int, float, int]:
    """Words of the one that stand where another word of the other stands: how many, how rare, framed on both sides."""
    swaps, weight, framed = 0, 0.0, 0
    for one in meeting.only_a:
        left, right, _ = a.around[one]
        for other in meeting.only_b:
            before, after, _ = b.around[other]
            if before == left or after == right:
                swaps += 1
                weight = max(weight, min(a.weights[one], b.weights[other]))
                framed += before == left and after == right
    return swaps, weight, framed
