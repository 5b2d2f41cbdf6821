"""`python -m eval shadow`: what shadow traffic shows, and its comparisons as a table."""

import argparse
import math
from pathlib import Path
from typing import Any

from router.current_policy import CANDIDATE, read_current
from router.errors import InputError
from router.intervals import Interval
from router.moments import parse_moment
from router.settings import Settings
from router.shadow.frame import read_shadows
from router.shadow.summary import Slice, summarise
from router.spend.whole_log import whole_log
from router.tables import table_kind, write_table


def add_shadow(commands: Any) -> None:
    """Add the command to a parser's subcommands."""
    parser = commands.add_parser("shadow", help="what shadow traffic shows; --out writes its comparisons as a table")
    parser.add_argument("--log", help="the store's URL (default: TIERWISE_STORE_URL)")
    parser.add_argument("--candidate", help="a policy's version (default: what models/candidate.json names)")
    parser.add_argument("--tenant", help="only this tenant")
    parser.add_argument("--since", help="first moment (ISO 8601)")
    parser.add_argument("--out", type=Path, help="comparisons: .parquet, .jsonl or .csv")
    parser.set_defaults(command=show_shadow)


def show_shadow(arguments: argparse.Namespace) -> None:
    """Print every slice, and write the comparisons where that is asked for. Raises InputError or StoreError."""
    settings = Settings()
    candidate = arguments.candidate or _pointed(settings)
    since = parse_moment(arguments.since, "since") if arguments.since else None
    if arguments.out:
        table_kind(arguments.out)
    with whole_log(arguments.log or settings.store_url) as store:
        slices = summarise(store, candidate, tenant=arguments.tenant, since=since)
        table = read_shadows(store, candidate, tenant=arguments.tenant, since=since) if arguments.out else None
    if not slices:
        raise InputError("candidate", candidate, "no comparisons in this log", "Let it watch, and requests come in.")
    print(f"Candidate {candidate}; differences are candidate minus incumbent, per request, with 95 % intervals.")
    for line in map(_line, slices):
        print(line)
    if table is not None:
        write_table(table, arguments.out)
        print(f"{len(table)} comparisons, {int(table['executed'].sum())} of them run on both sides: {arguments.out}")


def _pointed(settings: Settings) -> str:
    candidate = read_current(settings.models_dir, CANDIDATE)
    if candidate is None:
        raise InputError("candidate", None, "there is none", "Name one with --candidate VERSION.")
    return candidate.version


def _line(one: Slice) -> str:
    predicted = (
        f"agree {one.agreement.value:.0%}, predicted {_usd(one.predicted_usd)} and {_points(one.predicted_correct)}"
    )
    measured = (
        "" if not one.executed else f"; measured {_usd(one.billed_usd)} and {_points(one.correct)} (n = {one.executed})"
    )
    return f"  {one.kind + ' ' + one.name:<34} n = {one.n:<7,} {predicted}{measured}"


def _usd(one: Interval) -> str:
    """Dollars per 1,000 requests."""
    if not math.isfinite(one.value):
        return "unknown bills"
    return f"${1000 * one.value:+.3f} [{1000 * one.low:+.3f}, {1000 * one.high:+.3f}] per 1,000"


def _points(one: Interval) -> str:
    if not math.isfinite(one.value):
        return "unknown correctness"
    return f"{100 * one.value:+.1f} points [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"
