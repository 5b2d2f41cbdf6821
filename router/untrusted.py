"""Reads files that others may have made. Sizes and shapes are looked at before anything fills memory; nothing is
executed, nothing outside a named folder is opened. Knows formats; what a file means belongs to whoever asks for it.
"""

import json
import math
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from router.errors import InputError

JSON_BYTES, TOML_BYTES, TEXT_BYTES, ARRAY_BYTES = 32_000_000, 1_000_000, 256_000_000, 4_000_000_000
_MOST_DIMENSIONS, _MOST_DIGITS = 4, 100
_PLAIN_KINDS = "biuf"  # numbers and truth values: no objects, no records, no texts


def read_bytes(path: Path, most: int) -> bytes:
    """A regular file's bytes. Raises ValueError for one that is larger, or no file at all (a pipe never ends)."""
    with _opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        raw = stream.read(most + 1) if size <= most else b""
    if size > most or len(raw) > most:
        raise ValueError(f"{path.name}: larger than the {most:,} bytes that such a file may have")
    return raw


def read_text(path: Path, most: int = TEXT_BYTES) -> str:
    """Raises OSError or ValueError."""
    return read_bytes(path, most).decode("utf-8")


def read_json(path: Path, most: int = JSON_BYTES) -> Any:
    """Raises OSError or ValueError."""
    return parse_json(read_text(path, most), path.name)


def parse_json(text: str, name: str) -> Any:
    """A text of levels without end is a wrong value like any other. Raises ValueError."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(f"{name}: nested too deeply") from error


def read_toml(path: Path, field: str) -> dict[str, Any]:
    """A TOML file; numbers stay the decimals that were written. Raises InputError naming the file."""
    try:
        return tomllib.loads(read_text(path, TOML_BYTES), parse_float=_decimal)
    except FileNotFoundError as error:
        raise InputError(field, str(path), "no such file", "Check the path.") from error
    except (OSError, ValueError) as error:
        raise InputError(field, str(path), f"not a readable TOML file: {error}", "Mend the file.") from error
    except RecursionError as error:
        raise InputError(field, str(path), "nested too deeply", "Mend the file.") from error


def _decimal(text: str) -> Decimal:
    """A number of a size that can be written out: 1e999999999 would take a gigabyte. Raises ValueError."""
    value = Decimal(text)
    if value.is_finite() and value and abs(value.adjusted()) > _MOST_DIGITS:
        raise ValueError(f"{text[:40]}: a number of too many digits")
    return value


def read_array(path: Path, most: int = ARRAY_BYTES) -> np.ndarray:
    """One .npy array of plain numbers whose header tells the truth about the file. Raises OSError or ValueError."""
    with _opened(path) as stream:
        version = npy.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{path.name}: version {version} of the format")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, kind = read(stream)
        size, left = math.prod(shape) * kind.itemsize, os.fstat(stream.fileno()).st_size - stream.tell()
        if kind.kind not in _PLAIN_KINDS or len(shape) > _MOST_DIMENSIONS or min(shape, default=0) < 0:
            raise ValueError(f"{path.name}: not an array of plain numbers ({kind}, {len(shape)} dimensions)")
        if size > most or size != left:
            raise ValueError(f"{path.name}: its header tells of {size:,} bytes, it holds {left:,}")
        flat = np.frombuffer(stream.read(size), kind)
    return flat.reshape(shape, order="F" if fortran else "C").copy()


def inside(folder: Path, name: Any, field: str) -> Path:
    """A file named by another file, which must lie in the folder, links followed. Raises InputError."""
    cure = "Name a file in the same folder, by its relative path."
    if not isinstance(name, str) or not name or "\x00" in name or len(name) > 1_000:
        raise InputError(field, name, "not the name of a file", cure)
    home = folder.resolve()
    path = (home / name).resolve()
    if home not in path.parents:
        raise InputError(field, name, "lies outside the folder", cure)
    return path


@contextmanager
def bounded_memory(most: int) -> Iterator[None]:
    """Let allocations fail, rather than the machine, where reading takes more than `most` bytes beside what is held.

    By the process's address space (Linux); elsewhere, or under a stricter limit, nothing is changed. For commands: a
    service must not.
    """
    before = _address_space()
    if before is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = before + most
    if soft != resource.RLIM_INFINITY and soft <= wanted:
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space() -> int | None:
    """Bytes of address space that this process has taken; None where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path.exists() and not path.is_file():
        raise ValueError(f"{path.name}: not a regular file")
    with path.open("rb") as stream:
        yield stream
