"""Judges a policy on held-out labels: decides, bills, and hands everything to the frontier report."""

import math
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from eval.decide import Queries, decide, decisions_table
from eval.decide import Sweep as Decisions
from eval.explained import explain_some
from eval.frontier import FrontierReport, ReportNotes, build_report
from eval.plan_decisions import play_all, revealed_bins, sweep_of_plans
from eval.references import TrainingLabels
from eval.sweeps import Sweep
from router.costs import billed_usd
from router.embedding_cache import embed_cached
from router.encoders import Encoder
from router.errors import InputError
from router.labels import LabelMatrix, read_labels
from router.policy import Policy, text_digest
from router.requests import Message, Request

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class JudgeOptions:
    """What a judgement is told. `train` names labels for the references; None: the train part of `labels`. `rebill`
    prices every call by its tokens at the policy's prices, whatever it was billed."""

    labels: Path
    train: Path | None
    points: int
    at: datetime
    use_task: bool
    replicates: int
    command: str
    rebill: bool = False


def judge(policy: Policy, encoder: Encoder, options: JudgeOptions, cache: Path, progress: Progress) -> FrontierReport:
    """The frontier report of a policy on the held-out part of a label set. Raises TierwiseError."""
    policy.check_encoder(encoder.identity)
    progress("reading labels", 0.0)
    everything = _read(options.labels, options)
    data, remarks = _shared_routes(everything.part("test"), policy)
    values, chosen = _points(policy, options.points)
    sweep = decide(policy, encoder, held_out_queries(data, options.use_task), values, options.at, cache, progress)
    usd = sweep.usd[:, [policy.routes.index(route) for route in data.routes]]
    p = sweep.estimates.p[:, [policy.routes.index(route) for route in data.routes]]
    train = _references(policy, encoder, everything, options, cache)
    known = policy.trained_on()
    overlap = sum(text_digest(text) in known for text in data.texts)
    costs = billed_usd(data, policy.book, usd, options.at)
    vectors = embed_cached(encoder, data.texts, cache)
    report = build_report(
        data,
        decisions_table(policy, sweep),
        costs,
        p,
        chosen,
        notes=_notes(policy, data, options, overlap, remarks),
        value_usd=None if math.isinf(policy.value_usd) else policy.value_usd,
        vectors=vectors,
        train=train,
        plans=_plans(policy, data, sweep, costs, options.points),
        replicates=options.replicates,
        progress=progress,
    )
    asked = sweep.queries
    return replace(
        report, explained=explain_some(policy, asked.ids, asked.requests, vectors, sweep.estimates, options.at)
    )


def _plans(policy: Policy, data: LabelMatrix, sweep: Decisions, costs: np.ndarray, points: int) -> Sweep | None:
    """The policy's plans on the same queries; None where it has none."""
    if policy.plans is None or len(policy.routes) != len(data.routes):
        return None
    order = [policy.routes.index(route) for route in data.routes]
    bins = revealed_bins(policy, sweep.queries, data)
    played = play_all(policy, sweep.estimates, sweep.usd, policy.plans.sweep.points(points), bins)
    back = np.argsort(order)
    return sweep_of_plans(played, data.correct[:, back], costs[:, back])


def _read(path: Path, options: JudgeOptions) -> LabelMatrix:
    data = read_labels(path)
    return replace(data, cost_usd=np.full(data.correct.shape, np.nan)) if options.rebill else data


def _shared_routes(data: LabelMatrix, policy: Policy) -> tuple[LabelMatrix, tuple[str, ...]]:
    """The held-out labels of the routes that the policy knows, and what had to be left aside."""
    missing = [route.key for route in policy.routes if route not in data.routes]
    if missing:
        cure = "Judge on labels of all of the policy's routes."
        raise InputError("labels", missing, "routes of the policy without held-out labels", cure)
    extra = [route.key for route in data.routes if route not in policy.routes]
    if not extra:
        return data, ()
    return data.with_routes(policy.routes), (f"labels of routes unknown to the policy left aside: {', '.join(extra)}",)


def _points(policy: Policy, count: int) -> tuple[np.ndarray, int]:
    """The sweep's values with the policy's own operating point among them, and where it stands."""
    values = np.unique(np.append(policy.sweep.points(count), policy.value_usd))
    return values, int(np.searchsorted(values, policy.value_usd))


def held_out_queries(data: LabelMatrix, use_task: bool = False) -> Queries:
    """The held-out prompts as requests. Earlier turns count by their length only, as in the label set."""
    requests = []
    for text, chars, task in zip(data.texts, data.context_chars, data.tasks):
        rest = int(chars) - len(text)
        before = (Message("system", " " * rest),) if rest > 0 else ()
        requests.append(Request((*before, Message("user", text)), task=task if use_task else None))
    return Queries(data.query_ids, tuple(requests))


def _references(
    policy: Policy, encoder: Encoder, everything: LabelMatrix, options: JudgeOptions, cache: Path
) -> TrainingLabels | None:
    """Labels that the references learn from: as many as the policy had, never the held-out ones."""
    if options.train is not None:
        train = _read(options.train, options).part("train")
    elif everything.has_part("train") and everything.has_part("test"):
        train = everything.part("train")
    else:
        return None
    train = train.with_routes(policy.routes)
    vectors = embed_cached(encoder, train.texts, cache)
    expected = policy.usd(policy.estimate(train.texts, vectors, train.tasks, train.context_chars), options.at)
    return TrainingLabels(train, billed_usd(train, policy.book, expected, options.at), vectors)


def _notes(
    policy: Policy, data: LabelMatrix, options: JudgeOptions, overlap: int, remarks: tuple[str, ...]
) -> ReportNotes:
    return ReportNotes(
        policy=policy.folder.name if policy.folder else "the policy",
        policy_version=policy.version,
        simulated=bool(policy.manifest["labels"]["simulated"]),
        overlap=overlap if policy.trained_on() else None,
        labels=str(options.labels),
        labels_digest=data.digest(),
        command=options.command,
        commit=commit(),
        prices_at=options.at.isoformat(timespec="minutes"),
        created_at=datetime.now(tz=UTC).isoformat(timespec="seconds"),
        remarks=remarks,
    )


def commit() -> str | None:
    """The commit of this code, where it runs from a checkout."""
    try:
        here = Path(__file__).parent
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
