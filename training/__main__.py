"""`python -m training`: fit a policy or the cache's verifier, hold queries out, or make a simulated label set."""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from router.console import print_notes, run_command, stage_progress
from router.moments import parse_moment
from router.operating_points import read_value
from router.routes import Route
from router.settings import Settings
from router.tables import write_table
from training.fit import FitOptions, FitResult, fit
from training.harvest import add_harvest
from training.large_labels import MOST_LABELS
from training.model_commands import add_model_commands
from training.operating_point import Objective
from training.policy_commands import add_policy_commands
from training.regret import add_regret
from training.split import split_labels
from training.verifier_command import add_verifier


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    return run_command(lambda: arguments.command(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_fit(commands.add_parser("fit", help="train a policy on a label set"))
    add_verifier(commands.add_parser("verifier", help="train the cache's judge of pairs"))
    _add_fit(commands.add_parser("add-model", help="train with a new model: a few labels, or the catalogue alone"))
    add_model_commands(commands, _fit)
    add_regret(commands)
    add_harvest(commands.add_parser("harvest", help="make a label set from what came back on logged decisions"))
    add_policy_commands(commands)
    split = commands.add_parser("split", help="hold queries out: add a split column, by query, task or time")
    split.add_argument("--labels", type=Path, required=True, help="label set: .parquet, .jsonl or .csv")
    split.add_argument("--out", type=Path, required=True, help="where to write it with its split")
    split.add_argument("--by", choices=["query", "task", "time"], default="query")
    split.add_argument("--test-share", type=float, default=0.3)
    split.add_argument("--seed", type=int, default=0)
    split.set_defaults(command=_split)
    simulate = commands.add_parser("simulate", help="write a simulated label set to try things on")
    simulate.add_argument("--out", type=Path, required=True, help="where to write it (.parquet, .jsonl or .csv)")
    simulate.add_argument("--queries", type=int, default=1200, help="how many queries (default 1200)")
    simulate.add_argument("--seed", type=int, default=0)
    simulate.set_defaults(command=_simulate)
    return parser


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--labels", type=Path, required=True, help="label set: .parquet, .jsonl or .csv")
    parser.add_argument("--out", type=Path, required=True, help="the policy folder to write, such as models/mine")
    parser.add_argument("--routes", type=Path, help="routes file (TOML): prices, tiers and limits of routes")
    parser.add_argument("--split-by", choices=["query", "task", "time"], default="query", help="what folds keep whole")
    goal = parser.add_mutually_exclusive_group()
    goal.add_argument("--floor", help='least accuracy: 0.80, or "within 0.01 of best" (the default), or of a route')
    goal.add_argument("--max-usd", type=float, help="highest accuracy at this mean USD per request")
    goal.add_argument("--value", type=float, help="what a correct answer is worth, in USD")
    parser.add_argument(
        "--confidence",
        type=float,
        help="with which a given floor or mean USD is promised (default 0.95; 0: a point estimate, no promise)",
    )
    parser.add_argument("--verify", type=int, default=0, help="simulate the promise on so many draws, such as 500")
    parser.add_argument("--at", help="the moment whose prices count (ISO 8601; default: now)")
    parser.add_argument("--route", action="append", default=[], help="a route without any label yet, model|effort")
    parser.add_argument("--without", action="append", default=[], help="retire a model, or a route")
    parser.add_argument(
        "--most-labels",
        type=int,
        default=MOST_LABELS,
        help=f"labels held in memory: those of a larger Parquet file stream and all teach (default {MOST_LABELS:,})",
    )
    parser.add_argument("--dask", help="fit the trees on so many local processes, or on the cluster at tcp://host:port")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--simulated", action="store_true", help="mark every figure from these labels as simulated")
    parser.add_argument("--no-tracking", action="store_true", help="do not record the training in MLflow")
    parser.set_defaults(command=_fit)


def _fit(arguments: argparse.Namespace) -> None:
    settings = Settings()
    options = FitOptions(
        labels=arguments.labels,
        out=arguments.out,
        routes=arguments.routes,
        split_by=arguments.split_by,
        objective=_objective(arguments),
        seed=arguments.seed,
        at=parse_moment(arguments.at),
        simulated=arguments.simulated,
        unlabelled=tuple(Route.parse(key) for key in arguments.route),
        without=tuple(arguments.without),
        most_labels=arguments.most_labels,
        dask=arguments.dask,
    )
    with stage_progress() as progress:
        result = fit(options, settings, progress)
    print_notes("What to know about these labels", result.notes)
    _tell(result, options)
    if not arguments.no_tracking:
        _track(result, options, settings)
    print(
        f"\nNext: python -m eval frontier --policy {options.out} --labels {options.labels}"
        f" --out reports/{options.out.name}"
    )


def _objective(arguments: argparse.Namespace) -> Objective:
    """A floor or ceiling that somebody asked for is a promise unless they say otherwise; the default floor is none."""
    asked = arguments.floor is not None or arguments.max_usd is not None
    confidence = arguments.confidence if arguments.confidence is not None else 0.95 if asked else None
    return Objective(
        arguments.floor or Objective.floor, arguments.max_usd, arguments.value, confidence or None, arguments.verify
    )


def _tell_promise(point: Mapping[str, Any]) -> None:
    certain = point["price_of_certainty_usd"]
    print(
        f"Promised with confidence {point['confidence']:g}: {point['promise']}, on {point['calibration_queries']} "
        f"queries; certainty costs ${certain:.6f} per request more than the point estimate."
    )
    if "verified" in point:
        seen = point["verified"]
        low, high = seen["broken_interval"]
        print(
            f"Simulated on {seen['simulated_draws']} draws: broken in {seen['broken_share']:.1%} "
            f"[{low:.1%}, {high:.1%}], refused in {seen['refused_share']:.1%}."
        )


def _tell_plans(plans: Mapping[str, Any], mark: str) -> None:
    low, high = (f"{100 * bound:+.1f}" for bound in plans["interval"])
    verdict = "worth their calls" if plans["worth_it"] else "not proved worth their calls, so /route makes none"
    print(
        f"Plans that escalate on {' and '.join(plans['signals'])}{mark}: "
        f"{100 * plans['accuracy_gain_at_equal_usd']:+.1f} points of accuracy at equal cost [{low}, {high}]; {verdict}."
    )


def _tell(result: FitResult, options: FitOptions) -> None:
    manifest = result.manifest
    point, mark = manifest["operating_point"], " (simulated)" if options.simulated else ""
    labels = manifest["labels"]
    print(
        f"\nPolicy {manifest['version']} in {options.out}: {len(manifest['routes'])} routes, "
        f"{labels['queries']} queries, {labels['labels']} labels{mark}.\nOperating point: {point['objective']}."
    )
    value = read_value(point["value_usd"])
    worth = "without limit" if math.isinf(value) else f"${value:.4g}"
    print(
        f"Out of fold{mark}: {point['out_of_fold_accuracy']:.1%} correct at ${point['out_of_fold_usd']:.6f} per request"
        f" (value of a correct answer: {worth})."
    )
    if manifest.get("plans"):
        _tell_plans(manifest["plans"], mark)
    if "promise" in point:
        _tell_promise(point)
    elif not point.get("floor_reached", True):
        print(f"No operating point reached the floor of {point['floor']:.3f}; the most accurate one was taken.")


def _track(result: FitResult, options: FitOptions, settings: Settings) -> None:
    from training.tracking import record  # MLflow takes seconds to import

    try:
        version = record(result, options, settings.mlruns_dir)
    except Exception as error:  # the policy is written and valid; its record is not worth failing for
        print(f"warning: not recorded in MLflow ({error})", file=sys.stderr)
        return
    print(f"Recorded in {settings.mlruns_dir}/mlflow.db as version {version} of the registered policy.")


def _split(arguments: argparse.Namespace) -> None:
    table = split_labels(arguments.labels, arguments.by, arguments.test_share, arguments.seed)
    write_table(table, arguments.out)
    counts = table.drop_duplicates("query_id")["split"].value_counts()
    print(f"{counts['train']} queries to train on and {counts['test']} held out, by {arguments.by}: {arguments.out}")
    print(f"Next: python -m training fit --labels {arguments.out} --out models/NAME")


def _simulate(arguments: argparse.Namespace) -> None:
    from training.simulate import simulate

    table = simulate(arguments.queries, arguments.seed)
    write_table(table, arguments.out)
    print(f"{len(table)} simulated labels of {arguments.queries} queries in {arguments.out}.")
    print(f"Next: python -m training fit --labels {arguments.out} --simulated --out models/simulated")


if __name__ == "__main__":
    sys.exit(main())
