"""`python -m service privacy`: forget a tenant or a user, enforce retention now, seal the cache with the first key."""

import argparse
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from router.console import run_command
from router.errors import InputError
from router.privacy.erasure import Whom
from router.privacy.forgetting import in_parts, writing
from router.privacy.reseal import reseal
from router.privacy.retention import retire_cache, retire_log
from router.settings import Settings
from service.privacy import cipher_of, forget_whom, retention_of


def run_privacy(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    return run_command(lambda: arguments.work(Settings(), arguments))


def _forget(settings: Settings, given: argparse.Namespace) -> None:
    whom = Whom(given.tenant, given.user)
    rows, heard = forget_whom(settings, whom, given.labels)
    of = f"user {whom.user!r} of tenant {whom.tenant!r}" if whom.user is not None else f"tenant {whom.tenant!r}"
    print(f"Forgotten: {of}." if rows else f"Nothing was kept of {of}.")
    for table, count in rows.items():
        print(f"  {count:>9,}  {table}")
    if not heard:
        print("A serving process did not say in time that it forgot: it does once it reaches the store again.")


def _retire(settings: Settings, given: argparse.Namespace) -> None:
    kept, moment = retention_of(settings), datetime.now(UTC)
    old = in_parts(settings.store_url, lambda connection: retire_log(connection, kept, moment))
    cached = in_parts(settings.cache_url or settings.store_url, lambda one: retire_cache(one, time.time()))
    print(f"Retired {old:,} rows of the log and {cached:,} answers of the cache.")


def _reseal(settings: Settings, given: argparse.Namespace) -> None:
    cipher, url = cipher_of(settings), settings.cache_url or settings.store_url
    lost = 0
    for table in ("answers", "entries"):
        after, changed = 0, 0
        while True:
            with writing(url) as connection:
                part = reseal(connection, cipher, table, after)
            if part is None:
                break
            after, changed, lost = part[0], changed + part[1], lost + part[2]
        print(
            f"{changed:,} {table} sealed with {cipher.first!r}." if cipher.first else f"{changed:,} {table} unsealed."
        )
    if lost:
        cure = "Add the key that they were sealed with, or let them expire: they are never served."
        raise InputError("cache_keys", lost, "rows that no key opens", cure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service privacy", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    forgets = commands.add_parser("forget", help="remove what is kept of a tenant or one of its users")
    forgets.add_argument("--tenant", required=True)
    forgets.add_argument("--user", help="only this user (default: all of the tenant)")
    forgets.add_argument("--labels", type=Path, nargs="*", default=[], help="label files that were harvested, too")
    forgets.set_defaults(work=_forget)
    commands.add_parser("retire", help="remove now what is over its time").set_defaults(work=_retire)
    seals = commands.add_parser("reseal", help="seal the whole cache with the first key of TIERWISE_CACHE_KEYS")
    seals.set_defaults(work=_reseal)
    return parser
