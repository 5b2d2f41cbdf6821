"""What the words of two requests say about whether one answer serves both.

Knows spelling, numbers, dates, units, negation, opposites, word order and rarity of words; knows no vectors, no model
and no entries. A `TextView` is what one text needs; `pair_words` compares two of them.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from router.cache.lexicon import (
    ASKS,
    ASKS_AMOUNT,
    DAYS,
    DIRECTIONS,
    ENDINGS,
    EXTREMES,
    FRAMING,
    MONTHS,
    NEGATION,
    NUMBER_WORDS,
    OPPOSITES,
    RELATIVE_DATES,
    STOP,
    UNIT_NAMES,
)

IDF_BUCKETS = 1 << 16
# Words past this many characters of a text cannot change a verdict that a person could check at a glance; reading
# them all would let one long prompt stall the request path.
VIEW_CHARS = 2_000

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?|[+\-*/=<>%$€£#]")


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A rough stem: enough that "courses" meets "course" and "explained" meets "explain"."""
    if len(word) > 4:
        for ending in ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= 3:
                base = word[: -len(ending)]
                if ending in ("ied", "ies"):
                    return base + "y"
                if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "sl":
                    return base[:-1]
                return base.rstrip("e") if len(base) > 3 else base
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


@lru_cache(maxsize=65_536)
def bucket(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) % IDF_BUCKETS


def fit_idf(texts: Iterable[str]) -> np.ndarray:
    """Rarity of words in a corpus, hashed: log(texts / texts with the word), uint8 in steps of 1/16."""
    counts, total = np.zeros(IDF_BUCKETS), 0
    for text in texts:
        total += 1
        words = {stem(token.lower()) for token in _TOKEN.findall(text)}
        counts[list({bucket(word) for word in words})] += 1
    return np.clip(np.round(np.log((total + 1) / (counts + 1)) * 16), 0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class TextView:
    """One text as the comparison needs it: made once per request and kept with each entry in memory."""

    words: frozenset[str]
    ends: tuple[str, str]
    length: int
    weights: dict[str, float]  # content stems in order of first use, with their rarity
    around: dict[str, tuple[str, str]]  # content stem -> stems to its left and right
    roles: dict[str, str]  # content stem -> the preposition that governs it
    core: frozenset[str]
    numbers: frozenset[str]
    amounts: frozenset[tuple[str, str]]  # (number, unit that follows it)
    dates: frozenset[str]
    units: frozenset[str]
    negations: int
    extremes: frozenset[str]
    asks: int
    capitals: frozenset[str]
    trigrams: frozenset[str]


class Viewer:
    """Makes views; holds the table of word rarity."""

    def __init__(self, idf: np.ndarray) -> None:
        self._idf = (idf.astype(float) / 16.0).tolist()  # a list: one look-up costs a tenth of an array's

    def view(self, text: str) -> TextView:
        raw = _TOKEN.findall(text[:VIEW_CHARS].replace("’", "'"))
        words, capitals = _words(raw)
        stems = [stem(word) for word in words]
        weights: dict[str, float] = {}
        around: dict[str, tuple[str, str]] = {}
        framed = ["^", *stems, "$"]
        for i, (word, one) in enumerate(zip(words, stems)):
            if word in STOP or word in NEGATION or one in weights or not (word[0].isalnum() or word in "+-*/=<>%$"):
                continue
            weights[one] = self._idf[bucket(one)]
            around[one] = (framed[i], framed[i + 2])
        low = f" {' '.join(words)} "
        return TextView(
            words=frozenset(words),
            ends=(words[0], words[-1]) if words else ("", ""),
            length=len(words),
            weights=weights,
            around=around,
            roles=_roles(words, stems),
            core=frozenset(one for one in weights if one not in FRAMING),
            numbers=frozenset(n for n in map(_number, words) if n),
            amounts=_amounts(words),
            dates=frozenset(_date(word) for word in words) - {""},
            units=frozenset(UNIT_NAMES[word] for word in words if len(word) > 1 and word in UNIT_NAMES),
            negations=sum(word in NEGATION for word in words),
            extremes=EXTREMES.intersection(words),
            asks=_asks(words),
            capitals=capitals,
            trigrams=frozenset(low[i : i + 3] for i in range(len(low) - 2)),
        )


def _words(raw: Sequence[str]) -> tuple[list[str], frozenset[str]]:
    words, capitals = [], set()
    for i, token in enumerate(raw):
        word = token.lower()
        if word.endswith("n't"):
            words += ["can" if word == "can't" else word[:-3], "n't"]
            continue
        word = word.removesuffix("'s") or word
        words.append(word)
        # The first word of a sentence is capital by grammar; an acronym is a name wherever it stands.
        if token[0].isupper() and word not in STOP and (i > 0 or (len(token) > 1 and token.isupper())):
            capitals.add(stem(word))
    return [word for word in words if word], frozenset(capitals)


def _number(word: str) -> str:
    return word.replace(",", "").rstrip(".") if word[0].isdigit() else NUMBER_WORDS.get(word, "")


def _date(word: str) -> str:
    return MONTHS.get(word) or (word if word in DAYS or word in RELATIVE_DATES else "")


def _amounts(words: Sequence[str]) -> frozenset[tuple[str, str]]:
    return frozenset((_number(a), UNIT_NAMES[b]) for a, b in pairwise(words) if b in UNIT_NAMES and _number(a))


def _asks(words: Sequence[str]) -> int:
    for i, word in enumerate(words):
        if word in ASKS:
            return 7 if word == "how" and i + 1 < len(words) and words[i + 1] in ASKS_AMOUNT else ASKS[word]
    return 0


def _roles(words: Sequence[str], stems: Sequence[str]) -> dict[str, str]:
    roles: dict[str, str] = {}
    for i, word in enumerate(words):
        if word in DIRECTIONS:
            for one, full in zip(stems[i + 1 : i + 4], words[i + 1 : i + 4]):
                if full not in STOP and one.isalnum():
                    roles.setdefault(one, word)
                    break
    return roles


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


def pair_words(a: TextView, b: TextView) -> list[float]:
    """Features of the ordered pair (request, entry), as PAIR_WORD_NAMES."""
    return [*_overlap(a, b), *_left(a, b), *_values(a, b), *_order(a, b)]


def _overlap(a: TextView, b: TextView) -> list[float]:
    shared = sum(weight for one, weight in a.weights.items() if one in b.weights)
    only_a, only_b = sum(a.weights.values()) - shared, sum(b.weights.values()) - shared
    trigrams, words = len(a.trigrams & b.trigrams), len(a.words & b.words)
    tri_a, tri_b = len(a.trigrams), len(b.trigrams)
    low, high = min(a.length, b.length), max(a.length, b.length)
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


def _left(a: TextView, b: TextView) -> list[float]:
    """What one text has and the other lacks, misspellings forgiven; how rare, and whether it frames or carries."""
    left_a, left_b, typos = _unmatched(a, b)
    weight_a, weight_b = [a.weights[one] for one in left_a], [b.weights[one] for one in left_b]
    core_a = max((a.weights[one] for one in left_a if one in a.core), default=0.0)
    core_b = max((b.weights[one] for one in left_b if one in b.core), default=0.0)
    shared = [weight for one, weight in a.weights.items() if one in b.weights]
    return [
        max(weight_a, default=0.0),
        max(weight_b, default=0.0),
        sum(weight_a),
        sum(weight_b),
        min(sum(weight_a), sum(weight_b)),
        core_a,
        core_b,
        min(core_a, core_b),
        max(shared, default=0.0),
        sum(shared),
        typos,
        len((a.words ^ b.words) & STOP),
    ]


def _unmatched(a: TextView, b: TextView) -> tuple[list[str], list[str], int]:
    left_a = [one for one in a.weights if one not in b.weights]
    left_b = [one for one in b.weights if one not in a.weights]
    typos = 0
    for one in list(left_a):
        twin = next((other for other in left_b if one[0] == other[0] and misspelt(one, other)), None)
        if twin is not None:
            left_a.remove(one)
            left_b.remove(twin)
            typos += 1
    return left_a, left_b, typos


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
    only_a, only_b = a.words - b.words, b.words - a.words
    opposites = sum(1 for one in only_a if one in OPPOSITES and not OPPOSITES[one].isdisjoint(only_b))
    capitals_a = sum(one in a.weights and one not in b.weights for one in a.capitals)
    capitals_b = sum(one in b.weights and one not in a.weights for one in b.capitals)
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


def _order(a: TextView, b: TextView) -> list[float]:
    """Direction and argument order: shared words in another order, under another preposition, or one swapped."""
    place = {one: i for i, one in enumerate(b.weights)}
    places = [place[one] for one in a.weights if one in place]
    pairs = len(places) * (len(places) - 1) / 2
    inverted = sum(x > y for i, x in enumerate(places) for y in places[i + 1 :])
    changed = sum(1 for one, role in a.roles.items() if b.roles.get(one, role) != role)
    swaps, weight, framed = _swaps(a, b)
    return [
        inverted / pairs if pairs else 0.0,
        changed,
        swaps,
        weight,
        framed,
        float(a.ends[0] == b.ends[0]),
        float(a.ends[1] == b.ends[1]),
        float(a.weights.keys() == b.weights.keys()),
    ]


def _swaps(a: TextView, b: TextView) -> tuple[int, float, int]:
    """Words of the one that stand where another word of the other stands: how many, how rare, framed on both sides."""
    lefts: dict[str, list[str]] = {}
    rights: dict[str, list[str]] = {}
    for one, (left, right) in b.around.items():
        if one not in a.weights:
            lefts.setdefault(left, []).append(one)
            rights.setdefault(right, []).append(one)
    swaps, weight, framed = 0, 0.0, 0
    for one, (left, right) in a.around.items():
        if one in b.weights:
            continue
        before, after = lefts.get(left, ()), rights.get(right, ())
        for other in {*before, *after}:
            swaps += 1
            weight = max(weight, min(a.weights[one], b.weights[other]))
            framed += other in before and other in after
    return swaps, weight, framed
