"""A stream of numbers holds every query once, and tells the kept ones from the others."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from router.encoders import HashingEncoder
from router.labels import LabelMatrix
from router.policy import text_digest
from router.routes import Route
from training.label_stream import LabelStream, write_stream
from training.representation import fit_representation
from training.sorted_labels import SortedLabels, sort_labels
from training.stream_members import stream_members

ROUTES = (Route("a", "default"), Route("b", "default"), Route("c", "default"))


def embed(data: LabelMatrix) -> np.ndarray:
    return HashingEncoder().encode(data.texts)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SortedLabels]:
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("large")
    rows = [
        {
            "query_id": f"q{i}",
            "task": ("sum", "tale")[i % 2],
            "prompt": f"{('Add', 'Tell of')[i % 2]} {i}",
            "model": model,
        }
        for i in range(90)
        for model in "abd"
    ]
    table = pd.DataFrame(rows).assign(
        correct=(rng.random(270) < 0.6).astype(float), output_tokens=rng.integers(5, 90, 270)
    )
    table.to_parquet(folder / "l.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.sorted_labels.PART_ROWS", 70)
        with sort_labels(folder / "l.parquet", 80, 0, "query", folder / "p") as found:
            yield found


def streamed(large: SortedLabels, folder: Path) -> LabelStream:
    large = replace(large, folder=folder)
    representation = fit_representation(large.kept.texts, embed(large.kept), 0)
    return write_stream(large, ROUTES, representation, embed, folder / "digests", lambda share: None)


def test_every_query_comes_once_with_the_routes_asked_for(large: SortedLabels, tmp_path: Path) -> None:
    stream = streamed(large, tmp_path)
    batches = list(stream.batches())
    assert len(batches) == 4 and sorted(q for one in batches for q in one.ids) == sorted(f"q{i}" for i in range(90))
    assert (stream.queries, stream.labels, stream.tasks) == (90, 180, ("sum", "tale"))
    assert list(stream.counts) == [90, 90, 0] and stream.right.sum() == sum(np.nansum(one.correct) for one in batches)
    kept = {query for one in batches for query, there in zip(one.ids, one.judged) if there >= 0}
    assert kept == set(large.kept.query_ids)
    assert large.folds == len(stream.outside) == 2
    outside = list(stream.batches(without=1))
    assert stream.cells(1) == sum(2 * len(one.ids) for one in outside)
    assert {query for one in batches for query in one.ids} - {query for one in outside for query in one.ids} < kept
    assert set((tmp_path / "digests").read_text().split()) >= {text_digest("Add 0"), text_digest("Tell of 1")}


def test_what_judges_did_not_teach_and_all_others_did(large: SortedLabels, tmp_path: Path) -> None:
    stream = streamed(large, tmp_path)
    judges = stream_members(stream, ROUTES, None, 0, without=0).members
    every = stream_members(stream, ROUTES, None, 0).members
    outside = np.concatenate([one.correct for one in stream.batches(without=0)])
    left_out = {query for one in stream.batches() for query, fold in zip(one.ids, one.judged) if fold == 0}
    assert left_out and left_out.isdisjoint(judges.neighbours.names) and len(every.neighbours.names) == 90
    shrunk = (np.nansum(outside, axis=0) + 4 * (np.nansum(outside) + 0.5) / (stream.cells(0) + 1)) / (len(outside) + 4)
    assert judges.base[:2] == pytest.approx(shrunk[:2], abs=1e-9) and not np.allclose(judges.base, every.base)
