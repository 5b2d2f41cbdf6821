"""Tables on disk: Parquet, JSONL and CSV with the same columns. Knows file formats, not what the columns mean."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from router.errors import InputError
from router.untrusted import bounded_memory, parse_json

READERS = {".parquet": "Parquet", ".jsonl": "JSON lines", ".ndjson": "JSON lines", ".csv": "CSV"}
# Reading may take so much memory: Parquet packs tables tight, and pandas unpacks them into objects.
_LEAST_MEMORY, _TIMES_FILE = 4_000_000_000, 50
TEXT_COLUMNS = ("query_id", "task", "prompt", "messages", "model", "effort", "split", "tenant")


def read_table(path: Path | str, field: str = "labels") -> pd.DataFrame:
    """Read a table by its file ending. Raises InputError naming the file and what is wrong with it."""
    path = Path(path)
    kind = table_kind(path, field)
    if not path.is_file():
        raise InputError(field, str(path), "no such file", "Check the path.")
    try:
        with bounded_memory(_LEAST_MEMORY + _TIMES_FILE * path.stat().st_size):
            table = _read(path, kind)
    except MemoryError as error:
        problem, cure = "unfolds to far more than its size", "It was made to do so; split it if it was not."
        raise InputError(field, str(path), problem, cure) from error
    except (OSError, ValueError, pa.ArrowException, pd.errors.ParserError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(field, str(path), f"not a readable {kind} file: {reason}", "Write the file anew.") from error
    if table.empty:
        raise InputError(field, str(path), "no rows", "Give at least one row.")
    return table


def table_kind(path: Path, field: str = "out") -> str:
    """The format that a file's ending asks for. Raises InputError: ask before work whose result goes there."""
    kind = READERS.get(path.suffix.lower())
    if kind is None:
        raise InputError(field, str(path), "unknown file ending", f"Use one of {', '.join(READERS)}.")
    return kind


def write_table(table: pd.DataFrame, path: Path | str) -> None:
    """Write a table by its file ending, whole or not at all."""
    path = Path(path)
    kind = table_kind(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.tmp")
    try:
        if kind == "Parquet":
            table.to_parquet(draft, index=False)
        elif kind == "CSV":
            table.to_csv(draft, index=False)
        else:
            table.to_json(draft, orient="records", lines=True, date_format="iso")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path, kind: str) -> pd.DataFrame:
    if kind == "Parquet":
        return pd.read_parquet(path)
    if kind == "CSV":
        # every identifier is text: a query called 007 is not 7, and an effort called none is not missing
        types: Any = dict.fromkeys(TEXT_COLUMNS, str)
        return pd.read_csv(path, dtype=types, keep_default_na=False, na_values={c: [""] for c in _header(path)})
    return _read_json_lines(path)


def _header(path: Path) -> list[str]:
    return list(pd.read_csv(path, nrows=0).columns)


def _read_json_lines(path: Path) -> pd.DataFrame:
    rows = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = parse_json(line, f"line {number}")
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number} is not JSON ({error.msg})") from error
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is not a JSON object")
            rows.append(row)
    return pd.DataFrame(rows)
