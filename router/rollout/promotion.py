"""Moves policies: on trial, up a stage, into service, and back. Writes pointers only; whoever serves follows them.

One change at a time, across processes. The pointers alone say what serves and what to go back to: neither a store nor a
registry is needed for either.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from router.current_policy import CANDIDATE, Current, name_of, pointer_path, read_current, write_current
from router.errors import InputError, PolicyFileError
from router.gate.verdict import Verdict
from router.policy_files import MANIFEST, read_folder
from router.prices import now
from router.rollout.gatekeeper import Gate
from router.rollout.history import Action, Change
from router.rollout.stages import next_stage, read_share, share_of

LOCK, LOCK_SECONDS = ".rollout.lock", 10.0
_CURE = "GET /policies, or python -m training policies, lists what there is."


def promote(
    models_dir: Path,
    policy: str | None = None,
    share: float | None = None,
    *,
    reason: str = "",
    by: str = "operator",
    at: datetime | None = None,
    gate: Gate | None = None,
    force: bool = False,
) -> Change:
    """Give a policy its next stage, or `share` of traffic: 0 watches, 1 serves. `policy` is a folder's name below the
    models folder, or its path; None is the candidate. What the gate says is kept with the change; a policy that it
    rejects gets traffic by `force` only.

    Raises InputError, or PolicyFileError for a folder that must not serve.
    """
    moment = at or now()
    with _changing(models_dir):
        current, candidate = read_current(models_dir), read_current(models_dir, CANDIDATE)
        folder = _folder(models_dir, policy, candidate)
        version = read_folder(folder)["version"]
        if current is not None and current.version == version:
            raise InputError("policy", name_of(models_dir, folder), "it serves already", _CURE)
        before = share_of(candidate.facts) if candidate is not None and candidate.version == version else 0.0
        wanted = next_stage(before) if share is None else read_share(share)
        if wanted < 1 and current is None:
            raise InputError("share", wanted, "nothing serves yet", "Promote with share 1 first.")
        told: dict[str, Any] = {"reason": reason, "by": by, "at": moment}
        if gate is not None and current is not None and wanted > 0:
            told["evidence"] = _asked(gate(version, current.version), name_of(models_dir, folder), force)
        if wanted < 1:
            write_current(models_dir, folder, CANDIDATE, share=wanted, since=moment.isoformat())
            serving = None if current is None else current.version
            action: Action = "stage" if wanted > 0 else "watch"
            return Change(action, name_of(models_dir, folder), version, wanted, serving, **told)
        _serve(models_dir, folder, current, moment)
        if candidate is not None and candidate.version == version:
            pointer_path(models_dir, CANDIDATE).unlink(missing_ok=True)
        return Change("promote", name_of(models_dir, folder), version, 1.0, version, **told)


def roll_back(
    models_dir: Path,
    *,
    reason: str = "",
    by: str = "operator",
    at: datetime | None = None,
    evidence: Mapping[str, Any] | None = None,
    only: str | None = None,
) -> Change:
    """Take a staged candidate's traffic away, after which it only watches; without one, let the policy serve again that
    served before. `only`: do nothing unless the change is about this version.

    Raises InputError where there is nothing to go back to.
    """
    moment = at or now()
    told = {"reason": reason, "by": by, "at": moment, "evidence": evidence or {}}
    with _changing(models_dir):
        current, candidate = read_current(models_dir), read_current(models_dir, CANDIDATE)
        if candidate is not None and share_of(candidate.facts) > 0:
            _check(only, candidate)
            write_current(models_dir, candidate.folder, CANDIDATE, share=0.0, stopped=reason or "rolled back")
            serving = None if current is None else current.version
            name = name_of(models_dir, candidate.folder)
            return Change("rollback", name, candidate.version, 0.0, serving, **told)  # type: ignore[arg-type]
        previous = None if current is None else current.facts.get("previous")
        if current is None or not isinstance(previous, Mapping):
            raise InputError("policy", None, "there is nothing to go back to", _CURE)
        _check(only, current)
        back = models_dir / str(previous.get("policy"))
        version = read_folder(back)["version"]
        if version != previous.get("version"):
            raise PolicyFileError(f"{back}: was trained anew since it served; promote a policy instead")
        write_current(models_dir, back, since=moment.isoformat(), left=current.version)
        name = name_of(models_dir, current.folder)
        return Change("rollback", name, current.version, 0.0, version, **told)  # type: ignore[arg-type]


def withdraw(models_dir: Path, *, reason: str = "", by: str = "operator", at: datetime | None = None) -> Change:
    """End a candidate's trial: it does not even watch any more. Raises InputError where there is none."""
    with _changing(models_dir):
        current, candidate = read_current(models_dir), read_current(models_dir, CANDIDATE)
        if candidate is None:
            raise InputError("policy", None, "there is no candidate", _CURE)
        pointer_path(models_dir, CANDIDATE).unlink(missing_ok=True)
        serving = None if current is None else current.version
        name = name_of(models_dir, candidate.folder)
        return Change("withdraw", name, candidate.version, 0.0, serving, at or now(), by, reason)


def policies_in(models_dir: Path) -> list[tuple[str, str]]:
    """(name, version) of every policy folder below the models folder; damaged ones are left out."""
    found = []
    for folder in sorted(models_dir.iterdir()) if models_dir.is_dir() else ():
        if folder.name.startswith(".") or not (folder / MANIFEST).is_file() or not (folder / "routes.json").is_file():
            continue
        try:
            found.append((folder.name, str(read_folder(folder)["version"])))
        except PolicyFileError:
            continue
    return found


def _serve(models_dir: Path, folder: Path, current: Current | None, at: datetime) -> None:
    previous = None
    if current is not None:
        previous = {"policy": name_of(models_dir, current.folder), "version": current.version}
    write_current(models_dir, folder, since=at.isoformat(), previous=previous)


def _folder(models_dir: Path, policy: str | None, candidate: Current | None) -> Path:
    if policy is None:
        if candidate is None:
            raise InputError("policy", None, "there is no candidate", f"Name a policy. {_CURE}")
        return candidate.folder
    if not policy.strip() or "\x00" in policy:
        raise InputError("policy", policy, "not a name", _CURE)
    below = models_dir / policy
    return below if (below / MANIFEST).is_file() or not Path(policy).is_dir() else Path(policy)


def _asked(verdict: Verdict | None, name: str, force: bool) -> dict[str, Any]:
    """What the gate says, to be kept with the change. Raises InputError where it says no."""
    if verdict is None:
        return {"gate": "no request was run with both policies"}
    if verdict.decision == "reject" and not force:
        why = f"the gate rejects it: {'; '.join(verdict.reasons)}"
        raise InputError("policy", name, why, "Let it watch (share 0), or force it where you know better.")
    return {"gate": verdict.decision, "reasons": list(verdict.reasons), "more": verdict.more, "forced": force}


def _check(only: str | None, pointed: Current) -> None:
    if only is not None and pointed.version != only:
        raise InputError("policy", only, f"{pointed.version} has its place by now", _CURE)


@contextmanager
def _changing(models_dir: Path) -> Iterator[None]:
    models_dir.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(models_dir / LOCK, timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise InputError("policy", None, "another change is being made", "Try again in a moment.") from error
