"""`make bench`: measures the figures of eval/FIGURES.md through the public commands, each in a process of its own.

Writes `bench.md` (the table) and `bench.json` into a folder. Absolute times belong to the machine they were taken on
and gate nothing; comparisons are made within one run.
"""

import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import numpy as np

from eval.bench_cache import cache_figures, speed_figures
from eval.bench_commands import deciding, encoder_choice, encoders, quality, routing, training
from eval.bench_drift import busy_row, drift_rows
from eval.bench_faults import gone_rows, kill_rows, overload_rows
from eval.bench_gate import REPETITIONS, RESAMPLED, RUNS, SEEDS, error_rows, month_rows, off_policy_rows, prepare
from eval.bench_ledger import ledger_rows
from eval.bench_load import Load, load_rows
from eval.bench_memory import memory_rows
from eval.bench_policy import effort_rows, left_out_rows
from eval.bench_processes import process_rows
from eval.bench_runner import SETS, Bench, Figure, short_prompts
from eval.bench_shadow import shadow_rows
from eval.bench_subjects import subject_figures
from eval.cache_replay import read_stream
from eval.heldout import commit
from router.cache.verifier import Verifier
from router.embedding_cache import embed_cached
from router.encoders import load_encoder
from router.errors import InputError, TierwiseError
from router.policy import Policy
from router.settings import Settings


def bench(
    data: Path, out: Path, only: tuple[str, ...], tell: Callable[[str], None], scale: float = 1.0
) -> list[Figure]:
    """Measure everything and write the table; `scale` is the share of what is simulated.

    Raises TierwiseError where the data is absent or a command fails.
    """
    if not (data / "medagents.parquet").is_file():
        raise TierwiseError(f"{data}: no label sets here; pass their folder with --data")
    parts: Mapping[str, Callable[[Bench], Iterator[Figure]]] = {
        "encoders": encoders,
        "training": training,
        "deciding": deciding,
        "routing": routing,
        "quality": quality,
        "effort": _effort,
        "leave-task-out": _left_out,
        "leave-subjects-out": subject_figures,
        "ledger": _ledger,
        "off-policy": _off_policy,
        "gate": _gate,
        "cache": _cache,
        "cache-speed": _cache_speed,
        "drift": _drift,
        "drift-inputs": _drift_inputs,
        "shadow": _shadow,
        "kills": _kills,
        "service-load": _service_load,
        "encoder-choice": encoder_choice,
        "overload": _overload,
        "memory": _memory,
    }
    unknown = [part for part in only if part not in parts]
    if unknown:
        raise InputError("only", unknown[0], "no such part", f"Use any of {', '.join(parts)}.")
    figures: list[Figure] = []
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tierwise-bench-") as scratch:
        runner = Bench(data, Path(scratch), scale)
        runner.run("training", "simulate", "--queries", "50", "--out", str(Path(scratch) / "warm.parquet"))
        for name in [part for part in parts if not only or part in only]:
            tell(f"measuring {name} …")
            for figure in parts[name](runner):
                tell(f"  {figure.what}: {figure.value} (n = {figure.n}, {figure.data})")
                figures.append(figure)
        for report in Path(scratch).glob("reports/*"):
            shutil.copytree(report, out / report.name, dirs_exist_ok=True)
    _write(figures, out)
    return figures


def _effort(bench: Bench) -> Iterator[Figure]:
    folder = bench.fitted("effort_ladder")
    for row in effort_rows(folder, bench.data / "effort_ladder.parquet"):
        yield Figure(*row, "effort_ladder", "python -m eval bench --only effort")


def _left_out(bench: Bench) -> Iterator[Figure]:
    for name in [one for one in SETS if (bench.data / f"{one}.parquet").is_file()]:
        for row in left_out_rows(bench.fitted(name)):
            yield Figure(*row, name, "python -m eval bench --only leave-task-out")


def _ledger(bench: Bench) -> Iterator[Figure]:
    """Budgets, kills, reports, alerts and prefix caches, on processes and ledgers of their own."""
    for what, value, n, data in ledger_rows(bench.data, bench.data.parent / "traffic", bench.scratch):
        yield Figure(what, value, n, data, "python -m eval bench --only ledger")


def _off_policy(bench: Bench) -> Iterator[Figure]:
    for row in off_policy_rows(bench.repetitions(REPETITIONS), bench.repetitions(RESAMPLED)):
        yield Figure(*row, command="python -m eval bench --only off-policy")


def _gate(bench: Bench) -> Iterator[Figure]:
    """False promotions, then months of traffic over real labels with policies trained for it."""
    settings = Settings()
    encoder, cache = load_encoder(settings), settings.models_dir / "embeddings"

    def fit(labels: Path, name: str, more: Sequence[str]) -> Path:
        routes = ("--routes", str(bench.routes)) if name.startswith("open") else ()
        to = ("--out", str(bench.folder(name)), "--no-tracking")
        bench.run("training", "fit", "--labels", str(labels), *to, *routes, *more)
        return bench.folder(name)

    sets = [bench.data / f"{name}.parquet" for name in ("medagents", "open_models")]
    stages = (prepare(one, bench.scratch, fit, encoder, cache) for one in sets)
    months = (row for stage in stages for row in month_rows(stage, encoder, cache, bench.repetitions(SEEDS)))
    for row in chain(error_rows(bench.repetitions(RUNS)), months):
        yield Figure(*row, command="python -m eval bench --only gate")


def _cache(bench: Bench) -> Iterator[Figure]:
    verifier, embed = Verifier.load(Settings().cache_verifier), _embedder()
    for row in cache_figures(bench.data.parent / "cache", verifier, embed):
        yield Figure(*row, command="python -m eval bench --only cache")


def _cache_speed(bench: Bench) -> Iterator[Figure]:
    stream = read_stream(bench.data.parent / "cache" / "question_pairs.parquet", "test")
    texts = list(dict.fromkeys(stream.texts))[:5_000]
    for row in speed_figures(
        (10_000, 100_000, 1_000_000), Verifier.load(Settings().cache_verifier), texts, _embedder()
    ):
        yield Figure(*row, command="python -m eval bench --only cache-speed")


def _shadow(bench: Bench) -> Iterator[Figure]:
    """What a candidate beside the incumbent costs the caller."""
    incumbent, candidate = (Policy.load(bench.fitted(name)) for name in ("medagents", "medagents_effort"))
    prompts = short_prompts(bench.data / "medagents.parquet")
    encoder = load_encoder(Settings(models_dir=bench.scratch / "models"))
    for row in shadow_rows(incumbent, candidate, prompts, encoder, bench.scratch):
        yield Figure(*row, command="python -m eval bench --only shadow")


def _drift(bench: Bench) -> Iterator[Figure]:
    """False alarms on quiet days, and how soon planted changes are found."""
    policy, settings = Policy.load(bench.fitted("medagents")), Settings()
    trace = bench.data.parent / "traffic" / "servegen_m_small_14d.parquet"
    labels, cache = bench.data / "medagents.parquet", settings.models_dir / "embeddings"
    for what, value, n, data in drift_rows(policy, labels, trace, load_encoder(settings), cache, bench.scale):
        yield Figure(what, value, n, data, "python -m eval bench --only drift")


def _drift_inputs(bench: Bench) -> Iterator[Figure]:
    """False alarms of inputs when four busy processes tell of theirs."""
    policy, settings = Policy.load(bench.fitted("medagents")), Settings()
    cache = settings.models_dir / "embeddings"
    row = busy_row(policy, bench.data / "medagents.parquet", load_encoder(settings), cache, 14.0 * bench.scale)
    yield Figure(*row, "python -m eval bench --only drift-inputs")


def _service_load(bench: Bench) -> Iterator[Figure]:
    """What serving costs beside the bare encoder and a bare endpoint, and four processes on PostgreSQL: ten minutes."""
    policy, following = bench.fitted("medagents"), bench.fitted("medagents", "medagents-next", "--value", "0.02")
    prompts = short_prompts(bench.data / "medagents.parquet")
    load = Load(policy, bench.environment, prompts, bench.scratch)
    rows = (load_rows(load, bench.data.parent / "traffic"), process_rows(load, following))
    for row in chain(*rows):
        yield Figure(*row, command="python -m eval bench --only service-load")


def _kills(bench: Bench) -> Iterator[Figure]:
    folder, environment = _light(bench)
    for row in (*kill_rows(folder, environment, bench.scratch), *gone_rows(folder, environment, bench.scratch)):
        yield Figure(*row, command="python -m eval bench --only kills")


def _memory(bench: Bench) -> Iterator[Figure]:
    for row in memory_rows(*_light(bench), bench.scratch):
        yield Figure(*row, command="python -m eval bench --only memory")


def _light(bench: Bench) -> tuple[Path, Mapping[str, str]]:
    """A policy and its environment under an encoder without weights: what is kept does not depend on it, and a process
    starts sooner."""
    light = copy(bench)
    light.environment = {**bench.environment, "TIERWISE_ENCODER_BACKEND": "hashing"}
    simulated, folder = str(bench.scratch / "s.parquet"), bench.folder("hashing")
    light.run("training", "simulate", "--queries", "200", "--out", simulated)
    light.run("training", "fit", "--labels", simulated, "--out", str(folder), "--no-tracking")
    return folder, light.environment


def _overload(bench: Bench) -> Iterator[Figure]:
    for row in overload_rows(bench.fitted("medagents"), bench.environment, bench.scratch):
        yield Figure(*row, command="python -m eval bench --only overload")


def _embedder() -> Callable[[Sequence[str]], np.ndarray]:
    """Vectors as the user's own cache of embeddings has them: how long they take is another figure."""
    settings = Settings()
    encoder = load_encoder(settings)
    return lambda texts: embed_cached(encoder, texts, settings.models_dir / "embeddings")


def _write(figures: list[Figure], out: Path) -> None:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [f"Commit {commit()}; machine: {machine}; {time.strftime('%Y-%m-%d')}.", ""]
    lines += ["| figure | value | n | data | command |", "|---|---|---|---|---|"]
    lines += [f"| {f.what} | {f.value} | {f.n:,} | {f.data} | `{f.command}` |" for f in figures]
    (out / "bench.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (out / "bench.json").write_text(json.dumps([asdict(figure) for figure in figures], indent=1), encoding="utf-8")
