"""`python -m eval`: what a policy would decide, and what that is worth."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from eval.decide import decide, decisions_table, read_queries
from router.console import run_command, stage_progress
from router.encoders import load_encoder
from router.moments import parse_moment
from router.policy import Policy
from router.settings import Settings
from router.tables import write_table


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    return run_command(lambda: arguments.command(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_decide(commands.add_parser("decide", help="decide a file of queries at every operating point"))
    return parser


def _add_decide(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--policy", type=Path, required=True, help="a policy folder")
    parser.add_argument("--queries", type=Path, required=True, help="query_id, prompt or messages; optionally task")
    parser.add_argument("--points", type=int, default=21, help="operating points, cheapest to best (default 21)")
    parser.add_argument("--value", type=float, help="one point: what a correct answer is worth, in USD")
    parser.add_argument("--at", help="the moment whose prices count (ISO 8601; default: now)")
    parser.add_argument("--out", type=Path, required=True, help="decisions: .parquet, .jsonl or .csv")
    parser.set_defaults(command=_decide)


def _decide(arguments: argparse.Namespace) -> None:
    settings, started = Settings(), time.perf_counter()
    policy = Policy.load(arguments.policy)
    queries = read_queries(arguments.queries)
    values = [arguments.value] if arguments.value is not None else policy.sweep.points(arguments.points)
    with stage_progress() as progress:
        encoder = load_encoder(settings)
        cache = settings.models_dir / "embeddings"
        sweep = decide(policy, encoder, queries, values, parse_moment(arguments.at), cache, progress)
    table = decisions_table(policy, sweep)
    write_table(table, arguments.out)
    seconds = time.perf_counter() - started
    print(f"{len(queries.ids)} queries × {len(values)} points decided in {seconds:.1f} s: {arguments.out}")
    print(f"Next: python -m eval frontier --policy {arguments.policy} --labels HELDOUT.parquet --out reports/NAME")


if __name__ == "__main__":
    sys.exit(main())
