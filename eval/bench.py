"""`make bench`: measures the README's figures through the public commands, each in a process of its own.

Writes `bench.md` (the table) and `bench.json` into a folder. Absolute times belong to the machine they were taken on
and gate nothing; comparisons are made within one run.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import httpx
import numpy as np
import pandas as pd

from eval.bench_cache import cache_figures, pair_rows, speed_figures
from eval.bench_drift import drift_rows
from eval.bench_faults import gone_rows, kill_rows, overload_rows
from eval.bench_gate import error_rows, month_rows, off_policy_rows, prepare
from eval.bench_ledger import ledger_rows
from eval.bench_load import Load, load_rows
from eval.bench_policy import effort_rows, left_out_rows
from eval.bench_processes import process_rows
from eval.bench_shadow import shadow_rows
from eval.cache_replay import read_stream
from eval.heldout import commit
from router.cache.verifier import Verifier
from router.embedding_cache import embed_cached
from router.encoders import Encoder, load_encoder
from router.errors import InputError, TierwiseError
from router.labels import read_labels
from router.policy import Policy
from router.settings import Settings

SETS = (
    "medagents",
    "medagents_effort",
    "effort_ladder",
    "self_agreement",
    "open_models",
    "routellm_mmlu",
    "routellm_gsm8k",
)
# Sets without prices: what one call is taken to cost. Only the ratio matters to the figures.
FLAT_USD = {
    "codegemma-7b": 0.00005,
    "gemma-2-9b-it": 0.00006,
    "llama-3.1-8b-instruct": 0.00005,
    "llama-3.1-nemotron-51b-instruct": 0.0003,
    "llama-3.3-nemotron-super-49b-v1": 0.0003,
    "llama3-chatqa-1.5-70b": 0.0005,
    "llama3-chatqa-1.5-8b": 0.00005,
    "mistral-7b-instruct-v0.3": 0.00005,
    "qwen2.5-7b-instruct": 0.00005,
    "gpt-4-1106-preview": 0.01,
    "mistralai/Mixtral-8x7B-Instruct-v0.1": 0.0006,
}
ROUTED = 300


@dataclass(frozen=True)
class Figure:
    """One measured figure: what, its value as text, of how many, from which data, by which command."""

    what: str
    value: str
    n: int
    data: str
    command: str


@dataclass(frozen=True)
class Run:
    """A finished command: wall seconds and the peak memory of its process in MB."""

    seconds: float
    peak_mb: float


class Bench:
    """Runs the commands in a scratch folder, so that nothing cached elsewhere flatters a figure."""

    def __init__(self, data: Path, scratch: Path) -> None:
        self.data, self.scratch = data, scratch
        self.environment = os.environ | {
            "TIERWISE_MODELS_DIR": str(scratch / "models"),
            "TIERWISE_MLRUNS_DIR": str(scratch / "mlruns"),
            "TIERWISE_STORE_URL": f"sqlite:///{scratch / 'bench.db'}",
            "PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")]),
        }
        self.routes = scratch / "routes.toml"
        lines = [f'[routes."{model}"]\nusd_per_query = {usd:.6f}\n' for model, usd in FLAT_USD.items()]
        self.routes.write_text("".join(lines))

    def run(self, *arguments: str) -> Run:
        """Run `python -m …` to its end. Raises TierwiseError with what it printed when it fails."""
        command = [sys.executable, "-m", *arguments]
        with tempfile.TemporaryFile("w+") as log:
            started = time.perf_counter()
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                log.seek(0)
                raise TierwiseError(f"{' '.join(arguments)} ended with {process.returncode}:\n{log.read()[-2000:]}")
        return Run(seconds, usage.ru_maxrss / 1024)

    def fit(self, name: str, out: str, *extra: str) -> Run:
        labels = self.data / f"{name}.parquet"
        routes = ("--routes", str(self.routes)) if name.startswith(("open", "routellm")) else ()
        return self.run("training", "fit", "--labels", str(labels), "--out", str(self.folder(out)), *routes, *extra)

    def folder(self, name: str) -> Path:
        return self.scratch / "models" / name


def bench(data: Path, out: Path, only: tuple[str, ...], tell: Callable[[str], None]) -> list[Figure]:
    """Measure everything and write the table. Raises TierwiseError where the data is absent or a command fails."""
    if not (data / "medagents.parquet").is_file():
        raise TierwiseError(f"{data}: no label sets here; pass their folder with --data")
    parts: Mapping[str, Callable[[Bench], Iterator[Figure]]] = {
        "encoders": _encoders,
        "training": _training,
        "deciding": _deciding,
        "routing": _routing,
        "quality": _quality,
        "effort": _effort,
        "leave-task-out": _left_out,
        "ledger": _ledger,
        "off-policy": _off_policy,
        "gate": _gate,
        "cache": _cache,
        "cache-speed": _cache_speed,
        "drift": _drift,
        "shadow": _shadow,
        "kills": _kills,
        "service-load": _service_load,
        "encoder-choice": _encoder_choice,
        "overload": _overload,
    }
    unknown = [part for part in only if part not in parts]
    if unknown:
        raise InputError("only", unknown[0], "no such part", f"Use any of {', '.join(parts)}.")
    figures: list[Figure] = []
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tierwise-bench-") as scratch:
        runner = Bench(data, Path(scratch))
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


def _encoders(bench: Bench) -> Iterator[Figure]:
    """Each backend against sentence-transformers on the same prompts: likeness of vectors, and time in turn."""
    prompts = _short_prompts(bench.data / "medagents.parquet")
    backends: tuple[Literal["torch", "onnx", "onnx-int8"], ...] = ("torch", "onnx", "onnx-int8")
    encoders = {
        name: load_encoder(Settings(models_dir=bench.scratch / "models", encoder_backend=name)) for name in backends
    }
    times: dict[str, list[float]] = {name: [] for name in encoders}
    vectors: dict[str, list[np.ndarray]] = {name: [] for name in encoders}
    for prompt in prompts:
        for name, encoder in encoders.items():
            started = time.perf_counter()
            vectors[name].append(encoder.encode([prompt])[0])
            times[name].append(1e3 * (time.perf_counter() - started))
    command, data = "python -m eval bench --only encoders", "medagents, 10–60 words"
    for name in encoders:
        cosine = (np.stack(vectors[name]) * np.stack(vectors["torch"])).sum(axis=1)
        likeness = f"cosine to torch mean {cosine.mean():.5f}, least {cosine.min():.5f}; "
        value = (likeness if name != "torch" else "") + _median(times[name])
        yield Figure(f"encoder {name}, one prompt", value, len(prompts), data, command)


def _training(bench: Bench) -> Iterator[Figure]:
    labels, command = "medagents", "python -m training fit --labels medagents.parquet"
    # the encoder's export is built once per machine and is no part of a training
    bench.run("training", "simulate", "--queries", "20", "--out", str(bench.scratch / "w.parquet"))
    bench.run("training", "fit", "--labels", str(bench.scratch / "w.parquet"), "--out", str(bench.folder("warm")))
    first, second = bench.fit(labels, "medagents"), bench.fit(labels, "medagents")
    n = len(read_labels(bench.data / f"{labels}.parquet").part("train").query_ids)
    yield Figure("training, first time", f"{first.seconds:.0f} s, {first.peak_mb:,.0f} MB", n, labels, command)
    yield Figure("training again, embeddings cached", f"{second.seconds:.0f} s", n, labels, command)


def _deciding(bench: Bench) -> Iterator[Figure]:
    """1,000 queries that no cache has seen: their words are changed a little."""
    if not bench.folder("medagents").exists():
        bench.fit("medagents", "medagents")
    table = pd.read_parquet(bench.data / "medagents.parquet").drop_duplicates("query_id").head(1000)
    queries = bench.scratch / "queries.parquet"
    table.assign(prompt=table["prompt"] + " Please.")[["query_id", "prompt"]].to_parquet(queries)
    policy = str(bench.folder("medagents"))
    decide = ("eval", "decide", "--policy", policy, "--queries", str(queries), "--points", "21")
    done = bench.run(*decide, "--out", str(bench.scratch / "d.parquet"))
    again = bench.run(*decide, "--out", str(bench.scratch / "d.parquet"))
    command = "python -m eval decide --points 21"
    share = 1 - again.seconds / done.seconds
    value = f"{done.seconds:.1f} s, {share:.0%} of it the encoder"
    yield Figure("1,000 unseen queries × 21 points", value, 1000, "medagents", command)


def _routing(bench: Bench) -> Iterator[Figure]:
    """`/route` beside the bare encoder: the same prompts, one client, in turn, in one run."""
    if not bench.folder("medagents").exists():
        bench.fit("medagents", "medagents")
    prompts = _short_prompts(bench.data / "medagents.parquet")
    encoder = load_encoder(Settings(models_dir=bench.scratch / "models"))
    command = "python -m eval bench --only routing"
    bare, whole, client_side, rest = [], [], [], []
    with _served(bench) as (client, cold):
        for prompt in prompts[:30]:
            client.post("/route", json={"prompt": prompt})
        for prompt in prompts:
            started = time.perf_counter()
            encoder.encode([prompt])
            bare.append(1e3 * (time.perf_counter() - started))
            started = time.perf_counter()
            answer = client.post("/route", json={"prompt": prompt})
            client_side.append(1e3 * (time.perf_counter() - started))
            timing = _server_timing(answer.raise_for_status().headers["server-timing"])
            whole.append(timing["total"])
            rest.append(timing["total"] - timing["encode"])
    n, data = len(prompts), "medagents, 10–60 words"
    yield Figure("/route, server, median", _median(whole), n, data, command)
    yield Figure("bare encoder, median, same run", _median(bare), n, data, command)
    yield Figure("/route without its encoder, median", _median(rest), n, data, command)
    yield Figure("/route seen by the client, median", _median(client_side), n, data, command)
    yield Figure("cold start to ready", f"{cold:.1f} s", 1, "medagents", "python -m service --policy …")


def _quality(bench: Bench) -> Iterator[Figure]:
    """Every label set: the frontier report's own figures for the policy and its references."""
    for name in SETS:
        if not (bench.data / f"{name}.parquet").is_file():
            continue
        _fitted(bench, name)
        yield from _reported(bench, name, name)


def _reported(bench: Bench, labels: str, folder: str) -> Iterator[Figure]:
    """The frontier report's figures for a policy that was fitted to a label set."""
    report, path = bench.scratch / "reports" / folder, str(bench.data / f"{labels}.parquet")
    command = f"python -m eval frontier --labels {labels}.parquet"
    bench.run("eval", "frontier", "--policy", str(bench.folder(folder)), "--labels", path, "--out", str(report))
    found = json.loads((report / "frontier.json").read_text())
    for policy in found["policies"]:
        for figure in ("closed", "aiq", "parity", "apgr"):
            measured = policy["figures"].get(figure)
            if measured and measured["value"] is not None:
                value = _with_interval(measured)
                yield Figure(f"{figure} · {policy['label']}", value, found["n"], labels, command)
            ahead = policy["router_minus"].get(figure)
            if ahead and ahead["value"] is not None:
                what = f"{figure} · router minus {policy['label']}, paired"
                yield Figure(what, _with_interval(ahead), found["n"], labels, command)


def _encoder_choice(bench: Bench) -> Iterator[Figure]:
    """What int8 costs in routing and in the cache, beside fp32: about ten minutes on two idle cores."""
    stream = read_stream(bench.data.parent / "cache" / "question_pairs.parquet", "test")
    verifier, command = Verifier.load(Settings().cache_verifier), "python -m eval bench --only encoder-choice"
    backends: tuple[Literal["onnx", "onnx-int8"], ...] = ("onnx", "onnx-int8")
    for backend in backends:
        chosen, folder = copy(bench), f"medagents-{backend}"
        chosen.environment = {**bench.environment, "TIERWISE_ENCODER_BACKEND": backend}
        chosen.fit("medagents", folder, "--no-tracking")
        for figure in _reported(chosen, "medagents", folder):
            yield replace(figure, what=f"{backend}: {figure.what}", command=command)
        encoder = load_encoder(Settings(models_dir=bench.scratch / "models", encoder_backend=backend))

        def embed(texts: Sequence[str], encoder: Encoder = encoder) -> np.ndarray:
            return embed_cached(encoder, texts, bench.scratch / "models" / "embeddings")

        for what, value, n, data in pair_rows("question_pairs", stream, verifier, embed):
            yield Figure(f"{backend}: {what}", value, n, data, command)


def _effort(bench: Bench) -> Iterator[Figure]:
    folder = _fitted(bench, "effort_ladder")
    for row in effort_rows(folder, bench.data / "effort_ladder.parquet"):
        yield Figure(*row, "effort_ladder", "python -m eval bench --only effort")


def _left_out(bench: Bench) -> Iterator[Figure]:
    for name in [one for one in SETS if (bench.data / f"{one}.parquet").is_file()]:
        for row in left_out_rows(_fitted(bench, name)):
            yield Figure(*row, name, "python -m eval bench --only leave-task-out")


def _fitted(bench: Bench, name: str) -> Path:
    """A policy of a label set, trained unless it was before."""
    if not bench.folder(name).exists():
        split = ("--split-by", "task") if name == "self_agreement" else ()
        bench.fit(name, name, "--no-tracking", *split)
    return bench.folder(name)


def _ledger(bench: Bench) -> Iterator[Figure]:
    """Budgets, kills, reports, alerts and prefix caches, on processes and ledgers of their own."""
    for what, value, n, data in ledger_rows(bench.data, bench.data.parent / "traffic", bench.scratch):
        yield Figure(what, value, n, data, "python -m eval bench --only ledger")


def _off_policy(bench: Bench) -> Iterator[Figure]:
    for row in off_policy_rows():
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
    sets = [bench.data / f"{name}.parquet" for name in ("medagents", "open_models")]
    stages = (prepare(one, bench.scratch, fit, encoder, cache) for one in sets)
    months = (row for stage in stages for row in month_rows(stage, encoder, cache))
    for row in chain(error_rows(), months):
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
    for name in ("medagents", "medagents_effort"):
        if not bench.folder(name).exists():
            bench.fit(name, name, "--no-tracking")
    incumbent, candidate = (Policy.load(bench.folder(name)) for name in ("medagents", "medagents_effort"))
    prompts = _short_prompts(bench.data / "medagents.parquet")
    encoder = load_encoder(Settings(models_dir=bench.scratch / "models"))
    for row in shadow_rows(incumbent, candidate, prompts, encoder, bench.scratch):
        yield Figure(*row, command="python -m eval bench --only shadow")


def _drift(bench: Bench) -> Iterator[Figure]:
    """False alarms on quiet days, and how soon planted changes are found."""
    if not bench.folder("medagents").exists():
        bench.fit("medagents", "medagents", "--no-tracking")
    policy, settings = Policy.load(bench.folder("medagents")), Settings()
    trace = bench.data.parent / "traffic" / "servegen_m_small_14d.parquet"
    labels, cache = bench.data / "medagents.parquet", settings.models_dir / "embeddings"
    for what, value, n, data in drift_rows(policy, labels, trace, load_encoder(settings), cache):
        yield Figure(what, value, n, data, "python -m eval bench --only drift")


def _service_load(bench: Bench) -> Iterator[Figure]:
    """What serving costs beside the bare encoder and a bare endpoint, and four processes on PostgreSQL: ten minutes."""
    for name, more in (("medagents", ()), ("medagents-next", ("--value", "0.02"))):
        if not bench.folder(name).exists():
            bench.fit("medagents", name, "--no-tracking", *more)
    prompts = _short_prompts(bench.data / "medagents.parquet")
    load = Load(bench.folder("medagents"), bench.environment, prompts, bench.scratch)
    rows = (load_rows(load, bench.data.parent / "traffic"), process_rows(load, bench.folder("medagents-next")))
    for row in chain(*rows):
        yield Figure(*row, command="python -m eval bench --only service-load")


def _kills(bench: Bench) -> Iterator[Figure]:
    """Under an encoder without weights: what is kept does not depend on it, and a process starts sooner."""
    light = copy(bench)
    light.environment = {**bench.environment, "TIERWISE_ENCODER_BACKEND": "hashing"}
    simulated, folder = str(bench.scratch / "s.parquet"), bench.folder("hashing")
    light.run("training", "simulate", "--queries", "200", "--out", simulated)
    light.run("training", "fit", "--labels", simulated, "--out", str(folder), "--no-tracking")
    environment = light.environment
    for row in (*kill_rows(folder, environment, bench.scratch), *gone_rows(folder, environment, bench.scratch)):
        yield Figure(*row, command="python -m eval bench --only kills")


def _overload(bench: Bench) -> Iterator[Figure]:
    if not bench.folder("medagents").exists():
        bench.fit("medagents", "medagents")
    for row in overload_rows(bench.folder("medagents"), bench.environment, bench.scratch):
        yield Figure(*row, command="python -m eval bench --only overload")


def _embedder() -> Callable[[Sequence[str]], np.ndarray]:
    """Vectors as the user's own cache of embeddings has them: how long they take is another figure."""
    settings = Settings()
    encoder = load_encoder(settings)
    return lambda texts: embed_cached(encoder, texts, settings.models_dir / "embeddings")


def _with_interval(figure: Mapping[str, Any]) -> str:
    low, high = figure.get("low"), figure.get("high")
    inside = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
    return f"{figure['value']:.3f}{inside}"


def _median(milliseconds: list[float]) -> str:
    """The median with the interval of a bootstrap, and the 99th percentile."""
    draws = np.random.default_rng(0).choice(milliseconds, (500, len(milliseconds)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    p99 = np.percentile(milliseconds, 99)
    return f"{statistics.median(milliseconds):.2f} ms [{low:.2f}, {high:.2f}], p99 {p99:.1f} ms"


def _short_prompts(path: Path) -> list[str]:
    texts = pd.read_parquet(path, columns=["prompt"])["prompt"].drop_duplicates().tolist()
    return [text for text in texts if 10 <= len(text.split()) <= 60][:ROUTED]


def _server_timing(header: str) -> dict[str, float]:
    """Milliseconds by name of a Server-Timing header."""
    parts = (one.strip().split(";dur=") for one in header.split(","))
    return {name: float(duration) for name, duration in parts}


@contextmanager
def _served(bench: Bench) -> Iterator[tuple[httpx.Client, float]]:
    """A running service and the seconds from its start until it was ready."""
    command = [sys.executable, "-m", "service", "--policy", str(bench.folder("medagents")), "--port", "0"]
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=bench.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        url = next(word for line in process.stdout for word in line.split() if word.startswith("http://")).rstrip(".,")
        with httpx.Client(base_url=url, timeout=30) as client:
            while client.get("/readyz").status_code != 200:
                time.sleep(0.02)
            yield client, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(15)


def _write(figures: list[Figure], out: Path) -> None:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [f"Commit {commit()}; machine: {machine}; {time.strftime('%Y-%m-%d')}.", ""]
    lines += ["| figure | value | n | data | command |", "|---|---|---|---|---|"]
    lines += [f"| {f.what} | {f.value} | {f.n:,} | {f.data} | `{f.command}` |" for f in figures]
    (out / "bench.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (out / "bench.json").write_text(json.dumps([asdict(figure) for figure in figures], indent=1), encoding="utf-8")
