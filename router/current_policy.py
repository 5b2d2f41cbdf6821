"""Which policy folder serves and which is tried: pointer files, written whole or not at all; a thread follows them.

The pointer `current.json` in the models folder holds {"policy": folder, "version": version}; `candidate.json` beside it
names the candidate, with its `share` of traffic. A policy that was written anew in its folder does not take traffic:
the pointer's version must be the folder's.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from router.errors import PolicyFileError, TierwiseError
from router.events import Hook, PolicyRefused, tell
from router.policy import Policy
from router.policy_files import MANIFEST, read_folder

POINTER, CANDIDATE = "current.json", "candidate.json"
RETRY_SECONDS = 60.0
_MAX_POINTER_BYTES = 100_000


@dataclass(frozen=True)
class Current:
    """The folder that is pointed at and the version it must have. `facts` is what else the pointer says: `since`, the
    `previous` policy to go back to, a candidate's `share` of traffic."""

    folder: Path
    version: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def pointer_path(models_dir: Path, pointer: str = POINTER) -> Path:
    return models_dir / pointer


def write_current(models_dir: Path, folder: Path, pointer: str = POINTER, **facts: Any) -> Current:
    """Point at a policy folder, which is checked first. Raises PolicyFileError."""
    version = read_folder(folder)["version"]
    told = {"policy": name_of(models_dir, folder), "version": version, **facts}
    replace_file(pointer_path(models_dir, pointer), json.dumps(told, indent=1) + "\n")
    return Current(folder, version, facts)


def name_of(models_dir: Path, folder: Path) -> str:
    """How a pointer names a folder: below the models folder relative to it, so that the two can be moved together."""
    home, inside = models_dir.resolve(), folder.resolve()
    return inside.relative_to(home).as_posix() if inside.is_relative_to(home) else str(inside)


def read_current(models_dir: Path, pointer: str = POINTER) -> Current | None:
    """What the pointer says; None where there is no pointer. Raises PolicyFileError."""
    path = pointer_path(models_dir, pointer)
    try:
        if path.stat().st_size > _MAX_POINTER_BYTES:
            raise PolicyFileError(f"{path}: larger than any pointer we write")
        told = json.loads(path.read_text(encoding="utf-8"))
        facts = {name: value for name, value in dict(told).items() if name not in ("policy", "version")}
        return Current(models_dir / _name(told, "policy"), _name(told, "version"), facts)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PolicyFileError(f"{path}: not a pointer to a policy ({error!r}). Promote a policy again.") from error


def load_current(models_dir: Path) -> Policy | None:
    """The policy that the pointer names; None where there is no pointer. Raises PolicyFileError."""
    current = read_current(models_dir)
    return None if current is None else load_pointed(current)


def load_pointed(current: Current) -> Policy:
    """The policy pointed at. Raises PolicyFileError, also where the folder holds another version by now."""
    policy = Policy.load(current.folder)
    if policy.version != current.version:
        raise PolicyFileError(
            f"{current.folder}: holds version {policy.version}, but was promoted for {current.version}. "
            "Promote the folder again to serve what it holds now."
        )
    return policy


class PolicyWatcher:
    """Follows the pointer: a changed one is loaded and swapped in; what cannot be used is refused and told once.

    `known` gives a policy that is in memory already, by its version: a candidate that is promoted is not read again.
    """

    pointer = POINTER

    def __init__(
        self,
        models_dir: Path,
        swap: Callable[[Policy], None],
        hooks: Sequence[Hook] = (),
        poll_seconds: float = 0.5,
        known: Callable[[str], Policy | None] = lambda version: None,
    ) -> None:
        self._models_dir, self._swap, self._hooks, self._poll = models_dir, swap, tuple(hooks), poll_seconds
        self._known = known
        self._seen: Any = None
        self._problem, self._again_at = "", float("inf")
        self._stop = Event()
        self._thread = Thread(target=self._run, name=f"{self.pointer}-watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(self._poll + 5)

    def look(self) -> None:
        """Load and swap when the pointer, or the folder that it names, changed since the last look; what was refused is
        tried again now and then, for memory or a disk may have failed and not the policy."""
        seen = self._signature()
        if seen == self._seen and time.monotonic() < self._again_at:
            return
        told = self._problem if seen == self._seen else ""
        self._seen, self._problem, self._again_at = seen, "", float("inf")
        try:
            self._follow(read_current(self._models_dir, self.pointer))
        except Exception as error:
            # anything unforeseen in a file is a reason to keep the old policy, never one to stop watching
            self._problem = str(error) if isinstance(error, TierwiseError) else repr(error)
            self._again_at = time.monotonic() + RETRY_SECONDS
            if self._problem != told:
                tell(self._hooks, PolicyRefused(pointer_path(self._models_dir, self.pointer), self._problem))

    def _follow(self, current: Current | None) -> None:
        if current is not None:
            self._swap(self._load(current))

    def _load(self, current: Current) -> Policy:
        known = self._known(current.version)
        return known if known is not None and known.folder == current.folder else load_pointed(current)

    def _run(self) -> None:
        while not self._stop.wait(self._poll):
            self.look()

    def _signature(self) -> Any:
        """Changes whenever the pointer or the manifest it leads to is written: both are replaced, never edited."""
        pointer = pointer_path(self._models_dir, self.pointer)
        try:
            current = read_current(self._models_dir, self.pointer)
        except PolicyFileError:
            current = None
        return _stat(pointer), current and _stat(current.folder / MANIFEST)


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _name(told: Any, key: str) -> str:
    value = told[key]
    if not isinstance(value, str) or not value or "\x00" in value:
        raise ValueError(f"{key} is not a name")
    return value


def replace_file(path: Path, text: str) -> None:
    """Write beside, flush to disk, rename over: a reader sees the old file or the new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
