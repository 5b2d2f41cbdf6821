"""Traffic traces as load per window: arrivals with their tokens, or rates per client. Knows columns, not capacity."""

from pathlib import Path

import numpy as np
import pandas as pd

from router.errors import InputError
from router.tables import read_table

LOADS = ("requests", "input_tokens", "output_tokens")
_MILLISECONDS = 1000.0
MOST_WINDOWS = 10_000_000


def window_loads(path: Path | str, window_seconds: float, load: str = "requests") -> tuple[float, ...]:
    """Load per second of every window from the first to the last, empty windows included. Raises InputError."""
    if load not in LOADS:
        raise InputError("traffic.trace.load", load, "unknown load", f"Use one of {', '.join(LOADS)}.")
    table = read_table(path, "traffic.trace.path")
    if {"window_start_s", "requests_per_s"} <= set(table.columns):
        return _rates(table, window_seconds, load)
    seconds = _seconds(table, path)
    weights = np.ones(len(table)) if load == "requests" else _column(table, load, path)
    windows = _numbered(seconds, window_seconds)
    if windows.max() > 0:
        # the last window is cut off where the trace ends, which would read as a lull
        weights, windows = weights[windows < windows.max()], windows[windows < windows.max()]
    return tuple((np.bincount(windows, weights) / window_seconds).tolist())


def _seconds(table: pd.DataFrame, path: Path | str) -> np.ndarray:
    for name, scale in (("seconds", 1.0), ("milliseconds", _MILLISECONDS)):
        if name in table.columns:
            return _column(table, name, path) / scale
    cure = "Give arrivals (seconds or milliseconds) or rates (window_start_s, requests_per_s)."
    raise InputError("traffic.trace.path", str(path), "no arrivals and no rates", cure)


def _numbered(seconds: np.ndarray, window_seconds: float) -> np.ndarray:
    """The window of each moment, from 0. Raises InputError where there would be too many."""
    windows = np.floor((seconds - seconds.min()) / window_seconds)
    if not windows.max() < MOST_WINDOWS:
        cure = f"Use longer windows: at most {MOST_WINDOWS:,} fit."
        raise InputError("traffic.window_seconds", window_seconds, f"{windows.max():,.0f} windows", cure)
    return windows.astype(np.int64)


def _column(table: pd.DataFrame, name: str, path: Path | str) -> np.ndarray:
    if name not in table.columns:
        raise InputError("traffic.trace.load", name, f"no such column in {path}", f"It has {', '.join(table.columns)}.")
    values = table[name].to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values) | (values < 0))
    if bad.size:
        raise InputError(name, float(values[bad[0]]), "not a number from 0 on", "Mend the row.", row=int(bad[0]))
    return values


def _rates(table: pd.DataFrame, window_seconds: float, load: str) -> tuple[float, ...]:
    """The clients' rates added up; windows of another length average the trace's own."""
    if load != "requests":
        raise InputError("traffic.trace.load", load, "the trace has rates only", "Use requests.")
    total = table.groupby("window_start_s")["requests_per_s"].sum().sort_index()
    windows = _numbered(total.index.to_numpy(dtype=np.float64), window_seconds)
    counts = np.bincount(windows)
    return tuple((np.bincount(windows, total.to_numpy()) / np.maximum(counts, 1)).tolist())
