"""Whether an answer says what a reference says: word for word, or as a number. Knows texts only."""

import math
import re
import unicodedata
from typing import Literal

Checker = Literal["exact", "numeric"]
CHECKERS: tuple[Checker, ...] = ("exact", "numeric")
RELATIVE = 1e-6
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:[,  ]\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?")


def check(answer: str, reference: str, checker: Checker) -> float:
    """1.0 where the answer is right, else 0.0. A numeric answer is the last number that it names."""
    if checker == "exact":
        return float(plain(answer) == plain(reference))
    said, wanted = last_number(answer), last_number(reference)
    if said is None or wanted is None:
        return 0.0
    return float(math.isclose(said, wanted, rel_tol=RELATIVE, abs_tol=1e-12))


def plain(text: str) -> str:
    """Without case, surrounding marks and runs of white space, so that `"Paris."` is `paris`."""
    words = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return words.strip(" .,;:!?\"'`*()[]")


def last_number(text: str) -> float | None:
    """The last number that a text names; thousands may be separated. None where it names none."""
    found = [one.group() for one in _NUMBER.finditer(text) if any(char.isdigit() for char in one.group())]
    if not found:
        return None
    value = float(re.sub(r"[,  ]", "", found[-1]))
    return value if math.isfinite(value) else None
