"""`eval offline`: what a policy would have been worth on logged traffic, or that the log cannot tell."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.log_choices import Choices, LogPart, choices_of, read_log
from eval.wording import ABSENT, dollars, per_cent
from router.console import print_notes, stage_progress
from router.encoders import load_encoder
from router.moments import parse_moment
from router.off_policy.answer import Answer, answer
from router.policy import Policy
from router.settings import Settings

_LINE = "{:<10} {:>8}  {:<20} {:<20} {:>10}  {}"


def add_offline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--policy", type=Path, required=True, help="the policy folder to judge")
    add_log_arguments(parser)
    parser.add_argument("--replicates", type=int, default=1000, help="bootstrap replicates (default 1000)")
    parser.add_argument("--at", help="the moment whose prices count (ISO 8601; default: now)")
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    parser.set_defaults(command=_offline)


def add_log_arguments(parser: argparse.ArgumentParser, required: bool = True) -> None:
    parser.add_argument("--log", required=required, help="the decision log's URL, such as sqlite:///models/tierwise.db")
    parser.add_argument("--prompts", type=Path, help="query_id, prompt: texts that the log keeps only the hash of")
    parser.add_argument("--tenant", help="only this tenant's decisions")
    parser.add_argument("--since", help="the first moment (ISO 8601)")
    parser.add_argument("--until", help="the moment before which it ends (ISO 8601)")


def log_part(arguments: argparse.Namespace) -> LogPart:
    asked = {"since": arguments.since, "until": arguments.until}
    period = [None if text is None else parse_moment(text, name) for name, text in asked.items()]
    return LogPart(arguments.log, arguments.prompts, arguments.tenant, *period)


def _offline(arguments: argparse.Namespace) -> None:
    settings, part = Settings(), log_part(arguments)
    policy = Policy.load(arguments.policy)
    with stage_progress() as progress:
        progress("reading the log", 0.0)
        logged = read_log(part)
        progress("deciding again", 0.0)
        cache = settings.models_dir / "embeddings"
        found = choices_of(policy, load_encoder(settings), logged, part, cache, parse_moment(arguments.at))
        progress("estimating", 0.0)
        said = answer(found.logged, found.choice, arguments.replicates)
    print_notes("What to know about this log", notes_of(found))
    print("\n".join(lines_of(said)))
    if arguments.out is not None:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(strict(asdict(said)), indent=1, allow_nan=False) + "\n")
        print(f"Figures: {arguments.out}")


def notes_of(found: Choices) -> list[str]:
    """What was left aside, and what may flatter."""
    notes = [f"{count} decisions left aside: {why}" for why, count in found.logged.left_aside.items()]
    if found.without_text:
        notes.append(f"{found.without_text} decisions left aside: their text is not known (--prompts may give it)")
    if found.trained_on:
        notes.append(f"{found.trained_on} of the requests were also trained on: these figures flatter the policy")
    return notes


def lines_of(said: Answer) -> list[str]:
    """The statement, then a line per estimator; figures of a log that cannot answer are not shown."""
    if not said.answers:
        return [said.statement]
    columns = ("estimator", "correct", "95 % interval", "Bernstein", "USD/1,000", "95 % interval")
    lines = [said.statement, _LINE.format(*columns)]
    for right, usd in zip(said.accuracy, said.usd):
        shown = [_range(one, per_cent) for one in (right.interval, right.bernstein)]
        spent = dollars(usd.value, 1000), _range(usd.interval, lambda x: dollars(x, 1000))
        lines.append(_LINE.format(right.estimator, per_cent(right.value), *shown, *spent))
    lines.append(f"By the doubly robust estimate a correct answer costs {dollars(said.usd_per_correct)}.")
    return lines


def _range(interval: tuple[float, float], show: Any) -> str:
    return ABSENT if interval[0] != interval[0] else f"{show(interval[0])} to {show(interval[1])}"


def strict(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: strict(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(one) for one in value]
    return None if isinstance(value, float) and value != value else value
