"""Figures of the commands themselves: encoders, training, deciding, serving, and quality on held-out queries."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from typing import Any, Literal

import httpx
import numpy as np
import pandas as pd

from eval.bench_cache import pair_rows
from eval.bench_runner import SETS, Bench, Figure, short_prompts
from eval.cache_replay import read_stream
from router.cache.verifier import Verifier
from router.embedding_cache import embed_cached
from router.encoders import Encoder, load_encoder
from router.labels import read_labels
from router.settings import Settings


def encoders(bench: Bench) -> Iterator[Figure]:
    """Each backend against sentence-transformers on the same prompts: likeness of vectors, and time in turn."""
    prompts = short_prompts(bench.data / "medagents.parquet")
    backends: tuple[Literal["torch", "onnx", "onnx-int8", "static"], ...] = ("torch", "onnx", "onnx-int8", "static")
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
        value = _likeness(vectors[name], vectors["torch"], name) + _median(times[name])
        yield Figure(f"encoder {name}, one prompt", value, len(prompts), data, command)


def _likeness(vectors: list[np.ndarray], torch: list[np.ndarray], name: str) -> str:
    """How near an encoder's vectors are to torch's; nothing for torch itself and for vectors of another space."""
    if name in ("torch", "static"):
        return ""
    cosine = (np.stack(vectors) * np.stack(torch)).sum(axis=1)
    return f"cosine to torch mean {cosine.mean():.5f}, least {cosine.min():.5f}; "


def training(bench: Bench) -> Iterator[Figure]:
    labels, command = "medagents", "python -m training fit --labels medagents.parquet"
    # the encoder's export is built once per machine and is no part of a training
    bench.run("training", "simulate", "--queries", "20", "--out", str(bench.scratch / "w.parquet"))
    bench.run("training", "fit", "--labels", str(bench.scratch / "w.parquet"), "--out", str(bench.folder("warm")))
    first, second = bench.fit(labels, "medagents"), bench.fit(labels, "medagents")
    n = len(read_labels(bench.data / f"{labels}.parquet").part("train").query_ids)
    yield Figure("training, first time", f"{first.seconds:.0f} s, {first.peak_mb:,.0f} MB", n, labels, command)
    yield Figure("training again, embeddings cached", f"{second.seconds:.0f} s", n, labels, command)


def deciding(bench: Bench) -> Iterator[Figure]:
    """1,000 queries that no cache has seen: their words are changed a little."""
    bench.fitted("medagents")
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


def routing(bench: Bench) -> Iterator[Figure]:
    """`/route` beside the bare encoder: the same prompts, one client, in turn, in one run."""
    bench.fitted("medagents")
    prompts = short_prompts(bench.data / "medagents.parquet")
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


def quality(bench: Bench) -> Iterator[Figure]:
    """Every label set: the frontier report's own figures for the policy and its references."""
    for name in SETS:
        if not (bench.data / f"{name}.parquet").is_file():
            continue
        bench.fitted(name)
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


def encoder_choice(bench: Bench) -> Iterator[Figure]:
    """What int8 and static word vectors cost in routing and in the cache, beside fp32: about twelve minutes on two
    idle cores."""
    stream = read_stream(bench.data.parent / "cache" / "question_pairs.parquet", "test")
    verifier, command = Verifier.load(Settings().cache_verifier), "python -m eval bench --only encoder-choice"
    backends: tuple[Literal["onnx", "onnx-int8", "static"], ...] = ("onnx", "onnx-int8", "static")
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
