"""`python -m training policies`, `promote` and `rollback`: which policy serves, changed from the command line.

Moves the pointers that a service follows, keeps why, and lets the aliases in MLflow's registry say the same.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from typing import Any

from router.current_policy import CANDIDATE, Current, read_current
from router.errors import TierwiseError
from router.log.store import LogStore
from router.prices import now
from router.rollout import history, registry
from router.rollout.gatekeeper import shadow_gate
from router.rollout.history import Change
from router.rollout.promotion import policies_in, promote, roll_back, withdraw
from router.rollout.stages import share_of
from router.settings import Settings

STORE_SECONDS = 10.0


def add_policy_commands(commands: Any) -> None:
    """Add the commands to a parser's subcommands."""
    listing = commands.add_parser("policies", help="which policy serves, which is on trial, and what was changed")
    listing.add_argument("--sync", action="store_true", help="let the aliases in MLflow say what the pointers say")
    listing.set_defaults(command=lambda arguments: _sync() if arguments.sync else _list())
    up = commands.add_parser("promote", help="give a policy its next stage of traffic: 1, 10, 50, 100 %%")
    up.add_argument("policy", nargs="?", help="a folder's name in models/ (default: the candidate)")
    up.add_argument("--share", type=float, help="this share instead: 0 only watches, 1 serves")
    up.add_argument("--force", action="store_true", help="although the gate rejects it")
    up.set_defaults(command=lambda arguments: _change(arguments, _promote))
    back = commands.add_parser("rollback", help="take a candidate's traffic away, or serve what served before")
    back.add_argument("--withdraw", action="store_true", help="end the candidate's trial: it does not even watch")
    back.set_defaults(command=lambda arguments: _change(arguments, _roll_back))
    for parser in (up, back):
        parser.add_argument("--reason", default="", help="why; kept with the change")


def _promote(arguments: argparse.Namespace, settings: Settings, by: str) -> Change:
    store = LogStore(settings.store_url)
    try:
        return promote(
            settings.models_dir,
            arguments.policy,
            arguments.share,
            reason=arguments.reason,
            by=by,
            gate=shadow_gate(store),
            force=arguments.force,
        )
    finally:
        store.close()


def _roll_back(arguments: argparse.Namespace, settings: Settings, by: str) -> Change:
    change = withdraw if arguments.withdraw else roll_back
    return change(settings.models_dir, reason=arguments.reason, by=by)


def _change(arguments: argparse.Namespace, make: Callable[[argparse.Namespace, Settings, str], Change]) -> None:
    settings = Settings()
    change = make(arguments, settings, _who())
    print(
        f"{change.action}: {change.policy} ({change.version}) has {change.share:.0%} of traffic; "
        f"{change.serving or 'nothing'} serves."
    )
    _keep(change, settings)
    _tell_registry(settings)


def _sync() -> None:
    """Safe to repeat; what a service starts after every change. Raises TierwiseError where MLflow cannot be told."""
    settings = Settings()
    if not registry.has_registry(settings) or registry.pointed(settings.models_dir) is None:
        print("Nothing to tell: no training was recorded here, or nothing was promoted yet.")
        return
    os.nice(10)  # whoever serves on this machine goes first
    print("\n".join(_told(settings)) or "The aliases say what the pointers say.")


def _list() -> None:
    settings = Settings()
    current, candidate = _pointed(settings)
    print(f"serves     {_said(settings, current)}")
    trial = "" if candidate is None else f", {share_of(candidate.facts):.0%} of traffic"
    print(f"candidate  {_said(settings, candidate)}{trial}")
    for name, version in policies_in(settings.models_dir):
        print(f"available  {name} ({version})")
    for change in _changes(settings):
        why = f": {change.reason}" if change.reason else ""
        print(f"{change.at:%Y-%m-%d %H:%M}  {change.action} {change.policy} to {change.share:.0%} by {change.by}{why}")
    if registry.lags(settings):
        print("registry   its aliases are behind: python -m training policies --sync")


def _pointed(settings: Settings) -> tuple[Current | None, Current | None]:
    return read_current(settings.models_dir), read_current(settings.models_dir, CANDIDATE)


def _said(settings: Settings, one: Current | None) -> str:
    return "nothing" if one is None else f"{one.folder.name} ({one.version})"


def _changes(settings: Settings) -> list[Change]:
    store = LogStore(settings.store_url)
    try:
        with store.reading() as connection:
            return history.recent(connection, 10)
    except TierwiseError:
        return []
    finally:
        store.close()


def _keep(change: Change, settings: Settings) -> None:
    store = LogStore(settings.store_url)
    try:
        store.write(lambda connection: history.keep(connection, change)).result(STORE_SECONDS)
    except (TierwiseError, TimeoutError) as error:  # the change holds; only its record is missing
        print(f"warning: the change was not recorded ({error})", file=sys.stderr)
    finally:
        store.close()


def _tell_registry(settings: Settings) -> None:
    """Let the registry's aliases follow the pointers; without a registry there is nothing to tell."""
    if registry.has_registry(settings):
        try:
            _told(settings)
        except TierwiseError as error:  # what serves is right all the same
            print(f"warning: {error}", file=sys.stderr)


def _told(settings: Settings) -> list[str]:
    """Move the aliases to what the pointers say now, and note it. Raises TierwiseError with the first line of what
    MLflow says."""
    from training.tracking import point_aliases  # MLflow takes seconds to import

    wanted = registry.pointed(settings.models_dir)
    if wanted is None:
        return []
    try:
        moved = point_aliases(settings.mlruns_dir, wanted.incumbent, wanted.candidate)
    except Exception as error:
        said = str(error).strip().splitlines()
        raise TierwiseError(f"the aliases in MLflow were not moved ({said[0] if said else repr(error)})") from error
    registry.note_told(settings.models_dir, wanted, now())
    return moved


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "operator"
