"""Threads share few heaps, and what was freed goes back to the system, where the C library is glibc."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from service import allocator

glibc = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another C library than glibc")
_HEAPS = """
import ctypes, sys, threading
from service.allocator import few_arenas
print(few_arenas())
library = ctypes.CDLL(None)
taken = threading.Barrier(9)
def take():
    library.malloc(5000)
    taken.wait()
for _ in range(8):
    threading.Thread(target=take).start()
taken.wait()
library.fopen.restype = ctypes.c_void_p
report = ctypes.c_void_p(library.fopen(sys.argv[1].encode(), b"w"))
library.malloc_info(0, report)
library.fclose(report)
print(open(sys.argv[1]).read().count("<heap "))
"""


@glibc
@pytest.mark.parametrize("told, found", [({}, ["True", "2"]), ({"MALLOC_ARENA_MAX": "4"}, ["False", "4"])])
def test_threads_share_few_heaps_unless_their_number_was_said(
    told: dict[str, str], found: list[str], tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    command = [sys.executable, "-c", _HEAPS, f"{tmp_path}/heaps.xml"]
    assert subprocess.check_output(command, env={**environment, **told}, text=True).split() == found


@glibc
def test_freed_pages_go_back_to_the_system() -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    pieces = [ctypes.c_void_p(library.malloc(100_000)) for _ in range(300)]
    for piece in pieces:
        ctypes.memset(piece, 1, 100_000)
    full = psutil.Process().memory_info().rss
    for piece in pieces[:-1]:  # the last one keeps the heap from shrinking at its end
        library.free(piece)
    assert allocator.give_back()
    assert full - psutil.Process().memory_info().rss > 20_000_000
    library.free(pieces[-1])


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "_library", object)
    assert not allocator.few_arenas()
    assert not allocator.give_back()
