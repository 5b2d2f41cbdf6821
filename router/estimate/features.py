"""Named lexical and structural features of a text, the same in training and serving.

Knows characters and words only: neither embeddings nor labels. Reads the first `MAX_CHARS` characters (the full length
is still a feature), so a 1 MB prompt costs no more than a long one; anything that is not text counts as empty.
"""

import math
from typing import Any

import numpy as np

from router.undisguised import undisguised

FEATURE_VERSION = 1
MAX_CHARS = 16_000

_CHARACTERS = {
    "lower": "abcdefghijklmnopqrstuvwxyz",
    "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "digit": "0123456789",
    "space": " \t",
    "newline": "\n",
    "comma": ",;",
    "stop": ".!",
    "question": "?",
    "colon": ":",
    "quote": "\"'`",
    "round": "()",
    "square": "[]",
    "curly": "{}<>",
    "operator": "+*/=^%",
    "dollar": "$",
    "backslash": "\\",
    "dash": "-",
    "mark": "_#|~@&",
}
_WORDS = {
    "arithmetic": "sum add adds added plus minus subtract times multiply divide divided product total average mean "
    "percent percentage ratio fraction number numbers digits digit calculate compute equation remaining left each "
    "every per twice half cost price dollars",
    "mathematics": "integer integers polynomial function derivative integral matrix vector prime factor factors "
    "divisor divisors gcd lcm probability triangle circle angle radius area perimeter square root log sin cos "
    "equation theorem proof let real complex degree group ring field set subset sequence modulo mod cube",
    "code": "def return import class print function python java javascript code string list array dict int float bool "
    "void char method algorithm program loop output input implement html sql select json var const null true false",
    "logic": "if then implies therefore true false premise conclusion argument statement valid invalid knight knave "
    "liar truth logical puzzle rule rules moves move grid board state sequence order sort path graph game position "
    "swap rotate pattern",
    "negation": "not no never none neither nor except without least incorrect false cannot isn't doesn't unless",
    "which": "what which who whom whose when where",
    "how": "how many much",
    "why": "why explain describe reason because cause causes",
    "task_verb": "find give return write list determine calculate identify choose select state provide convert sort "
    "count reverse complete translate summarize answer output respond solve transform decrypt decode",
    "answer_format": "only exactly must should format final answer exact single just",
    "story": "he she his her they man woman boy girl year-old presents says went old person people",
    "medicine": "patient treatment disease blood symptoms clinical diagnosis pain syndrome drug cell cells therapy "
    "acute chronic history examination",
    "law": "court law legal state defendant plaintiff contract rights act constitution",
    "science": "energy force mass velocity temperature pressure reaction acid atom electron gas water species gene "
    "dna protein light wave",
    "society": "war century king president country government city american world history political economic company",
    "choices": "a) b) c) d) a. b. c. d. (a) (b) (c) (d) a: b: c: d: e: choices: options: following",
    "common": "the of and to in is a that it for on as with was are be by this from or an at",
    "example": "example examples e.g. sample given note instance input: output: question: answer: context: passage",
}
_SHAPE = (
    "log_chars",
    "log_words",
    "log_lines",
    "mean_word_chars",
    "distinct_words",
    "long_words",
    "number_words",
    "log_longest_word",
    "ends_with_question",
    "log_digits",
    "log_operators",
    "longest_number",
)
_FLAGS = ("choices", "code", "arithmetic", "mathematics")

FEATURE_NAMES: tuple[str, ...] = (
    *_SHAPE,
    *(f"chars_{name}" for name in (*_CHARACTERS, "other", "non_ascii")),
    *(f"words_{name}" for name in _WORDS),
    *(f"any_{name}" for name in _FLAGS),
)

_OTHER, _NON_ASCII = len(_CHARACTERS), len(_CHARACTERS) + 1
_PUNCTUATION = ".,;:!?\"'()[]{}$"


def _class_of_byte() -> np.ndarray:
    classes = np.full(256, _OTHER, dtype=np.uint8)
    for number, members in enumerate(_CHARACTERS.values()):
        classes[[ord(one) for one in members]] = number
    classes[128:] = _NON_ASCII
    return classes


def _groups_of_word() -> dict[str, tuple[int, ...]]:
    groups: dict[str, tuple[int, ...]] = {}
    for number, words in enumerate(_WORDS.values()):
        for word in words.split():
            groups[word] = (*groups.get(word, ()), number)
    return groups


_CLASS_OF_BYTE = _class_of_byte()
_GROUPS_OF_WORD = _groups_of_word()
_COLUMN_OF_GROUP = {name: column for column, name in enumerate(_WORDS)}


def clean_text(text: Any) -> str:
    """The part of a text that features read; empty for what is not text."""
    return text[:MAX_CHARS] if isinstance(text, str) else ""


def text_features(text: Any) -> np.ndarray:
    """One value per name in FEATURE_NAMES, float64, finite for every input."""
    text = undisguised(text) if isinstance(text, str) else text
    read = clean_text(text)
    characters = _character_counts(read)
    words = read.lower().split()
    groups = _group_counts(words)
    shape = _shape(read, len(text) if isinstance(text, str) else 0, words, characters)
    flags = [float(groups[_COLUMN_OF_GROUP[name]] > 0) for name in _FLAGS]
    return np.concatenate([shape, characters / max(len(read), 1), groups / max(len(words), 1), flags])


def _character_counts(read: str) -> np.ndarray:
    # Code points past 255 count as 255, which is in the non-ASCII class as well.
    points = np.frombuffer(read.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    counts = np.bincount(_CLASS_OF_BYTE[np.minimum(points, 255)], minlength=_NON_ASCII + 1)
    return counts.astype(np.float64)


def _group_counts(words: list[str]) -> np.ndarray:
    counts = [0.0] * len(_WORDS)
    known = _GROUPS_OF_WORD
    for word in words:
        groups = known.get(word) or known.get(word.strip(_PUNCTUATION))
        if groups:
            for group in groups:
                counts[group] += 1.0
    return np.array(counts)


def _shape(read: str, chars: int, words: list[str], characters: np.ndarray) -> list[float]:
    lengths = [len(word) for word in words] or [0]
    many = max(len(words), 1)
    # only words with a digit at either end can be numbers; most words are told apart by that alone
    numbers = [one for word in words if word[-1].isdigit() or word[0].isdigit() if (one := _number(word))]
    return [
        math.log1p(chars),
        math.log1p(len(words)),
        math.log1p(characters[4]),
        sum(lengths) / many,
        len(set(words)) / many,
        sum(length >= 8 for length in lengths) / many,
        len(numbers) / many,
        math.log1p(max(lengths)),
        float(read.rstrip()[-1:] == "?"),
        math.log1p(characters[2]),
        math.log1p(characters[13]),
        float(min(max((len(one) for one in numbers), default=0), 40)),
    ]


def _number(word: str) -> str:
    """The digits of a word that is a number, else an empty string."""
    digits = word.strip(_PUNCTUATION).replace(".", "").replace(",", "")
    return digits if digits.isdigit() else ""
