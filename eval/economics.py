"""The commands of the economics: `prices`, `plan` and `worked-examples`. Knows files and options; computes nothing."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from eval.plan_page import FORMATS, plan_html, plan_json, plan_text, write_page
from eval.traces import window_loads
from eval.worked.examples import all_rows
from eval.worked.page import summarise, worked_html, worked_markdown
from router.economics import scenarios
from router.economics.chapters import CHAPTERS, plan_scenario
from router.economics.measured import Measured, measure_periods
from router.economics.meters import Call
from router.economics.plan import Plan
from router.economics.price_table import disagreement_table, model_table, shape_table
from router.errors import InputError
from router.moments import parse_moment
from router.settings import Settings
from router.spend.whole_log import whole_log
from router.untrusted import inside, read_toml

Subparsers = Any


def add_economics(commands: Subparsers) -> None:
    """The three commands, for `python -m eval`."""
    _add_prices(commands.add_parser("prices", help="what a model costs by every source, or all models for one request"))
    _add_plan(commands.add_parser("plan", help="answer a scenario file: costs, break-evens, capacity"))
    worked = commands.add_parser("worked-examples", help="recompute every worked figure of the guide")
    worked.add_argument("--out", type=Path, default=Path("reports/worked-examples"), help="folder of the page")
    worked.add_argument("--markdown", type=Path, help="write the Markdown page to this file only")
    worked.set_defaults(command=_worked)


def _add_prices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", nargs="?", help="model or provider/model; without it: all models for one request")
    parser.add_argument("--at", help="the moment whose prices count (ISO 8601; default: now)")
    parser.add_argument("--input", type=int, default=1500, help="input tokens of the request (default 1500)")
    parser.add_argument("--output", type=int, default=300, help="output tokens of the request (default 300)")
    parser.add_argument("--models", nargs="*", default=[], help="only these models")
    parser.add_argument("--disagreements", action="store_true", help="where the sources price a model differently")
    _add_format(parser)
    parser.set_defaults(command=_prices)


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", type=Path, nargs="?", help="a TOML file; its `chapter` names the question")
    parser.add_argument("--example", choices=sorted(CHAPTERS), help="print the documented scenario of a chapter")
    parser.add_argument("--log", help="the decision log to measure (SQLAlchemy URL; default: the configured store)")
    _add_format(parser)
    parser.set_defaults(command=_plan)


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--out", type=Path, help="write to this file instead of the terminal")


def _prices(arguments: argparse.Namespace) -> None:
    at = _moment(arguments.at)
    if arguments.disagreements:
        plan = disagreement_table(at)
    elif arguments.model:
        plan = model_table(arguments.model, at)
    else:
        call = Call.read({"input_tokens": arguments.input, "output_tokens": arguments.output})
        plan = shape_table(call, at, tuple(arguments.models))
    _write(plan, arguments)


def _moment(text: str | None) -> datetime:
    """A day without a time is its noon, when no off-peak price holds."""
    moment = parse_moment(text)
    dated = text is None or "T" not in text
    return moment.replace(hour=12, minute=0, second=0, microsecond=0) if dated else moment


def _plan(arguments: argparse.Namespace) -> None:
    if arguments.example:
        print(scenarios.example_text(arguments.example), end="")
        return
    if arguments.scenario is None:
        cure = f"Name a file; --example CHAPTER prints one ({', '.join(CHAPTERS)})."
        raise InputError("scenario", None, "missing", cure)
    given = read_scenario(arguments.scenario)
    _write(plan_scenario(given, _measured(given, arguments.log)), arguments)


def read_scenario(path: Path) -> dict[str, Any]:
    """A scenario file, with its trace read. Numbers stay the decimals that were written. Raises InputError."""
    given = read_toml(path, "scenario")
    if "chapter" not in given:
        raise InputError("chapter", None, "missing", f"Start the file with chapter = one of {', '.join(CHAPTERS)}.")
    return _with_trace(given, path.parent)


def _with_trace(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    traffic = given.get("traffic")
    if not isinstance(traffic, Mapping) or not isinstance(traffic.get("trace"), Mapping):
        return given
    trace, rest = traffic["trace"], {name: value for name, value in traffic.items() if name != "trace"}
    window = rest.get("window_seconds")
    if not isinstance(window, (int, Decimal)) or window <= 0:
        raise InputError("traffic.window_seconds", window, "not a length of time", "Use more than 0 seconds.")
    if set(trace) - {"path", "load"} or "path" not in trace:
        raise InputError("traffic.trace", dict(trace), "not a trace", "Give path, and load where it is not requests.")
    path = inside(folder, trace["path"], "traffic.trace.path")
    loads = window_loads(path, float(window), str(trace.get("load", "requests")))
    return {**given, "traffic": {**rest, "loads_per_second": loads}}


def _measured(given: Mapping[str, Any], log: str | None) -> Mapping[str, Measured]:
    asked = given.get("measured")
    if asked is None:
        return {}
    if not isinstance(asked, Mapping):
        raise InputError("measured", asked, "not a table", "Write [measured] with tenant, since, until, route or task.")
    url = log or Settings().store_url
    if not url:
        raise InputError("log", url, "no decision log is configured", "Pass --log, or set TIERWISE_STORE_URL.")
    with whole_log(url) as store:
        return measure_periods(store, asked)


def _write(plan: Plan, arguments: argparse.Namespace) -> None:
    text = {"text": plan_text, "json": plan_json, "html": plan_html}[arguments.format](plan)
    if arguments.out is None:
        _print(text)
        return
    write_page(text, arguments.out)
    print(plan.answer)
    print(f"Written: {arguments.out}")


def _print(text: str) -> None:
    """To the terminal; whoever reads may stop, as `head` does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _worked(arguments: argparse.Namespace) -> None:
    rows = all_rows()
    if arguments.markdown is not None:
        write_page(worked_markdown(rows), arguments.markdown)
        print(summarise(rows).sentence)
        return
    write_page(worked_html(rows), arguments.out / "worked-examples.html")
    write_page(worked_markdown(rows), arguments.out / "worked-examples.md")
    told = [{**vars(one), "ours": [str(x) for x in one.ours], "agreement": one.agreement} for one in rows]
    text = json.dumps(told, ensure_ascii=False, indent=1)
    write_page(text, arguments.out / "worked-examples.json")
    print(summarise(rows).sentence)
    print(f"Page: {arguments.out / 'worked-examples.html'} (opens offline), with .md and .json beside it")
