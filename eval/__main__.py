"""`python -m eval`: what a policy would decide, and what that is worth."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from eval.cache_report import ReplayOptions, evaluate_cache, summary_lines
from eval.compare import add_compare
from eval.decide import decide, decisions_table, read_queries
from eval.economics import add_economics
from eval.heldout import JudgeOptions, judge
from eval.inflation import add_inflation
from eval.off_policy import add_offline
from eval.plan_decisions import plan_table, plans_of, play_all, revealed_bins
from eval.price_replay import flip_lines, flips_json, flips_on, other_prices
from eval.report import write_report
from eval.shadow import add_shadow
from router.cache.verifier import Verifier
from router.console import run_command, stage_progress
from router.embedding_cache import embed_cached
from router.encoders import load_encoder
from router.errors import InputError
from router.labels import read_labels
from router.moments import parse_moment
from router.policy import Policy
from router.regret_curve import RegretCurve
from router.settings import Settings
from router.tables import table_kind, write_table


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    return run_command(lambda: arguments.command(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_decide(commands.add_parser("decide", help="decide a file of queries at every operating point"))
    _add_frontier(commands.add_parser("frontier", help="judge a policy on held-out labels: HTML, PNG and JSON"))
    _add_cache(commands.add_parser("cache", help="replay a stream through the semantic cache's decision"))
    add_economics(commands)
    add_shadow(commands)
    add_compare(commands.add_parser("compare", help="weigh a candidate against the incumbent: a report and a verdict"))
    add_offline(commands.add_parser("offline", help="what a policy would have been worth on logged traffic"))
    _add_spend(commands.add_parser("spend", help="what the ledger says: who spent what, and what it saved"))
    add_inflation(commands.add_parser("inflation", help="how many requests dressed-up texts move to dearer routes"))
    bench = commands.add_parser("bench", help="measure the figures of eval/FIGURES.md on real label sets")
    bench.add_argument("--data", type=Path, default=Path("../shared/data/routing"), help="folder of label sets")
    bench.add_argument(
        "--only", nargs="*", default=[], metavar="PART", help="a part of it; an unknown name lists them all"
    )
    bench.add_argument("--out", type=Path, default=Path("reports/bench"))
    bench.add_argument(
        "--scale", type=float, default=1.0, help="share of simulated traffic and repetitions that is made"
    )
    bench.set_defaults(command=_bench)
    return parser


def _add_cache(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stream", type=Path, required=True, help="prompt, answer_key; or cached, incoming, same")
    parser.add_argument("--max-wrong", type=float, default=0.01, help="share of wrong answers to bear (default 0.01)")
    parser.add_argument("--per", choices=["requests", "hits"], default="requests", help="what that is a share of")
    parser.add_argument("--verifier", type=Path, default=Path("models/verifier"), help="the verifier's folder")
    parser.add_argument("--part", help="only the rows of this split")
    parser.add_argument("--shuffle", type=int, help="replay in a random order drawn with this seed")
    parser.add_argument("--no-compare", action="store_true", help="skip the rules to compare with")
    parser.add_argument("--out", type=Path, required=True, help="decisions; .json and .png are written beside them")
    parser.set_defaults(command=_cache)


def _cache(arguments: argparse.Namespace) -> None:
    if not 0 < arguments.max_wrong < 1:
        raise InputError("max-wrong", arguments.max_wrong, "outside 0 to 1", "Use 0.01 for one in a hundred.")
    settings = Settings()
    options = ReplayOptions(
        stream=arguments.stream,
        out=arguments.out,
        max_wrong=arguments.max_wrong,
        per=arguments.per,
        part=arguments.part,
        shuffle=arguments.shuffle,
        compare=not arguments.no_compare,
    )
    with stage_progress() as progress:
        encoder = load_encoder(settings)
        verifier = Verifier.load(arguments.verifier)
        cache = settings.models_dir / "embeddings"
        found = evaluate_cache(options, verifier, lambda texts: embed_cached(encoder, texts, cache), progress)
    print("\n".join(summary_lines(found)))
    print(f"Decisions: {arguments.out}, with a .json and a .png of the same name beside it")


def _add_spend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", help="the store's URL (default: TIERWISE_STORE_URL)")
    parser.add_argument("--since", help="first moment (ISO 8601; default: this month)")
    parser.add_argument("--until", help="the moment before which it ends (default: the month's end)")
    parser.add_argument("--by", default="tenant", help="dimensions, separated by commas (default tenant)")
    parser.add_argument("--where", nargs="*", default=[], metavar="NAME=VALUE", help="only calls with these values")
    parser.add_argument("--spending", type=Path, help="the spending file, for mark-up and shared capacity")
    parser.add_argument("--revenue-usd", type=Decimal, help="the period's revenue, for cost per revenue dollar")
    parser.add_argument("--format", choices=["plain", "focus"], default="plain", help="columns of a table (FOCUS 1.2)")
    parser.add_argument("--out", type=Path, help="also write .csv, .jsonl, .parquet, or .html with plots")
    parser.set_defaults(command=_spend)


def _spend(arguments: argparse.Namespace) -> None:
    from eval.spend import SpendOptions, report_spend

    settings = Settings()
    options = SpendOptions(
        store_url=arguments.store or settings.store_url,
        since=arguments.since,
        until=arguments.until,
        by=arguments.by,
        where=tuple(arguments.where),
        spending=arguments.spending or settings.spending,
        revenue_usd=arguments.revenue_usd,
        format=arguments.format,
        out=arguments.out,
    )
    report_spend(options)


def _bench(arguments: argparse.Namespace) -> None:
    from eval.bench import bench

    bench(arguments.data, arguments.out, tuple(arguments.only), lambda line: print(line, flush=True), arguments.scale)
    print(f"Table: {arguments.out / 'bench.md'}")


def _add_decide(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--policy", type=Path, required=True, help="a policy folder")
    parser.add_argument("--queries", type=Path, required=True, help="query_id, prompt or messages; optionally task")
    parser.add_argument("--points", type=int, default=21, help="operating points, cheapest to best (default 21)")
    parser.add_argument("--value", type=float, help="one point: what a correct answer is worth, in USD")
    parser.add_argument("--at", help="the moment whose prices count (ISO 8601; default: now)")
    parser.add_argument("--plans", action="store_true", help="plans that may escalate: one row per step taken")
    parser.add_argument("--evidence", type=Path, help="labels whose agreement, confidence … a call reveals")
    parser.add_argument("--out", type=Path, required=True, help="decisions: .parquet, .jsonl or .csv")
    parser.set_defaults(command=_decide)


def _add_frontier(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--policy", type=Path, required=True, help="a policy folder")
    parser.add_argument("--labels", type=Path, required=True, help="label set; its test part where it has one")
    parser.add_argument("--train", type=Path, help="labels for the references (default: the train part of --labels)")
    parser.add_argument("--points", type=int, default=21, help="operating points, cheapest to best (default 21)")
    parser.add_argument(
        "--with-task", action="store_true", help="let the policy see each query's task, as a caller may"
    )
    parser.add_argument("--replicates", type=int, default=1000, help="bootstrap replicates (default 1000)")
    parser.add_argument("--at", help="the moment whose prices count (ISO 8601; default: now)")
    parser.add_argument("--prices", help="other prices to replay under: at=DATE, or a routes file")
    parser.add_argument("--regret", type=Path, help="a curve of training regret, to be shown in the report")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write the report to")
    parser.set_defaults(command=_frontier)


def _frontier(arguments: argparse.Namespace) -> None:
    settings = Settings()
    policy, at, flips = Policy.load(arguments.policy), parse_moment(arguments.at), None
    regret = RegretCurve.read(arguments.regret) if arguments.regret else None
    if arguments.prices:
        other = other_prices(policy, arguments.prices, at)
        flips = flips_on(
            policy, other, arguments.labels, at, load_encoder(settings), settings.models_dir / "embeddings"
        )
        policy, at = other.policy, other.at
    options = JudgeOptions(
        labels=arguments.labels,
        train=arguments.train,
        points=arguments.points,
        at=at,
        use_task=arguments.with_task,
        replicates=arguments.replicates,
        command="python -m eval " + " ".join(sys.argv[1:]),
        rebill=arguments.prices is not None,
    )
    with stage_progress() as progress:
        report = judge(policy, load_encoder(settings), options, settings.models_dir / "embeddings", progress)
        progress("writing report", 0.0)
        page = write_report(replace(report, regret=regret), arguments.out)
    if flips is not None:
        (arguments.out / "flips.json").write_text(json.dumps(flips_json(flips), indent=1))
        print("\n".join(flip_lines(flips, report.n, arguments.prices)))
    print(report.headline.sentence)
    if report.notes.overlap:
        print(f"{report.notes.overlap} of the judged queries were also trained on: these figures flatter the policy.")
    print(f"Report: {page} (opens in a browser, offline), with frontier.png and frontier.json beside it")
    print(f"Next: serve it with python -m service --policy {arguments.policy}")


def _decide(arguments: argparse.Namespace) -> None:
    settings, started = Settings(), time.perf_counter()
    table_kind(arguments.out)
    if arguments.value is not None and not arguments.value >= 0:  # nor is NaN
        raise InputError("value", arguments.value, "not an amount", "Give USD of 0 or more; inf for the best answers.")
    policy = Policy.load(arguments.policy)
    queries = read_queries(arguments.queries)
    if arguments.plans and arguments.evidence is None:
        raise InputError("evidence", None, "missing", "Name labels whose evidence the steps may reveal.")
    points = plans_of(policy).sweep if arguments.plans else policy.sweep
    values = [arguments.value] if arguments.value is not None else points.points(arguments.points)
    with stage_progress() as progress:
        encoder = load_encoder(settings)
        cache = settings.models_dir / "embeddings"
        sweep = decide(policy, encoder, queries, values, parse_moment(arguments.at), cache, progress)
    if arguments.plans:
        bins = revealed_bins(policy, queries, read_labels(arguments.evidence))
        played = play_all(policy, sweep.estimates, sweep.usd, sweep.values, bins)
        table = plan_table(policy, queries, sweep.usd, sweep.values, played)
    else:
        table = decisions_table(policy, sweep)
    write_table(table, arguments.out)
    seconds = time.perf_counter() - started
    print(f"{len(queries.ids)} queries × {len(values)} points decided in {seconds:.1f} s: {arguments.out}")
    print(f"Next: python -m eval frontier --policy {arguments.policy} --labels HELDOUT.parquet --out reports/NAME")


if __name__ == "__main__":
    sys.exit(main())
