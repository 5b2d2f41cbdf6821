"""Pairs made from single texts by rule: edits that keep what is asked and edits that change it.

Human-labelled pairs hold few hard negatives: one number, name or direction changed. Here half of the pairs change one
such thing; many of those are reworded as well, so that another word order does not give the label away.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from router.cache.lexicon import OPPOSITES, STOP

Edit = Callable[[str, np.random.Generator], str | None]
_OPENERS = ("how to", "how do i", "how can i", "what is the best way to", "steps to", "ways to", "guide to", "tips to")
_SYNONYMS = (
    ("best", "top"), ("good", "best"), ("big", "large"), ("quickly", "fast"), ("movie", "film"), ("movies", "films"),
    ("photo", "picture"), ("photos", "pictures"), ("buy", "purchase"), ("start", "begin"), ("cost", "price"),
    ("difference between", "compare"), ("make", "create"), ("fix", "repair"), ("get rid of", "remove"),
    ("kids", "children"), ("phone", "mobile"), ("car", "automobile"), ("learn", "study"), ("increase", "improve"),
    ("two", "2"), ("three", "3"), ("five", "5"), ("ten", "10"), ("laptop", "notebook"), ("job", "work"),
    ("company", "firm"), ("reason", "cause"), ("steps", "guide"), ("nearest", "closest"), ("show", "list"),
)  # fmt: skip
_POLITE = ("please tell me {}", "can you tell me {}", "hi, {}", "{} thanks", "i want to know {}", "{} please")


@dataclass(frozen=True)
class Pair:
    """Two texts and whether one answer serves both."""

    cached: str
    incoming: str
    same: bool


def edited_pairs(
    texts: Sequence[str], other_words: Callable[[str, np.random.Generator], Sequence[str]], count: int, seed: int
) -> list[Pair]:
    """`count` pairs of a text and its edit, about half of them the same.

    `other_words` names words that may take the place of one in a text: of its topic, or common ones.
    """
    rng = np.random.default_rng(seed)
    pairs: list[Pair] = []
    while len(pairs) < count:
        text = texts[int(rng.integers(len(texts)))]
        same = bool(rng.random() < 0.5)
        draft: str | None = text if same else _changed(text, other_words(text, rng), rng)
        if draft is None:
            continue
        for _ in range(int(rng.integers(1, 3)) if same else int(rng.random() < 0.55)):
            edit = _KEEPING[int(rng.choice(len(_KEEPING), p=_KEEPING_SHARES))]
            draft = edit(draft, rng) or draft
        if draft.strip() != text.strip():
            pairs.append(Pair(text, draft, same))
    return pairs


def _changed(text: str, words: Sequence[str], rng: np.random.Generator) -> str | None:
    draw = rng.random()
    if draw < 0.45:
        return _other_word(text, words, rng)
    edit = _change_number if draw < 0.62 else _opposite if draw < 0.82 else _negate if draw < 0.88 else _exchange
    return edit(text, rng)


def _pick(items: Sequence[int], rng: np.random.Generator) -> int:
    return items[int(rng.integers(len(items)))]


def _other_word(text: str, words: Sequence[str], rng: np.random.Generator) -> str | None:
    parts = text.split()
    bare = [part.strip("?.,!") for part in parts]
    places = [i for i, word in enumerate(bare) if word.isalpha() and len(word) > 2 and word.lower() not in STOP]
    if not places or not words:
        return None
    place = _pick(places, rng)
    new = words[int(rng.integers(len(words)))]
    if new.lower() == bare[place].lower():
        return None
    new = new.capitalize() if bare[place][0].isupper() and place else new
    parts[place] = parts[place].replace(bare[place], new)
    return " ".join(parts)


def _change_number(text: str, rng: np.random.Generator) -> str | None:
    found = list(re.finditer(r"\d+", text))
    if not found:
        return None
    one = found[int(rng.integers(len(found)))]
    old = int(one.group())
    new = max(old + int(rng.choice([1, -1, 2, 10, 3])), 0)
    return f"{text[: one.start()]}{new if new != old else old + 1}{text[one.end() :]}"


def _opposite(text: str, rng: np.random.Generator) -> str | None:
    parts = text.split()
    bare = [part.strip("?.,").lower() for part in parts]
    places = [i for i, word in enumerate(bare) if word in OPPOSITES]
    if not places:
        return None
    place = _pick(places, rng)
    parts[place] = sorted(OPPOSITES[bare[place]])[0]
    return " ".join(parts)


def _negate(text: str, rng: np.random.Generator) -> str | None:
    found = re.search(r"\b(can|do|does|should|is|are|will|would|could) ", text[1:], re.IGNORECASE)
    return f"{text[: found.end() + 1]}not {text[found.end() + 1 :]}" if found else None


def _exchange(text: str, rng: np.random.Generator) -> str | None:
    """Two arguments change places where that asks for something else: from A to B."""
    found = re.search(
        r"(from|into|by|of|is|does|did|are|convert|change) ([\w']+) "
        r"(to|into|from|than|for|with|in|follow|affect|cause|replace|beat|become|older than|better than) ([\w']+)",
        text,
    )
    if not found or {found[2].lower(), found[4].lower()} & STOP or found[2].lower() == found[4].lower():
        return None
    middle = text[found.end(2) : found.start(4)]
    return f"{text[: found.start(2)]}{found[4]}{middle}{found[2]}{text[found.end(4) :]}"


def _front(text: str, rng: np.random.Generator) -> str | None:
    """The last phrase comes first."""
    found = re.search(r"^(.{8,}?) (in|for|with|on|at|about|of|using) ([^?]{3,40})\??$", text)
    if not found:
        return None
    return f"{found[3]} {found[1]}" if rng.random() < 0.6 else f"{found[2]} {found[3]} {found[1].lower()}"


def _open_otherwise(text: str, rng: np.random.Generator) -> str | None:
    found = re.match(
        r"(?:how (?:do|can|should|could) (?:i|you|we|one)|how to|what is the best way to|"
        r"what are (?:some|the best) ways to) (.*)",
        text,
        re.IGNORECASE,
    )
    if found:
        return f"{_OPENERS[int(rng.integers(len(_OPENERS)))]} {found[1]}"
    found = re.match(r"what (?:is|are) (?:the )?(.*?)\??$", text, re.IGNORECASE)
    forms = ("{}", "explain {}", "{} explained", "tell me about {}", "what's {}", "define {}")
    return forms[int(rng.integers(len(forms)))].format(found[1]) if found else None


def _synonym(text: str, rng: np.random.Generator) -> str | None:
    both = [pair for a, b in _SYNONYMS for pair in ((a, b), (b, a)) if re.search(rf"\b{pair[0]}\b", text)]
    if not both:
        return None
    old, new = both[int(rng.integers(len(both)))]
    return re.sub(rf"\b{old}\b", new, text, count=1)


def _shorten(text: str, rng: np.random.Generator) -> str | None:
    kept = [word for word in text.split() if word.strip("?.,").lower() not in STOP]
    return " ".join(kept) if len(kept) >= 2 else None


def _polite(text: str, rng: np.random.Generator) -> str | None:
    return _POLITE[int(rng.integers(len(_POLITE)))].format(text[0].lower() + text[1:].rstrip("?"))


def _commute(text: str, rng: np.random.Generator) -> str | None:
    """A list of two reads the same both ways round."""
    found = re.search(r"\b([\w']+) (and|or|vs|versus) ([\w']+)\b", text)
    return f"{text[: found.start(1)]}{found[3]} {found[2]} {found[1]}{text[found.end(3) :]}" if found else None


_KEEPING: tuple[Edit, ...] = (_front, _open_otherwise, _synonym, _shorten, _polite, _commute)
_KEEPING_SHARES = (0.25, 0.25, 0.1, 0.2, 0.1, 0.1)
