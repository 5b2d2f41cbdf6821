"""`python -m service keys`: make, list, rotate and revoke the keys of callers. Prints a token once, and only a token
to standard output, so that it can be piped into a secret store."""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from router.access.keys import SCOPES, Key, read_scopes
from router.access.store import KeyStore
from router.console import run_command
from router.errors import InputError
from router.settings import Settings

_DAY, _HOUR = 86_400.0, 3_600.0


def run_keys(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> None:
    settings = Settings()
    store = KeyStore(arguments.store or settings.store_url, settings.store_timeout_seconds)
    try:
        arguments.work(store, arguments)
    finally:
        store.close()


def _make(store: KeyStore, given: argparse.Namespace) -> None:
    if given.days is not None and not 0 < given.days <= 36_500:
        raise InputError("days", given.days, "out of range", "Use more than 0 days, or leave it out: no expiry.")
    key, token = store.make(
        given.tenant,
        read_scopes(given.scopes),
        name=given.name,
        expires=None if given.days is None else time.time() + given.days * _DAY,
        requests_per_second=given.rate,
    )
    _hand_over(key, token, "made")


def _rotate(store: KeyStore, given: argparse.Namespace) -> None:
    if not 0 <= given.overlap_hours <= 24 * 366:
        raise InputError("overlap-hours", given.overlap_hours, "out of range", "Use 0 hours to a year.")
    key, token = store.rotate(given.key_id, given.overlap_hours * _HOUR)
    _hand_over(key, token, "rotated")
    until = "no longer" if not given.overlap_hours else f"until {_day(key.old_until)}"
    print(f"The token before it is accepted {until}.", file=sys.stderr)


def _revoke(store: KeyStore, given: argparse.Namespace) -> None:
    key = store.revoke(given.key_id)
    print(f"{key.key_id} of {_tenant(key)} is revoked: every process refuses it within a second.")


def _list(store: KeyStore, given: argparse.Namespace) -> None:
    keys, now = store.listed(), time.time()
    if not keys:
        print("No key was ever made. Make one with python -m service keys make --tenant NAME.")
        return
    table = Table("key", "tenant", "scopes", "state", "made", "expires", "requests/s", "name", box=None, pad_edge=False)
    for key in keys:
        rate = "" if key.requests_per_second is None else f"{key.requests_per_second:g}"
        scopes = ",".join(scope for scope in SCOPES if scope in key.scopes)
        table.add_row(
            *(key.key_id, _tenant(key), scopes, key.state(now), _day(key.created), _day(key.expires), rate, key.name)
        )
    Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False).print(table)


def _hand_over(key: Key, token: str, done: str) -> None:
    print(token)
    scopes = ",".join(scope for scope in SCOPES if scope in key.scopes)
    expires = "never expires" if key.expires is None else f"expires {_day(key.expires)}"
    said = f"Key {key.key_id} of {_tenant(key)} {done}: {scopes}; {expires}. Keep the token: it is not shown again."
    print(said, file=sys.stderr)


def _tenant(key: Key) -> str:
    return "every tenant" if key.tenant == "*" else key.tenant


def _day(moment: float | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service keys", description=__doc__)
    parser.add_argument("--store", help="SQLAlchemy URL of the store (default: TIERWISE_STORE_URL)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    make = commands.add_parser("make", help="make a key and print its token, once")
    make.add_argument("--tenant", required=True, help="whose key it is; * for a gateway or an operator of all tenants")
    make.add_argument("--scopes", default="route,outcomes,cache", help=f"of {','.join(SCOPES)} (default: %(default)s)")
    make.add_argument("--days", type=float, help="expires after so many days (default: never)")
    make.add_argument("--rate", type=float, help="requests a second that it may make (default: the service's)")
    make.add_argument("--name", default="", help="what it is for")
    make.set_defaults(work=_make)
    commands.add_parser("list", help="every key, without its token").set_defaults(work=_list)
    rotate = commands.add_parser("rotate", help="give a key a new token")
    rotate.add_argument("key_id")
    rotate.add_argument("--overlap-hours", type=float, default=24.0, help="how long the old token is still accepted")
    rotate.set_defaults(work=_rotate)
    revoke = commands.add_parser("revoke", help="let a key open nothing any more")
    revoke.add_argument("key_id")
    revoke.set_defaults(work=_revoke)
    return parser
