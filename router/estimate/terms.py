"""Hashed words and word pairs of a text: the sparse half of what a request is represented by.

A term's column is the CRC-32 of its UTF-8 bytes modulo `TERM_COLUMNS`; nothing here is learned, and nothing is stored
of the text itself.
"""

import re
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np

from router.undisguised import undisguised

TERM_COLUMNS = 1 << 13
TERM_CHARS = 6_000

_TOKEN = re.compile(r"[^\W_]+|[^\w\s]")


def text_terms(text: Any) -> tuple[np.ndarray, np.ndarray]:
    """Columns (sorted, distinct) and 1 + log(count) of each, from the first TERM_CHARS characters."""
    tokens = _TOKEN.findall(undisguised(text)[:TERM_CHARS].lower()) if isinstance(text, str) else []
    hashed = [crc32(token.encode("utf-8", "replace")) for token in tokens]
    # A pair mixes the two hashes by an odd multiplier, so that "a b" and "b a" differ.
    pairs = [(one * 0x9E3779B1 + two) & 0xFFFFFFFF for one, two in pairwise(hashed)]
    if not hashed:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    mixed = np.array(hashed + pairs, dtype=np.int64)
    columns, counts = np.unique((mixed ^ (mixed >> 16)) % TERM_COLUMNS, return_counts=True)
    return columns, 1.0 + np.log(counts)
