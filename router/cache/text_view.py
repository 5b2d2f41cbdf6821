"""One text as comparing it needs: its words, numbers, dates, units, names, order and rarity of words.

Knows spelling and word lists; knows no other text, no vectors and no entries.
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
    weight: float  # of all of them
    around: dict[str, tuple[str, str, int]]  # content stem -> stems to its left and right, its place among them
    roles: dict[str, str]  # content stem -> the preposition that governs it
    empty: frozenset[str]  # words that carry nothing themselves
    opposed: frozenset[str]  # words that have an opposite
    numbers: frozenset[str]
    amounts: frozenset[tuple[str, str]]  # (number, unit that follows it)
    dates: frozenset[str]
    units: frozenset[str]
    negations: int
    extremes: frozenset[str]
    asks: int
    capitals: frozenset[str]
    trigrams: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Word:
    """All that one token says, looked up once however many texts it stands in."""

    text: str
    stem: str
    content: bool
    weight: float
    capital: bool  # a capital that is a name unless grammar demands it here
    acronym: bool  # a name wherever it stands
    telling: bool  # any of the following is there
    number: str
    date: str
    unit: str
    negates: bool
    extreme: bool
    ask: int
    directs: bool
    trigrams: tuple[str, ...]  # of the word between spaces


_KNOWN_WORDS = 65_536
_OPPOSED = frozenset(OPPOSITES)


class Viewer:
    """Makes views; holds the table of word rarity. Several threads may share one."""

    def __init__(self, idf: np.ndarray) -> None:
        self._idf = (idf.astype(float) / 16.0).tolist()  # a list: one look-up costs a tenth of an array's
        self._known: dict[str, tuple[_Word, ...]] = {}

    def forget_words(self) -> None:
        """What is kept of single words, by this and by every other viewer."""
        self._known.clear()
        stem.cache_clear()
        bucket.cache_clear()

    def view(self, text: str) -> TextView:
        known, read = self._known.get, self._read
        tokens = _TOKEN.findall(text[:VIEW_CHARS].replace("’", "'"))
        parts = [known(token) or read(token) for token in tokens]
        line = [word for part in parts for word in part]
        words, stems = [word.text for word in line], [word.stem for word in line]
        weights: dict[str, float] = {}
        around: dict[str, tuple[str, str, int]] = {}
        framed = ["^", *stems, "$"]
        for i, word in enumerate(line):
            if word.content and word.stem not in weights:
                weights[word.stem] = word.weight
                around[word.stem] = (framed[i], framed[i + 2], len(around))
        telling = [word for word in line if word.telling]
        return TextView(
            words=frozenset(words),
            ends=(words[0], words[-1]) if words else ("", ""),
            length=len(words),
            weights=weights,
            weight=sum(weights.values()),
            around=around,
            roles=_roles(line) if any(word.directs for word in telling) else {},
            empty=STOP.intersection(words),
            opposed=_OPPOSED.intersection(words),
            numbers=frozenset([word.number for word in telling if word.number]),
            amounts=_amounts(line) if any(word.unit for word in telling) else frozenset(),
            dates=frozenset([word.date for word in telling if word.date]),
            units=frozenset([word.unit for word in telling if word.unit and len(word.text) > 1]),
            negations=sum([word.negates for word in telling]),
            extremes=frozenset([word.text for word in telling if word.extreme]),
            asks=_asks(line) if any(word.ask for word in telling) else 0,
            capitals=frozenset(
                [part[0].stem for i, part in enumerate(parts) if part[0].capital and (i > 0 or part[0].acronym)]
            ),
            trigrams=frozenset([f"{left[-1]} {right[0]}" for left, right in pairwise(words)]).union(
                *[word.trigrams for word in line]
            ),
        )

    def _read(self, token: str) -> tuple[_Word, ...]:
        """What a token says. "can't" says two words; the apostrophe of a genitive says nothing."""
        low = token.lower()
        if low.endswith("n't"):
            told = [self._word("can" if low == "can't" else low[:-3]), self._word("n't")]
            found = tuple(word for word in told if word.text)
        else:
            found = (self._word(low.removesuffix("'s") or low, token),)
        if len(self._known) >= _KNOWN_WORDS:
            self._known.clear()
        self._known[token] = found
        return found

    def _word(self, text: str, token: str = "") -> _Word:
        one, number, date = stem(text), _number(text) if text else "", _date(text)
        capital = token[:1].isupper() and text not in STOP
        unit, ask = UNIT_NAMES.get(text, ""), ASKS.get(text, 0)
        negates, extreme, directs = text in NEGATION, text in EXTREMES, text in DIRECTIONS
        carries = bool(text) and (text[0].isalnum() or text[0] in "+-*/=<>%$")
        return _Word(
            text=text,
            stem=one,
            content=carries and text not in STOP and not negates,
            weight=self._idf[bucket(one)],
            capital=capital,
            acronym=capital and len(token) > 1 and token.isupper(),
            telling=bool(number or date or unit or ask or negates or extreme or directs),
            number=number,
            date=date,
            unit=unit,
            negates=negates,
            extreme=extreme,
            ask=ask,
            directs=directs,
            trigrams=tuple(f" {text} "[i : i + 3] for i in range(len(text))),
        )


def _number(word: str) -> str:
    return word.replace(",", "").rstrip(".") if word[0].isdigit() else NUMBER_WORDS.get(word, "")


def _date(word: str) -> str:
    return MONTHS.get(word) or (word if word in DAYS or word in RELATIVE_DATES else "")


def _amounts(line: Sequence[_Word]) -> frozenset[tuple[str, str]]:
    return frozenset((a.number, b.unit) for a, b in pairwise(line) if b.unit and a.number)


def _asks(line: Sequence[_Word]) -> int:
    for i, word in enumerate(line):
        if word.ask:
            amount = word.text == "how" and i + 1 < len(line) and line[i + 1].text in ASKS_AMOUNT
            return 7 if amount else word.ask
    return 0


def _roles(line: Sequence[_Word]) -> dict[str, str]:
    roles: dict[str, str] = {}
    for i, word in enumerate(line):
        if word.directs:
            for other in line[i + 1 : i + 4]:
                if other.text not in STOP and other.stem.isalnum():
                    roles.setdefault(other.stem, word.text)
                    break
    return roles
