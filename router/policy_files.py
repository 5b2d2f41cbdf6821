"""A policy folder on disk: written whole or not at all, and read only when every byte is what its manifest says.

Knows files and digests; the meaning of their content belongs to `router.policy`. Nothing in a folder is ever executed:
LightGBM text, numpy arrays without objects, JSON.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from router.errors import InputError, PolicyFileError
from router.onnx_export import file_digest
from router.untrusted import inside, read_json

FORMAT = 1
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 4_000_000


def write_folder(folder: Path, fill: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """Let `fill` write files into a draft and return the manifest's facts, then move the draft into place.

    A folder that was there is replaced only now. Raises InputError when another training is writing the same folder, or
    when the place is taken by something that is not a policy.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft, old = (folder.with_name(f".{folder.name}.{state}") for state in ("draft", "old"))
    try:
        with FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
            if folder.exists() and not (folder / MANIFEST).is_file() and any(folder.iterdir()):
                raise InputError("out", str(folder), "not a policy folder, and not empty", "Name another folder.")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            try:
                manifest = _seal(draft, fill(draft))
                shutil.rmtree(old, ignore_errors=True)
                if folder.exists():
                    folder.rename(old)
                draft.rename(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
                shutil.rmtree(old, ignore_errors=True)
    except Timeout as error:
        raise InputError(
            "out", str(folder), "another training is writing this folder", "Wait for it, or name another."
        ) from error
    return manifest


def read_folder(folder: Path) -> dict[str, Any]:
    """The manifest of a folder whose files all match it. Raises PolicyFileError."""
    path = folder / MANIFEST
    try:
        manifest = read_json(path, MAX_MANIFEST_BYTES)
    except FileNotFoundError as error:
        raise PolicyFileError(
            f"{folder}: no policy here (no {MANIFEST}). Train one with python -m training fit."
        ) from error
    except (OSError, ValueError) as error:
        raise PolicyFileError(f"{path}: not readable ({error}). Train the policy again.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise PolicyFileError(f"{path}: format {found!r}, this version reads {FORMAT}. Train the policy again.")
    _check_files(folder, manifest)
    return manifest


def _seal(draft: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Add every file's digest and the version (a digest of all the rest), and write the manifest last."""
    files = {p.relative_to(draft).as_posix(): file_digest(p) for p in sorted(draft.rglob("*")) if p.is_file()}
    manifest = {"format": FORMAT, **facts, "files": files}
    manifest["version"] = _version(manifest)
    with (draft / MANIFEST).open("w", encoding="utf-8") as stream:
        json.dump(manifest, stream, indent=1, allow_nan=False)
        stream.flush()
        os.fsync(stream.fileno())
    return manifest


def _version(manifest: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in manifest.items() if key != "version"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:12]


def _check_files(folder: Path, manifest: dict[str, Any]) -> None:
    files = manifest.get("files")
    if not isinstance(files, dict) or _version(manifest) != manifest.get("version"):
        raise PolicyFileError(f"{folder / MANIFEST}: changed since it was written. Train the policy again.")
    for name, digest in files.items():
        try:
            path = inside(folder, name, "files")
        except InputError as error:
            raise PolicyFileError(f"{folder}: {name!r} lies outside the folder") from error
        if not path.is_file():
            raise PolicyFileError(f"{folder / name}: missing. Train the policy again.")
        if file_digest(path) != digest:
            raise PolicyFileError(f"{folder / name}: does not match its digest. Train the policy again.")
    _check_strangers(folder, files)


def _check_strangers(folder: Path, files: Mapping[str, Any]) -> None:
    """A link may lead anywhere, and a file that the manifest does not name was never sealed."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise PolicyFileError(f"{folder}: {name!r} is a link. Copy the folder whole.")
        if path.is_file() and name != MANIFEST and name not in files and not path.name.startswith("."):
            raise PolicyFileError(f"{folder}: {name!r} is not in the manifest. Take it out of the folder.")
