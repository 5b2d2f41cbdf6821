"""`eval cache`: replay a stream, write the decisions, a summary beside its references, and a plot over time."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from eval.cache_references import Reference, references
from eval.cache_replay import Step, Stream, decisions_table, embed_texts, read_stream, replay, summary
from router.cache.risk_control import BudgetRules
from router.cache.verifier import Verifier
from router.tables import table_kind, write_table

Embed = Callable[[Sequence[str]], np.ndarray]
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class ReplayOptions:
    """What `eval cache` is asked: the stream, the budget, which split, in which order (None: as given)."""

    stream: Path
    out: Path
    max_wrong: float = 0.01
    per: str = "requests"
    part: str | None = None
    shuffle: int | None = None
    compare: bool = True


def evaluate_cache(
    options: ReplayOptions, verifier: Verifier, embed: Embed, progress: Progress = lambda stage, share: None
) -> dict[str, Any]:
    """Run the replay; writes `out`, and beside it a .json and a .png of the same name. Returns the summary."""
    table_kind(options.out)
    rules = BudgetRules(max_wrong=options.max_wrong, per="hits" if options.per == "hits" else "requests")
    stream = read_stream(options.stream, options.part)
    if options.shuffle is not None:
        order = np.random.default_rng(options.shuffle).permutation(len(stream))
        stream = stream.reordered(order.tolist())
    progress("Embedding", 0.0)
    vectors = embed_texts(stream, embed)
    progress("Replaying", 0.3)
    steps = replay(stream, vectors, verifier, rules, seed=options.shuffle or 0)
    progress("Comparing", 0.6)
    beside = references(stream, vectors, verifier, rules.max_wrong, rules.per) if options.compare else []
    found = summary(steps, rules) | {"stream": options.stream.name, "references": [asdict(one) for one in beside]}
    write_table(decisions_table(stream, steps), options.out)
    options.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    plot(stream, steps, rules, beside, options.out.with_suffix(".png"))
    progress("Done", 1.0)
    return found


def summary_lines(found: dict[str, Any]) -> list[str]:
    """The summary as a person reads it."""
    promise, wrong = (
        found["promise"],
        found["wrong_of_all" if found["promise"]["per"] == "requests" else "wrong_of_hits"],
    )
    window = found["worst_window"]
    lines = [
        f"{found['stream']}: {found['requests']} requests; promised: "
        f"at most {promise['max_wrong']:.1%} wrong of {promise['per']}",
        _line("hits", found["hits"]),
        _line("wrong of all", found["wrong_of_all"]),
        _line("wrong of hits", found["wrong_of_hits"]),
        f"  worst window of {window['requests']}: {window['wrong']} wrong; audits: {found['audits']}",
        f"  promise {'kept' if wrong['share'] <= promise['max_wrong'] else 'broken'}",
    ]
    for one in found["references"]:
        share, at = one["hits"] / max(one["requests"], 1), one["setting"]
        setting = "" if at is None else f" (at {at:g})"
        lines.append(f"  {one['name']}{setting}: hits {share:.1%}, wrong {one['wrong'] / max(one['requests'], 1):.2%}")
    return lines


def _line(name: str, share: dict[str, float]) -> str:
    interval = f"95 % {share['low']:.2%} to {share['high']:.2%}"
    return f"  {name}: {share['share']:.2%} ({share['count']} of {share['of']}; {interval})"


def plot(stream: Stream, steps: Sequence[Step], rules: BudgetRules, beside: Sequence[Reference], path: Path) -> None:
    """Hits over time, and wrong answers against what the budget allows."""
    hits = np.cumsum([step.action == "hit" for step in steps])
    wrong = np.cumsum([step.wrong for step in steps])
    foretold = np.cumsum([step.risk if step.action == "hit" else 0.0 for step in steps])
    at = np.arange(1, len(steps) + 1)
    figure = Figure(figsize=(9, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(at, hits / at, label="served from the cache")
    for one in beside:
        above.axhline(one.hits / max(one.requests, 1), linestyle=":", linewidth=1, color="gray")
        above.annotate(one.name, (at[-1], one.hits / max(one.requests, 1)), ha="right", va="bottom", fontsize=7)
    above.set_ylabel("share of requests so far")
    above.legend(loc="upper left", fontsize=8)
    below.plot(at, rules.max_wrong * (at if rules.per == "requests" else hits), label="allowed", color="gray")
    below.plot(at, wrong, label="wrong answers served")
    below.plot(at, foretold, label="foretold", linestyle="--")
    below.set(xlabel="requests", ylabel="wrong answers so far")
    below.legend(loc="upper left", fontsize=8)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=120)
