"""Keeps the C library's allocator from holding what was freed: few heaps, and free pages go back now and then.

glibc gives threads heaps of their own (arenas, up to eight a core), and each stays as large as it was in its fullest
moment: one thread's scan of the store, SQLite's pages for an alert, is resident from then on, and in time every heap
has met such a moment. Knows glibc; with another C library nothing is done and nothing is lost.
"""

import ctypes
import os

MOST_ARENAS, EVERY_SECONDS = 2, 60.0
_M_ARENA_MAX = -8  # malloc.h


def few_arenas() -> bool:
    """Let threads share heaps from now on; whether that was done. Call before threads start. Who sets MALLOC_ARENA_MAX
    knows better."""
    limit = getattr(_library(), "mallopt", None)
    return limit is not None and "MALLOC_ARENA_MAX" not in os.environ and bool(limit(_M_ARENA_MAX, MOST_ARENAS))


def give_back() -> bool:
    """Hand whole free pages of every heap back to the system; whether there were any. Takes .2 to 3 ms for a heap of
    70 MB, 24 ms for half a million pieces; meanwhile a thread that needs more from the same heap waits."""
    trim = getattr(_library(), "malloc_trim", None)
    return trim is not None and bool(trim(0))


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)  # what this process is linked with
