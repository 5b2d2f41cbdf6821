"""A text as estimates should read it: without invisible characters, without letters of another alphabet in place of
ours, with base64 and simple ciphers that hide a text decoded, without code that it does not speak of. Whoever dresses a
request up so buys no dearer route with it.

Vectors, features and terms are made of this, of labels as of requests; the cache's key and words, callers and models
see the text as it came. An ordinary text is returned as it is, in microseconds.
"""

import base64
import binascii
import re
import unicodedata
from functools import lru_cache

from router.ciphers import deciphered
from router.code_dress import undressed

_LEAST_CODED, _MOST_CHARS = 32, 20_000
_PRINTABLE = 0.95
# not inside a word or a path, and long enough that no plain word looks like it
_CODED = re.compile(rf"(?<![\w+/=-])[A-Za-z0-9+/]{{{_LEAST_CODED},{_MOST_CHARS}}}={{0,2}}(?![\w+/=-])")
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]+")
_LATIN = "aceopxyisjhABCEHKMOPTXYIJSaovABEHIKMNOPTXYZ"
_TWINS = "асеорхуіѕјһАВСЕНКМОРТХУІЈЅαονΑΒΕΗΙΚΜΝΟΡΤΧΥΖ"
_FOLDED = str.maketrans(_TWINS, _LATIN)
_MIXED = re.compile(f"[A-Za-z][{_TWINS}]|[{_TWINS}][A-Za-z]")
_WORD = re.compile(r"[^\W\d_]+")


def undisguised(text: str) -> str:
    """The text for features and encoder. What comes after _MOST_CHARS is left as it is: it hardly counts for either."""
    return _read(text[:_MOST_CHARS]) + text[_MOST_CHARS:]


@lru_cache(maxsize=128)  # encoder, features and terms ask for the same text, with many others in between
def _read(head: str) -> str:
    if not head.isascii():
        head = _HIDDEN.sub(_hidden, head)
        if _MIXED.search(head):
            head = _WORD.sub(lambda word: _own_letters(word[0]), head)
    if any(len(word) >= _LEAST_CODED for word in head.split()):
        head = _CODED.sub(lambda run: _decoded(run[0]), head)
    return undressed(deciphered(head))


def _hidden(run: re.Match[str]) -> str:
    """Nothing beside our own letters; elsewhere (a joiner that Persian needs, say) as it was."""
    before, after = run.string[run.start() - 1 : run.start()], run.string[run.end() : run.end() + 1]
    return "" if (before.isascii() and before) or (after.isascii() and after) else run[0]


def _own_letters(word: str) -> str:
    """A word that mixes alphabets, and reads as ours when its twins are replaced; else as it was."""
    if word.isascii() or not any(char.isascii() for char in word):
        return word
    folded = word.translate(_FOLDED)
    return folded if folded.isascii() else word


def _decoded(run: str) -> str:
    """What base64 hides, where that is a text of words; else the run as it was (a digest, an image, a name)."""
    try:
        hidden = base64.b64decode(run + "=" * (-len(run) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return run
    shown = sum(char in "\n\t" or unicodedata.category(char)[0] != "C" for char in hidden)
    return hidden if " " in hidden and shown >= _PRINTABLE * len(hidden) else run


def forget_texts() -> None:
    """Texts of the last requests are kept to read them once."""
    _read.cache_clear()
