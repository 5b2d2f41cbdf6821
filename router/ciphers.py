"""Text whose letters were shifted (rot13 and its kin), turned round or written as digits, read as what it says.

Each pair of neighbouring letters is judged by how often English has it, as it stands and with every dress taken off. A
run of text that reads far more like English undressed, and then holds a common English word, is undone; nothing else is
touched. Other languages than English are not recognised.
"""

import re
from collections.abc import Callable

import numpy as np


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# How rare each pair of letters is in English, (27, 27): first letter down, second across, no letter first in both. As
# characters from # on, eighths of a nat of −log P(second | first), counted over 287,180 letters of our own prose.
_RARE = (
    "~4?=C@>LC9VG@?>8>O<93HL9m]f"
    "5qA<?mHEe=qF9@2zFz882NINa?q"
    "F:b]j,jjV<Jj:Pj4jj@LZ9jjj4j"
    "C3qLq2qq2;q?Ehq1ZqLO8Cqqq?q"
    ")>dfE2fAs<jsR_j>SsG:bO]dsGs"
    "-=_@:EHS]Jhc@F:cEG35A^BNEJu"
    ",=o_o;<oo3ooGoo1bo9f<Dooobo"
    ",:Pbk0bG7;kYHkK?Yk<AK=Tkkkk"
    "60Rvv*vvv8vvvZf7avFZEYvmvSv"
    "SLM8<>G@enwO<@0<TjA21nFwMwU"
    "RIRRR0RRRRRRRRR4RRR/R.RRRRR"
    "0QZhW+hh_<hhQh2Zhh_7hFWUh_h"
    "47_Y82Iss6sj4[j7^sX8H@VWs@s"
    "42=eW.enn9nnMDD4;nnDn@nnnYn"
    "0@k@35P8kGxNG[K5Ixk97IZeeEx"
    "9PLEAJ7GyHiC<<3CHy3?;7D9lyg"
    "86mmm1mOQAmm8m[3Dm2A;;meeSm"
    "G___________9________$_____"
    "/:^RB/eKe:xNQMG5beA;?GDSx>x"
    ")@yML6`eC>yESWjBIPyA4IdBy]y"
    "-?nL{5kX.={{Pde;R{B9HK{L{L{"
    "UBNB>4_EfJoo:;4NAo57/ooof]o"
    "O4hhh%hTh5hhhhhQhhhhhhhhhhh"
    "77qqh5qq,6qqPq<9qq>:aqqqqqq"
    "57^=^9^^^>^^^^^^2^^^+^^^P^^"
    "%^Ok^CQbkTkkUbkJKkk8?kkXkk^"
    ">KKKK&KKKKKKKKK5KKKKKBKKKKK"
)
_SIGNS = "".join(chr(code) for code in range(35, 127) if chr(code) != "\\" and chr(code) != "'")
_COMMON = _set(
    "the and for are not you all any can was one has his how who what which when where why that this with from have "
    "will would should could there their they your about into more most than then these those been were does following "
    "between after before because each other some such only also over many much"
)
# A text is looked at closely where so many pairs in a row are as unlike English as this (mean log P).
_WINDOW, _UNLIKE = 48, -3.2
# What a run must gain undressed, in all and per pair, over what chance finds among 26 dresses; and be like then.
_LEAST_GAIN, _CHANCE, _LEAST_PAIRS, _LEAST_LETTERS, _LIKE = 30.0, 0.15, 24, 10, -3.0
_LEAST_PER_PAIR = 0.5
# One common word proves a run of so much gain, two prove any.
_SURE_GAIN = 60.0
_MOST_RUNS = 3
# The ends of a run are uncertain by some letters; so much of the gain may be lost by moving one there.
_NEAR, _LITTLE = 24, 10.0
_BACKWARDS = 25  # the last dress; those before it are shifts by 1 to 25

_PLACE = bytes((code | 32) - 96 if chr(code).isascii() and chr(code).isalpha() else 0 for code in range(256))


def _tables() -> np.ndarray:
    """(27, 729): log P of a pair as it stands, then of what it was before each dress."""
    plain = np.array([-_SIGNS.index(sign) / 8 for sign in _RARE]).reshape(27, 27)
    before = [np.r_[0, 1 + (np.arange(26) - by) % 26] for by in range(26)]
    return np.stack([*(plain[np.ix_(one, one)] for one in before), plain.T]).reshape(27, -1)


_LOG_P = _tables()
_PLAIN = _LOG_P[0]
_LEET = str.maketrans("013457@$", "oieastas")
_MIXED = re.compile(r"[013457@$](?:(?<=[A-Za-z].)|(?=[A-Za-z]))", re.DOTALL)
_TOKEN = re.compile(r"[A-Za-z0-9@$]+")
_LEAST_DIGIT_WORDS = 2


def deciphered(text: str) -> str:
    """The text with runs of disguised English undone; an ordinary text is returned as it is, in microseconds."""
    for _ in range(_MOST_RUNS):
        found = _run(text)
        if found is None:
            break
        start, end, dress = found
        text = text[:start] + _plain(text[start:end], dress) + text[end:]
    return _without_digits(text)


def _run(text: str) -> tuple[int, int, int] | None:
    """First character of the clearest disguised run, the one past its last, and its dress; None where there is none."""
    letters = np.frombuffer(text.encode("latin-1", "replace").translate(_PLACE), np.uint8)
    # of what is no letter, the first stands for all
    told = letters != 0
    told[1:] |= told[:-1] & ~told[1:]
    places = np.flatnonzero(told)
    row = letters[places].astype(np.intp)
    pairs = row[:-1] * 27 + row[1:]
    if len(pairs) < _LEAST_PAIRS or not _unlike(_PLAIN.take(pairs)):
        return None
    read = _LOG_P[:, pairs]
    total = np.cumsum(read[1:] - read[0] - _CHANCE, axis=1)
    total = np.concatenate([np.zeros((len(total), 1)), total], axis=1)
    # the run of greatest gain under each dress ends where the sum is furthest above its least before
    gains = total - np.minimum.accumulate(total, axis=1)
    dress, last = np.unravel_index(int(gains.argmax()), gains.shape)
    first = int(total[dress, : last + 1].argmin())
    count, gain = last - first, float(gains[dress, last])
    if count < _LEAST_PAIRS or gain < max(_LEAST_GAIN, _LEAST_PER_PAIR * count):
        return None
    lost = total[dress] - total[dress, first]
    start = _snapped(text, int(places[first]), lambda place: float(lost[min(np.searchsorted(places, place), last)]))
    end = len(text) if last + _NEAR >= len(pairs) else int(places[last])
    start, end = _whole_words(text, start, end)
    words = re.findall(r"[a-z]+", _plain(text[start:end], int(dress)).lower())
    if read[dress + 1, first:last].mean() < _LIKE or len(set("".join(words))) < _LEAST_LETTERS:
        return None
    proved = len(_COMMON.intersection(words)) >= (1 if gain >= _SURE_GAIN else 2)
    return (start, end, int(dress)) if proved else None


def _unlike(read: np.ndarray) -> bool:
    """Whether the pairs are unlike English anywhere."""
    if len(read) <= _WINDOW:
        return bool(read.mean() < _UNLIKE)
    sums = np.cumsum(read)
    return bool((sums[_WINDOW:] - sums[:-_WINDOW]).min() < _UNLIKE * _WINDOW)


def _snapped(text: str, start: int, lost: Callable[[int], float]) -> int:
    """Where the run begins: where the text, a line or an order to decode does near by, if little is lost by that."""
    near = range(max(start - _NEAR, 0), min(start + _NEAR, len(text)))
    begins = [place for place in near if not place or text[place - 1] in ":\n"]
    return min((place for place in begins if lost(place) < _LITTLE), key=lost, default=start)


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """The run from word to word: a word that lies half inside belongs to it, with the signs that follow."""
    start, end = _word_end(text, start, first=True), _word_end(text, end, first=False)
    while start < end and text[start].isspace():
        start += 1
    while 0 < end < len(text) and not text[end - 1].isspace() and not text[end].isspace() and not text[end].isalpha():
        end += 1
    return start, end


def _word_end(text: str, place: int, first: bool) -> int:
    """The nearer end of the word at a place; of two as near, the outer one."""
    before, after = place, place
    while before and text[before - 1].isalpha():
        before -= 1
    while after < len(text) and text[after].isalpha():
        after += 1
    near = place - before, after - place
    return before if near[0] < near[1] or (first and near[0] == near[1]) else after


def _plain(run: str, dress: int) -> str:
    if dress == _BACKWARDS:
        # a run turned as a whole has its commas and stops before words; else each word was turned in its place
        before, after = len(re.findall(r"\s[,.?;:]\w", run)), len(re.findall(r"\w[,.?;:]\s", run))
        return run[::-1] if before >= after else re.sub(r"\w+", lambda word: word[0][::-1], run)
    back = {
        int(code): int(first + (code - first - dress - 1) % 26)
        for first in (97, 65)
        for code in range(first, first + 26)
    }
    return run.translate(back)


def _without_digits(text: str) -> str:
    """Digits inside words read as letters (th3, wh1ch), where two common words at least are written so."""
    if not _MIXED.search(text):
        return text
    told = {word for word in map(_letters, _TOKEN.findall(text)) if word is not None}
    if len(_COMMON & {word.lower() for word in told}) < _LEAST_DIGIT_WORDS:
        return text
    return _TOKEN.sub(lambda word: _letters(word[0]) or word[0], text)


def _letters(word: str) -> str | None:
    """A word of letters and of digits that stand for letters, in letters; None for any other."""
    return word.translate(_LEET) if _MIXED.search(word) else None
