"""`eval compare`: every kind of evidence on a candidate beside its incumbent, and one verdict."""

import argparse
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eval.heldout import commit
from eval.log_choices import LogPart, choices_of, only_of, read_log
from eval.off_policy import add_log_arguments, log_part, notes_of, strict
from eval.operating import Curve
from eval.paired import Flip, Paired, flips, pair_on_labels
from router.console import stage_progress
from router.encoders import Encoder, load_encoder
from router.errors import InputError
from router.gate.evidence import Evidence, from_shadow
from router.gate.verdict import Rules, Verdict, weigh
from router.labels import read_labels
from router.moments import parse_moment
from router.off_policy.answer import evidence_from
from router.policy import Policy
from router.settings import Settings
from router.shadow.frame import read_shadows
from router.spend.whole_log import whole_log
from router.tables import read_table


@dataclass(frozen=True)
class CompareOptions:
    """Where evidence is, what must be proved, and where the report goes. At least one source must be named."""

    out: Path
    labels: Path | None = None
    log: LogPart | None = None
    shadow: str | None = None
    rules: Rules = field(default_factory=Rules)
    at: datetime = field(default_factory=lambda: datetime.now(tz=UTC))
    command: str = ""


@dataclass(frozen=True)
class Comparison:
    """The report as data; strict JSON by `to_json`."""

    incumbent: str
    candidate: str
    incumbent_version: str
    candidate_version: str
    verdict: Verdict
    rules: Rules
    sources: tuple[tuple[str, str], ...]
    curves: tuple[Curve, ...]
    points: tuple[tuple[str, float, float], ...]
    flips: tuple[Flip, ...]
    notes: tuple[str, ...]
    simulated: bool
    command: str
    commit: str | None
    created_at: str

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = strict(asdict(self))
        return found


def add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--incumbent", type=Path, required=True, help="the policy folder that decides")
    parser.add_argument("--candidate", type=Path, required=True, help="the policy folder that wants to")
    parser.add_argument("--labels", type=Path, help="held-out labels; the test part where there is one")
    parser.add_argument("--shadow", help="shadow comparisons: the store's URL, or a table of them as a file")
    add_log_arguments(parser, required=False)
    defaults = Rules()
    parser.add_argument("--margin", type=float, default=defaults.margin, help="accuracy that may be lost (0.01)")
    parser.add_argument("--slice-margin", type=float, default=defaults.slice_margin, help="in one slice (0.05)")
    parser.add_argument("--level", type=float, default=defaults.level, help="chance of a false promotion (0.05)")
    parser.add_argument("--at", help="the moment whose prices count (ISO 8601; default: now)")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write the report to")
    parser.set_defaults(command=_compare)


def _compare(arguments: argparse.Namespace) -> None:
    from eval.comparison_report import write_comparison

    settings = Settings()
    options = CompareOptions(
        out=arguments.out,
        labels=arguments.labels,
        log=log_part(arguments) if arguments.log else None,
        shadow=arguments.shadow,
        rules=Rules(arguments.margin, arguments.slice_margin, level=arguments.level),
        at=parse_moment(arguments.at),
        command="python -m eval " + " ".join(sys.argv[1:]),
    )
    incumbent, candidate = Policy.load(arguments.incumbent), Policy.load(arguments.candidate)
    with stage_progress() as progress:
        cache = settings.models_dir / "embeddings"
        found = compare(incumbent, candidate, load_encoder(settings), options, cache, progress)
        page = write_comparison(found, arguments.out)
    print(f"{found.verdict.decision.upper()}: {found.candidate} in place of {found.incumbent}.")
    print("\n".join(f"  {reason}" for reason in found.verdict.reasons))
    print("\n".join(f"  {source}: {note}" for source, note in found.sources))
    print(f"Report: {page} (opens in a browser, offline), with comparison.png and comparison.json beside it")


def compare(
    incumbent: Policy, candidate: Policy, encoder: Encoder, options: CompareOptions, cache: Path, progress: Any
) -> Comparison:
    """Gather the evidence that is named and weigh it. Raises InputError where none is."""
    if options.labels is None and options.log is None and options.shadow is None:
        raise InputError("evidence", None, "none named", "Give any of --labels, --log and --shadow.")
    paired, evidence, notes = None, [], []
    if options.labels is not None:
        everything = read_labels(options.labels)
        paired = pair_on_labels(incumbent, candidate, encoder, everything, options.at, cache, progress)
        evidence.append(paired.evidence())
        notes += _label_notes(paired)
    executed: frozenset[str] = frozenset()
    if options.shadow is not None:
        frame = _shadows(options.shadow, incumbent, candidate)
        evidence.append(from_shadow(frame))
        executed = _executed(frame)
    if options.log is not None:
        progress("deciding the log again", 0.0)
        logged, others = only_of(incumbent, read_log(options.log), options.log)
        found = choices_of(candidate, encoder, logged, options.log, cache, options.at)
        notes += notes_of(found)
        if others:
            notes.append(f"{others} logged decisions left aside: another policy than the incumbent made them")
        evidence.append(evidence_from(found.logged, found.choice, executed))
    progress("weighing", 0.0)
    return _comparison(incumbent, candidate, evidence, paired, notes, options)


def _comparison(
    incumbent: Policy,
    candidate: Policy,
    evidence: list[Evidence],
    paired: Paired | None,
    notes: list[str],
    options: CompareOptions,
) -> Comparison:
    return Comparison(
        incumbent=incumbent.folder.name if incumbent.folder else "incumbent",
        candidate=candidate.folder.name if candidate.folder else "candidate",
        incumbent_version=incumbent.version,
        candidate_version=candidate.version,
        verdict=weigh(evidence, options.rules),
        rules=options.rules,
        sources=tuple((one.source, one.note) for one in evidence),
        curves=() if paired is None else paired.curves,
        points=() if paired is None else tuple(_points(paired)),
        flips=() if paired is None else flips(paired),
        notes=tuple(notes),
        simulated=any(bool(one.manifest.get("labels", {}).get("simulated")) for one in (incumbent, candidate)),
        command=options.command,
        commit=commit(),
        created_at=datetime.now(tz=UTC).isoformat(timespec="seconds"),
    )


def _points(paired: Paired) -> list[tuple[str, float, float]]:
    """Where either policy stands: name, USD and accuracy per query."""
    usd, right = (paired.cells(table).mean(axis=0) for table in (paired.paid, paired.data.correct))
    return [(one.name, float(usd[i]), float(right[i])) for i, one in enumerate((paired.incumbent, paired.candidate))]


def _label_notes(paired: Paired) -> list[str]:
    notes = [f"{paired.left_out} labelled queries left out: some route has no label"] if paired.left_out else []
    for role, one in (("incumbent", paired.incumbent), ("candidate", paired.candidate)):
        if one.trained_on:
            notes.append(f"the {role} was also trained on {one.trained_on} of the labelled queries: that flatters it")
    return notes


def _shadows(where: str, incumbent: Policy, candidate: Policy) -> pd.DataFrame:
    """From the store of a service that ran the candidate in shadow, or from a file."""
    if "://" not in where:
        return _of_these(read_table(where, "shadow"), incumbent, candidate)
    with whole_log(where, "shadow") as store:
        frame = read_shadows(store, candidate.version, incumbent.version)
    if frame.empty:
        cure = f"Let {candidate.version} watch beside {incumbent.version}: python -m training promote --share 0."
        raise InputError("shadow", where, "no comparison of these two policies in this store", cure)
    return frame


def _of_these(frame: pd.DataFrame, incumbent: Policy, candidate: Policy) -> pd.DataFrame:
    """The comparisons of these two policies, where the table names policies."""
    for role, policy in (("incumbent", incumbent), ("candidate", candidate)):
        if role in frame:
            names = {policy.version, policy.folder.name if policy.folder else policy.version}
            kept = frame[frame[role].isin(names)]
            if kept.empty:
                there = sorted(set(frame[role].astype(str)))
                cure = f"It compares {', '.join(there)}."
                raise InputError("shadow", policy.version, f"no comparison with this {role}", cure)
            frame = kept
    return frame


def _executed(frame: pd.DataFrame) -> frozenset[str]:
    """Decisions whose outcome the shadow table already counts."""
    if "decision_id" not in frame:
        return frozenset()
    counted = frame["candidate_correct"].notna().to_numpy() | frame["incumbent_correct"].notna().to_numpy()
    return frozenset(np.asarray(frame["decision_id"].astype(str))[counted])
