"""What a registry of models was last told of the pointers, in a file beside them. Knows a file; no registry.

Nothing that serves waits for a registry: the pointers say what serves. Whoever tells the registry notes it here, so
that every process can say whether the registry's aliases are behind.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from router.current_policy import CANDIDATE, read_current, replace_file
from router.errors import PolicyFileError
from router.settings import Settings

NOTE = ".registry.json"
_MOST_BYTES, _MOST_CHARS = 10_000, 300


@dataclass(frozen=True)
class Aliases:
    """The versions that the aliases of the same names should name; None: no such alias."""

    incumbent: str | None
    candidate: str | None


@dataclass(frozen=True)
class Note:
    """The `aliases` that the registry was last told, None before the first time; and why it could not be told since."""

    aliases: Aliases | None
    at: str
    problem: str | None = None


def has_registry(settings: Settings) -> bool:
    """Whether trainings were ever recorded here: else there is nobody to tell."""
    return (settings.mlruns_dir / "mlflow.db").is_file()


def pointed(models_dir: Path) -> Aliases | None:
    """What the aliases should name; None where nothing was ever promoted, or a pointer cannot be read."""
    try:
        current, candidate = read_current(models_dir), read_current(models_dir, CANDIDATE)
    except PolicyFileError:
        return None
    return None if current is None else Aliases(current.version, None if candidate is None else candidate.version)


def read_note(models_dir: Path) -> Note | None:
    """None where the registry was never told, or the note says nothing."""
    path = models_dir / NOTE
    with suppress(OSError, ValueError, KeyError, TypeError):
        if path.stat().st_size <= _MOST_BYTES:
            found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            aliases = found["aliases"] and Aliases(**found["aliases"])
            return Note(aliases, str(found["at"]), found["problem"])
    return None


def note_told(models_dir: Path, aliases: Aliases, at: datetime) -> None:
    """The registry says this now."""
    _write(models_dir, Note(aliases, at.isoformat(timespec="seconds")))


def note_problem(models_dir: Path, problem: str, at: datetime) -> None:
    """The registry could not be told; what it was told before stands."""
    before = read_note(models_dir)
    told = None if before is None else before.aliases
    _write(models_dir, Note(told, at.isoformat(timespec="seconds"), problem[:_MOST_CHARS]))


def lags(settings: Settings) -> bool:
    """Whether the registry's aliases may say something else than the pointers."""
    if not has_registry(settings):
        return False
    wanted, note = pointed(settings.models_dir), read_note(settings.models_dir)
    return wanted is not None and (note is None or note.aliases != wanted)


def standing(settings: Settings) -> dict[str, Any] | None:
    """Where the registry stands, for a person; None where there is none."""
    if not has_registry(settings):
        return None
    note = read_note(settings.models_dir) or Note(None, "")
    told = note.aliases and asdict(note.aliases)
    behind = lags(settings)
    return {"aliases": told, "at": note.at or None, "lags": behind, "problem": note.problem if behind else None}


def _write(models_dir: Path, note: Note) -> None:
    replace_file(models_dir / NOTE, json.dumps(asdict(note)) + "\n")
