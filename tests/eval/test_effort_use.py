"""Effort is counted by task over the middle of the sweep, the task hidden from the policy."""

import math

import numpy as np
import pandas as pd

from eval.effort_use import effort_use
from router.catalog import build_specs
from router.encoders import HashingEncoder
from router.estimate.estimators import Estimates
from router.labels import read_labels
from router.policy import Policy, Sweep
from router.routes import Route

ROUTES = (Route("gpt-5", "high"), Route("gpt-5", "none"))


class NeedsEffort:
    """Long prompts need effort; short ones are right without."""

    routes = ROUTES

    def predict(self, texts, vectors, tasks, context_chars):
        assert set(tasks) == {None}
        long = np.array([len(text) > 20 for text in texts])[:, None]
        p = np.where(long, [[0.9, 0.2]], [[0.9, 0.9]])
        made = np.tile([2000.0, 100.0], (len(texts), 1))
        return Estimates(p, p, p, made, made, made, made * 0, np.zeros(len(texts)), tuple(tasks))


def test_effort_goes_where_it_is_worth_it(tmp_path) -> None:
    prompts = {f"q{i}": ("proof", "Prove that this is so: " + str(i)) for i in range(6)}
    prompts |= {f"r{i}": ("fact", f"Name {i}") for i in range(4)}
    rows = [
        {"query_id": q, "task": task, "prompt": prompt, "model": r.model, "effort": r.effort, "correct": 1}
        for q, (task, prompt) in prompts.items()
        for r in ROUTES
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "labels.parquet")
    values = np.r_[0.0, np.geomspace(0.001, 100, 60), math.inf]
    sweep = Sweep(values, *2 * [np.linspace(0.001, 0.02, 62), np.linspace(0.2, 0.9, 62)])
    encoder = HashingEncoder()
    manifest = {"version": "v", "operating_point": {"value_usd": 0.1}, "encoder": encoder.identity.as_dict()}
    policy = Policy(NeedsEffort(), build_specs(ROUTES), sweep, manifest)
    proof, fact = effort_use(policy, encoder, read_labels(tmp_path / "labels.parquet"), tmp_path / "cache")
    assert (proof.task, proof.queries, fact.task, fact.queries) == ("proof", 6, "fact", 4)
    assert proof.mean_rank > 3 > 1 > fact.mean_rank == 0
    assert proof.low <= proof.mean_rank <= proof.high
