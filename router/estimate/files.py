"""Writes and reads the parts of an estimator: one .npy per array, LightGBM's text for trees, JSON for everything else.

Parts are frozen dataclasses whose fields say by their type how they are kept, so a new field needs no code here.
Nothing in a file is ever executed.
"""

import json
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from lightgbm import Booster

from router.estimate.features import FEATURE_NAMES, FEATURE_VERSION
from router.estimate.model_text import read_booster
from router.routes import Route
from router.untrusted import read_array, read_json, read_text

FILE = "estimator.json"


def write_parts(folder: Path, routes: tuple[Route, ...], parts: dict[str, Any]) -> None:
    """Write named parts into an existing folder."""
    values: dict[str, Any] = {}
    for name, part in parts.items():
        _write(folder, name, part, values)
    header = {"feature_version": FEATURE_VERSION, "features": FEATURE_NAMES, "routes": [route.key for route in routes]}
    (folder / FILE).write_text(json.dumps({**header, "values": values}, indent=1), encoding="utf-8")


def read_parts(folder: Path, kinds: dict[str, type]) -> tuple[tuple[Route, ...], dict[str, Any]]:
    """Read what `write_parts` wrote. Raises OSError, KeyError or ValueError where a part is missing or damaged."""
    header = read_json(folder / FILE)
    if header["feature_version"] != FEATURE_VERSION or tuple(header["features"]) != FEATURE_NAMES:
        raise ValueError(f"made with feature version {header['feature_version']}, this program has {FEATURE_VERSION}")
    routes = tuple(map(Route.parse, header["routes"]))
    return routes, {name: _read(folder, name, kind, header["values"]) for name, kind in kinds.items()}


def _write(folder: Path, name: str, part: Any, values: dict[str, Any]) -> None:
    if is_dataclass(part):
        for field in fields(part):
            _write(folder, f"{name}.{field.name}", getattr(part, field.name), values)
    elif isinstance(part, np.ndarray):
        np.save(folder / f"{name}.npy", _narrowed(part), allow_pickle=False)
        values[name] = part.dtype.str
    elif isinstance(part, Booster):
        (folder / f"{name}.txt").write_text(part.model_to_string(), encoding="utf-8")
    else:
        values[name] = part


def _narrowed(array: np.ndarray) -> np.ndarray:
    """Half the size on disk where float32 holds every value exactly."""
    if array.dtype != np.float64 or not np.isfinite(array).all() or np.abs(array).max(initial=0.0) > 1e30:
        return array
    narrow = array.astype(np.float32)
    return narrow if np.array_equal(narrow.astype(np.float64), array) else array


def _read(folder: Path, name: str, kind: Any, values: dict[str, Any]) -> Any:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        told = [f for f in fields(kind) if f.default is MISSING or f"{name}.{f.name}" in values]
        return kind(**{f.name: _read(folder, f"{name}.{f.name}", hints[f.name], values) for f in told})  # type: ignore[operator]
    if kind is np.ndarray:
        return read_array(folder / f"{name}.npy").astype(_plain(values[name]))
    if kind is Booster:
        return read_booster(read_text(folder / f"{name}.txt"), f"{name}.txt")
    return tuple(values[name]) if isinstance(values[name], list) else values[name]


def _plain(told: Any) -> np.dtype[Any]:
    """The type that an array had in memory; nothing but numbers."""
    kind = np.dtype(str(told))
    if kind.kind not in "biuf":
        raise ValueError(f"not a type of numbers: {told}")
    return kind
